"""Slows a pipe down to a line: it stands between the pipe and what serves it, and delivers each byte when it is due.

Dues are reckoned from each other and not from when a timer came, so that a busy machine makes bytes late and a line no
slower.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from firmware_sim.device.pipe import LinkUser, Pipe
from firmware_sim.faults.speed import Speed

SLICE_S: Final = 0.005
"""A line delivers what came in this time at once: often enough that a link sees a stream."""
AHEAD_S: Final = 0.05
"""What a device may write ahead of the line, as a driver buffers: the line is not idle while the device is busy."""
AHEAD_MIN: Final = 4_096
"""… and at least what a UART driver holds."""
HOST_AHEAD_MAX: Final = 16_777_216
"""Bytes of a host that are on their way: more than the windows of all channels. Who sends more has no window, and the
line, which has no flow control of its own, loses it."""
ROUNDING_S: Final = 1e-9


class _Medium:
    """What bytes travel on: both ways of a line, or one."""

    def __init__(self) -> None:
        self.free_at = 0.0
        """When the last byte that was sent has left it, in seconds of the loop."""


class _Way:
    """One direction."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        speed: Speed,
        medium: _Medium,
        deliver: Callable[[bytes], None],
        delivered: Callable[[], None] = lambda: None,
    ) -> None:
        self.queued = 0
        """Bytes on their way."""
        self._loop = loop
        self._speed = speed
        self._medium = medium
        self._deliver = deliver
        self._delivered = delivered
        self._slice = max(1, int(speed.rate * SLICE_S))
        self._coming: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def push(self, data: bytes) -> None:
        """Sends bytes."""
        for at in range(0, len(data), self._slice):
            piece = data[at : at + self._slice]
            free_at = max(self._medium.free_at, self._loop.time()) + len(piece) / self._speed.rate
            self._medium.free_at = free_at
            self._coming.append((free_at + self._speed.latency_s, piece))
            self.queued += len(piece)
        self._arm()

    def clear(self) -> None:
        """Loses what is on its way."""
        self._coming.clear()
        self.queued = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def flush(self) -> None:
        """Delivers at once what is on its way."""
        coming = b"".join(piece for _, piece in self._coming)
        self.clear()
        if coming:
            self._deliver(coming)

    def _arm(self) -> None:
        if self._timer is None and self._coming:
            self._timer = self._loop.call_at(self._coming[0][0], self._run)

    def _run(self) -> None:
        self._timer = None
        now, due = self._loop.time() + ROUNDING_S, []
        while self._coming and self._coming[0][0] <= now:
            due.append(self._coming.popleft()[1])
        data = b"".join(due)
        self.queued -= len(data)
        if data:
            self._deliver(data)
            self._delivered()
        self._arm()


class ThrottledPipe:
    """The pipe for what serves it, and `user`, set once it is made, for the pipe."""

    def __init__(self, pipe: Pipe, speed: Speed) -> None:
        self.user: LinkUser | None = None
        self.max_payload = min(pipe.max_payload, speed.max_payload or pipe.max_payload)
        self._pipe = pipe
        self._ahead = max(AHEAD_MIN, int(speed.rate * AHEAD_S))
        loop, medium = asyncio.get_running_loop(), _Medium()
        self._to_host = _Way(loop, speed, medium, self._at_host, self.writable)
        self._to_device = _Way(loop, speed, medium if speed.shared else _Medium(), self._at_device)

    # For what serves it

    def room(self) -> int:
        return max(0, min(self._ahead, self._pipe.room()) - self._to_host.queued)

    def write(self, parts: list[bytes]) -> None:
        self._to_host.push(b"".join(parts))

    def restarted(self) -> None:
        self._to_host.flush()
        self._to_device.clear()
        self._pipe.restarted()

    def pull(self) -> None:
        self._clear()
        self._pipe.pull()

    # For the pipe

    @property
    def live(self) -> bool:
        return self.user is not None and self.user.live

    def received(self, data: bytes | memoryview) -> None:
        if self._to_device.queued + len(data) <= HOST_AHEAD_MAX:
            self._to_device.push(bytes(data))

    def writable(self) -> None:
        if self.user is not None and self.room() > 0:
            self.user.writable()

    def host_left(self) -> None:
        self._clear()
        if self.user is not None:
            self.user.host_left()

    def lost(self) -> None:
        self._clear()
        if self.user is not None:
            self.user.lost()

    def _clear(self) -> None:
        self._to_host.clear()
        self._to_device.clear()

    def _at_host(self, data: bytes) -> None:
        self._pipe.write([data])

    def _at_device(self, data: bytes) -> None:
        if self.user is not None:
            self.user.received(data)

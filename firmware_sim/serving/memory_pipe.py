"""A byte pipe inside this process: the device's end is a `Pipe`, the host's end a few methods."""

import asyncio
from typing import Protocol

from firmware_sim.device.pipe import PipeUser
from firmware_sim.serving.lane import Lane


class HostEnd(Protocol):
    """The host's receiver, as far as a transport calls it."""

    def received(self, data: bytes | memoryview) -> None: ...

    def lost(self, error: Exception) -> None: ...

    def writable(self) -> None: ...


class MemoryPipe:
    """The device's end, and the two directions. `receiver` is the host; `user`, set once it is made, the device.

    `rate` in bytes/s slows it down to a line, `piece` delivers at most so many bytes at once. The line carries
    nothing to the device before `free_at`.
    """

    def __init__(
        self,
        receiver: HostEnd,
        max_payload: int,
        rate: float | None = None,
        piece: int | None = None,
        free_at: float = 0.0,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.max_payload = max_payload
        self.user: PipeUser | None = None
        self._receiver: HostEnd | None = receiver
        self._loop = loop
        self.to_host = Lane(loop, self._at_host, self._device_writable, rate=rate, piece=piece)
        self.to_device = Lane(
            loop, self._at_device, self._host_writable, rate=rate, piece=piece, free_at=free_at
        )

    # For the port

    def room(self) -> int:
        return self.to_host.room()

    def write(self, parts: list[bytes]) -> None:
        self.to_host.push(parts)

    def restarted(self) -> None:
        """As a USB device that vanishes from the bus: what it sent last still arrives."""
        self.to_device.break_off()
        self.to_host.end(lambda: self._tell_host("the device vanished"))
        self._lose()

    def pull(self) -> None:
        self.to_device.break_off()
        self.to_host.break_off()
        self._loop.call_soon(self._tell_host, "the cable was pulled")
        self._lose()

    # For the host

    def leave(self) -> None:
        """The host closes: what it sent arrives, what comes is nobody's."""
        self._receiver = None
        self.to_host.break_off()
        self.to_device.end(self._lose)

    def _lose(self) -> None:
        user, self.user = self.user, None
        if user is not None:
            user.lost()

    def _tell_host(self, why: str) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(ConnectionResetError(why))

    # Between the directions and the ends

    def _at_host(self, data: bytes) -> None:
        if self._receiver is not None and data:
            self._receiver.received(data)

    def _at_device(self, data: bytes) -> None:
        if self.user is not None and data:
            self.user.received(data)

    def _device_writable(self) -> None:
        if self.user is not None:
            self.user.writable()

    def _host_writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()

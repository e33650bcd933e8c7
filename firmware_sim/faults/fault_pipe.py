"""Plays a fault plan on a pipe: it stands between the pipe and the port that serves it."""

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from firmware_sim.device.pipe import LinkUser, Pipe
from firmware_sim.faults.frame_units import FrameUnits
from firmware_sim.faults.plan import LOSSY_PAYLOAD, Affliction, FaultCount, Strike, Trigger, Way
from firmware_sim.flash.flash import Unsynced

HELD_MAX_S: Final = 0.05
"""How long a frame that is to come later waits for the one behind it; the last one has none."""
QUEUE_MAX: Final = 2_097_152
"""Bytes on their way through one direction: a delayed line holds no more than a window of the link."""


class Afflicted(Protocol):
    """The device behind the pipe, as far as a plan strikes it."""

    def crash(self, unsynced: Unsynced = Unsynced.TORN) -> None:
        """Resets at once; `unsynced` is what its flash has of what was not synced."""

    def lose_recording(self) -> None:
        """A recording disappears."""


class FaultyPipe:
    """The pipe for its port, and the port for its pipe. `user` is the port, set once it is made."""

    def __init__(self, device: Afflicted, pipe: Pipe, count: FaultCount) -> None:
        self.user: LinkUser | None = None
        self.max_payload = min(pipe.max_payload, LOSSY_PAYLOAD) if count.plan.lossy else pipe.max_payload
        self._device = device
        self._pipe = pipe
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._stalled_until = -math.inf
        self._over = False
        count.pipes.append(self)
        rng = count.rng()
        self._lanes = {way: _Lane(self, way, count, rng, self._loop) for way in Way}
        self._deliver: dict[Way, Callable[[bytes], None]] = {Way.RX: self._to_host, Way.TX: self._to_device}

    # For the port

    def room(self) -> int:
        return max(0, min(self._pipe.room(), QUEUE_MAX - self._lanes[Way.RX].queued))

    def write(self, parts: list[bytes]) -> None:
        self._lanes[Way.RX].offer(b"".join(parts))

    def restarted(self) -> None:
        self._flush()
        self._pipe.restarted()

    def pull(self) -> None:
        self._end()
        self._pipe.pull()

    # For the pipe

    @property
    def live(self) -> bool:
        return self.user is not None and self.user.live

    def received(self, data: bytes | memoryview) -> None:
        self._lanes[Way.TX].offer(data)

    def writable(self) -> None:
        if self.user is not None and not self._over:
            self.user.writable()

    def host_left(self) -> None:
        self._stalled_until = -math.inf
        for lane in self._lanes.values():
            lane.stop()
        if self.user is not None:
            self.user.host_left()

    def lost(self) -> None:
        self._end()
        if self.user is not None:
            self.user.lost()

    # Passing

    def pass_on(self, way: Way, data: bytes) -> bool:
        """Lets bytes through up to the next strike; returns whether the pipe is still there."""
        while data and not self._over:
            room = self._count.until_strike()
            if self.stalled:
                return True  # swallowed
            take = len(data) if room is None else min(len(data), room)
            if take:
                self._count.passed += take
                self._deliver[way](data[:take])
            data = data[take:]
            for trigger in self._count.strikes():
                self.strike(trigger)
        return not self._over

    @property
    def stalled(self) -> bool:
        """Whether nothing passes, for good: what comes is lost."""
        return self._stalled_until == math.inf

    @property
    def held_until(self) -> float:
        """Until when a stall that ends holds back what comes."""
        return self._stalled_until

    def _to_host(self, data: bytes) -> None:
        self._pipe.write([data])

    def _to_device(self, data: bytes) -> None:
        if self.user is not None:
            self.user.received(data)

    def strike(self, trigger: Trigger) -> None:
        """Now it strikes here."""
        match trigger.strike:
            case Strike.CUT:
                self.pull()
                if self.user is not None:
                    self.user.lost()
            case Strike.STALL:
                lasts = math.inf if trigger.seconds is None else trigger.seconds
                self._stalled_until = self._loop.time() + lasts
            case Strike.REBOOT | Strike.POWER:
                # Not from inside the port's own call: a reset does not wait for it to return.
                self._loop.call_soon(self._device.crash, trigger.unsynced or Unsynced.TORN)
            case Strike.VANISH:
                self._device.lose_recording()
            case Strike.FAIL:
                pass  # the flash's business, at an operation

    def _flush(self) -> None:
        for lane in self._lanes.values():
            lane.flush()

    def _end(self) -> None:
        self._over = True
        if self in self._count.pipes:
            self._count.pipes.remove(self)
        for lane in self._lanes.values():
            lane.stop()


class _Lane:
    """One direction."""

    def __init__(
        self,
        pipe: FaultyPipe,
        way: Way,
        count: FaultCount,
        rng: random.Random,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.queued = 0
        self._pipe = pipe
        self._way = way
        self._rng = rng
        self._loop = loop
        self._strength = {kind: count.plan.strength(kind, way) for kind in Affliction}
        self._units = FrameUnits()
        self._queue: deque[tuple[float, bytes]] = deque()
        self._last_due = 0.0
        self._late: bytes | None = None  # waits for the frame behind it
        self._late_timer: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, data: bytes | memoryview) -> None:
        for unit in self._units.feed(data):
            if self._happens(Affliction.DROP):
                continue
            damaged = self._flip(unit)
            if self._late is None and self._happens(Affliction.REORDER):
                self._late = damaged
                self._late_timer = self._loop.call_later(HELD_MAX_S, self._release_late)
                continue
            self._enqueue(damaged)
            if self._happens(Affliction.DUPLICATE):
                self._enqueue(damaged)
            self._release_late()
        self._run()

    def flush(self) -> None:
        """Passes on at once what waits."""
        self._release_late()
        while self._queue and self._pipe.pass_on(self._way, self._queue.popleft()[1]):
            pass
        self._queue.clear()
        self.queued = 0

    def stop(self) -> None:
        """Drops what waits."""
        self._units = FrameUnits()
        self._queue.clear()
        self.queued = 0
        for timer in (self._timer, self._late_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._late_timer = self._late = None

    def _happens(self, kind: Affliction) -> bool:
        probability = self._strength[kind]
        return probability > 0 and self._rng.random() < probability

    def _flip(self, unit: bytes) -> bytes:
        probability = self._strength[Affliction.FLIP]
        if probability <= 0:
            return unit
        damaged = bytearray(unit)
        bit = self._gap(probability)
        while bit < len(damaged) * 8:
            damaged[bit // 8] ^= 1 << bit % 8
            bit += 1 + self._gap(probability)
        return bytes(damaged)

    def _gap(self, probability: float) -> int:
        """Bits that stay whole before the next that does not: drawn at once, since most of them do."""
        if probability >= 1:
            return 0
        return int(math.log(1.0 - self._rng.random()) / math.log1p(-probability))

    def _release_late(self) -> None:
        late, self._late = self._late, None
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None
        if late is not None:
            self._enqueue(late)
            self._run()

    def _enqueue(self, unit: bytes) -> None:
        jitter = self._strength[Affliction.JITTER] * self._rng.random()
        due = self._loop.time() + self._strength[Affliction.DELAY] + jitter
        self._last_due = max(self._last_due, due)
        self._queue.append((self._last_due, unit))
        self.queued += len(unit)

    def _run(self) -> None:
        """Passes on what is due, and sets the timer for the rest."""
        was_full = self.queued >= QUEUE_MAX
        while self._queue:
            due, unit = self._queue[0]
            if not self._pipe.stalled:
                due = max(due, self._pipe.held_until)
            if due > self._loop.time():
                if self._timer is None:
                    self._timer = self._loop.call_at(due, self._wake)
                break
            self._queue.popleft()
            self.queued -= len(unit)
            if not self._pipe.pass_on(self._way, unit):
                return
        if was_full and self.queued < QUEUE_MAX and self._way is Way.RX:
            self._pipe.writable()

    def _wake(self) -> None:
        self._timer = None
        self._run()

"""The station's end of a bay's data lines: the host of one camera's link, without reading a byte (spec: Station)."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from bwc_protocol.endpoint import COARSE_S
from bwc_protocol.link import Link, LinkDown, LinkParams, LinkRole, LinkUp, ResetReason
from firmware_sim.faults.plan import FaultCount
from firmware_sim.serving.attach import attach
from firmware_sim.serving.memory_pipe import MemoryPipe
from firmware_sim.station.bay import SimBay

log = logging.getLogger(__name__)

MAX_PAYLOAD: Final = 61_440
WINDOW_BYTES: Final = 524_288
"""What a station buffers for each bay, as it does for each channel of its uplink: 64 bays stay under 64 MiB."""
BURST: Final = 262_144
"""Bytes handed to the camera at once."""
AGAIN_S: Final = 1.0
"""Pause before a camera that does not answer, or that another host has, is called again."""


class BayPort:
    """One plugging of a camera into the data lines of a bay. Belongs to the loop that it is made on."""

    def __init__(self, bay: SimBay, faults: FaultCount | None = None) -> None:
        assert bay.camera is not None
        self._bay = bay
        self._loop = asyncio.get_running_loop()
        params = LinkParams(max_payload=MAX_PAYLOAD, channel_budget=WINDOW_BYTES)
        self.link = Link(LinkRole.HOST, params, nonce=self._nonce)
        self._pipe = MemoryPipe(self, MAX_PAYLOAD, bay.rate)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._again: asyncio.TimerHandle | None = None
        self._pumping = False
        self._over = False
        self._pipe.user = attach(bay.camera, self._pipe, f"bay {bay.number}", faults)
        self._call()

    def _nonce(self) -> int:
        return self._bay.station.entropy.getrandbits(32)

    def _call(self) -> None:
        self._again = None
        self.link.open(self._loop.time())
        self.pump()

    # The host's end of the pipe

    def received(self, data: bytes | memoryview) -> None:
        now = self._loop.time()
        for _ in self.link.receiving(data, now):
            self._dispatch(now)
        self._bay.station.relay.flow(self._bay.number, now)
        self.pump()
        self._bay.station.stir()

    def writable(self) -> None:
        self.pump()

    def lost(self, error: Exception) -> None:
        """The camera's end is gone: it resets itself, or a fault plan pulled it."""
        if not self._over:
            log.debug("bay %d: %s", self._bay.number, error)
            now = self._loop.time()
            self.link.pipe_lost(now)
            self._dispatch(now)
            self._end()
            self._bay.unplugged()
            self._bay.station.stir()

    def pull(self, reason: ResetReason, *, orderly: bool = False) -> None:
        """Takes the camera off: what a host has open on it ends with `reason`."""
        if self._over:
            return
        now = self._loop.time()
        if orderly:
            self.link.close(now)
            self._write(now)
            self._pipe.leave()
        else:
            self._pipe.pull()
        self._end()
        self._bay.station.relay.leave(self._bay.number, reason, now)
        self._bay.station.stir()

    @property
    def deserted(self) -> bool:
        """Whether the loop that it belongs to is closed."""
        return self._loop.is_closed()

    def _end(self) -> None:
        self._over = True
        for timer in (self._timer, self._again):
            if timer is not None:
                timer.cancel()
        self._timer = self._again = None

    # The pump

    def pump(self) -> None:
        """Sends what there is to send, as far as the pipe takes it."""
        if self._pumping or self._over:
            return
        self._pumping = True
        try:
            self._write(self._loop.time())
        finally:
            self._pumping = False
        self._arm()

    def _write(self, now: float) -> None:
        while (room := min(self._pipe.to_device.room(), BURST)) > 0:
            parts = self.link.outgoing(now, room)
            if parts:
                self._pipe.to_device.push(parts)
            if sum(map(len, parts)) < room:
                return

    def _arm(self) -> None:
        if self._timer is not None and self._timer_at <= self._loop.time() + COARSE_S:
            return
        deadline = self.link.deadline()
        if self._timer is not None:
            if deadline is not None and self._timer_at <= deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        self.link.tick(now)
        self._dispatch(now)
        self.pump()
        self._bay.station.stir()

    def _dispatch(self, now: float) -> None:
        for event in self.link.events():
            self._bay.station.relay.bay_event(self._bay.number, self.link, event, now)
            match event:
                case LinkUp():
                    self._bay.linked()
                case LinkDown(reason=reason, retry_after_ms=retry_after_ms):
                    self._bay.unlinked(reason, retry_after_ms or 0)
                    if not self._over and self._again is None:
                        pause_s = max(AGAIN_S, (retry_after_ms or 0) / 1000)
                        self._again = self._loop.call_later(pause_s, self._call)
                case _:
                    pass  # the relay's business

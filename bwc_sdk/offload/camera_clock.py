"""Measures the clock of a camera at the beginning of each connection, for the custody records (spec: Clock).

Nothing is set, and nothing waits for it for long: a recording is stored all the same, and its record says why there is
no measurement.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import ClockReading
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.errors import BwcError, ClockUnsteady, CommandError, ProtocolViolation
from bwc_sdk.evidence.camera_clock import CameraClock, NotMeasured
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import World

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

log = logging.getLogger(__name__)

ROUNDS: Final = 4
"""The best of so many is within a millisecond on a cable; on a radio each takes a tenth of a second."""
LIMIT_S: Final = 3.0
"""A link that takes longer for a handful of small answers carries no time worth writing down."""
LOOKS: Final = 2
"""A clock that somebody sets just then is measured once more."""


class SessionClock:
    """The clock of an offload's camera, as it was measured last."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.found: CameraClock | NotMeasured = NotMeasured.NO_ANSWER

    async def measure(self, camera: Camera) -> None:
        """Measures it anew. Raises nothing but what cancels: without a measurement an offload goes on."""
        try:
            async with asyncio.timeout(LIMIT_S):
                measured, reading = await self._both(camera)
        except (BwcError, TimeoutError) as error:
            why = _why(error)
            log.info("the clock of %s is not measured (%s): %s", camera.name, why, error)
            # Else what an earlier connection measured stands: it is better than nothing.
            if isinstance(self.found, NotMeasured):
                self.found = why
            return
        self.found = _record(measured, reading, camera.host_name, await self._host_time())

    async def _both(self, camera: Camera) -> tuple[Measurement, ClockReading]:
        """The measurement, and what the camera says of the same revision of its clock."""
        for _ in range(LOOKS):
            measured = await camera.clock.measure(ROUNDS)
            reading = await camera.clock.read()
            if reading.revision == measured.revision:
                return measured, reading
        raise ClockUnsteady("the camera's clock is set again and again", device=camera.name)

    async def _host_time(self) -> HostTime:
        return await self._world.workers.wait(self._world.host_time)


def _record(measured: Measurement, reading: ClockReading, host: str, known: HostTime) -> CameraClock:
    return CameraClock(
        offset_ns=measured.offset_ns,
        uncertainty_ns=measured.uncertainty_ns,
        revision=measured.revision,
        state=reading.state,
        stated_uncertainty_ns=None if reading.state is ClockState.UNSET else reading.uncertainty_ns,
        measured_utc_ns=measured.stamp.utc_ns,
        measured_by=host,
        host_time=known,
    )


def _why(error: Exception) -> NotMeasured:
    match error:
        case CommandError(code=ErrorCode.UNSUPPORTED):
            return NotMeasured.UNSUPPORTED
        case CommandError():
            return NotMeasured.REFUSED
        case ClockUnsteady() | ProtocolViolation():
            return NotMeasured.UNSTEADY
        case _:
            return NotMeasured.NO_ANSWER

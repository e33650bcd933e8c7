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
    from bwc_protocol.evidence import Manifest
    from bwc_sdk.clients.camera import Camera

log = logging.getLogger(__name__)

ROUNDS: Final = 4
"""The best of so many is within a millisecond on a cable; on a radio each takes a tenth of a second."""
LIMIT_S: Final = 3.0
"""A link that takes longer for a handful of small answers carries no time worth writing down."""
KEPT_MAX: Final = 16
"""Revisions of which a measurement is kept, the newest: nobody sets a clock as often during one offload."""
LOOKS: Final = 2
"""A clock that somebody sets just then is measured once more."""


class SessionClock:
    """The clock of an offload's camera, as it was measured in its connections."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._measured: dict[int, CameraClock] = {}
        self._why = NotMeasured.NO_ANSWER

    def of(self, manifest: Manifest) -> CameraClock | NotMeasured:
        """What was measured of the clock that a recording was made by: somebody may have set it since, and the
        connection been lost. Else what was measured last, or why nothing was."""
        last = next(reversed(self._measured.values()), None)
        return self._measured.get(manifest.clock_revision) or last or self._why

    async def measure(self, camera: Camera) -> None:
        """Measures it anew. Raises nothing but what cancels: without a measurement an offload goes on."""
        try:
            async with asyncio.timeout(LIMIT_S):
                measured, reading = await self._both(camera)
        except (BwcError, TimeoutError) as error:
            self._why = _why(error)
            log.info("the clock of %s is not measured (%s): %s", camera.name, self._why, error)
            return
        self._measured.pop(measured.revision, None)
        if len(self._measured) == KEPT_MAX:
            del self._measured[next(iter(self._measured))]
        self._measured[measured.revision] = _record(
            measured, reading, camera.host_name, await self._host_time()
        )

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

"""What a shift leaves to be served: one camera, or a docking station with those that were docked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bwc_protocol.messages.station import BAYS_MAX
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.trust.kept import Agency
from firmware_sim.serving.bay_port import BayPort
from firmware_sim.shift.playing import SEGMENT_MIB, Played, play
from firmware_sim.shift.script import Shift, ShiftError
from firmware_sim.station.station import SimStation


@dataclass(frozen=True, slots=True)
class Left:
    """Where the cameras are after a shift."""

    device: SimCamera | SimStation
    away: tuple[SimCamera, ...]
    """Those that nobody docked, of a station."""
    played: Played

    def told(self) -> list[str]:
        """What somebody should know of it, a line each: what had no effect, and what is where."""
        lines = [f"no effect: {one}" for one in self.played.refused]
        cameras = self.played.cameras
        made = sum(camera.recording_count for camera in cameras)
        off = [camera.serial for camera in cameras if not camera.running]
        away = [camera.serial for camera in cameras if not camera.docked]
        end = f"; off: {', '.join(off)}" if off else ""
        end += f"; not docked: {', '.join(away)}" if away else ""
        return [*lines, f"the shift is over: cameras: {len(cameras)}, recordings: {made}{end}"]


def left_by(
    shift: Shift,
    *,
    bays: int | None = None,
    seed: int = 0,
    mib: int | None = None,
    state: Path | None = None,
    agency: Agency | None = None,
    sealed: bool = True,
) -> Left:
    """Plays a shift that is over now. One wearer without `bays` leaves a camera, anybody else a station with a bay for
    each, at least.

    Raises what `play` raises, and `ShiftError` for more wearers than bays.
    """
    wanted = len(shift.wearers)
    alone = wanted == 1 and bays is None
    if not alone and wanted > (bays or BAYS_MAX):
        raise ShiftError(f"there are {wanted} wearers, and {bays or BAYS_MAX} bays at most")
    station: SimStation | None = None
    if not alone:
        station = SimStation(bays or wanted, BayPort, seed=seed, state=state, agency=agency)

    def where(number: int) -> Path | None:
        return state if alone or state is None else state / f"bay-{number:02d}"

    try:
        played = play(
            shift,
            seed=seed,
            mib=SEGMENT_MIB if mib is None else mib,
            agency=agency,
            sealed=sealed,
            state=where,
        )
    except BaseException:
        if station is not None:
            station.close()
        raise
    if station is None:
        return Left(played.cameras[0], (), played)
    for bay, camera in enumerate(played.cameras, start=1):
        if camera.docked:
            station.dock(bay, camera)
    return Left(station, tuple(camera for camera in played.cameras if not camera.docked), played)

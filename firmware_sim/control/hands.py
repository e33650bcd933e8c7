"""The hands at a docking station: they take cameras out of bays, hold them meanwhile, and put them back."""

from collections.abc import Iterable, Iterator
from typing import Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.station.station import SimStation

NAMED_MAX: Final = 8
"""Cameras that a refusal names: a line, not a page."""


class Hands:
    """Whoever moves cameras at `station`: officers by a script, testers by hand. All share one of these, so that
    nobody's camera is lost. `away` are cameras that stand in no bay at the start."""

    def __init__(self, station: SimStation, away: Iterable[SimCamera] = ()) -> None:
        self.station = station
        self._taken: dict[SimCamera, int] = dict.fromkeys(away, 0)
        """In the order in which they were taken, with the bay that it was out of; 0: none."""

    def __iter__(self) -> Iterator[SimCamera]:
        """The cameras that are away, the one that was taken last at the end."""
        return iter(self._taken)

    def take(self, bay: int) -> SimCamera:
        """Takes the camera out of a bay. Raises `ValueError` for an empty bay, or one that does not exist."""
        camera = self.station.undock(bay)
        self._taken[camera] = bay
        return camera

    def put(self, bay: int, camera: SimCamera | None = None) -> SimCamera:
        """Puts a camera that is away into a bay; without `camera` the one that was taken out of that bay last.

        Raises `ValueError` where there is none, and what `SimStation.dock` raises.
        """
        moved = camera if camera is not None else self._last_out_of(bay)
        self.station.dock(bay, moved)
        self._taken.pop(moved, None)
        return moved

    def close(self) -> None:
        """Ends the simulation of the cameras that are away."""
        for camera in self._taken:
            camera.close()

    def _last_out_of(self, bay: int) -> SimCamera:
        at = self.station.bays.get(bay)
        if at is not None and at.camera is not None:
            raise ValueError(f"bay {bay} is occupied")
        for camera, taken_out_of in reversed(self._taken.items()):
            if taken_out_of == bay:
                return camera
        raise ValueError(f"no camera that is away was taken out of bay {bay}; away: {self._names()}")

    def _names(self) -> str:
        names = [camera.serial for camera in self]
        more = ["…"] if len(names) > NAMED_MAX else []
        return ", ".join(names[:NAMED_MAX] + more) or "none"

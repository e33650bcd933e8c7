"""Officers who come and go: seeded dockings and undockings, for tests and for `bwc sim --station 8 --churn 20`."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.hands import Hands
from firmware_sim.flash.flash import StateError
from firmware_sim.station.station import SimStation

log = logging.getLogger(__name__)

PAUSE_S: Final = 20.0
"""Mean time between two officers at one station, at the change of shifts."""


class DockScript:
    """Puts cameras into bays and takes them out; the same seed does the same.

    `away` are cameras that stand in no bay at the start, or the hands that hold them, which others may use as well.
    `cycles` counts dockings.
    """

    def __init__(
        self,
        station: SimStation,
        away: Hands | Sequence[SimCamera] = (),
        *,
        seed: int = 0,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.cycles = 0
        self._station = station
        self._away = away if isinstance(away, Hands) else Hands(station, away)
        self._pause_s = pause_s
        self._random = random.Random(f"dock script {seed}")

    async def run(self, cycles: int | None = None) -> None:
        """Goes on until `cycles` dockings were made; None: until it is cancelled."""
        while cycles is None or self.cycles < cycles:
            await asyncio.sleep(self._random.expovariate(1 / self._pause_s))
            try:
                self.step()
            except (OSError, StateError) as error:  # nobody was moved; the next officer tries it again
                log.warning("a camera could not be moved: %s", error)

    def step(self) -> None:
        """One officer: at an occupied bay he or she takes the camera, unless it is locked, at an empty one puts one
        back."""
        bay = self._random.choice(list(self._station.bays.values()))
        away = list(self._away)
        if bay.lock_s:
            return
        if bay.camera is not None:
            self._away.take(bay.number)
        elif away:
            self._put(bay.number, away[self._random.randrange(len(away))])

    def everybody_back(self) -> None:
        """The end of the shift: every camera that is away is put into a bay, as far as there are any free."""
        for bay in self._station.bays.values():
            away = list(self._away)
            if bay.camera is None and away:
                self._put(bay.number, away[-1])

    def _put(self, bay: int, camera: SimCamera) -> None:
        self._away.put(bay, camera)
        self.cycles += 1

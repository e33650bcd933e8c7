"""Ports of a USB hub, switched by the program `uhubctl` (https://github.com/mvp/uhubctl).

Its exit code is 0 also where the hub refused (mvp/uhubctl 2.6.0: a request that fails is told on stderr alone), so what
counts is the status that it prints afterwards. Nothing that a hub says tells whether VBUS went: many hubs that say they
switch each port cut the data alone (mvp/uhubctl#177, #319). Of a USB 3 hub, both halves have to be switched (#68): the
program does that where it finds the other one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil_tests.actuators.actuator import SWITCHED, ActuatorFailed, Move
from hil_tests.actuators.command import require_program, run

PROGRAM: Final = ("uhubctl",)
NEW: Final = "New"
NOW: Final = "Current"
MAY_HAVE_ANOTHER_HALF: Final = re.compile(r"USB (3\.|2\.1)")
"""What a half of a USB 3 hub says of its version; a hub that is all of its own says USB 2.00."""


@dataclass(frozen=True, slots=True)
class Half:
    """A hub, or a half of a USB 3 hub, and what it says of the port."""

    location: str
    description: str
    powered: bool


@dataclass(frozen=True, slots=True)
class HubDriver:
    """A port of a hub; `location` is the hub's, as `uhubctl` shows it: 1-4."""

    location: str
    port: int
    program: tuple[str, ...]
    """How `uhubctl` is called: also `sudo -n uhubctl`."""
    timeout_s: float
    directory: Path

    @property
    def moves(self) -> frozenset[Move]:
        return SWITCHED

    @property
    def unattended(self) -> bool:
        return True

    def move(self, what: Move) -> None:
        said = self._call("-a", what.value)
        wrong = [half.location for half in self._halves(said, NEW) if half.powered is not (what is Move.ON)]
        if wrong:
            still = "not powered" if what is Move.ON else "still powered"
            raise ActuatorFailed(
                f"port {self.port} of hub {' and '.join(wrong)} is {still} after uhubctl switched it {what}",
                advice="this hub does not switch its ports, or not both halves of it: take another "
                "(https://github.com/mvp/uhubctl lists some)",
            )

    def check(self) -> str:
        require_program(self.program[0], self.directory)
        halves = self._halves(self._call(), NOW)
        if len(halves) == 1 and MAY_HAVE_ANOTHER_HALF.search(halves[0].description):
            return (
                f"of hub {halves[0].location} ({halves[0].description}) uhubctl sees one half: where the other is "
                "connected too, VBUS stays"
            )
        return ""

    def __str__(self) -> str:
        return f"by uhubctl, hub {self.location} port {self.port}"

    def _call(self, *words: str) -> str:
        line = (*self.program, "-l", self.location, "-p", str(self.port), *words)
        try:
            return run(line, self.timeout_s, self.directory)
        except ActuatorFailed as error:
            if "No compatible devices" in error.rule:
                raise ActuatorFailed(
                    error.rule,
                    advice="'uhubctl' lists the hubs that it can switch: correct 'location'; where it lists none, "
                    "this user may not open them (udev rules of uhubctl), or no hub here can switch a port",
                ) from error
            raise

    def _halves(self, said: str, when: str) -> list[Half]:
        """What was said of the port under each hub. Raises `ActuatorFailed` where there is nothing of it."""
        found: list[Half] = []
        hub: re.Match[str] | None = None
        for line in said.splitlines():
            if line.startswith((NEW, NOW)):
                hub = re.match(rf"{when} status for hub (\S+) \[(.*)\]", line)
            elif hub is not None and (port := re.match(r"\s+Port (\d+): [0-9a-f]{4}\b(.*)", line)):
                words = port[2].partition("[")[0].split()
                if int(port[1]) == self.port:
                    found.append(Half(hub[1], hub[2], "power" in words))
        if not found:
            raise ActuatorFailed(
                f"uhubctl said nothing of port {self.port} of hub {self.location}",
                advice="'uhubctl' shows hubs and ports: correct 'location' and 'port'",
            )
        return found

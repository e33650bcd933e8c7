"""What a tester does by hand at a simulated docking station and to the cameras around it, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from firmware_sim.control.camera_control import CAMERA_USAGES, CameraLines, Control, Say
from firmware_sim.control.camera_hands import CameraHands
from firmware_sim.control.command import carry_out, commands_of, usages_of
from firmware_sim.control.hands import Hands
from firmware_sim.control.station_hands import StationHands, bay_of

COMMANDS: Final = commands_of(StationHands)
CAMERA: Final = {"camera": f"camera BAY|CAMERA {' | '.join(CAMERA_USAGES.values())}"}
STATION_USAGES: Final = usages_of(COMMANDS) | CAMERA


class StationControl(Control):
    """The hands at a station. `CAMERA` is a serial number, also that of a camera that is away."""

    usages: Mapping[str, str] = STATION_USAGES

    def __init__(self, hands: Hands, say: Say = lambda line: None) -> None:
        self.hands = StationHands(hands)
        self._say = say
        self._lines: dict[CameraHands, CameraLines] = {}

    def act(self, words: list[str]) -> str:
        match words:
            case ["camera", who, first, *_]:
                hands = self.hands.camera(bay_of(who) if who.isdecimal() else who)
                if first not in CAMERA_USAGES:
                    raise self.not_understood(words)
                lines = self._lines.setdefault(hands, CameraLines(hands, self._say))
                return f"{first} {lines.act(words[2:])}"
            case ["camera", *_]:
                raise self.not_understood(words)
        found = carry_out(self.hands, COMMANDS, words)
        if found is not None:
            return str(found)
        station = self.hands.station
        return f"station={station.serial}" if station.running else "state=off"

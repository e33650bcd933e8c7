"""What a tester does to a simulated camera by hand, as lines of text: `bwc sim --control` (docs/benches.md).

A line is a command, its outcome is one line: `ok COMMAND key=value …`, or `error WORD: TEXT`, where WORD is that of
one of the errors below. Empty lines and those that begin with `#` are passed over. What `watch on` asked for comes in
lines that begin with `seen`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Final

from firmware_sim.camera.appearance import Looks, Observation
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.arguments import SWITCH
from firmware_sim.control.camera_hands import CameraHands, LoneCameraHands
from firmware_sim.control.command import carry_out, commands_of, not_understood, usages_of
from firmware_sim.control.errors import ControlError, LineTooLong, Refused, WrongUsage
from firmware_sim.flash.flash import StateError
from firmware_sim.state.commit import StateDoubtful

LINE_MAX: Final = 256
"""Bytes of a line: the longest command has a serial number in it, and is far below."""
Say = Callable[[str], object]
"""Takes a line that no command is answered by: what is seen."""


class Control(ABC):
    """The commands that one device takes."""

    usages: Mapping[str, str]
    """How each command is written, by its first word."""

    @abstractmethod
    def act(self, words: list[str]) -> str:
        """Carries out a command; returns the outcome, without the command. Raises `ControlError`."""

    def answer(self, line: bytes) -> str | None:
        """Carries out a line; returns its outcome, None for one that is no command."""
        try:
            if len(line) > LINE_MAX:
                raise LineTooLong(f"a line has at most {LINE_MAX} bytes")
            words = line.decode("ascii", errors="replace").split()
            if not words or words[0].startswith("#"):
                return None
            if words == ["help"]:
                return f"ok help: {'; '.join(self.usages.values())}"
            return f"ok {words[0]} {self.act(words)}"
        except ControlError as error:
            return f"error {error.word}: {error}"
        except StateDoubtful as error:
            return f"error {Refused.word}: it may be there after a restart, since it could not be undone: {error}"
        except (OSError, StateError) as error:
            return f"error {Refused.word}: {error}"  # a state directory that is full, for example

    def not_understood(self, words: list[str]) -> ControlError:
        """The error for a command that no case took."""
        return not_understood(self.usages, words)


COMMANDS: Final = commands_of(CameraHands)
LONE_COMMANDS: Final = {
    **{words: one for words, one in commands_of(LoneCameraHands).items() if words not in COMMANDS},
    **COMMANDS,
}
WATCH: Final = {"watch": "watch on|off"}
CAMERA_USAGES: Final = usages_of(COMMANDS) | WATCH


class CameraLines:
    """The commands of one camera as lines of text; `say` takes what is seen while it is watched."""

    def __init__(self, hands: CameraHands, say: Say) -> None:
        self.hands = hands
        self._commands = LONE_COMMANDS if isinstance(hands, LoneCameraHands) else COMMANDS
        self._say = say
        self._unwatch: Callable[[], None] | None = None

    def act(self, words: list[str]) -> str:
        """Carries out a command; returns its outcome. Raises `ControlError`."""
        match words:
            case ["watch", ("on" | "off") as on]:
                self._watch(SWITCH[on])
                return told(self.hands.camera)
            case ["watch", *_]:
                raise WrongUsage(WATCH["watch"])
        found = carry_out(self.hands, self._commands, words)
        more = f" {found}" if found is not None else ""
        return f"{told(self.hands.camera)}{more}"

    def _watch(self, on: bool) -> None:
        if self._unwatch is not None:
            self._unwatch()
        self._unwatch = self.hands.watch(self._seen) if on else None

    def _seen(self, seen: Observation) -> None:
        what = "lights" if isinstance(seen, Looks) else "signal"
        self._say(f"seen {what} camera={self.hands.camera.serial} {seen}")


class CameraControl(Control):
    """The buttons of a camera that stands alone, and the dock in which it stands."""

    usages: Mapping[str, str] = usages_of(LONE_COMMANDS) | WATCH

    def __init__(self, camera: SimCamera, say: Say = lambda line: None) -> None:
        self._lines = CameraLines(LoneCameraHands(camera), say)

    def act(self, words: list[str]) -> str:
        if words[0] not in self.usages:
            raise self.not_understood(words)
        return self._lines.act(words)


def told(camera: SimCamera) -> str:
    """A camera's part of an outcome."""
    return f"camera={camera.serial} state={camera.state if camera.running else 'off'}"

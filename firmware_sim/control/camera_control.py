"""What a tester does to a simulated camera by hand, as lines of text: `bwc sim --control` (docs/benches.md).

A line is a command, its outcome is one line: `ok COMMAND key=value …`, or `error WORD: TEXT`, where WORD is that of
one of the errors below. Empty lines and those that begin with `#` are passed over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

from bwc_protocol.evidence import TriggerReason
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device import SimDevice
from firmware_sim.flash.flash import StateError
from firmware_sim.state.commit import StateDoubtful

LINE_MAX: Final = 256
"""Bytes of a line: the longest command has a serial number in it, and is far below."""
SHOWN_MAX: Final = 40
"""Characters of what was written that an error repeats."""
SWITCH: Final = {"on": True, "off": False}


class ControlError(Exception):
    """A line that has no effect. The text says why."""

    word: ClassVar[str]


class UnknownCommand(ControlError):
    """There is no such command for this kind of device."""

    word = "unknown-command"


class WrongUsage(ControlError):
    """The command takes other arguments; the text is how it is written."""

    word = "usage"


class NoSuchBay(ControlError):
    """The station has no bay of this number."""

    word = "no-such-bay"


class NoSuchCamera(ControlError):
    """No camera has this serial number, or the bay is empty."""

    word = "no-such-camera"


class Refused(ControlError):
    """The device is in no state for it, or its configuration does not allow it."""

    word = "refused"


class LineTooLong(ControlError):
    """The line has more than `LINE_MAX` bytes; all of it was passed over."""

    word = "line-too-long"


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
        usage = self.usages.get(words[0])
        if usage is not None:
            return WrongUsage(usage)
        return UnknownCommand(f"there is no command {shown(words[0])}; known: {', '.join(self.usages)}, help")


CAMERA_USAGES: Final = {
    "record": "record start [TRIGGER] | record stop",
    "mark": "mark",
    "mute": "mute on|off",
    "stealth": "stealth on|off",
    "pair": "pair",
    "reboot": "reboot",
    "crash": "crash",
    "enroll": "enroll",
    "reset": "reset",
}
DOCK_USAGES: Final = {"undock": "undock", "dock": "dock"}


class CameraControl(Control):
    """The buttons of a camera that stands alone, and the dock in which it stands."""

    usages: Mapping[str, str] = {**DOCK_USAGES, **CAMERA_USAGES}

    def __init__(self, camera: SimCamera) -> None:
        self._camera = camera

    def act(self, words: list[str]) -> str:
        camera = self._camera
        match words:
            case ["undock"]:
                _demand(camera.docked, "it stands in no dock")
                camera.undock()
            case ["dock"]:
                _demand(not camera.docked, "it stands in its dock")
                camera.dock()
            case _:
                if not act_on(camera, words):
                    raise self.not_understood(words)
        return told(camera)


def act_on(camera: SimCamera, words: list[str]) -> bool:
    """Carries out what concerns nothing but one camera; returns whether `words` are such a command.

    Raises `ControlError`."""
    match words:
        case ["record", "start", *which] if len(which) < 2:
            trigger = _trigger(which[0]) if which else TriggerReason.OFFICER_BUTTON
            _demand(camera.wearer.start(trigger), f"{trigger} records nothing: off, full, or not configured")
        case ["record", "stop"]:
            _demand(camera.running and camera.recorder.recording_id is not None, "nothing is recorded")
            camera.wearer.stop()
        case ["mark"]:
            _demand(camera.wearer.mark(), "nothing is recorded")
        case ["mute", ("on" | "off") as on]:
            _demand(camera.wearer.mute(SWITCH[on]), "off, or not allowed by mute.allowed")
        case ["stealth", ("on" | "off") as on]:
            _demand(camera.wearer.stealth(SWITCH[on]), "off, or not allowed by stealth.allowed")
        case ["pair"]:
            _demand(camera.radio.press(), "it is off")
        case ["reboot"]:
            _demand(camera.awake(), "it is off")
            camera.request_reboot(0.0)
            camera.settle()
        case ["crash"]:
            _demand(camera.awake(), "it is off")
            camera.crash()
        case ["enroll" | "reset"]:
            press(camera, words[0])
        case _:
            return False
    return True


def press(device: SimDevice, what: str) -> None:
    """Presses the button by which a device can be enrolled, or opens its case and resets it. Raises `Refused`."""
    why = device.press_enroll() if what == "enroll" else device.reset_by_opening()
    _demand(not why, why)


def told(camera: SimCamera) -> str:
    """A camera's part of an outcome."""
    return f"camera={camera.serial} state={camera.state if camera.running else 'off'}"


def shown(text: str) -> str:
    """What was written, fit for a line of text."""
    return ascii(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}...")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def _trigger(word: str) -> TriggerReason:
    known = {str(trigger): trigger for trigger in TriggerReason}
    if word not in known:
        raise WrongUsage(f"there is no trigger {shown(word)}; known: {', '.join(known)}")
    return known[word]

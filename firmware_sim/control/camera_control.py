"""What a tester does to a simulated camera by hand, as lines of text: `bwc sim --control` (docs/benches.md).

A line is a command, its outcome is one line: `ok COMMAND key=value …`, or `error WORD: TEXT`, where WORD is that of
one of the errors below. Empty lines and those that begin with `#` are passed over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final, TypeVar

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    AGENCY_FIRST,
    ActivationEvent,
    GivenBy,
    Purpose,
    StopReason,
    TriggerReason,
    word_of,
)
from bwc_protocol.word import Word
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device import SimDevice
from firmware_sim.device.refusal import Refusal
from firmware_sim.flash.flash import StateError
from firmware_sim.state.commit import StateDoubtful

LINE_MAX: Final = 256
"""Bytes of a line: the longest command has a serial number in it, and is far below."""
SHOWN_MAX: Final = 40
"""Characters of what was written that an error repeats."""
OF_THE_CAMERA: Final = frozenset(
    {StopReason.STORAGE_FULL, StopReason.POWER_LOST, StopReason.SWITCHED_OFF, StopReason.CONTINUED}
)
"""Reasons that nobody else gives."""
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
    "record": "record start [TRIGGER] [event=WORD] [purpose=WORD] [by=button|app] | record stop [REASON]",
    "mark": "mark",
    "mute": "mute on|off [REASON]",
    "stealth": "stealth on|off [REASON]",
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
        case ["record", "start", *said]:
            _start(camera, said)
        case ["record", "stop", *why] if len(why) < 2:
            _demand(camera.running and camera.recorder.recording_id is not None, "nothing is recorded")
            camera.wearer.stop(_reason(why))
        case ["mark"]:
            _demand(camera.wearer.mark(), "nothing is recorded")
        case ["mute", ("on" | "off") as on, *why] if len(why) < 2:
            _demand(camera.wearer.mute(SWITCH[on], _reason(why)), "off, or not allowed by mute.allowed")
        case ["stealth", ("on" | "off") as on, *why] if len(why) < 2:
            _demand(camera.wearer.stealth(SWITCH[on], _reason(why)), "off, or not allowed by stealth.allowed")
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


def _start(camera: SimCamera, said: list[str]) -> None:
    which = said[0] if said and "=" not in said[0] else str(TriggerReason.OFFICER_BUTTON)
    trigger = _trigger(which)
    given = dict(one.partition("=")[::2] for one in said if "=" in one)
    if len(said) - len(given) > (which in said) or not set(given) <= {"event", "purpose", "by"}:
        raise WrongUsage(CAMERA_USAGES["record"])
    event = _spoken(ActivationEvent, given.get("event", "not-given"))
    purpose = _spoken(Purpose, given.get("purpose", "not-given"))
    by = _GIVERS.get(given["by"]) if "by" in given else None
    if "by" in given and by is None:
        raise WrongUsage(CAMERA_USAGES["record"])
    try:
        runs = camera.wearer.start(trigger, event, purpose, by)
    except Refusal as refusal:
        raise Refused(f"{refusal.code}: {refusal.detail}") from refusal
    _demand(runs, f"{trigger} records nothing: off, full, or not configured")


_GIVERS: Final = {"button": GivenBy.BUTTON, "app": GivenBy.APP}


def _reason(why: list[str]) -> StopReason | Unknown:
    reason = _spoken(StopReason, why[0]) if why else StopReason.NOT_GIVEN
    if reason in OF_THE_CAMERA:
        raise WrongUsage(f"{reason} is what the camera says by itself")
    return reason


W = TypeVar("W", bound=Word)


def _spoken(of: type[W], text: str) -> W | Unknown:
    word = word_of(of, text)
    if word is None:
        known = ", ".join(map(str, of))
        raise WrongUsage(f"there is no {shown(text)}; known: {known}, and {AGENCY_FIRST} to 255")
    return word


def _trigger(word: str) -> TriggerReason:
    known = {str(trigger): trigger for trigger in TriggerReason}
    if word not in known:
        raise WrongUsage(f"there is no trigger {shown(word)}; known: {', '.join(known)}")
    return known[word]

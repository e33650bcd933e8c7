"""Why something that a tester's hands were to do has no effect. `word` is how a line of text calls it."""

from typing import ClassVar


class ControlError(Exception):
    """Nothing was done. The text says why."""

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

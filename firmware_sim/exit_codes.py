"""How `bwc sim` and `bwc demo` end, by the table of the whole command line (docs/errors.md)."""

import errno
from typing import Final

from bwc_protocol.lab.directory import LabUnusable
from firmware_sim.flash.flash import StateError, StateInUse
from firmware_sim.footage.mp4 import FootageUnavailable
from firmware_sim.storage.storage import StorageFull

UNEXPECTED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
BUSY: Final = 7
BAD_FILE: Final = 9
MISSING_PART: Final = 11


def making(error: Exception) -> int:
    """Of a device that could not be made."""
    match error:
        case FootageUnavailable():
            return MISSING_PART
        case StateInUse():
            return BUSY
        case StateError() | LabUnusable() | OSError():
            return BAD_FILE
        case StorageFull():
            return USAGE  # more recordings were asked for than such a camera holds
        case _:
            return UNEXPECTED


def listening(error: OSError) -> int:
    """Of a place at which it could not listen."""
    match error.errno:
        case errno.EADDRINUSE:
            return BUSY
        case errno.EEXIST:
            return BAD_FILE  # of a link to a pty: another file has its name
        case _:
            return UNREACHABLE

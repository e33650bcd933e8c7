"""Whether this host knows its time to be right, as its kernel says."""

import ctypes
import sys
from dataclasses import dataclass
from typing import Final

STA_UNSYNC: Final = 0x0040
"""Status bit of adjtimex(2): no daemon disciplines the clock."""
TIME_ERROR: Final = 5
"""State of adjtimex(2): the clock is not synchronised."""


@dataclass(frozen=True, slots=True)
class HostTime:
    """What the kernel knows of the host's clock."""

    synchronised: bool | None
    """None: this system does not say."""
    max_error_ns: int
    """Bound of the clock's error, 0 if it is not known."""


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),  # 0 = only read
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # us
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),  # fields that are not read; generous for every architecture
    )


def host_time() -> HostTime:
    """Asks the kernel; changes nothing, needs no rights."""
    if not sys.platform.startswith("linux"):
        return HostTime(None, 0)
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return HostTime(None, 0)
    return judged(state, timex.status, timex.maxerror)


def judged(state: int, status: int, max_error_us: int) -> HostTime:
    """What an answer of adjtimex(2) means."""
    if state < 0:
        return HostTime(None, 0)
    if state == TIME_ERROR or status & STA_UNSYNC:
        return HostTime(False, 0)
    return HostTime(True, max(0, max_error_us) * 1000)

"""What the kernel of this host says of its clock: adjtimex(2), asked without changing anything."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

STA_UNSYNC: Final = 0x0040
"""Status bit: no service disciplines the clock, or somebody set it by hand since."""
TIME_ERROR: Final = 5
"""State: the clock is not synchronised."""


@dataclass(frozen=True, slots=True)
class KernelTime:
    """An answer of the kernel."""

    synchronised: bool | None
    """None: this system does not say."""
    max_error_ns: int = 0
    """Bound of the error as the service told it, grown by 500 ppm since; 0 if it is not known."""
    estimated_error_ns: int = 0
    """What the service took for its error; 0 if it told nothing."""


def kernel_time() -> KernelTime:
    """Asks the kernel; needs no rights."""
    if not sys.platform.startswith("linux"):
        return KernelTime(None)
    try:
        ask, timex = _adjtimex()
        state = ask()
    except (ImportError, OSError, AttributeError):
        return KernelTime(None)  # a Python without ctypes, a static one, or a C library without the call
    return judged(state, timex.status, timex.maxerror, timex.esterror)


@functools.cache
def _adjtimex() -> tuple[Callable[[], int], Any]:
    """The call, and what it fills in."""
    import ctypes

    class Timex(ctypes.Structure):
        """The beginning of `struct timex`, the same for every C library that exports a plain `adjtimex`.

        Libraries with 64-bit times on 32-bit machines widen what follows `status`, and keep the old form under
        the old name. What is not read is room: the whole is 208 bytes at most.
        """

        _fields_ = (
            ("modes", ctypes.c_uint),  # 0 = only read
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),  # us
            ("esterror", ctypes.c_long),  # us
            ("status", ctypes.c_int),
            ("rest", ctypes.c_byte * 512),
        )

    timex = Timex()
    adjtimex = ctypes.CDLL(None).adjtimex
    adjtimex.argtypes, adjtimex.restype = (ctypes.POINTER(Timex),), ctypes.c_int

    def ask() -> int:
        timex.modes = 0
        return int(adjtimex(ctypes.byref(timex)))

    return ask, timex


def judged(state: int, status: int, max_error_us: int, estimated_error_us: int = 0) -> KernelTime:
    """What an answer of adjtimex(2) means. It fails where a sandbox forbids it."""
    if state < 0:
        return KernelTime(None)
    if state == TIME_ERROR or status & STA_UNSYNC:
        return KernelTime(False)
    return KernelTime(True, max(0, max_error_us) * 1000, max(0, estimated_error_us) * 1000)

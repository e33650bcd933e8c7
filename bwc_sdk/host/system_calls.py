"""Calls of the operating system that Python has no name for, by ctypes, right on every C library.

Types are given in full, since a C library is told nothing of what it lacks: the file offsets of glibc's plain
`fallocate` have 32 bits on a 32-bit system, those of its `fallocate64` and of musl 64 everywhere.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final

RENAME_NOREPLACE: Final = 1
RENAME_EXCL: Final = 4
"""The same on macOS, where the call is `renameatx_np`."""
FALLOC_FL_KEEP_SIZE: Final = 1
SYNC_FILE_RANGE_WRITE: Final = 2
INTERRUPTIONS_MAX: Final = 100
"""Signals in a row that may interrupt one call; a profiler sends a hundred a second, and a call takes milliseconds."""

_WIDE: Final = sys.maxsize > 2**32
_GENERIC: Final = 276
_RENAMEAT2: Final = {
    ("x86_64", True): 316,
    ("x86_64", False): 353,
    ("i386", False): 353,
    ("i486", False): 353,
    ("i586", False): 353,
    ("i686", False): 353,
    ("aarch64", True): _GENERIC,
    ("aarch64", False): 382,
    ("armv8l", False): 382,
    ("armv7l", False): 382,
    ("armv6l", False): 382,
    ("riscv64", True): _GENERIC,
    ("loongarch64", True): _GENERIC,
    ("ppc64le", True): 357,
    ("ppc64", True): 357,
    ("s390x", True): 347,
}
"""Numbers of the call, by processor and whether this process has 64 bits: glibc before 2.28 does not name it, nor do
most releases of musl."""

_CACHESTAT: Final = 451
"""Number of the call, the same on every processor but Alpha."""
_CACHE_COUNTS: Final = 5
"""What it counts: pages in memory, dirty, being written, evicted, evicted of late."""


def rename_noreplace(directory: int, name: str, to: int, to_name: str) -> None:
    """Renames without replacing anything. Raises `OSError`, ENOSYS where there is no such call."""
    call = _rename_call()
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    _checked(lambda: call(directory, os.fsencode(name), to, os.fsencode(to_name)))


def reserve(file: int, offset: int, size: int) -> None:
    """Reserves room on the medium without changing a file's size.

    Raises `OSError`, ENOSYS where there is no such call.
    """
    call = _reserve_call()
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    _checked(lambda: call(file, FALLOC_FL_KEEP_SIZE, offset, size))


def start_write_back(file: int, offset: int, size: int) -> None:
    """Lets the system begin to write a range, without waiting. A hint: an error is told by the next sync."""
    call = _write_back_call()
    if call is not None:
        call(file, offset, size, SYNC_FILE_RANGE_WRITE)


def pages_in_memory(file: int, size: int) -> int | None:
    """Pages of a file that the system has in memory; None where it does not tell (Linux before 6.5)."""
    call = _cache_call()
    if call is None or not size:
        return None
    import ctypes

    asked = (ctypes.c_uint64 * 2)(0, size)
    counted = (ctypes.c_uint64 * _CACHE_COUNTS)()
    return int(counted[0]) if call(_CACHESTAT, file, asked, counted, 0) == 0 else None


def _checked(call: Callable[[], int]) -> None:
    import ctypes

    for _ in range(INTERRUPTIONS_MAX):
        if call() == 0:
            return
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    raise OSError(errno.EINTR, os.strerror(errno.EINTR))


@cache
def _libc() -> Any:
    try:
        import ctypes

        return ctypes.CDLL(None, use_errno=True)
    except (ImportError, OSError, TypeError):  # a Python without ctypes, a static one, Windows
        return None


def _function(name: str, *types: str) -> Any:
    function = getattr(_libc(), name, None)
    if function is not None:
        import ctypes

        function.argtypes = [getattr(ctypes, kind) for kind in types]
        function.restype = ctypes.c_int
    return function


def _rename_call() -> Callable[[int, bytes, int, bytes], int] | None:
    types = ("c_int", "c_char_p", "c_int", "c_char_p", "c_uint")
    if (call := _function("renameat2", *types)) is not None:
        return lambda *arguments: int(call(*arguments, RENAME_NOREPLACE))
    if (on_macos := _function("renameatx_np", *types)) is not None:
        return lambda *arguments: int(on_macos(*arguments, RENAME_EXCL))
    number = _RENAMEAT2.get((platform.machine(), _WIDE)) if sys.platform == "linux" else None
    by_number = _function("syscall", "c_long", *types)
    if number is None or by_number is None:
        return None
    return lambda *arguments: int(by_number(number, *arguments, RENAME_NOREPLACE))


def _reserve_call() -> Any:
    types = ("c_int", "c_int", "c_int64", "c_int64")
    return _function("fallocate64", *types) or _function("fallocate", *types)


def _write_back_call() -> Any:
    return _function("sync_file_range", "c_int", "c_int64", "c_int64", "c_uint")


def _cache_call() -> Any:
    if sys.platform != "linux" or platform.machine() == "alpha":
        return None
    try:
        import ctypes

        call = _libc()["syscall"]  # one of its own: types are kept with the function
    except (ImportError, TypeError, AttributeError):  # as for `_libc`, or a C library that does not name it
        return None
    call.argtypes = (ctypes.c_long, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
    call.restype = ctypes.c_long
    return call

"""Where this system's libusb is. Python's own search asks ldconfig, gcc and ld, none of which a small system has."""

from ctypes.util import find_library
from typing import Final

NAMES: Final = ("libusb-1.0.so.0", "libusb-1.0.so", "libusb-1.0.0.dylib", "libusb-1.0.dll")
"""What the loader of a system finds by itself, musl's (Alpine) among them."""


def system_libusb() -> str | None:
    """The name by which it can be loaded, or None."""
    found = find_library("usb-1.0")
    return found or next(filter(_loads, NAMES), None)


def _loads(name: str) -> bool:
    try:
        import ctypes

        ctypes.CDLL(name)
        return True
    except (ImportError, OSError):  # a Python without ctypes, or no such library
        return False

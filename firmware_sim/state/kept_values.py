"""Values out of what was kept, each of the type and within the range that a device may have."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from firmware_sim.flash.flash import StateError

U32_MAX: Final = 0xFFFF_FFFF
I64_MAX: Final = (1 << 63) - 1
U64_MAX: Final = (1 << 64) - 1
TEXT_MAX: Final = 64
"""Bytes of a name: as many as any field of the protocol takes for one."""


def part_of(kept: object, what: str, keys: Collection[str], *, later: Collection[str] = ()) -> dict[str, Any]:
    """A part, which has all of `keys`, perhaps those that came `later`, and no others. Raises `StateError`."""
    if not isinstance(kept, dict) or not set(keys) <= set(kept) <= {*keys, *later}:
        raise StateError(f"the kept state cannot be read: {what} is not what a simulator keeps")
    return kept


def whole(kept: Mapping[str, Any], key: str, low: int, high: int) -> int:
    """A whole number within its range. Raises `StateError`."""
    value = kept[key]
    if type(value) is not int or not low <= value <= high:
        raise _cannot_be(key, value)
    return value


def number(kept: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """A number within its range. Raises `StateError`."""
    value = kept[key]
    if type(value) not in (int, float) or not low <= value <= high or math.isnan(value):
        raise _cannot_be(key, value)
    return float(value)


def flag(kept: Mapping[str, Any], key: str) -> bool:
    """Raises `StateError`."""
    value = kept[key]
    if type(value) is not bool:
        raise _cannot_be(key, value)
    return value


def words(kept: Mapping[str, Any], key: str, most: int = TEXT_MAX) -> str:
    """A text of at most so many bytes. Raises `StateError`."""
    value = kept[key]
    try:
        if type(value) is str and len(value.encode()) <= most:
            return value
    except UnicodeEncodeError:
        pass  # half a character: no text
    raise _cannot_be(key, value)


def name(kept: Mapping[str, Any], key: str) -> str:
    """A serial number: a text that is there, in printable ASCII. Raises `StateError`."""
    value = words(kept, key)
    if not value or not value.isascii() or not value.isprintable():
        raise _cannot_be(key, value)
    return value


def digest(kept: Mapping[str, Any], key: str, size: int = 32) -> bytes:
    """Bytes as hexadecimal digits. Raises `StateError`."""
    value = kept[key]
    try:
        found = bytes.fromhex(value)
    except (TypeError, ValueError):
        found = b""
    if len(found) != size:
        raise _cannot_be(key, value)
    return found


def _cannot_be(key: str, value: object) -> StateError:
    shown = type(value).__name__ if isinstance(value, (dict, list, str)) else ascii(value)[:40]
    return StateError(f"the kept state cannot be read: {key} cannot be {shown}")

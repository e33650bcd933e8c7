"""Text for a terminal or a log line. What comes from a device is hostile: it must not steer the terminal."""

import datetime
import unicodedata
from typing import Final

from bwc_sdk.quantity import size as size

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories that move cursors, reverse text or break lines: shown as escapes."""
_FAR_NS: Final = 253_402_300_800 * 1_000_000_000
"""10000-01-01: later times have no date in four digits and are shown as numbers."""


def clean(text: str) -> str:
    """`text` on one line, with everything that could steer a terminal or split a line made visible."""
    if text.isprintable():
        return text
    return "".join(_visible(ch) if unicodedata.category(ch) in _STEERING else ch for ch in text)


def _visible(ch: str) -> str:
    code = ord(ch)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"


def utc(ns: int) -> str:
    """A time in ns since 1970, as ISO 8601; to the millisecond unless it is a whole second."""
    if not 0 <= ns < _FAR_NS:
        return f"{ns} ns since 1970"
    stamp = datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC)
    milliseconds = ns // 1_000_000 % 1000
    return f"{stamp:%Y-%m-%dT%H:%M:%S}" + (f".{milliseconds:03d}Z" if milliseconds else "Z")


def duration(seconds: float) -> str:
    """A length of time, as a person would say it."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {secs:02d} s"


def off_by(offset_ns: int) -> str:
    """How far a clock is off, by what must be added to its time."""
    return f"{time_of(abs(offset_ns))} {'behind' if offset_ns > 0 else 'ahead'}"


def time_of(ns: int) -> str:
    """A length of time in ns, from nanoseconds to days."""
    return duration(ns / 1e9) if ns >= 60_000_000_000 else small_time(ns)


def small_time(ns: int) -> str:
    """A short length of time in ns, with its sign, in the unit that suits it."""
    for unit, factor in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if abs(ns) >= factor:
            return f"{ns / factor:.3f} {unit}"
    return f"{ns} ns"

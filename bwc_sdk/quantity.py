"""Quantities as people read them."""

import datetime
from typing import Final

_YEAR_10000_NS: Final = 253_402_300_800 * 1_000_000_000


def exact_utc(ns: int | None) -> str | None:
    """A time in ns since 1970 as ISO 8601, to the nanosecond; None for none, and for what has no date."""
    if ns is None or not 0 < ns < _YEAR_10000_NS:
        return None
    stamp = datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{ns % 1_000_000_000:09d}Z"


def size(count: int) -> str:
    """A number of bytes, in binary units."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024 or unit == "TiB":
            break
    return f"{value:.1f} {unit}"

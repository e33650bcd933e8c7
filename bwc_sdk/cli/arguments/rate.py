"""A bandwidth as people write it: `200Mbit/s`, `25 MB/s`, `20MiB/s`."""

import re
from typing import Final

import typer

from bwc_sdk.offload.budget import RATE_MIN_BYTES_PER_S

UNITS: Final = {
    "kbit/s": 125.0,
    "mbit/s": 125_000.0,
    "gbit/s": 125_000_000.0,
    "kb/s": 1_000.0,
    "mb/s": 1_000_000.0,
    "gb/s": 1_000_000_000.0,
    "kib/s": 1024.0,
    "mib/s": 1024.0**2,
    "gib/s": 1024.0**3,
}
"""Bytes/s, by unit in lower case. Only `b` for a bit is refused: it is too easily misread."""
RATE_MAX_BYTES_PER_S: Final = 1e12
"""Far beyond any link; what is larger was mistyped."""
_FORM: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]+/s)", re.ASCII)
EXAMPLE: Final = "write for example 200Mbit/s, 25MB/s or 20MiB/s"


def rate_of(text: str) -> float:
    """Bytes/s. Raises `typer.BadParameter` that says what was wrong."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no bandwidth: {EXAMPLE}")
    number, unit = found.groups()
    if unit.lower() in ("mb/s", "kb/s", "gb/s") and not unit.endswith("B/s"):
        raise typer.BadParameter(f"{text!r} may mean bits or bytes: {EXAMPLE}")
    if unit.lower() not in UNITS:
        raise typer.BadParameter(f"{unit!r} is no unit of bandwidth: {EXAMPLE}")
    rate = float(number) * UNITS[unit.lower()]
    if not RATE_MIN_BYTES_PER_S <= rate <= RATE_MAX_BYTES_PER_S:
        raise typer.BadParameter(f"{text!r} is not from {RATE_MIN_BYTES_PER_S // 1000} kB/s to 1000 GB/s")
    return rate

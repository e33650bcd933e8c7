"""A short time as people write it: `5ms`, `0.2 s`, `300us`."""

import re
from typing import Final

import typer

UNITS_NS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_FORM: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?(ns|us|ms|s)", re.ASCII)


def span_ns(text: str) -> int:
    """The time in ns, not less than 1. Raises `typer.BadParameter` that says what was wrong."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write for example 5ms, 0.2s or 300us")
    number, unit = found.groups()
    span = round(float(number) * UNITS_NS[unit])
    if span < 1:
        raise typer.BadParameter(f"{text!r}: nothing is known that exactly")
    return span

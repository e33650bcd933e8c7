"""Until when tests may begin: a bench is somebody's in the morning."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Final

import pytest

_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
UNTIL: Final = pytest.StashKey[float]()
"""From when on no test begins, in seconds since 1970."""


def now() -> float:
    """This host's time, in seconds since 1970."""
    return time.time()


def next_at(clock_time: str, now_s: float) -> float:
    """When it is that time next, by this host's time zone, in seconds since 1970. Raises `UsageError` for none."""
    if not (found := _TIME.fullmatch(clock_time)):
        raise pytest.UsageError(f"--bwc-until {clock_time[:40]!r} is no time of the day: write it as 06:00")
    today = datetime.fromtimestamp(now_s)
    at = today.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    # Of days, not of hours: a night in which clocks are changed has 23 or 25 of them.
    return (at if at.timestamp() > now_s else at + timedelta(days=1)).timestamp()


def set_end(config: pytest.Config) -> None:
    """Settles at the start of a session until when its tests may begin, if that was asked for."""
    given: str | None = config.getoption("--bwc-until")
    if given is not None:
        config.stash[UNTIL] = next_at(given, now())


def why_too_late(config: pytest.Config) -> str:
    """Why no test may begin any more; "" if one may."""
    until = config.stash.get(UNTIL, None)
    if until is None or now() < until:
        return ""
    return f"it is past {datetime.fromtimestamp(until):%H:%M}, until when --bwc-until lets tests begin"

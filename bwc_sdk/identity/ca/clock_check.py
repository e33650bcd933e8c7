"""Whether a CA may write down the time that this host has: certificates say it for years.

A CA whose clock is wrong makes certificates that end before they begin, or after everything else. So the host's system
has to confirm its time, and the time has to go on from the last entry of the register; else a person states the date.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from bwc_sdk.errors import ClockImplausible
from bwc_sdk.host.host_time import START_A_SERVICE, HostTime

BACK_MAX_S: Final = 3_600
"""A clock that was corrected since the last entry may lie so far behind it."""
AHEAD_MAX_S: Final = 400 * 86_400
"""A CA issues something every year, if only its own hosts' certificates: a longer pause is somebody's to confirm."""
A_PERSON: Final = (
    "look the date up on something else than this computer, and state it: --today YYYY-MM-DD; wrong dates stay in "
    "certificates for years"
)


def confirmed_now(known: HostTime, utc_s: int, last_s: int | None, stated: date | None) -> int:
    """The time to write down, in seconds since 1970: `utc_s`, if it may be believed.

    `known` is what the host's system says of its time, `last_s` when the register's last entry was made, `stated` the
    date that a person has stated. Raises `ClockImplausible`; nothing was issued then.
    """
    here = datetime.fromtimestamp(utc_s, UTC)
    if stated is not None:
        if abs(stated - here.date()) > timedelta(days=1):
            raise ClockImplausible(
                f"this host's clock says {here:%Y-%m-%d %H:%M} UTC, not {stated}",
                advice="find out which of the two is wrong; set the host's clock if it is, and state the right date",
            )
        return utc_s
    if known.synchronised is not True:
        raise ClockImplausible(
            f"nobody confirms the clock of this host: {known}", advice=f"{START_A_SERVICE}; or {A_PERSON}"
        )
    if last_s is None:
        return utc_s
    last = f"the last entry of the register ({datetime.fromtimestamp(last_s, UTC):%Y-%m-%d %H:%M} UTC)"
    if utc_s < last_s - BACK_MAX_S:
        raise ClockImplausible(
            f"this host's clock says {here:%Y-%m-%d %H:%M} UTC, before {last}: it is wrong, or was then",
            advice=A_PERSON,
        )
    if utc_s > last_s + AHEAD_MAX_S:
        raise ClockImplausible(
            f"this host's clock says {here:%Y-%m-%d %H:%M} UTC, long after {last}", advice=A_PERSON
        )
    return utc_s

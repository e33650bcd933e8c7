"""From the directory that was named to its CA, and to the time by which it issues."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bwc_sdk.cli.arguments.ca.passphrases import Passphrases
from bwc_sdk.cli.arguments.ca.values import date_of


def open_ca(directory: Path, given: Passphrases, today: str | None) -> Any:
    """The CA in the directory, under the time that its clock or somebody confirms."""
    from bwc_sdk.identity.ca.authority import Ca

    return Ca(directory, given, clock_by(today), secrets.token_bytes)


def clock_by(today: str | None) -> Callable[[int | None], int]:
    """The time of this host, if its system confirms it or somebody has stated the date."""
    from bwc_sdk.host.world import World
    from bwc_sdk.identity.ca.clock_check import confirmed_now

    stated = date_of(today, "--today") if today is not None else None
    world = World()

    def clock(last_s: int | None) -> int:
        return confirmed_now(world.host_time(), world.utc_ns() // 1_000_000_000, last_s, stated)

    return clock


def root_file(directory: Path, given: Path | None, *, standby: bool = False) -> Path:
    """Where the key file of a root is, if nobody says."""
    from bwc_sdk.identity.ca.layout import OFFLINE, ROOT_FILE, STANDBY_FILE

    return given or directory / OFFLINE / (STANDBY_FILE if standby else ROOT_FILE)

"""Devices that break one numbered rule each, so that whoever judges devices can be judged (`bwc sim --defect NAME`).

A defect is put into one device and no other: tests, and a host in the same process, speak to sound ones beside it.
"""

from typing import Final

from firmware_sim.defects import (
    benches,
    channels,
    commands,
    conversations,
    frames,
    links,
    showing,
    stations,
    trusting,
    versions,
)
from firmware_sim.defects.defect import Defect, StationDefect

DEFECTS: Final[dict[str, Defect | StationDefect]] = {
    defect.name: defect
    for layer in (
        frames.DEFECTS,
        links.DEFECTS,
        channels.DEFECTS,
        stations.DEFECTS,
        showing.DEFECTS,
        conversations.DEFECTS,
        trusting.DEFECTS,
        commands.DEFECTS,
        benches.DEFECTS,
        versions.DEFECTS,
    )
    for defect in layer
}
"""By the name that the command line and the URI take."""


def defect_named(name: str, *, station: bool) -> Defect | StationDefect:
    """The defect of this name. Raises `ValueError` for one that is not known, and for one of docking stations where the
    device is a camera."""
    if name not in DEFECTS:
        raise ValueError(f"no defect {name!r}; 'bwc sim --defect list' shows them")
    if DEFECTS[name].of_stations and not station:
        raise ValueError(
            f"{name} is a defect of docking stations: it takes a station (--station 4, ?station=4)"
        )
    return DEFECTS[name]


__all__ = ["DEFECTS", "Defect", "StationDefect", "defect_named"]

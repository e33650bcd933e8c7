"""Where a camera stands while it is provisioned, and how it is reached there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bwc_protocol.messages.station import BayState
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.connection.access import Connecting

NOT_TO_BE_HAD = (BayState.EMPTY, BayState.QUARANTINE)
"""States of a bay in which there is nobody to talk to."""


@dataclass(frozen=True, slots=True)
class Place:
    """One camera's."""

    name: str
    """As it is told: a URI, or `bay 3`."""
    open: Callable[[], Connecting[Camera]]
    slots: frozenset[str] = frozenset()
    """How a roster may name it."""


async def places_of(station: DockingStation) -> tuple[Place, ...]:
    """The bays of a station that have a camera, in their order."""
    return tuple(
        Place(
            f"bay {bay.bay}",
            partial(station.camera, bay.bay),
            frozenset({str(bay.bay), f"bay {bay.bay}"}),
        )
        for bay in await station.bays.list()
        if bay.present and bay.state not in NOT_TO_BE_HAD
    )

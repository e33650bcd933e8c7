"""Where a camera stands while it is provisioned, and how it is reached there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bwc_protocol.declare import Role
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.closed_bay import why_closed
from bwc_sdk.clients.connecting import connect
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet


@dataclass(frozen=True, slots=True)
class Place:
    """One camera's."""

    name: str
    """As it is told: a URI, or `bay 3`."""
    open: Callable[[], AbstractAsyncContextManager[Camera]]
    slots: frozenset[str] = frozenset()
    """How a roster may name it."""


def place_at(
    uri: str,
    *,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    allow_insecure: bool = False,
    world: World | None = None,
) -> Place:
    """Where a camera is by itself, as its URI says. Other arguments are those of `connect`; connects to nothing yet."""
    access = partial(
        connect,
        uri,
        role=Role.TECHNICIAN,
        identity=identity,
        lab=lab,
        allow_insecure=allow_insecure,
        world=world,
    )
    return Place(uri, access, frozenset({uri}))


async def places_of(station: DockingStation) -> tuple[Place, ...]:
    """The bays of a station that have a camera, in their order. That of a bay in quarantine cannot be had, and says so
    when it is opened: whoever asks for every camera hears of it."""
    return tuple(
        Place(
            f"bay {bay.bay}",
            partial(station.camera, bay.bay) if closed is None else partial(_closed, closed),
            frozenset({str(bay.bay), f"bay {bay.bay}"}),
        )
        for bay in await station.bays.list()
        if bay.present
        for closed in (why_closed(station.connection.driver.transport, bay),)
    )


@asynccontextmanager
async def _closed(error: BwcError) -> AsyncIterator[Camera]:
    raise error
    yield  # what makes it a generator

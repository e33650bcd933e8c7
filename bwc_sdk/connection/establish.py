"""From a pipe to a connection that is ready, and what the device has to prove on the way (spec: Session)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.identity import Capability
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.connection import Connection
from bwc_sdk.connection.deny_list_exchange import exchange_deny_lists
from bwc_sdk.connection.error_mapping import unfinished
from bwc_sdk.connection.link_driver import LinkDriver
from bwc_sdk.errors import SessionRefused, WrongDevice
from bwc_sdk.link_seen import seen_on
from bwc_sdk.transport import Transport

if TYPE_CHECKING:
    from bwc_sdk.capture.recorder import Capture

CONNECT_S: Final = 15.0
"""A connect ends within this, whatever the other end does: 5 s of HELLO, 10 s of handshake."""


async def connect_channel(
    transport: Transport, channel: int, kind: PeerKind, access: Access, capture: Capture | None
) -> Connection:
    """Opens `transport` and brings a conversation with a device of `kind` up to READY, within 15 s."""
    driver = LinkDriver(transport, access.world, capture, channel=channel)
    try:
        async with asyncio.timeout(CONNECT_S):
            await driver.open()
            return await open_channel(driver, channel, kind, access, capture)
    except TimeoutError as error:
        seen = seen_on(driver.endpoint.link, channel, None)
        await driver.close()
        raise unfinished(f"no connection within {CONNECT_S:.0f} s", driver.name, seen) from error
    except BaseException:
        await driver.close()
        raise


async def open_channel(
    driver: LinkDriver,
    channel: int,
    kind: PeerKind,
    access: Access,
    capture: Capture | None = None,
    *,
    shared: bool = False,
) -> Connection:
    """Brings a conversation on a channel of a live line up to READY, within 15 s.

    A connection that is `shared` leaves the line open when it closes.
    """
    connection = Connection(driver, channel, shared=shared)
    try:
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.establish(access, capture)
        except TimeoutError as error:
            seen = connection.seen()
            raise unfinished(f"no connection within {CONNECT_S:.0f} s", connection.name, seen) from error
        _check_peer(connection, kind, access)
        if access.identity is not None:
            await exchange_deny_lists(connection, access.identity, access.world.workers)
    except BaseException:
        await connection.hang_up()
        raise
    return connection


def _check_peer(connection: Connection, kind: PeerKind, access: Access) -> None:
    peer = connection.peer
    assert peer is not None
    if peer.kind is not kind:
        rule = f"it is a {peer.kind.name.lower()}, not a {kind.name.lower()}"
        station = peer.kind is PeerKind.STATION
        advice = (
            "?bay=3 at the end of its URI names the camera in bay 3"
            if station
            else "name the URI of a docking station"
        )
        raise WrongDevice(rule, device=connection.name, advice=advice)
    if access.expect is not None and peer.identity != access.expect:
        raise WrongDevice(f"it is {peer.identity!r}, not {access.expect!r}", device=connection.name)
    if not peer.secure and not peer.capabilities & (Capability.SIMULATOR | Capability.LAB):
        raise SessionRefused(
            "an insecure session is for simulators and development firmware, and this device says that it is neither",
            device=connection.name,
            advice="its firmware has to protect its sessions; development firmware, which has no evidence and is never "
            "enrolled, states the capability LAB",
        )

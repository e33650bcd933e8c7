"""`connect`, `connect_station` and `connect_device`: from a device URI to a client that is ready."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.connection.access import Access, Connecting
from bwc_sdk.connection.error_mapping import unfinished
from bwc_sdk.connection.establish import CONNECT_S, connect_channel, open_channel
from bwc_sdk.connection.link_driver import LinkDriver, device_name
from bwc_sdk.errors import InvalidUri, WrongDevice
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.identity.lookup import find_identity
from bwc_sdk.link_seen import seen_on
from bwc_sdk.transport import Transport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri

if TYPE_CHECKING:
    from bwc_sdk.capture.recorder import Capture

AnyDevice = Camera | DockingStation
CAPTURE_ENV: Final = "BWC_CAPTURE"
"""Environment variable: a file for captures of every connection of this process; see `capture` of `connect`."""


def connect(
    device: str | Transport,
    *,
    bay: int = 0,
    role: Role = Role.TECHNICIAN,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
    world: World | None = None,
) -> Connecting[Camera]:
    """Connects to the camera that a URI (or a transport of one's own) names. Changes nothing on it.

    `bay` is for a transport to a docking station: the camera in that bay, as a URI says it by `?bay=3`.
    `role` is what this host asks to be, and all that it may do in this session. `identity` proves who it is: a
    directory with a key file a role, or a `HostIdentity` of one's own; by default `BWC_IDENTITY`, else
    `~/.config/bwc/identity`. `lab` speaks by the lab instead, `allow_insecure` without any protection, to simulators
    and development firmware. `expect` is the serial number that the camera must have; `capture` a file for what passes
    (or `BWC_CAPTURE`). A further connection of this process with the same `capture`, at once or later, goes to
    `wire-2.jsonl`, `wire-3.jsonl`, … beside `wire.jsonl`, as does one while another process writes the file; what an
    earlier process left is replaced.
    Of the two deny lists the older is replaced by the newer. Ends within 15 s, and 60 s where a list is exchanged.
    Raises `IdentityError`, `InvalidUri`, `MissingExtra`, `HostFileError`, `TransportError`, `LinkError`,
    `SessionError`, `ProtocolViolation`; each names the device and the rule. It never connects again by itself.
    """
    access = _access(role, identity, lab, expect, allow_insecure, capture, world)
    return Connecting(partial(_open_camera, device, bay, access))


def connect_station(
    device: str | Transport,
    *,
    role: Role = Role.TECHNICIAN,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
    world: World | None = None,
) -> Connecting[DockingStation]:
    """Connects to the docking station that a URI (or a transport of one's own) names. Changes nothing on it.

    Arguments and errors are those of `connect`; a camera is `WrongDevice`. The cameras in its bays are reached
    by `DockingStation.camera`, all over this one link.
    """
    access = _access(role, identity, lab, expect, allow_insecure, capture, world)
    return Connecting(partial(_open_station, device, access))


def connect_device(
    device: str | Transport,
    *,
    role: Role = Role.TECHNICIAN,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    allow_insecure: bool = False,
    capture: Path | None = None,
    world: World | None = None,
) -> Connecting[AnyDevice]:
    """Connects to what a URI (or a transport of one's own) names, be it a camera or a docking station.

    For what both can do: identity, status, clock, self-test, log, reboot. Arguments and errors are those of `connect`.
    """
    access = _access(role, identity, lab, None, allow_insecure, capture, world)
    return Connecting(partial(_open_device, device, access))


def _access(
    role: Role,
    identity: HostIdentity | IdentitySet | Path | None,
    lab: bool,
    expect: str | None,
    allow_insecure: bool,
    capture: Path | None,
    world: World | None,
) -> Access:
    return Access(
        role=role,
        identities=find_identity(identity, lab=lab, allow_insecure=allow_insecure),
        expect=expect,
        allow_insecure=allow_insecure,
        capture=capture or (Path(os.environ[CAPTURE_ENV]) if CAPTURE_ENV in os.environ else None),
        world=world or World(),
    )


async def _open_camera(device: str | Transport, bay: int, access: Access) -> Camera:
    if isinstance(device, str):
        uri = DeviceUri.parse(device)
        if bay and uri.bay:
            raise InvalidUri(f"{uri} names a bay, and so does its caller")
        bay = bay or uri.bay
        device = transport_for(uri)
    access = await access.opened()
    capture = _capture(access, device, bay)
    return Camera(await connect_channel(device, bay, PeerKind.CAMERA, access, capture), access.world)


async def _open_station(device: str | Transport, access: Access) -> DockingStation:
    if isinstance(device, str):
        uri = DeviceUri.parse(device)
        if uri.bay:
            raise InvalidUri(
                f"{uri} names a camera in a bay, not the station", advice="leave the option bay out"
            )
        device = transport_for(uri)
    access = await access.opened()
    capture = _capture(access, device)
    return DockingStation(
        await connect_channel(device, 0, PeerKind.STATION, access, capture), access, capture
    )


async def _open_device(device: str | Transport, access: Access) -> AnyDevice:
    if isinstance(device, str):
        uri = DeviceUri.parse(device)
        if uri.bay:
            return await _open_camera(device, 0, access)
        device = transport_for(uri)
    access = await access.opened()
    capture = _capture(access, device)
    driver = LinkDriver(device, access.world, capture)
    try:
        async with asyncio.timeout(CONNECT_S):
            await driver.open()
            try:
                return Camera(await open_channel(driver, 0, PeerKind.CAMERA, access, capture), access.world)
            except WrongDevice:  # it said so over a link that is good: begin anew on it, as what it is
                connection = await open_channel(driver, 0, PeerKind.STATION, access, capture)
                return DockingStation(connection, access, capture)
    except TimeoutError as error:
        seen = seen_on(driver.endpoint.link, 0, None)
        await driver.close()
        raise unfinished(f"no connection within {CONNECT_S:.0f} s", driver.name, seen) from error
    except BaseException:
        await driver.close()
        raise


def _capture(access: Access, transport: Transport, channel: int = 0) -> Capture | None:
    if access.capture is None:
        return None
    from bwc_sdk.capture.recorder import Capture

    return Capture.begin(
        access.capture,
        device_name(transport, channel),
        channel=channel,
        utc_ns=access.world.utc_ns(),
        now=asyncio.get_running_loop().time,
    )

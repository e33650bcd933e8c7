"""`connect` and `connect_station`: from a device URI to a client that is ready."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from functools import partial
from pathlib import Path
from typing import Final

from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.access import Access, Connecting
from bwc_sdk.camera import Camera
from bwc_sdk.capture import Capture
from bwc_sdk.connection import Connection, connect_channel
from bwc_sdk.errors import InvalidUri
from bwc_sdk.station import DockingStation
from bwc_sdk.transport import Transport
from bwc_sdk.transport.uri import DeviceUri, transport_for
from bwc_sdk.world import World

CAPTURE_ENV: Final = "BWC_CAPTURE"
"""Environment variable: a file that every connection of this process is captured to."""


def connect(
    device: str | Transport,
    *,
    bay: int = 0,
    role: Role = Role.TECHNICIAN,
    identity: str | None = None,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
    world: World | None = None,
) -> Connecting[Camera]:
    """Connects to the camera that a URI (or a transport of one's own) names. Changes nothing on it.

    `bay` is for a transport to a docking station: the camera in that bay, as a URI says it by `?bay=3`.
    `role` is what this host asks to be; `identity` how it calls itself (user@host by default); `expect` the
    serial number that the camera must have; `capture` a file for what passes (or `BWC_CAPTURE`).
    Ends within 15 s. Raises `InvalidUri`, `MissingExtra`, `TransportError`, `LinkError`, `SessionError`,
    `ProtocolViolation`; each names the device and the rule. It never connects again by itself.
    """
    access = _access(role, identity, expect, allow_insecure, capture, world)
    return Connecting(partial(_open_camera, device, bay, access))


def connect_station(
    device: str | Transport,
    *,
    role: Role = Role.TECHNICIAN,
    identity: str | None = None,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
    world: World | None = None,
) -> Connecting[DockingStation]:
    """Connects to the docking station that a URI (or a transport of one's own) names. Changes nothing on it.

    Arguments and errors are those of `connect`; a camera is `WrongDevice`. The cameras in its bays are reached
    by `DockingStation.camera`, all over this one link.
    """
    access = _access(role, identity, expect, allow_insecure, capture, world)
    return Connecting(partial(_open_station, device, access))


def _access(
    role: Role,
    identity: str | None,
    expect: str | None,
    allow_insecure: bool,
    capture: Path | None,
    world: World | None,
) -> Access:
    return Access(
        role=role,
        identity=identity or f"{getpass.getuser()}@{socket.gethostname()}"[:64],
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
    return Camera(await _connection(device, bay, PeerKind.CAMERA, access), access.world)


async def _open_station(device: str | Transport, access: Access) -> DockingStation:
    if isinstance(device, str):
        uri = DeviceUri.parse(device)
        if uri.bay:
            raise InvalidUri(
                f"{uri} names a camera in a bay, not the station", advice="leave the option bay out"
            )
        device = transport_for(uri)
    return DockingStation(await _connection(device, 0, PeerKind.STATION, access), access)


async def _connection(transport: Transport, bay: int, kind: PeerKind, access: Access) -> Connection:
    capture = None
    if access.capture is not None:
        capture = Capture(access.capture, asyncio.get_running_loop().time)
    return await connect_channel(transport, bay, kind, access, capture)

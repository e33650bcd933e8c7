"""`connect`: from a device URI to a camera that is ready."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.camera import Camera
from bwc_sdk.capture import Capture
from bwc_sdk.connection import connect_channel
from bwc_sdk.transport import Transport
from bwc_sdk.transport.uri import DeviceUri, transport_for
from bwc_sdk.world import World

CAPTURE_ENV: Final = "BWC_CAPTURE"
"""Environment variable: a file that every connection of this process is captured to."""


class Connecting:
    """What `connect` gives: await it for a `Camera`, or enter it with `async with`."""

    def __init__(
        self,
        device: str | Transport,
        *,
        role: Role,
        identity: str | None,
        expect: str | None,
        allow_insecure: bool,
        capture: Path | None,
        world: World | None,
    ) -> None:
        self._device = device
        self._role = role
        self._identity = identity or f"{getpass.getuser()}@{socket.gethostname()}"[:64]
        self._expect = expect
        self._allow_insecure = allow_insecure
        self._capture = capture or (Path(os.environ[CAPTURE_ENV]) if CAPTURE_ENV in os.environ else None)
        self._world = world or World()
        self._camera: Camera | None = None

    async def _open(self) -> Camera:
        device = self._device
        transport = transport_for(DeviceUri.parse(device)) if isinstance(device, str) else device
        capture = None
        if self._capture is not None:
            capture = Capture(self._capture, asyncio.get_running_loop().time)
        connection = await connect_channel(
            transport,
            kind=PeerKind.CAMERA,
            identity=self._identity,
            roles=self._role,
            expect=self._expect,
            allow_insecure=self._allow_insecure,
            world=self._world,
            capture=capture,
        )
        self._camera = Camera(connection, self._world)
        return self._camera

    def __await__(self) -> Generator[Any, None, Camera]:
        return self._open().__await__()

    async def __aenter__(self) -> Camera:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._camera is not None:
            await self._camera.close()


def connect(
    device: str | Transport,
    *,
    role: Role = Role.TECHNICIAN,
    identity: str | None = None,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
    world: World | None = None,
) -> Connecting:
    """Connects to the camera that a URI (or a transport of one's own) names. Changes nothing on it.

    `role` is what this host asks to be; `identity` how it calls itself (user@host by default); `expect` the
    serial number that the camera must have; `capture` a file for what passes (or `BWC_CAPTURE`).
    Ends within 15 s. Raises `InvalidUri`, `MissingExtra`, `TransportError`, `LinkError`, `SessionError`,
    `ProtocolViolation`; each names the device and the rule. It never connects again by itself.
    """
    return Connecting(
        device,
        role=role,
        identity=identity,
        expect=expect,
        allow_insecure=allow_insecure,
        capture=capture,
        world=world,
    )

"""A docking station: its own subjects, its bays, and the cameras in them (spec: Station, Station commands)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Event, Role
from bwc_protocol.frame import MAX_CHANNEL
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.subjects import StationSubjects
from bwc_sdk.connection.access import Access, Connecting
from bwc_sdk.connection.connection import Connection
from bwc_sdk.connection.counters import Counters
from bwc_sdk.connection.establish import open_channel
from bwc_sdk.connection.link_driver import device_name
from bwc_sdk.errors import BwcError, DeviceBusy, PortNotFound, WrongDevice

if TYPE_CHECKING:
    from bwc_sdk.capture.recorder import Capture


class DockingStation(StationSubjects):
    """A docking station that is connected. Use as `async with`; opening changes nothing on it.

    One attribute a subject, as `StationSubjects` has them.
    All cameras of its bays share the station's one link, and end with it; `camera` connects to one.

    Attributes:
        peer: what the station said of itself when the session began.
        counters: frames, repeats, and what was thrown away by reason.
        error: what ended the connection; None while it lives.
        connection: the conversation underneath; its `call` sends any declared command.
    """

    peer: PeerInfo
    connection: Connection

    def __init__(self, connection: Connection, access: Access, capture: Capture | None = None) -> None:
        assert connection.peer is not None
        self.connection = connection
        self.peer = connection.peer
        self.world = access.world
        self._access = access
        self._capture = capture
        self._cameras: dict[int, Connection] = {}  # at most one a bay; what has ended is replaced
        self._free_at: dict[
            int, float
        ] = {}  # when a bay that was busy may be asked again, by the loop's time

    @property
    def name(self) -> str:
        """The URI by which it was reached."""
        return self.connection.name

    @property
    def identity(self) -> str:
        """The name in its certificate: the serial number."""
        return self.peer.identity

    @property
    def error(self) -> BwcError | None:
        """What ended the connection; None while it lives. Nothing is asked for it: a device that fell silent is told
        as lost once the link has noticed."""
        return self.connection.error

    @property
    def counters(self) -> Counters:
        """What the connection counted until now, or until its end: frames, repeats, what was thrown away and why."""
        return self.connection.counters

    def camera(self, bay: int, *, role: Role | None = None, expect: str | None = None) -> Connecting[Camera]:
        """Connects to the camera in a bay, over the station's link.

        `role` is the station connection's unless it is given; `expect` the serial number that the camera must
        have. Raises `PortNotFound` for a bay that does not exist or has no camera that answers, `DeviceBusy`
        when another host has it by another way (with a time to come back) or this program has it open,
        `WrongDevice` for another camera than was expected and for one that also answers in another bay, and what
        `connect` raises otherwise. Closing it leaves the station connected.
        """
        return Connecting(partial(self._open_camera, bay, role, expect))

    async def _open_camera(self, bay: int, role: Role | None, expect: str | None) -> Camera:
        driver = self.connection.driver
        name = device_name(driver.transport, bay)
        if not 1 <= bay <= MAX_CHANNEL:  # the camera in bay n is on channel n
            raise PortNotFound(f"there is no bay {bay}: they are numbered from 1", device=name)
        access = replace(await self._access.opened(role), expect=expect)
        capture = self._capture.on(bay) if self._capture is not None else None
        self._check_pause(bay, name)
        try:
            connection = await open_channel(driver, bay, PeerKind.CAMERA, access, capture, shared=True)
        except DeviceBusy as busy:
            self._free_at[bay] = asyncio.get_running_loop().time() + busy.retry_after_s
            raise
        assert connection.peer is not None
        claimed = connection.peer.identity
        for other, held in self._cameras.items():
            if other != bay and held.error is None and held.peer and held.peer.identity == claimed:
                await connection.close()
                rule = f"bays {other} and {bay} both claim to hold {claimed!r}"
                raise WrongDevice(rule, device=connection.name)
        self._cameras[bay] = connection
        return Camera(connection, self._access.world)

    def _check_pause(self, bay: int, name: str) -> None:
        """A bay that was busy is not asked again before the time that it named."""
        left_s = self._free_at.get(bay, 0.0) - asyncio.get_running_loop().time()
        if left_s > 0:
            rule = "another host has the camera in this bay, which was not asked again yet"
            raise DeviceBusy(rule, device=name, retry_after_s=left_s)

    @property
    def host_name(self) -> str:
        """How this host is called in the session and in the device's log: by its certificate, if it has one."""
        return self.connection.host_name

    @property
    def notices(self) -> tuple[str, ...]:
        """What is to be said of the identities of this session, such as a certificate that ends soon or has ended."""
        return tuple(self.connection.notices)

    def events(self) -> AsyncIterator[Event]:
        """What the station tells without being asked, until the connection ends; for one reader.

        Raises what ended it: `DeviceLost`, also when it was closed here, `LinkError` or `SessionError`. Of a reader
        that is slow the oldest events are dropped, and counted (`counters.events_unread`).
        """
        return self.connection.events()

    async def close(self) -> None:
        """Ends the sessions with the cameras and the station, then link and pipe; idempotent, bounded."""
        await self.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

"""A camera: its subjects as typed clients (spec: Commands)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Event
from bwc_sdk.clients.subjects import CameraSubjects
from bwc_sdk.connection.connection import Connection
from bwc_sdk.connection.counters import Counters
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import World


class Camera(CameraSubjects):
    """A camera that is connected. Use as `async with`; opening changes nothing on the device.

    One attribute a subject: `camera.battery.status()`, as `CameraSubjects` has them.

    Attributes:
        peer: what the camera said of itself when the session began.
        counters: frames, repeats, and what was thrown away by reason.
        error: what ended the connection; None while it lives.
        connection: the conversation underneath; its `call` sends any declared command.
        world: clock, randomness, files and workers that were injected.
    """

    peer: PeerInfo
    connection: Connection
    world: World

    def __init__(self, connection: Connection, world: World) -> None:
        assert connection.peer is not None
        self.connection = connection
        self.world = world
        self.peer = connection.peer

    @property
    def name(self) -> str:
        """The URI by which it was reached."""
        return self.connection.name

    @property
    def footage_rate(self) -> float | None:
        """Bytes/s that footage would make over a link that is not meant for it; None for any other link."""
        return self.connection.driver.transport.limits.footage_rate

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

    @property
    def host_name(self) -> str:
        """How this host is called in the session and in the device's log: by its certificate, if it has one."""
        return self.connection.host_name

    @property
    def notices(self) -> tuple[str, ...]:
        """What is to be said of the identities of this session, such as a certificate that ends soon or has ended."""
        return tuple(self.connection.notices)

    def events(self) -> AsyncIterator[Event]:
        """What the camera tells without being asked, until the connection ends; for one reader.

        Raises what ended it: `DeviceLost`, also when it was closed here, `LinkError` or `SessionError`. Of a reader
        that is slow the oldest events are dropped, and counted (`counters.events_unread`).
        """
        return self.connection.events()

    async def close(self) -> None:
        """Ends session, link and pipe in order; idempotent, bounded."""
        await self.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

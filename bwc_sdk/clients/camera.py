"""A camera: its subjects as typed clients (spec: Commands)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Event
from bwc_sdk.connection.connection import Connection
from bwc_sdk.connection.counters import Counters
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import World

if TYPE_CHECKING:
    from bwc_protocol.messages.battery import Battery
    from bwc_protocol.messages.identity import Device
    from bwc_protocol.messages.storage import Storage
    from bwc_sdk.clients.assignment import Assignment
    from bwc_sdk.clients.audit import Audit
    from bwc_sdk.clients.clock import Clock
    from bwc_sdk.clients.config import Config
    from bwc_sdk.clients.recordings import Recordings


class Camera:
    """A camera that is connected. Use as `async with`; opening changes nothing on the device.

    Attributes:
        device: identity, capabilities, status, self-test, reboot.
        battery: charge, load and health.
        storage: level, recording time left, wear of the eMMC.
        clock: read, measure by exchanges, set within limits.
        config: schema, values, and the transaction that changes them.
        recordings: listing, manifests, stored bytes, marks and holds.
        assignment: who carries the camera.
        audit: the camera's log, checked against its chain of hashes.
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

    # The subjects: each is loaded when it is first used.

    @cached_property
    def device(self) -> Device:
        """Identity, capabilities, status, self-test, reboot."""
        from bwc_protocol.messages.identity import Device

        return Device(self.connection)

    @cached_property
    def battery(self) -> Battery:
        """Charge, load and health."""
        from bwc_protocol.messages.battery import Battery

        return Battery(self.connection)

    @cached_property
    def storage(self) -> Storage:
        """Level, recording time left, wear of the eMMC."""
        from bwc_protocol.messages.storage import Storage

        return Storage(self.connection)

    @cached_property
    def clock(self) -> Clock:
        """Read, measure by exchanges, set within limits."""
        from bwc_sdk.clients.clock import Clock

        return Clock(self.connection, self.world)

    @cached_property
    def config(self) -> Config:
        """Schema, values, and the transaction that changes them."""
        from bwc_sdk.clients.config import Config

        return Config(self.connection)

    @cached_property
    def recordings(self) -> Recordings:
        """Listing, manifests, stored bytes, marks and holds."""
        from bwc_sdk.clients.recordings import Recordings

        return Recordings(self.connection)

    @cached_property
    def assignment(self) -> Assignment:
        """Who carries the camera."""
        from bwc_sdk.clients.assignment import Assignment

        return Assignment(self.connection)

    @cached_property
    def audit(self) -> Audit:
        """The camera's log, checked against its chain of hashes."""
        from bwc_sdk.clients.audit import Audit

        return Audit(self.connection)

    @property
    def name(self) -> str:
        """The URI by which it was reached."""
        return self.connection.name

    @property
    def footage_rate(self) -> float | None:
        """Bytes/s that footage would make over a link that is not meant for it; None for any other link."""
        return self.connection.line.transport.limits.footage_rate

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

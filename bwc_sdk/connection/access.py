"""What a host asks for when it connects, and a connection that is not begun until it is awaited or entered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from bwc_protocol.conversation import LocalInfo
from bwc_protocol.declare import Role
from bwc_protocol.session.interface import Session, SessionSide
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lookup import Identities, identity_for, own_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """As whom a host connects, and what it accepts."""

    role: Role
    identities: Identities | None
    """What this host speaks by; None = the insecure session."""
    expect: str | None
    """The serial number that the device must have."""
    allow_insecure: bool
    """Whether somebody asked for the insecure session."""
    capture: Path | None
    world: World
    identity: HostIdentity | None = None
    """Of `identities` the one that holds the role, once it is opened."""

    async def opened(self, role: Role | None = None) -> Self:
        """The same with the identity that holds the role, ready for a handshake. Opening its key file takes a fifth of
        a second, or a person who types a passphrase, and a long deny list 0.05 s: no loop waits for that. Raises
        `IdentityError`, `HostFileError`."""
        role = self.role if role is None else role
        if self.identities is None:
            return replace(self, role=role)
        return replace(self, role=role, identity=await self.world.workers.wait(self._identity, role))

    def _identity(self, role: Role) -> HostIdentity:
        from bwc_sdk.identity.judging import prepare

        assert self.identities is not None
        identity = identity_for(self.identities, role, self.world.utc_ns() / 1_000_000_000)
        prepare(identity, self.world.utc_ns)
        return identity

    def local(self) -> LocalInfo:
        """What this host says of itself."""
        identity = self.identity
        if identity is None:
            return LocalInfo(kind=PeerKind.HOST, identity=own_identity(), roles=self.role)
        counter = identity.deny_lists.counter
        return LocalInfo(kind=PeerKind.HOST, identity=identity.name, roles=self.role, deny_counter=counter)

    def session(self, side: SessionSide) -> Session:
        """This host's end of one session. Raises `IdentityError` where OpenSSL does not take the certificate or its
        key."""
        if self.identity is None:
            return self.world.session(side)
        from bwc_sdk.identity.judging import session_of

        return session_of(self.identity, self.world.utc_ns, side)


class Closable(Protocol):
    """A client of a device."""

    async def close(self) -> None:
        """Ends the connection."""


T = TypeVar("T", bound=Closable)


class Connecting(Generic[T]):
    """A connection to come: await it for a client, or enter it with `async with`, which also closes it."""

    def __init__(self, open: Callable[[], Awaitable[T]]) -> None:
        self._open = open
        self._client: T | None = None

    async def _opened(self) -> T:
        self._client = await self._open()
        return self._client

    def __await__(self) -> Generator[Any, None, T]:
        return self._opened().__await__()

    async def __aenter__(self) -> T:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

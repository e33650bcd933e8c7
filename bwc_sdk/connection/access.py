"""What a host asks for when it connects, and a connection that is not begun until it is awaited or entered."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Protocol, TypeVar

from bwc_protocol.conversation import LocalInfo
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.host.world import World

IDENTITY_MAX: Final = 64
"""Bytes of a host's name in session and audit log (spec: session.info)."""


def own_identity() -> str:
    """How this host calls itself unless it is told: `user@host`, as far as the field goes."""
    try:
        user = getpass.getuser()
    except (KeyError, ImportError, OSError):
        user = "unknown"  # no variable names the user, and no list of users either: a container, a service
    name = "".join(sign if sign.isprintable() else "?" for sign in f"{user}@{socket.gethostname()}")
    return name.encode("utf-8", "replace")[:IDENTITY_MAX].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """As whom a host connects, and what it accepts."""

    role: Role
    identity: str
    """How the host calls itself."""
    expect: str | None
    """The serial number that the device must have."""
    allow_insecure: bool
    capture: Path | None
    world: World

    def local(self) -> LocalInfo:
        """What this host says of itself."""
        return LocalInfo(kind=PeerKind.HOST, identity=self.identity, roles=self.role)


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

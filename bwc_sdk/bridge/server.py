"""Listens for the clients of a bridge, and serves one at a time."""

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from bwc_sdk.bridge.events import BridgeEvent, ClientCame, ClientLeft, ClientRefused
from bwc_sdk.bridge.visit import Visit
from bwc_sdk.errors import BwcError, InvalidUri, PortBusy, PortForbidden, PortNotFound, TransportError
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.host.name_lookup import addresses_of
from bwc_sdk.transport import Transport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri

log = logging.getLogger(__name__)

GRACE_S: Final = 0.5
"""How long a second client is kept before it is refused: one that connects again is often faster than the end of
its own earlier connection."""
REFUSED_MAX: Final = 4
"""Clients that are being told that the device is busy; beyond, they are closed without a word."""
BACKLOG: Final = 4
"""Connections that the system keeps until they are looked at: one is served, and the others refused."""


class Bridge:
    """Offers one device to one client at a time, on `host`:`port` (0: any that is free); use with `async with`.

    `device` is a URI, or makes a transport: the device is opened afresh for each client and closed after it.
    A second client is told that the device is busy, and closed. When the device goes away its client is closed; the
    next one opens it again.
    `on_event` is called when clients come and go. There are no keys here, and whoever reaches the port reaches the
    device: bind it to anything but loopback only in a network that you trust.
    """

    def __init__(
        self,
        device: str | Callable[[], Transport],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        on_event: Callable[[BridgeEvent], None] = lambda event: None,
    ) -> None:
        """Raises `InvalidUri` and `MissingExtra`; nothing is opened yet."""
        if isinstance(device, str):
            uri = DeviceUri.parse(device)
            if uri.bay:
                rule = f"{uri} names a camera in a bay, and a bridge carries the whole link of the station"
                raise InvalidUri(rule, advice="leave the option bay out here, and add it to the bridge's URI")
            transport_for(uri)
            self._make: Callable[[], Transport] = lambda: transport_for(uri)
        else:
            self._make = device
        self._host, self._port = host, port
        self._on_event = on_event
        self._server: asyncio.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._now: Visit | None = None
        self._next: Visit | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._refused: list[Visit] = []

    @property
    def uri(self) -> str:
        """What a remote `connect` takes, with this machine's address in the place of one that means all of them."""
        return f"tcp:{_written(self._host)}:{self._port}"

    @property
    def local_only(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self._host)

    async def open(self) -> None:
        """Listens. Raises `PortBusy`, `PortForbidden` or `PortNotFound` for an address that cannot be had."""
        found = [self._host]  # "" is every address that there is
        if self._host:
            found = await addresses_of(self._host, self._port, device=self.uri)
        host = next((one for one in found if ":" not in one), found[0])
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            sock = socket.create_server((host, self._port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise exhausted(error, self.uri) or _listening_error(self.uri, error) from error
        self._host, self._port = sock.getsockname()[:2]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Visit(self._came), sock=sock)

    async def close(self) -> None:
        """Stops listening, closes the client and the device; idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._refuse_next()
        for visit in self._refused:
            visit.abort()
        if self._now is not None:
            self._now.finish()
        if self._serving is not None:
            await self._serving

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Clients

    def _came(self, visit: Visit) -> None:
        if self._next is not None and self._next.silent:
            self._refuse_next()  # whoever comes is likelier to be a host
        if self._server is None or self._next is not None:
            self._refuse(visit)
        elif self._now is None:
            self._now = visit
            self._serving = asyncio.get_running_loop().create_task(self._serve(), name="bwc-bridge")
        else:
            self._next = visit
            self._patience = asyncio.get_running_loop().call_later(GRACE_S, self._lose_patience)

    def _lose_patience(self) -> None:
        if self._now is None or self._now.over:
            return  # the earlier client has left, and only its device is still being closed
        if self._now.idle and self._next is not None and self._next.calls:
            self._now.finish(TransportError("it says no HELLO, and another client does", device=self.uri))
        else:
            self._refuse_next()

    def _refuse_next(self) -> None:
        visit = self._take_next()
        if visit is not None:
            self._refuse(visit)

    def _take_next(self) -> Visit | None:
        visit, self._next = self._next, None
        if self._patience is not None:
            self._patience.cancel()
        return visit

    def _refuse(self, visit: Visit) -> None:
        log.info("%s: %s refused, another client has the device", self.uri, visit.peer)
        self._refused = [one for one in self._refused if not one.gone]
        if self._server is not None and len(self._refused) < REFUSED_MAX:
            self._refused.append(visit)
            visit.refuse()
        else:
            visit.abort()
        self._on_event(ClientRefused(visit.peer))

    async def _serve(self) -> None:
        while (visit := self._now) is not None:
            log.info("%s: %s comes", self.uri, visit.peer)
            self._on_event(ClientCame(visit.peer))
            error = await visit.serve(self._make)
            log.info("%s: %s left: %s", self.uri, visit.peer, error or "the client closed")
            self._on_event(ClientLeft(visit.peer, visit.bytes_to_device, visit.bytes_to_client, error))
            self._now = self._take_next()


def is_loopback(host: str) -> bool:
    """Whether a host is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listening_error(uri: str, error: OSError) -> BwcError:
    if error.errno == errno.EADDRINUSE:
        advice = "choose another port; 0 takes any that is free"
        return PortBusy("another process listens there", device=uri, advice=advice)
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortForbidden(
            "the system does not let this user listen there", device=uri, advice="choose a port above 1023"
        )
    said = str(error.strerror or error).partition(" (while attempting")[0]  # the address is told already
    return PortNotFound(
        f"it cannot listen there: {said}",
        device=uri,
        advice="listen at an address of this machine, such as tcp:127.0.0.1:0",
    )

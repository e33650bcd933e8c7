"""`tcp:host:port`: a simulator, or a bridge to a device on another machine."""

import asyncio
import os
import socket
from typing import Final, cast

from bwc_sdk.errors import BwcError, DeviceLost, InvalidUri, PortNotFound
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.host.name_lookup import addresses_of
from bwc_sdk.transport import Limits, Receiver
from bwc_sdk.transport.uri import DeviceUri

CONNECT_S: Final = 5.0
MAX_PAYLOAD: Final = 61_440
"""The largest that a frame can have: TCP takes any."""
BUFFER: Final = 1_048_576
"""One read: sixteen of the largest frames, so that the loop is entered seldom."""
PORT_DIGITS: Final = 5
_FOREIGN: Final = frozenset("/\\@#[] ")
"""Of other kinds of URI, or of a typing error: no host has them."""
HIGH_WATER: Final = 2_097_152
"""Bytes that wait in user space: one window of the largest frames."""


class TcpTransport:
    """A byte pipe over a TCP connection."""

    def __init__(self, uri: DeviceUri) -> None:
        uri.allow()
        host, colon, port = uri.address.rpartition(":")
        host = host.strip("[]")
        numeric = port.isascii() and port.isdecimal() and len(port) <= PORT_DIGITS
        if not colon or not host or _FOREIGN & set(host) or not numeric or not 0 < int(port) < 65_536:
            raise InvalidUri(f"{uri} does not name a host and a port", advice="write tcp:127.0.0.1:7000")
        self.name = str(uri)
        self.limits = Limits(max_payload=MAX_PAYLOAD)
        self._host, self._port = host, int(port)
        self._protocol: _Pipe | None = None

    async def open(self, receiver: Receiver) -> None:
        protocol = _Pipe(self.name, receiver)
        addresses = await addresses_of(self._host, self._port, device=self.name)
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._connect(addresses, protocol)
        except (OSError, TimeoutError) as error:
            raise exhausted(error, self.name) or PortNotFound(
                f"nobody answers: {_words(error)}",
                device=self.name,
                advice="is the simulator or the bridge running there, and is the port right?",
            ) from error
        self._protocol = protocol

    async def _connect(self, addresses: list[str], protocol: "_Pipe") -> None:
        """Tries one address after the other. Raises the error of the last one."""
        loop = asyncio.get_running_loop()
        for address in addresses:
            try:
                await loop.create_connection(lambda: protocol, address, self._port)
                return
            except OSError:
                if address == addresses[-1]:
                    raise

    def room(self) -> int:
        return self._protocol.room() if self._protocol is not None else 0

    def write(self, parts: list[bytes]) -> None:
        if self._protocol is not None:
            self._protocol.write(parts)

    def pause(self) -> None:
        if self._protocol is not None:
            self._protocol.hold(True)

    def resume(self) -> None:
        if self._protocol is not None:
            self._protocol.hold(False)

    async def close(self) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.shut()
            await asyncio.sleep(0)


def _words(error: OSError) -> str:
    """The system's, without the address, which the device's name has already."""
    if isinstance(error, TimeoutError) or not error.errno:
        return "timed out" if isinstance(error, TimeoutError) else str(error)
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)


class _Pipe(asyncio.BufferedProtocol):
    def __init__(self, name: str, receiver: Receiver) -> None:
        self._name = name
        self._receiver: Receiver | None = receiver
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No `isinstance`: the transports of other loops, such as uvloop's, behave so and are none.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        if self._receiver is not None:
            self._receiver.received(self._view[:nbytes])

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._receiver is not None:
            self._receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            error: BwcError = DeviceLost(f"the connection ended: {exc or 'closed'}", device=self._name)
            error.__cause__ = exc
            receiver.lost(error)

    def room(self) -> int:
        transport = self._transport
        if transport is None or self._paused or transport.is_closing():
            return 0
        # At least 1: asyncio pauses, and so tells when to go on, only once the buffer is above its mark.
        return max(1, HIGH_WATER - transport.get_write_buffer_size())

    def write(self, parts: list[bytes]) -> None:
        if self._transport is not None:
            self._transport.writelines(parts)

    def hold(self, held: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if held:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def shut(self) -> None:
        self._receiver = None
        if self._transport is not None:
            self._transport.close()

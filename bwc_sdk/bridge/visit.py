"""One client of a bridge, and the device that was opened for it: bytes are copied both ways until one side ends.

Nothing is read of one side that the other does not take: a side that stalls stalls the other, not the memory.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast

from bwc_protocol.frame import MIN_PAYLOAD, FrameParser, FrameType
from bwc_sdk.bridge.refusal import Refusal
from bwc_sdk.errors import BwcError, DeviceLost, TransportError
from bwc_sdk.transport import Pausable, Transport

CLIENT_BUFFER: Final = 1_048_576
"""Bytes that wait for the client before the device is not read any more: what a fast device sends in 30 ms."""
OVERFLOW: Final = 8_388_608
"""Bytes that wait for the client before it is closed. A device that can be paused still hands over one backlog of
4 MiB; one that cannot (BLE) is slower than this by far, unless it floods."""
STALLED_S: Final = 10.0
"""A side that takes nothing from one look to the next while bytes wait for it is given up. The link is dead after
5 s, or 10 s on BLE, so that nothing is lost by it; without it a client that vanished would keep the device for ever."""
LINGER_S: Final = 0.5
"""How long the client may take to receive the last bytes."""
SILENT_S: Final = 10.0
"""Of a client that never said a byte. A host says HELLO as soon as it is connected."""
WITHOUT_HELLO_S: Final = 15.0
"""Without a byte either way, of a client that said something, but no HELLO: as long as a host may take to connect."""
QUIET_S: Final = 30.0
"""The same of one that did say HELLO. A live link has a frame from each side every few seconds, and is dead after 10 s
of silence at the most; what is left then is a connection that keeps everybody else out."""
CALLING_S: Final = 5.0
"""Within this a host has said HELLO, or another client that has is preferred to it."""
REFUSING_S: Final = 1.0
"""How long a client that is refused may take to say HELLO, which it does four times a second, and to hear why."""
KEEPALIVE: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""An idle client whose machine is gone is noticed within 25 s. Not every system has every one of these."""


class Visit(asyncio.Protocol):
    """The client's connection is this protocol, the device's receiver as well."""

    def __init__(self, came: Callable[["Visit"], None]) -> None:
        self.peer = ""
        self.bytes_to_device = 0
        self.bytes_to_client = 0
        self._came = came
        self._client: asyncio.Transport | None = None
        self._device: Transport | None = None
        self._device_open = False
        self._patience: asyncio.TimerHandle | None = None
        self._refusal: Refusal | None = None
        self._waiting = b""  # of the client, until the device has room: at most what one read gave
        self._hello: FrameParser | None = FrameParser(MIN_PAYLOAD)  # until the client's HELLO was seen
        self._came_s = self._moved_s = 0.0  # when the client came, and when a byte was last under way
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[BwcError | None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()

    async def serve(self, make: Callable[[], Transport]) -> BwcError | None:
        """Opens the device, copies until one side ends, and closes both; why, or None when the client left."""
        try:
            self._device = make()
            if not await self._opened(self._device):
                return None
            return await self._copied()
        except Exception as error:
            return self._ours(error)
        finally:
            self.finish()
            if self._device is not None:
                await self._device.close()
            await asyncio.wait((self._closed,), timeout=LINGER_S)
            self.abort()

    @property
    def over(self) -> bool:
        """Whether it is ending: the client left, the device is gone, or it was finished."""
        return self._over.done()

    @property
    def silent(self) -> bool:
        """Whether the client has not said a byte."""
        return not (self.bytes_to_device or self._waiting)

    @property
    def calls(self) -> bool:
        """Whether the client has said HELLO."""
        return self._hello is None

    @property
    def idle(self) -> bool:
        """Whether the client does not behave as a host does, which says HELLO as soon as it is connected."""
        return self.silent or (not self.calls and self._loop.time() - self._came_s >= CALLING_S)

    @property
    def gone(self) -> bool:
        """Whether the client's connection has ended."""
        return self._closed.done()

    def finish(self, error: BwcError | None = None) -> None:
        """Ends it; bytes that the client has not taken yet have a moment to reach it."""
        if not self._over.done():
            self._over.set_result(error)
        if self._client is not None:
            self._client.close()

    def refuse(self) -> None:
        """Tells a client that says HELLO that the device is busy; closes it within a second, whatever it does."""
        if self._client is not None:
            self._refusal = Refusal()
            asked, self._waiting = self._waiting, b""
            self._client.write(self._refusal.answer(asked, self._loop.time()))
            self._client.resume_reading()
            self._loop.call_later(REFUSING_S, self.abort)

    def abort(self) -> None:
        """Closes the client at once."""
        if self._client is not None:
            self._client.abort()

    async def _opened(self, device: Transport) -> bool:
        """Opens the device; False when it was finished meanwhile. Radio may take ten seconds."""
        opening = asyncio.ensure_future(device.open(self))
        try:
            await asyncio.wait((opening, self._over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not opening.done():
                opening.cancel()
                await asyncio.wait((opening,))
        if opening.cancelled():
            return False
        opening.result()
        self._device_open = True
        self._push()
        return True

    async def _copied(self) -> BwcError | None:
        """Waits for the end, and brings it about when one side stalls."""
        while True:
            to_device, to_client = self.bytes_to_device, self._taken_by_client()
            done, _ = await asyncio.wait((self._over,), timeout=STALLED_S)
            if done:
                return self._over.result()
            if self._waiting and self.bytes_to_device == to_device:
                return TransportError(f"the device takes nothing for {STALLED_S:g} s", device=self._name)
            if self._unsent() and self._taken_by_client() == to_client:
                return TransportError(f"the client takes nothing for {STALLED_S:g} s", device=self._name)

    @property
    def _name(self) -> str:
        return self._device.name if self._device is not None else ""

    # The client (asyncio.Protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No `isinstance`: the transports of other loops, such as uvloop's, behave so and are none.
        self._client = client = cast(asyncio.Transport, transport)
        host, port, *_ = transport.get_extra_info("peername") or ("", 0)
        self.peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        client.set_write_buffer_limits(high=CLIENT_BUFFER)
        _tune(transport.get_extra_info("socket"))
        self._came_s = self._moved_s = self._loop.time()
        self._patience = self._loop.call_later(SILENT_S, self._look_for_life)
        self._came(self)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            if self._client is not None and not self.over:
                # Not closed here: what the client has said since would reset the connection before it heard this.
                self._client.write(self._refusal.answer(data, self._loop.time()))
            return
        self._moved_s = self._loop.time()
        self._waiting += data
        if self._hello is not None:
            found = [frame.type for frame in self._hello.feed(data, self._moved_s)]
            if FrameType.HELLO in found:
                self._hello = None
        self._push()

    def _look_for_life(self) -> None:
        """Ends a client that has nothing to say, and so keeps others out."""
        if self._waiting or self._unsent():
            self._moved_s = self._loop.time()  # a side that stalls is another matter: see `_copied`
        if self.silent and not self.bytes_to_client:
            since_s, bound_s, rule = self._came_s, SILENT_S, "the client never said a word"
        elif not self.calls:
            since_s, bound_s, rule = (
                self._moved_s,
                WITHOUT_HELLO_S,
                "the client says no HELLO, and nothing else",
            )
        else:
            since_s, bound_s, rule = self._moved_s, QUIET_S, "nothing passes any more"
        if self._loop.time() >= since_s + bound_s:
            self.finish(TransportError(f"{rule} for {bound_s:g} s", device=self._name))
        else:
            self._patience = self._loop.call_at(since_s + bound_s, self._look_for_life)

    def eof_received(self) -> None:
        self.finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self.finish()
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        if isinstance(self._device, Pausable):
            self._device.pause()

    def resume_writing(self) -> None:
        if isinstance(self._device, Pausable) and not self.over:
            self._device.resume()

    # The device (Receiver)

    def received(self, data: bytes | memoryview) -> None:
        if self._client is None or self.over:
            return
        self._moved_s = self._loop.time()
        # A view is good only until this returns, and the client's buffer keeps what it is given.
        self.bytes_to_client += len(data)
        self._client.write(bytes(data))
        if self._unsent() > OVERFLOW:
            self.finish(
                TransportError(f"the client is {OVERFLOW} bytes behind the device", device=self._name)
            )

    def lost(self, error: Exception) -> None:
        self.finish(self._ours(error))

    def writable(self) -> None:
        self._push()

    def _push(self) -> None:
        """Hands the device what it has room for, and reads no more of the client while something is left."""
        if self._client is None or self.over:
            return
        if self._device is None or not self._device_open:
            self._client.pause_reading()  # it is known that the client speaks, and its first words wait
            return
        while self._waiting and (room := self._device.room()) > 0:
            part, self._waiting = self._waiting[:room], self._waiting[room:]
            self.bytes_to_device += len(part)
            self._moved_s = self._loop.time()
            self._device.write([part])
        if self._waiting:
            self._client.pause_reading()
        else:
            self._client.resume_reading()

    def _ours(self, error: Exception) -> BwcError:
        if isinstance(error, BwcError):
            return error
        lost = DeviceLost(f"the pipe is gone: {error}", device=self._name)  # a transport from elsewhere
        lost.__cause__ = error
        return lost

    # How far the client is behind

    def _unsent(self) -> int:
        return self._client.get_write_buffer_size() if self._client is not None else 0

    def _taken_by_client(self) -> int:
        return self.bytes_to_client - self._unsent()


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

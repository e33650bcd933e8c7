"""Drives one pipe: a thin shell around `Endpoint`, on an asyncio loop (spec: Link).

It acknowledges and keeps alive whether or not the program above is busy, as long as the loop runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from bwc_protocol.conversation import Conversation, ConversationEvent
from bwc_protocol.endpoint import COARSE_S, Endpoint, OnChannel
from bwc_protocol.link import (
    ChannelReset,
    Link,
    LinkDown,
    LinkParams,
    LinkRole,
    LinkUp,
)
from bwc_sdk.connection.counters import Counters
from bwc_sdk.connection.discard_log import DiscardLog
from bwc_sdk.connection.error_mapping import link_error, went, with_device
from bwc_sdk.errors import (
    BwcError,
    DeviceBusy,
    DeviceLost,
    NotADevice,
    PortBusy,
    TransportError,
)
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.host.world import World
from bwc_sdk.link_seen import seen_on
from bwc_sdk.transport import Transport

if TYPE_CHECKING:
    from bwc_sdk.capture.recorder import Capture

log = logging.getLogger(__name__)

BURST: Final = 1_048_576
"""Bytes handed to the transport at once."""


class ChannelUser(Protocol):
    """Whose conversation runs on a channel of the line."""

    name: str
    """How the device on it is called in messages."""
    channel: int
    conversation: Conversation | None
    discards: DiscardLog

    @property
    def error(self) -> BwcError | None:
        """What ended it."""

    def handle(self, event: ConversationEvent) -> None:
        """Something happened in the conversation."""

    def reset(self, reset: ChannelReset) -> None:
        """The device ended the channel."""

    def lost(self, error: BwcError) -> None:
        """The line is gone."""

    async def farewell(self) -> None:
        """Ends the conversation in order, in bounded time."""


def device_name(transport: Transport, channel: int) -> str:
    """How the device on a channel is called in messages: the pipe, and the bay, as they are in its URI."""
    if not channel:
        return transport.name
    return f"{transport.name}{'&' if '?' in transport.name else '?'}bay={channel}"


_lines: Final[weakref.WeakSet[LinkDriver]] = weakref.WeakSet()
"""Those of this process that came up."""


class LinkDriver:
    """One pipe to a device, with the connections on its channels.

    `channel` says whose pipe it is: errors name the device there. Everything runs on the event
    loop that opened it. A line that is lost stays lost.
    """

    def __init__(
        self, transport: Transport, world: World, capture: Capture | None = None, *, channel: int = 0
    ) -> None:
        self.transport = transport
        self.name = device_name(transport, channel)
        self.pid = os.getpid()
        """The process whose it is: in a forked child the same descriptor would be written to by two."""
        self._capture = capture
        self._entropy = world.entropy
        self._makers: dict[int, Callable[[], Conversation]] = {}
        self.endpoint = self._make_endpoint()
        self._connections: dict[int, ChannelUser] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._moved = False  # something came or went since the deadlines were looked at
        self._pumping = False
        self._discards = DiscardLog(self.name, lambda: Counters(link=self.endpoint.link.counters))
        self.error: BwcError | None = None
        self.dropped = False
        """Whether its program let go of it without closing it, so that nobody can any more."""

    def _make_endpoint(self) -> Endpoint:
        limits = self.transport.limits
        params = LinkParams(
            max_payload=limits.max_payload,
            dead_after_s=limits.dead_after_s,
            initial_rate=limits.initial_rate,
        )
        link = Link(LinkRole.HOST, params, nonce=self._nonce)
        if self._capture is not None:
            link.on_refused(self._capture.refused)
        return Endpoint(link, lambda channel: self._makers[channel]())

    def _nonce(self) -> int:
        return int.from_bytes(self._entropy(4), "little")

    @property
    def live(self) -> bool:
        """Whether the link is up."""
        return self.error is None and self._up is not None and self._up.done()

    async def open(self) -> None:
        """Opens the pipe and brings the link up. Raises `TransportError` or `LinkError`."""
        self._loop = asyncio.get_running_loop()
        self._up = self._loop.create_future()
        limits = self.transport.limits
        try:
            await self.transport.open(self)
        except PortBusy as error:
            raise self._held_here(error) from error
        except BwcError as error:
            named = self._of(error, self.name)
            if named is not error:
                raise named from error
            raise
        except (OSError, RuntimeError, MemoryError) as error:  # a transport from elsewhere
            lack = exhausted(error, self.name)
            if lack is not None:
                raise lack from error
            raise
        if self.transport.limits != limits:
            self.endpoint = self._make_endpoint()  # a pipe such as BLE knows its limits only once it is open
        self.endpoint.open(self._loop.time())
        self.pump()
        try:
            await self._up
        except DeviceBusy as error:
            await self.close()
            raise self._held_here(error) from error.__cause__
        except BaseException:
            await self.close()
            raise
        _lines.add(self)

    def _held_here(self, busy: DeviceBusy | PortBusy) -> DeviceBusy | PortBusy:
        """`busy`, or the error that says it is this very program that has the device."""
        for other in list(_lines):
            if other.pid != self.pid or not other.live or other.transport.name != self.transport.name:
                continue
            rule = f"{busy.rule}: this program has it open already, and never closed it"
            advice = "close it before you connect again: 'with' and 'async with' do"
            if other.dropped and other._loop is not None:
                asyncio.run_coroutine_threadsafe(other.close(), other._loop)
                rule = f"{busy.rule}: this program let go of a connection to it that it never closed"
                advice = f"connect again, since it is being closed now; {advice}"
            named = type(busy)(rule, device=self.name, advice=advice)
            if isinstance(named, DeviceBusy) and isinstance(busy, DeviceBusy):
                named.retry_after_s = busy.retry_after_s
            return named
        return busy

    def connect(self, channel: int, make: Callable[[], Conversation], connection: ChannelUser) -> None:
        """Opens a channel and begins its conversation."""
        assert self._loop is not None
        if self.error is not None:
            raise self._of(self.error, connection.name)
        other = self._connections.get(channel)
        if other is not None and other.error is None:
            raise DeviceBusy(
                "this program has it open already",
                device=connection.name,
                advice="close it there first; an offload has closed it when it tells Finished or CameraFailed",
            )
        self.endpoint.close_channel(channel, self._loop.time())  # an earlier conversation may still linger
        self._makers[channel] = make
        self._connections[channel] = connection
        connection.conversation = self.endpoint.open_channel(channel, self._loop.time())
        self.pump()

    def disconnect(self, connection: ChannelUser) -> None:
        """Ends the channel of a connection, at once; without effect when it has ended, or has a successor."""
        if self._loop is not None and self._connections.get(connection.channel) is connection:
            del self._connections[connection.channel]
            self.endpoint.close_channel(connection.channel, self._loop.time())
            self.pump()

    async def close(self) -> None:
        """Ends conversations in order, then the link, then the pipe; idempotent and bounded."""
        if self._loop is not None and self.error is None:
            await asyncio.gather(*(connection.farewell() for connection in self._connections.values()))
            self.endpoint.close(self._loop.time())
            self.pump()
            self._end(DeviceLost("the connection was closed here", device=self.name))
        await self.transport.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._capture is not None:
            self._capture.close()

    # The transport's receiver

    def received(self, data: bytes | memoryview) -> None:
        assert self._loop is not None
        if self._capture is not None:
            self._capture.pipe(False, data)
        nested, self._pumping = self._pumping, True  # one pump for all that these bytes bring about
        came = False
        try:
            for _ in self.endpoint.receiving(data, self._loop.time()):
                came = True
                self._dispatch()
        finally:
            self._pumping = nested
        if came:
            self.pump()
        else:
            self._look_soon()  # a part of a frame: nothing happened but that it must go on soon

    def lost(self, error: Exception) -> None:
        assert self._loop is not None
        during = self.endpoint.link.state
        self.endpoint.pipe_lost(self._loop.time())
        if not isinstance(error, BwcError):  # a transport from elsewhere, which does not know our errors
            lost = DeviceLost(f"the pipe is gone: {error}", device=self.name)
            lost.__cause__ = error
            error = lost
        error = self._of(error, self.name)
        opening = self._up is not None and not self._up.done()
        lost_early = isinstance(error, DeviceLost) and not error.known
        if opening and lost_early and not self.endpoint.link.counters.frames_in:
            # Something ended the pipe that never proved to be a device: not worth the wait for it to come back.
            stranger = NotADevice(
                "it ended the connection without a word of this protocol",
                device=self.name,
                advice="is this the camera's port, and has it no other client?",
            )
            stranger.__cause__ = error
            stranger.seen = seen_on(self.endpoint.link, 0, None, during)
            error = stranger
        elif opening:
            error.seen = seen_on(self.endpoint.link, 0, None, during)
            error.advice = went(error, error.seen)
        self._end(error)

    def writable(self) -> None:
        self.pump()

    # The pump

    def pump(self) -> None:
        """Moves events up and bytes down until there is nothing more to do now."""
        if self._pumping or self._loop is None:
            return  # the pump that is running does it
        self._move()
        self._look_soon()

    def _move(self) -> None:
        assert self._loop is not None
        self._pumping = True
        try:
            self._dispatch()
            while self.error is None or self.error.layer != "transport":
                room = min(self.transport.room(), BURST)
                parts = self.endpoint.outgoing(self._loop.time(), room) if room > 0 else []
                if parts:
                    if self._capture is not None:
                        for part in parts:
                            self._capture.pipe(True, part)
                    self.transport.write(parts)
                if not self._dispatch() and (not parts or sum(map(len, parts)) < room):
                    break  # that was all, and nothing happened that could bring more
        finally:
            self._pumping = False

    def _look_soon(self) -> None:
        """Has the deadlines looked at within `COARSE_S`: cheaper than to look after every frame."""
        assert self._loop is not None
        self._moved = True
        soon = self._loop.time() + COARSE_S
        if self._timer is None or self._timer_at > soon:
            self._arm(soon if self.error is None else None)

    def _tick(self) -> None:
        assert self._loop is not None
        self._timer = None
        now = self._loop.time()
        moved, self._moved = self._moved, False
        self.endpoint.tick(now)
        self._move()
        self._discards.look(now)
        for connection in self._connections.values():
            connection.discards.look(now)
        if self.error is not None:
            self._arm(None)
        else:
            # While there is traffic, when exactly it is due is not worth finding out: of 64 bays least of all.
            self._arm(now + COARSE_S if moved else self.endpoint.deadline())

    def _arm(self, at: float | None) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer_at = at
            self._timer = self._loop.call_at(at, self._tick)

    def _dispatch(self) -> bool:
        """Tells what happened; whether anything did."""
        happened = False
        while events := self.endpoint.events():
            happened = True
            for event in events:
                match event:
                    case OnChannel(channel=channel, event=inner):
                        connection = self._connections.get(channel)
                        if connection is not None:
                            connection.handle(inner)
                    case ChannelReset(channel=channel):
                        connection = self._connections.pop(channel, None)
                        if connection is not None:
                            connection.reset(event)
                    case LinkUp():
                        log.debug("%s: link up, frames of %d bytes", self.name, event.max_payload)
                        if self._up is not None and not self._up.done():
                            self._up.set_result(None)
                    case LinkDown():
                        self._end(self._down_error(event))
        return happened

    def _down_error(self, down: LinkDown) -> BwcError:
        seen = seen_on(self.endpoint.link, 0, None, down.during)
        error = link_error(down, seen, self.name, dead_after_s=self.transport.limits.dead_after_s)
        error.seen = seen
        return error

    def _end(self, error: BwcError) -> None:
        if self.error is not None:
            return
        self.error = error
        self._discards.end()
        log.debug("%s", error)
        if self._up is not None and not self._up.done():
            self._up.set_exception(error)
            if isinstance(error, TransportError | NotADevice):
                self._up.exception()  # seen: `open` raises it
        connections, self._connections = list(self._connections.values()), {}
        for connection in connections:
            connection.lost(self._of(error, connection.name))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _of(self, error: BwcError, device: str) -> BwcError:
        """An error of this pipe, naming a device behind it; an error that names something else stays as it is."""
        return with_device(error, device) if error.device in (self.transport.name, self.name) else error

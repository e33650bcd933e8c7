"""One conversation with one device: requests, events and streams, as coroutines (spec: Messages, Streams)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bwc_protocol.certificates.checks import Check, Standing
from bwc_protocol.conversation import (
    MAX_REQUESTS,
    Closed,
    Conversation,
    ConversationEvent,
    ErrorReceived,
    Established,
    EventReceived,
    Failed,
    MessageCounters,
    PeerInfo,
    ReplyMalformed,
    ReplyReceived,
    RequestReceived,
    StreamCancelled,
    StreamCounters,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.conversation.stream import BytesSource
from bwc_protocol.declare import Effect, Event, FieldRangeError, Request
from bwc_protocol.link import ChannelCounters, ChannelReset, LinkCounters
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.session.interface import RECORD_MAX, SessionSide
from bwc_protocol.session.preamble import Preamble
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.counters import Counters
from bwc_sdk.connection.discard_log import DiscardLog
from bwc_sdk.connection.error_mapping import SAID_SO, failure, reset_error, went
from bwc_sdk.connection.link_driver import LinkDriver, device_name
from bwc_sdk.connection.older_device import not_in_version
from bwc_sdk.connection.outstanding import Outstanding
from bwc_sdk.connection.refusals import refused_here
from bwc_sdk.connection.streams import IncomingStream, StreamSink, read_whole
from bwc_sdk.connection.turns import Turns
from bwc_sdk.connection.validity import ended, notices
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    CommandTimeout,
    DeviceLost,
    ForkedHandle,
    InvalidValue,
    OutcomeUnknown,
    ProtocolViolation,
)
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lookup import own_identity
from bwc_sdk.link_seen import LinkSeen, seen_on

if TYPE_CHECKING:
    from bwc_sdk.capture.recorder import Capture

log = logging.getLogger(__name__)
R = TypeVar("R")

CALL_S: Final = 10.0
"""A request whose reply takes longer is given up, unless its caller says otherwise."""
EVENTS_MAX: Final = 1_024
"""Events kept for a reader that is slow; beyond, the oldest are dropped and counted."""
FAREWELL_S: Final = 1.0


class Connection:
    """A conversation that is ready. Requests may be sent by several tasks at once.

    `channel` is 0 for the device at the end of the line, else the bay of a docking station.
    """

    def __init__(
        self, driver: LinkDriver, channel: int = 0, *, shared: bool = False, call_timeout_s: float = CALL_S
    ) -> None:
        self.driver = driver
        self.channel = channel
        self.name = device_name(driver.transport, channel)
        self._shared = shared
        self.call_timeout_s = call_timeout_s
        self.conversation: Conversation | None = None
        self.peer: PeerInfo | None = None
        self._access: Access | None = None
        self.notices: list[str] = []
        """What is to be said of the identities of this session: what ends soon, or has ended."""
        self.dropped_events = 0
        self.unanswered_closes = 0
        self._before = Counters()
        self._last: Counters | None = None
        self.discards = DiscardLog(self.name, self._own)
        self._established: asyncio.Future[PeerInfo] = asyncio.get_running_loop().create_future()
        self._error: BwcError | None = None
        self._leaving = False
        self._outstanding = Outstanding(self._no_reply)
        self._turns = Turns(MAX_REQUESTS)
        self._sinks: dict[int, StreamSink] = {}
        self._uploads: dict[int, asyncio.Future[StreamFinished]] = {}
        self._device_events: deque[Event] = deque(maxlen=EVENTS_MAX)
        self._news = asyncio.Event()
        self._closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._utc_ns: Callable[[], int] | None = None  # of a device that only gives up what it has

    @property
    def identity(self) -> HostIdentity | None:
        """By which this host speaks; None in an insecure session."""
        return None if self._access is None else self._access.identity

    @property
    def host_name(self) -> str:
        """How this host is called in the session and in the device's log."""
        return own_identity() if self.identity is None else self.identity.name

    # Life

    async def establish(self, access: Access, capture: Capture | None) -> None:
        """Opens the channel and runs preamble, handshake, session info and READY. Raises `BwcError`."""
        local, entropy = access.local(), access.world.entropy
        side = SessionSide(client=False, identity=local.identity, roles=local.roles, entropy=entropy)
        session = access.session(side)
        self._access = access

        def make() -> Conversation:
            preamble = Preamble(
                newest=access.world.speaks, kind=local.kind, max_plaintext=RECORD_MAX, random=entropy(16)
            )
            conversation = Conversation(local, preamble, session)
            if capture is not None:
                conversation.tap = capture.message
            return conversation

        if self._shared:
            self._before = self._counted()  # what others did with the line, or with the channel before
        self.driver.connect(self.channel, make, self)
        self.peer = await self._established
        if access.identity is not None:
            self._proved(access.identity, self.peer, access.world.utc_ns)

    def _proved(self, identity: HostIdentity, peer: PeerInfo, utc_ns: Callable[[], int]) -> None:
        """Both have shown their certificates: says what is to be said of them, and keeps an eye on the deny list."""
        for notice in notices(identity, peer, utc_ns() / 1_000_000_000):
            self.notice(notice)
        if peer.standing in (Standing.EXPIRED, Standing.NOT_YET_VALID):
            self._utc_ns = utc_ns
        identity.deny_lists.watch(self)

    def notice(self, text: str) -> None:
        """Keeps a remark on identities for whoever asks, and logs it."""
        self.notices.append(text)
        log.info("%s: %s", self.name, text)

    def denied_anew(self) -> None:
        """A newer deny list is there, by any thread: a session with whom it denies ends."""
        with contextlib.suppress(RuntimeError):  # its loop is over, and so is the session
            self._loop.call_soon_threadsafe(self.judge_anew)

    def judge_anew(self) -> None:
        """Ends the session if this host's deny list has the device by now."""
        identity, peer = self.identity, self.peer
        if identity is None or peer is None or peer.certificate is None or self._error is not None:
            return
        denied = identity.deny_lists.denies(peer.certificate)
        if denied is not None:
            self.lost(refused_here(Check.DENIED, denied, identity, self.name))
            self.driver.disconnect(self)

    async def farewell(self) -> None:
        """Ends the conversation in order, in bounded time."""
        if self.conversation is None or self._error is not None:
            return
        self._leaving = True
        self.conversation.close()
        self.driver.pump()
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._closed.wait()
        except TimeoutError:
            self.unanswered_closes = 1  # the link is closed all the same

    async def hang_up(self) -> None:
        """Ends the conversation and its channel; the line stays open. Idempotent and bounded."""
        try:
            await self.farewell()
        finally:
            self.driver.disconnect(self)
            self.lost(DeviceLost("the connection was closed here", device=self.name))

    def dropped(self) -> None:
        """Its program has let go of it without closing it; from any thread."""
        if not self._shared:
            self.driver.dropped = True

    async def close(self) -> None:
        """Ends the conversation, and with it the line, unless it is shared. Idempotent and bounded."""
        if self._shared:
            await self.hang_up()
        else:
            await self.driver.close()

    @property
    def error(self) -> BwcError | None:
        """What ended the connection, or None while it is live."""
        return self._error

    # Measures

    def seen(self) -> LinkSeen:
        """What was seen of the device until now, and how far it came."""
        reached = None if self.conversation is None else self.conversation.reached
        return seen_on(self.driver.endpoint.link, self.channel, reached)

    @property
    def counters(self) -> Counters:
        """What was counted from the connection's beginning, until its end at the latest."""
        return self._counted() - self._before if self._last is None else self._last

    def _counted(self) -> Counters:
        link, conversation = self.driver.endpoint.link, self.conversation
        return Counters(
            link=link.counters,
            channel=link.channel_counters(self.channel),
            messages=MessageCounters() if conversation is None else conversation.message_counters,
            streams=StreamCounters() if conversation is None else conversation.stream_counters,
            events_unread=self.dropped_events,
            closes_unanswered=self.unanswered_closes,
        )

    def _own(self) -> Counters:
        """What is not told of the line as a whole: of a camera in a bay also what its channel met."""
        counted = self.counters
        return replace(
            counted, link=LinkCounters(), channel=counted.channel if self.channel else ChannelCounters()
        )

    # Requests

    async def call(self, request: Request[R], /) -> R:
        """Sends a request and gives its reply.

        Raises `CommandError` when the device refuses, `CommandTimeout` or `OutcomeUnknown` when no reply came,
        `DeviceLost` when the device went away before it could have acted, `InvalidValue` for a value that
        its field cannot carry.
        """
        _, reply = await self._ask(request)
        return reply  # type: ignore[no-any-return]  # the declaration binds the reply's type

    async def _ask(
        self,
        request: Request[Any],
        sink: StreamSink | None = None,
        verdict: asyncio.Future[StreamFinished] | None = None,
    ) -> tuple[int, Any]:
        if os.getpid() != self.driver.pid:
            raise ForkedHandle(
                "this connection belongs to the process that was forked",
                device=self.name,
                advice="connect again in this process, or start it by spawn",
            )
        if self._utc_ns is not None and not request.while_expired:
            assert self.peer is not None and self.peer.certificate is not None
            utc_s = self._utc_ns() / 1_000_000_000
            raise ended(self.peer.certificate, request.name, utc_s, self.name)
        if (later := not_in_version(request, self.peer, self.name)) is not None:
            raise later
        while True:
            async with self._turns:
                if self._error is not None or self.conversation is None:
                    raise self._error or DeviceLost("not connected", device=self.name)
                try:
                    request_id = self.conversation.request(request)
                except FieldRangeError as error:
                    raise InvalidValue(str(error), device=self.name) from error
                others = len(self._outstanding)
                future = self._outstanding.add(request_id, request, self.call_timeout_s)
                if sink is not None:
                    # Known before the reply: the stream may end in the same batch that opens it.
                    self._sinks[request_id] = sink
                if verdict is not None:
                    self._uploads[request_id] = verdict
                self.driver.pump()
                try:
                    return request_id, await future
                except BaseException as error:
                    if _is_busy(error) and others:
                        self._turns.fewer_than(others + 1)
                        continue  # nothing was done: it is asked again when there is room
                    if request.stream is not None and future.done():
                        self.cancel_stream(request_id)  # opened in the moment in which its caller gave up
                    raise
                finally:
                    self._outstanding.remove(request_id)
                    self.conversation.forget(request_id)  # an answer that is still to come
                    if not future.done() or future.cancelled() or future.exception() is not None:
                        self._sinks.pop(request_id, None)
                        self._uploads.pop(request_id, None)

    def _no_reply(self, request: Request[Any]) -> BwcError:
        if request.effect is Effect.READS:
            return CommandTimeout(
                f"no reply to {request.name} in {self.call_timeout_s:g} s", device=self.name
            )
        return OutcomeUnknown(
            request.name, safe_to_repeat=request.effect is not Effect.ONCE, device=self.name
        )

    # Streams

    async def open_stream(self, request: Request[StreamOpened], sink: StreamSink) -> IncomingStream:
        """Sends a request that opens a stream from the device. Nothing comes before `grant`."""
        stream, opened = await self._ask(request, sink)
        if self._error is not None:
            raise self._error
        return IncomingStream(self, stream, opened.length)

    async def read_stream(self, request: Request[StreamOpened], *, max_bytes: int) -> bytes:
        """A whole short stream, to be checked by a hash: what came whole is given, whatever its end says.

        Raises `ProtocolViolation` when the device announces more than `max_bytes`, `StreamStalled` when it brings too
        little, `CommandTimeout` when it takes too long, and what ended it before all had come.
        """
        return await read_whole(self, request, max_bytes=max_bytes)

    async def upload(self, request: Request[StreamOpened], data: bytes) -> None:
        """Sends `data` on the stream that the request opens and waits for the device's verdict.

        Raises `CommandError` with the verdict when it is not success.
        """
        future: asyncio.Future[StreamFinished] = asyncio.get_running_loop().create_future()
        stream, opened = await self._ask(request, verdict=future)
        try:
            if self._error is not None or self.conversation is None:
                raise self._error or DeviceLost("not connected", device=self.name)
            if opened.length != len(data):
                rule = f"{request.name} opened a stream of {opened.length} bytes for {len(data)}"
                raise ProtocolViolation(rule, device=self.name)
            if not future.done():  # else the verdict came with the reply
                self.conversation.send_stream(stream, BytesSource(data), len(data))
                self.driver.pump()
            async with asyncio.timeout(self.call_timeout_s + len(data) / 1_000):
                verdict = await future
        except TimeoutError as error:
            raise self._no_reply(request) from error
        finally:
            if self._uploads.pop(stream, None) is not None and not future.done():
                self.cancel_stream(stream)
        if verdict.code:
            raise CommandError(request.name, _code(verdict.code), verdict.detail, device=self.name)

    def grant(self, stream: int, limit: int) -> None:
        """See `IncomingStream.grant`."""
        if self.conversation is not None and self._error is None:
            self.conversation.grant(stream, limit)
            self.driver.pump()

    def cancel_stream(self, stream: int) -> None:
        """See `IncomingStream.cancel`."""
        self._sinks.pop(stream, None)
        if self.conversation is not None and self._error is None:
            self.conversation.cancel(stream)
            self.driver.pump()

    # Events

    async def events(self) -> AsyncIterator[Event]:
        """What the device tells without being asked, until the connection ends; for one reader."""
        while True:
            while self._device_events:
                yield self._device_events.popleft()
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()

    # From the line

    def handle(self, event: ConversationEvent) -> None:
        """Takes what happened in the conversation."""
        match event:
            case StreamReceived(stream=stream, offset=offset, data=data):
                sink = self._sinks.get(stream)
                if sink is not None:
                    sink.data(offset, data)
            case ReplyReceived(request_id=request_id, reply=reply):
                self._outstanding.settle(request_id, reply, None)
            case ErrorReceived(request_id=request_id, error=reply):
                asked = self._outstanding.get(request_id)
                if asked is not None:
                    refused = CommandError(
                        asked.request.name,
                        reply.code,
                        reply.detail,
                        device=self.name,
                        retry_after_s=reply.retry_after_ms / 1000,
                    )
                    self._outstanding.settle(request_id, None, refused)
            case ReplyMalformed(request_id=request_id, rule=rule):
                self._outstanding.settle(request_id, None, ProtocolViolation(rule, device=self.name))
            case StreamFinished(stream=stream):
                self._stream_finished(event)
            case StreamCancelled(stream=stream, code=code):
                self._stream_finished(StreamFinished(stream, 0, code or ErrorCode.INTERNAL, "cancelled"))
            case EventReceived(event=device_event):
                if len(self._device_events) == EVENTS_MAX:
                    self.dropped_events += 1
                self._device_events.append(device_event)
                self._news.set()
            case Established(peer=peer):
                if not self._established.done():
                    self._established.set_result(peer)
            case Failed():
                self.lost(failure(event, self.name, self.seen(), self.identity))
            case Closed():
                self._closed.set()
                self.lost(DeviceLost("the device closed the session", device=self.name, advice=SAID_SO))
            case RequestReceived():
                pass  # the conversation refuses requests of a device by itself

    def _stream_finished(self, event: StreamFinished) -> None:
        upload = self._uploads.get(event.stream)
        if upload is not None:
            if not upload.done():
                upload.set_result(event)
            return
        sink = self._sinks.pop(event.stream, None)
        if sink is not None:
            error = None
            if event.code:
                error = CommandError("stream", _code(event.code), event.detail, device=self.name)
            sink.ended(error)

    def reset(self, reset: ChannelReset) -> None:
        """The channel was reset."""
        self._closed.set()
        self.lost(reset_error(reset, self.name, self.seen(), self._access))

    def lost(self, error: BwcError) -> None:
        """Ends everything that waits on this connection."""
        if self._error is not None:
            return
        if not self._established.done() and error.seen is None:
            error.seen = self.seen()
            error.advice = went(error, error.seen)
        if self._leaving:  # whatever the device says to it, the end began here
            error = DeviceLost("the connection was closed here", device=self.name)
        self._error = error
        self._last = self.counters
        self.discards.end()
        self._closed.set()
        self._news.set()
        if not self._established.done():
            self._established.set_exception(error)
            self._established.exception()  # seen: who gave the connecting up does not look any more
        for asked in self._outstanding.end():
            if asked.request.effect is Effect.READS:
                asked.reply.set_exception(error)
            else:
                unknown = self._no_reply(asked.request)
                unknown.__cause__ = error
                asked.reply.set_exception(unknown)
        for upload in self._uploads.values():
            if not upload.done():
                upload.set_exception(error)
                upload.exception()  # seen: the request that was to open it may have failed itself
        sinks, self._sinks = list(self._sinks.values()), {}
        for sink in sinks:
            sink.ended(error)


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, CommandError) and error.code is ErrorCode.BUSY


def _code(number: int) -> Any:
    from bwc_protocol.declare import Unknown

    return ErrorCode(number) if number in list(ErrorCode) else Unknown(number)

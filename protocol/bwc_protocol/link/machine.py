"""One end of a link: its beginning, its life and its end (spec: Link).

Bytes and the time go in; bytes, events and the next deadline come out. After each input, drain `events` and
`outgoing`, and call `tick` when `deadline` has passed. Nothing here reads a clock, and the only entropy is `nonce`.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bwc_protocol.frame import (
    MAX_CHANNEL,
    MIN_PAYLOAD,
    Bye,
    ByeReason,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    MalformedControl,
    ResetReason,
    encode_frame,
)
from bwc_protocol.link.channels import Channels
from bwc_protocol.link.events import (
    LinkCounters,
    LinkDown,
    LinkDownReason,
    LinkEvent,
    LinkState,
    LinkStateError,
    LinkUp,
)
from bwc_protocol.link.gate import DeviceGate
from bwc_protocol.link.params import LinkParams, LinkRole

NONCE_DRAWS: Final = 16
"""A source of nonces that gives a used one so often is broken; better a loud end than a link that is confused."""
# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_DATA: Final = FrameType.DATA
_CHECKING: Final = LinkState.CHECKING
ABOUT_LINKS: Final = frozenset({FrameType.HELLO, FrameType.HELLO_ACK, FrameType.BYE})
"""Frames that never provoke BYE(UNKNOWN_LINK), and whose version is not checked: their layout never changes."""


@dataclass(slots=True)
class _Candidate:
    """Device: a link that was granted, and not yet used by the host."""

    host_nonce: int
    channels: Channels
    granted_at: float
    grants: int = 1


class Link:
    """One end of a pipe. See `LinkParams` for every bound and timer.

    A host begins with `open`; a device listens from the start. A host that went down may `open` again; a device
    goes on listening. With several pipes to one device, all its links share one `gate`.
    """

    def __init__(
        self, role: LinkRole, params: LinkParams, *, nonce: Callable[[], int], gate: DeviceGate | None = None
    ) -> None:
        self.role = role
        self.params = params
        self.state = LinkState.CLOSED if role is LinkRole.HOST else LinkState.LISTENING
        self._nonce = nonce
        self._gate = gate if gate is not None else DeviceGate()
        self._parser = FrameParser(params.max_payload)
        self._tally = LinkCounters()
        self._events: list[LinkEvent] = []
        self._handshake: dict[FrameType | ByeReason, Frame] = {}  # to be sent before all else; one of a kind
        self._channels: Channels | None = None  # of the link that is live, or (host) checked
        self._now = 0.0
        # Host
        self._host_nonce = 0
        self._open_until = 0.0
        self._phase_until = 0.0
        self._again_at = 0.0  # next HELLO or PING of the connect
        self._asked_at = 0.0
        self._asked = 0
        # Device
        self._candidate: _Candidate | None = None
        self._live_host_nonce = 0
        self._last_nonce = 0
        # Keep-alive
        self._heard_at = 0.0
        self._first_ping_at: float | None = None  # of the present silence
        self._last_ping_at = 0.0
        self._bye_at: float | None = None

    # Inputs

    def open(self, now: float) -> None:
        """Host: begins to say HELLO. Ends in `LinkUp` or `LinkDown` within 15 s. Raises `LinkStateError`."""
        if self.role is not LinkRole.HOST or self.state is not LinkState.CLOSED:
            raise LinkStateError(f"a {self.role.value} that is {self.state.value} cannot open")
        self._now = now
        self._parser.reset()
        self._handshake.clear()
        self._open_until = now + self.params.connect_within_s
        self._call(now)

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> bool:
        """Takes bytes of the pipe, of any length and cut anywhere, and says whether they completed a frame. `data` is
        not kept."""
        self._now = now
        came = False
        for frame in self._parser.feed(data, now):
            came = True
            self._frame(frame, now)
        return came

    def receiving(self, data: bytes | bytearray | memoryview, now: float) -> Iterator[None]:
        """The same, with a pause after each frame. Exhaust it; `data` must not change until then.

        Whoever acts on the events in the pauses has one payload in memory where it would else be all of `data`.
        """
        self._now = now
        for frame in self._parser.feed(data, now):
            self._frame(frame, now)
            yield

    def tick(self, now: float) -> None:
        """Runs the timers that are due: to be called when `deadline()` has passed."""
        self._now = now
        for frame in self._parser.expire(now):
            self._frame(frame, now)
        match self.state:
            case LinkState.CALLING | LinkState.CHECKING:
                self._tick_connect(now)
            case LinkState.LIVE:
                self._tick_live(now)
            case LinkState.CLOSED | LinkState.LISTENING:
                pass

    def pipe_lost(self, now: float) -> None:
        """The pipe is gone, and with it the link and what was to be sent."""
        self._now = now
        self._parser.reset()
        self._down(LinkDownReason.PIPE_LOST)
        self._give_up_candidate()
        self._handshake.clear()

    def close(self, now: float) -> None:
        """Ends the link at once with BYE(NORMAL), which is still to be drained from `outgoing`."""
        self._now = now
        self._give_up_candidate()
        self._end(LinkDownReason.CLOSED, ByeReason.NORMAL)

    def open_channel(self, channel: int) -> None:
        """Host: bytes for `channel` may be sent from now on; they wait until its last life has ended on both sides.

        Raises `LinkStateError` unless the link is live and the channel closed, `ValueError` for no channel.
        """
        if not 0 <= channel <= MAX_CHANNEL:
            raise ValueError(f"channel {channel} is not 0 to {MAX_CHANNEL}")
        if self.role is not LinkRole.HOST or self.state is not LinkState.LIVE or self._channels is None:
            raise LinkStateError(f"a {self.role.value} whose link is {self.state.value} opens no channel")
        self._channels.open(channel)

    def send(self, channel: int, data: bytes | memoryview) -> None:
        """Queues bytes of the channel's stream, without a copy: they must not change afterwards.

        Bytes for a closed channel are discarded: its `ChannelReset` or the `LinkDown` is among the events. More
        than `send_max` bytes outstanding reset the channel with OVERFLOW.
        """
        if self._channels is not None:
            self._channels.send(channel, data, self._now)

    def reset(self, channel: int, reason: ResetReason, now: float, retry_after_ms: int = 0) -> None:
        """Closes `channel` and discards both directions. Without an event, and without effect on a closed one.

        `retry_after_ms` (0 to 65,535) goes with BUSY: when the peer is to try again.
        """
        self._now = now
        if self._channels is not None:
            self._channels.reset(channel, reason, now, retry_after_ms)

    def window_bytes(self, channel: int) -> int:
        """Bytes of one window of `channel` on this link: frames that it takes at once × negotiated payload."""
        window = self.params.max_window if self._channels is None else self._channels.window
        return self.params.slots(channel, self.max_payload, window) * self.max_payload

    def peer_window_bytes(self, channel: int) -> int:
        """Bytes that the peer lets be in flight on `channel` at present, in the largest frames; 0 if it is closed."""
        return 0 if self._channels is None else self._channels.peer_window(channel) * self.max_payload

    def consumed(self, channel: int, frames: int = 1) -> None:
        """The application took that many `ChannelData` of `channel`: their slots of the window are free again."""
        if self._channels is not None:
            self._channels.consumed(channel, frames)

    def withhold(self, channel: int, frames: int) -> None:
        """That many slots of a window that was never told to the peer are as if taken, until they are `consumed`."""
        if self._channels is not None:
            self._channels.withhold(channel, frames)

    # Outputs

    @property
    def idle(self) -> bool:
        """Whether there is nothing for the pipe now."""
        return not self._handshake and (self._channels is None or self._channels.idle)

    def events(self) -> list[LinkEvent]:
        """Drains what happened, in order."""
        if not self._events:
            return []
        events = self._events.copy()
        self._events.clear()  # kept, since the channels append to it too
        return events

    def outgoing(self, now: float, limit: int = 1 << 20) -> list[bytes]:
        """Drains about `limit` bytes for the pipe: whole small frames, or header, payload and CRC of large ones.

        All that was drained has to be written, in order. The timer of a frame starts here, so drain only what the
        pipe is about to take.
        """
        self._now = now
        out: list[bytes] = []
        if self.idle:
            return out
        if self._handshake:
            for frame in self._handshake.values():
                out.append(encode_frame(frame))
            self._handshake.clear()
            self._tally.frames_out += len(out)
            self._tally.bytes_out += sum(map(len, out))
        if self._channels is not None:
            self._tally.bytes_out += self._channels.fill(out, now, limit)
        return out

    def deadline(self) -> float | None:
        """When `tick` is to be called next, unless something else happens before."""
        times = [self._parser.deadline]
        if self._channels is not None:
            times.append(self._channels.deadline())
        match self.state:
            case LinkState.CALLING | LinkState.CHECKING:
                times += (self._again_at, self._phase_until, self._open_until)
            case LinkState.LIVE:
                times += (self._ping_at(), self._dead_at())
            case LinkState.CLOSED | LinkState.LISTENING:
                pass
        known = [t for t in times if t is not None]
        return min(known) if known else None

    # Measures

    @property
    def max_payload(self) -> int:
        """Bytes of payload in the largest frame: agreed upon, or else what this end offers."""
        return self.params.max_payload if self._channels is None else self._channels.max_payload

    @property
    def counters(self) -> LinkCounters:
        """A copy of what was counted since the link object was made."""
        counters, parsed = copy.copy(self._tally), self._parser.counters
        counters.frames_in = parsed.frames
        counters.bytes_in = parsed.bytes
        counters.header_crc_errors = parsed.header_crc_errors
        counters.payload_crc_errors = parsed.payload_crc_errors
        counters.oversize = parsed.oversize
        counters.resyncs = parsed.resyncs
        counters.skipped_bytes = parsed.skipped_bytes
        counters.malformed += parsed.unknown_type
        return counters

    def outstanding(self, channel: int) -> int:
        """Bytes accepted by `send` and not known to be delivered to the other end of the link."""
        return 0 if self._channels is None else self._channels.outstanding(channel)

    def rate(self) -> float:
        """Measured bytes a second of the link; `initial_rate` before there is one."""
        return self.params.initial_rate if self._channels is None else self._channels.pipe.meter.rate

    def shortest_round_trip(self) -> float:
        """Seconds that a frame and its acknowledgement took at best; `timer_initial_s` before there is one."""
        if self._channels is None:
            return self.params.timer_initial_s
        return self._channels.pipe.round_trip.shortest

    def channel_rate(self, channel: int) -> float:
        """The same of one channel."""
        return self.params.initial_rate if self._channels is None else self._channels.rate(channel)

    # Frames

    def _frame(self, frame: Frame, now: float) -> None:
        if frame.type is not _DATA and frame.type in ABOUT_LINKS:
            self._about_link(frame, now)
            return
        channels, elected = self._channels, None
        if channels is None or frame.link != channels.nonce:
            elected = self._candidate
            if elected is None or frame.link != elected.channels.nonce:
                self._stranger(frame, now)
                return
            channels = elected.channels
        if frame.version != channels.version:
            self._tally.malformed += 1
            return
        if elected is not None:
            self._elect(elected, now)
        self._heard_at = now
        self._first_ping_at = None
        if self.state is _CHECKING:
            self._live(channels)
            if self._asked == 1:
                channels.pipe.round_trip.sample(now - self._asked_at, 0.0)
        channels.receive(frame, now)

    def _about_link(self, frame: Frame, now: float) -> None:
        try:
            match frame.type:
                case FrameType.HELLO if self.role is LinkRole.DEVICE:
                    self._hello(Hello.decode(frame.payload), now)
                case FrameType.HELLO_ACK if self.state is LinkState.CALLING:
                    self._hello_ack(frame.link, HelloAck.decode(frame.payload), now)
                case FrameType.BYE:
                    self._bye(frame.link, Bye.decode(frame.payload), now)
                case _:
                    pass  # the echo of another host, or a late HELLO_ACK: a live host ignores it
        except MalformedControl:
            self._tally.malformed += 1

    def _stranger(self, frame: Frame, now: float) -> None:
        """A frame of another link: dropped, and now and then its sender is told."""
        self._tally.stale_link += 1
        if self._bye_at is None or now >= self._bye_at + self.params.bye_every_s:
            self._bye_at = now
            self._say_bye(Bye(reason=ByeReason.UNKNOWN_LINK), frame.link)

    def _say_bye(self, bye: Bye, link: int) -> None:
        assert isinstance(bye.reason, ByeReason)
        self._tally.byes_out += 1
        self._handshake[bye.reason] = Frame(FrameType.BYE, link=link, payload=bye.encode())

    def _bye(self, link: int, bye: Bye, now: float) -> None:
        if link == 0:
            if self.state is LinkState.CALLING and bye.host_nonce == self._host_nonce:
                match bye.reason:
                    case ByeReason.BUSY:
                        self._down(LinkDownReason.BUSY, bye.retry_after_ms)
                    case ByeReason.VERSION:
                        self._down(LinkDownReason.VERSION)
                    case ByeReason.PROTOCOL:
                        self._down(LinkDownReason.PROTOCOL)
                    case _:
                        self._tally.malformed += 1
            return  # a refusal that comes late: the host has been accepted since
        if self._candidate is not None and link == self._candidate.channels.nonce:
            self._give_up_candidate()
            return
        if self._channels is None or link != self._channels.nonce:
            self._tally.stale_link += 1
            return
        match bye.reason:
            case ByeReason.UNKNOWN_LINK if self.state is LinkState.CHECKING:
                self._call(now)  # the device forgot the grant before it was used
            case ByeReason.UNKNOWN_LINK:
                self._down(LinkDownReason.UNKNOWN_LINK)
            case ByeReason.BUSY:
                self._tally.malformed += 1  # it answers only HELLO
            case ByeReason.PROTOCOL:
                self._down(LinkDownReason.PROTOCOL)
            case ByeReason.SILENT:
                self._down(LinkDownReason.SILENT)
            case _:
                self._down(LinkDownReason.CLOSED_BY_PEER)

    # Host: connecting

    def _call(self, now: float) -> None:
        """Says HELLO, with a fresh nonce: an answer to an earlier HELLO must not count."""
        self.state = LinkState.CALLING
        self._channels = None
        self._parser.max_payload = self.params.max_payload
        self._host_nonce = self._nonce() & 0xFFFF_FFFF
        self._phase_until = now + self.params.hello_for_s
        self._say_hello(now)

    def _say_hello(self, now: float) -> None:
        params = self.params
        hello = Hello(
            host_nonce=self._host_nonce,
            max_payload=params.max_payload,
            lowest=params.lowest_version,
            highest=params.highest_version,
            max_window=params.max_window,
        )
        self._handshake[FrameType.HELLO] = Frame(FrameType.HELLO, payload=hello.encode())
        self._again_at = now + params.hello_every_s

    def _hello_ack(self, link: int, ack: HelloAck, now: float) -> None:
        if ack.host_nonce != self._host_nonce:
            self._tally.stale_link += 1
            return
        params = self.params
        if (
            not link
            or not params.lowest_version <= ack.version <= params.highest_version
            or not MIN_PAYLOAD <= ack.max_payload <= params.max_payload
            or not 1 <= ack.window <= params.max_window
        ):
            self._down(LinkDownReason.PROTOCOL)
            if link:
                self._say_bye(Bye(reason=ByeReason.PROTOCOL), link)  # the device may forget what it granted
            return
        self._handshake.pop(FrameType.HELLO, None)
        self._channels = self._make(link, ack.version, ack.max_payload, ack.window)
        self._parser.max_payload = ack.max_payload
        self.state = LinkState.CHECKING
        self._phase_until = now + params.hello_for_s
        self._asked = 0
        self._ask(now)

    def _ask(self, now: float) -> None:
        """Uses the granted link: only then does the device make it its own."""
        assert self._channels is not None
        self._channels.ping()
        self._asked += 1
        self._asked_at = now
        self._again_at = now + self.params.hello_every_s

    def _tick_connect(self, now: float) -> None:
        calling = self.state is LinkState.CALLING
        if now >= min(self._phase_until, self._open_until):
            if calling:
                self._down(LinkDownReason.NO_ANSWER)
            else:
                self._end(LinkDownReason.SILENT, ByeReason.SILENT)
        elif now >= self._again_at:
            if calling:
                self._say_hello(now)
            else:
                self._ask(now)

    # Device: being called

    def _hello(self, hello: Hello, now: float) -> None:
        if not self._gate.admits(self):
            self._say_bye(
                Bye(
                    reason=ByeReason.BUSY,
                    host_nonce=hello.host_nonce,
                    retry_after_ms=self._gate.retry_after_ms,
                ),
                0,
            )
            return
        version = min(hello.highest, self.params.highest_version)
        if version < max(hello.lowest, self.params.lowest_version):
            self._say_bye(Bye(reason=ByeReason.VERSION, host_nonce=hello.host_nonce), 0)
            return
        if not hello.max_payload >= MIN_PAYLOAD or not hello.max_window >= 1:
            self._tally.malformed += 1
            self._say_bye(Bye(reason=ByeReason.PROTOCOL, host_nonce=hello.host_nonce), 0)
            return
        candidate = self._candidate
        if self._channels is not None and hello.host_nonce == self._live_host_nonce:
            channels = self._channels
        elif candidate is not None and hello.host_nonce == candidate.host_nonce:
            channels = candidate.channels
            candidate.grants += 1
        else:
            channels = self._make(
                self._fresh_nonce(),
                version,
                min(hello.max_payload, self.params.max_payload),
                min(hello.max_window, self.params.max_window),
            )
            self._candidate = _Candidate(hello.host_nonce, channels, now)
            self._gate.nominate(self)
            self._bound_payload()
        ack = HelloAck(
            host_nonce=hello.host_nonce,
            max_payload=channels.max_payload,
            version=channels.version,
            window=channels.window,
        )
        self._handshake[FrameType.HELLO_ACK] = Frame(
            FrameType.HELLO_ACK, link=channels.nonce, payload=ack.encode(), version=channels.version
        )

    def _fresh_nonce(self) -> int:
        """Names a link. 0 means none, and a name must not come twice: frames of the earlier link would revive."""
        used = {0, self._last_nonce}
        if self._channels is not None:
            used.add(self._channels.nonce)
        for _ in range(NONCE_DRAWS):
            nonce = self._nonce() & 0xFFFF_FFFF
            if nonce not in used:
                self._last_nonce = nonce
                return nonce
        raise LinkStateError("the source of nonces repeats itself")

    def _elect(self, candidate: _Candidate, now: float) -> None:
        """The host uses the link that it was granted; only now an older one on this pipe ends."""
        if self._channels is not None:
            self._down(LinkDownReason.REPLACED)
        self._gate.elect(self)
        self._live_host_nonce = candidate.host_nonce
        self._channels = candidate.channels
        self._candidate = None
        self._handshake.pop(FrameType.HELLO_ACK, None)
        self._bound_payload()
        if candidate.grants == 1:
            candidate.channels.pipe.round_trip.sample(now - candidate.granted_at, 0.0)
        self._live(candidate.channels)

    def forget_candidate(self) -> None:
        """Device: another pipe went live, so a half-open link here is void."""
        self._candidate = None
        self._handshake.pop(FrameType.HELLO_ACK, None)
        self._bound_payload()

    def _give_up_candidate(self) -> None:
        self._gate.withdraw(self)
        self.forget_candidate()

    def _bound_payload(self) -> None:
        """What the parser takes: the larger agreement of the live link and the candidate."""
        known = [c.max_payload for c in (self._channels, self._candidate and self._candidate.channels) if c]
        self._parser.max_payload = max(known, default=self.params.max_payload)

    # Life and end

    def _make(self, nonce: int, version: int, max_payload: int, window: int) -> Channels:
        return Channels(
            self.role,
            self.params,
            self._tally,
            self._events,
            nonce=nonce,
            version=version,
            max_payload=max_payload,
            window=window,
        )

    def _live(self, channels: Channels) -> None:
        self.state = LinkState.LIVE
        self._heard_at = self._now
        self._first_ping_at = None
        self._events.append(LinkUp(channels.nonce, channels.version, channels.max_payload, channels.window))

    def _ping_at(self) -> float:
        last = self._heard_at if self._first_ping_at is None else self._last_ping_at
        return last + self.params.ping_after_s

    def _dead_at(self) -> float:
        """Silence counts from the first PING into it: an end that was itself asleep asks before it gives up."""
        params = self.params
        first = self._first_ping_at
        if first is None:
            first = self._heard_at + params.ping_after_s
        return max(self._heard_at + params.dead_after_s, first + params.dead_after_s - params.ping_after_s)

    def _tick_live(self, now: float) -> None:
        assert self._channels is not None
        if now >= self._ping_at():
            if self._first_ping_at is None:
                self._first_ping_at = now
            self._last_ping_at = now
            self._channels.ping()
        if now >= self._dead_at():
            self._end(LinkDownReason.SILENT, ByeReason.SILENT)
            return
        self._channels.tick(now)
        if self._channels.broken:
            self._end(LinkDownReason.PROTOCOL, ByeReason.PROTOCOL)

    def _end(self, reason: LinkDownReason, bye: ByeReason) -> None:
        """Ends the link, and tells the peer if there is one."""
        nonce = None if self._channels is None else self._channels.nonce
        self._down(reason)
        if nonce is not None:
            self._say_bye(Bye(reason=bye), nonce)

    def _down(self, reason: LinkDownReason, retry_after_ms: int | None = None) -> None:
        """The link and everything on it is over; a device listens on."""
        if self.state in (LinkState.CLOSED, LinkState.LISTENING):
            return
        self._channels = None
        self._handshake.clear()
        if self.role is LinkRole.HOST:
            self.state = LinkState.CLOSED
        else:
            self.state = LinkState.LISTENING
            self._gate.release(self)
            self._bound_payload()
        self._events.append(LinkDown(reason, retry_after_ms))

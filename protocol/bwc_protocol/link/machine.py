"""One end of a link: its beginning, its life and its end (spec: Link).

Bytes and the time go in; bytes, events and the next deadline come out. After each input, drain `events` and
`outgoing`, and call `tick` when `deadline` has passed. Nothing here reads a clock, and the only entropy is `nonce`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Final

from bwc_protocol.frame import (
    MAX_CHANNEL,
    Bye,
    ByeReason,
    Frame,
    FrameParser,
    FrameType,
    MalformedControl,
    ResetReason,
    encode_frame,
)
from bwc_protocol.link.calling import Caller
from bwc_protocol.link.channels import Channels, Standing
from bwc_protocol.link.counters import ChannelCounters, ChannelTally, LinkCounters, LinkTally
from bwc_protocol.link.events import (
    LinkDown,
    LinkDownReason,
    LinkEvent,
    LinkState,
    LinkStateError,
    LinkUp,
    ended_by,
)
from bwc_protocol.link.gate import DeviceGate
from bwc_protocol.link.handshake import Decision, Farewell, Opening
from bwc_protocol.link.listening import Listener
from bwc_protocol.link.params import LinkParams, LinkRole
from bwc_protocol.link.refused import DiscardReason, RefusedFrame, damaged
from bwc_protocol.link.silence import Silence

# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
DRAIN_BYTES: Final = 1 << 20
"""What is drained at once, about, unless the pipe says how much it takes: a window of the fastest link."""
_DATA: Final = FrameType.DATA
ABOUT_LINKS: Final = frozenset({FrameType.HELLO, FrameType.HELLO_ACK, FrameType.BYE})
"""Frames that never provoke BYE(UNKNOWN_LINK), and whose version is not checked: their layout never changes."""


class Link:
    """One end of a pipe. See `LinkParams` for every bound and timer.

    A host begins with `open`; a device listens from the start. A host that went down may `open` again; a device
    goes on listening. With several pipes to one device, all its links share one `gate`.
    """

    # What it is made of: a subclass, such as a device that is to break a rule, may say otherwise.
    parser_type: ClassVar[type[FrameParser]] = FrameParser
    listener_type: ClassVar[type[Listener]] = Listener
    channels_type: ClassVar[type[Channels]] = Channels

    def __init__(
        self, role: LinkRole, params: LinkParams, *, nonce: Callable[[], int], gate: DeviceGate | None = None
    ) -> None:
        self.role = role
        self.params = params
        self._tally = LinkTally()
        self._parser = self.parser_type(
            params.max_payload, lambda damage: self._tally.remember(damaged(damage))
        )
        self._channel_tallies: dict[
            int, ChannelTally
        ] = {}  # at most one a channel number; they outlive a link
        self._events: list[LinkEvent] = []
        # Goes before all else: what the opening says (None), and one BYE of a kind.
        self._ahead: dict[ByeReason | None, Frame] = {}
        self._opening: Opening = (
            Caller(params, self._tally, nonce)
            if role is LinkRole.HOST
            else self.listener_type(params, self._tally, nonce, gate or DeviceGate(), self._forgotten)
        )
        self._channels: Channels | None = None  # of the live link
        self._standings: dict[int, Standing] = {}  # of the channels of the link that ended last
        self._silence = Silence(params, 0.0)  # the same
        self._now = 0.0
        self._bye_at: float | None = None  # when a stranger was last told

    @property
    def state(self) -> LinkState:
        """Where the link stands."""
        return self._opening.state if self._channels is None else LinkState.LIVE

    # Inputs

    def open(self, now: float) -> None:
        """Host: begins to say HELLO. Ends in `LinkUp` or `LinkDown` within 15 s. Raises `LinkStateError`."""
        if not isinstance(self._opening, Caller) or self.state is not LinkState.CLOSED:
            raise LinkStateError(f"a {self.role.value} that is {self.state.value} cannot open")
        self._now = now
        self._parser.reset()
        self._ahead.clear()
        self._carry_out(self._opening.open(now))

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
        if self._channels is None:
            self._carry_out(self._opening.tick(now))
        else:
            self._tick_live(self._channels, now)

    def pipe_lost(self, now: float) -> None:
        """The pipe is gone, and with it the link and what was to be sent."""
        self._now = now
        self._parser.reset()
        self._down(LinkDownReason.PIPE_LOST)
        self._opening.withdraw()
        self._ahead.clear()

    def close(self, now: float) -> None:
        """Ends the link at once with BYE(NORMAL), which is still to be drained from `outgoing`."""
        self._now = now
        self._opening.withdraw()
        self._end(LinkDownReason.CLOSED, ByeReason.NORMAL)

    def open_channel(self, channel: int) -> None:
        """Host: bytes for `channel` may be sent from now on; they wait until its last life has ended on both sides.

        Raises `LinkStateError` unless the link is live and the channel closed, `ValueError` for no channel.
        """
        if not 0 <= channel <= MAX_CHANNEL:
            raise ValueError(f"channel {channel} is not 0 to {MAX_CHANNEL}")
        if self.role is not LinkRole.HOST or self._channels is None:
            raise LinkStateError(f"a {self.role.value} whose link is {self.state.value} opens no channel")
        self._channels.open(channel)

    def send(self, channel: int, data: bytes | memoryview, now: float | None = None) -> None:
        """Queues bytes of the channel's stream, without a copy: they must not change afterwards.

        `now` is the time of the last input unless it is given. From it counts how long they wait, which tells how fast
        the channel is: of a link on which nothing came for a while it has to be given.

        Bytes for a closed channel are discarded: its `ChannelReset` or the `LinkDown` is among the events. More
        than `send_max` bytes outstanding reset the channel with OVERFLOW.
        """
        if now is not None:
            self._now = now
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
        return not self._ahead and (self._channels is None or self._channels.idle)

    def events(self) -> list[LinkEvent]:
        """Drains what happened, in order."""
        if not self._events:
            return []
        events = self._events.copy()
        self._events.clear()  # kept, since the channels append to it too
        return events

    def outgoing(self, now: float, limit: int = DRAIN_BYTES) -> list[bytes]:
        """Drains about `limit` bytes for the pipe: whole small frames, or header, payload and CRC of large ones.

        All that was drained has to be written, in order. The timer of a frame starts here, so drain only what the
        pipe is about to take.
        """
        self._now = now
        out: list[bytes] = []
        if self.idle:
            return out
        if self._ahead:
            for frame in self._ahead.values():
                out.append(encode_frame(frame))
                if frame.type is FrameType.PING:
                    self._tally.pings += 1
            self._ahead.clear()
            self._tally.frames_out += len(out)
            self._tally.bytes_out += sum(map(len, out))
        if self._channels is not None:
            self._tally.bytes_out += self._channels.fill(out, now, limit)
        return out

    def deadline(self) -> float | None:
        """When `tick` is to be called next, unless something else happens before."""
        times = [self._parser.deadline]
        if self._channels is None:
            times.append(self._opening.deadline())
        else:
            times += (self._channels.deadline(), self._silence.ping_at(), self._silence.dead_at())
        known = [t for t in times if t is not None]
        return min(known) if known else None

    # Measures

    @property
    def max_payload(self) -> int:
        """Bytes of payload in the largest frame: agreed upon, or else what this end offers."""
        return self.params.max_payload if self._channels is None else self._channels.max_payload

    @property
    def counters(self) -> LinkCounters:
        """What was counted since the link object was made; it no longer moves."""
        return self._tally.snapshot(self._parser.counters)

    def channel_counters(self, channel: int) -> ChannelCounters:
        """What was counted on one channel in all of its lives; it no longer moves."""
        tally = self._channel_tallies.get(channel)
        return ChannelCounters() if tally is None else tally.snapshot()

    @property
    def refused(self) -> tuple[RefusedFrame, ...]:
        """Of each reason for which frames were thrown away the last one, with what did not hold."""
        return tuple(self._tally.refused.values())

    def on_refused(self, tell: Callable[[RefusedFrame], None]) -> None:
        """Has each frame that is thrown away told at once: for captures."""
        self._tally.on_refused = tell

    @property
    def strange(self) -> bytes:
        """The first bytes of the pipe that belonged to no frame."""
        return self._parser.strange

    def standing(self, channel: int) -> Standing | None:
        """Where both directions of a channel stand, or stood when it or the link ended; None if it never was open."""
        return self._standings.get(channel) if self._channels is None else self._channels.standing(channel)

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
        if frame.type is not _DATA:
            self._tally.came[frame.type] += 1
            if frame.type in ABOUT_LINKS:
                self._about_link(frame, now)
                return
        channels = self._channels
        if channels is None or frame.link != channels.nonce:
            channels = self._first_frame(frame, now)
            if channels is None:
                return
        elif frame.version != channels.version:
            self._refuse_version(frame, channels.version)
            return
        self._silence.heard_at = now
        channels.receive(frame, now)

    def _first_frame(self, frame: Frame, now: float) -> Channels | None:
        """The first frame of a link that was granted: only now it is live, and an older one on this pipe ends."""
        granted = self._opening.granted
        if granted is None or frame.link != granted.nonce:
            self._stranger(frame, now)
            return None
        if frame.version != granted.version:
            self._refuse_version(frame, granted.version)
            return None
        if self._channels is not None:
            self._down(LinkDownReason.REPLACED)
        self._opening.used()
        self._parser.max_payload = self._opening.max_payload
        up = LinkUp(granted.nonce, granted.version, granted.max_payload, granted.window)
        channels = self._channels = self.channels_type(
            self.role, self.params, self._tally, self._channel_tallies, self._events, up
        )
        self._silence = Silence(self.params, now)
        if self._ahead.pop(None, None) is not None:
            channels.ping()  # a host that was about to ask still asks
        took = granted.round_trip(now)
        if took is not None:
            channels.pipe.round_trip.sample(took, 0.0)
        self._events.append(up)
        return channels

    def _stranger(self, frame: Frame, now: float) -> None:
        """A frame of another link: dropped, and now and then its sender is told."""
        granted = self._opening.granted
        wanted = self._channels.nonce if self._channels is not None else granted.nonce if granted else None
        self._tally.refuse(
            RefusedFrame(DiscardReason.STALE_LINK, frame.type.name, "link", frame.link, wanted)
        )
        if self._bye_at is None or now >= self._bye_at + self.params.bye_every_s:
            self._bye_at = now
            self._send_bye(Bye(reason=ByeReason.UNKNOWN_LINK), frame.link)

    def _about_link(self, frame: Frame, now: float) -> None:
        try:
            if frame.type is not FrameType.BYE:
                self._carry_out(self._opening.hear(frame, now))
                return
            bye = Bye.decode(frame.payload)
        except MalformedControl:
            name, length = frame.type.name, len(frame.payload)
            hint = "it ends inside a known field"
            self._tally.refuse(RefusedFrame(DiscardReason.MALFORMED, name, "length", length, hint=hint))
            return
        if self._channels is None or frame.link != self._channels.nonce:
            self._carry_out(self._opening.hear_bye(frame.link, bye, now))
            return
        reason = ended_by(bye.reason)
        if reason is None:
            self._tally.refuse(RefusedFrame(DiscardReason.MALFORMED, "BYE", "reason", int(bye.reason)))
        else:
            self._down(reason)

    def _refuse_version(self, frame: Frame, wanted: int) -> None:
        name = frame.type.name
        self._tally.refuse(RefusedFrame(DiscardReason.MALFORMED, name, "version", frame.version, wanted))

    # Beginning and end

    def _carry_out(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Frame():
                    self._ahead[None] = decision
                case Farewell(bye=bye, link=link):
                    self._send_bye(bye, link)
                case LinkDown(reason=reason, retry_after_ms=after_ms):
                    self._down(reason, after_ms)
        self._parser.max_payload = self._opening.max_payload

    def _forgotten(self) -> None:
        """The candidate is void, and an answer that names it must not go out."""
        self._ahead.pop(None, None)
        self._parser.max_payload = self._opening.max_payload

    def _send_bye(self, bye: Bye, link: int) -> None:
        assert isinstance(bye.reason, ByeReason)
        self._tally.byes_out += 1
        self._ahead[bye.reason] = Frame(FrameType.BYE, link=link, payload=bye.encode())

    def _tick_live(self, channels: Channels, now: float) -> None:
        if now >= self._silence.ping_at():
            self._silence.pinged(now)
            channels.ping()
        if now >= self._silence.dead_at():
            self._end(LinkDownReason.SILENT, ByeReason.SILENT)
            return
        channels.tick(now)
        if channels.broken:
            self._end(LinkDownReason.PROTOCOL, ByeReason.PROTOCOL)

    def _end(self, reason: LinkDownReason, bye: ByeReason) -> None:
        """Ends the link, and tells the peer if there is one; for a host also of a link that is not used yet."""
        link = self._opening.granted if self._channels is None else self._channels
        self._down(reason)
        if link is not None:
            self._send_bye(Bye(reason=bye), link.nonce)

    def _down(self, reason: LinkDownReason, retry_after_ms: int | None = None) -> None:
        """The link and everything on it is over; a device listens on."""
        if self.state in (LinkState.CLOSED, LinkState.LISTENING):
            return
        during = self.state
        self._standings = {} if self._channels is None else self._channels.standings()
        self._channels = None
        self._ahead.clear()
        self._opening.ended()
        self._parser.max_payload = self._opening.max_payload
        self._events.append(LinkDown(reason, retry_after_ms, during))

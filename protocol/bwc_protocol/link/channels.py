"""All channels of one live link: which frames they take, and which they hand out (spec: Channel).

Made when a link goes live and dropped with it, so that nothing of a link outlives it.
"""

from typing import ClassVar, Final, NamedTuple

from bwc_protocol.frame import (
    CRC_SIZE,
    HEADER_SIZE,
    MAX_CHANNEL,
    Frame,
    FrameType,
    MalformedControl,
    Reset,
    ResetReason,
    pack_header,
    pack_parts,
    payload_crc,
)
from bwc_protocol.link.channel import FIRST_EPOCH, Channel, ChannelState
from bwc_protocol.link.counters import ChannelTally, LinkTally
from bwc_protocol.link.events import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    LinkEvent,
    LinkStateError,
    LinkUp,
)
from bwc_protocol.link.inbound import Inbound
from bwc_protocol.link.outbound import Outbound, Pipe, Sent
from bwc_protocol.link.params import LinkParams, LinkRole
from bwc_protocol.link.pipe_rates import DOUBLINGS_MAX
from bwc_protocol.link.refused import DiscardReason, RefusedFrame
from bwc_protocol.link.scheduler import Scheduler

# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_DATA: Final = FrameType.DATA
_OPEN: Final = ChannelState.OPEN
_OPENING: Final = ChannelState.OPENING
ANSWER: Final = Reset(reason=ResetReason.ANSWER)
JOIN_MAX: Final = 4_096
"""Payloads up to here are copied into one piece with their header: cheaper than three writes."""


class Standing(NamedTuple):
    """Where an open channel stands: what of the peer is awaited, and what the peer has not acknowledged."""

    ack: int
    """The frame of the peer that is awaited next."""
    sack: int
    """Not 0: later ones came already."""
    in_flight: int
    """Our frames that the peer did not acknowledge."""
    window: int
    """Our frames that may be in flight, as the peer says."""
    waiting_bytes: int
    """For the peer, which did not acknowledge them, or which cannot be sent."""


class Channels:
    """The channels of the link that came up. Its `max_payload` and `window` are what both ends agreed upon."""

    inbound_type: ClassVar[type[Inbound]] = Inbound
    outbound_type: ClassVar[type[Outbound]] = Outbound

    def __init__(
        self,
        role: LinkRole,
        params: LinkParams,
        tally: LinkTally,
        tallies: dict[int, ChannelTally],
        events: list[LinkEvent],
        up: LinkUp,
    ) -> None:
        self.nonce = up.nonce
        self.version = up.version
        self.max_payload = up.max_payload
        self.window = up.window
        self.pipe = Pipe(params)
        self.broken = False
        """A live peer left a RESET unanswered for good: the link has to end."""
        self._host = role is LinkRole.HOST
        self._params = params
        self._tally = tally
        self._tallies = tallies
        self._events = events
        self._channels: dict[int, Channel] = {}  # at most one a channel number
        self._ended: dict[int, Standing] = {}  # where closed channels stood; at most one a channel number
        self._scheduler = Scheduler(up.max_payload)
        self._urgent: dict[Channel, None] = {}  # acknowledgements that go at once, in order
        # What goes before data. One entry a channel, the last one counts: a peer cannot make them pile up.
        self._resets: dict[int, tuple[int, Reset]] = {}
        self._pongs: dict[int, tuple[int, int]] = {}  # epoch and number of the PING
        self._pings: dict[int, int] = {}

    # Frames in

    def receive(self, frame: Frame, now: float) -> None:
        """Takes a frame of this link that is not about the link itself."""
        if frame.channel > MAX_CHANNEL:
            name = frame.type.name
            self._tally.refuse(RefusedFrame(DiscardReason.MALFORMED, name, "channel", frame.channel))
            return
        channel = self._channels.get(frame.channel) or self._make(frame.channel)
        if frame.type is _DATA:
            self._data(channel, frame, now)
            return
        match frame.type:
            case FrameType.ACK:
                if not channel.is_open(frame.epoch):
                    _refuse_epoch(channel, frame)
                else:
                    self._acknowledge(channel, frame, now)
            case FrameType.PING:
                # Even of a closed channel: the link lives.
                self._pongs[channel.number] = (frame.epoch, frame.seq)
                if channel.is_open(frame.epoch):
                    self._acknowledge(channel, frame, now)
            case FrameType.PONG:
                if channel.is_open(frame.epoch):
                    self._acknowledge(channel, frame, now)
            case FrameType.RESET:
                self._reset(channel, frame)
            case _:
                channel.tally.refuse(
                    RefusedFrame(DiscardReason.MALFORMED, frame.type.name, "type", frame.type.value)
                )

    def _make(self, number: int) -> Channel:
        tally = self._tallies.setdefault(number, ChannelTally(self._tally))
        channel = self._channels[number] = Channel(number, self._params, tally)
        return channel

    def _data(self, channel: Channel, frame: Frame, now: float) -> None:
        if not frame.payload or len(frame.payload) > self.max_payload:
            length, hint = len(frame.payload), f"DATA carries 1 to {self.max_payload} bytes"
            channel.tally.refuse(RefusedFrame(DiscardReason.MALFORMED, "DATA", "length", length, hint=hint))
            return
        if frame.epoch != channel.epoch or channel.state is not _OPEN:
            if (
                self._host
                or channel.state is not ChannelState.CLOSED
                or frame.epoch != channel.next_epoch
                or frame.seq
            ):
                _refuse_epoch(channel, frame)
                return
            if channel.number >= self._params.channels:
                channel.skip(frame.epoch)
                self._repeat(channel, Reset(reason=ResetReason.NO_DEVICE), now)
                return
            self._prepare(channel, edge=0)
            channel.begin()
            self._events.append(ChannelOpened(channel.number, channel.epoch))
        inbound, outbound = channel.inbound, channel.outbound
        assert inbound is not None and outbound is not None
        if not outbound.acknowledge(frame.ack, frame.window, frame.sack, now):
            self._count_void(channel, outbound, frame)
        elif not frame.ack and self._host and outbound.untouched:
            channel.tally.missing_ack()
        self._scheduler.wake(channel)
        tally = channel.tally
        for payload in inbound.accept(frame.seq, frame.payload, now):
            tally.frames_in += 1
            tally.bytes_in += len(payload)
            self._events.append(ChannelData(channel.number, payload))
        if inbound.urgent:
            self._urgent[channel] = None

    def _acknowledge(self, channel: Channel, frame: Frame, now: float) -> None:
        outbound = channel.outbound
        assert outbound is not None
        if frame.type is FrameType.PONG:
            if not frame.seq:  # ours on an open channel count from 1
                channel.tally.unnumbered_pong()
            valid = outbound.answered(frame.seq, frame.ack, frame.window, frame.sack, now)
        else:
            valid = outbound.acknowledge(frame.ack, frame.window, frame.sack, now)
        if not valid:
            self._count_void(channel, outbound, frame)
        elif not frame.ack and self._host and frame.type is FrameType.ACK and outbound.untouched:
            channel.tally.missing_ack()  # a PONG may come of a channel that is still closed
        self._scheduler.wake(channel)

    def _count_void(self, channel: Channel, outbound: Outbound, frame: Frame) -> None:
        channel.tally.void_ack(early=outbound.is_early(frame.ack, frame.window))

    def _reset(self, channel: Channel, frame: Frame) -> None:
        try:
            reset = Reset.decode(frame.payload)
        except MalformedControl:
            length = len(frame.payload)
            channel.tally.refuse(RefusedFrame(DiscardReason.MALFORMED, "RESET", "length", length, 4))
            return
        channel.tally.reset_came()
        answer = reset.reason is ResetReason.ANSWER
        if frame.payload[0] != reset.reason:
            unknown = RefusedFrame(
                DiscardReason.MALFORMED, "RESET", "reason", frame.payload[0], hint="unknown"
            )
            self._tally.remember(unknown)
        if frame.epoch == channel.epoch:
            if channel.state is ChannelState.OPEN:
                self._close(channel)
                # An ANSWER to a RESET that was never sent: the peer is confused, and has closed.
                reason = ResetReason.PROTOCOL if answer else reset.reason
                self._events.append(ChannelReset(channel.number, reason, reset.retry_after_ms, by_peer=True))
            channel.repeating = None
            channel.may_open = True
            self._scheduler.wake(channel)
        elif (
            not self._host
            and channel.state is ChannelState.CLOSED
            and frame.epoch == channel.next_epoch
            and not answer
        ):
            # The host opened and reset it; the opening was lost, and without an answer it would ask for ever.
            channel.skip(frame.epoch)
        else:
            _refuse_epoch(channel, frame)
            return
        if not answer:
            self._resets[channel.number] = (frame.epoch, ANSWER)

    # The application

    def open(self, number: int) -> None:
        """Host: bytes for `number` may be queued; they go once the last epoch's RESET is answered."""
        channel = self._channels.get(number) or self._make(number)
        if channel.state is not ChannelState.CLOSED:
            raise LinkStateError(f"channel {number} is open")
        self._prepare(channel, edge=1)  # until the device is heard in this epoch, only frame 0 goes

    def _prepare(self, channel: Channel, edge: int) -> None:
        slots = self._params.slots(channel.number, self.max_payload, self.window)
        others = sum(other.outbound is not None for other in self._channels.values())
        channel.prepare(
            self.inbound_type(slots, self._params, channel.tally),
            self.outbound_type(
                self.pipe,
                channel.tally,
                self.max_payload,
                self.window,
                edge,
                self.pipe.meter.rate / (1 + others),
            ),
        )
        self._scheduler.add(channel)

    def send(self, number: int, data: bytes | memoryview, now: float) -> None:
        """Queues bytes; beyond the bound the channel is reset. Of a closed channel they are discarded."""
        channel = self._channels.get(number)
        if channel is None or channel.outbound is None or not data:
            return
        channel.outbound.push(data, now)
        self._scheduler.wake(channel)
        if channel.outbound.outstanding > self._params.send_max:
            self._fail(channel, ResetReason.OVERFLOW, now)

    def reset(self, number: int, reason: ResetReason, now: float, retry_after_ms: int = 0) -> None:
        """Closes a channel; without effect on a closed one."""
        channel = self._channels.get(number)
        if channel is None or channel.state is ChannelState.CLOSED:
            return
        known = channel.state is ChannelState.OPEN
        self._close(channel)
        if known:  # else the peer has never heard of the epoch
            self._repeat(channel, Reset(reason=reason, retry_after_ms=retry_after_ms), now)

    def consumed(self, number: int, frames: int) -> None:
        """The application took `frames` pieces of data."""
        channel = self._channels.get(number)
        if channel is not None and channel.inbound is not None:
            channel.inbound.consumed(frames)
            if channel.inbound.urgent:
                self._urgent[channel] = None

    def withhold(self, number: int, frames: int) -> None:
        """Takes slots of a window that the peer has not been told."""
        channel = self._channels.get(number)
        if channel is not None and channel.inbound is not None:
            channel.inbound.withhold(frames)

    def outstanding(self, number: int) -> int:
        """Bytes queued and not known to be delivered."""
        channel = self._channels.get(number)
        return 0 if channel is None or channel.outbound is None else channel.outbound.outstanding

    def peer_window(self, number: int) -> int:
        """Frames that the peer lets be in flight on a channel at present."""
        channel = self._channels.get(number)
        return 0 if channel is None or channel.outbound is None else channel.outbound.peer_window

    def standing(self, number: int) -> Standing | None:
        """Where both directions of a channel stand, or stood when it was closed; None of one that never was open."""
        channel = self._channels.get(number)
        if channel is None or channel.inbound is None or channel.outbound is None:
            return self._ended.get(number)
        inbound, outbound = channel.inbound, channel.outbound
        return Standing(
            inbound.ack, inbound.sack, outbound.in_flight, outbound.peer_window, outbound.outstanding
        )

    def standings(self) -> dict[int, Standing]:
        """The same of all channels."""
        found = {number: self.standing(number) for number in self._channels}
        return {number: standing for number, standing in found.items() if standing is not None}

    def rate(self, number: int) -> float:
        """Measured bytes a second of one channel; of the link while the channel is closed."""
        channel = self._channels.get(number)
        meter = self.pipe.meter if channel is None or channel.outbound is None else channel.outbound.meter
        return meter.rate

    def ping(self, number: int = 0) -> None:
        """Asks for a sign of life, and for the state of the window of `number`."""
        channel = self._channels.get(number)
        self._pings[number] = FIRST_EPOCH if channel is None else channel.epoch

    def _close(self, channel: Channel) -> None:
        standing = self.standing(channel.number)
        if standing is not None:
            self._ended[channel.number] = standing
        channel.close()
        self._scheduler.remove(channel)
        self._urgent.pop(channel, None)

    def _repeat(self, channel: Channel, reset: Reset, now: float) -> None:
        channel.repeat(reset, now)
        self._repeat_now(channel, now)

    def _repeat_now(self, channel: Channel, now: float) -> None:
        assert channel.repeating is not None
        part = self.pipe.round_trip.part
        self._resets[channel.number] = (channel.epoch, channel.repeating)
        channel.repeat_at = now + min(
            part * 2 ** min(channel.repeats, DOUBLINGS_MAX), max(part, self._params.probe_max_s)
        )
        channel.repeats += 1
        self.broken = self.broken or channel.repeats > self._params.reset_retries

    def _fail(self, channel: Channel, reason: ResetReason, now: float) -> None:
        self.reset(channel.number, reason, now)
        self._events.append(ChannelReset(channel.number, reason))

    # Time

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        times = [t for t in (channel.deadline() for channel in self._channels.values()) if t is not None]
        return min(times) if times else None

    def tick(self, now: float) -> None:
        """Runs the timers that are due."""
        for channel in list(self._channels.values()):
            if channel.repeating is not None and channel.repeat_at <= now:
                self._repeat_now(channel, now)
            if channel.state is not _OPEN:
                continue
            inbound, outbound = channel.inbound, channel.outbound
            assert inbound is not None and outbound is not None
            if inbound.due is not None and inbound.due <= now:
                inbound.urgent = True
                inbound.due = None  # it goes as soon as the pipe takes it; no deadline may stay in the past
                self._urgent[channel] = None
            timer = outbound.deadline()
            if timer is not None and timer <= now:
                if outbound.blocked:
                    outbound.probed(now)
                    self.ping(channel.number)
                elif outbound.expire():
                    self.ping(channel.number)  # ahead of the copy; its PONG tells what else is lost
                    self._scheduler.wake(channel)
                else:
                    self._fail(channel, ResetReason.TIMEOUT, now)

    # Frames out

    @property
    def idle(self) -> bool:
        """Whether `fill` has nothing to hand out."""
        return self._scheduler.idle and not (self._urgent or self._pongs or self._pings or self._resets)

    def fill(self, out: list[bytes], now: float, limit: int) -> int:
        """Appends frames to `out`, control first, then data up to about `limit` bytes; returns their bytes."""
        count = self._control(out) if self._resets or self._pongs or self._pings or self._urgent else 0
        while count < limit:
            channel = self._scheduler.next()
            if channel is None:
                break
            count += self._emit(channel, out, now)
        return count

    def _control(self, out: list[bytes]) -> int:
        before = len(out)
        for number, (epoch, reset) in self._resets.items():
            payload = reset.encode()
            header = self._header(FrameType.RESET, number, epoch, length=len(payload))
            out.append(header + payload + payload_crc(header, payload))
            self._tallies[number].reset_went()
        for number, (epoch, seq) in self._pongs.items():
            out.append(self._header(FrameType.PONG, number, epoch, seq=seq))
            self._tally.pongs += 1
        for number, epoch in self._pings.items():
            channel = self._channels.get(number)
            outbound = channel.outbound if channel is not None and channel.is_open(epoch) else None
            asked = outbound.asked() if outbound is not None else 0
            out.append(self._header(FrameType.PING, number, epoch, seq=asked))
            self._tally.pings += 1
        for channel in list(self._urgent):
            if channel.inbound is not None and channel.inbound.urgent:
                out.append(self._header(FrameType.ACK, channel.number, channel.epoch))
        self._resets.clear()
        self._pongs.clear()
        self._pings.clear()
        self._urgent.clear()
        self._tally.frames_out += len(out) - before
        return sum(map(len, out[before:]))

    def _emit(self, channel: Channel, out: list[bytes], now: float) -> int:
        outbound = channel.outbound
        assert outbound is not None
        if channel.state is _OPENING:
            channel.begin()
        sent: Sent = outbound.take(now)
        inbound, payload = channel.inbound, sent.payload
        assert inbound is not None
        header, crc = pack_parts(
            _DATA,
            channel.number,
            self.nonce,
            channel.epoch,
            inbound.window,
            sent.seq,
            inbound.ack,
            inbound.sack,
            payload,
            self.version,
        )
        inbound.acknowledged()
        self._tally.frames_out += 1
        channel.tally.frames_out += 1
        channel.tally.bytes_out += sent.size
        if sent.size <= JOIN_MAX:
            out.append(header + payload + crc)
        else:
            out += (header, payload, crc)
        return HEADER_SIZE + sent.size + CRC_SIZE

    def _header(self, type: FrameType, number: int, epoch: int, *, seq: int = 0, length: int = 0) -> bytes:
        """The header of a control frame, with the present ack, window and sack of its channel."""
        channel = self._channels.get(number)
        ack = window = sack = 0
        if channel is not None and channel.inbound is not None and channel.is_open(epoch):
            inbound = channel.inbound
            ack, window, sack = inbound.ack, inbound.window, inbound.sack
            inbound.acknowledged()
        return pack_header(type, number, self.nonce, epoch, window, seq, ack, sack, length, self.version)


def _refuse_epoch(channel: Channel, frame: Frame) -> None:
    name, reason = frame.type.name, DiscardReason.STALE_EPOCH
    if channel.state is not ChannelState.CLOSED:
        channel.tally.refuse(RefusedFrame(reason, name, "epoch", frame.epoch, channel.epoch))
    else:
        channel.tally.refuse(RefusedFrame(reason, name, "epoch", frame.epoch, hint="its channel is closed"))

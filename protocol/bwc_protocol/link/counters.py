"""What a link and its channels count: what passed, what was said again, and what was thrown away and why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bwc_protocol.counting import Counts, Snapshot
from bwc_protocol.frame import FrameType, ParserCounters
from bwc_protocol.link.refused import DiscardReason, RefusedFrame


@dataclass(frozen=True, slots=True)
class ChannelCounters(Snapshot):
    """What one channel counted: frames of data, and bytes of their payload."""

    frames_in: int = 0
    """Taken, each once and in order."""
    frames_out: int = 0
    """Handed to the pipe, repeats included."""
    bytes_in: int = 0
    bytes_out: int = 0
    """Repeats included."""
    retransmissions: int = 0
    """Of `frames_out`, those that had gone before: they, or their acknowledgements, were taken for lost."""
    timeouts: int = 0
    """How often a frame was not acknowledged in time."""
    out_of_order: int = 0
    """Frames that came before one that was sent earlier; kept until that came."""
    void_acks: int = 0
    """Acknowledgements of what is not in flight; ignored, the rest of their frames counts."""
    early_acks: int = 0
    """Of `void_acks`, those of frames that were never sent."""
    missing_acks: int = 0
    """Frames on a channel that this end opened which acknowledge nothing, not even the frame that opened it."""
    unnumbered_pongs: int = 0
    """PONGs that do not echo the `seq` of any PING."""
    resets_in: int = 0
    resets_out: int = 0
    discarded: Counts[DiscardReason] = field(default_factory=partial(Counts, DiscardReason))
    """Frames of this channel that were thrown away; damaged ones are of no channel."""


@dataclass(frozen=True, slots=True)
class LinkCounters(Snapshot):
    """What a whole link counted, on all of its channels: frames of any type, and bytes of the pipe."""

    frames_in: int = 0
    """Undamaged ones, also those that were then thrown away."""
    came: Counts[FrameType] = field(default_factory=partial(Counts, FrameType))
    """`frames_in` by their type."""
    frames_out: int = 0
    """Repeats included."""
    bytes_in: int = 0
    """Whatever the pipe gave, damaged or not."""
    bytes_out: int = 0
    retransmissions: int = 0
    """Of `frames_out`, those that had gone before: they, or their acknowledgements, were taken for lost."""
    timeouts: int = 0
    """How often a frame was not acknowledged in time."""
    resyncs: int = 0
    """How often no frame began where one should have begun."""
    skipped_bytes: int = 0
    """Bytes that belonged to no frame."""
    out_of_order: int = 0
    """Frames that came before one that was sent earlier; kept until that came."""
    void_acks: int = 0
    """Acknowledgements of what is not in flight; ignored, the rest of their frames counts."""
    early_acks: int = 0
    """Of `void_acks`, those of frames that were never sent."""
    missing_acks: int = 0
    """Frames on a channel that this end opened which acknowledge nothing, not even the frame that opened it."""
    unnumbered_pongs: int = 0
    """PONGs that do not echo the `seq` of any PING."""
    pings: int = 0
    """Said."""
    pongs: int = 0
    """Said."""
    resets_in: int = 0
    resets_out: int = 0
    byes_out: int = 0
    discarded: Counts[DiscardReason] = field(default_factory=partial(Counts, DiscardReason))
    """Frames that were thrown away."""


def _none() -> dict[DiscardReason, int]:
    return dict.fromkeys(DiscardReason, 0)


@dataclass(slots=True)
class LinkTally:
    """The counts of a link as they grow; those of its parser stand there."""

    frames_out: int = 0
    bytes_out: int = 0
    retransmissions: int = 0
    timeouts: int = 0
    out_of_order: int = 0
    void_acks: int = 0
    early_acks: int = 0
    missing_acks: int = 0
    unnumbered_pongs: int = 0
    pings: int = 0
    pongs: int = 0
    resets_in: int = 0
    resets_out: int = 0
    byes_out: int = 0
    discarded: dict[DiscardReason, int] = field(default_factory=_none)
    came: dict[FrameType, int] = field(default_factory=lambda: dict.fromkeys(FrameType, 0))
    """Undamaged frames by type, but DATA: what is left of the parser's count is that."""
    refused: dict[DiscardReason, RefusedFrame] = field(default_factory=dict)
    """Of each reason what it was last."""
    on_refused: Callable[[RefusedFrame], None] | None = None

    def refuse(self, refused: RefusedFrame) -> None:
        """A frame was thrown away."""
        self.discarded[refused.reason] += 1
        self.remember(refused)

    def remember(self, refused: RefusedFrame) -> None:
        """The same of one that is counted elsewhere."""
        self.refused[refused.reason] = refused
        if self.on_refused is not None:
            self.on_refused(refused)

    def snapshot(self, parsed: ParserCounters) -> LinkCounters:
        """The present counts, with what the parser of the pipe met."""
        found = {
            DiscardReason.HEADER_CRC: parsed.header_crc_errors,
            DiscardReason.PAYLOAD_CRC: parsed.payload_crc_errors,
            DiscardReason.OVERSIZE: parsed.oversize,
            DiscardReason.MALFORMED: parsed.unknown_type,
        }
        came = Counts(FrameType, {**self.came, FrameType.DATA: parsed.frames - sum(self.came.values())})
        return LinkCounters(
            frames_in=parsed.frames,
            came=came,
            frames_out=self.frames_out,
            bytes_in=parsed.bytes,
            bytes_out=self.bytes_out,
            retransmissions=self.retransmissions,
            timeouts=self.timeouts,
            resyncs=parsed.resyncs,
            skipped_bytes=parsed.skipped_bytes,
            out_of_order=self.out_of_order,
            void_acks=self.void_acks,
            early_acks=self.early_acks,
            missing_acks=self.missing_acks,
            unnumbered_pongs=self.unnumbered_pongs,
            pings=self.pings,
            pongs=self.pongs,
            resets_in=self.resets_in,
            resets_out=self.resets_out,
            byes_out=self.byes_out,
            discarded=Counts(DiscardReason, self.discarded) + Counts(DiscardReason, found),
        )


@dataclass(slots=True)
class ChannelTally:
    """The counts of a channel as they grow; what its link counts too is counted there at once."""

    link: LinkTally = field(default_factory=LinkTally)
    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    retransmissions: int = 0
    timeouts: int = 0
    out_of_order: int = 0
    void_acks: int = 0
    early_acks: int = 0
    missing_acks: int = 0
    unnumbered_pongs: int = 0
    resets_in: int = 0
    resets_out: int = 0
    discarded: dict[DiscardReason, int] = field(default_factory=_none)

    def refuse(self, refused: RefusedFrame) -> None:
        """A frame of the channel was thrown away."""
        self.discarded[refused.reason] += 1
        self.link.refuse(refused)

    def repeated(self) -> None:
        """A frame is handed out again."""
        self.retransmissions += 1
        self.link.retransmissions += 1

    def timed_out(self) -> None:
        """A frame was not acknowledged in time."""
        self.timeouts += 1
        self.link.timeouts += 1

    def came_early(self) -> None:
        """A frame came before one that was sent earlier."""
        self.out_of_order += 1
        self.link.out_of_order += 1

    def void_ack(self, *, early: bool) -> None:
        """What was acknowledged is not in flight: `early` of what was never sent."""
        self.void_acks += 1
        self.link.void_acks += 1
        self.early_acks += early
        self.link.early_acks += early

    def missing_ack(self) -> None:
        """The peer acknowledges nothing, although it must have had the frame that opened the channel."""
        self.missing_acks += 1
        self.link.missing_acks += 1

    def unnumbered_pong(self) -> None:
        """A PONG echoes no PING's number."""
        self.unnumbered_pongs += 1
        self.link.unnumbered_pongs += 1

    def reset_came(self) -> None:
        """The peer said RESET."""
        self.resets_in += 1
        self.link.resets_in += 1

    def reset_went(self) -> None:
        """RESET was said."""
        self.resets_out += 1
        self.link.resets_out += 1

    def snapshot(self) -> ChannelCounters:
        """The present counts."""
        return ChannelCounters(
            frames_in=self.frames_in,
            frames_out=self.frames_out,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            retransmissions=self.retransmissions,
            timeouts=self.timeouts,
            out_of_order=self.out_of_order,
            void_acks=self.void_acks,
            early_acks=self.early_acks,
            missing_acks=self.missing_acks,
            unnumbered_pongs=self.unnumbered_pongs,
            resets_in=self.resets_in,
            resets_out=self.resets_out,
            discarded=Counts(DiscardReason, self.discarded),
        )

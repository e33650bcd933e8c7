"""Defects of the channel layer (spec: Channel)."""

from __future__ import annotations

from typing import Final

from bwc_protocol.frame import Frame, FrameType, Reset, ResetReason
from bwc_protocol.link.channel import Channel, ChannelState
from bwc_protocol.link.channels import ANSWER, Channels
from bwc_protocol.link.inbound import BEHIND, SEQ_MASK, Inbound
from bwc_protocol.link.outbound import Outbound
from firmware_sim.defects.defect import Defect
from firmware_sim.defects.parts import parts


class _OpensAnEpochAhead(Channels):
    def _data(self, channel: Channel, frame: Frame, now: float) -> None:
        if channel.state is ChannelState.CLOSED and frame.epoch == (channel.epoch + 2) & 0xFF:
            channel.epoch = channel.next_epoch
        super()._data(channel, frame, now)


class _OpensInTheMiddle(Channels):
    def _data(self, channel: Channel, frame: Frame, now: float) -> None:
        if channel.state is ChannelState.CLOSED and frame.epoch == channel.next_epoch and frame.seq:
            super()._data(channel, frame._replace(seq=0), now)
        else:
            super()._data(channel, frame, now)


class _AnswersNoLateReset(Channels):
    def _reset(self, channel: Channel, frame: Frame) -> None:
        if channel.state is not ChannelState.CLOSED or frame.epoch != channel.epoch:
            super()._reset(channel, frame)


class _AnswersAnswers(Channels):
    def _reset(self, channel: Channel, frame: Frame) -> None:
        super()._reset(channel, frame)
        if frame.epoch == channel.epoch:
            self._resets[channel.number] = (frame.epoch, ANSWER)


class _ResetsOnce(Channels):
    def _repeat(self, channel: Channel, reset: Reset, now: float) -> None:
        super()._repeat(channel, reset, now)
        channel.repeating = None


class _ForgetsLostOpenings(Channels):
    def _reset(self, channel: Channel, frame: Frame) -> None:
        if frame.epoch == channel.epoch or channel.state is not ChannelState.CLOSED:
            super()._reset(channel, frame)


class _RefusalIsNoOpening(Channels):
    def _data(self, channel: Channel, frame: Frame, now: float) -> None:
        super()._data(channel, frame, now)
        if channel.number >= self._params.channels and channel.epoch == frame.epoch:
            channel.epoch = (frame.epoch - 1) & 0xFF


class _ObeysOldResets(Channels):
    def _reset(self, channel: Channel, frame: Frame) -> None:
        if channel.state is ChannelState.OPEN and frame.epoch == (channel.epoch - 1) & 0xFF:
            frame = frame._replace(epoch=channel.epoch)
        super()._reset(channel, frame)


class _KeepsBytes(Channels):
    """What was queued and not sent in one epoch goes out in the next."""

    kept: tuple[bytes, ...] = ()

    def _close(self, channel: Channel) -> None:
        if channel.outbound is not None:
            self.kept = tuple(bytes(part) for part in channel.outbound._queue)
        super()._close(channel)

    def _prepare(self, channel: Channel, edge: int) -> None:
        super()._prepare(channel, edge)
        for part in self.kept:
            assert channel.outbound is not None
            channel.outbound.push(part, 0.0)
        self.kept = ()


class _BelievesAnyAck(Outbound):
    def acknowledge(self, ack: int, window: int, sack: int, now: float) -> bool:
        return super().acknowledge((self._base + len(self._flight)) & SEQ_MASK, window, sack, now)


class _NarrowsTheEdge(Outbound):
    def acknowledge(self, ack: int, window: int, sack: int, now: float) -> bool:
        valid = super().acknowledge(ack, window, sack, now)
        if valid:
            self._edge = self._base + window
        return valid


class _ForgetsWhatItHolds(Inbound):
    def _close_gap(self, payload: bytes) -> list[bytes]:
        self._held.clear()
        self.sack = 0
        return super()._close_gap(payload)


class _TakesBeyondItsWindow(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        ahead = (seq - self.ack) & SEQ_MASK
        if self.window <= ahead < BEHIND:
            self._held[seq] = payload
            if ahead <= 32:
                self.sack |= 1 << (ahead - 1)
            self.urgent = True
            return []
        return super().accept(seq, payload, now)


class _QuietBeyondItsWindow(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        if self.window <= ((seq - self.ack) & SEQ_MASK) < BEHIND:
            return []
        return super().accept(seq, payload, now)


class _QuietOnDuplicates(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        return [] if ((seq - self.ack) & SEQ_MASK) >= BEHIND else super().accept(seq, payload, now)


class _QuietOnGaps(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        taken = super().accept(seq, payload, now)
        self.urgent = self.urgent and bool(taken)
        return taken


class _AcknowledgesEightAtOnce(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        taken = super().accept(seq, payload, now)
        if taken:
            self.due = None
        return taken


class _AcknowledgesLate(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        taken = super().accept(seq, payload, now)
        if taken and self.due is not None:
            self.due = now + 0.4
        return taken


class _HeedsClosedEpochs(Channels):
    def receive(self, frame: Frame, now: float) -> None:
        channel = self._channels.get(frame.channel)
        if channel is not None and frame.type in (FrameType.ACK, FrameType.PONG):
            frame = frame._replace(epoch=channel.epoch)
        super().receive(frame, now)


class _NeverProbes(Outbound):
    def deadline(self) -> float | None:
        return None if self.blocked else super().deadline()


class _DeliversTwice(Inbound):
    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        taken = super().accept(seq, payload, now)
        again = not taken and ((seq - self.ack) & SEQ_MASK) >= BEHIND
        return [payload] if again else taken


class _SendsAgainAtOnce(Outbound):
    def deadline(self) -> float | None:
        usual = super().deadline()
        waits = [sent for sent in self._flight if not sent.delivered]
        return usual if usual is None or not waits else waits[0].last.at


class _CopiesWithoutPing(Channels):
    def ping(self, number: int = 0) -> None:
        channel = self._channels.get(number)
        outbound = None if channel is None else channel.outbound
        if outbound is None or outbound.blocked or not outbound.in_flight:
            super().ping(number)


class _SendsOnce(Outbound):
    def deadline(self) -> float | None:
        return super().deadline() if self.blocked else None

    def _lose(self, sent: object) -> None:
        pass


class _TakesEmptyData(Channels):
    def _data(self, channel: Channel, frame: Frame, now: float) -> None:
        inbound = channel.inbound
        if not frame.payload and inbound is not None and channel.is_open(frame.epoch):
            inbound.accept(frame.seq, b"", now)
            inbound.consumed(1)
            return
        super()._data(channel, frame, now)


class _SendsBeyondTheWindow(Outbound):
    def acknowledge(self, ack: int, window: int, sack: int, now: float) -> bool:
        return super().acknowledge(ack, max(window, 2), sack, now)


class _MovesItsEdgeBack(Inbound):
    @property
    def window(self) -> int:
        return max(1, self._slots - 3 * (self._delivered % 8))


class _AnswersStrangeChannelsElsewhere(Channels):
    def _data(self, channel: Channel, frame: Frame, now: float) -> None:
        strange = channel.number >= self._params.channels
        super()._data(channel, frame, now)
        if strange and channel.number in self._resets:
            epoch, _ = self._resets[channel.number]
            self._resets[channel.number] = ((epoch + 1) & 0xFF, Reset(reason=ResetReason.NO_DEVICE))


DEFECTS: Final = (
    Defect("epoch-ahead", "CHN-002", "opens an epoch after the next", parts(channels=_OpensAnEpochAhead)),
    Defect("opens-in-the-middle", "CHN-002", "opens without frame 0", parts(channels=_OpensInTheMiddle)),
    Defect("quiet-late-reset", "CHN-004", "answers no repeated RESET", parts(channels=_AnswersNoLateReset)),
    Defect("answers-answers", "CHN-005", "answers an ANSWER", parts(channels=_AnswersAnswers)),
    Defect("resets-once", "CHN-006", "says a RESET once", parts(channels=_ResetsOnce)),
    Defect(
        "lost-openings", "CHN-007", "ignores the RESET of an opening", parts(channels=_ForgetsLostOpenings)
    ),
    Defect("refusal-uncounted", "CHN-008", "counts no refused opening", parts(channels=_RefusalIsNoOpening)),
    Defect("old-resets", "CHN-009", "obeys a RESET of an older epoch", parts(channels=_ObeysOldResets)),
    Defect("keeps-bytes", "CHN-010", "keeps bytes over a RESET", parts(channels=_KeepsBytes)),
    Defect("any-ack", "CHN-011", "believes an ack beyond what it sent", parts(outbound=_BelievesAnyAck)),
    Defect("narrows-edge", "CHN-012", "lets a window be taken back", parts(outbound=_NarrowsTheEdge)),
    Defect("forgets-held", "CHN-013", "forgets what it reported in sack", parts(inbound=_ForgetsWhatItHolds)),
    Defect(
        "beyond-window", "CHN-014", "takes frames beyond its window", parts(inbound=_TakesBeyondItsWindow)
    ),
    Defect("quiet-beyond", "CHN-014", "is quiet about such frames", parts(inbound=_QuietBeyondItsWindow)),
    Defect("quiet-duplicates", "CHN-016", "is quiet about duplicates", parts(inbound=_QuietOnDuplicates)),
    Defect("quiet-gaps", "CHN-016", "is quiet about a gap", parts(inbound=_QuietOnGaps)),
    Defect("eight-at-once", "CHN-016", "waits for eight frames", parts(inbound=_AcknowledgesEightAtOnce)),
    Defect("late-acks", "CHN-016", "acknowledges after 400 ms", parts(inbound=_AcknowledgesLate)),
    Defect("closed-epochs", "CHN-017", "heeds reports of other epochs", parts(channels=_HeedsClosedEpochs)),
    Defect("never-probes", "CHN-018", "asks no closed window", parts(outbound=_NeverProbes)),
    Defect("delivers-twice", "CHN-019", "delivers duplicates", parts(inbound=_DeliversTwice)),
    Defect("again-at-once", "CHN-023", "sends again at once", parts(outbound=_SendsAgainAtOnce)),
    Defect("copies-without-ping", "CHN-025", "sends again without PING", parts(channels=_CopiesWithoutPing)),
    Defect("takes-empty", "CHN-026", "takes DATA without bytes", parts(channels=_TakesEmptyData)),
    Defect("sends-beyond", "CHN-027", "sends beyond the window", parts(outbound=_SendsBeyondTheWindow)),
    Defect(
        "strange-epoch",
        "CHN-028",
        "refuses an opening in another epoch",
        parts(channels=_AnswersStrangeChannelsElsewhere),
    ),
    Defect("edge-back", "CHN-029", "moves its right edge back", parts(inbound=_MovesItsEdgeBack)),
    Defect("sends-once", "CHN-030", "never sends again", parts(outbound=_SendsOnce)),
)

"""Defects of the link layer (spec: Link)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bwc_protocol.frame import Bye, ByeReason, Frame, FrameType, Hello
from bwc_protocol.link import Link
from bwc_protocol.link.channels import Channels
from bwc_protocol.link.handshake import Decision, Farewell, Grant
from bwc_protocol.link.listening import Listener
from firmware_sim.defects.defect import Defect
from firmware_sim.defects.parts import parts


class _AnswersNoise(Link):
    def receive(self, data: bytes | bytearray | memoryview, now: float) -> bool:
        came = super().receive(data, now)
        if not came and self._channels is None and self._opening.granted is None:
            self._send_bye(Bye(reason=ByeReason.NORMAL), 0)
        return came


class _NewNonceEachTime(Listener):
    def _known(self, host_nonce: int) -> Grant | None:
        return None


class _HelloKills(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        live = self._channels
        super()._about_link(frame, now)
        if frame.type is FrameType.HELLO and live is not None and self._opening.granted is not None:
            self._channels = None
            self._opening.ended()


class _KeepsCandidates(Link):
    def _first_frame(self, frame: Frame, now: float) -> Channels | None:
        opening = self._opening
        assert isinstance(opening, _Remembers)
        opening.granted = opening.all.get(frame.link, opening.granted)
        return super()._first_frame(frame, now)


class _Remembers(Listener):
    all: dict[int, Grant]

    def _nominate(self, hello: Hello, version: int) -> Grant:
        grant = super()._nominate(hello, version)
        self.all = {**getattr(self, "all", {}), grant.nonce: grant}
        return grant


class _OneNonce(Listener):
    def _fresh_nonce(self) -> int:
        return 0x0B5E55ED


class _BusyNamesItsLink(Listener):
    def _refuse(self, hello: Hello, reason: ByeReason, retry_after_ms: int = 0) -> Sequence[Decision]:
        decisions = super()._refuse(hello, reason, retry_after_ms)
        owner = self._gate._owner
        if reason is not ByeReason.BUSY or not isinstance(owner, Listener) or owner._live is None:
            return decisions
        return [Farewell(d.bye, owner._live.nonce) if isinstance(d, Farewell) else d for d in decisions]


class _TakesASecondHost(Listener):
    def hear(self, frame: Frame, now: float) -> Sequence[Decision]:
        owner = self._gate._owner
        if owner is not None and owner is not self:
            self._gate.release(owner)
        return super().hear(frame, now)


class _TakesStrangeFrames(Link):
    def _frame(self, frame: Frame, now: float) -> None:
        if self._channels is not None and frame.type not in (FrameType.HELLO, FrameType.BYE):
            frame = frame._replace(link=self._channels.nonce)
        super()._frame(frame, now)


class _ByesWithoutEnd(Link):
    def _stranger(self, frame: Frame, now: float) -> None:
        self._bye_at = None
        super()._stranger(frame, now)
        said = self._ahead.pop(ByeReason.UNKNOWN_LINK, None)
        if said is not None:
            self._ahead[len(self._ahead) + 100] = said  # type: ignore[index]  # so that none replaces another


class _ByeOfItsOwnLink(Link):
    def _stranger(self, frame: Frame, now: float) -> None:
        own = frame if self._channels is None else frame._replace(link=self._channels.nonce)
        super()._stranger(own, now)


class _ObeysAnyBye(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        if frame.type is FrameType.BYE and self._channels is not None:
            frame = frame._replace(link=self._channels.nonce)
        super()._about_link(frame, now)


class _AnswersStrangeByes(Link):
    def _about_link(self, frame: Frame, now: float) -> None:
        super()._about_link(frame, now)
        known = {0, *(grant.nonce for grant in (self._channels, self._opening.granted) if grant is not None)}
        if frame.type is not FrameType.HELLO and frame.link not in known:
            self._stranger(frame, now)


class _NeverPings(Link):
    def _tick_live(self, channels: Channels, now: float) -> None:
        if now >= self._silence.ping_at():
            self._silence.pinged(now)
        super()._tick_live(channels, now)


class _PingsOnce(Link):
    def _tick_live(self, channels: Channels, now: float) -> None:
        if self._silence._first_at > self._silence.heard_at and now >= self._silence.ping_at():
            self._silence.pinged(now)
        super()._tick_live(channels, now)


class _NeverDies(Link):
    def _tick_live(self, channels: Channels, now: float) -> None:
        if now >= self._silence.dead_at():
            self._silence.heard_at = now
        super()._tick_live(channels, now)


class _QuietOnClosedChannels(Channels):
    def receive(self, frame: Frame, now: float) -> None:
        channel = self._channels.get(frame.channel)
        closed = channel is None or not channel.is_open(frame.epoch)
        first = not frame.channel and channel is None  # the PING that makes the link live
        if frame.type is not FrameType.PING or first or not closed:
            super().receive(frame, now)


class _PongWithoutNumber(Channels):
    def receive(self, frame: Frame, now: float) -> None:
        super().receive(frame._replace(seq=0) if frame.type is FrameType.PING else frame, now)


class _PongOfItsOwnEpoch(Channels):
    def receive(self, frame: Frame, now: float) -> None:
        if frame.type is FrameType.PING and frame.channel in self._channels:
            frame = frame._replace(epoch=self._channels[frame.channel].epoch)
        super().receive(frame, now)


class _TakesAnyOffer(Listener):
    def hear(self, frame: Frame, now: float) -> Sequence[Decision]:
        if frame.type is FrameType.HELLO:
            hello = Hello.decode(frame.payload)
            if hello.max_payload < 20 or not hello.max_window:
                return self._grant_anything(hello)
        return super().hear(frame, now)

    def _grant_anything(self, hello: Hello) -> Sequence[Decision]:
        sound = Hello(
            host_nonce=hello.host_nonce,
            max_payload=max(20, hello.max_payload),
            lowest=hello.lowest,
            highest=hello.highest,
            max_window=max(1, hello.max_window),
        )
        return super().hear(Frame(FrameType.HELLO, payload=sound.encode()), 0.0)


class _GrantsMoreThanWasOffered(Listener):
    def _nominate(self, hello: Hello, version: int) -> Grant:
        grant = super()._nominate(hello, version)
        grant.max_payload = max(grant.max_payload, 512)
        return grant


class _TakesAnyVersion(Listener):
    def hear(self, frame: Frame, now: float) -> Sequence[Decision]:
        if frame.type is FrameType.HELLO:
            hello = Hello.decode(frame.payload)
            any = Hello(
                host_nonce=hello.host_nonce,
                max_payload=hello.max_payload,
                lowest=1,
                highest=1,
                max_window=hello.max_window,
            )
            frame = frame._replace(payload=any.encode())
        return super().hear(frame, now)


class _RefusesInSilence(Listener):
    def _refuse(self, hello: Hello, reason: ByeReason, retry_after_ms: int = 0) -> Sequence[Decision]:
        return () if reason is ByeReason.VERSION else super()._refuse(hello, reason, retry_after_ms)


class _ReadsAnyVersion(Link):
    def _frame(self, frame: Frame, now: float) -> None:
        super()._frame(frame._replace(version=1), now)


class _KeepsARefusedCandidate(Listener):
    def hear_bye(self, link: int, bye: Bye, now: float) -> Sequence[Decision]:
        return ()


class _AnswersAnyChannel(Channels):
    def receive(self, frame: Frame, now: float) -> None:
        if frame.channel > 64 and frame.type is FrameType.PING:
            self._pongs[frame.channel] = (frame.epoch, frame.seq)
        super().receive(frame, now)


class _NoSignOfLife(Link):
    def _frame(self, frame: Frame, now: float) -> None:
        if frame.channel <= 64:
            super()._frame(frame, now)


DEFECTS: Final = (
    Defect("answers-noise", "LNK-001", "speaks before a HELLO came", parts(link=_AnswersNoise)),
    Defect("new-nonce", "LNK-002", "answers a HELLO anew each time", parts(listener=_NewNonceEachTime)),
    Defect("hello-kills", "LNK-003", "ends its link because of a HELLO", parts(link=_HelloKills)),
    Defect(
        "keeps-candidates",
        "LNK-004",
        "keeps more than one candidate",
        parts(link=_KeepsCandidates, listener=_Remembers),
    ),
    Defect("one-nonce", "LNK-005", "names each link alike", parts(listener=_OneNonce)),
    Defect("busy-tells", "LNK-008", "tells a second host its link", parts(listener=_BusyNamesItsLink)),
    Defect("second-host", "LNK-008", "takes a second host", parts(listener=_TakesASecondHost)),
    Defect("strange-frames", "LNK-009", "takes frames of another link", parts(link=_TakesStrangeFrames)),
    Defect("byes-without-end", "LNK-010", "answers each strange frame", parts(link=_ByesWithoutEnd)),
    Defect("bye-of-own-link", "LNK-010", "answers strangers on its own link", parts(link=_ByeOfItsOwnLink)),
    Defect("any-bye", "LNK-011", "obeys the BYE of another link", parts(link=_ObeysAnyBye)),
    Defect("answers-byes", "LNK-012", "answers a BYE that is not for it", parts(link=_AnswersStrangeByes)),
    Defect("never-pings", "LNK-013", "asks for no sign of life", parts(link=_NeverPings)),
    Defect(
        "quiet-when-closed",
        "LNK-014",
        "answers no PING of a closed channel",
        parts(channels=_QuietOnClosedChannels),
    ),
    Defect("pong-number", "LNK-014", "answers PING without its number", parts(channels=_PongWithoutNumber)),
    Defect("pong-epoch", "LNK-014", "answers PING in another epoch", parts(channels=_PongOfItsOwnEpoch)),
    Defect("never-dies", "LNK-015", "keeps the link of a silent host", parts(link=_NeverDies)),
    Defect("any-offer", "LNK-017", "takes offers that no link works with", parts(listener=_TakesAnyOffer)),
    Defect(
        "more-than-offered",
        "LNK-017",
        "grants more than was offered",
        parts(listener=_GrantsMoreThanWasOffered),
    ),
    Defect("any-version", "LNK-018", "takes a host of any version", parts(listener=_TakesAnyVersion)),
    Defect(
        "refuses-silently", "LNK-018", "says nothing to other versions", parts(listener=_RefusesInSilence)
    ),
    Defect("reads-any-version", "LNK-020", "takes frames of any version", parts(link=_ReadsAnyVersion)),
    Defect(
        "keeps-refused", "LNK-021", "keeps a candidate after its BYE", parts(listener=_KeepsARefusedCandidate)
    ),
    Defect("any-channel", "LNK-022", "answers on a channel above 64", parts(channels=_AnswersAnyChannel)),
    Defect("no-sign-of-life", "LNK-022", "takes such frames for no sign of life", parts(link=_NoSignOfLife)),
    Defect("pings-once", "LNK-023", "asks once for a sign of life", parts(link=_PingsOnce)),
)

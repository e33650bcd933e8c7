"""Cases of link and channel: a device that is slow to answer, that is somebody else's, or that offers too much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bwc_protocol.conversation import Conversation
from bwc_protocol.frame import Bye, ByeReason, Frame, FrameType, HelloAck, Reset, ResetReason
from bwc_protocol.link import Link
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.interface import Session
from bwc_protocol.session.preamble import MIN_PLAINTEXT
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from hil_tests.hosts.judge import Judge
from hil_tests.hosts.visit import CONNECT, Case, Script

DEAF_S: Final = 1.2
"""Long enough for four HELLOs or PINGs of a host that says them every 250 ms."""
LEAST: Final = 3
MOST: Final = 12
RETRY_AFTER_MS: Final = 1_000
SLACK_S: Final = 0.05
"""By which a host's clock may run otherwise."""


class Deaf(Script):
    """Hears nothing of the first second, and is silent on a link at first."""

    def __init__(self) -> None:
        super().__init__()
        self._first_hello: float | None = None
        self._first_ping: float | None = None
        self._hellos = 0
        self._pings = 0

    def to_device(self, frame: Frame) -> bool:
        now = self.now()
        if frame.type is FrameType.HELLO:
            if self._first_hello is None:
                self._first_hello = now
            if now - self._first_hello < DEAF_S:
                self._hellos += 1
                return False
            self._count("every 250 ms", "HELLO every 250 ms until it is answered", self._hellos)
        elif frame.type is FrameType.PING and self._first_ping is None:
            self._first_ping = now
        if self._first_ping is not None and now - self._first_ping < DEAF_S:
            self._pings += frame.type is FrameType.PING
            return False
        if self._first_ping is not None:
            self._count(
                "LNK-023", "the first PING of a link every 250 ms until a frame of it comes", self._pings
            )
        return True

    def _count(self, rule: str, expected: str, came: int) -> None:
        if LEAST <= came <= MOST:
            self.judge.kept(rule)
        else:
            self.judge.broken(rule, f"{expected}: {LEAST} to {MOST} in {DEAF_S:g} s", f"{came}")


class AnotherNonce(Script):
    """Answers each HELLO with what is for another host, and then as it should."""

    STRANGE: Final = 0x5EA1ED

    def to_host(self, frame: Frame) -> list[Frame]:
        if frame.type is not FrameType.HELLO_ACK:
            return [frame]
        ack = HelloAck.decode(frame.payload)
        other = replace(ack, host_nonce=ack.host_nonce ^ 1)
        return [frame._replace(link=self.STRANGE, payload=other.encode()), frame]

    def to_device(self, frame: Frame) -> bool:
        if frame.link == self.STRANGE and frame.type is not FrameType.BYE:
            expected = "a HELLO_ACK with another host nonce is ignored"
            self.judge.broken("LNK-006", expected, f"{frame!r}, on the link of that HELLO_ACK")
            return False
        return True


class BeyondTheOffer(Script):
    """Grants frames of one byte more than the host offered."""

    def __init__(self) -> None:
        super().__init__()
        self._granted: set[int] = set()

    def to_host(self, frame: Frame) -> list[Frame]:
        if frame.type is not FrameType.HELLO_ACK:
            return [frame]
        ack = HelloAck.decode(frame.payload)
        offers = {hello.host_nonce: hello for _, hello in self.visit.links[-1].hellos}
        offered = offers[ack.host_nonce].max_payload
        self._granted.add(frame.link)
        return [frame._replace(payload=replace(ack, max_payload=offered + 1).encode())]

    def to_device(self, frame: Frame) -> bool:
        if frame.link not in self._granted:
            return True
        expected = "BYE(PROTOCOL) on the nonce of a HELLO_ACK that goes beyond the offer"
        if frame.type is FrameType.BYE and Bye.decode(frame.payload).reason == ByeReason.PROTOCOL:
            self.judge.kept("LNK-019")
        else:
            self.judge.broken("LNK-019", expected, f"{frame!r}")
        return True


class _FourFrames(Link):
    def __init__(self, role: Any, params: Any, **parts: Any) -> None:
        super().__init__(role, replace(params, max_window=4), **parts)


class _SmallRecords(Conversation):
    def __init__(self, local: Any, preamble: Any, session: Session, *limits: Any) -> None:
        super().__init__(local, replace(preamble, max_plaintext=MIN_PLAINTEXT), session, *limits)


class Small(Script):
    """Takes frames of 512 bytes, four at a time, and records of the least size."""

    max_payload = 512
    max_plaintext = MIN_PLAINTEXT

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.link = _FourFrames
        camera.profile.talk = _SmallRecords


class _BusyAtFirst(Conversation):
    """Answers the first request for footage with BUSY."""

    script: BusyToRequest

    def _dispatch(self, message: Any) -> None:
        if message.flags or message.opcode != OpenSegment.opcode or self.script.refused is not None:
            super()._dispatch(message)
            return
        self.script.refused = message
        if self.tap is not None:
            self.tap(False, message)
        self._answering.refuse(message.opcode, message.request, ErrorCode.BUSY, "", RETRY_AFTER_MS)


class BusyToHello(Script):
    """Another host has it, at the first HELLO."""

    RULE: Final = "BYE(BUSY) is waited for"

    def __init__(self) -> None:
        super().__init__()
        self._until: float | None = None

    def to_device(self, frame: Frame) -> bool:
        if frame.type is not FrameType.HELLO:
            return True
        if self._until is None:
            self._until = self.now() + RETRY_AFTER_MS / 1000
            nonce = self.visit.links[-1].hellos[-1][1].host_nonce
            bye = Bye(reason=ByeReason.BUSY, host_nonce=nonce, retry_after_ms=RETRY_AFTER_MS)
            self.visit.pipes[-1].say(Frame(FrameType.BYE, payload=bye.encode()))
            return False
        _waited(self.judge, self.RULE, "no HELLO", self._until - self.now())
        return True

    def over(self) -> None:
        if self._until is not None and self.now() >= self._until:
            self.judge.kept(self.RULE)  # also by a host that gave up


class BusyToOpening(Script):
    """Another host has it, at the first opening of its channel."""

    def __init__(self) -> None:
        super().__init__()
        self._until: float | None = None

    def refusal(self) -> Reset | None:
        if self._until is None:
            self._until = self.now() + RETRY_AFTER_MS / 1000
            return Reset(reason=ResetReason.BUSY, retry_after_ms=RETRY_AFTER_MS)
        _waited(self.judge, "STA-006", "no opening of the channel", self._until - self.now())
        return None

    def over(self) -> None:
        if self._until is not None and self.now() >= self._until:
            self.judge.kept("STA-006")  # also by a host that gave up


class BusyToRequest(Script):
    """Has no room for the first request for footage."""

    RULE: Final = "an answer BUSY is waited for"

    def __init__(self) -> None:
        super().__init__()
        self.refused: Any = None

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = type("_Busy", (_BusyAtFirst,), {"script": self})

    def over(self) -> None:
        if self.refused is None:
            return
        asked = [one for one in self.visit.messages.asked if one.opcode == self.refused.opcode]
        if asked[1:]:
            early_s = asked[0].at + RETRY_AFTER_MS / 1000 - asked[1].at
            _waited(self.judge, self.RULE, "no request for footage", early_s)
        elif self.now() >= asked[0].at + RETRY_AFTER_MS / 1000:
            self.judge.kept(self.RULE)  # also by a host that gave up


def _waited(judge: Judge, rule: str, what: str, early_s: float) -> None:
    if early_s > SLACK_S:
        expected = f"{what} before the {RETRY_AFTER_MS} ms of `retry_after_ms` have passed"
        judge.broken(rule, expected, f"{early_s:.2f} s too early")
    else:
        judge.kept(rule)


CASES: Final = (
    Case(
        "sound",
        "is sound: it is looked at how the host speaks",
        ("LNK-006", "LNK-017", "CHN-001", "CHN-015", "CHN-027", "MSG-022", "SES-008"),
    ),
    Case("deaf", "hears and says nothing at first", ("every 250 ms", "LNK-023"), CONNECT, Deaf),
    Case("another-nonce", "answers HELLO for another host as well", ("LNK-006",), CONNECT, AnotherNonce),
    Case("beyond-the-offer", "grants larger frames than were offered", ("LNK-019",), CONNECT, BeyondTheOffer),
    Case("small", "takes few small frames and small records", ("SES-004", "CHN-027", "LNK-017"), make=Small),
    Case("busy-to-hello", "is another host's at first", (BusyToHello.RULE,), make=BusyToHello),
    Case("busy-to-opening", "refuses its channel at first", ("STA-006",), make=BusyToOpening),
    Case(
        "busy-to-request",
        "has no room for the first request for footage",
        (BusyToRequest.RULE,),
        make=BusyToRequest,
    ),
)

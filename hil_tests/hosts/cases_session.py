"""Cases of session and messages: a device that is not who it should be, and one that says what nobody asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Final

from bwc_protocol.conversation import Conversation
from bwc_protocol.conversation.events import State
from bwc_protocol.conversation.message import Flag
from bwc_protocol.frame import ResetReason
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import ListRecordings, OpenTable, ReadManifest
from bwc_protocol.session.preamble import NO_PROTECTION, SIZE, TLS_1_3
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.trust.kept import Agency
from hil_tests.hosts.frames import PROTECTION_AT
from hil_tests.hosts.visit import CONNECT, Case, Script

LATE_S: Final = 0.5
SLOW_S: Final = 2.0
"""Longer than a link stays silent, and far below the time that a host gives a request."""
UNKNOWN_EVENT: Final = 0x7FFE
NOBODY_S: Final = 0x7FFF_FF00
"""A request id that no host has come to."""
AFTER: Final = 4
"""Messages of a host after what it was told: it had the time to see it."""
BEHIND_S: Final = 0.2
"""What comes later than this after an answer was sent with it in mind, not before it."""


class _LateInfo(Conversation):
    """Says who it is some time after the host did."""

    script: LateInfo

    def _send_info(self) -> None:
        self.state = State.INFO
        self.script.later(self)

    def say_info(self) -> None:
        if self.state in (State.INFO, State.READY):
            self._send_control(0, self._opening.info())


class LateInfo(Script):
    """Holds its SESSION_INFO back."""

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = type("_Late", (_LateInfo,), {"script": self})

    def later(self, conversation: _LateInfo) -> None:
        import asyncio

        def say() -> None:
            conversation.say_info()
            for pipe in self.visit.pipes:
                pipe.writable()

        asyncio.get_running_loop().call_later(LATE_S, say)


class _OtherBinding(Conversation):
    def _send_info(self) -> None:
        self.state = State.INFO
        self._send_control(0, replace(self._opening.info(), preambles_sha256=bytes(32)))


class OtherBinding(Script):
    """Names other preambles than were exchanged."""

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = _OtherBinding

    def over(self) -> None:
        seen = self.visit.messages
        if seen.readies:
            expected = "the session ends on a SESSION_INFO that names other preambles"
            self.judge.broken("SES-006", expected, "READY")
        elif self.visit.resets or seen.infos:
            self.judge.kept("SES-006")


@dataclass(frozen=True)
class _Impostor:
    """Knows the agency's hosts, and is of another factory and agency."""

    real: Agency
    other: Agency

    @property
    def anchors(self) -> tuple[bytes, ...]:
        return self.real.anchors

    @property
    def recipients(self) -> tuple[bytes, ...]:
        return ()

    def device(self, serial: str, kind: PeerKind) -> Any:
        return self.other.device(serial, kind)

    def factory_device(self, serial: str, kind: PeerKind) -> Any:
        return self.other.factory_device(serial, kind)


class OtherAgency(Script):
    """Shows a certificate of another agency."""

    def camera(self, number: int, agency: Agency | None) -> SimCamera:
        from bwc_protocol.lab.agency import LabAgency

        self._secure = agency is not None
        if agency is None:
            return super().camera(number, None)
        own = bytes.fromhex(getattr(agency, "id", ""))
        drawn = iter([own] if own else [])  # under the same name, and by other keys
        impostor = _Impostor(agency, LabAgency.make(lambda size: next(drawn, b"") or os.urandom(size)))
        return super().camera(number, impostor)

    def over(self) -> None:
        if not self._secure:
            return
        reasons = [reset.reason for _, reset in self.visit.resets]
        expected = "RESET(REFUSED), and no SESSION_INFO"
        if self.visit.messages.infos:
            self.judge.broken("SES-026", expected, "SESSION_INFO to a device of another agency")
        elif ResetReason.REFUSED in reasons:
            self.judge.kept("SES-026")
        elif reasons:
            self.judge.broken("SES-026", expected, f"RESET({reasons[0]!r})")


class _OtherProtection(Conversation):
    def __init__(self, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        said = bytearray(self._opening.ours)
        said[PROTECTION_AT] = NO_PROTECTION if said[PROTECTION_AT] == TLS_1_3 else TLS_1_3
        self._opening.ours = bytes(said)


class OtherProtection(Script):
    """Offers another protection than the host's."""

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = _OtherProtection

    def over(self) -> None:
        lives = [life for link in self.visit.links for life in link.lives.values()]
        said = [len(life.said) for life in lives if life.heard and len(life.said) >= SIZE]
        if any(size > SIZE for size in said):
            expected = "RESET, and not a byte of a session, to a device with another protection"
            self.judge.broken("SES-019", expected, f"{max(said) - SIZE} bytes behind the preamble")
        elif said and self.visit.resets:
            self.judge.kept("SES-019")


class Slow(Script):
    """Takes two seconds for each of its first answers."""

    answers_late = 3

    def __init__(self) -> None:
        super().__init__()
        self._answered = 0

    def answers_after_s(self, request: Any) -> float:
        self._answered += 1
        return SLOW_S if self._answered <= self.answers_late else 0.0

    def over(self) -> None:
        if self._answered >= self.answers_late:
            self.judge.kept("MSG-006", "MSG-022")


class _Chatty(Conversation):
    """Says what nobody waits for, as soon as the host is ready."""

    def _become_ready(self) -> None:
        super()._become_ready()
        if self.state is State.READY:
            self._send(UNKNOWN_EVENT, Flag.EVENT, 0, b"\x01\x02\x03")
            self._send(ReadStatus.opcode, Flag.REPLY, NOBODY_S, b"")
            opened = StreamOpened(length=1_000)
            self._send(OpenTable.opcode, Flag.REPLY, NOBODY_S + 1, opened.codec.encode(opened))


class Chatty(Script):
    """Says an event that is not known, and answers that nobody waits for."""

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = _Chatty

    def over(self) -> None:
        seen = self.visit.messages
        if not self.visit.established:
            return
        protocol = [reset for _, reset in self.visit.resets if reset.reason == ResetReason.PROTOCOL]
        for rule, expected in (
            ("MSG-007", "an answer that nobody waits for is dropped"),
            ("MSG-008", "an event that is not known is skipped"),
        ):
            if protocol:
                self.judge.broken(rule, expected, "RESET(PROTOCOL)")
            elif len(seen.asked) >= AFTER:
                self.judge.kept(rule)
        if not protocol and len(seen.asked) >= AFTER and NOBODY_S + 1 not in seen.cancelled:
            expected = "the stream that such an answer opened is cancelled"
            self.judge.broken("MSG-007", expected, f"{len(seen.asked)} requests, and no stream.cancel")


class _WrongOpcode(Conversation):
    script: WrongOpcode

    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        if (
            flags == Flag.REPLY
            and opcode in (ListRecordings.opcode, ReadManifest.opcode)
            and self.script.said is None
        ):
            self.script.said = self.script.now()
            opcode = ReadStatus.opcode
        super()._send(opcode, flags, request_id, body)


class WrongOpcode(Script):
    """Answers a request under another opcode, once."""

    said: float | None = None

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = type("_Wrong", (_WrongOpcode,), {"script": self})

    def over(self) -> None:
        if self.said is None:
            return
        resets = [reset for at, reset in self.visit.resets if at >= self.said]
        expected = "RESET(PROTOCOL) on an answer with another opcode than its request"
        if resets and resets[0].reason == ResetReason.PROTOCOL:
            self.judge.kept("MSG-025")
        elif resets:
            self.judge.broken("MSG-025", expected, f"RESET({resets[0].reason!r})")
        elif any(one.at > self.said + BEHIND_S for one in self.visit.messages.asked):
            self.judge.broken("MSG-025", expected, "it goes on")


CASES: Final = (
    Case("late-info", "says late who it is", ("SES-008",), CONNECT, LateInfo),
    Case("other-binding", "names other preambles than were exchanged", ("SES-006",), CONNECT, OtherBinding),
    Case("other-agency", "shows a certificate of another agency", ("SES-026",), CONNECT, OtherAgency),
    Case(
        "other-protection",
        "offers another protection than the host's",
        ("SES-019",),
        CONNECT,
        OtherProtection,
    ),
    Case("slow", "takes its time for its first answers", ("MSG-006", "MSG-022"), make=Slow),
    Case("chatty", "says what nobody waits for", ("MSG-007", "MSG-008"), make=Chatty),
    Case("wrong-opcode", "answers under another opcode", ("MSG-025",), make=WrongOpcode),
)

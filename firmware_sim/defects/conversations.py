"""Defects of sessions, messages and streams (spec: Preamble, Session, Messages, Streams)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bwc_protocol.conversation import Conversation, PeerInfo, RequestLimits
from bwc_protocol.conversation.answering import MAX_REQUESTS
from bwc_protocol.conversation.events import Failed, FailReason, State
from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.conversation.session_setup import LocalInfo
from bwc_protocol.conversation.stream import MAX_STREAMS
from bwc_protocol.declare import ANYONE, COMMANDS, CONTROLS, Control, MalformedMessage, Role
from bwc_protocol.messages.core import Ready, SessionInfo, StreamCancel, StreamCredit, StreamEnd
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.session.interface import RECORD_MAX, Alert, PeerCredentials, Session
from bwc_protocol.session.preamble import NEWEST, SIZE, Preamble
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.defects.defect import Defect

KIND_AT: Final = 8
VERSIONS_AT: Final = slice(4, 8)
PROTECTION_AT: Final = 9
ALL_ROLES: Final = ~Role(0)


# Preamble


class _Hasty(Conversation):
    _said = False

    def _take_preamble(self, data: bytes | memoryview) -> bytes | memoryview | None:
        if not self._said:
            self._said = True
            self._raw.append(self._opening.ours)
        before = len(self._raw)
        rest = super()._take_preamble(data)
        del self._raw[before:]
        return rest


class _ReadsIntoIt(Conversation):
    """Changes what the host's preamble says before it looks at it."""

    def _take_preamble(self, data: bytes | memoryview) -> bytes | memoryview | None:
        seen = bytearray(data)
        if len(seen) >= SIZE:
            self.misread(seen)
        return super()._take_preamble(bytes(seen))

    def misread(self, preamble: bytearray) -> None:
        raise NotImplementedError


class _TakesAnyKind(_ReadsIntoIt):
    def misread(self, preamble: bytearray) -> None:
        preamble[KIND_AT] = PeerKind.HOST


class _TakesAnyVersion(_ReadsIntoIt):
    def misread(self, preamble: bytearray) -> None:
        preamble[VERSIONS_AT] = self._opening.ours[VERSIONS_AT]


class _TakesAnyProtection(_ReadsIntoIt):
    def misread(self, preamble: bytearray) -> None:
        preamble[PROTECTION_AT] = self._opening.ours[PROTECTION_AT]


class _SealsAsItLikes(Conversation):
    def _take_preamble(self, data: bytes | memoryview) -> bytes | memoryview | None:
        rest = super()._take_preamble(data)
        self._opening.peer_limit = RECORD_MAX
        return rest


# Session


class _WaitsForEver(Conversation):
    def start(self, now: float) -> None:
        super().start(now)
        self._deadline = None


class _BelievesAnyInfo(Conversation):
    def _take_info(self, info: SessionInfo) -> None:
        own = self._opening.info()
        agreed = replace(info, preambles_sha256=own.preambles_sha256, major=own.major, minor=own.minor)
        super()._take_info(agreed)


class _ReadyAtOnce(Conversation):
    def _take_info(self, info: SessionInfo) -> None:
        super()._take_info(info)
        if not self._over():
            self._become_ready()

    def _take_control(self, request_id: int, control: Control) -> None:
        if not isinstance(control, Ready):
            super()._take_control(request_id, control)


class _TakesReadyTwice(Conversation):
    def _take_control(self, request_id: int, control: Control) -> None:
        if not (isinstance(control, Ready) and self.state is State.READY):
            super()._take_control(request_id, control)


class _TakesInfoTwice(Conversation):
    def _take_info(self, info: SessionInfo) -> None:
        if self.peer is None:
            super()._take_info(info)


class _GivesAnyRole(Conversation):
    def __init__(
        self,
        local: LocalInfo,
        preamble: Preamble,
        session: Session,
        limits: RequestLimits = RequestLimits(),  # noqa: B008  # frozen
    ) -> None:
        super().__init__(local, preamble, session, limits)
        check = self._opening.check_info

        def generous(info: SessionInfo, session: PeerCredentials, *, secure: bool) -> PeerInfo | Failed:
            asked = replace(info, roles=info.roles or Role.AUDITOR)
            return check(asked, replace(session, roles=ALL_ROLES), secure=secure)

        self._opening.check_info = generous  # type: ignore[method-assign]  # the defect


class _EndsByAnotherWord(Conversation):
    def _fail(self, reason: FailReason, *why: Any, **more: Any) -> None:
        super()._fail(FailReason.OVERFLOW if reason is FailReason.PROTOCOL else reason, *why, **more)


class _ClosesWhateverHappens(Conversation):
    def _fail(self, reason: FailReason, *why: Any, **more: Any) -> None:
        if self._session is not None and self.state is State.READY:
            self._session.close(Alert.CLOSE)
            self._raw.extend(self._session.outgoing())
        super()._fail(reason, *why, **more)


class _StatesItsNewest(Conversation):
    """Says in SESSION_INFO the newest version that it speaks."""

    def start(self, now: float) -> None:
        super().start(now)
        info = self._opening.info
        self._opening.info = lambda: replace(info(), minor=NEWEST[1])  # type: ignore[method-assign]  # the defect


# Messages


class _AnswersTwice(Conversation):
    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        super()._send(opcode, flags, request_id, body)
        if flags == Flag.REPLY and opcode == ReadStatus.opcode:
            super()._send(opcode, flags, request_id, body)


class _AnswersAnother(Conversation):
    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        wrong = ReadStatus.opcode if flags in (Flag.REPLY, Flag.ERROR) else opcode
        super()._send(wrong, flags, request_id, body)


class _Dispatching(Conversation):
    """Looks at each request before it is told what is wrong with it."""

    def _dispatch(self, message: Message) -> None:
        request = not message.flags and message.opcode not in CONTROLS
        changed = self.look(message) if request else message
        if changed is not None:
            super()._dispatch(changed)

    def look(self, message: Message) -> Message | None:
        """What is worked on, or None for what was answered here."""
        raise NotImplementedError

    def malformed(self, message: Message) -> None:
        """Answers with MALFORMED."""
        self._answering.refuse(message.opcode, message.request, ErrorCode.MALFORMED, "as it seems")


class _UnknownIsMalformed(_Dispatching):
    def look(self, message: Message) -> Message | None:
        if message.opcode in COMMANDS or message.opcode < 0x100:
            return message
        self.malformed(message)
        return None


class _TakesIdZero(_Dispatching):
    def look(self, message: Message) -> Message | None:
        return message if message.request else message._replace(request=1)


class _PadsShortBodies(_Dispatching):
    def look(self, message: Message) -> Message | None:
        return message._replace(body=message.body.ljust(64, b"\0"))


class _RefusesSurplus(_Dispatching):
    def look(self, message: Message) -> Message | None:
        known = COMMANDS.get(message.opcode)
        if known is not None:
            try:
                whole = known.codec.encode(known.codec.decode(message.body))
            except MalformedMessage:
                return message
            if len(message.body) > len(whole):
                self.malformed(message)
                return None
        return message


class _BodyBeforeRole(_Dispatching):
    def look(self, message: Message) -> Message | None:
        known = COMMANDS.get(message.opcode)
        if known is not None:
            try:
                known.codec.decode(message.body)
            except MalformedMessage:
                self.malformed(message)
                return None
        return message


class _KnowsAllControls(_Dispatching):
    def look(self, message: Message) -> Message | None:
        return message if message.opcode >= 0x100 else None


class _DropsAnswers(Conversation):
    def _dispatch(self, message: Message) -> None:
        if not message.flags:
            super()._dispatch(message)


class _AnyRole(Conversation):
    def _become_ready(self) -> None:
        super()._become_ready()
        assert self.peer is not None
        self._answering.ready(replace(self.peer, roles=ALL_ROLES))


class _OpenToStrangers(Conversation):
    def _become_ready(self) -> None:
        super()._become_ready()
        assert self.peer is not None
        if not self.peer.roles & ANYONE:
            self._answering.ready(replace(self.peer, roles=self.peer.roles | Role.AUDITOR))


class _OneAtATime(Conversation):
    def __init__(
        self,
        local: LocalInfo,
        preamble: Preamble,
        session: Session,
        limits: RequestLimits = RequestLimits(),  # noqa: B008  # frozen
    ) -> None:
        super().__init__(local, preamble, session, RequestLimits(requests=1, streams=limits.streams))


class _ManyStreams(Conversation):
    def __init__(
        self,
        local: LocalInfo,
        preamble: Preamble,
        session: Session,
        limits: RequestLimits = RequestLimits(),  # noqa: B008  # frozen
    ) -> None:
        super().__init__(local, preamble, session, RequestLimits(MAX_REQUESTS, 4 * MAX_STREAMS))


# Streams


class _DeafWhileStreamsWait(_Dispatching):
    def look(self, message: Message) -> Message | None:
        return message if self._streams.open < 2 else None


class _BeyondCredit(Conversation):
    def _take_control(self, request_id: int, control: Control) -> None:
        if isinstance(control, StreamCredit):
            control = StreamCredit(limit=min(control.limit + 1, 2**64 - 1))
        super()._take_control(request_id, control)


class _TakesCreditBack(Conversation):
    def _take_control(self, request_id: int, control: Control) -> None:
        try:
            super()._take_control(request_id, control)
        except MalformedMessage:
            if not isinstance(control, StreamCredit):
                raise


class _EndsWithoutAWord(Conversation):
    def _seal_now(self, request_id: int, control: Control) -> None:
        if not isinstance(control, StreamEnd):
            super()._seal_now(request_id, control)


class _AnswersUnknownStreams(Conversation):
    def _take_control(self, request_id: int, control: Control) -> None:
        if isinstance(control, StreamCredit) and request_id not in self._streams:
            raise MalformedMessage(control.name, "of no stream")
        super()._take_control(request_id, control)


class _DeafToCancel(Conversation):
    def _take_control(self, request_id: int, control: Control) -> None:
        if not isinstance(control, StreamCancel):
            super()._take_control(request_id, control)


class _NoVerdict(Conversation):
    def finish(self, stream: int, code: ErrorCode | None = None, detail: str = "") -> None:
        self.cancel(stream)


def _talk(name: str, rule: str, what: str, talk: type[Conversation]) -> Defect:
    def into(camera: SimCamera) -> None:
        camera.profile.talk = talk

    return Defect(name, rule, what, into)


DEFECTS: Final = (
    _talk(
        "hasty-preamble", "SES-001", "says its preamble before it has heard the whole of the host's", _Hasty
    ),
    _talk("any-kind", "SES-002", "takes a device for a host", _TakesAnyKind),
    _talk("any-version", "SES-003", "begins a session without a common version", _TakesAnyVersion),
    _talk("any-protection", "SES-019", "begins a session with another protection", _TakesAnyProtection),
    _talk("large-records", "SES-004", "seals more at once than the host takes", _SealsAsItLikes),
    _talk("patient", "SES-005", "waits for READY for ever", _WaitsForEver),
    _talk("any-binding", "SES-006", "takes SESSION_INFO of other preambles", _BelievesAnyInfo),
    _talk("ready-at-once", "SES-007", "carries out requests before READY", _ReadyAtOnce),
    _talk("ready-twice", "SES-009", "takes a second READY", _TakesReadyTwice),
    _talk("info-twice", "SES-009", "takes a second SESSION_INFO", _TakesInfoTwice),
    _talk("generous", "SES-020", "gives roles that the session did not give", _GivesAnyRole),
    _talk("another-word", "SES-018", "ends a conversation by another RESET", _EndsByAnotherWord),
    _talk("closes-always", "SES-028", "says close_notify whenever it ends", _ClosesWhateverHappens),
    _talk("states-newest", "MSG-016", "goes on by another version than was chosen", _StatesItsNewest),
    _talk("answers-twice", "MSG-001", "answers device.status twice", _AnswersTwice),
    _talk("answers-another", "MSG-001", "answers with another opcode", _AnswersAnother),
    _talk("unknown-malformed", "MSG-002", "calls an unknown opcode malformed", _UnknownIsMalformed),
    _talk("id-zero", "MSG-003", "takes a request whose id is 0", _TakesIdZero),
    _talk("pads", "MSG-013", "fills up a body that is too short", _PadsShortBodies),
    _talk("no-surplus", "MSG-012", "refuses bytes behind the last field", _RefusesSurplus),
    _talk("body-first", "ROL-002", "looks at the body before the role", _BodyBeforeRole),
    _talk("all-controls", "MSG-023", "drops control messages that it does not know", _KnowsAllControls),
    _talk("hears-answers", "MSG-024", "drops answers and events of a host", _DropsAnswers),
    _talk("any-role", "ROL-001", "does for everybody what only some may ask", _AnyRole),
    _talk("open-to-strangers", "ROL-004", "answers a host of no role what any may ask", _OpenToStrangers),
    _talk("one-at-a-time", "MSG-021", "is busy with one request, and states sixteen", _OneAtATime),
    _talk("many-streams", "STR-008", "opens more streams than it states", _ManyStreams),
    _talk("deaf-to-requests", "STR-010", "hears no request while streams wait", _DeafWhileStreamsWait),
    _talk("beyond-credit", "STR-001", "sends a byte beyond the credit", _BeyondCredit),
    _talk("credit-back", "STR-003", "lets credit be taken back", _TakesCreditBack),
    _talk("no-end", "STR-004", "says no end of a stream", _EndsWithoutAWord),
    _talk(
        "unknown-streams", "STR-007", "ends the session for a word about no stream", _AnswersUnknownStreams
    ),
    _talk("deaf-to-cancel", "STR-007", "goes on with a stream that was cancelled", _DeafToCancel),
    _talk("no-verdict", "STR-006", "cancels an upload in the place of a verdict", _NoVerdict),
)

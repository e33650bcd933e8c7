"""A conversation on a raw channel: a sound session, and in it messages as a test has them (spec: Session)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.conversation import LocalInfo
from bwc_protocol.conversation.message import Flag, Message, MessageReader, StreamBytes, build
from bwc_protocol.conversation.session_setup import Greeted, Opening
from bwc_protocol.declare import Control, Request, Role
from bwc_protocol.frame import FrameType, ResetReason
from bwc_protocol.messages.core import ErrorReply, Ready, SessionInfo, StreamCredit
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import (
    RECORD_MAX,
    Alert,
    Session,
    SessionFactory,
    SessionFailed,
    SessionSide,
)
from bwc_protocol.session.preamble import NO_PROTECTION, TLS_1_3, Preamble
from bwc_protocol.versions import Version
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk.identity.host_identity import HostIdentity
from hil_tests.raw.link import ANSWER_S, PATIENCE_S, RawChannel
from hil_tests.raw.transcript import DEVICE, HOST, Transcript
from hil_tests.verdicts import RuleBroken

WantedMessage = Callable[[Message], bool]
END_S: Final = 5.0
"""How long is waited for an end: it comes at once or after 1 s (SES-018), and well before that of SES-005."""
KEPT_BULK: Final = 64 << 20
"""Bytes of streams that are kept at most: a test asks for little."""


class RawSession:
    """One conversation, step by step: `greet`, `shake_hands`, `inform`, `get_ready`; `open` does them all."""

    def __init__(
        self, channel: RawChannel, identity: HostIdentity | None, role: Role, transcript: Transcript
    ) -> None:
        self.channel = channel
        self.role = role
        self.streams: dict[int, bytearray] = {}
        """Bytes of each stream that came in order from 0."""
        self.disordered = ""
        """Where bytes of a stream came out of their order, in words; "" for nowhere."""
        self.waiting: list[Message] = []
        self.device_info: SessionInfo | None = None
        self.failure: SessionFailed | None = None
        """The alert by which the device ended the session."""
        self.sessions: SessionFactory | None = None
        """What protects it in the place of this bench's own identity."""
        self._identity = identity
        self._transcript = transcript
        self._reader = MessageReader()
        self._request = 0
        self._gathering = False
        self._read = 0  # bytes of the channel's inbox that were taken
        name = "hil" if identity is None else identity.name
        self.local = LocalInfo(kind=PeerKind.HOST, identity=name, roles=role)
        if identity is not None:
            self.local = replace(self.local, deny_counter=identity.deny_lists.counter)
        self.preamble = Preamble(
            kind=PeerKind.HOST,
            protection=NO_PROTECTION if identity is None else TLS_1_3,
            max_plaintext=RECORD_MAX,
            random=secrets.token_bytes(16),
        )
        self._opening: Opening | None = None
        self._session: Session | None = None

    @property
    def version(self) -> Version:
        """The version of the protocol that this host and the device chose."""
        assert self._opening is not None, "greet comes first"
        return self._opening.version

    # Opening

    def open(self) -> RawSession:
        """All steps up to READY."""
        self.greet()
        self.shake_hands()
        self.inform()
        self.get_ready()
        return self

    def greet(self, **changes: Any) -> Preamble:
        """Opens the channel with a preamble. Gives the device's.

        Waits while the device takes no handshakes, since too many failed before (TRU-009).
        """
        self.preamble = replace(self.preamble, **changes)
        until = time.monotonic() + PATIENCE_S
        while True:
            greeted = self._greet()
            if greeted is not None:
                return greeted
            reset = self.channel.resets[-1]
            if reset.reason is not ResetReason.BUSY or time.monotonic() > until:
                raise RuleBroken("a preamble of the device", self.told())
            self.channel.say_reset(ResetReason.ANSWER)
            self.channel.link.stay(max(0.05, reset.retry_after_ms / 1000))

    def _greet(self) -> Preamble | None:
        """One opening; None if the device resets it."""
        self._opening = Opening(self.local, self.preamble)
        self._read = 0
        self.channel.open(self._opening.ours)
        while True:
            greeted = self._opening.take(self._fresh())
            if isinstance(greeted, Greeted):
                self._session = self._make_session()
                self._session.start()
                self._receive(greeted.rest)
                return Preamble.decode(bytes(self.channel.inbox[: len(self._opening.ours)]))
            if greeted is not None:
                raise RuleBroken("a preamble of a device", f"{greeted.reason.name}: {greeted.detail}")
            if self.channel.resets:
                return None
            self._more("a preamble of the device")

    def shake_hands(self) -> None:
        """Goes on until the device has proved who it is."""
        while self.session.peer is None:
            if self.over:
                raise RuleBroken("a handshake that succeeds", self.told())
            self._more("the device's handshake")

    def info(self) -> SessionInfo:
        """What this end says of itself, bound to the two preambles."""
        assert self._opening is not None
        return self._opening.info()

    def inform(self, **changes: Any) -> SessionInfo:
        """Sends SESSION_INFO. Gives the device's."""
        self.say_control(replace(self.info(), **changes))
        said = self.expect(
            "SESSION_INFO of the device", lambda m: m.opcode == SessionInfo.opcode and m.flags == 0
        )
        self.device_info = SessionInfo.codec.decode(said.body)
        return self.device_info

    def get_ready(self) -> None:
        """Sends READY."""
        self.say_control(Ready())

    @property
    def session(self) -> Session:
        """What protects it."""
        assert self._session is not None, "greet comes first"
        return self._session

    # Saying

    def say(self, opcode: int, body: bytes = b"", *, flags: int = 0, request: int = 0) -> None:
        """Sends a message with whatever header."""
        said = Message(opcode, Flag(flags), request, body)
        pipe = self.channel.link.pipe
        self._transcript.message(HOST, pipe.number, self.channel.number, said)
        self.say_plain(build(opcode, flags, request, body))

    def say_control(self, control: Control) -> None:
        """Sends a control message."""
        self.say(control.opcode, control.codec.encode(control))

    def say_plain(self, plaintext: bytes) -> None:
        """Seals bytes and sends them."""
        self.session.seal(plaintext)
        if not self._gathering:
            self._flush()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is said inside goes out together, in as few frames as it takes."""
        self._gathering = True
        try:
            yield
        finally:
            self._gathering = False
            self._flush()

    def say_close(self, alert: Alert = Alert.CLOSE) -> None:
        """Sends the end of the session."""
        self.session.close(alert)
        self._flush()

    def next_id(self) -> int:
        """A request id that was not used yet."""
        self._request += 1
        return self._request

    def request(self, command: Request[Any], request: int | None = None) -> int:
        """Sends a request. Gives its id."""
        number = self.next_id() if request is None else request
        self.say(command.opcode, command.codec.encode(command), request=number)
        return number

    def say_credit(self, stream: int, limit: int) -> None:
        """Gives a stream credit up to an offset."""
        self.say(StreamCredit.opcode, StreamCredit.codec.encode(StreamCredit(limit=limit)), request=stream)

    # Hearing

    def take(self) -> None:
        """Takes what has come, without waiting."""
        self._receive(self._fresh())

    def listen(self, within_s: float = ANSWER_S) -> bool:
        """Waits for whatever comes next on the channel, and takes it; whether anything came."""
        came = self._came(within_s)
        self.take()
        return came

    def heard(self, wanted: WantedMessage, within_s: float = ANSWER_S) -> Message | None:
        """The first message that is wanted, of those that wait and those that come in time; it waits no more."""
        until = time.monotonic() + within_s
        while True:
            self._receive(self._fresh())
            for at, message in enumerate(self.waiting):
                if wanted(message):
                    return self.waiting.pop(at)
            if self.over or not self._came(max(0.0, until - time.monotonic())):
                return None

    def expect(self, what: str, wanted: WantedMessage, within_s: float = ANSWER_S) -> Message:
        """The same, which must come. Raises `RuleBroken`."""
        found = self.heard(wanted, within_s)
        if found is None:
            raise RuleBroken(f"{what}, within {within_s:g} s", self.told())
        return found

    def silent(self, what: str, unwanted: WantedMessage, for_s: float) -> None:
        """Nothing that is unwanted waits, or comes for a while. Raises `RuleBroken`."""
        found = self.heard(unwanted, for_s)
        if found is not None:
            raise RuleBroken(what, f"it said opcode {found.opcode:#06x}, flags {found.flags!r}")

    def answer(self, request: int, within_s: float = ANSWER_S) -> Message:
        """The reply or error to a request."""
        return self.expect(
            f"an answer to request {request} (MSG-001)",
            lambda m: m.request == request and m.flags in (Flag.REPLY, Flag.ERROR),
            within_s,
        )

    def ask(self, command: Request[Any], rule: str = "") -> Any:
        """Sends a request and gives its decoded reply. Raises `RuleBroken` for an error, with the rule against it."""
        said = self.answer(self.request(command))
        if said.flags == Flag.ERROR:
            error = ErrorReply.codec.decode(said.body)
            expected = f"a reply to {command.name}" + (f" ({rule})" if rule else "")
            raise RuleBroken(expected, f"{_code(error)}: {error.detail}")
        return command.reply.codec.decode(said.body)

    def refused(self, request: int, rule: str, *codes: ErrorCode) -> ErrorReply:
        """The error that must answer a request, with one of `codes`. Raises `RuleBroken`."""
        said = self.answer(request)
        wanted = " or ".join(code.name for code in codes)
        if said.flags != Flag.ERROR:
            raise RuleBroken(f"{wanted} ({rule})", "a reply")
        error: ErrorReply = ErrorReply.codec.decode(said.body)
        if error.code not in codes:
            raise RuleBroken(f"{wanted} ({rule})", f"{_code(error)}: {error.detail}")
        return error

    def stream(self, number: int, size: int, within_s: float = ANSWER_S) -> bytes:
        """The first bytes of a stream. Raises `RuleBroken` if fewer come."""
        until = time.monotonic() + within_s
        while len(self.streams.get(number, b"")) < size:
            if self.over or not self._came(max(0.0, until - time.monotonic())):
                came = len(self.streams.get(number, b""))
                raise RuleBroken(f"{size} bytes of stream {number} within {within_s:g} s", f"{came} bytes")
            self._receive(self._fresh())
        return bytes(self.streams[number][:size])

    def ends(
        self,
        rule: str,
        reason: ResetReason = ResetReason.PROTOCOL,
        alert: Alert | None = Alert.MALFORMED,
        within_s: float = END_S,
    ) -> None:
        """The device ends the conversation by this alert, where sessions have a word for it, and by RESET at last.

        Raises `RuleBroken`. `alert` is None where it says none.
        """
        until = time.monotonic() + within_s
        while not self.channel.resets:
            if not self._came(max(0.0, until - time.monotonic())):
                raise RuleBroken(f"the session ended, and the channel reset ({rule})", self.told())
            self._receive(self._fresh())
        self._receive(self._fresh())
        said = self.channel.resets[-1].reason
        reason = reason.as_of(self.version) or reason
        if said is not reason:
            raise RuleBroken(f"RESET({reason.name}) ({rule}, SES-018)", f"RESET({said.name})")
        if self._identity is None and alert is not None:
            heard = None if self.failure is None else self.failure.alert
            closed = self._session is not None and self._session.closed
            if heard is not alert and not (closed and alert is Alert.CLOSE):
                told = "no alert" if heard is None else f"the alert {heard.name}"
                raise RuleBroken(f"the alert {alert.name} before RESET ({rule}, SES-018)", told)

    def is_reset(self, expected: str) -> ResetReason:
        """The device resets the channel. Gives the reason. Raises `RuleBroken`."""
        while not self.channel.resets:
            if not self.listen(END_S):
                raise RuleBroken(expected, self.told())
        return self.channel.resets[-1].reason

    def goes_on(self, rule: str) -> None:
        """The conversation is as it was: a request is answered. Raises `RuleBroken`."""
        number = self.request(ReadStatus())
        try:
            said = self.answer(number)
        except RuleBroken as broken:
            raise RuleBroken(f"a session that goes on ({rule})", broken.observed) from None
        if said.flags != Flag.REPLY:
            raise RuleBroken(f"a session that goes on ({rule})", "device.status was refused")

    def settle(self) -> None:
        """By a request and its answer: what the device said at once to what was said before has come."""
        self.goes_on("MSG-001")

    @property
    def over(self) -> bool:
        """Whether the device ended it, as far as was heard."""
        return self.failure is not None or bool(self.channel.resets)

    def told(self) -> str:
        """What waits or ended it, in words."""
        if self.failure is not None:
            return f"it ended the session: {self.failure.alert.name}"
        if self.channel.resets:
            return f"it reset the channel: {self.channel.resets[-1].reason.name}"
        if self._session is not None and self._session.closed:
            return "it closed the session"
        shown = [f"opcode {m.opcode:#06x} request {m.request} {m.flags!r}" for m in self.waiting[-5:]]
        return ", ".join(shown) if shown else "silence"

    # Bytes

    def _make_session(self) -> Session:
        side = SessionSide(
            client=False, identity=self.local.identity, roles=self.role, entropy=secrets.token_bytes
        )
        if self.sessions is not None:
            return self.sessions(side)
        if self._identity is None:
            return insecure_session(side)
        from bwc_sdk.identity.judging import session_of

        return session_of(self._identity, time.time_ns, side)

    def _fresh(self) -> bytes:
        inbox = self.channel.inbox
        fresh = bytes(inbox[self._read :])
        self._read = len(inbox)
        return fresh

    def _came(self, within_s: float) -> bool:
        """Waits for something on the channel: bytes, or a RESET."""
        if self._read < len(self.channel.inbox):
            return True
        kinds = (FrameType.DATA, FrameType.RESET)
        number = self.channel.number
        return (
            self.channel.link.heard(lambda f: f.channel == number and f.type in kinds, within_s) is not None
        )

    def _more(self, what: str) -> None:
        if self.failure is not None or not self._came(ANSWER_S):
            raise RuleBroken(f"{what} within {ANSWER_S:g} s", self.told())
        if self._session is not None:
            self._receive(self._fresh())

    def _receive(self, data: bytes | memoryview) -> None:
        if not data or self._session is None or self.failure is not None:
            return
        try:
            for piece in self._session.receive(data):
                self._take(piece)
            self.failure = self._session.failure
        except SessionFailed as failed:
            self.failure = failed
        self._flush()

    def _take(self, piece: bytes | memoryview) -> None:
        pipe, channel = self.channel.link.pipe.number, self.channel.number
        for said in self._reader.feed(piece):
            if isinstance(said, Message):
                self._transcript.message(DEVICE, pipe, channel, said)
                self.waiting.append(said)
            else:
                self._keep(said)

    def _keep(self, came: StreamBytes) -> None:
        pipe, channel = self.channel.link.pipe.number, self.channel.number
        self._transcript.bulk(pipe, channel, came.stream, came.offset, len(came.data))
        kept = self.streams.setdefault(came.stream, bytearray())
        if came.offset != len(kept):
            self.disordered = f"stream {came.stream}: bytes at {came.offset}, where {len(kept)} was next"
        elif sum(map(len, self.streams.values())) + len(came.data) <= KEPT_BULK:
            kept += came.data

    def _flush(self) -> None:
        if self.session.pending:
            self.channel.send(b"".join(self.session.outgoing()))


def _code(error: ErrorReply) -> str:
    return error.code.name if isinstance(error.code, ErrorCode) else str(error.code)

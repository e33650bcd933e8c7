"""One host's conversation as the device's handlers see it (spec: Messages, Streams)."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from bwc_protocol.conversation import Conversation, PeerInfo
from bwc_protocol.conversation.stream import StreamSource
from bwc_protocol.declare import Event, FieldRangeError, Handlers, Request, Role
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.trust import SEIZED_REFUSES
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.conversation_profile import ConversationProfile
from firmware_sim.device.footage_facts import FootageFacts
from firmware_sim.device.make import Make
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.trust.kept import KeptTrust
from firmware_sim.device.trust.trust import DeviceTrust
from firmware_sim.flash.flash import StateError
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.commit import Change, StateDoubtful

log = logging.getLogger(__name__)
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class Upload:
    """A stream from the host that is being gathered. Its announced length bounds it."""

    length: int
    finish: Callable[[bytes], None]
    """Takes the whole; raises `Refusal` with the verdict when it does not."""
    data: bytearray = field(default_factory=bytearray)


class Device(Protocol):
    """What a camera and a station have in common, as far as sessions and their handlers are concerned."""

    serial: str
    boot_counter: int
    running: bool
    profile: ConversationProfile
    clock: DeviceClock
    audit: AuditLog
    sessions: set[DeviceSession]
    trust: DeviceTrust | None

    def footage_facts(self) -> FootageFacts:
        """Where its recordings end, and how many there are."""

    def start_anew(self, kept: KeptTrust, kind: AuditKind, detail: str, actor: str) -> None:
        """Destroys keys at once, and footage at the reboot that follows."""

    @property
    def make(self) -> Make:
        """Model, hardware and firmware."""

    @property
    def config_keys(self) -> int:
        """Settings that it has."""

    def sanitise(self, detail: str, actor: str) -> None:
        """Erases all footage by an order; identity and settings stay."""

    def clock_was_set(self) -> None:
        """Tells the hosts."""

    def state_change(self, *, clock: DeviceClock) -> tuple[Change, ...]:
        """What keeps the device with another state of its clock."""

    def storage_failed(self, error: Exception) -> None:
        """Its state directory did not take something."""

    def request_reboot(self, delay_s: float) -> None:
        """Goes down in order after `delay_s`, and boots again."""

    def crash(self) -> None:
        """Resets at once."""


class DeviceSession:
    """What a handler is given: the device, who asks, and the means to open streams."""

    def __init__(
        self,
        device: Device,
        conversation: Conversation,
        peer: PeerInfo,
        handlers: Handlers[Any],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.device = device
        self.peer = peer
        self._conversation = conversation
        self._handlers = handlers
        self._wake = wake
        self._request_id = 0
        self._uploads: dict[int, Upload] = {}
        self._after_reply: list[Callable[[], None]] = []
        self._denied: set[int] = set()
        self._ends_after_verdict = False
        self._over = False
        self._unlogged: str | None = None  # how it began, while nothing of it is in the log

    @property
    def identity(self) -> str:
        """Who the host says, or in a secure session proves, that it is."""
        return self.peer.identity

    @property
    def open_streams(self) -> int:
        """Streams that are open now, in both directions."""
        return self._conversation.open_streams

    def may(self, role: Role) -> bool:
        """Whether the host has one of the roles."""
        return bool(self.peer.roles & role)

    def audit(self, kind: AuditKind, detail: str, *also: Change, utc_ns: int | None = None) -> None:
        """Writes into the log that this host does something, and makes the changes `also` of the state directory in
        the same step. Raises `OSError` if it cannot be kept: then it must not be done."""
        self._log_begin()
        self.device.audit.append(kind, detail, self.identity, *also, utc_ns=utc_ns)

    def note(self, kind: AuditKind, detail: str) -> None:
        """Writes into the log what has happened, and cannot be refused."""
        self._log_begin()
        self.device.audit.note(kind, detail, self.identity)

    def begun(self, how: str) -> None:
        """The host is ready. A device that counts sessions writes so only before another entry of this one."""
        self._unlogged = how
        if not self.device.profile.counts_sessions:
            self._log_begin()

    def _log_begin(self) -> None:
        if self._unlogged is not None:
            how, self._unlogged = self._unlogged, None
            self.device.audit.note(AuditKind.SESSION_OPENED, how, self.identity)

    def send_event(self, event: Event) -> None:
        """Sends an event."""
        self._conversation.send_event(event)
        self._wake()

    # For handlers

    def end(self, why: str) -> None:
        """Ends the session in order, once what is queued is sent."""
        if not self._over:
            self._conversation.close()
            self.ended(why)
            self._wake()

    def end_after_verdict(self) -> None:
        """The verdict on the upload that is being judged is the last word of this session."""
        self._ends_after_verdict = True

    def open_stream(self, source: StreamSource, length: int) -> StreamOpened:
        """Opens a stream to the host under the request that is being answered."""
        request_id = self._request_id
        self._after_reply.append(lambda: self._conversation.send_stream(request_id, source, length))
        return StreamOpened(length=length)

    def take_upload(self, length: int, finish: Callable[[bytes], None]) -> StreamOpened:
        """Lets the host send `length` bytes under the request that is being answered."""
        request_id = self._request_id

        def begin() -> None:
            self._uploads[request_id] = Upload(length, finish)
            self._conversation.expect_stream(request_id, length)
            self._conversation.grant(request_id, length)

        self._after_reply.append(begin)
        return StreamOpened(length=length)

    # For the port

    def answer(self, request_id: int, request: Request[Any]) -> None:
        """Runs the handler of a request. Whatever goes wrong in it is an answer, never the end of the device."""
        self._request_id = request_id
        self._after_reply.clear()
        try:
            self._demand_unseized(request)
            reply = self._handlers.by_opcode[request.opcode](self, request)
            self._conversation.reply(request_id, reply)
        except Refusal as refusal:
            self._conversation.refuse(request_id, refusal.code, refusal.detail, refusal.retry_after_ms)
            return
        except (OSError, StateError) as error:
            unkept = self._not_kept(error)
            if unkept is not None:
                self._conversation.refuse(request_id, *unkept)
            return
        except (Exception, FieldRangeError) as error:
            log.exception("%s failed", request.name)
            self._conversation.refuse(
                request_id, ErrorCode.INTERNAL, f"{type(error).__name__} in {request.name}"
            )
            return
        for then in self._after_reply:
            then()

    def _demand_unseized(self, request: Request[Any]) -> None:
        """Raises `Refusal` for what changes a camera that is seized."""
        trust = self.device.trust
        if trust is not None and trust.kept.case and request.name in SEIZED_REFUSES:
            self.audit(AuditKind.REFUSED, f"{request.name}: it is seized for {trust.kept.case}")
            raise Refusal(ErrorCode.WRONG_STATE, f"it is seized for {trust.kept.case}: nobody changes it")

    def _not_kept(self, error: OSError | StateError) -> tuple[ErrorCode, str] | None:
        """What is answered when something could not be kept; None: nothing, since the device starts again."""
        self.device.storage_failed(error)
        if isinstance(error, StateDoubtful):
            # Done or not? A device that cannot know gives no answer.
            self.device.crash()
            return None
        why = error.strerror if isinstance(error, OSError) else str(error)
        full = isinstance(error, OSError) and error.errno in NO_ROOM
        code = ErrorCode.FULL if full else ErrorCode.STORAGE_FAULT
        return code, f"nothing was changed: it cannot be kept: {why}"

    def not_permitted(self, command: type[Request[Any]]) -> None:
        """Writes into the log that the host's role, or the way by which it came, does not allow what it asked for.

        Each command once: a host that repeats itself does not push older entries out of a log that is full.
        """
        if command.opcode not in self._denied:
            self._denied.add(command.opcode)
            how = "by radio" if self.may(command.roles) else f"to {self.peer.roles or 'no role'}"
            self.note(AuditKind.REFUSED, f"{command.name} is not permitted {how}")

    def upload_data(self, stream: int, data: bytes | memoryview) -> None:
        """The next bytes of an upload; the last one brings the verdict."""
        upload = self._uploads.get(stream)
        if upload is None:
            return
        upload.data += data
        if len(upload.data) < upload.length:
            return
        del self._uploads[stream]
        try:
            upload.finish(bytes(upload.data))
        except Refusal as refusal:
            self._conversation.finish(stream, refusal.code, refusal.detail)
        except (OSError, StateError) as error:
            unkept = self._not_kept(error)
            if unkept is not None:
                self._conversation.finish(stream, *unkept)
        except Exception as error:
            log.exception("an upload failed")
            self._conversation.finish(stream, ErrorCode.INTERNAL, type(error).__name__)
        else:
            self._conversation.finish(stream)
            if self._ends_after_verdict:
                self.end("it is another device's by now")

    def upload_gone(self, stream: int) -> None:
        """The host gave an upload up, or could not go on with it."""
        self._uploads.pop(stream, None)

    def ended(self, why: str) -> None:
        """The conversation is over."""
        if self._over:
            return
        self._over = True
        self.device.sessions.discard(self)
        if self._unlogged is not None:
            self.device.audit.count_session()
        elif self.device.running:
            self.note(AuditKind.SESSION_CLOSED, why)

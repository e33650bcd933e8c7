"""A host at one device, made of the protocol alone: for tests of what firmware does to whoever comes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from bwc_protocol.certificates.checks import Check, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.conversation import (
    Closed,
    Conversation,
    Established,
    Failed,
    FailReason,
    LocalInfo,
    PeerInfo,
)
from bwc_protocol.conversation.events import (
    ErrorReceived,
    EventReceived,
    ReplyReceived,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.declare import NO_ROLE, Event, Request, Role
from bwc_protocol.endpoint import Endpoint, OnChannel
from bwc_protocol.lab.agency import Certified
from bwc_protocol.link import ChannelReset, Link, LinkDown, LinkParams, LinkRole, LinkUp, ResetReason
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import RECORD_MAX, PeerCredentials, SessionFactory, SessionSide
from bwc_protocol.session.preamble import Preamble
from bwc_protocol.session.tls import KeyCredentials, TlsProfile, tls_sessions
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.serving.attach import attach
from firmware_sim.serving.memory_pipe import MemoryPipe
from firmware_sim.station.station import SimStation

R = TypeVar("R")
STEP_S = 0.01
WAIT_S = 30.0
"""Virtual time that nothing takes longer than."""


class HostRefused(Exception):
    """The device does not go on: its opening or handshake failed, or it ended the session."""

    def __init__(
        self, reason: ResetReason | FailReason | str, check: Check | None = None, retry_after_ms: int = 0
    ):
        super().__init__(f"{reason} {check or ''}")
        self.reason = reason
        self.check = check
        self.retry_after_ms = retry_after_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAs:
    """As whom a host comes."""

    shown: Certified
    anchors: tuple[bytes, ...]
    """Roots below which the device has to be; those of the vendor for one that is to be enrolled."""
    lab: str = ""
    kind: PeerKind = PeerKind.CAMERA
    factory: bool = False
    """Whether the device has to show the certificate of its factory."""

    def sessions(self) -> SessionFactory:
        """Its ends of sessions."""
        trust = Trust(lab=self.lab, kind=self.kind, factory=self.factory)

        def judge(facts: CertificateFacts) -> PeerCredentials:
            check_peer(facts, trust)
            return PeerCredentials(facts.name, NO_ROLE, facts)

        credentials = KeyCredentials(self.shown.chain, self.shown.key)
        return tls_sessions(TlsProfile(credentials, self.anchors, bool(self.lab), judge))

    @property
    def name(self) -> str:
        """What its certificate calls it."""
        return read_certificate(self.shown.chain[0]).name


class DeviceHost:
    """One pipe to a device, in the running loop. `by` None: without any protection."""

    def __init__(
        self, device: SimCamera | SimStation, by: HostAs | None, roles: Role, *, by_radio: bool = False
    ) -> None:
        self.by, self.roles = by, roles
        self.events: list[Event] = []
        self.peer: PeerInfo | None = None
        self.over: HostRefused | None = None
        self._sessions = by.sessions() if by is not None else insecure_session
        self._pipe = MemoryPipe(self, 61_440)
        self._pipe.user = attach(device, self._pipe, "test", by_radio=by_radio)
        self._loop = asyncio.get_running_loop()
        link = Link(
            LinkRole.HOST, LinkParams(max_payload=61_440), nonce=lambda: int.from_bytes(os.urandom(4))
        )
        self._endpoint = Endpoint(link, self._converse)
        self._conversation: Conversation | None = None
        self._up = False
        self._answers: dict[int, Any] = {}
        self._streams: dict[int, bytearray] = {}
        self._verdicts: dict[int, int] = {}

    def _converse(self, channel: int) -> Conversation:
        name = self.by.name if self.by is not None else "tester"
        preamble = Preamble(kind=PeerKind.HOST, max_plaintext=RECORD_MAX, random=os.urandom(16))
        side = SessionSide(False, name, self.roles, os.urandom)
        local = LocalInfo(kind=PeerKind.HOST, identity=name, roles=self.roles)
        return Conversation(local, preamble, self._sessions(side))

    async def connect(self) -> DeviceHost:
        """Up to READY. Raises `HostRefused`."""
        self._endpoint.open(self._loop.time())
        try:
            await self._until(lambda: self._up)
            self._conversation = self._endpoint.open_channel(0, self._loop.time())
            await self._until(lambda: self.peer is not None)
        except HostRefused:
            await self.leave()
            raise
        return self

    async def ask(self, request: Request[R]) -> R:
        """The reply; a refusal is a failure."""
        answer = await self.answer(request)
        assert not isinstance(answer, ErrorCode), answer
        return cast("R", answer)

    async def refused(self, request: Request[Any]) -> ErrorCode:
        """The error code; a reply is a failure."""
        answer = await self.answer(request)
        assert isinstance(answer, ErrorCode), answer
        return answer

    async def read(self, request: Request[StreamOpened]) -> bytes:
        """The bytes of the stream that the request opens."""
        number = self._send(request)
        length = (await self._answered(number)).length
        self._streams[number] = bytearray()
        assert self._conversation is not None
        self._conversation.grant(number, length)
        await self._until(lambda: number in self._verdicts)
        return bytes(self._streams[number])

    async def upload(self, kind: Any, data: bytes, **fields: Any) -> ErrorCode | None:
        """The verdict on what is uploaded under a command, or the code with which it was refused."""
        announced = {"length": len(data), "sha256": hashlib.sha256(data).digest()}
        request = kind(**announced | fields)
        number = self._send(request)
        answer = await self._answered(number)
        if isinstance(answer, ErrorCode):
            return answer
        assert self._conversation is not None
        self._conversation.send_stream(number, _Data(data), len(data))
        await self._until(lambda: number in self._verdicts)
        code = self._verdicts[number]
        return ErrorCode(code) if code else None

    async def answer(self, request: Request[Any]) -> Any:
        """The reply, or the error code."""
        return await self._answered(self._send(request))

    def _send(self, request: Request[Any]) -> int:
        assert self._conversation is not None
        if self.over is not None:
            raise self.over
        return self._conversation.request(request)

    async def _answered(self, number: int) -> Any:
        await self._until(lambda: number in self._answers)
        return self._answers.pop(number)

    async def ended(self) -> HostRefused:
        """How the device ended the session."""
        await self._until(lambda: self.over is not None, even_if_over=True)
        assert self.over is not None
        return self.over

    async def leave(self) -> None:
        """Closes in order."""
        self._endpoint.close(self._loop.time())
        self._move()
        self._pipe.leave()
        await asyncio.sleep(STEP_S)

    async def _until(self, holds: Any, *, even_if_over: bool = False) -> None:
        for _ in range(round(WAIT_S / STEP_S)):
            self._move()
            if holds():
                return
            if self.over is not None and not even_if_over:
                raise self.over
            deadline = self._endpoint.deadline()
            await asyncio.sleep(STEP_S)
            if deadline is not None and deadline <= self._loop.time():
                self._endpoint.tick(self._loop.time())
        raise AssertionError("nothing came of it")

    # The pipe's host

    def received(self, data: bytes | memoryview) -> None:
        self._endpoint.receive(data, self._loop.time())
        self._move()

    def lost(self, error: Exception) -> None:
        self.over = self.over or HostRefused(str(error))

    def writable(self) -> None:
        self._move()

    def _move(self) -> None:
        for event in self._endpoint.events():
            match event:
                case LinkUp():
                    self._up = True
                case LinkDown(reason=reason):
                    self.over = self.over or HostRefused(str(reason))
                case ChannelReset(reason=reason, retry_after_ms=retry):
                    self.over = self.over or HostRefused(reason, retry_after_ms=retry)
                case OnChannel(event=inner):
                    self._take(inner)
        if parts := self._endpoint.outgoing(self._loop.time(), 1 << 20):
            self._pipe.to_device.push(parts)

    def _take(self, event: Any) -> None:
        match event:
            case Established(peer=peer):
                self.peer = peer
            case Failed(reason=reason, check=check):
                self.over = self.over or HostRefused(reason, check)
            case Closed():
                self.over = self.over or HostRefused("closed")
            case ReplyReceived(request_id=number, reply=reply):
                self._answers[number] = reply
            case ErrorReceived(request_id=number, error=error):
                self._answers[number] = error.code
            case EventReceived(event=told):
                self.events.append(told)
            case StreamReceived(stream=stream, data=data):
                self._streams[stream] += data
            case StreamFinished(stream=stream, code=code):
                self._verdicts[stream] = code


@dataclass(frozen=True, slots=True)
class _Data:
    data: bytes

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]

"""The device's side of a record: a device that answers as recorded, to whatever host comes.

It has what was said, and neither the device's keys nor its footage. By certificate it is a device of the lab, under the
recorded serial number, or it has development firmware; streams have the recorded length and zeros for bytes. A host
that holds signatures or hashes against them finds them wrong, as it should.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

from bwc_protocol.conversation import Conversation, PeerInfo
from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.conversation.stream import StreamFault
from bwc_protocol.declare import COMMANDS, Handlers, MalformedMessage, Request, StreamDirection
from bwc_protocol.messages.core import StreamEnd, StreamOpened
from bwc_protocol.messages.identity import Capability
from bwc_protocol.session.interface import SessionFactory
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk.capture.file import CaptureError
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.device.pipe import Pipe
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.session import DeviceSession, Upload
from firmware_sim.device.trust.kept import Agency
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.ports.tcp import TcpPipe, TcpPort
from firmware_sim.serving.bay_port import BayPort
from firmware_sim.serving.memory_pipe import HostEnd, MemoryPipe
from firmware_sim.serving.port import DevicePort
from firmware_sim.station.station import SimStation
from hil_tests.replay.comparing import same_question, shown
from hil_tests.replay.recorded import Exchange, Recorded, RecordedConversation, device_info

NOT_RECORDED: Final = "replay: no such request was recorded"
UNKNOWN_MAX: Final = 1_000
"""Requests that were not recorded, of which it is told: a host that goes on asking is told enough by then."""
_ZEROS: Final = bytes(65_536)


@dataclass(slots=True)
class Visit:
    """One session of a host with the replayed device."""

    host: str
    """What the host calls itself."""
    recorded: int
    """Requests in the conversation that was played."""
    answered: int = 0
    """Requests that were answered as recorded."""
    again: int = 0
    """Of these, how many the host asked more often than it was recorded: they got the last answer once more."""
    unknown: list[str] = field(default_factory=list)
    """Requests that were not recorded; each was refused as UNSUPPORTED."""
    never_asked: list[str] = field(default_factory=list)
    """Recorded requests that the host did not make."""
    filler_bytes: int = 0
    """Of streams that went out, zeros in the place of what no capture holds."""
    over: bool = False


class ReplayDevice:
    """What stands behind the pipes. The first session gets the first recorded conversation, the next one the next;
    after the last they begin again."""

    def __init__(self, recorded: Recorded, agency: Agency | None) -> None:
        """`agency` is whose it is; None: it has development firmware. Raises `CaptureError` for a record of a device
        that never said who it is, or by a name that no certificate has."""
        info, kind = device_info(recorded.conversations[0])
        self.recorded = recorded
        self.visits: list[Visit] = []
        self.waiting: list[asyncio.Future[None]] = []
        try:
            self.device = _device(kind, info.identity, agency)
        except ValueError as error:
            raise CaptureError(f"{info.identity!r} cannot be played: {error}") from error

    def begin(self, peer: PeerInfo) -> tuple[Visit, RecordedConversation]:
        """A host is ready."""
        record = self.recorded.conversations[len(self.visits) % len(self.recorded.conversations)]
        visit = Visit(peer.identity, sum(one.is_request for one in record.said))
        self.visits.append(visit)
        return visit, record

    @property
    def next_record(self) -> RecordedConversation:
        """What the next host gets."""
        return self.recorded.conversations[len(self.visits) % len(self.recorded.conversations)]

    def ended(self) -> None:
        """A visit is over."""
        for one in self.waiting:
            if not one.done():
                one.set_result(None)
        self.waiting.clear()

    async def wait_for(self, visits: int) -> None:
        """Until so many hosts have come and gone."""
        while sum(visit.over for visit in self.visits) < visits:
            self.waiting.append(asyncio.get_running_loop().create_future())
            await self.waiting[-1]

    def attach(self, pipe: Pipe, name: str) -> ReplayPort:
        """Serves a pipe."""
        return ReplayPort(self, pipe, name)

    def transport(self) -> MemoryTransport:
        """A byte pipe to it inside this process, for `connect`."""
        return _ToReplay(self)

    def listen(self, host: str = "127.0.0.1", port: int = 0) -> TcpPort:
        """A TCP port at which it answers. Raises `OSError`."""
        return _ReplayTcp(self, host, port)

    def close(self) -> None:
        """Ends it."""
        self.device.close()


def _device(kind: PeerKind, serial: str, agency: Agency | None) -> SimCamera | SimStation:
    """A simulated device of that kind and name: it lends its certificate, and answers nothing itself."""
    if kind is PeerKind.STATION:
        return _NamedStation(serial, agency)
    return _NamedCamera(serial, agency)


class _NamedCamera(SimCamera):
    """A camera without footage, under a serial number of another one."""

    def __init__(self, serial: str, agency: Agency | None) -> None:
        self._named = serial
        super().__init__(CameraOptions(footage=SyntheticFootage(), agency=agency))

    @property
    def new_serial(self) -> str:
        return self._named


class _NamedStation(SimStation):
    """The same of a station, with an empty bay."""

    def __init__(self, serial: str, agency: Agency | None) -> None:
        self._named = serial
        super().__init__(1, BayPort, agency=agency)

    @property
    def new_serial(self) -> str:
        return self._named


class ReplayPort(DevicePort):
    """One pipe of it."""

    def __init__(self, replayed: ReplayDevice, pipe: Pipe, name: str) -> None:
        self._replayed = replayed
        super().__init__(replayed.device, pipe, name)

    def new_conversation(self, session: SessionFactory | None) -> Conversation:
        """With what the recorded device said of itself. Its deny list is not told: no capture holds one."""
        device, info = self.device, device_info(self._replayed.next_record)[0]
        profile = device.profile
        lab = Capability.LAB if session is None else Capability(0)  # else no host speaks to it unprotected
        profile.talk = RecordedTalk
        profile.newest = (info.major, info.minor)
        profile.capabilities = Capability(info.capabilities) | lab
        profile.firmware_sha256 = info.firmware_sha256
        return profile.conversation(device.serial, info.boot_counter, device.entropy, session)

    def new_session(self, conversation: Conversation, peer: PeerInfo) -> DeviceSession:
        assert isinstance(conversation, RecordedTalk)
        return ReplaySession(self._replayed, self, conversation, peer)


class RecordedTalk(Conversation):
    """A conversation that says messages as they were recorded, also those that break their declaration."""

    def say_recorded(self, request: int, answer: Message) -> None:
        """Answers a request by the recorded bytes."""
        self._answering.outstanding.pop(request)
        self._send(answer.opcode, int(answer.flags), request, answer.body)

    def tell_recorded(self, event: Message) -> None:
        """Tells an event by the recorded bytes."""
        self._send(event.opcode, int(event.flags), event.request, event.body)


class ReplaySession(DeviceSession):
    """A host's session: the next request that is like a recorded one is answered as that was."""

    def __init__(
        self, replayed: ReplayDevice, port: ReplayPort, conversation: RecordedTalk, peer: PeerInfo
    ) -> None:
        super().__init__(replayed.device, conversation, peer, Handlers(), port.pump)
        self._replayed = replayed
        self._port = port
        self._talk = conversation
        self.visit, record = replayed.begin(peer)
        early, self._exchanges = record.exchanges()
        self._left = list(self._exchanges)
        for event in early:
            conversation.tell_recorded(event)

    def answer(self, request_id: int, request: Request[Any]) -> None:
        asked = Message(request.opcode, Flag(0), request_id, request.codec.encode(request))
        exchange = self._find(asked)
        if exchange is None:
            if len(self.visit.unknown) < UNKNOWN_MAX:
                self.visit.unknown.append(f"{request.name} {shown(asked)}")
            self._talk.refuse(request_id, ErrorCode.UNSUPPORTED, NOT_RECORDED)
            return
        if exchange.answer is None:
            self._port.drop(orderly=False)  # the record ends here: the device, or its cable, went
            return
        self.visit.answered += 1
        self._talk.say_recorded(request_id, exchange.answer.message)
        self._stream(request_id, exchange)
        for event in exchange.events:
            self._talk.tell_recorded(event)

    def not_permitted(self, command: type[Request[Any]]) -> None:
        """The host's role does not allow what it asks for, whatever was recorded of another role."""
        if len(self.visit.unknown) < UNKNOWN_MAX:
            self.visit.unknown.append(f"{command.name}, which its role does not allow")

    def _find(self, asked: Message) -> Exchange | None:
        """The first that was not played yet, or, of one that is asked more often than recorded, the last."""
        for at, one in enumerate(self._left):
            if same_question(one.request.message, asked):
                return self._left.pop(at)
        for one in reversed(self._exchanges):
            if same_question(one.request.message, asked):
                self.visit.again += 1
                return one
        return None

    def _stream(self, request_id: int, exchange: Exchange) -> None:
        if exchange.stream is None or exchange.answer is None:
            return
        try:
            opened = StreamOpened.codec.decode(exchange.answer.message.body)
        except MalformedMessage:
            return  # no host makes a stream of it either
        if exchange.stream is StreamDirection.TO_DEVICE:
            self._talk.expect_stream(request_id, opened.length)
            self._talk.grant(request_id, opened.length)
            self._uploads[request_id] = Upload(opened.length, partial(_verdict, exchange.end))
            return
        self._talk.send_stream(request_id, _Filler(self.visit, exchange.end), opened.length)

    def ended(self, why: str) -> None:
        super().ended(why)
        if not self.visit.over:
            self.visit.over = True
            self.visit.never_asked = [_name(one) for one in self._left]
            self._replayed.ended()


def _verdict(end: StreamEnd | None, data: bytes) -> None:
    """On an upload: as recorded. What was uploaded is not looked at: no capture holds the bytes of then."""
    if end is not None and end.code:
        raise Refusal(ErrorCode(end.code) if end.code in list(ErrorCode) else ErrorCode.INTERNAL, end.detail)


def _name(one: Exchange) -> str:
    command = COMMANDS.get(one.request.message.opcode)
    return command.name if command is not None else f"{one.request.message.opcode:#06x}"


class _Filler:
    """Zeros, as far as the recorded stream came; where it broke off, this one does."""

    def __init__(self, visit: Visit, end: StreamEnd | None) -> None:
        self._visit = visit
        self._end = end

    def read(self, offset: int, size: int) -> bytes:
        end = self._end
        if end is not None and end.code and offset + size > end.offset:
            code = ErrorCode(end.code) if end.code in list(ErrorCode) else ErrorCode.INTERNAL
            raise StreamFault(code, end.detail)
        self._visit.filler_bytes += size
        return _ZEROS[:size] if size <= len(_ZEROS) else bytes(size)


# Ways to it


class _ToReplay(MemoryTransport):
    """A pipe inside this process."""

    def __init__(self, replayed: ReplayDevice) -> None:
        super().__init__(cast(Any, replayed.device), name="replay:")
        self._replayed = replayed

    async def open(self, receiver: HostEnd) -> None:
        pipe = self._pipe = MemoryPipe(receiver, self.limits.max_payload)
        pipe.user = self._replayed.attach(pipe, self.name)


class _ReplayTcp(TcpPort):
    """A TCP port."""

    def __init__(self, replayed: ReplayDevice, host: str, port: int) -> None:
        self._replayed = replayed
        super().__init__(cast(Any, replayed.device), host, port)

    def _admit(self, sock: socket.socket) -> TcpPipe:
        pipe = TcpPipe(sock, self)
        pipe.user = pipe.link = self._replayed.attach(pipe, self.uri)
        return pipe

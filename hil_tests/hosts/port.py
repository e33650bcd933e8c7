"""The pipe that watches, and the camera's port behind it."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Final

from bwc_protocol.conversation import Conversation, ConversationEvent, Established, RequestReceived
from bwc_protocol.conversation.message import Message
from bwc_protocol.endpoint import Answer
from bwc_protocol.frame import MAX_PAYLOAD, Frame, FrameParser, FrameType, encode_frame
from bwc_protocol.session.interface import SessionFactory
from firmware_sim.device.pipe import LinkUser, Pipe
from firmware_sim.serving.camera_port import CameraPort
from hil_tests.hosts.frames import FrameWatch
from hil_tests.hosts.visit import Visit
from hil_tests.raw.transcript import DEVICE, HOST

ALIKE_MAX: Final = 200
"""Messages of one kind that a transcript has of a connection: an endless list is told after fewer pages."""
IDLE: Final = (FrameType.PING, FrameType.PONG, FrameType.ACK)
"""What is said while nothing happens."""


class WatchedPipe:
    """The pipe for its port, and the port for its pipe: all frames of both directions pass here."""

    def __init__(self, pipe: Pipe, visit: Visit) -> None:
        self.max_payload = min(pipe.max_payload, visit.script.max_payload)
        self.user: LinkUser | None = None
        self.number = len(visit.links) + 1
        self.frames = FrameWatch(visit.judge, visit.script.max_plaintext)
        self._visit = visit
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        self._from_host, self._from_device = FrameParser(MAX_PAYLOAD), FrameParser(MAX_PAYLOAD)
        self._over = False
        visit.links.append(self.frames)
        visit.pipes.append(self)
        visit.open += 1

    # For the port

    def room(self) -> int:
        return self._pipe.room()

    def write(self, parts: list[bytes]) -> None:
        for frame in self._from_device.feed(b"".join(parts), self._loop.time()):
            for told in self._visit.script.to_host(frame):
                self._note(DEVICE, told)
                self.frames.to_host(told)
                if not self._over:
                    self._pipe.write([encode_frame(told)])

    def restarted(self) -> None:
        self._pipe.restarted()

    def pull(self) -> None:
        self._pipe.pull()

    # For the pipe

    @property
    def live(self) -> bool:
        return self.user is not None and self.user.live

    def received(self, data: bytes | memoryview) -> None:
        frames = list(self._from_host.feed(bytes(data), self._loop.time()))
        for frame in frames:  # all of them first: what came at once was said before any answer to it
            self._note(HOST, frame)
            self.frames.from_host(frame, self._loop.time())
            self._visit.host_reset(frame, self._loop.time())
        for frame in frames:
            if self._visit.script.to_device(frame) and self.user is not None and not self._over:
                self.user.received(encode_frame(frame))

    def writable(self) -> None:
        if self.user is not None:
            self.user.writable()

    def host_left(self) -> None:
        if self.user is not None:
            self.user.host_left()

    def lost(self) -> None:
        if self._over:
            return
        self._over = True
        self._visit.open -= 1
        self._visit.last = self._loop.time()
        self._visit.judge.transcript.remark(f"connection {self.number} is over")
        if self.user is not None:
            self.user.lost()

    def say(self, frame: Frame) -> None:
        """Says a frame that the device did not."""
        self._note(DEVICE, frame)
        self.frames.to_host(frame)
        self._pipe.write([encode_frame(frame)])

    def _note(self, sender: str, frame: Frame) -> None:
        if frame.type not in IDLE:
            self._visit.last = self._loop.time()
        if frame.type is not FrameType.ACK:
            self._visit.judge.transcript.frame(sender, self.number, frame)


class WatchedPort(CameraPort):
    """Serves the camera of a visit, and shows what is said behind the session's protection."""

    def __init__(self, visit: Visit, pipe: WatchedPipe, name: str) -> None:
        self._visit = visit
        self._number = pipe.number
        self._watched = pipe.frames
        self._noted: Counter[int] = Counter()
        super().__init__(visit.camera, pipe, name)

    def _converse(self, channel: int) -> Answer:
        return self._visit.script.refusal() or super()._converse(channel)

    def new_conversation(self, session: SessionFactory | None) -> Conversation:
        made = super().new_conversation(session)
        self._visit.conversation = made
        self._visit.messages.begin()
        made.tap = self._tap
        return made

    def _tap(self, sent: bool, message: Message) -> None:
        now = asyncio.get_running_loop().time()
        self._visit.last = now
        self._watched.shaking = False
        self._noted[message.opcode] += 1
        if self._noted[message.opcode] <= ALIKE_MAX:
            self._visit.judge.transcript.message(DEVICE if sent else HOST, self._number, 0, message)
        if sent:
            self._visit.messages.said(message)
        else:
            self._visit.messages.heard(message, now)

    def _converse_event(self, channel: int, event: ConversationEvent) -> None:
        if isinstance(event, Established):
            self._visit.identity = event.peer.identity
            self._visit.established += 1
        delay_s = self._visit.script.answers_after_s(event) if isinstance(event, RequestReceived) else 0.0
        if delay_s:
            self._loop.call_later(delay_s, self._late, channel, event)
        else:
            super()._converse_event(channel, event)

    def _late(self, channel: int, event: ConversationEvent) -> None:
        super()._converse_event(channel, event)
        self.pump()


def serve(visit: Visit, pipe: Pipe, name: str) -> WatchedPipe:
    """Serves a connection as the camera of a visit; gives whom the pipe tells what comes."""
    watched = WatchedPipe(pipe, visit)
    visit.script.now = partial(asyncio.get_running_loop().time)
    watched.user = WatchedPort(visit, watched, name)
    return watched

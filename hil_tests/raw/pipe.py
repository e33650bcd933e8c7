"""One pipe to the device: bytes and frames out, whatever comes back in, and nothing else."""

from __future__ import annotations

import asyncio
import queue
import time
from dataclasses import dataclass
from typing import Final

from bwc_protocol.frame import (
    MAX_PAYLOAD,
    Bye,
    Damage,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    MalformedControl,
    encode_frame,
)
from bwc_sdk.errors import DeviceLost
from bwc_sdk.sync.loop import CallTimeout, loop_thread
from bwc_sdk.transport import Transport
from hil_tests.raw.transcript import DEVICE, HOST, Transcript

WRITE_S: Final = 10.0
"""How long a device may leave a pipe full. One that cannot write goes on reading (CHN-020)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame of the device, and when its last byte came, by this process's monotonic clock."""

    at: float
    frame: Frame


class PipeLost(DeviceLost):
    """Raised when the pipe goes while a test uses it: the device ended it, restarted, or the cable is out."""


class RawPipe:
    """A pipe whose hearing is a queue: calls come from the test's thread, bytes from the loop's."""

    def __init__(self, transport: Transport, number: int, transcript: Transcript) -> None:
        self.number = number
        self.name = transport.name
        self.bytes_heard = 0
        self.damage: list[Damage] = []
        """What the device sent that was no good frame. On a pipe that loses nothing there is none."""
        self.strange = b""
        """The first bytes from it that belonged to no frame."""
        self._transport = transport
        self._transcript = transcript
        self._heard: queue.SimpleQueue[Heard | Exception] = queue.SimpleQueue()
        self._parser = FrameParser(MAX_PAYLOAD, self.damage.append)
        self._went: Exception | None = None
        """What a test has heard of its end."""
        self._over: Exception | None = None
        """What the loop has."""
        self._room = asyncio.Event()
        self._open = False
        self._asked: set[int] = set()
        """Host nonces of the HELLOs that were said on it."""
        self._answered = False
        """Whether one of them was."""

    @property
    def max_payload(self) -> int:
        """The largest frame that makes sense on it."""
        return self._transport.limits.max_payload

    def told_of_damage(self) -> str:
        """What came that is no good frame, in words that follow others; "" where nothing did."""
        kinds = ", ".join(sorted({damage.kind.name for damage in self.damage}))
        broken = f"; {len(self.damage)} frames that are none ({kinds})" if self.damage else ""
        return f"{broken}; bytes of no frame, the first {self.strange.hex()}" if self.strange else broken

    @property
    def dead_after_s(self) -> float:
        """The silence that ends a link on it (LNK-015)."""
        return self._transport.limits.dead_after_s

    def open(self) -> None:
        """Opens it, and says nothing. Raises `TransportError`."""
        self._transcript.remark(f"pipe {self.number} opens")
        loop_thread().run(self._transport.open(self))
        self._open = True

    def close(self) -> None:
        """Closes it; idempotent."""
        if self._open:
            self._open = False
            self._transcript.remark(f"pipe {self.number} closes")
            loop_thread().run(self._transport.close())

    @property
    def gone(self) -> bool:
        """Whether it went, as far as a test has heard."""
        return self._went is not None

    def say(self, data: bytes, *, noted: bool = True) -> None:
        """Sends bytes as they are. Raises `PipeLost`."""
        if noted:
            self._transcript.raw(HOST, self.number, data)
        if not self._open:
            raise PipeLost(f"the pipe to {self.name} is closed", device=self.name)
        try:
            loop_thread().run(self._write(data), WRITE_S)
        except CallTimeout as error:
            raise PipeLost(f"{self.name} took nothing for {WRITE_S:g} s", device=self.name) from error

    def say_frame(self, frame: Frame) -> None:
        """Sends a frame with good CRCs. Raises `PipeLost`."""
        self._transcript.frame(HOST, self.number, frame)
        if frame.type is FrameType.HELLO and (nonce := _nonce(frame)) is not None:
            self._asked.add(nonce)
        self.say(encode_frame(frame), noted=False)

    def next(self, within_s: float) -> Heard | None:
        """The next frame that came, or None when none does in time. Raises `PipeLost`.

        Answers to an earlier host are passed over: on a UART they may come late, after that host has gone.
        """
        until = time.monotonic() + within_s
        while True:
            heard = self._next(max(0.0, until - time.monotonic()))
            if heard is None or not self._is_for_an_earlier_host(heard.frame):
                return heard

    def _is_for_an_earlier_host(self, frame: Frame) -> bool:
        """Whether it answers a HELLO that was not said here, and comes before an answer to one that was."""
        answers = frame.type is FrameType.HELLO_ACK or (frame.type is FrameType.BYE and not frame.link)
        if self._answered or not answers:
            return False
        self._answered = _nonce(frame) in self._asked
        return not self._answered and bool(self._asked)

    def _next(self, within_s: float) -> Heard | None:
        if self._went is not None:
            raise self._gone(self._went)
        try:
            heard = self._heard.get(block=within_s > 0, timeout=within_s or None)
        except queue.Empty:
            return None
        if isinstance(heard, Exception):
            self._went = heard
            raise self._gone(heard)
        self._transcript.frame(DEVICE, self.number, heard.frame)
        return heard

    def _gone(self, error: Exception) -> PipeLost:
        return PipeLost(f"the pipe to {self.name} went: {error}", device=self.name)

    async def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            while (room := self._transport.room()) <= 0:
                self._room.clear()
                if self._over is not None:
                    raise self._gone(self._over)  # nobody makes room any more
                await self._room.wait()
            self._transport.write([bytes(rest[:room])])
            rest = rest[room:]

    # The transport's receiver, on the loop

    def received(self, data: bytes | memoryview) -> None:
        now = time.monotonic()
        self.bytes_heard += len(data)
        for frame in self._parser.feed(bytes(data), now):
            self._heard.put(Heard(now, frame))
        self.strange = self._parser.strange

    def lost(self, error: Exception) -> None:
        self._over = error
        self._room.set()
        self._heard.put(error)

    def writable(self) -> None:
        self._room.set()


def _nonce(frame: Frame) -> int | None:
    """The host nonce of what opens or refuses a link; None where its payload ends before that."""
    kind = Hello if frame.type is FrameType.HELLO else HelloAck if frame.type is FrameType.HELLO_ACK else Bye
    try:
        return kind.decode(frame.payload).host_nonce
    except MalformedControl:
        return None

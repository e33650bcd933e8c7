"""Somebody beneath the link of a host: hears every byte of its pipe, and changes frames so that no CRC tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from bwc_protocol.frame import MAX_PAYLOAD, Frame, FrameParser, FrameType, encode_frame
from bwc_sdk.transport import PipeLimits, Receiver, Transport

TO_DEVICE: Final = "to the device"
TO_HOST: Final = "to the host"
Change = Callable[[str, Frame], "Frame | None"]
"""What goes on in the place of a frame, by where it goes; None: nothing."""


class Beneath:
    """A transport around another: what passes is kept, and changed while there is a `change`."""

    def __init__(self, pipe: Transport) -> None:
        self.name = pipe.name
        self.change: Change | None = None
        self.raw: dict[str, bytearray] = {TO_DEVICE: bytearray(), TO_HOST: bytearray()}
        """Every byte as it was sent."""
        self._frames: dict[str, list[Frame]] = {TO_DEVICE: [], TO_HOST: []}
        self._pipe = pipe
        self._parsers = {way: FrameParser(MAX_PAYLOAD) for way in (TO_DEVICE, TO_HOST)}
        self._receiver: Receiver | None = None

    @property
    def limits(self) -> PipeLimits:
        """Those of the pipe."""
        return self._pipe.limits

    async def open(self, receiver: Receiver) -> None:
        """Opens the pipe."""
        self._receiver = receiver
        await self._pipe.open(self)

    def room(self) -> int:
        """That of the pipe."""
        return self._pipe.room()

    def write(self, parts: list[bytes]) -> None:
        """What the host says."""
        data = self._passed(TO_DEVICE, b"".join(parts))
        if data:
            self._pipe.write([data])

    async def close(self) -> None:
        """Closes the pipe."""
        await self._pipe.close()

    def pull(self) -> None:
        """The pipe ends for the host without a word, as a cable that is pulled."""
        if self._receiver is not None:
            self._receiver.lost(OSError("pulled"))

    # The pipe's receiver

    def received(self, data: bytes | memoryview) -> None:
        """What the device says."""
        assert self._receiver is not None
        passed = self._passed(TO_HOST, bytes(data))
        if passed:
            self._receiver.received(passed)

    def writable(self) -> None:
        """The pipe has room again."""
        if self._receiver is not None:
            self._receiver.writable()

    def lost(self, error: Exception) -> None:
        """The pipe is gone."""
        if self._receiver is not None:
            self._receiver.lost(error)

    # What was heard

    def frames(self, way: str) -> list[Frame]:
        """All that went there."""
        return self._frames[way]

    def everything(self, way: str) -> bytes:
        """All bytes that went there; behind them what each channel carried, without the headers between."""
        streams: dict[tuple[int, int, int], dict[int, bytes]] = defaultdict(dict)
        for frame in self._frames[way]:
            if frame.type is FrameType.DATA:
                streams[frame.link, frame.channel, frame.epoch][frame.seq] = frame.payload
        joined = (b"".join(by_seq[seq] for seq in sorted(by_seq)) for by_seq in streams.values())
        return bytes(self.raw[way]) + b"\0".join((b"", *joined))

    def _passed(self, way: str, data: bytes) -> bytes:
        self.raw[way] += data
        frames = list(self._parsers[way].feed(data, 0.0))
        self._frames[way] += frames
        if self.change is None:
            return data
        changed = (self.change(way, frame) for frame in frames)
        return b"".join(encode_frame(frame) for frame in changed if frame is not None)


def _carries(frame: Frame, channel: int) -> bool:
    return frame.type is FrameType.DATA and frame.channel == channel and bool(frame.payload)


class OneFrame:
    """Changes the next new DATA frame of a channel that goes one way, and whatever has to fit to it afterwards."""

    def __init__(self, at: Beneath, way: str, channel: int) -> None:
        self._way = way
        self._channel = channel
        heard = (frame.seq for frame in at.frames(way) if _carries(frame, channel))
        self._newest = max(heard, default=-1)
        """What is not above is sent again, and nobody looks into it."""
        self._seq: int | None = None

    def __call__(self, way: str, frame: Frame) -> Frame | None:
        if frame.channel != self._channel:
            return frame
        if (
            self._seq is None
            and way == self._way
            and _carries(frame, self._channel)
            and frame.seq > self._newest
        ):
            self._seq = frame.seq
        if self._seq is None:
            return frame
        return self.behind(frame, self._seq) if way == self._way else self.answered(frame, self._seq)

    def behind(self, frame: Frame, seq: int) -> Frame | None:
        """The frame itself, one that comes behind it, or one from before."""
        return self.changed(frame) if frame.type is FrameType.DATA and frame.seq == seq else frame

    def answered(self, frame: Frame, seq: int) -> Frame | None:
        """What the other end says of it."""
        return frame

    def changed(self, frame: Frame) -> Frame:
        """The frame with something else in it."""
        return frame


class Flipped(OneFrame):
    """One bit of a record is another."""

    def changed(self, frame: Frame) -> Frame:
        payload = bytearray(frame.payload)
        payload[-1] ^= 1
        return frame._replace(payload=bytes(payload))


class Replayed(OneFrame):
    """A record is there twice."""

    def changed(self, frame: Frame) -> Frame:
        return frame._replace(payload=frame.payload * 2)


class Dropped(OneFrame):
    """A record is not there, and the numbers of all frames behind it are such that nobody misses one."""

    def behind(self, frame: Frame, seq: int) -> Frame | None:
        if frame.type is not FrameType.DATA or frame.seq < seq:
            return frame
        return None if frame.seq == seq else frame._replace(seq=frame.seq - 1)

    def answered(self, frame: Frame, seq: int) -> Frame | None:
        return frame._replace(ack=frame.ack + 1) if frame.ack >= seq else frame

"""A parser of frames that is slow and plain, and can be told which rules to break (spec: Frame)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bwc_protocol.crc import crc32c
from bwc_protocol.frame import (
    CONTROL_MAX,
    CRC_SIZE,
    HEADER,
    HEADER_SIZE,
    PARTIAL_S,
    SYNC,
    Frame,
    FrameParser,
    FrameType,
    payload_crc,
)

_TYPES = {type.value: type for type in FrameType}


@dataclass(frozen=True, slots=True)
class Breaks:
    """Which rules a plain parser breaks; none unless it is said."""

    header_crc: bool = False
    """It does not look at the CRC of a header."""
    payload_crc: bool = False
    """It does not look at the CRC of a payload."""
    payload_alone: bool = False
    """It takes a payload's CRC that covers the payload alone, too."""
    jumps_headers: bool = False
    """It goes on behind a bad header, and not within."""
    jumps_payloads: bool = False
    """It goes on behind a bad payload, and not within."""
    waits_for_all: bool = False
    """It waits for the payload before it looks at its length."""
    waits_for_ever: bool = False
    """It has no timer for a frame that was cut off."""
    frame_after_noise: bool = False
    """It loses the first frame behind bytes that are none."""
    looks_into_unknown: bool = False
    """It looks for frames inside one of a type that it does not know."""


class PlainParser(FrameParser):
    """Copies what it gets and looks at one frame after the other; sound, but for what `breaks` says."""

    breaks: ClassVar[Breaks] = Breaks()

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # whatever its base takes
        self._bytes = bytearray()
        self._came_at = 0.0
        self._lost = False  # bytes were skipped that belong to no frame

    @property
    def held_bytes(self) -> int:
        return len(self._bytes)

    @property
    def deadline(self) -> float | None:
        return self._came_at + PARTIAL_S if self._bytes and not self.breaks.waits_for_ever else None

    def reset(self) -> None:
        self._bytes.clear()

    def feed(self, data: bytes | bytearray | memoryview, now: float) -> Iterator[Frame]:
        yield from self.expire(now)
        if len(data):
            self._bytes += data
            self._came_at = now
        yield from self._frames()

    def expire(self, now: float) -> Iterator[Frame]:
        deadline = self.deadline
        if deadline is None or now < deadline:
            return
        while self._bytes:  # the frame that it begins with is bad; what follows may be whole
            self._skip(1)
            yield from self._frames()

    def _frames(self) -> Iterator[Frame]:
        while (took := self._one()) is not None:
            if isinstance(took, Frame):
                self.counters.frames += 1
                if self._lost and self.breaks.frame_after_noise:
                    self._lost = False
                    continue
                self._lost = False
                yield took

    def _one(self) -> Frame | bool | None:
        """A frame; or True when bytes were skipped, and None when more have to come."""
        held, breaks = self._bytes, self.breaks
        at = held.find(SYNC)
        if at:
            noise = at if at > 0 else len(held) - held.endswith(SYNC[:1])
            if noise:
                self._skip(noise)
                return True
        if len(held) < HEADER_SIZE:
            return None
        header = bytes(held[:HEADER_SIZE])
        _, kind, channel, link, epoch, window, seq, ack, length, sack, crc = HEADER.unpack(header)
        if not breaks.header_crc and crc != crc32c(header[:-CRC_SIZE]):
            self._skip(HEADER_SIZE if breaks.jumps_headers else 1)
            return True
        type = _TYPES.get(kind & 15)
        oversize = length > (self.max_payload if type is FrameType.DATA else CONTROL_MAX)
        if oversize and not breaks.waits_for_all:
            self._skip(HEADER_SIZE if breaks.jumps_headers else 1)
            return True
        whole = HEADER_SIZE + (length + CRC_SIZE if length else 0)
        if len(held) < whole:
            return None
        payload = bytes(held[HEADER_SIZE : HEADER_SIZE + length])
        if oversize or (length and not breaks.payload_crc and not self._proves(header, payload, held, whole)):
            self._skip(whole if breaks.jumps_payloads else 1)
            return True
        if type is None:
            if breaks.looks_into_unknown:
                self._skip(HEADER_SIZE)
            else:
                del held[:whole]
            return True
        del held[:whole]
        return Frame(type, channel, link, epoch, window, seq, ack, sack, payload, kind >> 4)

    def _proves(self, header: bytes, payload: bytes, held: bytearray, whole: int) -> bool:
        came = bytes(held[whole - CRC_SIZE : whole])
        alone = crc32c(payload).to_bytes(CRC_SIZE, "little")
        return came == payload_crc(header, payload) or (self.breaks.payload_alone and came == alone)

    def _skip(self, count: int) -> None:
        del self._bytes[:count]
        self._lost = True


def breaking(**breaks: bool) -> type[PlainParser]:
    """The parser that breaks what is said."""
    return type("ItsParser", (PlainParser,), {"breaks": Breaks(**breaks)})


class KeepsWhatWasLeft(PlainParser):
    """What a pipe was left with waits for the bytes of the next one. A type of its own for each camera."""

    left: ClassVar[bytearray]

    def reset(self) -> None:
        self.left[:] = self._bytes or self.left
        super().reset()

    def feed(self, data: bytes | bytearray | memoryview, now: float) -> Iterator[Frame]:
        before = bytes(self.left)
        self.left.clear()
        return super().feed(before + bytes(data), now)

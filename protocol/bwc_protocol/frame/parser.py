"""Finds frames in a stream of bytes that may be damaged anywhere (spec: Frame).

The rules: after a bad header CRC or a bad payload CRC the search for the sync bytes goes on from the next byte,
since a header proves only itself; a length over the bound is refused before anything is kept; and a frame that
stops growing for 200 ms is bad. So whatever is cut out of the stream or put into it, the next good frame is found.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bwc_protocol.crc import RESIDUE, crc32c, extend_crc32c
from bwc_protocol.frame.header import (
    CONTROL_MAX,
    CRC,
    CRC_SIZE,
    HEADER,
    HEADER_SIZE,
    SYNC,
    SYNC_WORD,
    Frame,
    FrameType,
)

PARTIAL_S: Final = 0.2
"""Silence inside a frame that ends it. No transport pauses for so long inside a write, and it is less than the
interval of HELLOs: what a killed host left unfinished must not swallow the next host's."""

_WHOLE_MAX: Final = 4_096
"""Bytes of a read that may be a single frame, as it is of small messages; larger ones bring many, or a part."""

# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_DATA: Final = FrameType.DATA
_TYPES: Final = tuple({t.value: t for t in FrameType}.get(n) for n in range(16))


_STRANGE_MAX: Final = 32
"""Bytes that belong to no frame and are kept, the first ones: enough to tell a banner, or sync bytes the wrong way."""


class DamageKind(enum.Enum):
    """What is wrong with what began like a frame."""

    HEADER_CRC = enum.auto()
    PAYLOAD_CRC = enum.auto()
    CUT_OFF = enum.auto()
    OVERSIZE = enum.auto()
    TYPE = enum.auto()


@dataclass(frozen=True, slots=True)
class Damage:
    """What began like a frame and is none: `came` stands where `wanted` had to.

    These are the CRC, the whole length in bytes of one that was cut off, the length and its bound, or the type.
    `payload` is there only for a payload's CRC.
    """

    kind: DamageKind
    header: bytes
    came: int
    wanted: int
    payload: bytes = b""


@dataclass(slots=True)
class ParserCounters:
    """What a parser met since it was made."""

    frames: int = 0
    bytes: int = 0
    header_crc_errors: int = 0
    payload_crc_errors: int = 0
    oversize: int = 0
    """Headers whose length was over the bound."""
    unknown_type: int = 0
    resyncs: int = 0
    """How often the sync bytes were not where a frame should begin."""
    skipped_bytes: int = 0


class FrameParser:
    """Bytes in, frames out, in place: of a frame that came whole only the payload is copied, once.

    `max_payload` bounds the payload of DATA and may be changed at any time, also between two frames of one
    `feed`; other frames carry at most 64 bytes. At most one incomplete frame is kept.
    """

    def __init__(self, max_payload: int, on_damage: Callable[[Damage], None] = lambda damage: None) -> None:
        self.max_payload = max_payload
        self.strange = b""
        """The first bytes that belonged to no frame."""
        self._on_damage = on_damage
        self.counters = ParserCounters()
        self._held = bytearray(HEADER_SIZE)  # grows to the largest frame that was cut, never past the bound
        self._fill = 0
        self._wanted = HEADER_SIZE  # bytes that `_held` needs before it is worth looking at again
        self._last = 0.0  # when a byte came last
        self._rest = 0  # where `_scan` stopped
        self._hunting = False

    @property
    def held_bytes(self) -> int:
        """Bytes of an incomplete frame that are kept."""
        return self._fill

    @property
    def deadline(self) -> float | None:
        """When `expire` is to be called, unless a byte comes before."""
        return self._last + PARTIAL_S if self._fill else None

    def reset(self) -> None:
        """Forgets partial input: a new connection begins."""
        self._fill = 0
        self._hunting = False

    def feed(self, data: bytes | bytearray | memoryview, now: float) -> Iterable[Frame]:
        """Gives the frames that `data` completes. Exhaust it; `data` must not change until then."""
        if not self._fill and HEADER_SIZE <= len(data) <= _WHOLE_MAX:
            frame = self._whole(data)
            if frame is not None:
                self._last = now
                return (frame,)
        return self._feed(data, now)

    def _whole(self, data: bytes | bytearray | memoryview) -> Frame | None:
        """The good frame that is all of `data`: so come small messages, which wait for no others. Else None."""
        end = len(data)
        header = bytes(data[:HEADER_SIZE])
        sync, kind, channel, link, epoch, window, seq, ack, length, sack, header_crc = HEADER.unpack(header)
        type = _TYPES[kind & 15]
        if sync != SYNC_WORD or type is None or crc32c(header) != RESIDUE:
            return None
        payload = b""
        if length:
            if HEADER_SIZE + length + CRC_SIZE != end:
                return None
            if length > (self.max_payload if type is _DATA else CONTROL_MAX):
                return None
            payload = bytes(data[HEADER_SIZE:-CRC_SIZE])
            if extend_crc32c(header_crc, payload) != CRC.unpack_from(data, end - CRC_SIZE)[0]:
                return None
        elif end != HEADER_SIZE:
            return None
        counters = self.counters
        counters.bytes += end
        counters.frames += 1
        self._hunting = False
        return Frame(type, channel, link, epoch, window, seq, ack, sack, payload, kind >> 4)

    def _feed(self, data: bytes | bytearray | memoryview, now: float) -> Iterator[Frame]:
        if self._fill and now >= self._last + PARTIAL_S:
            yield from self._abandon()
        end = len(data)
        if not end:
            return
        self._last = now
        self.counters.bytes += end
        at = 0
        with memoryview(data) as view:
            while self._fill:
                take = min(self._wanted - self._fill, end - at)
                self._held[self._fill : self._fill + take] = view[at : at + take]
                self._fill += take
                at += take
                if self._fill < self._wanted:
                    return
                yield from self._rescan(0)
            yield from self._scan(data, view, at, end)
            rest = self._rest
            if rest < end:
                self._keep(view[rest:end])

    def expire(self, now: float) -> Iterator[Frame]:
        """Gives up an incomplete frame that has not grown for 200 ms; yields good frames that it hid."""
        if self._fill and now >= self._last + PARTIAL_S:
            yield from self._abandon()

    def _abandon(self) -> Iterator[Frame]:
        while self._fill:
            if self._fill >= HEADER_SIZE:
                self.counters.payload_crc_errors += 1
                header = bytes(self._held[:HEADER_SIZE])
                self._on_damage(Damage(DamageKind.CUT_OFF, header, self._fill, self._wanted))
            yield from self._rescan(self._seek(self._held, 0, self._fill))

    def _rescan(self, start: int) -> Iterator[Frame]:
        """Scans what is held from `start`, and moves what is still incomplete to the front."""
        end = self._fill
        with memoryview(self._held) as view:
            yield from self._scan(self._held, view, start, end)
            left = end - self._rest
            if self._rest and left:
                view[:left] = view[self._rest : end]
        self._fill = left
        self._reserve()

    def _keep(self, tail: memoryview) -> None:
        self._fill = len(tail)
        self._reserve()
        self._held[: self._fill] = tail

    def _reserve(self) -> None:
        if self._wanted > len(self._held):
            self._held.extend(bytes(self._wanted - len(self._held)))

    def _scan(
        self, data: bytes | bytearray | memoryview, view: memoryview, at: int, end: int
    ) -> Iterator[Frame]:
        """Yields the whole frames of `view[at:end]`; leaves in `_rest` where the incomplete remainder begins, and
        in `_wanted` how long it has to grow."""
        counters = self.counters
        unpack = HEADER.unpack
        raw: bytes | bytearray | None = None  # searchable, which a memoryview is not
        self._wanted = HEADER_SIZE
        while end - at >= HEADER_SIZE:
            header = bytes(view[at : at + HEADER_SIZE])
            sync, kind, channel, link, epoch, window, seq, ack, length, sack, header_crc = unpack(header)
            if sync == SYNC_WORD and crc32c(header) == RESIDUE:
                type = _TYPES[kind & 15]
                if not length:
                    at += HEADER_SIZE
                    if type is None:
                        counters.unknown_type += 1
                        self._on_damage(Damage(DamageKind.TYPE, header, kind & 15, 0))
                        continue
                    counters.frames += 1
                    self._hunting = False
                    yield Frame(type, channel, link, epoch, window, seq, ack, sack, b"", kind >> 4)
                    continue
                if length <= (self.max_payload if type is _DATA else CONTROL_MAX):
                    begin = at + HEADER_SIZE
                    stop = begin + length
                    if stop + CRC_SIZE > end:
                        self._wanted = HEADER_SIZE + length + CRC_SIZE
                        break
                    payload = bytes(view[begin:stop])
                    if extend_crc32c(header_crc, payload) == CRC.unpack_from(view, stop)[0]:
                        at = stop + CRC_SIZE
                        if type is None:
                            counters.unknown_type += 1
                            self._on_damage(Damage(DamageKind.TYPE, header, kind & 15, 0))
                            continue
                        counters.frames += 1
                        self._hunting = False
                        yield Frame(type, channel, link, epoch, window, seq, ack, sack, payload, kind >> 4)
                        continue
                    counters.payload_crc_errors += 1
                    came = CRC.unpack_from(view, stop)[0]
                    true = extend_crc32c(header_crc, payload)
                    self._on_damage(Damage(DamageKind.PAYLOAD_CRC, header, came, true, payload))
                else:
                    counters.oversize += 1
                    bound = self.max_payload if type is _DATA else CONTROL_MAX
                    self._on_damage(Damage(DamageKind.OVERSIZE, header, length, bound))
            elif sync == SYNC_WORD:
                counters.header_crc_errors += 1
                true = crc32c(header[:-CRC_SIZE])
                self._on_damage(Damage(DamageKind.HEADER_CRC, header, header_crc, true))
            if raw is None:
                raw = (
                    bytes(data) if isinstance(data, memoryview) else data
                )  # once a call, and only if damaged
            at = self._seek(raw, at, end)
        if 0 < end - at < HEADER_SIZE and not SYNC.startswith(view[at : min(at + len(SYNC), end)].tobytes()):
            at = self._seek(bytes(view[:end]), at, end)
        self._rest = at

    def _seek(self, raw: bytes | bytearray, bad: int, end: int) -> int:
        """Where the next frame may begin, now that none begins at `bad`."""
        if not self._hunting:
            self._hunting = True
            self.counters.resyncs += 1
        found = raw.find(SYNC, bad + 1, end)
        if found < 0:
            found = end - 1 if end - 1 > bad and raw[end - 1] == SYNC[0] else end
        self.counters.skipped_bytes += found - bad
        if len(self.strange) < _STRANGE_MAX:
            self.strange += bytes(raw[bad : min(found, bad + _STRANGE_MAX - len(self.strange))])
        return found

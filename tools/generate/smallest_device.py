"""A device with nothing but what the specification calls smallest (spec: Smallest implementations).

Neither timers nor copies of what it sent, one frame each way, one channel: written beside the text, not on the link
and conversation that are tested by it. Tests derive devices from it that are not finished, or wrong in one thing.
"""

import hashlib
import itertools
import struct

from bwc_protocol.crc import crc32c
from bwc_protocol.messages.identity import DeviceIdentity, Identify
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import samples

HELLO, HELLO_ACK, DATA, ACK, RESET, PING, PONG, BYE = range(1, 9)
ANSWER, NO_DEVICE, CLOSED = 8, 4, -1
FOOTAGE = bytes(i * 7 % 251 for i in range(5_000))
IDENTITY = samples.typical(DeviceIdentity)
NAME = b"TINY-1"


class Smallest:
    """What it says is gathered in `said`, to be taken by the test."""

    def __init__(self) -> None:
        self.said = b""
        self.duplicates = 0
        self._heard = b""
        self._nonces = itertools.count(0x1000)
        self._granted: tuple[int, int] | None = None  # host nonce, link
        self._link = 0
        self._life = 255
        self._open = False

    # Frames

    def receive(self, data: bytes) -> None:
        self._heard += data
        while (at := self._heard.find(b"\xb3\x57")) >= 0 and len(self._heard) >= at + 24:
            header = self._heard[at : at + 20]
            _, kind, channel, link, epoch, _, seq, ack, length, _, crc = struct.unpack(
                "<HBBIBBHHHII", self._heard[at : at + 24]
            )
            end = at + 24 + (length + 4 if length else 0)
            if crc != crc32c(header) or length > 244:
                self._heard = self._heard[at + 1 :]
                continue
            if len(self._heard) < end:
                return
            payload = self._heard[at + 24 : end - 4] if length else b""
            if payload and self._heard[end - 4 : end] != struct.pack("<I", crc32c(header + payload)):
                self._heard = self._heard[at + 1 :]
                continue
            self._heard = self._heard[end:]
            self._frame(kind & 15, channel, link, epoch, seq, ack, payload)

    def _say(self, kind: int, epoch: int, payload: bytes = b"", *, seq: int = 0, channel: int = 0) -> None:
        state = self._open and epoch == self._life and not channel and kind in (DATA, ACK, PONG)
        ack, window = (self._next, 1) if state else (0, 0)
        fields = (0x57B3, 0x10 | kind, channel, self._link, epoch, window, seq, ack, len(payload), 0)
        header = struct.pack("<HBBIBBHHHI", *fields)
        self.said += header + struct.pack("<I", crc32c(header))
        if payload:
            self.said += payload + struct.pack("<I", crc32c(header + payload))

    def _frame(
        self, kind: int, channel: int, link: int, epoch: int, seq: int, ack: int, payload: bytes
    ) -> None:
        if kind == HELLO:
            self._hello(*struct.unpack_from("<IH", payload))
            return
        if self._granted is not None and link == self._granted[1] != self._link:
            self._link, self._life, self._open = link, 255, False
        if not link or link != self._link:
            return
        if kind == PING:
            self._say(PONG, epoch, seq=seq, channel=channel)
        elif kind == RESET:
            self._reset(channel, epoch, payload[0])
        elif kind == DATA and channel:
            self._say(RESET, epoch, bytes((NO_DEVICE, 0, 0, 0)), channel=channel)
        elif kind == BYE:
            self._link, self._open = 0, False
        elif kind in (DATA, ACK, PONG) and not channel:
            if kind == DATA and not self._open and epoch == (self._life + 1) % 256 and seq == 0:
                self._begin(epoch)
            if self._open and epoch == self._life:
                self._channel(kind, seq, ack, payload)

    def _hello(self, host_nonce: int, max_payload: int) -> None:
        if self._granted is None or self._granted[0] != host_nonce:
            self._granted = host_nonce, next(self._nonces)
        link, self._link = self._link, self._granted[1]
        self._say(HELLO_ACK, 0, struct.pack("<IHBB", host_nonce, min(244, max_payload), 1, 1))
        self._link = link

    def _reset(self, channel: int, epoch: int, reason: int) -> None:
        if not channel and (epoch == self._life or (not self._open and epoch == (self._life + 1) % 256)):
            self._open, self._life = False, epoch
        if reason != ANSWER:
            self._say(RESET, epoch, bytes((ANSWER, 0, 0, 0)), channel=channel)

    def _begin(self, epoch: int) -> None:
        self._open, self._life = True, epoch
        self._next = self._seq = 0
        self._flying = False
        self._waiting, self._bytes = b"", b""
        self._preamble: bytes | None = None
        self._plain, self._ready = b"", False
        self._stream, self._sent = 0, 0

    # The channel: one frame each way

    def _channel(self, kind: int, seq: int, ack: int, payload: bytes) -> None:
        if self._flying and ack == (self._seq + 1) & 0xFFFF:
            self._flying, self._seq = False, ack
        if kind == DATA:
            if seq == self._next:
                self._next = (self._next + 1) & 0xFFFF
                self._bytes += payload
                self._say(ACK, self._life)  # before it is worked on
                self._converse()
            else:
                self.duplicates += 1
                self._say(ACK, self._life)
        if self._waiting and not self._flying:
            self._flying = True
            piece, self._waiting = self._waiting[:244], self._waiting[244:]
            self._say(DATA, self._life, piece, seq=self._seq)

    # The conversation

    def _record(self, kind: int, body: bytes) -> None:
        self._waiting += struct.pack("<I", kind | len(body) << 8) + body

    def _message(self, opcode: int, flags: int, request: int, body: bytes = b"") -> None:
        self._record(2, struct.pack("<IHHI", len(body), opcode, flags, request) + body)

    def _converse(self) -> None:
        if self._preamble is None:
            if len(self._bytes) < 32:
                return
            self._theirs, self._bytes = self._bytes[:32], self._bytes[32:]
            self._preamble = b"BWC\x01\x01\x00\x01\x00\x02\0\0\0" + struct.pack("<I", 512) + bytes(16)
            self._waiting += self._preamble
            self._record(1, struct.pack("<H", len(NAME)) + NAME + bytes(4) + bytes(16))
        while len(self._bytes) >= 4 and len(self._bytes) >= 4 + (
            size := int.from_bytes(self._bytes[1:4], "little")
        ):
            kind, body, self._bytes = self._bytes[0], self._bytes[4 : 4 + size], self._bytes[4 + size :]
            if kind == 1:
                self._message(1, 0, 0, self._session_info())
            elif kind == 2:
                self._plain += body
            else:
                self._record(3, b"\0")
        while len(self._plain) >= 12:
            length, opcode, _, request = struct.unpack_from("<IHHI", self._plain)
            if len(self._plain) < 12 + length:
                return
            body, self._plain = self._plain[12 : 12 + length], self._plain[12 + length :]
            self._act(opcode, request, body)

    def _session_info(self) -> bytes:
        assert self._preamble is not None
        binding = hashlib.sha256(self._theirs + self._preamble).digest()
        name = struct.pack("<H", len(NAME)) + NAME
        development = struct.pack(
            "<Q", 1 << 30
        )  # LAB: it is nothing else as long as it has no secure session
        return binding + bytes((1, 0, 2)) + bytes(4) + name + development + bytes(36)

    def _act(self, opcode: int, request: int, body: bytes) -> None:
        if opcode == 2:
            self._ready = True
        elif opcode == 0x10 and request == self._stream:
            limit = min(int.from_bytes(body, "little"), len(FOOTAGE))
            for at in range(self._sent, limit, 400):
                piece = FOOTAGE[at : min(limit, at + 400)]
                self._message(0x11, 0, request, struct.pack("<Q", at) + piece)
            self._sent = limit
            if limit == len(FOOTAGE):
                self._message(0x12, 0, request, struct.pack("<QHH", limit, 0, 0))
        elif opcode >= 0x100:
            self._answer(opcode, request)

    def _answer(self, opcode: int, request: int) -> None:
        if not self._ready:
            self._message(opcode, 2, request, bytes((ErrorCode.NOT_READY,)) + bytes(6))
        elif opcode == Identify.opcode:
            self._message(opcode, 1, request, IDENTITY.codec.encode(IDENTITY))
        elif opcode == OpenSegment.opcode:
            self._stream, self._sent = request, 0
            self._message(opcode, 1, request, struct.pack("<Q", len(FOOTAGE)))
        else:
            self._message(opcode, 2, request, bytes((ErrorCode.UNSUPPORTED,)) + bytes(6))

"""What a test and the device said to each other, line by line, for whoever reads the report. It holds no footage."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

import pytest

from bwc_protocol.conversation.message import STREAM_DATA, Message
from bwc_protocol.frame import Frame, FrameType, encode_header
from bwc_sdk.capture.decoding import Decoded, decode_frame, decode_message

FIRST, LAST = 100, 300
"""Lines that are kept of a long one: how it began, and how it came to its end."""
SHOWN_BYTES: Final = 24
"""Of what is no control frame and no message."""
FIELD_MAX: Final = 80

HOST: Final = "host"
DEVICE: Final = "device"


class Transcript:
    """The lines of one test; times are seconds since it began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST)
        self._dropped = 0

    @property
    def lines(self) -> list[str]:
        """What was said, and how much of the middle is left out."""
        left_out = [f"… {self._dropped} lines left out …"] if self._dropped else []
        return [*self._first, *left_out, *self._last]

    def frame(self, sender: str, pipe: int, frame: Frame) -> str:
        """Notes a frame. Gives its line."""
        told = decode_frame(self._now(), sender, encode_header(frame), frame.payload)
        shown = "" if frame.type is not FrameType.DATA else f" {_hex(frame.payload)}"
        return self._note(f"{_where(told, pipe)} {told.name} {_fields(told)}{shown}")

    def message(self, sender: str, pipe: int, channel: int, said: Message) -> str:
        """Notes a message of a session. Gives its line."""
        told = decode_message(self._now(), sender, channel, said)
        return self._note(f"{_where(told, pipe)}   {told.name} {_fields(told)}")

    def bulk(self, pipe: int, channel: int, stream: int, offset: int, size: int) -> str:
        """Notes bytes of a stream, without them. Gives the line."""
        at = f"stream {stream}: {size} bytes at {offset}"
        return self._note(f"{self._now():8.3f} {DEVICE} pipe {pipe} ch {channel}   {STREAM_DATA:#04x} {at}")

    def raw(self, sender: str, pipe: int, data: bytes) -> str:
        """Notes bytes that are no frame. Gives the line."""
        return self._note(f"{self._now():8.3f} {sender} pipe {pipe} {len(data)} bytes: {_hex(data)}")

    def remark(self, text: str) -> None:
        """Notes what is neither said nor heard: a pipe that opened, or went."""
        self._note(f"{self._now():8.3f} {text}")

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _note(self, line: str) -> str:
        if len(self._first) < FIRST:
            self._first.append(line)
            return line
        self._dropped += len(self._last) == LAST
        self._last.append(line)
        return line


TRANSCRIPT: Final = pytest.StashKey[Transcript]()
"""Where a test's transcript is in its item's stash."""


def _where(told: Decoded, pipe: int) -> str:
    return f"{told.t:8.3f} {told.sender:6} pipe {pipe} ch {told.channel}"


def _fields(told: Decoded) -> str:
    words = [f"{name}={_short(value)}" for name, value in told.fields.items() if value not in ("", None)]
    if told.problem:
        words.append(f"({told.problem})")
    return " ".join(words)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= FIELD_MAX else f"{text[:FIELD_MAX]}… ({len(text)})"


def _hex(data: bytes) -> str:
    shown = data[:SHOWN_BYTES].hex()
    return shown if len(data) <= SHOWN_BYTES else f"{shown}…"

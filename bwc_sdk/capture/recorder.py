"""A capture of one connection, as JSON lines or as pcapng: frame headers and messages, never footage (spec: Captures).

It is pcapng if its name ends so (`pcapng`).

Else the first line has `device` (the name of what is captured), `channel` and `utc_ns`. Each other line has `t`
(seconds since the capture began), `dir` ("host" or "device": who sent it) and one of: `frame` (the header of a frame,
hex, with the payload's length in `bytes`, and the `payload` itself of frames about links and channels); `refused` (a
frame of the device that was thrown away, and why); `bad` (how a read began in which `bytes` belong to no frame);
`message` (opcode, flags, request id and body of a message that is not stream data), with the `channel` that it is of.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, Self

from bwc_protocol.conversation.message import Message
from bwc_protocol.frame import FrameParser, FrameType, encode_header
from bwc_protocol.link import RefusedFrame
from bwc_sdk.capture.file import PCAPNG, CaptureFile, open_capture
from bwc_sdk.capture.pcapng import PcapNg

MAX_PAYLOAD: Final = 61_440
BAD_MAX: Final = 32
"""Bytes that are kept of a read in which some belong to no frame: they may be footage."""


class Capture:
    """Writes what passes on one pipe to a file."""

    def __init__(
        self, file: CaptureFile, device: str, *, channel: int = 0, utc_ns: int, now: Callable[[], float]
    ) -> None:
        self._file = file
        self._now = now
        self._start = now()
        self._channel = channel
        self._parsers = (FrameParser(MAX_PAYLOAD), FrameParser(MAX_PAYLOAD))
        self._skipped = dict.fromkeys(self._parsers, 0)
        self._format: Format = PcapNg() if file.path.suffix == PCAPNG else JsonLines()
        file.head(self._format.head({"t": 0.0, "device": device, "channel": channel, "utc_ns": utc_ns}))

    @classmethod
    def begin(
        cls, path: Path, device: str, *, channel: int = 0, utc_ns: int, now: Callable[[], float]
    ) -> Self | None:
        """A capture of `device`, which is at the end of the pipe or, with a `channel`, in a bay.

        Goes to `path` or a file beside it, as `open_capture` chooses; None when there are too many. `utc_ns` is the
        host's time, `now` gives the seconds of any clock. Raises `CaptureError`.
        """
        file = open_capture(path)
        return cls(file, device, channel=channel, utc_ns=utc_ns, now=now) if file is not None else None

    def on(self, channel: int) -> Self:
        """The same capture for the conversation on another channel: into the same file, closed with it."""
        other = copy.copy(self)
        other._channel = channel
        return other

    def pipe(self, sent: bool, data: bytes | memoryview) -> None:
        """Bytes of the pipe, sent by the host or received from the device."""
        now = self._now()
        parser = self._parsers[0 if sent else 1]
        for frame in parser.feed(data, now):
            what: dict[str, object] = {"frame": encode_header(frame).hex(), "bytes": len(frame.payload)}
            if frame.payload and frame.type is not FrameType.DATA:
                what["payload"] = frame.payload.hex()  # of HELLO, HELLO_ACK, BYE, RESET: at most 64 bytes
            self._line(sent, **what)
        skipped = parser.counters.skipped_bytes
        new = skipped - self._skipped[parser]
        if new:
            self._skipped[parser] = skipped
            self._line(sent, bad=bytes(data[:BAD_MAX]).hex(), bytes=new)

    def refused(self, refused: RefusedFrame) -> None:
        """A frame of the device was thrown away; if it was undamaged, its own line has gone before."""
        told = {"reason": refused.reason.name.lower(), "frame": refused.frame, "rule": refused.rule}
        self._line(False, refused=told)

    def message(self, sent: bool, message: Message) -> None:
        """A message of the conversation."""
        self._line(
            sent,
            channel=self._channel,
            message={
                "opcode": message.opcode,
                "flags": int(message.flags),
                "request": message.request,
                "body": message.body.hex(),
            },
        )

    def close(self) -> None:
        """Closes the file; what still passes is not written."""
        self._file.close()

    def _line(self, sent: bool, **what: object) -> None:
        if self._file.closed:
            return
        head = {"t": round(self._now() - self._start, 6), "dir": "host" if sent else "device"}
        self._file.write(self._format.entry(head | what))


class Format(Protocol):
    """How what passed is written down: an entry has the keys of a line of the specification's captures."""

    def head(self, entry: dict[str, Any]) -> bytes:
        """What begins the file: of what it is, and since when."""

    def entry(self, entry: dict[str, Any]) -> bytes:
        """One thing that passed."""


class JsonLines:
    """A line an entry."""

    def head(self, entry: dict[str, Any]) -> bytes:
        return self.entry(entry)

    def entry(self, entry: dict[str, Any]) -> bytes:
        return json.dumps(entry).encode() + b"\n"

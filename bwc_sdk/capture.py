"""A capture of one connection, as JSON lines: frame headers and messages, never footage (spec: Captures).

Each line has `t` (seconds since the capture began), `dir` ("host" or "device": who sent it) and either `frame`
(the header of a frame, hex, with the payload's length in `bytes`; `bad` for bytes that are no frame) or
`message` (opcode, flags, request id and body of a message that is not stream data) with the `channel` that it is of.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from bwc_protocol.frame import FrameParser, encode_header
from bwc_protocol.message import Message
from bwc_sdk.errors import HostFileError

log = logging.getLogger(__name__)

MAX_PAYLOAD: Final = 61_440


class CaptureError(HostFileError):
    """Raised when a capture file cannot be written or read."""

    layer = "capture"


class Capture:
    """Writes what passes on one pipe to a file. The file is created anew, readable by its owner only."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        try:
            path.touch(mode=0o600)
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise CaptureError(f"{path} cannot be written: {error.strerror}") from error
        self._now = now
        self._start = now()
        self._channel = 0
        self._parsers = (FrameParser(MAX_PAYLOAD), FrameParser(MAX_PAYLOAD))

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
            self._line(sent, frame=encode_header(frame).hex(), bytes=len(frame.payload))

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
        try:
            self._file.close()
        except OSError as error:
            self._give_up(error)

    def _line(self, sent: bool, **what: object) -> None:
        if self._file.closed:
            return
        head = {"t": round(self._now() - self._start, 6), "dir": "host" if sent else "device"}
        try:
            self._file.write(json.dumps(head | what) + "\n")
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A capture that cannot go on must not take the connection with it."""
        log.warning("the capture %s ends here: %s", self._file.name, error.strerror)
        try:
            self._file.close()
        except OSError:
            pass  # what it still held cannot be written either; the file counts as closed now

"""A capture as conversations: what the host said, and what the device said to that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bwc_protocol.conversation.message import BODY_MAX, Flag, Message
from bwc_protocol.declare import COMMANDS, MalformedMessage, Request, Role, StreamDirection
from bwc_protocol.messages.core import SessionInfo, StreamEnd
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.capture.decoding import message_of
from bwc_sdk.capture.entries import entries, no_entry
from bwc_sdk.capture.file import CaptureError

MESSAGES_MAX: Final = 200_000
"""Of a replay: an hour of requests as fast as one cable answers them, and 100 MB of memory."""
BYTES_MAX: Final = 256 << 20
"""Of their bodies."""
_FLAGS: Final = (Flag(0), Flag.REPLY, Flag.ERROR, Flag.EVENT)
_COMMANDS_FROM: Final = 0x0100
HOST: Final = "host"


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation."""

    t: float
    """Seconds since its capture began."""
    by_host: bool
    message: Message
    where: str
    """File and line, or packet."""

    @property
    def request(self) -> type[Request[Any]] | None:
        """The command that this asks for; None if it is no request, or one of another version."""
        return COMMANDS.get(self.message.opcode) if self.is_request else None

    @property
    def is_request(self) -> bool:
        """Whether a host asks for something by it."""
        return self.by_host and not self.message.flags and self.message.opcode >= _COMMANDS_FROM

    @property
    def is_answer(self) -> bool:
        """Whether it is the reply or error to a request."""
        return not self.by_host and self.message.flags in (Flag.REPLY, Flag.ERROR)

    @property
    def is_event(self) -> bool:
        """Whether the device tells it unasked."""
        return not self.by_host and self.message.flags == Flag.EVENT


@dataclass(slots=True)
class Exchange:
    """A request, and what the device said to it."""

    request: Said
    answer: Said | None = None
    end: StreamEnd | None = None
    """How the stream ended that it opened."""
    events: list[Message] = field(default_factory=list)
    """What the device told unasked before the host asked for the next thing."""

    @property
    def stream(self) -> StreamDirection | None:
        """Which way the stream runs that was opened; None without one."""
        declared = self.request.request
        opened = self.answer is not None and self.answer.message.flags == Flag.REPLY
        return declared.stream if declared is not None and opened else None


@dataclass(slots=True)
class RecordedConversation:
    """One session of a capture, from its two session infos to its end."""

    where: str
    host: SessionInfo
    device: SessionInfo | None = None
    said: list[Said] = field(default_factory=list)
    """All that came behind the host's session info."""

    @property
    def role(self) -> Role:
        """Under which the host spoke."""
        return self.host.roles

    def exchanges(self) -> tuple[list[Message], list[Exchange]]:
        """The events before the first request, and each request with what was said to it, in the host's order."""
        early: list[Message] = []
        found: list[Exchange] = []
        by_id: dict[int, Exchange] = {}
        for one in self.said:
            if one.is_request:
                exchange = by_id[one.message.request] = Exchange(one)
                found.append(exchange)
            elif one.is_event:
                (found[-1].events if found else early).append(one.message)
            elif not one.by_host:
                asked = by_id.get(one.message.request)
                if asked is not None and one.is_answer:
                    asked.answer = one
                elif asked is not None and one.message.opcode == StreamEnd.opcode:
                    asked.end = _decoded(StreamEnd, one)
        return early, found


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is replayed: the conversations of one channel, in their order."""

    files: tuple[Path, ...]
    device: str
    """The URI by which the device was reached, as far as the files say."""
    channel: int
    """0 for the device at the end of the line, else the bay of a docking station."""
    conversations: tuple[RecordedConversation, ...]
    left_out: tuple[int, ...] = ()
    """Other channels that have conversations, too."""
    torn: tuple[str, ...] = ()
    """Files that end inside a line, as when their writer was killed."""

    @property
    def role(self) -> Role:
        """Under which the host spoke first."""
        return self.conversations[0].role

    @property
    def kind(self) -> PeerKind:
        """What the device is. Raises `CaptureError` if it never said so."""
        return device_info(self.conversations[0])[1]

    @property
    def footage_bytes(self) -> int:
        """Bytes of streams from the device that the captures tell of, and do not have."""
        return sum(
            exchange.end.offset
            for one in self.conversations
            for exchange in one.exchanges()[1]
            if exchange.stream is StreamDirection.FROM_DEVICE and exchange.end is not None
        )


def device_info(one: RecordedConversation) -> tuple[SessionInfo, PeerKind]:
    """What the device said of itself. Raises `CaptureError` for a capture that ends before."""
    if one.device is None or not isinstance(one.device.kind, PeerKind) or one.device.kind is PeerKind.HOST:
        raise CaptureError(
            f"{one.where}: the device never said who it is",
            advice="name a capture of a connection that came about",
        )
    return one.device, one.device.kind


def read(files: Sequence[Path], channel: int | None = None) -> Recorded:
    """The conversations of captures that belong together, such as `wire.jsonl` and `wire-2.jsonl`: those of `channel`,
    else of the first that has any. Raises `CaptureError`."""
    reading = _Reading()
    for path in files:
        reading.file(path)
    if not reading.by_channel:
        raise CaptureError(
            f"{', '.join(map(str, files))}: no session was opened in it, so there is nothing to replay",
            advice="'bwc decode' shows what it holds; a replay is of messages, not of frames",
        )
    chosen = next(iter(reading.by_channel)) if channel is None else channel
    if chosen not in reading.by_channel:
        there = ", ".join(map(str, reading.by_channel))
        raise CaptureError(
            f"no conversation on channel {chosen} in {', '.join(map(str, files))}",
            advice=f"--channel takes one of those that are there: {there}",
        )
    return Recorded(
        tuple(files),
        reading.device,
        chosen,
        tuple(reading.by_channel[chosen]),
        tuple(number for number in reading.by_channel if number != chosen),
        tuple(reading.torn),
    )


class _Reading:
    """Gathers conversations by channel."""

    def __init__(self) -> None:
        self.by_channel: dict[int, list[RecordedConversation]] = {}
        self.device = ""
        self.torn: list[str] = []
        self._count: Counter[str] = Counter()

    def file(self, path: Path) -> None:
        """Takes a file. What it says before a session's info, as a capture that began late does, is passed over."""
        present: dict[int, RecordedConversation] = {}
        for where, raw in entries(path, lambda number: self.torn.append(f"{path}, line {number}")):
            if not isinstance(raw, dict):
                raise no_entry(where, "not an object of JSON")
            if "device" in raw and "dir" not in raw:
                self.device = self.device or str(raw["device"])
            elif "message" in raw:
                self._message(present, *_said(raw, where))
            elif not {"frame", "refused", "bad"} & raw.keys():
                raise no_entry(where, "neither frame nor message")

    def _message(self, present: dict[int, RecordedConversation], channel: int, said: Said) -> None:
        self._count["messages"] += 1
        self._count["bytes"] += len(said.message.body)
        if self._count["messages"] > MESSAGES_MAX or self._count["bytes"] > BYTES_MAX:
            raise CaptureError(
                f"{said.where}: more than {MESSAGES_MAX} messages, or {BYTES_MAX >> 20} MiB of them",
                advice="replay a part: the first lines of a file, up to any, are a capture, too",
            )
        if said.message.opcode == SessionInfo.opcode and not said.message.flags:
            info = _decoded(SessionInfo, said)
            if said.by_host:
                present[channel] = RecordedConversation(said.where, info)
                self.by_channel.setdefault(channel, []).append(present[channel])
            elif channel in present:
                present[channel].device = info
        elif channel in present:
            present[channel].said.append(said)


def _said(raw: dict[str, Any], where: str) -> tuple[int, Said]:
    try:
        if raw["dir"] not in (HOST, "device"):
            raise ValueError("dir is neither host nor device")
        message = message_of(raw["message"])
        if not 0 <= message.opcode <= 0xFFFF or not 0 <= message.request <= 0xFFFF_FFFF:
            raise ValueError("an opcode or request that fits no message")
        if message.flags not in _FLAGS or len(message.body) > BODY_MAX:
            raise ValueError("flags or a body that fit no message")
        return int(raw.get("channel", 0)), Said(float(raw["t"]), raw["dir"] == HOST, message, where)
    except KeyError as error:
        raise no_entry(where, f"it has no {error}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise no_entry(where, str(error)) from error


def _decoded(kind: Any, said: Said) -> Any:
    try:
        return kind.codec.decode(said.message.body)
    except MalformedMessage as error:
        raise no_entry(said.where, str(error)) from error

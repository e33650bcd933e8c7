"""What a host's messages tell, behind the protection of the session (spec: Session, Messages, Streams)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.declare import COMMANDS, CONTROLS, MalformedMessage, Request
from bwc_protocol.messages.core import Ready, SessionInfo, StreamCancel, StreamCredit
from bwc_protocol.messages.recordings import DeliverReceipt, EraseRecording, OpenSegment
from hil_tests.hosts.judge import REQUESTS_MAX, Judge

REPEATED_S: Final = 0.2
"""A request that comes once more after it has waited for so long was not meant twice: it was sent again."""
CLAIMS: Final = (DeliverReceipt.opcode, EraseRecording.opcode)
"""By these a host says that it has a recording."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    at: float
    id: int
    opcode: int
    body: bytes

    @property
    def request(self) -> Request[Any] | None:
        """The request; None for one that cannot be read."""
        try:
            read: Request[Any] = COMMANDS[self.opcode].codec.decode(self.body)
            return read
        except (KeyError, MalformedMessage):
            return None


class MessageWatch:
    """Shown each message of all connections of a case."""

    def __init__(self, judge: Judge) -> None:
        self.asked: list[Asked] = []
        self.credits: dict[int, int] = {}
        """Of each stream of the present conversation, the largest that the host granted."""
        self.cancelled: set[int] = set()
        self.infos = 0
        self.readies = 0
        self._info_said = False
        self._waiting: dict[int, Asked] = {}
        self._judge = judge

    def begin(self) -> None:
        """Another conversation begins."""
        self._info_said = False
        self._waiting.clear()
        self.credits.clear()

    def said(self, message: Message) -> None:
        """The device says it."""
        if message.opcode == SessionInfo.opcode and not message.flags:
            self._info_said = True
        if message.flags in (Flag.REPLY, Flag.ERROR):
            self._waiting.pop(message.request, None)

    def heard(self, message: Message, now: float) -> None:
        """The host said it."""
        if message.flags:
            return
        match message.opcode:
            case SessionInfo.opcode:
                self.infos += 1
            case Ready.opcode:
                self._ready()
            case StreamCredit.opcode:
                limit = StreamCredit.codec.decode(message.body).limit
                self.credits[message.request] = max(limit, self.credits.get(message.request, 0))
            case StreamCancel.opcode:
                self.cancelled.add(message.request)
            case _ if message.opcode not in CONTROLS:
                self._request(Asked(now, message.request, message.opcode, message.body))

    @property
    def fetched(self) -> list[tuple[float, OpenSegment]]:
        """The stretches of footage that were asked for."""
        found = ((one.at, one.request) for one in self.asked if one.opcode == OpenSegment.opcode)
        return [(at, request) for at, request in found if isinstance(request, OpenSegment)]

    @property
    def claims(self) -> list[Asked]:
        """The requests by which the host said that it has a recording."""
        return [one for one in self.asked if one.opcode in CLAIMS]

    def _ready(self) -> None:
        self.readies += 1
        if self._info_said:
            self._judge.kept("SES-008")
        else:
            expected = "no READY before the device's SESSION_INFO was there to be checked"
            self._judge.broken("SES-008", expected, "READY, and the device had not said who it is")

    def _request(self, asked: Asked) -> None:
        for one in self._waiting.values():
            if (one.opcode, one.body) == (asked.opcode, asked.body) and asked.at - one.at >= REPEATED_S:
                expected = "no request a second time on one link"
                seen = f"{_name(asked)} again, {asked.at - one.at:.1f} s after the one that still waits"
                self._judge.broken("MSG-006", expected, seen)
        self.asked.append(asked)
        self._waiting[asked.id] = asked
        if len(self._waiting) > REQUESTS_MAX:
            expected = f"at most {REQUESTS_MAX} requests that wait for their answers"
            self._judge.broken(
                "MSG-022", expected, f"{len(self._waiting)} of them, the last one {_name(asked)}"
            )
        else:
            self._judge.kept("MSG-022")


def _name(asked: Asked) -> str:
    known = COMMANDS.get(asked.opcode)
    return f"{asked.opcode:#06x}" if known is None else known.name

"""The host's side of requests: what becomes of the answers that come, and of events (spec: Messages)."""

from collections.abc import Callable
from typing import Any, Final

from bwc_protocol.conversation.counters import MessageTally
from bwc_protocol.conversation.dialect import Dialect
from bwc_protocol.conversation.events import (
    ConversationEvent,
    ErrorReceived,
    EventReceived,
    ReplyMalformed,
    ReplyReceived,
)
from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.conversation.streams import Streams
from bwc_protocol.declare import COMMANDS, Control, MalformedMessage, Request, StreamDirection
from bwc_protocol.messages.core import ErrorReply, StreamCancel, StreamOpened

# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_REPLY: Final = Flag.REPLY
_ERROR: Final = Flag.ERROR


class Asking:
    """The requests of this host that are yet to be answered, by id; a device has none.

    `send_control` queues a control message; `emit` gives the owner an event.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        host: bool,
        streams: Streams,
        send_control: Callable[[int, Control], None],
        emit: Callable[[ConversationEvent], None],
    ) -> None:
        self.tally = MessageTally()
        self._known_events, self._codec = dialect.events, dialect.codec
        self.outstanding: dict[int, type[Request[Any]]] = {}
        self._host = host
        self._streams = streams
        self._send_control = send_control
        self._emit = emit

    def take(self, message: Message) -> None:
        """Takes a reply or an error. Raises `MalformedMessage` for one that answers something else."""
        if not self._host:
            raise MalformedMessage("message", "a host sends no answers")
        request = self.outstanding.pop(message.request, None)
        if request is None:
            self.tally.late_replies += 1
            self._drop_late(message)
            return
        if message.opcode != request.opcode:
            raise MalformedMessage(request.name, f"answered with opcode {message.opcode:#06x}")
        try:
            if message.flags == _ERROR:
                error = self._codec(ErrorReply).decode(message.body)
                self.tally.refusals += 1
                self._emit(ErrorReceived(message.request, error))
                return
            reply = self._codec(request.reply).decode(message.body)
        except MalformedMessage as error:
            self._drop_late(message)
            self._emit(ReplyMalformed(message.request, str(error)))
            return
        if request.stream is not None and isinstance(reply, StreamOpened):
            from_device = request.stream is StreamDirection.FROM_DEVICE
            (self._streams.receive if from_device else self._streams.announce)(message.request, reply.length)
        self.tally.replies += 1
        self._emit(ReplyReceived(message.request, reply))

    def _drop_late(self, message: Message) -> None:
        """Nobody waits for this answer; a stream that it opened would hold a place on the device for ever."""
        declared = COMMANDS.get(message.opcode)
        opened = declared is not None and declared.stream is not None and message.flags == _REPLY
        if self._host and opened and message.request not in self._streams:
            self._send_control(message.request, StreamCancel(code=0))

    def take_event(self, message: Message) -> None:
        """Takes an event; one of a newer minor version is skipped."""
        declared = self._known_events.get(message.opcode)
        if declared is None:
            self.tally.unknown_events += 1
            return
        self.tally.events += 1
        self._emit(EventReceived(self._codec(declared).decode(message.body)))

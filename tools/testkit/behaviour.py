"""One end of a pipe that a script plays the peer of, in virtual time: for vectors of behaviour, and for their replay.

A step is what the peer sends (`in`), what the end is asked to do (`do`), or what the end sends (`out`), each with its
time. The end is a whole endpoint with fixed random numbers, so that the same script has the same outcome in every run.
"""

from typing import Any, Final

from bwc_protocol.conversation import Closed, Failed, RequestReceived
from bwc_protocol.conversation.message import build
from bwc_protocol.endpoint import Endpoint, OnChannel
from bwc_protocol.frame import (
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    Reset,
    ResetReason,
    encode_frame,
)
from bwc_protocol.link import Link, LinkParams, LinkRole
from bwc_protocol.link.channel import FIRST_EPOCH
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.session.preamble import NEWEST, OLDEST
from tools.generate.trace import HOST_NONCE, LINK_NONCE, STATUS
from tools.testkit.pair import Versions, device_end, host_end

Step = dict[str, Any]
MAX_PAYLOAD: Final = 244
WINDOW: Final = 4
NONCE_STEP: Final = 0x0101_0101
"""Each further nonce of an end is the one before plus this."""
_ANSWER: Final = Reset(reason=ResetReason.ANSWER).encode()
_END: Final = 0xFFFF_FFFF


class Player:
    """The end under test, and what the script has it do. `steps` is what happened; `versions` is what it speaks."""

    def __init__(self, role: LinkRole, versions: Versions = (OLDEST, NEWEST)) -> None:
        self.role = role
        self.now = 0.0
        self.steps: list[Step] = []
        self.ended: list[str] = []
        self.link = 0 if role is LinkRole.DEVICE else LINK_NONCE
        self.epoch = 0
        self.heard: list[Frame] = []
        self._seq = 0
        self._sent: set[tuple[FrameType, int, int, int]] = set()
        self._taken = 0  # DATA frames of the end on channel 0, in order
        self._nonce = (HOST_NONCE if role is LinkRole.HOST else LINK_NONCE) - NONCE_STEP
        params = LinkParams(max_payload=MAX_PAYLOAD, max_window=WINDOW)
        converse = host_end if role is LinkRole.HOST else device_end
        self.end = Endpoint(Link(role, params, nonce=self._next_nonce), lambda _: converse(versions=versions))
        self._parser = FrameParser(MAX_PAYLOAD)

    def _next_nonce(self) -> int:
        self._nonce = (self._nonce + NONCE_STEP) & _END
        return self._nonce

    # What the script says

    def feed(self, data: bytes) -> None:
        """Any bytes of the peer."""
        self._note("in", data)
        self.end.receive(data, self.now)
        self._drain()

    def hear(self, kind: FrameType, *, link: int | None = None, **fields: Any) -> None:
        """A frame of the peer, by default on the present link."""
        self.feed(encode_frame(Frame(kind, link=self.link if link is None else link, **fields)))

    def hello(self, nonce: int = HOST_NONCE, **fields: Any) -> None:
        """The peer is a host that asks for a link."""
        offer = {"max_payload": MAX_PAYLOAD, "lowest": 1, "highest": 1, "max_window": WINDOW} | fields
        self.hear(FrameType.HELLO, link=0, payload=Hello(host_nonce=nonce, **offer).encode())

    def grant(self, nonce: int = HOST_NONCE, **fields: Any) -> None:
        """The peer is a device that grants one."""
        offer = {"max_payload": MAX_PAYLOAD, "version": 1, "window": WINDOW} | fields
        self.hear(FrameType.HELLO_ACK, payload=HelloAck(host_nonce=nonce, **offer).encode())

    def reset(self, reason: ResetReason = ResetReason.ANSWER, **fields: Any) -> None:
        self.hear(FrameType.RESET, payload=Reset(reason=reason).encode(), **({"epoch": self.epoch} | fields))

    def data(self, payload: bytes, **fields: Any) -> None:
        """The next DATA frame of the peer on channel 0, acknowledging all that it heard."""
        known = {"epoch": self.epoch, "seq": self._seq, "ack": self._taken & 0xFFFF, "window": WINDOW}
        self._seq = (self._seq + 1) & 0xFFFF
        self.hear(FrameType.DATA, payload=payload, **(known | fields))

    def ack(self, **fields: Any) -> None:
        known = {"epoch": self.epoch, "ack": self._taken & 0xFFFF, "window": WINDOW}
        self.hear(FrameType.ACK, **(known | fields))

    def say(self, opcode: int, body: bytes = b"", *, flags: int = 0, request: int = 0, **fields: Any) -> None:
        """A message of the peer, in a record and a frame of its own."""
        self.data(record(RecordType.DATA, build(opcode, flags, request, body)), **fields)

    def wait(self, seconds: float) -> None:
        """Lets time pass, with every deadline in it."""
        until = round(self.now + seconds, 6)
        while (due := self.end.deadline()) is not None and due <= until + 1e-9:
            self.now = max(self.now, due)
            self.end.tick(self.now)
            self._drain()
        self.now = until

    def do(self, what: str) -> None:
        """What the end's own application asks for."""
        self.steps.append({"at_ms": self._at_ms(), "do": what})
        match what:
            case "open the link":
                self.end.open(self.now)
            case "open channel 0":
                self.end.open_channel(0, self.now)
            case "close the session":
                self.end.conversations[0].close()
            case "close the link":
                self.end.close(self.now)
            case "ask battery.status":
                self.end.conversations[0].request(ReadBattery(cell=0))
            case _:
                raise ValueError(what)
        self._drain()

    # What the end says

    def _drain(self) -> None:
        while True:
            for event in self.end.events():
                match event:
                    case OnChannel(event=RequestReceived(request_id=number, request=ReadBattery())):
                        self.end.conversations[0].reply(number, STATUS)
                    case OnChannel(event=Failed(reason=reason)):
                        self.ended.append(reason.name)
                    case OnChannel(event=Closed()):
                        self.ended.append("CLOSED")
                    case _:
                        pass
            data = b"".join(self.end.outgoing(self.now, 1 << 20))
            if not data:
                return
            for frame in self._parser.feed(data, self.now):
                self._took(frame)

    def _took(self, frame: Frame) -> None:
        self.heard.append(frame)
        if frame.type is FrameType.DATA and not frame.channel and frame.seq == self._taken & 0xFFFF:
            self._taken += 1
        self._note("out", encode_frame(frame))
        kept = (frame.type, frame.channel, frame.epoch, frame.seq)
        timed = frame.type in (FrameType.DATA, FrameType.RESET) and frame.payload != _ANSWER
        if (timed and kept in self._sent) or (frame.type is FrameType.PING and frame.epoch != FIRST_EPOCH):
            self.steps[-1]["again"] = True  # when is a matter of the end's own timer
        self._sent.add(kept)

    def _note(self, way: str, data: bytes) -> None:
        self.steps.append({"at_ms": self._at_ms(), way: data.hex(), "is": _named(data)})

    def _at_ms(self) -> float | int:
        at = round(self.now * 1000, 3)
        return int(at) if at == int(at) else at


def record(kind: RecordType, body: bytes) -> bytes:
    """A record of the insecure session."""
    return (int(kind) | len(body) << 8).to_bytes(4, "little") + body


def _named(data: bytes) -> str:
    """What the bytes are, for people who read the file."""
    frames = list(FrameParser(65_535).feed(data, 0.0))
    if len(frames) != 1 or encode_frame(frames[0]) != data:
        return f"{len(data)} bytes"
    frame = frames[0]
    where = "" if not frame.channel else f" channel {frame.channel}"
    if frame.type is FrameType.RESET and frame.payload:
        return f"RESET({Reset.decode(frame.payload).reason.name}){where} epoch {frame.epoch}"
    if frame.type is FrameType.BYE and len(frame.payload) > 8:
        from bwc_protocol.frame import Bye

        reason = Bye.decode(frame.payload).reason
        return f"BYE({getattr(reason, 'name', reason)})"
    if frame.type is FrameType.DATA:
        return f"DATA{where} epoch {frame.epoch} seq {frame.seq} ack {frame.ack}, {len(frame.payload)} bytes"
    return f"{frame.type.name}{where}"

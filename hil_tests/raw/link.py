"""A link by hand: HELLO, PING and frames as the test has them; answers only where it is said (spec: Link, Channel)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.frame import (
    LINK_VERSION,
    MAX_WINDOW,
    Bye,
    ByeReason,
    Frame,
    FrameType,
    Hello,
    HelloAck,
    Reset,
    ResetReason,
)
from hil_tests.raw.pipe import Heard, RawPipe
from hil_tests.verdicts import RuleBroken

ANSWER_S: Final = 10.0
"""How long is waited for what must come: a slow device on a slow line is no broken one."""
A_WHILE_S: Final = 0.3
"""How long a device is listened to that should say nothing: what it does say, it says at once."""
BUSY_S: Final = 15.0
"""How long an earlier link of the bench may linger on the device."""
HELLO_EVERY_S: Final = 0.25
BEHIND_S: Final = 0.15
"""How long a camera behind a station may take to refuse an opening."""
PATIENCE_S: Final = 60.0
"""How long a device is asked for that takes no handshakes just now: it takes one more every 10 s (TRU-009)."""

Wanted = Callable[[Frame], bool]


class RawLink:
    """One end of a link on a pipe, the host's.

    What came and was not asked for yet is kept: `expect` and `silent` look at that first, and `forget` lets go of it.
    """

    def __init__(self, pipe: RawPipe) -> None:
        self.pipe = pipe
        self.nonce = 0
        """The device's name of the link; 0 before it gave one."""
        self.host_nonce = secrets.randbelow(2**32)
        self.granted: HelloAck | None = None
        self.answers_pings = True
        """Whether a PING of the device is answered, so that it does not end the link; as long as somebody listens."""
        self.channels: dict[int, RawChannel] = {}
        self.waiting: list[Heard] = []

    # Opening

    def hello(self, **changes: Any) -> Hello:
        """An offer of everything, with the fields that the test changes."""
        offer = Hello(
            host_nonce=self.host_nonce,
            max_payload=self.pipe.max_payload,
            lowest=LINK_VERSION,
            highest=LINK_VERSION,
            max_window=MAX_WINDOW,
        )
        return replace(offer, **changes)

    def say_hello(self, **changes: Any) -> None:
        """Sends one HELLO."""
        self.say(FrameType.HELLO, link=0, payload=self.hello(**changes).encode())

    def call(self, **changes: Any) -> HelloAck:
        """Says HELLO until the device grants a link, which stays a candidate; waits while it is busy."""
        until, busy_until = time.monotonic() + ANSWER_S, time.monotonic() + BUSY_S
        offer = self.hello(**changes)
        while time.monotonic() < until:
            self.say_hello(**changes)
            heard = self.heard(lambda frame: _answers(frame, offer.host_nonce), HELLO_EVERY_S)
            if heard is None:
                continue
            if heard.type is FrameType.HELLO_ACK:
                self.granted = HelloAck.decode(heard.payload)
                self.nonce = heard.link
                return self.granted
            bye = Bye.decode(heard.payload)
            if bye.reason != ByeReason.BUSY or time.monotonic() > busy_until:
                raise RuleBroken("HELLO_ACK to a sound HELLO", f"BYE with reason {bye.reason!r}")
            self.listen(max(0.05, min(1.0, bye.retry_after_ms / 1000)))
            until = time.monotonic() + ANSWER_S
        raise RuleBroken(f"HELLO_ACK to a sound HELLO within {ANSWER_S:g} s", "nothing that answers it")

    def open(self, **changes: Any) -> RawLink:
        """Calls, and makes the candidate the live link by a PING."""
        self.call(**changes)
        self.settle("PONG to the PING that makes the link live (LNK-003, LNK-014)")
        return self

    def close(self) -> None:
        """Says goodbye, if there is anybody to hear it; idempotent."""
        if self.nonce and not self.pipe.gone:
            self.say_bye(ByeReason.NORMAL)
        self.nonce = 0

    # Saying

    def frame(self, type: FrameType, **fields: Any) -> Frame:
        """A frame of this link, with the fields that the test names."""
        return Frame(type, **({"link": self.nonce} | fields))

    def say(self, type: FrameType, **fields: Any) -> None:
        """Sends a frame of this link."""
        self.pipe.say_frame(self.frame(type, **fields))

    def say_bye(self, reason: ByeReason, **fields: Any) -> None:
        """Sends BYE."""
        self.say(FrameType.BYE, payload=Bye(reason=reason).encode(), **fields)

    def say_reset(self, channel: int, epoch: int, reason: ResetReason = ResetReason.NORMAL) -> None:
        """Sends RESET of a channel's epoch."""
        self.say(FrameType.RESET, channel=channel, epoch=epoch, payload=Reset(reason=reason).encode())

    # Hearing

    def heard(self, wanted: Wanted, within_s: float) -> Frame | None:
        """The first frame that is wanted, of those that wait and those that come in time; it waits no more."""
        for at, heard in enumerate(self.waiting):
            if wanted(heard.frame):
                return self.waiting.pop(at).frame
        until = time.monotonic() + within_s
        while True:
            came = self._next(max(0.0, until - time.monotonic()))
            if came is None:
                return None
            if wanted(came.frame):
                return came.frame
            self.waiting.append(came)

    def expect(self, what: str, wanted: Wanted, within_s: float | None = None) -> Frame:
        """The same, which must come, within `ANSWER_S` unless it is said. Raises `RuleBroken`."""
        wait_s = ANSWER_S if within_s is None else within_s
        found = self.heard(wanted, wait_s)
        if found is None:
            raise RuleBroken(f"{what}, within {wait_s:g} s", self.told())
        return found

    def silent(self, what: str, unwanted: Wanted, for_s: float = A_WHILE_S) -> None:
        """Nothing that is unwanted waits, or comes for a while. Raises `RuleBroken`."""
        found = self.heard(unwanted, for_s)
        if found is not None:
            raise RuleBroken(what, f"it said {found!r}")

    def count(self, wanted: Wanted) -> int:
        """How many of the frames that wait are wanted; they stay."""
        return sum(wanted(heard.frame) for heard in self.waiting)

    def listen(self, for_s: float) -> None:
        """Keeps whatever comes for a while."""
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            came = self._next(left)
            if came is not None:
                self.waiting.append(came)

    def stay(self, for_s: float) -> None:
        """Keeps whatever comes, and the link alive, whatever the test wants unanswered afterwards: a device lets go of
        a link of which it hears nothing for 5 s (LNK-015)."""
        answers, self.answers_pings = self.answers_pings, True
        try:
            self.listen(for_s)
        finally:
            self.answers_pings = answers

    def settle(self, what: str = "PONG to a PING (LNK-014)", channel: int = 0) -> Frame:
        """By a PING and its PONG: all that the device said at once to what was said before has come. Gives the PONG."""
        number = secrets.randbelow(2**16)
        self.say(FrameType.PING, channel=channel, seq=number)
        return self.expect(
            what, lambda f: f.type is FrameType.PONG and f.seq == number and f.channel == channel
        )

    def forget(self) -> None:
        """Lets go of what waits."""
        self.waiting.clear()

    def told(self) -> str:
        """What waits, in words, the last ones; and what was no good frame, of which else nothing is seen."""
        shown = [repr(heard.frame) for heard in self.waiting[-5:]]
        return f"{', '.join(shown) or 'silence'}{self.pipe.told_of_damage()}"

    def channel(self, number: int = 0) -> RawChannel:
        """The host's end of a channel; nothing is said for it."""
        return self.channels.setdefault(number, RawChannel(self, number))

    def _next(self, within_s: float) -> Heard | None:
        came = self.pipe.next(within_s)
        if came is None:
            return None
        frame = came.frame
        if frame.link == self.nonce and self.nonce:
            if frame.type is FrameType.PING and self.answers_pings:
                self._pong(frame)
            channel = self.channels.get(frame.channel)
            if channel is not None:
                channel.took(frame)
        return came

    def _pong(self, ping: Frame) -> None:
        """With what its channel received, where the test has one; else with what every closed channel says."""
        channel = self.channels.get(ping.channel)
        report = channel.report() if channel is not None else {}
        self.say(FrameType.PONG, channel=ping.channel, epoch=ping.epoch, seq=ping.seq, **report)


class RawChannel:
    """The host's end of one channel: numbers as they should be, unless the test names others.

    A simple receiver: it takes DATA in order and acknowledges each at once, and what is out of order not at all.
    """

    def __init__(self, link: RawLink, number: int) -> None:
        self.link = link
        self.number = number
        self.epoch = 255
        self.seq = 0
        """Number of the next DATA frame."""
        self.ack = 0
        """Number of the next DATA frame that is expected."""
        self.window = MAX_WINDOW
        """What is said to be free."""
        self.acknowledges = True
        self.bytes_per_s: float | None = None
        """How fast a slow host takes DATA: each frame is acknowledged after the time of its bytes. None: at once."""
        self.inbox = bytearray()
        """What the device said on it in this epoch, each byte once and in order."""
        self.acknowledged = 0
        """The `ack` of the device's last frame in this epoch."""
        self.edge = 1
        """The largest `ack + window` that the device said in this epoch; frame 0 alone before it said any (CHN-015)."""
        self.resets: list[Reset] = []
        """The RESETs that the device said since it was opened last."""

    @property
    def max_payload(self) -> int:
        """The largest payload that was agreed."""
        granted = self.link.granted
        assert granted is not None
        return granted.max_payload

    def report(self) -> dict[str, Any]:
        """What an ACK, PING or PONG of the host says of it."""
        return {"ack": self.ack, "window": self.window}

    def open(self, first: bytes) -> RawChannel:
        """Begins the next epoch with its first payload, in frames of what was agreed."""
        self.epoch = (self.epoch + 1) % 256
        self.seq = self.ack = self.acknowledged = 0
        self.edge = 1
        self.inbox.clear()
        self.resets.clear()
        self.send(first)
        return self

    def open_when_taken(self, first: bytes) -> RawChannel:
        """The same, again and again while the device takes no handshakes, since too many failed before (TRU-009).

        Raises `RuleBroken` when that goes on for longer than a device may say.
        """
        until = time.monotonic() + PATIENCE_S
        while True:
            self.open(first)
            self.link.settle(channel=self.number)
            if self.number:  # its station has taken it; what the camera says comes later
                self.link.listen(BEHIND_S)
            busy = [reset for reset in self.resets if reset.reason is ResetReason.BUSY]
            if not busy:
                return self
            if time.monotonic() > until:
                raise RuleBroken(
                    f"one more handshake at least every 10 s (TRU-009), in {PATIENCE_S:g} s", "BUSY"
                )
            self.say_reset(ResetReason.ANSWER)
            self.link.stay(max(0.05, busy[-1].retry_after_ms / 1000))
            self.link.forget()

    def say(self, payload: bytes, **fields: Any) -> None:
        """Sends one DATA frame, the next one unless the test names another, whatever the window says."""
        number = fields.setdefault("seq", self.seq)
        usual = {"channel": self.number, "epoch": self.epoch, **self.report()}
        self.link.say(FrameType.DATA, payload=payload, **(usual | fields))
        if number == self.seq:
            self.seq = (self.seq + 1) % 65_536

    def say_ack(self, **fields: Any) -> None:
        """Sends an ACK."""
        usual = {"channel": self.number, "epoch": self.epoch, **self.report()}
        self.link.say(FrameType.ACK, **(usual | fields))

    def send(self, data: bytes) -> None:
        """Sends bytes as a sound sender does: in frames of what was agreed, and within the window; lost frames are not
        sent again, and nothing more once the device has reset it. Raises `RuleBroken` when the window does not open."""
        for at in range(0, len(data), self.max_payload):
            while not _before(self.seq, self.edge):
                if self.resets:
                    return
                self.link.expect(
                    "a window that opens (CHN-016, CHN-018), or RESET",
                    lambda frame: self._reports(frame) or self.is_reset(frame),
                )
            self.say(data[at : at + self.max_payload])

    def say_reset(self, reason: ResetReason = ResetReason.NORMAL, epoch: int | None = None) -> None:
        """Sends RESET of the present epoch."""
        self.link.say_reset(self.number, self.epoch if epoch is None else epoch, reason)

    def reset(self) -> None:
        """Ends the epoch in order: RESET, and the device's answer."""
        self.say_reset()
        self.link.expect("RESET that answers RESET (CHN-004)", self.is_reset)

    # Predicates of what is heard

    def is_data(self, frame: Frame) -> bool:
        """DATA of the present epoch."""
        return self._is(frame, FrameType.DATA)

    def is_ack(self, frame: Frame) -> bool:
        """ACK of the present epoch."""
        return self._is(frame, FrameType.ACK)

    def is_reset(self, frame: Frame) -> bool:
        """RESET of the present epoch, an ANSWER or another."""
        return self._is(frame, FrameType.RESET)

    def is_anything(self, frame: Frame) -> bool:
        """A frame of this channel, of whatever epoch."""
        return frame.channel == self.number

    def acknowledges_all(self, frame: Frame) -> bool:
        """A report of the device that all DATA until now has arrived."""
        return self._reports(frame) and frame.ack == self.seq

    def wait_acknowledged(self, what: str = "an acknowledgement of all DATA (CHN-016)") -> None:
        """Waits until the device has acknowledged all. Raises `RuleBroken`."""
        if self.acknowledged != self.seq:
            self.link.expect(what, self.acknowledges_all)

    def wait_inbox(self, size: int, what: str, within_s: float = ANSWER_S) -> bytes:
        """Waits until the device has said so many bytes on it. Gives them. Raises `RuleBroken`."""
        until = time.monotonic() + within_s
        while len(self.inbox) < size:
            if self.link.heard(self.is_data, max(0.0, until - time.monotonic())) is None:
                raise RuleBroken(
                    f"{what}: {size} bytes within {within_s:g} s", f"{len(self.inbox)}; {self.link.told()}"
                )
        return bytes(self.inbox[:size])

    def took(self, frame: Frame) -> None:
        """A frame of this channel came."""
        if frame.type is FrameType.RESET:
            self.resets.append(Reset.decode(frame.payload))
            return
        if frame.epoch != self.epoch:
            return
        if self._reports(frame):
            self.acknowledged = frame.ack
            if _before(self.edge, (frame.ack + frame.window) % 65_536):
                self.edge = (frame.ack + frame.window) % 65_536
        if frame.type is FrameType.DATA:
            if frame.seq == self.ack:
                self.inbox += frame.payload
                self.ack = (self.ack + 1) % 65_536
            if self.bytes_per_s is not None:
                time.sleep(len(frame.payload) / self.bytes_per_s)
            if self.acknowledges:
                self.say_ack()

    def _is(self, frame: Frame, type: FrameType) -> bool:
        return frame.type is type and frame.channel == self.number and frame.epoch == self.epoch

    def _reports(self, frame: Frame) -> bool:
        kinds = (FrameType.DATA, FrameType.ACK, FrameType.PONG, FrameType.PING)
        return frame.channel == self.number and frame.epoch == self.epoch and frame.type in kinds


def _before(seq: int, edge: int) -> bool:
    """Whether a number comes before another on the circle of 65,536."""
    return 0 < (edge - seq) % 65_536 < 32_768


def _answers(frame: Frame, host_nonce: int) -> bool:
    """HELLO_ACK or BYE that answers a HELLO with this host nonce."""
    if frame.type is FrameType.HELLO_ACK:
        return HelloAck.decode(frame.payload).host_nonce == host_nonce
    return (
        frame.type is FrameType.BYE and frame.link == 0 and Bye.decode(frame.payload).host_nonce == host_nonce
    )

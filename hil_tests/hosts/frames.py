"""What a host's frames tell: link, channel and the sizes of its records, in every case (spec: Link, Channel)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bwc_protocol.frame import Frame, FrameType, Hello, HelloAck
from bwc_protocol.session.interface import RECORD_MAX
from bwc_protocol.session.preamble import SIZE, TLS_1_3
from hil_tests.hosts.judge import Judge

LAST_EPOCH: Final = 255
"""Of a channel that was never opened."""
NUMBERS: Final = 65_536
HALF: Final = NUMBERS // 2
SEALED: Final = 23
"""Type of a TLS record that is sealed."""
AROUND_SEALED: Final = 1 + 16
"""What TLS 1.3 adds to the plaintext of a record: its type, and the tag."""
TLS_HEADER: Final = 5
PROTECTION_AT: Final = 9
"""Where a preamble says what protects the session."""
SAID_MAX: Final = 1 << 20
"""Bytes of a host's channel that are looked at: an offload says a tenth of it, and more proves nothing more."""


@dataclass(slots=True)
class Granted:
    """A link that was granted."""

    max_payload: int
    used: bool = False
    """Whether a frame of the host came on it."""


@dataclass(slots=True)
class Life:
    """One epoch of a channel, as the host may know it."""

    epoch: int = LAST_EPOCH
    opened: bool = False
    heard: bool = False
    """Whether a frame of it went to the host."""
    edge: int = 1
    """The largest `ack + window` that the host was told."""
    next: int = 0
    reset_by_device: bool = False
    said: bytearray = field(default_factory=bytearray)
    """What the host said, each byte once and in order."""
    looked_at: int = SIZE
    sent: dict[int, int] = field(default_factory=dict)
    """Bytes that the device had sent with each frame, all before it included."""
    sent_bytes: int = 0
    acknowledged_bytes: int = 0
    """Of them, those of which the host said that it has them."""


class FrameWatch:
    """Shown each frame of one connection, as the host said or got it."""

    def __init__(self, judge: Judge, max_plaintext: int = RECORD_MAX) -> None:
        self.hellos: list[tuple[float, Hello]] = []
        self.pings: list[float] = []
        self.links: dict[int, Granted] = {}
        self.lives: dict[tuple[int, int], Life] = {}
        self.openings: list[float] = []
        self._judge = judge
        self.shaking = True
        """Whether the handshake is under way: its records are those of the TLS stack."""
        self._max_plaintext = max_plaintext

    def from_host(self, frame: Frame, now: float) -> None:
        """The host said it."""
        if frame.type is FrameType.HELLO:
            self.hellos.append((now, Hello.decode(frame.payload)))
            return
        granted = self.links.get(frame.link)
        if granted is None or frame.type is FrameType.BYE:
            return
        if frame.type is FrameType.PING:
            self.pings.append(now)
        if not granted.used:
            granted.used = True
            if frame.type is FrameType.PING:
                self._judge.kept("LNK-006")
            else:
                self._judge.broken(
                    "LNK-006", "a PING as the first frame of a link that was granted", f"{frame!r}"
                )
        if frame.type is FrameType.DATA:
            self._data(frame, granted, now)
        life = self.lives.get((frame.link, frame.channel))
        if life is not None and frame.epoch == life.epoch and frame.type is not FrameType.RESET:
            life.acknowledged_bytes = life.sent.get((frame.ack - 1) % NUMBERS, life.acknowledged_bytes)

    def to_host(self, frame: Frame) -> None:
        """The host gets it."""
        if frame.type is FrameType.HELLO_ACK:
            self.links.setdefault(frame.link, Granted(HelloAck.decode(frame.payload).max_payload))
            return
        life = self.lives.get((frame.link, frame.channel))
        if life is None or frame.epoch != life.epoch or not life.opened:
            return
        life.heard = True
        if frame.type is FrameType.RESET:
            life.reset_by_device = True
        elif frame.type is FrameType.DATA and frame.seq not in life.sent:
            life.sent_bytes += len(frame.payload)
            life.sent[frame.seq] = life.sent_bytes
        if frame.type is not FrameType.RESET and _before(life.edge, frame.ack + frame.window):
            life.edge = (frame.ack + frame.window) % NUMBERS

    def _data(self, frame: Frame, granted: Granted, now: float) -> None:
        judge = self._judge
        at = (frame.link, frame.channel)
        life = self.lives.setdefault(at, Life())
        if frame.epoch != life.epoch:
            if life.opened and (life.epoch - frame.epoch) % 256 < 128:
                return  # of an epoch that is over: it was on its way
            self._opening(frame, life)
            life = self.lives[at] = Life(frame.epoch, opened=True)
            self.openings.append(now)
        elif not life.heard and frame.seq:
            judge.broken(
                "CHN-015",
                "frame 0 alone, until the first frame of the epoch arrives from the device",
                f"{frame!r}",
            )
        elif frame.seq:
            judge.kept("CHN-015")
        if life.heard and not _before(frame.seq, life.edge):
            judge.broken(
                "CHN-027", f"no frame at or beyond {life.edge}, the edge of the window", f"{frame!r}"
            )
        elif frame.seq:
            judge.kept("CHN-027")
        if len(frame.payload) > granted.max_payload:
            expected = f"payloads of at most the {granted.max_payload} bytes that were agreed"
            judge.broken("LNK-017", expected, f"{len(frame.payload)} bytes")
        else:
            judge.kept("LNK-017")
        self._said(frame, life)

    def _opening(self, frame: Frame, life: Life) -> None:
        wanted = (life.epoch + 1) % 256
        if frame.seq or frame.epoch != wanted:
            self._judge.broken("CHN-001", f"an opening by DATA of epoch {wanted} with seq 0", f"{frame!r}")
        else:
            self._judge.kept("CHN-001")
        if life.opened and not life.reset_by_device:
            expected = f"no opening of epoch {wanted} before RESET({life.epoch}) came"
            self._judge.broken("CHN-003", expected, f"{frame!r}")
        elif life.opened:
            self._judge.kept("CHN-003")

    def _said(self, frame: Frame, life: Life) -> None:
        if frame.seq != life.next or len(life.said) > SAID_MAX:
            return
        life.next = (life.next + 1) % NUMBERS
        life.said += frame.payload
        while life.looked_at + TLS_HEADER <= len(life.said):
            kind = life.said[life.looked_at]
            size = int.from_bytes(life.said[life.looked_at + 3 : life.looked_at + TLS_HEADER])
            life.looked_at += TLS_HEADER + size
            if kind != SEALED or self.shaking or life.said[PROTECTION_AT] != TLS_1_3:
                continue
            if size > self._max_plaintext + AROUND_SEALED:
                expected = f"at most {self._max_plaintext} bytes of plaintext in a record"
                self._judge.broken("SES-004", expected, f"a record of {size} sealed bytes")
            elif self._max_plaintext < RECORD_MAX:
                self._judge.kept("SES-004")


def _before(one: int, other: int) -> bool:
    return 0 < (other - one) % NUMBERS < HALF

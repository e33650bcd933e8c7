"""What link tests share: a bench that plays the peer frame by frame, and a wire with faults in virtual time."""

import functools
import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from bwc_protocol.frame import (
    CRC_SIZE,
    HEADER,
    HEADER_SIZE,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    Reset,
    ResetReason,
    encode_frame,
)
from bwc_protocol.link import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    DeviceGate,
    Link,
    LinkDown,
    LinkEvent,
    LinkParams,
    LinkRole,
    LinkUp,
)


def split_frames(data: bytes) -> Iterator[bytes]:
    """Cuts what a link handed out into frames."""
    at = 0
    while at < len(data):
        length = HEADER.unpack_from(data, at)[8]
        end = at + HEADER_SIZE + (length + CRC_SIZE if length else 0)
        yield data[at:end]
        at = end


class Bench:
    """One real link; the test plays its peer by hand."""

    NONCE = 0xB0B0_0001

    def __init__(self, role: LinkRole, gate: DeviceGate | None = None, **params: object) -> None:
        self.now = 100.0
        self._nonces = itertools.count(self.NONCE)
        self.link = Link(role, LinkParams(**params), nonce=lambda: next(self._nonces), gate=gate)
        self._parser = FrameParser(61_440)
        self.nonce = 0

    def say(self, type: FrameType, **fields: object) -> list[Frame]:
        """The peer sends a frame of the present link; returns what the link answers at once."""
        return self.put(Frame(type, **({"link": self.nonce} | fields)))

    def put(self, frame: Frame) -> list[Frame]:
        self.link.receive(encode_frame(frame), self.now)
        return self.heard()

    def heard(self) -> list[Frame]:
        """What the link sends now."""
        out = b"".join(self.link.outgoing(self.now))
        return list(self._parser.feed(out, self.now))

    def wait(self, seconds: float) -> list[Frame]:
        """Lets time pass, with every tick that is due; returns what the link sends meanwhile."""
        end = self.now + seconds
        heard = self.heard()
        while (deadline := self.link.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.link.tick(self.now)
            heard += self.heard()
        self.now = end
        return heard

    # Device under test: the test is the host

    def hello(self, nonce: int = 7, **fields: object) -> Frame | None:
        """Says HELLO; returns the answer, and uses its link from now on."""
        hello = Hello(host_nonce=nonce, max_payload=1024, lowest=1, highest=1, max_window=32)
        answers = self.put(Frame(FrameType.HELLO, payload=replace(hello, **fields).encode()))
        answer = answers[-1] if answers else None
        if answer is not None and answer.type is FrameType.HELLO_ACK:
            self.nonce = answer.link
        return answer

    def connected_device(self, **fields: object) -> "Bench":
        self.hello(**fields)
        self.say(FrameType.PING)
        assert isinstance(self.link.events()[-1], LinkUp)
        return self

    # Host under test: the test is the device

    def grant(self, link: int = 0xD0D0_0001, **fields: object) -> list[Frame]:
        """Hears HELLO and answers it; returns what the host says next."""
        (call,) = [f for f in self.heard() if f.type is FrameType.HELLO]
        hello = Hello.decode(call.payload)
        ack = HelloAck(
            host_nonce=hello.host_nonce,
            max_payload=min(1024, hello.max_payload),
            version=1,
            window=hello.max_window,
        )
        self.nonce = link
        return self.say(FrameType.HELLO_ACK, payload=replace(ack, **fields).encode())

    def connected_host(self, **fields: object) -> "Bench":
        self.link.open(self.now)
        (ping,) = self.grant(**fields)
        assert ping.type is FrameType.PING
        self.say(FrameType.PONG, epoch=ping.epoch)
        assert isinstance(self.link.events()[-1], LinkUp)
        return self

    def flying(self, frames: int) -> "Bench":
        """A connected host whose channel 0 has frames 1 to `frames`, of 1 KiB each, in flight."""
        self.connected_host()
        self.link.open_channel(0)
        self.link.send(0, b"x")
        self.heard()
        self.say(FrameType.ACK, epoch=0, ack=1, window=32)
        self.link.send(0, bytes(frames * 1_024))
        assert [frame.seq for frame in self.heard()] == list(range(1, frames + 1))
        return self

    def reset(self, reason: ResetReason, **fields: object) -> list[Frame]:
        return self.say(FrameType.RESET, payload=Reset(reason=reason).encode(), **fields)


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What a wire does to each frame, drawn from a seed. Chances are of 1."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    truncate: float = 0.0
    insert: float = 0.0
    delay_s: float = 0.0005
    jitter_s: float = 0.0
    chunk: int | None = None
    """Bytes delivered at once; None: each frame whole."""
    rate: float | None = None
    """Bytes a second; None: without limit."""
    cut_at: int | None = None
    """Nothing after this many bytes arrives."""


@dataclass
class End:
    """One end of a wire, with an application that takes what comes unless `stalled`."""

    link: Link
    faults: Faults
    received: dict[int, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    events: list[LinkEvent] = field(default_factory=list)
    stalled: set[int] = field(default_factory=set)
    free_at: float = 0.0
    passed: int = 0
    on_data: Callable[[ChannelData], None] | None = None

    def drain(self) -> None:
        for event in self.link.events():
            match event:
                case ChannelData(channel=channel, data=data):
                    self.received[channel] += data
                    if self.on_data is not None:
                        self.on_data(event)
                    if channel not in self.stalled:
                        self.link.consumed(channel)
                case ChannelOpened() | ChannelReset() | LinkUp() | LinkDown():
                    self.events.append(event)

    def resume(self, channel: int) -> None:
        self.stalled.discard(channel)
        self.link.consumed(channel, 32)

    def of(self, kind: type) -> list[LinkEvent]:
        return [event for event in self.events if isinstance(event, kind)]


HOST = LinkParams()
DEVICE = LinkParams(channels=9)


class Wire:
    """A host and a device joined by a pipe with faults, driven by their deadlines alone."""

    def __init__(
        self,
        to_device: Faults = Faults(),
        to_host: Faults | None = None,
        *,
        seed: int = 0,
        host: LinkParams = HOST,
        device: LinkParams = DEVICE,
    ) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        nonce = functools.partial(self.random.getrandbits, 32)
        self.host = End(Link(LinkRole.HOST, host, nonce=nonce), to_device)
        self.device = End(
            Link(LinkRole.DEVICE, device, nonce=nonce), to_host if to_host is not None else to_device
        )
        self._flying: list[tuple[float, int, End, bytes]] = []
        self._order = itertools.count()

    def connect(self, channels: tuple[int, ...] = (0,)) -> "Wire":
        self.host.link.open(self.now)
        assert self.run(lambda: bool(self.host.of(LinkUp)), within=15.0)
        for channel in channels:
            self.host.link.open_channel(channel)
        return self

    def run(self, done: Callable[[], bool], within: float) -> bool:
        """Lets virtual time pass until `done`; False when `within` seconds did not suffice."""
        end = self.now + within
        while True:
            self._pump()
            if done():
                return True
            self._pump()  # `done` may have sent something
            times = [t for t in (self.host.link.deadline(), self.device.link.deadline()) if t is not None]
            if self._flying:
                times.append(self._flying[0][0])
            if not times or min(times) > end:
                self.now = end
                return False
            self.now = max(self.now, min(times))
            while self._flying and self._flying[0][0] <= self.now:
                _, _, end_to, data = heapq.heappop(self._flying)
                end_to.link.receive(data, self.now)
                end_to.drain()
            for one in (self.host, self.device):
                deadline = one.link.deadline()
                if deadline is not None and deadline <= self.now:
                    one.link.tick(self.now)

    def hold(self, seconds: float) -> None:
        """The pipe carries nothing for so long, and loses nothing either."""
        self._flying = [(at + seconds, order, to, data) for at, order, to, data in self._flying]
        for end in (self.host, self.device):
            end.free_at = max(end.free_at, self.now) + seconds

    def _pump(self) -> None:
        for one, other in ((self.host, self.device), (self.device, self.host)):
            one.drain()
            for frame in split_frames(b"".join(one.link.outgoing(self.now))):
                self._carry(frame, one, other)

    def _carry(self, frame: bytes, one: End, other: End) -> None:
        faults, chance = one.faults, self.random.random
        one.passed += len(frame)
        if faults.rate is not None:
            one.free_at = max(one.free_at, self.now) + len(frame) / faults.rate
        if faults.cut_at is not None and one.passed > faults.cut_at:
            frame = frame[: max(0, len(frame) - (one.passed - faults.cut_at))]
        if chance() < faults.loss or not frame:
            return
        for _ in range(2 if chance() < faults.duplicate else 1):
            data = bytearray(frame)
            if chance() < faults.corrupt:
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            if chance() < faults.truncate:
                del data[self.random.randrange(len(data)) :]
            if chance() < faults.insert:
                at = self.random.randrange(len(data) + 1)
                data[at:at] = self.random.randbytes(self.random.randrange(1, 40))
            arrives = max(self.now, one.free_at) + faults.delay_s + chance() * faults.jitter_s
            if chance() < faults.reorder:
                arrives += self.random.uniform(0.0, 0.02)
            size = faults.chunk or max(1, len(data))
            for at in range(0, len(data), size):
                heapq.heappush(self._flying, (arrives, next(self._order), other, bytes(data[at : at + size])))


@pytest.fixture
def bench() -> type[Bench]:
    """A link whose peer the test plays."""
    return Bench


@pytest.fixture
def wire() -> type[Wire]:
    """Two links and a pipe between them."""
    return Wire


@pytest.fixture
def faults() -> type[Faults]:
    """What a pipe does to frames."""
    return Faults

"""What keeps footage cheap: one payload in memory at a time, and messages that fill whole frames."""

import pytest

from bwc_protocol.conversation import Established, ReplyReceived, RequestReceived, StreamReceived
from bwc_protocol.conversation.message import DATA_HEADER, DATA_MAX
from bwc_protocol.conversation.stream import ReaderSource
from bwc_protocol.endpoint import Endpoint, EndpointEvent, OnChannel
from bwc_protocol.frame import FrameParser, FrameType
from bwc_protocol.link import Link, LinkParams, LinkRole, LinkUp
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.recordings import OpenSegment
from tools.generate import samples
from tools.testkit.pair import Pair, device_end, host_end

LENGTH = 1_000_000


class Download:
    """A host that fetches one stream from a device, over a pipe that takes no time."""

    def __init__(self, max_payload: int) -> None:
        params = LinkParams(max_payload=max_payload, initial_rate=1e9)
        nonces = iter(range(1, 100))
        self.host = Endpoint(Link(LinkRole.HOST, params, nonce=lambda: next(nonces)), lambda _: host_end())
        self.device = Endpoint(
            Link(LinkRole.DEVICE, params, nonce=lambda: next(nonces)), lambda _: device_end()
        )
        self.pieces: list[int] = []
        self.most_at_once = 0
        self.wire: list[bytes] = []
        self.now = 0.0

    def run(self) -> None:
        """Fetches all of it."""
        self.host.open(self.now)
        while sum(self.pieces) < LENGTH:
            self.now += 0.001
            for sender, receiver in ((self.host, self.device), (self.device, self.host)):
                data = b"".join(sender.outgoing(self.now, 1 << 20))
                if sender is self.device:
                    self.wire.append(data)
                for _ in receiver.receiving(data, self.now):
                    events = receiver.events()
                    self.most_at_once = max(self.most_at_once, sum(map(_size, events)))
                    for event in events:
                        self._act(event, receiver is self.host)
            for end in (self.host, self.device):
                due = end.deadline()
                if due is not None and due <= self.now:
                    end.tick(self.now)

    def _act(self, event: EndpointEvent, host: bool) -> None:
        match event:
            case LinkUp() if host:
                self.host.open_channel(0, self.now)
            case OnChannel(event=Established()) if host:
                self.host.conversations[0].request(samples.typical(OpenSegment))
            case OnChannel(event=RequestReceived(request_id=request_id)):
                conversation = self.device.conversations[0]
                conversation.reply(request_id, StreamOpened(length=LENGTH))
                conversation.send_stream(request_id, ReaderSource(lambda at, size: bytes(size)), LENGTH)
            case OnChannel(event=ReplyReceived(request_id=request_id)):
                self.host.conversations[0].grant(request_id, LENGTH)
            case OnChannel(event=StreamReceived(data=data)):
                self.pieces.append(len(data))

    def frames(self) -> list[int]:
        """Payloads of the device's large frames."""
        found = FrameParser(61_440).feed(b"".join(self.wire), self.now)
        sizes = [len(frame.payload) for frame in found if frame.type is FrameType.DATA]
        return [size for size in sizes if size > 1_000]


def _size(event: EndpointEvent) -> int:
    match event:
        case OnChannel(event=StreamReceived(data=data)):
            return len(data)
    return 0


@pytest.mark.parametrize("max_payload", [4_096, 16_384, 61_440])
def test_messages_of_footage_fill_whole_frames(max_payload: int) -> None:
    download = Download(max_payload)
    download.run()
    *full, _ = download.frames()
    assert set(full) == {max_payload}
    assert len(download.pieces) <= len(full) + 2  # none is split: no frame holds pieces of two messages


def test_received_frames_can_be_acted_on_one_by_one() -> None:
    download = Download(16_384)
    download.run()
    assert download.most_at_once <= 16_384


@pytest.mark.parametrize("frame_size", [0, 100, 4_096, 100_000])
def test_a_bulk_message_is_never_larger_than_asked_for(frame_size: int) -> None:
    pair = Pair()
    pair.run()
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=LENGTH))
    pair.device.send_stream(stream, ReaderSource(lambda at, size: bytes(size)), LENGTH)
    pair.run()
    pair.host.grant(stream, LENGTH)
    pair.carry(from_host=True)
    sizes = [len(piece) for piece in pair.device.outgoing(LENGTH, 10_000, frame_size)]
    most = 10_000 + DATA_HEADER.size + 4
    assert max(sizes) <= most
    assert max(sizes) > most - max(frame_size, 1) or frame_size > most
    assert most < DATA_MAX

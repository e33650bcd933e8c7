"""What link, channels, messages and streams count: each thing once, where it belongs."""

import pytest

from bwc_protocol.conversation import MessageDiscard, StreamDiscard
from bwc_protocol.conversation.message import Flag, build
from bwc_protocol.conversation.stream import BytesSource
from bwc_protocol.frame import Frame, FrameType, ResetReason, encode_frame, pack_header
from bwc_protocol.link import DiscardReason, LinkRole
from bwc_protocol.messages.config import UploadConfig
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import OpenSegment, RecordingClosed
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import samples
from tools.testkit.pair import Pair

HOST, DEVICE = LinkRole.HOST, LinkRole.DEVICE
DATA, ACK, RESET = FrameType.DATA, FrameType.ACK, FrameType.RESET
FOOTAGE = bytes(range(256)) * 40


@pytest.fixture
def device(bench):
    """A device with channels 0 and 2 open."""
    end = bench(DEVICE, channels=3).connected_device()
    for channel in (0, 2):
        end.say(DATA, channel=channel, epoch=0, seq=0, window=32, payload=b"first")
    end.wait(0.01)
    return end


# Link and channels


def test_a_channel_counts_what_it_took_and_what_it_gave(device) -> None:
    before = device.link.channel_counters(2)
    assert (before.frames_in, before.bytes_in, before.frames_out) == (1, 5, 0)
    device.say(DATA, channel=2, epoch=0, seq=1, window=32, payload=b"more")
    device.link.send(2, b"answer")
    device.heard()
    came = device.link.channel_counters(2) - before
    assert (came.frames_in, came.bytes_in, came.frames_out, came.bytes_out) == (1, 4, 1, 6)
    assert device.link.channel_counters(0) == before, "the other one is as it was"
    assert device.link.channel_counters(1).frames_in == 0, "one that was never used has counted nothing"


def test_what_comes_early_counts_when_it_is_in_order(device) -> None:
    device.say(DATA, channel=2, epoch=0, seq=2, window=32, payload=b"third")
    counted = device.link.channel_counters(2)
    assert (counted.frames_in, counted.out_of_order) == (1, 1)
    device.say(DATA, channel=2, epoch=0, seq=1, window=32, payload=b"2nd")
    counted = device.link.channel_counters(2)
    assert (counted.frames_in, counted.bytes_in, counted.out_of_order) == (3, 13, 1)
    assert device.link.counters.out_of_order == 1


@pytest.mark.parametrize(
    ("reason", "frame"),
    [
        (DiscardReason.DUPLICATE, {"epoch": 0, "seq": 0, "payload": b"first"}),
        (DiscardReason.OUT_OF_WINDOW, {"epoch": 0, "seq": 200, "payload": b"far"}),
        (DiscardReason.STALE_EPOCH, {"epoch": 7, "seq": 0, "payload": b"old"}),
        (DiscardReason.MALFORMED, {"epoch": 0, "seq": 1, "payload": b""}),
    ],
    ids=lambda value: value.name if isinstance(value, DiscardReason) else "",
)
def test_what_a_channel_throws_away_is_counted_there_and_of_the_link(device, reason, frame) -> None:
    link, channel = device.link.counters, device.link.channel_counters(2)
    device.say(DATA, channel=2, window=32, **frame)
    for before, after in ((link, device.link.counters), (channel, device.link.channel_counters(2))):
        new = after.discarded - before.discarded
        assert {key: count for key, count in new.items() if count} == {reason: 1}
    assert device.link.channel_counters(0).discarded.total == 0
    assert (device.link.channel_counters(2) - channel).frames_in == 0


def test_what_belongs_to_no_channel_is_counted_of_the_link(device) -> None:
    good = encode_frame(
        Frame(DATA, link=device.nonce, channel=2, epoch=0, seq=1, window=32, payload=b"x" * 40)
    )
    before = device.link.counters
    device.link.receive(good[:-1] + bytes([good[-1] ^ 1]), device.now)  # its payload is damaged
    device.link.receive(good[:10] + bytes([good[10] ^ 1]) + good[11:] + good, device.now)  # its header
    device.say(DATA, channel=2, link=device.nonce ^ 1, payload=b"of another link")
    new = device.link.counters - before
    found = {key: count for key, count in new.discarded.items() if count}
    assert found == {
        DiscardReason.PAYLOAD_CRC: 1,
        DiscardReason.HEADER_CRC: 1,
        DiscardReason.STALE_LINK: 1,
    }
    assert new.skipped_bytes == 2 * len(good) and new.frames_in == 2
    assert device.link.channel_counters(2).discarded.total == 0


def test_frames_of_no_known_type_or_of_no_agreed_length_are_counted(device) -> None:
    of_ours = {"link": device.nonce, "channel": 2, "epoch": 0}
    unknown = pack_header(15, 2, device.nonce, 0, 0, 0, 0, 0, 0, 1)
    device.link.receive(unknown, device.now)
    too_long = encode_frame(Frame(DATA, seq=1, payload=bytes(device.link.max_payload + 1), **of_ours))
    device.link.receive(too_long, device.now)
    found = {key: count for key, count in device.link.counters.discarded.items() if count}
    assert found == {DiscardReason.MALFORMED: 1, DiscardReason.OVERSIZE: 1}


def test_repeats_timeouts_and_void_acknowledgements_are_counted_on_their_channel(device) -> None:
    device.link.send(2, b"answer")
    device.heard()
    device.wait(3.0)  # nobody acknowledges
    counted, link = device.link.channel_counters(2), device.link.counters
    assert counted.timeouts >= 1 and counted.retransmissions == counted.frames_out - 1 >= 1
    assert counted.bytes_out == 6 * counted.frames_out
    assert (link.timeouts, link.retransmissions) == (counted.timeouts, counted.retransmissions)
    device.say(ACK, channel=2, epoch=0, ack=77, window=32)
    assert device.link.channel_counters(2).void_acks == device.link.counters.void_acks == 1
    assert device.link.channel_counters(2).early_acks == device.link.counters.early_acks == 1
    assert device.link.channel_counters(0).retransmissions == device.link.channel_counters(0).void_acks == 0


def test_resets_are_counted_and_the_counts_outlive_the_channels_life_and_the_link(device) -> None:
    device.link.reset(2, ResetReason.BUSY, device.now)
    device.heard()
    counted = device.link.channel_counters(2)
    assert counted.resets_out == device.link.counters.resets_out == 1 and counted.frames_in == 1
    device.say(RESET, channel=0, epoch=0, payload=bytes([1, 0, 0, 0]))
    assert device.link.channel_counters(0).resets_in == device.link.counters.resets_in == 1
    device.link.pipe_lost(device.now)
    assert device.link.channel_counters(2) == counted


def test_of_each_reason_for_throwing_away_the_last_frame_can_be_asked(device) -> None:
    assert device.link.refused == ()
    for seq in (200, 300):
        device.say(DATA, channel=2, epoch=0, seq=seq, window=32, payload=b"far")
    device.say(DATA, channel=2, epoch=7, seq=0, window=32, payload=b"old")
    assert [(last.reason, last.field, last.came) for last in device.link.refused] == [
        (DiscardReason.OUT_OF_WINDOW, "seq", 300),
        (DiscardReason.STALE_EPOCH, "epoch", 7),
    ]


# Messages and streams


def _ready() -> Pair:
    pair = Pair()
    pair.run()
    return pair


def _download(pair: Pair) -> int:
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(FOOTAGE)))
    pair.device.send_stream(stream, BytesSource(FOOTAGE), len(FOOTAGE))
    pair.run()
    return stream


def test_a_download_is_counted_on_both_sides() -> None:
    pair = _ready()
    stream = _download(pair)
    pair.host.grant(stream, len(FOOTAGE))
    pair.run()
    here, there = pair.host.stream_counters, pair.device.stream_counters
    assert (
        (here.opened, here.ended, here.cancelled) == (there.opened, there.ended, there.cancelled) == (1, 1, 0)
    )
    assert here.bytes_in == there.bytes_out == len(FOOTAGE) and here.bytes_out == there.bytes_in == 0
    assert here.pieces_in >= there.pieces_out == 3
    assert here.discarded.total == here.bytes_discarded == 0


def test_what_was_under_way_when_a_stream_was_given_up_is_counted_as_thrown_away() -> None:
    pair = _ready()
    stream = _download(pair)
    pair.host.grant(stream, len(FOOTAGE))
    pair.carry(from_host=True)
    pair.host.cancel(stream)
    pair.carry(from_host=False)
    pair.run()
    here, there = pair.host.stream_counters, pair.device.stream_counters
    assert here.bytes_in == 0 and here.bytes_discarded == there.bytes_out == len(FOOTAGE)
    assert here.discarded[StreamDiscard.GIVEN_UP] >= 3 and here.cancelled == 1


def test_a_stream_that_the_device_gives_up_is_counted() -> None:
    pair = _ready()
    stream = _download(pair)
    pair.device.cancel(stream)
    pair.run()
    assert pair.host.stream_counters.cancelled == pair.device.stream_counters.cancelled == 1
    assert pair.host.stream_counters.ended == 0


def test_an_upload_is_counted_on_both_sides() -> None:
    pair = _ready()
    stream = pair.host.request(samples.typical(UploadConfig))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(FOOTAGE)))
    pair.device.expect_stream(stream, len(FOOTAGE))
    pair.device.grant(stream, len(FOOTAGE))
    pair.run()
    pair.host.send_stream(stream, BytesSource(FOOTAGE), len(FOOTAGE))
    pair.run()
    pair.device.finish(stream)
    pair.run()
    here, there = pair.host.stream_counters, pair.device.stream_counters
    assert (here.opened, here.ended) == (there.opened, there.ended) == (1, 1)
    assert here.bytes_out == there.bytes_in == len(FOOTAGE)


def test_requests_and_what_became_of_them_are_counted() -> None:
    pair = _ready()
    answered, refused, late = (pair.host.request(samples.typical(ReadStatus)) for _ in range(3))
    pair.host.forget(late)
    pair.run()
    pair.device.reply(answered, samples.typical(ReadStatus.reply))
    pair.device.refuse(refused, ErrorCode.BUSY)
    pair.device.reply(late, samples.typical(ReadStatus.reply))
    pair.device.send_event(RecordingClosed(recording=bytes(16), sequence=1))
    pair.run()
    newer = build(0x7FF0, Flag.EVENT, 0, b"")
    pair.host.receive((RecordType.DATA | len(newer) << 8).to_bytes(4, "little") + newer, pair.now)
    counted = pair.host.message_counters
    assert (counted.requests, counted.replies, counted.refusals, counted.events) == (3, 1, 1, 1)
    assert dict(counted.discarded) == {MessageDiscard.LATE_REPLY: 1, MessageDiscard.UNKNOWN_EVENT: 1}

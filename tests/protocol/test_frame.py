"""Frames: layout, round trip, and finding good frames in damaged bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.crc import crc32c
from bwc_protocol.frame import (
    CONTROL_MAX,
    CRC_SIZE,
    FRAME_HEADER,
    HEADER,
    HEADER_SIZE,
    PARTIAL_S,
    SYNC,
    Bye,
    ByeReason,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    MalformedControl,
    Reset,
    ResetReason,
    encode_frame,
    encode_header,
    pack_header,
    payload_crc,
)

MAX = 2_048

u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))


@st.composite
def frames(draw: st.DrawFn, max_payload: int = 300) -> Frame:
    type = draw(st.sampled_from(FrameType))
    limit = max_payload if type is FrameType.DATA else CONTROL_MAX
    return Frame(
        type,
        draw(u8),
        draw(u32),
        draw(u8),
        draw(u8),
        draw(u16),
        draw(u16),
        draw(u32),
        draw(st.binary(max_size=limit)),
        draw(st.integers(0, 15)),
    )


def data_frame(seq: int = 0, size: int = 100) -> Frame:
    return Frame(FrameType.DATA, link=9, seq=seq, payload=random.Random(seq).randbytes(size))


def feed(parser: FrameParser, data: bytes, now: float = 0.0, step: int | None = None) -> list[Frame]:
    step = step or max(1, len(data))
    return [f for at in range(0, len(data), step) for f in parser.feed(data[at : at + step], now)]


# Layout


@pytest.mark.rule("FRM-008")
@pytest.mark.parametrize(
    ("payload", "at"),
    [
        (Hello(host_nonce=1, max_payload=2, lowest=1, highest=1, max_window=3), (9, 10, 11)),
        (Bye(reason=ByeReason.BUSY, host_nonce=1, retry_after_ms=2), (9, 10, 11)),
        (Reset(reason=ResetReason.BUSY, retry_after_ms=700), (1,)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_reserved_bytes_are_sent_as_0_and_ignored(payload: Hello | Bye | Reset, at: tuple[int, ...]) -> None:
    raw = bytearray(payload.encode())
    assert [raw[i] for i in at] == [0] * len(at)
    for i in at:
        raw[i] = 0xFF
    assert type(payload).decode(bytes(raw)) == payload


@given(frames())
def test_the_fast_header_is_the_declared_one(frame: Frame) -> None:
    raw = encode_header(frame)
    declared = FRAME_HEADER.parse(raw)
    fast = HEADER.unpack(raw)
    assert FRAME_HEADER.build(declared) == raw
    assert FRAME_HEADER.sizeof() == HEADER_SIZE == len(raw) == 24
    assert fast == (
        int.from_bytes(declared.sync, "little"),
        declared.kind.version << 4 | declared.kind.type,
        declared.channel,
        declared.link,
        declared.epoch,
        declared.window,
        declared.seq,
        declared.ack,
        declared.length,
        declared.sack,
        declared.header_crc,
    )
    assert declared.header_crc == crc32c(raw[:20])


def test_fields_stand_where_the_table_says() -> None:
    frame = Frame(FrameType.DATA, 0x11, 0x22334455, 0x66, 0x07, 0x8899, 0xAABB, 0xCCDDEEFF, b"abc", 1)
    raw = encode_frame(frame)
    assert raw[:20].hex() == "b3571311554433226607" + "9988" + "bbaa" + "0300" + "ffeeddcc"
    assert raw[24:27] == b"abc"
    assert raw[27:] == crc32c(raw[:20] + b"abc").to_bytes(4, "little")


def test_no_payload_means_no_payload_crc() -> None:
    assert len(encode_frame(Frame(FrameType.ACK))) == HEADER_SIZE


@pytest.mark.rule("FRM-009")
@pytest.mark.parametrize(
    "payload",
    [
        Hello(host_nonce=0x01020304, max_payload=61_440, lowest=1, highest=3, max_window=32),
        HelloAck(host_nonce=0x01020304, max_payload=1_024, version=1, window=8),
        Bye(reason=ByeReason.BUSY, host_nonce=5, retry_after_ms=70_000),
        Bye(reason=200),
        Reset(reason=ResetReason.UNDOCKED),
    ],
    ids=lambda payload: type(payload).__name__,
)
def test_control_payloads_round_trip_skip_appended_fields_and_refuse_cut_ones(payload: Hello | Bye) -> None:
    raw = payload.encode()
    assert len(raw) <= CONTROL_MAX
    assert payload.decode(raw) == payload.decode(raw + b"later fields") == payload
    for end in range(len(raw)):
        with pytest.raises(MalformedControl):
            payload.decode(raw[:end])


# Finding frames


@given(st.lists(frames(), max_size=6), st.integers(1, 400))
def test_frames_round_trip_however_they_are_cut(sent: list[Frame], step: int) -> None:
    parser = FrameParser(MAX)
    assert feed(parser, b"".join(map(encode_frame, sent)), step=step) == sent
    assert parser.held_bytes == 0 and parser.deadline is None
    assert parser.counters.resyncs == 0


@given(
    st.lists(st.one_of(st.binary(max_size=300), frames().map(encode_frame), st.just(SYNC * 20))),
    st.integers(1, 99),
)
def test_any_bytes_are_taken_without_a_crash_and_within_the_bound(pieces: list[bytes], step: int) -> None:
    parser = FrameParser(200)
    data = b"".join(pieces)
    for at in range(0, len(data), step):
        for frame in parser.feed(data[at : at + step], 0.0):
            assert len(frame.payload) <= 200
        assert parser.held_bytes < HEADER_SIZE + 200 + CRC_SIZE
        assert len(parser._held) <= HEADER_SIZE + 200 + CRC_SIZE
    list(parser.expire(PARTIAL_S))
    assert parser.held_bytes == 0


@pytest.mark.rule("FRM-001")
@given(
    st.lists(frames(), min_size=1, max_size=4),
    st.data(),
    st.sampled_from(["cut", "insert", "flip"]),
    st.integers(1, 200),
)
def test_damage_costs_only_the_frame_that_it_hits(
    sent: list[Frame], data: st.DataObject, how: str, step: int
) -> None:
    parts = [encode_frame(f) for f in sent]
    hit = data.draw(st.integers(0, len(parts) - 1))
    at = data.draw(st.integers(0, len(parts[hit]) - 1))
    whole = parts[hit]
    match how:
        case "cut":
            parts[hit] = whole[:at]
        case "insert":
            parts[hit] = whole[:at] + data.draw(st.binary(min_size=1, max_size=50)) + whole[at:]
        case _:
            parts[hit] = whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
    parser = FrameParser(MAX)
    got = feed(parser, b"".join(parts), step=step) + list(parser.expire(PARTIAL_S))
    kept = sent[:hit] + sent[hit + 1 :]
    assert got in (kept, sent)  # an insertion between two frames hits none


@pytest.mark.rule("FRM-006")
@pytest.mark.parametrize("noise", [b"", b"\x00", SYNC, SYNC[:1], SYNC * 30, b"AT+GMI\r\n", bytes(range(256))])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_good_frame_right_behind_noise_is_found(noise: bytes, step: int) -> None:
    parser = FrameParser(MAX)
    sent = [data_frame(1), data_frame(2)]
    assert feed(parser, noise + encode_frame(sent[0]) + noise + encode_frame(sent[1]), step=step) == sent


@pytest.mark.rule("FRM-003")
def test_a_length_over_the_bound_is_refused_before_anything_is_kept() -> None:
    parser = FrameParser(64)
    big = Frame(FrameType.DATA, payload=bytes(65))
    assert feed(parser, encode_header(big)) == []
    assert parser.held_bytes == 0 and parser.counters.oversize == 1
    good = Frame(FrameType.DATA, payload=bytes(64))
    assert feed(parser, encode_frame(big) + encode_frame(good)) == [good]


def test_only_data_may_carry_more_than_a_control_payload() -> None:
    parser = FrameParser(MAX)
    assert feed(parser, encode_header(Frame(FrameType.HELLO, payload=bytes(CONTROL_MAX + 1)))) == []
    assert parser.held_bytes == 0 and parser.counters.oversize == 1


def test_the_bound_may_change_between_two_frames_of_one_read() -> None:
    parser = FrameParser(64)
    small, large = Frame(FrameType.DATA, payload=bytes(64)), Frame(FrameType.DATA, payload=bytes(4_000))
    got = []
    for frame in parser.feed(encode_frame(small) + encode_frame(large), 0.0):
        parser.max_payload = 4_000
        got.append(frame)
    assert got == [small, large]


@pytest.mark.rule("FRM-007")
@pytest.mark.parametrize("size", [20, 100])
def test_a_payload_is_not_taken_for_another_frames(size: int) -> None:
    """What lies between one header and the next payload is lost: with a CRC of the payload alone it would pass."""
    one, two = (encode_frame(data_frame(seq, size)) for seq in (1, 2))
    parser = FrameParser(MAX)
    assert feed(parser, one[:HEADER_SIZE] + two[HEADER_SIZE:]) == []
    assert parser.counters.payload_crc_errors == 1


def test_a_header_is_not_taken_for_the_payload_of_another() -> None:
    """It is 20 bytes and their CRC, so it looks like one."""
    one, two = encode_frame(data_frame(1, 20)), data_frame(2, 20)
    assert feed(FrameParser(MAX), one[:HEADER_SIZE] + encode_frame(two)) == [two]


@pytest.mark.rule("FRM-002")
def test_a_frame_inside_a_damaged_payload_is_found_since_a_header_proves_only_itself() -> None:
    inner = encode_frame(data_frame(5))
    outer = bytearray(encode_frame(Frame(FrameType.DATA, payload=bytes(10) + inner + bytes(10))))
    outer[-1] ^= 1
    assert feed(FrameParser(MAX), bytes(outer)) == [data_frame(5)]


def test_an_unknown_type_is_skipped_whole() -> None:
    inner = encode_frame(data_frame(1, 10))
    header = pack_header(15, 0, 9, 0, 0, 0, 0, 0, len(inner), 1)
    parser = FrameParser(MAX)
    unknown = header + inner + payload_crc(header, inner)
    assert feed(parser, unknown + encode_frame(data_frame(2))) == [data_frame(2)]
    assert parser.counters.unknown_type == 1


@pytest.mark.rule("FRM-004")
def test_an_incomplete_frame_that_receives_no_byte_for_200_ms_counts_as_bad() -> None:
    cut = encode_frame(data_frame(1, 2_000))[:700]
    hidden = encode_frame(data_frame(2))
    parser = FrameParser(MAX)
    assert feed(parser, cut + hidden, 1.0) == []
    assert parser.deadline == 1.0 + PARTIAL_S
    assert list(parser.expire(1.0 + PARTIAL_S - 0.001)) == []
    assert list(parser.expire(1.0 + PARTIAL_S)) == [data_frame(2)]
    assert parser.held_bytes == 0 and parser.counters.payload_crc_errors == 1


def test_bytes_after_the_silence_do_not_complete_the_old_frame() -> None:
    parser = FrameParser(MAX)
    whole = encode_frame(data_frame(1, 2_000))
    assert feed(parser, whole[:700], 0.0) == []
    assert feed(parser, encode_frame(data_frame(2)), PARTIAL_S) == [data_frame(2)]


def test_each_byte_extends_the_life_of_an_incomplete_frame() -> None:
    parser = FrameParser(MAX)
    whole, now, got = encode_frame(data_frame(1, 30)), 0.0, []
    for byte in whole:
        now += PARTIAL_S * 0.9
        got += list(parser.feed(bytes([byte]), now))
    assert got == [data_frame(1, 30)]


def test_short_reads_of_a_large_frame_cost_no_more_than_their_bytes() -> None:
    """A pty hands out 4 KiB: the frame must not be looked at again for each of them."""
    parser = FrameParser(61_440)
    whole = encode_frame(data_frame(1, 61_440))
    looked = 0
    scan = parser._scan

    def counted(*args: object) -> object:
        nonlocal looked
        looked += 1
        return scan(*args)

    parser._scan = counted
    assert feed(parser, whole, step=4_096) == [data_frame(1, 61_440)]
    assert looked == 3  # its beginning, its end, and what came behind it


def test_garbage_of_nothing_but_sync_is_taken_in_linear_time() -> None:
    """Each false start must cost its header and not the rest of the read."""
    parser = FrameParser(61_440)
    searched = memoryview(SYNC * 100_000)
    assert list(parser.feed(searched, 0.0)) == []
    assert parser.counters.header_crc_errors >= 99_000 and parser.held_bytes < HEADER_SIZE


# A frame that is all of a read takes a shorter way, by the same rules.


@pytest.mark.parametrize("size", [0, 1, 20, 100])
def test_of_a_frame_that_comes_as_one_read_no_bit_can_be_wrong(size: int) -> None:
    good = encode_frame(data_frame(1, size))
    assert list(FrameParser(MAX).feed(good, 0.0)) == [data_frame(1, size)]
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        assert list(FrameParser(MAX).feed(bytes(damaged), 0.0)) == [], bit


@pytest.mark.parametrize(
    ("frame", "bound"),
    [
        (data_frame(1, 101), 100),
        (Frame(FrameType.BYE, link=9, payload=bytes(CONTROL_MAX + 1)), MAX),
    ],
)
def test_a_frame_over_its_bound_that_comes_as_one_read_is_refused(frame: Frame, bound: int) -> None:
    parser = FrameParser(bound)
    assert list(parser.feed(encode_frame(frame), 0.0)) == []
    assert parser.counters.oversize >= 1
    assert parser.held_bytes <= HEADER_SIZE + bound + CRC_SIZE

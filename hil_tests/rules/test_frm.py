"""Frame: what is discarded, and what comes after it (spec: Frame)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest

from bwc_protocol.crc import crc32c
from bwc_protocol.frame import (
    CONTROL_MAX,
    SYNC,
    Bye,
    ByeReason,
    Frame,
    FrameType,
    Reset,
    ResetReason,
    encode_frame,
    pack_header,
    payload_crc,
)
from hil_tests.raw.link import ANSWER_S, RawLink
from hil_tests.raw.wire import Wire
from hil_tests.rules.pinging import ASIDE, answers, ignores, ping, pong
from hil_tests.verdicts import RuleBroken

pytestmark = pytest.mark.bwc_read_only

CUT_OFF_S: Final = 0.4
"""Longer than the 200 ms after which a frame that was cut off counts as bad."""
NO_PAUSE_S: Final = 0.05
"""Far less than those 200 ms."""
NEVER_S: Final = 3.0
"""How long is waited for what a device finds by its timer."""
RESET_PAYLOAD: Final = Reset(reason=ResetReason.NORMAL).encode()


def header(link: RawLink, type: int, length: int, channel: int = ASIDE) -> bytes:
    """A good header that promises a payload."""
    return pack_header(type, channel, link.nonce, 0, 0, 0, 0, 0, length, 1)


def reset(link: RawLink, payload: bytes = RESET_PAYLOAD) -> Frame:
    """RESET of an opening that the device never saw, which it has to answer (CHN-007)."""
    return link.frame(FrameType.RESET, channel=ASIDE, epoch=0, payload=payload)


def is_reset(frame: Frame) -> bool:
    return frame.type is FrameType.RESET and frame.channel == ASIDE


# Damage


@pytest.mark.rule("FRM-001")
@pytest.mark.parametrize("at", [4, 10, 18, 20, 23], ids=lambda at: f"byte {at}")
def test_a_frame_whose_header_crc_is_wrong_is_discarded(wire: Wire, at: int) -> None:
    link = wire.link()
    wrong = bytearray(ping(link)[1])
    wrong[at] ^= 0x01
    link.pipe.say(bytes(wrong))
    ignores(link, "no answer to a PING whose header CRC is wrong (FRM-001)")


@pytest.mark.rule("FRM-001")
@pytest.mark.parametrize("at", [24, 25, 28, 31], ids=lambda at: f"byte {at}")
def test_a_frame_whose_payload_crc_is_wrong_is_discarded(wire: Wire, at: int) -> None:
    link = wire.link()
    wrong = bytearray(encode_frame(reset(link)))
    wrong[at] ^= 0x02
    link.pipe.say(bytes(wrong))
    ignores(link, "no answer to a RESET whose payload CRC is wrong (FRM-001)")


@pytest.mark.rule("FRM-001")
def test_bytes_of_a_frame_whose_payload_crc_is_wrong_open_no_channel(wire: Wire) -> None:
    link = wire.link()
    first = link.frame(FrameType.DATA, channel=wire.bay, epoch=0, window=32, payload=wire.preamble()[:8])
    wrong = bytearray(encode_frame(first))
    wrong[-1] ^= 0x80
    link.pipe.say(bytes(wrong))
    said = link.settle(channel=wire.bay)
    if said.ack or said.window:
        raise RuleBroken(
            "a channel that stays closed, since its first frame was damaged (FRM-001)", f"{said!r}"
        )


@pytest.mark.rule("FRM-007")
def test_a_payload_crc_that_leaves_out_the_header_is_wrong(wire: Wire) -> None:
    link = wire.link()
    whole = encode_frame(reset(link))
    link.pipe.say(whole[:-4] + crc32c(RESET_PAYLOAD).to_bytes(4, "little"))
    ignores(link, "no answer to a RESET whose payload CRC covers the payload alone (FRM-007)")


@pytest.mark.rule("FRM-007")
def test_a_payload_with_its_crc_belongs_to_its_own_header_alone(wire: Wire) -> None:
    link = wire.link()
    other = encode_frame(reset(link)._replace(epoch=9))
    link.pipe.say(encode_frame(reset(link))[:24] + other[24:])
    ignores(link, "no answer to the header of one RESET with the payload and CRC of another (FRM-007)")


# What comes after it


@pytest.mark.rule("FRM-002")
@pytest.mark.parametrize("kept", [1, 2, 5, 23])
def test_the_search_goes_on_within_a_bad_header(wire: Wire, kept: int) -> None:
    link = wire.link()
    number, good = ping(link)
    link.pipe.say((SYNC + bytes(range(1, 24)))[:kept] + good)
    answers(link, number, "that began within what was taken for a header (FRM-002)")


@pytest.mark.rule("FRM-002")
def test_the_search_goes_on_within_a_bad_payload(wire: Wire) -> None:
    link = wire.link()
    number, good = ping(link)
    promise = header(link, FrameType.RESET, len(good) + 6)
    link.pipe.say(promise + b"\0\0\0" + good + b"\0\0\0" + b"\1\2\3\4")
    answers(link, number, "within what was taken for a payload, whose CRC is wrong (FRM-002)")


@pytest.mark.rule("FRM-002", "FRM-003")
@pytest.mark.parametrize(
    ("kind", "beyond"),
    [("DATA", 1), ("DATA", None), ("RESET", 1), ("HELLO", 1), ("BYE", None)],
    ids=["DATA", "DATA of 65535", "RESET", "HELLO", "BYE of 65535"],
)
def test_a_length_over_the_bound_is_refused_before_any_byte_of_it_comes(
    wire: Wire, kind: str, beyond: int | None
) -> None:
    link = wire.link()
    link.answers_pings = False  # or its bytes would fill up the payload
    assert link.granted is not None
    bound = link.granted.max_payload if kind == "DATA" else CONTROL_MAX
    number, good = ping(link)
    link.pipe.say(header(link, FrameType[kind], 0xFFFF if beyond is None else bound + beyond) + good)
    for _ in range(40):  # bytes, so that it is not silence that ends the wait for a payload
        if link.heard(pong(number), 0.03) is not None:
            return
        link.pipe.say(b"\0")
    raise RuleBroken(
        "PONG to the PING behind a header with a length over the bound, before a payload could have come "
        "(FRM-002, FRM-003)",
        link.told(),
    )


@pytest.mark.rule("FRM-004")
def test_a_frame_that_was_cut_off_does_not_swallow_the_next(wire: Wire) -> None:
    link = wire.link()
    link.answers_pings = False
    link.pipe.say(header(link, FrameType.RESET, CONTROL_MAX) + b"\1\2\3")
    link.listen(CUT_OFF_S)
    number, good = ping(link)
    link.pipe.say(good)
    what = "PONG to the PING that comes 200 ms after a frame was cut off (FRM-004)"
    link.expect(what, pong(number), NEVER_S)


@pytest.mark.rule("FRM-004", "FRM-002")
def test_a_good_frame_within_one_that_was_cut_off_is_found_when_its_time_is_up(wire: Wire) -> None:
    link = wire.link()
    link.answers_pings = False
    number, good = ping(link)
    link.pipe.say(header(link, FrameType.RESET, CONTROL_MAX) + good)
    what = "PONG to the PING within a frame that was cut off, once 200 ms of silence have passed (FRM-004)"
    link.expect(what, pong(number), NEVER_S)


@pytest.mark.rule("FRM-005")
def test_what_a_pipe_was_left_with_does_not_swallow_the_first_hello_of_the_next(wire: Wire) -> None:
    left = wire.link()
    left.pipe.say(header(left, FrameType.DATA, left.pipe.max_payload) + b"\1\2\3")
    left.pipe.close()
    link = wire.calling()
    if not wire.ends_are_told:
        link.call()  # the device cannot know that this is another pipe
        return
    # The silence that ends a frame (FRM-004) must not come to its help, nor the end of what it waits for.
    most = link.pipe.max_payload // (
        2 * len(encode_frame(Frame(FrameType.HELLO, payload=link.hello().encode())))
    )
    for _ in range(min(most, int(ANSWER_S / NO_PAUSE_S))):
        link.say_hello()
        if link.heard(lambda frame: frame.type in (FrameType.HELLO_ACK, FrameType.BYE), NO_PAUSE_S):
            return
    raise RuleBroken(
        "an answer to the HELLOs on a new pipe, whatever the one before was left with (FRM-005)", link.told()
    )


NOISE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "zeros": lambda good: bytes(100),
    "ones": lambda good: b"\xff" * 100,
    "text": lambda good: b"login: \r\nPassword: \x1b[0m\r\n",
    "the sync bytes again and again": lambda good: SYNC * 20,
    "half of the sync bytes": lambda good: SYNC[:1],
    "a frame that lacks its end": lambda good: good[:17],
    "a frame that lacks its first byte": lambda good: good[1:],
    "a frame with a byte too many": lambda good: good[:9] + b"\x00" + good[9:],
    "a frame with a byte too few": lambda good: good[:9] + good[10:],
    "noise": lambda good: random.Random(1).randbytes(333),
}


@pytest.mark.rule("FRM-006")
@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
def test_no_good_frame_is_lost_to_what_comes_before_it(wire: Wire, noise: Callable[[bytes], bytes]) -> None:
    link = wire.link()
    number, good = ping(link)
    link.pipe.say(noise(ping(link)[1]) + good)
    answers(link, number, "behind bytes that are none (FRM-006)")


@pytest.mark.rule("FRM-006")
def test_a_frame_that_comes_byte_by_byte_is_a_frame(wire: Wire) -> None:
    link = wire.link()
    number, good = ping(link)
    for byte in good:
        link.pipe.say(bytes([byte]), noted=False)
    answers(link, number, "that came byte by byte (FRM-006)")


@pytest.mark.rule("FRM-011")
@pytest.mark.parametrize("type", [0, 9, 15])
def test_a_frame_of_a_type_that_is_not_listed_is_skipped_as_a_whole(wire: Wire, type: int) -> None:
    link = wire.link()
    _, within = ping(link)
    promise = header(link, type, len(within))
    number, behind = ping(link, channel=ASIDE + 1)
    link.pipe.say(promise + within + payload_crc(promise, within) + behind)
    link.expect("PONG to the PING behind it (FRM-011)", pong(number, ASIDE + 1))
    ignores(link, "no answer to what is within a frame of an unknown type (FRM-011)")


# Fields and payloads


@pytest.mark.rule("FRM-008")
def test_reserved_bytes_of_a_host_are_ignored(wire: Wire) -> None:
    link = wire.calling()
    payload = link.hello().encode()[:-3] + b"\xff\xff\xff"
    link.say(FrameType.HELLO, link=0, payload=payload)
    link.expect(
        "HELLO_ACK to a HELLO with reserved bytes that are not 0 (FRM-008)",
        lambda f: f.type is FrameType.HELLO_ACK,
    )
    link.call()
    link.settle()
    link.pipe.say_frame(reset(link, bytes([ResetReason.NORMAL, 0xFF, 0, 0])))
    link.expect("an answer to a RESET whose reserved byte is not 0 (FRM-008)", is_reset)


@pytest.mark.rule("FRM-008", "FRM-010")
def test_reserved_bytes_and_void_fields_of_a_device_are_0(wire: Wire) -> None:
    link = wire.calling()
    link.say_hello(lowest=9, highest=9)
    bye = link.expect("BYE(VERSION) (LNK-018)", lambda f: f.type is FrameType.BYE)
    if bye.payload[9:12] != bytes(3):
        raise RuleBroken("reserved bytes of BYE that are 0 (FRM-008)", bye.payload.hex())
    _void(bye, "link", "channel", "epoch", "seq", "ack", "sack", "window")
    link.say_hello()
    granted = link.expect("HELLO_ACK", lambda f: f.type is FrameType.HELLO_ACK)
    _void(granted, "channel", "epoch", "seq", "ack", "sack", "window")
    link.call()
    _void(link.settle(), "ack", "sack", "window")
    link.pipe.say_frame(reset(link))
    answer = link.expect("an answer to RESET (CHN-007)", is_reset)
    _void(answer, "seq", "ack", "sack", "window")
    if answer.payload[1:2] != bytes(1):
        raise RuleBroken("a reserved byte of RESET that is 0 (FRM-008)", answer.payload.hex())


def _void(frame: Frame, *names: str) -> None:
    wrong = [name for name in names if getattr(frame, name)]
    if wrong:
        raise RuleBroken(f"0 in {', '.join(names)} of {frame.type.name} (FRM-010)", f"{frame!r}")


@pytest.mark.rule("FRM-009")
@pytest.mark.parametrize("surplus", [1, 52])
def test_a_control_payload_that_is_longer_than_it_is_known_is_taken(wire: Wire, surplus: int) -> None:
    link = wire.calling()
    link.say(FrameType.HELLO, link=0, payload=link.hello().encode() + bytes(range(surplus)))
    link.expect(
        f"HELLO_ACK to a HELLO with {surplus} bytes more (FRM-009)", lambda f: f.type is FrameType.HELLO_ACK
    )
    link.call()
    link.settle()
    link.pipe.say_frame(reset(link, RESET_PAYLOAD + bytes(surplus)))
    link.expect(f"an answer to a RESET with {surplus} bytes more (FRM-009)", is_reset)


@pytest.mark.rule("FRM-009")
@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_reset_that_ends_inside_a_known_field_is_discarded(wire: Wire, size: int) -> None:
    link = wire.link()
    link.pipe.say_frame(reset(link, RESET_PAYLOAD[:size]))
    ignores(link, f"no answer to a RESET of {size} bytes (FRM-009)")


@pytest.mark.rule("FRM-009")
def test_a_hello_or_bye_that_ends_inside_a_known_field_is_discarded(wire: Wire) -> None:
    link = wire.link()
    bye = Bye(reason=ByeReason.NORMAL).encode()
    link.say(FrameType.BYE, payload=bye[:8])
    link.settle("PONG on a link whose BYE ended inside a known field, and ended nothing (FRM-009)")
    link.say(FrameType.HELLO, link=0, payload=link.hello(host_nonce=link.host_nonce ^ 1).encode()[:8])
    link.settle()
    link.silent(
        "no answer to a HELLO that ends inside a known field (FRM-009)",
        lambda f: f.type in (FrameType.HELLO_ACK, FrameType.BYE),
        0.0,
    )


@pytest.mark.rule("FRM-010")
def test_fields_that_are_always_0_are_not_looked_at(wire: Wire) -> None:
    junk = {"window": 7, "seq": 513, "ack": 77, "sack": 0xDEAD}
    link = wire.calling()
    link.say(FrameType.HELLO, payload=link.hello().encode(), link=0x1234, channel=9, epoch=3, **junk)
    granted = link.expect(
        "HELLO_ACK to a HELLO with something in void fields (FRM-010)",
        lambda f: f.type is FrameType.HELLO_ACK,
    )
    link.call()
    link.settle()
    if granted.link != link.nonce:
        raise RuleBroken("the same HELLO_ACK to the same host nonce (LNK-002)", f"{granted!r}")
    link.say(FrameType.RESET, channel=ASIDE, epoch=0, payload=RESET_PAYLOAD, **junk)
    link.expect("an answer to a RESET with something in void fields (FRM-010)", is_reset)
    link.say_bye(ByeReason.NORMAL, channel=9, epoch=3, **junk)
    link.say(FrameType.PING, seq=4242)
    link.silent(
        "a link that is over by a BYE with something in void fields (FRM-010, LNK-011)",
        lambda f: f.type is FrameType.PONG and f.seq == 4242,
    )
    link.nonce = 0

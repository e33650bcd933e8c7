"""Frame: what is discarded, and what comes after it (spec: Frame)."""

from __future__ import annotations

import secrets

import pytest

from bwc_protocol.frame import FrameType, encode_frame
from hil_tests.raw.link import RawLink
from hil_tests.raw.wire import Wire

pytestmark = pytest.mark.bwc_read_only


def ping(link: RawLink) -> bytes:
    """The bytes of a PING."""
    return encode_frame(link.frame(FrameType.PING, seq=secrets.randbelow(2**16)))


@pytest.mark.rule("FRM-001")
@pytest.mark.parametrize("at", [4, 10, 18, 20, 23], ids=lambda at: f"byte {at}")
def test_a_frame_whose_header_crc_is_wrong_is_discarded(wire: Wire, at: int) -> None:
    link = wire.link()
    wrong = bytearray(ping(link))
    wrong[at] ^= 0x01
    link.pipe.say(bytes(wrong))
    link.settle("PONG to the good PING that follows a bad frame (FRM-001)")
    link.silent(
        "no answer to a PING whose header CRC is wrong (FRM-001)",
        lambda f: f.type is FrameType.PONG,
        for_s=0.0,
    )

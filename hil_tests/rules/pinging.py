"""PINGs as bytes: what a device makes of bytes is seen by whether it answers the PINGs among them."""

from __future__ import annotations

import secrets
from typing import Final

from bwc_protocol.frame import Frame, FrameType, encode_frame
from hil_tests.raw.link import RawLink, Wanted
from hil_tests.verdicts import RuleBroken

ASIDE: Final = 6
"""A channel that is no matter to anybody. PINGs of one channel may share an answer (LNK-014), so those that must not be
answered have one of their own."""


def ping(link: RawLink, **fields: int) -> tuple[int, bytes]:
    """The number and the bytes of a PING."""
    number = secrets.randbelow(2**16)
    return number, encode_frame(link.frame(FrameType.PING, **({"channel": ASIDE, "seq": number} | fields)))


def pong(number: int, channel: int = ASIDE) -> Wanted:
    """The PONG that answers it."""
    return lambda frame: frame.type is FrameType.PONG and frame.seq == number and frame.channel == channel


def answers(link: RawLink, number: int, what: str) -> Frame:
    """The PING is answered. Raises `RuleBroken`."""
    return link.expect(f"PONG to the good PING {what}", pong(number))


def ignores(link: RawLink, what: str) -> None:
    """Nothing answers what was said aside, neither as a frame of this link nor as one of another."""
    link.settle()
    said = link.heard(lambda f: f.channel == ASIDE or f.type is FrameType.BYE, 0.0)
    if said is not None:
        raise RuleBroken(what, f"it said {said!r}")

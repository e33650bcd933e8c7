"""Link: how a device grants links, and what it refuses (spec: Link)."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest

from bwc_protocol.frame import MIN_PAYLOAD, Bye, ByeReason, Frame, FrameType, HelloAck
from hil_tests.raw.link import A_WHILE_S, RawLink
from hil_tests.raw.pipe import PipeLost
from hil_tests.raw.wire import Wire
from hil_tests.rules.pinging import ASIDE, ignores
from hil_tests.verdicts import RuleBroken, not_tested

pytestmark = pytest.mark.bwc_read_only

SECOND_S: Final = 3.0
"""How long a second host waits for any answer."""
STRANGE_S: Final = 3.0
"""How long a device is spoken to on a link that it does not have: longer than the second in which it may be quiet."""


def is_ack(frame: Frame) -> bool:
    return frame.type is FrameType.HELLO_ACK


def is_bye(frame: Frame) -> bool:
    return frame.type is FrameType.BYE


def is_pong(frame: Frame) -> bool:
    return frame.type is FrameType.PONG


def offer(link: RawLink, what: str, **changes: Any) -> Frame:
    """The HELLO_ACK that must answer this HELLO."""
    link.say_hello(**changes)
    return link.expect(f"HELLO_ACK to {what}", is_ack)


def refusal(link: RawLink, reason: ByeReason, rule: str, **changes: Any) -> Bye:
    """The BYE that must answer this HELLO, with `link` 0 and the host nonce."""
    hello = link.hello(**changes)
    link.say_hello(**changes)
    said = link.expect(
        f"BYE({reason.name}) to a HELLO ({rule})", lambda f: f.type in (FrameType.BYE, FrameType.HELLO_ACK)
    )
    if said.type is not FrameType.BYE:
        raise RuleBroken(f"BYE({reason.name}) to {hello} ({rule})", f"{said!r}")
    bye = Bye.decode(said.payload)
    if bye.reason != reason or said.link or bye.host_nonce != hello.host_nonce:
        wanted = f"BYE({reason.name}) with `link` 0 and host nonce {hello.host_nonce:#x} ({rule})"
        raise RuleBroken(wanted, f"{said!r}, {bye}")
    return bye


def live(link: RawLink, rule: str) -> None:
    """The link is still live. Raises `RuleBroken`."""
    link.settle(f"PONG on a link that goes on ({rule})")


def dead(link: RawLink, rule: str) -> None:
    """The link is over: nothing on it is answered. Raises `RuleBroken`."""
    link.forget()
    link.say(FrameType.PING, seq=77)
    link.silent(f"no PONG on a link that is over ({rule})", lambda f: is_pong(f) and f.seq == 77)


def served_beside(wire: Wire, first: RawLink) -> RawLink:
    """A second host, on a pipe of its own. Skips where the way to the device serves one pipe at a time: one that lets
    the first go, or does not look at the second even when the device is free."""
    second = wire.calling(wire.another_pipe())
    try:
        second.say_hello()
        if second.heard(lambda f: True, SECOND_S) is None:
            first.close()
            second.say_hello()
            if second.heard(is_ack, SECOND_S) is None:
                not_tested("a second pipe beside the first: nobody looks at it")
            raise RuleBroken(
                "BYE(BUSY) to a HELLO on another pipe (LNK-008)", "silence, until the first link was over"
            )
        first.listen(0.0)
        first.pipe.say(b"")
    except PipeLost as lost:
        not_tested(f"a second pipe beside the first: {lost}")
    second.forget()
    return second


# Before a link


@pytest.mark.rule("LNK-001", "TRN-002")
def test_a_device_says_nothing_before_a_hello(wire: Wire) -> None:
    link = wire.calling()
    link.listen(0.05)  # what a serial line still held
    link.forget()
    heard = link.pipe.bytes_heard
    link.pipe.say(b"\r\nroot\r\nATZ\r\n" + bytes(40))
    link.silent("no frame before a HELLO (LNK-001)", lambda f: True)
    if link.pipe.bytes_heard != heard:
        raise RuleBroken("no byte before a HELLO (LNK-001, TRN-002)", f"{link.pipe.strange!r}")


@pytest.mark.rule("LNK-001", "LNK-010")
def test_frames_without_a_link_are_answered_by_one_bye_at_most(wire: Wire) -> None:
    link = wire.calling()
    for type in (FrameType.PING, FrameType.ACK, FrameType.DATA, FrameType.RESET, FrameType.PONG):
        link.say(
            type, link=0x5EED, epoch=0, payload=b"BWC\1" if type in (FrameType.DATA, FrameType.RESET) else b""
        )
    link.listen(A_WHILE_S)
    said = [heard.frame for heard in link.waiting]
    wrong = [f for f in said if not is_bye(f) or f.link != 0x5EED]
    if wrong or len(said) > 1:
        raise RuleBroken(
            "nothing, or one BYE(UNKNOWN_LINK) with the nonce of the frames (LNK-001, LNK-010)", link.told()
        )


@pytest.mark.rule("LNK-002")
def test_a_repeated_hello_gets_the_same_answer_before_and_after_the_link_is_live(wire: Wire) -> None:
    link = wire.calling()
    first, nonce = link.call(), link.nonce
    for when in ("again", "a third time"):
        again = offer(link, f"the same HELLO, said {when} (LNK-002)")
        if again.link != nonce or HelloAck.decode(again.payload) != first:
            raise RuleBroken(f"the same HELLO_ACK as before, of link {nonce:#x} (LNK-002)", f"{again!r}")
    live(link, "LNK-003")
    again = offer(link, "the HELLO of the live link, repeated (LNK-002)")
    if again.link != nonce or HelloAck.decode(again.payload) != first:
        raise RuleBroken(f"the same HELLO_ACK as before, of the live link {nonce:#x} (LNK-002)", f"{again!r}")
    live(link, "LNK-003")


@pytest.mark.rule("LNK-003")
def test_a_hello_of_another_host_ends_nothing_and_its_first_frame_does(wire: Wire) -> None:
    link = wire.link()
    heir = wire.calling(link.pipe)
    heir.call()
    if heir.nonce == link.nonce:
        raise RuleBroken("another nonce for another host (LNK-005)", f"{heir.nonce:#x} for both")
    link.settle("PONG on the live link while another host has a candidate (LNK-003)")
    heir.settle("PONG to the first frame of the candidate, which is live by that (LNK-003)")
    dead(link, "LNK-003: the candidate is live")
    link.nonce = 0
    live(heir, "LNK-003")


@pytest.mark.rule("LNK-004")
def test_a_candidate_is_replaced_by_the_next(wire: Wire) -> None:
    first = wire.calling()
    first.call()
    second = wire.calling(first.pipe)
    second.call()
    dead(first, "LNK-004: its candidate was replaced")
    first.nonce = 0
    live(second, "LNK-004")


@pytest.mark.rule("LNK-004")
def test_candidates_of_all_pipes_are_forgotten_when_a_link_becomes_live(wire: Wire) -> None:
    left = wire.calling()
    left.call()
    other = served_beside(wire, left)
    other.open()
    dead(left, "LNK-004: a link became live on another pipe")
    left.nonce = 0
    live(other, "LNK-004")


@pytest.mark.rule("LNK-005")
def test_nonces_of_links_are_neither_0_nor_used_again(wire: Wire) -> None:
    link = wire.calling()
    seen: set[int] = set()
    for turn in range(12):
        if turn % 3 == 0:  # the same host comes again with the same host nonce: another link all the same
            link.host_nonce ^= turn + 1
        link.call()
        live(link, "LNK-003")
        if not link.nonce or link.nonce in seen:
            raise RuleBroken("a nonce that is not 0 and was not used before (LNK-005)", f"{link.nonce:#x}")
        seen.add(link.nonce)
        link.close()
        link.forget()


# What is refused


@pytest.mark.rule("LNK-017")
@pytest.mark.parametrize("void", [{"max_payload": 19}, {"max_payload": 0}, {"max_window": 0}], ids=str)
def test_an_offer_that_no_link_works_with_is_refused(wire: Wire, void: dict[str, int]) -> None:
    link = wire.calling()
    link.call()
    live(link, "LNK-003")
    refusal(link, ByeReason.PROTOCOL, "LNK-017", host_nonce=link.host_nonce ^ 5, **void)
    live(link, "a refused HELLO leaves everything as it was")


@pytest.mark.rule("LNK-017")
@pytest.mark.parametrize(("payload", "window"), [(MIN_PAYLOAD, 1), (21, 32), (65_535, 2), (100, 255)])
def test_what_is_granted_is_within_the_offer(wire: Wire, payload: int, window: int) -> None:
    granted = wire.calling().call(max_payload=payload, max_window=window)
    if not MIN_PAYLOAD <= granted.max_payload <= payload or not 1 <= granted.window <= min(window, 32):
        raise RuleBroken(
            f"a payload of {MIN_PAYLOAD} to {payload} and a window of 1 to {min(window, 32)} (LNK-017)",
            f"{granted}",
        )


@pytest.mark.rule("LNK-018")
@pytest.mark.parametrize(("lowest", "highest"), [(2, 15), (200, 255), (0, 0)])
def test_a_host_of_other_versions_is_told_so(wire: Wire, lowest: int, highest: int) -> None:
    link = wire.link()
    refusal(
        link, ByeReason.VERSION, "LNK-018", lowest=lowest, highest=highest, host_nonce=link.host_nonce ^ 9
    )
    live(link, "a refused HELLO leaves everything as it was")


@pytest.mark.rule("LNK-018")
def test_the_version_of_a_link_is_one_that_both_speak(wire: Wire) -> None:
    link = wire.calling()
    granted = link.call(lowest=1, highest=1)
    if granted.version != 1:
        raise RuleBroken("version 1 of a host that speaks nothing else (LNK-018)", f"{granted}")
    granted = wire.calling(link.pipe).call(lowest=1, highest=255)
    if not 1 <= granted.version <= 15:
        raise RuleBroken("a version that fits into a frame (LNK-018)", f"{granted}")


@pytest.mark.rule("LNK-018", "LNK-017")
def test_a_version_is_refused_before_an_offer_that_is_void(wire: Wire) -> None:
    refusal(wire.calling(), ByeReason.VERSION, "LNK-018", lowest=9, highest=9, max_payload=1)


# A second host


@pytest.mark.rule("LNK-008")
def test_a_second_host_on_another_pipe_is_told_busy_and_nothing_of_the_first(wire: Wire) -> None:
    link = wire.link()
    second = served_beside(wire, link)
    refusal(second, ByeReason.BUSY, "LNK-008")
    refusal(second, ByeReason.BUSY, "LNK-008", lowest=9, highest=9, max_payload=1)
    second.say(FrameType.PING, link=link.nonce, seq=5)
    second.silent(
        "neither PONG nor BYE(BUSY) to a frame of the first host's link that comes by another pipe (LNK-003, LNK-008)",
        lambda f: is_pong(f) or (is_bye(f) and Bye.decode(f.payload).reason == ByeReason.BUSY),
    )
    live(link, "LNK-008")
    link.close()
    second.host_nonce ^= 1
    second.open()


# Whose frames count


@pytest.mark.rule("LNK-009")
def test_frames_of_another_link_do_nothing(wire: Wire) -> None:
    link = wire.link()
    strange = link.nonce ^ 0x0101
    first = wire.preamble()[:4]
    link.say(FrameType.DATA, link=strange, channel=wire.bay, epoch=0, window=32, payload=first)
    link.say(FrameType.RESET, link=strange, channel=ASIDE, epoch=0, payload=b"\1\0\0\0")
    link.say(FrameType.PING, link=strange, channel=ASIDE, seq=9)
    said = link.settle(channel=wire.bay)
    if said.ack or said.window:
        raise RuleBroken("a channel that DATA of another link did not open (LNK-009)", f"{said!r}")
    link.silent(
        "no answer to PING or RESET of another link but BYE(UNKNOWN_LINK) (LNK-009)",
        lambda f: not is_bye(f) and (f.channel == ASIDE or f.link != link.nonce),
    )


@pytest.mark.rule("LNK-010")
def test_a_stranger_is_told_once_a_second_at_most_and_on_its_own_link(wire: Wire) -> None:
    link = wire.link()
    strange = link.nonce ^ 0x00FF
    until = time.monotonic() + STRANGE_S
    while (
        not link.count(is_bye) and time.monotonic() < until
    ):  # another stranger may have been told just before
        link.say(FrameType.PING, link=strange, channel=ASIDE)
        link.listen(0.05)
    for _ in range(12):
        link.say(FrameType.PING, link=strange, channel=ASIDE)
    link.settle()
    byes = [heard for heard in link.waiting if is_bye(heard.frame)]
    if not byes:
        raise RuleBroken("BYE(UNKNOWN_LINK) to frames of an unknown link (LNK-010)", link.told())
    for heard in byes:
        if heard.frame.link != strange or Bye.decode(heard.frame.payload).reason != ByeReason.UNKNOWN_LINK:
            raise RuleBroken(
                f"BYE(UNKNOWN_LINK) of link {strange:#x}, as the frame (LNK-010)", f"{heard.frame!r}"
            )
    if len(byes) > 2 + int(byes[-1].at - byes[0].at):
        raise RuleBroken("at most one BYE(UNKNOWN_LINK) a second (LNK-010)", f"{len(byes)} in a moment")
    live(link, "LNK-010")


@pytest.mark.rule("LNK-011")
def test_only_a_bye_of_its_own_link_ends_a_link(wire: Wire) -> None:
    link = wire.link()
    for nonce in (link.nonce ^ 1, 0, link.host_nonce):
        link.pipe.say_frame(
            Frame(
                FrameType.BYE,
                link=nonce,
                payload=Bye(reason=ByeReason.NORMAL, host_nonce=link.host_nonce).encode(),
            )
        )
        live(link, "LNK-011: the BYE was of another link")
    link.say_bye(ByeReason.NORMAL)
    dead(link, "LNK-011: it was told BYE")
    link.nonce = 0


@pytest.mark.rule("LNK-012")
@pytest.mark.parametrize("type", [FrameType.BYE, FrameType.HELLO_ACK], ids=lambda t: t.name)
def test_what_is_about_links_is_never_answered_by_unknown_link(wire: Wire, type: FrameType) -> None:
    link = wire.link()
    ack = HelloAck(host_nonce=1, max_payload=64, version=1, window=1)
    payload = Bye(reason=ByeReason.NORMAL).encode() if type is FrameType.BYE else ack.encode()
    link.say(type, link=link.nonce ^ 3, payload=payload)
    ignores(link, f"no BYE to a {type.name} of an unknown link (LNK-012)")


@pytest.mark.rule("LNK-012")
def test_a_hello_that_names_a_link_is_answered_by_hello_ack_alone(wire: Wire) -> None:
    link = wire.link()
    link.say(FrameType.HELLO, link=link.nonce ^ 3, payload=link.hello().encode())
    link.expect("HELLO_ACK, whatever the header of HELLO says (LNK-012, FRM-010)", is_ack)
    ignores(link, "no BYE to a HELLO of an unknown link (LNK-012)")


@pytest.mark.rule("LNK-020")
def test_frames_of_another_version_are_discarded_and_bye_is_obeyed_in_any(wire: Wire) -> None:
    link = wire.link()
    link.say(FrameType.PING, channel=ASIDE, seq=3, version=2)
    link.say(FrameType.RESET, channel=ASIDE, epoch=0, payload=b"\1\0\0\0", version=15)
    ignores(link, "no answer to frames of a version that was not chosen (LNK-020)")
    link.say(FrameType.HELLO, link=0, payload=link.hello().encode(), version=7)
    link.expect("HELLO_ACK to a HELLO whose header names another version (LNK-020)", is_ack)
    link.say_bye(ByeReason.NORMAL, version=7)
    dead(link, "LNK-020: BYE counts in every version")
    link.nonce = 0


@pytest.mark.rule("LNK-021")
def test_a_bye_with_the_nonce_of_a_candidate_forgets_it_and_the_live_link_goes_on(wire: Wire) -> None:
    link = wire.link()
    heir = wire.calling(link.pipe)
    heir.call()
    heir.say_bye(ByeReason.NORMAL)
    live(link, "LNK-021: the BYE was of the candidate")
    dead(heir, "LNK-021: its candidate was given up by BYE")
    heir.nonce = 0
    live(link, "LNK-021")


@pytest.mark.rule("LNK-022")
@pytest.mark.parametrize("channel", [65, 128, 255])
def test_frames_of_a_channel_above_64_are_not_answered(wire: Wire, channel: int) -> None:
    link = wire.link()
    link.say(FrameType.PING, channel=channel, seq=3)
    link.say(FrameType.RESET, channel=channel, epoch=0, payload=b"\1\0\0\0")
    link.say(FrameType.DATA, channel=channel, epoch=0, window=32, payload=b"BWC\1")
    link.settle()
    link.silent(f"nothing on channel {channel} (LNK-022)", lambda f: f.channel == channel or is_bye(f), 0.0)

"""Channel: epochs, openings and resets (spec: Channel)."""

from __future__ import annotations

import pytest

from bwc_protocol.frame import FrameType, Reset, ResetReason
from hil_tests.raw.link import Wanted
from hil_tests.raw.wire import Wire
from hil_tests.rules.channels import (
    PREAMBLE,
    begun,
    blame,
    is_open,
    nowhere,
    repeats_resets,
    speaks,
    state,
)
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

pytestmark = pytest.mark.bwc_read_only


@pytest.mark.rule("CHN-002")
@pytest.mark.parametrize(
    ("epoch", "seq"), [(1, 0), (2, 0), (255, 0), (254, 0), (128, 0), (0, 1), (0, 65_535)]
)
def test_only_frame_0_of_the_next_epoch_opens_a_channel(wire: Wire, epoch: int, seq: int) -> None:
    channel = wire.link().channel(wire.bay)
    channel.epoch = epoch
    channel.say(wire.preamble()[:1], seq=seq)
    if is_open(said := state(channel)):
        raise RuleBroken(
            f"a channel that stays closed: epoch 0 and frame 0 come next, not epoch {epoch} and frame {seq} (CHN-002)",
            f"{said!r}",
        )
    said_more = channel.link.heard(channel.is_anything, 0.0)
    if said_more is not None:
        raise RuleBroken("no answer to DATA that opens nothing (CHN-002)", f"{said_more!r}")
    channel.epoch = 255
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()


@pytest.mark.rule("CHN-002")
def test_an_open_channel_is_not_opened_again_and_a_closed_one_in_the_next_epoch(wire: Wire) -> None:
    channel = begun(wire)
    first = channel.epoch
    for epoch in (first + 1, first + 2):
        channel.say(wire.preamble()[:1], seq=0, epoch=epoch % 256)
        if is_open(said := state(channel, epoch % 256)):
            raise RuleBroken("an open channel that stays in its epoch (CHN-002)", f"{said!r}")
    channel.say(wire.preamble()[1:2])
    channel.wait_acknowledged()
    channel.reset()
    channel.link.forget()
    for epoch in (first, first + 2, first - 1):
        channel.say(wire.preamble()[:1], seq=0, epoch=epoch % 256)
        if is_open(said := state(channel, epoch % 256)):
            raise RuleBroken(
                f"DATA of epoch {epoch % 256} that opens nothing after epoch {first} (CHN-002)", f"{said!r}"
            )
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()


@pytest.mark.rule("CHN-002", "CHN-007")
def test_epochs_go_round(wire: Wire) -> None:
    channel = wire.link().channel(wire.bay)
    for epoch in range(255):
        channel.say_reset(epoch=epoch)
        if epoch % 16 == 15:
            channel.link.settle()
    channel.link.settle()
    channel.link.forget()
    channel.epoch = 254
    for epoch in (255, 0):
        what = f"an opening in epoch {epoch}, after 255 that were reset (CHN-002, CHN-007)"
        channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged(what)
        if channel.epoch != epoch:
            not_tested("the device took no handshakes in between")
        channel.reset()


@pytest.mark.rule("CHN-004")
def test_each_reset_of_a_closed_channel_is_answered(wire: Wire) -> None:
    channel = begun(wire)
    for _ in range(3):
        channel.reset()  # the first ends it; the others are its repetitions, whose answers were lost
    answers = [reset.reason for reset in channel.resets]
    if set(answers) != {ResetReason.ANSWER}:
        raise RuleBroken("RESET(ANSWER) to each RESET (CHN-004)", ", ".join(r.name for r in answers))


@pytest.mark.rule("CHN-005")
def test_an_answer_is_not_answered(wire: Wire) -> None:
    link = wire.link()
    channel = link.channel(wire.bay)
    channel.say_reset(ResetReason.ANSWER, epoch=255)
    channel.say_reset(ResetReason.ANSWER, epoch=0)
    link.settle()
    link.silent("no answer to an ANSWER, of a channel that was never open (CHN-005)", _of(wire.bay), 0.0)
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()
    channel.reset()
    channel.say_reset(ResetReason.ANSWER)
    link.settle()
    link.silent("no answer to an ANSWER, of a channel that is closed (CHN-005)", channel.is_reset, 0.0)
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()
    link.forget()
    channel.say_reset(ResetReason.ANSWER)
    link.settle()
    link.silent("no answer to an ANSWER, of a channel that is open (CHN-005)", channel.is_reset, 0.0)


def _of(number: int) -> Wanted:
    """RESET of a channel, of whatever epoch."""
    return lambda frame: frame.type is FrameType.RESET and frame.channel == number


@pytest.mark.rule("CHN-006")
@pytest.mark.bwc_fails_a_handshake
def test_a_reset_is_repeated_until_it_is_answered_and_then_no_more(wire: Wire) -> None:
    channel = repeats_resets(wire)
    if channel is None:
        blame(wire, "CHN-006", "RESET again, while nobody answers it")
        return
    channel.say_reset(ResetReason.ANSWER)
    channel.link.settle()
    channel.resets.clear()
    channel.link.listen(1.2)
    if channel.resets:
        raise RuleBroken("no RESET any more once it is answered (CHN-006)", channel.resets[0].reason.name)
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()


@pytest.mark.rule("CHN-006")
@pytest.mark.bwc_fails_a_handshake
def test_an_opening_of_the_next_epoch_says_that_the_reset_was_understood(wire: Wire) -> None:
    channel = wire.link().channel(wire.bay)
    channel.open_when_taken(b"?" * PREAMBLE)
    if not channel.resets and channel.link.heard(channel.is_reset, 4.0) is None:
        not_tested("the device resets nothing by itself yet")
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()


@pytest.mark.rule("CHN-007")
def test_a_reset_of_the_next_epoch_is_that_of_an_opening_that_was_lost(wire: Wire) -> None:
    channel = wire.link().channel(wire.bay)
    for epoch in (0, 1):
        channel.epoch = epoch
        channel.reset()
    for late in (0, 1):
        channel.say(wire.preamble()[:1], seq=0, epoch=late)
        if is_open(said := state(channel, late)):
            raise RuleBroken(
                f"DATA of epoch {late} that opens nothing, since it was reset (CHN-007)", f"{said!r}"
            )
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()


@pytest.mark.rule("CHN-008", "CHN-028")
def test_a_channel_without_a_device_is_refused_in_each_epoch(wire: Wire) -> None:
    link = wire.link()
    channel = link.channel(nowhere(wire))
    for epoch in range(4):
        channel.epoch = epoch
        channel.seq = 0
        channel.say(wire.preamble()[:1])
        said = link.expect(
            f"RESET(NO_DEVICE) of epoch {epoch} to the opening of channel {channel.number} (CHN-008, CHN-028)",
            lambda f: f.channel == channel.number,
        )
        if said.type is FrameType.ACK:
            not_applicable(f"there is a device behind channel {channel.number}")
        if said.type is not FrameType.RESET or said.epoch != epoch:
            raise RuleBroken(f"RESET of epoch {epoch} (CHN-008, CHN-028)", f"{said!r}")
        if Reset.decode(said.payload).reason is not ResetReason.NO_DEVICE:
            raise RuleBroken("RESET(NO_DEVICE) (CHN-028)", f"{Reset.decode(said.payload)}")
        channel.say_reset(ResetReason.ANSWER)
        link.settle()
        link.forget()
    channel.say_reset()
    answer = link.expect("an answer to RESET of the refused epoch (CHN-004)", _of(channel.number))
    if answer.epoch != channel.epoch or Reset.decode(answer.payload).reason is not ResetReason.ANSWER:
        raise RuleBroken(f"RESET(ANSWER) of epoch {channel.epoch} (CHN-004, CHN-028)", f"{answer!r}")


@pytest.mark.rule("CHN-009")
def test_a_reset_of_an_older_epoch_ends_nothing(wire: Wire) -> None:
    channel = begun(wire)
    channel.reset()
    channel.open_when_taken(wire.preamble()[:1]).wait_acknowledged()
    channel.link.forget()
    for older in (1, 2, 100):
        channel.say_reset(epoch=(channel.epoch - older) % 256)
    channel.link.settle()
    channel.link.silent("no answer to a RESET of an older epoch (CHN-009)", _of(wire.bay), 0.0)
    if not is_open(said := state(channel)):
        raise RuleBroken("a channel that is still open (CHN-009)", f"{said!r}")
    channel.say(wire.preamble()[1:2])
    channel.wait_acknowledged()


@pytest.mark.rule("CHN-010", "CHN-019")
def test_reset_discards_what_came_and_what_was_to_be_sent(wire: Wire) -> None:
    channel = begun(wire, 9)
    channel.reset()
    channel.window = 0  # so that all that the device has to say waits
    channel.open_when_taken(wire.preamble()).wait_acknowledged()
    channel.reset()
    channel.link.forget()
    channel.window = 32
    channel.open_when_taken(wire.preamble())
    speaks(channel)
    said = channel.wait_inbox(
        PREAMBLE, "the device's preamble after two epochs that were cut short (CHN-010)"
    )
    if said[:4] != b"BWC\1" or said[8:9] == b"\1":
        raise RuleBroken("a preamble, and nothing of an earlier epoch (CHN-010)", said.hex())
    channel.link.listen(0.05)
    if channel.inbox.count(b"BWC\1") > 1:
        raise RuleBroken(
            "one preamble, and nothing of an earlier epoch (CHN-010)", bytes(channel.inbox).hex()
        )


@pytest.mark.rule("CHN-017")
def test_reports_of_an_epoch_that_is_not_open_open_no_window(wire: Wire) -> None:
    channel = begun(wire, PREAMBLE - 1, window=0)
    channel.link.answers_pings = False
    channel.say(wire.preamble()[-1:])
    for epoch in (channel.epoch + 1, channel.epoch - 1):
        for type in (FrameType.ACK, FrameType.PONG, FrameType.PING):
            channel.link.say(type, channel=wire.bay, epoch=epoch % 256, ack=0, window=32)
    channel.link.settle()
    channel.link.silent(
        "no DATA: the only window was told of an epoch that is not open (CHN-017)", channel.is_data
    )
    channel.window = 32
    channel.say_ack()
    speaks(channel)


@pytest.mark.rule("CHN-022")
def test_a_stalled_channel_holds_up_no_other(wire: Wire) -> None:
    channel = begun(wire, PREAMBLE - 1, window=0)
    channel.say(wire.preamble()[-1:])
    other = channel.link.channel(nowhere(wire))
    other.epoch = 0
    other.say_reset()
    other.link.expect("an answer of another channel, while the first is stalled (CHN-022)", _of(other.number))
    channel.link.settle("PONG of another channel, while the first is stalled (CHN-022)", other.number)

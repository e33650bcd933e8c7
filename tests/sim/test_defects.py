"""Devices that break one rule: in one camera, by its name, and in nothing else."""

import random

import pytest
from typer.testing import CliRunner

from bwc_protocol.frame import Frame, FrameParser, FrameType, encode_frame
from bwc_protocol.link import Link
from bwc_sdk.cli.app import app
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.defects import DEFECTS
from firmware_sim.defects.parser import PlainParser
from firmware_sim.ports.memory import forget_sims, open_sim
from tests.tiers import seeds


@pytest.mark.parametrize("seed", seeds(20))
def test_the_parser_that_breaks_rules_is_sound_until_it_is_told_to(seed: int) -> None:
    rng = random.Random(seed)
    wire = bytearray()
    for _ in range(30):
        payload = rng.randbytes(rng.choice([0, 1, 20, 64, 300]))
        kind = FrameType.DATA if payload else FrameType.PING
        frame = encode_frame(Frame(kind, link=rng.getrandbits(32), seq=rng.getrandbits(16), payload=payload))
        match rng.randrange(6):
            case 0:
                frame = frame[: rng.randrange(len(frame))]
            case 1:
                at = rng.randrange(len(frame))
                frame = frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]
            case 2:
                frame = rng.randbytes(rng.randrange(40)) + b"\xb3" + frame
        wire += frame
    sound, plain = FrameParser(256), PlainParser(256, lambda damage: None)
    heard: tuple[list[Frame], list[Frame]] = [], []
    now, at = 0.0, 0
    while at < len(wire):
        size, now = rng.randrange(1, 200), now + rng.choice([0.0, 0.01, 0.25])
        for parser, frames in zip((sound, plain), heard, strict=True):
            frames += parser.expire(now)
            frames += parser.feed(bytes(wire[at : at + size]), now)
        at += size
    for parser, frames in zip((sound, plain), heard, strict=True):
        frames += parser.expire(now + 1)
    assert heard[0] == heard[1] and len(heard[0]) > 3


def test_a_defect_is_in_one_camera_and_in_no_other_of_the_process() -> None:
    try:
        broken = open_sim(DeviceUri.parse("sim:?seed=3&recordings=0&defect=any-bye")).camera
        sound = open_sim(DeviceUri.parse("sim:?seed=3&recordings=0")).camera
        assert broken is not sound
        assert broken.profile.link is not Link and sound.profile.link is Link
    finally:
        forget_sims()


def test_names_of_rules_that_are_broken_are_listed_and_a_name_that_is_unknown_says_where() -> None:
    listed = CliRunner().invoke(app, ["sim", "--defect", "list"])
    assert listed.exit_code == 0
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        [defect.name, defect.rule] for defect in DEFECTS.values()
    ]
    wrong = CliRunner().invoke(app, ["sim", "--defect", "nice"])
    assert wrong.exit_code == 2 and "--defect list" in wrong.stderr
    with pytest.raises(ValueError, match="bwc sim --defect list"):
        open_sim(DeviceUri.parse("sim:?defect=nice"))

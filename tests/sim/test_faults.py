"""Fault plans: read strictly, replayed exactly, and acting on frames where there are frames."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.frame import Frame, FrameType, encode_frame
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.fault_pipe import FaultyPipe
from firmware_sim.faults.frame_units import FrameUnits
from firmware_sim.faults.plan import Affliction, FaultCount, FaultPlan, FaultSyntaxError, Strike, Way
from firmware_sim.virtual_time import run_virtual

NewCamera = Callable[..., SimCamera]
FRAMES = [encode_frame(Frame(FrameType.DATA, seq=n, payload=bytes([n]) * (n * 7))) for n in range(60)]


# The grammar


def test_a_plan_says_what_was_written() -> None:
    text = (
        "drop=0.2, flip.rx=1e-5,delay=0.05,cut@100000,stall@5000:1.5,cut%70000,reboot@9,vanish@8,rot=2,bad=1"
    )
    plan = FaultPlan.parse(text, seed=4)
    assert plan.strength(Affliction.DROP, Way.TX) == plan.strength(Affliction.DROP, Way.RX) == 0.2
    assert plan.strength(Affliction.FLIP, Way.RX) == 1e-5
    assert plan.strength(Affliction.FLIP, Way.TX) == 0
    assert [str(trigger) for trigger in plan.triggers] == [
        "cut@100000",
        "stall@5000:1.5",
        "cut%70000",
        "reboot@9",
        "vanish@8",
    ]
    assert {decay.value: count for decay, count in plan.decays.items()} == {"rot": 2, "bad": 1}
    assert FaultPlan.parse(str(plan), seed=4) == plan


def test_an_empty_plan_is_no_plan() -> None:
    assert not FaultPlan.parse("").on_link
    assert not FaultPlan.parse("rot=1").on_link


@pytest.mark.parametrize(
    "word",
    [
        "drop",
        "drop=2",
        "drop=-0.1",
        "drop=x",
        "drop@5",
        "drop=0.1:3",
        "drop.up=0.1",
        "flip=nan",
        "delay=1e9",
        "cut=5",
        "cut@-1",
        "cut@1.5",
        "cut%0",
        "cut@5:1",
        "cut.rx@5",
        "stall@5:0",
        "stall@5:.",
        "rot=0",
        "rot@1",
        "rot=99999",
        "melt=1",
        "DROP=0.1",
        "drop=0.1;flip=0.1",
    ],
)
def test_a_word_that_cannot_be_read_is_named(word: str) -> None:
    with pytest.raises(FaultSyntaxError) as error:
        FaultPlan.parse(f"delay=0.1,{word}")
    assert repr(word) in str(error.value)


def test_strikes_come_in_order_once_or_again_and_again() -> None:
    count = FaultCount(FaultPlan.parse("cut@100,stall%40"))
    seen = []
    while count.passed < 130:
        step = count.until_strike()
        assert step is not None
        count.passed += step
        seen += [(count.passed, trigger.strike) for trigger in count.strikes()]
    assert seen == [
        (40, Strike.STALL),
        (80, Strike.STALL),
        (100, Strike.CUT),
        (120, Strike.STALL),
        (160, Strike.STALL),
    ]


# Frames in a stream


@given(st.lists(st.sampled_from(FRAMES), max_size=12), st.lists(st.integers(1, 200), max_size=40))
def test_frames_come_out_whole_wherever_the_stream_is_cut(frames: list[bytes], cuts: list[int]) -> None:
    units, stream, found = FrameUnits(), b"".join(frames), []
    for cut in [*cuts, len(stream)]:
        found += units.feed(stream[:cut])
        stream = stream[cut:]
    assert found == frames


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_whatever_comes_passes_in_order_but_for_the_begin_of_one_frame(pieces: list[bytes]) -> None:
    units = FrameUnits()
    passed = b"".join(unit for piece in pieces for unit in units.feed(piece))
    assert b"".join(pieces).startswith(passed)


# The pipe


class Ends:
    """Both ends of a faulty pipe: what reached the host, what reached the device, and when."""

    max_payload = 61_440

    def __init__(self, camera: SimCamera, plan: str, seed: int = 1) -> None:
        self.host: list[tuple[float, bytes]] = []
        self.device: list[tuple[float, bytes]] = []
        self.over: list[str] = []
        self.loop = asyncio.get_running_loop()
        self.pipe = FaultyPipe(camera, self, FaultCount(FaultPlan.parse(plan, seed)))
        self.pipe.user = Port(self)

    def room(self) -> int:
        return 1 << 20

    def write(self, parts: list[bytes]) -> None:
        self.host.append((self.loop.time(), b"".join(parts)))

    def restarted(self) -> None:
        self.over.append("restarted")

    def pull(self) -> None:
        self.over.append("pulled")


class Port:
    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    def received(self, data: bytes | memoryview) -> None:
        self.ends.device.append((self.ends.loop.time(), bytes(data)))

    def writable(self) -> None: ...

    def host_left(self) -> None: ...

    def lost(self) -> None:
        self.ends.over.append("lost")


def play(camera: SimCamera, plan: str, seed: int = 1, frames: list[bytes] = FRAMES * 10) -> Ends:
    """Sends frames to the host, a millisecond apart, and waits a second."""

    async def run() -> Ends:
        ends = Ends(camera, plan, seed)
        for frame in frames:
            ends.pipe.write([frame[:24], frame[24:]])
            await asyncio.sleep(0.001)
        await asyncio.sleep(1.0)
        return ends

    return run_virtual(run())


def arrived(ends: Ends) -> list[bytes]:
    return [data for _, data in ends.host]


def test_dropped_frames_are_lost_whole_and_at_the_rate_of_the_plan(camera: SimCamera) -> None:
    frames = arrived(play(camera, "drop.rx=0.2"))
    assert set(frames) <= set(FRAMES)
    assert 0.7 * 600 < len(frames) < 0.9 * 600


def test_flipped_bits_are_as_many_as_the_plan_says(camera: SimCamera) -> None:
    ends = play(camera, "flip.rx=1e-3")
    sent, came = b"".join(FRAMES * 10), b"".join(arrived(ends))
    assert len(sent) == len(came)
    flipped = (int.from_bytes(sent, "big") ^ int.from_bytes(came, "big")).bit_count()
    assert 0.9e-3 < flipped / (len(sent) * 8) < 1.1e-3


def test_duplicated_and_reordered_frames_are_all_there(camera: SimCamera) -> None:
    twice = arrived(play(camera, "duplicate.rx=0.1"))
    assert 630 < len(twice) < 690
    mixed = arrived(play(camera, "reorder.rx=0.1"))
    assert sorted(mixed) == sorted(FRAMES * 10)
    assert mixed != FRAMES * 10


def test_a_delay_holds_each_frame_and_keeps_the_order(camera: SimCamera) -> None:
    ends = play(camera, "delay.rx=0.05,jitter.rx=0.02")
    assert arrived(ends) == FRAMES * 10
    late = [at - index * 0.001 for index, (at, _) in enumerate(ends.host)]
    assert min(late) >= 0.05
    assert max(late) < 0.072


def test_a_cable_is_pulled_at_the_very_byte(camera: SimCamera) -> None:
    for at in (0, 1, 24, 25, 1000):
        ends = play(camera, f"cut@{at}")
        assert sum(map(len, arrived(ends))) == at
        assert ends.over == ["pulled", "lost"]


def test_both_directions_count_towards_a_strike(camera: SimCamera) -> None:
    async def run() -> Ends:
        ends = Ends(camera, "cut@100")
        ends.pipe.received(b"x" * 60)
        ends.pipe.write([b"y" * 60])
        await asyncio.sleep(1.0)
        return ends

    ends = run_virtual(run())
    assert [len(data) for _, data in ends.device] == [60]
    assert [len(data) for _, data in ends.host] == [40]


def test_a_stall_that_ends_loses_nothing_and_one_that_does_not_loses_all(camera: SimCamera) -> None:
    ends = play(camera, "stall@1000:0.3")
    assert b"".join(arrived(ends)) == b"".join(FRAMES * 10)
    gaps = [after - before for (before, _), (after, _) in zip(ends.host, ends.host[1:], strict=False)]
    assert max(gaps) == pytest.approx(0.3, abs=0.002)
    assert sum(map(len, arrived(play(camera, "stall@1000")))) == 1000


def test_a_host_that_opens_the_device_again_ends_a_stall(camera: SimCamera) -> None:
    async def run() -> Ends:
        ends = Ends(camera, "stall@10")
        ends.pipe.write([b"y" * 60])
        ends.pipe.host_left()
        ends.pipe.write([b"z" * 60])
        await asyncio.sleep(0.1)
        return ends

    assert arrived(run_virtual(run())) == [b"y" * 10, b"z" * 60]


def test_the_same_plan_and_seed_do_the_same(camera: SimCamera) -> None:
    plan = "drop=0.1,flip=1e-4,duplicate=0.1,reorder=0.1,jitter=0.01"
    assert play(camera, plan).host == play(camera, plan).host
    assert play(camera, plan).host != play(camera, plan, seed=2).host


def test_a_device_resets_itself_and_a_recording_goes_where_the_plan_says(new_camera: NewCamera) -> None:
    camera = new_camera(recordings=2)
    play(camera, "vanish@500,reboot@1000")
    assert not camera.running
    assert camera.recording_count == 1
    assert [recording.sequence for recording in camera.listing(0, 9)] == [2]


def test_rotten_bits_and_bad_chunks_are_there_from_the_start(new_camera: NewCamera) -> None:
    def reads(camera: SimCamera) -> tuple[int, int]:
        """Chunks that do not hash to their table, and chunks that cannot be read."""
        wrong = bad = 0
        for recording in camera.listing(0, 9):
            for index in range(2):
                try:
                    data = recording.blobs[0].read(index << 20, 1 << 20)
                except OSError:
                    bad += 1
                    continue
                wrong += hashlib.sha256(data).digest() != recording.tables[0][32 * index : 32 * index + 32]
        return wrong, bad

    sound = new_camera(recordings=3)
    assert reads(sound) == (0, 0)
    rotten = new_camera(recordings=3, faults=FaultPlan.parse("rot=1", 3))
    assert reads(rotten) == (1, 0)
    broken = new_camera(recordings=3, faults=FaultPlan.parse("bad=1", 3))
    assert reads(broken) == (0, 1)
    hashes: Any = [[r.manifest_sha256 for r in c.listing(0, 9)] for c in (sound, rotten, broken)]
    assert hashes[0] == hashes[1] == hashes[2], "what the camera states does not change"

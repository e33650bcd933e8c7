"""Fault plans in a line, in a file and from a seed say the same; what is due at another time than a byte comes then."""

from __future__ import annotations

import asyncio
import json
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.audit import AuditKind
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device import BOOT_S
from firmware_sim.faults.arming import arm
from firmware_sim.faults.drawn import drawn
from firmware_sim.faults.plan import (
    AFTER_MAX_S,
    AT_MAX,
    COUNT_MAX,
    SECONDS_MAX,
    Affliction,
    Count,
    Decay,
    FaultCount,
    FaultPlan,
    FaultSyntaxError,
    Strike,
    Trigger,
    Way,
)
from firmware_sim.faults.plan_file import FILE_MAX, parse_toml, read_plan, schema, to_toml
from firmware_sim.faults.reading import read_faults
from firmware_sim.flash.flash import PowerLost, Unsynced
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.tiers import times
from tools.testkit.json_schema import valid

NewCamera = Callable[..., SimCamera]
TIMES = (Affliction.DELAY, Affliction.JITTER)


@st.composite
def triggers(draw: st.DrawFn) -> Trigger:
    strike = draw(st.sampled_from(Strike))
    count = Count.OPERATION if strike is Strike.FAIL else draw(st.sampled_from(Count))
    every = draw(st.booleans())
    at: float
    if count is Count.SECOND:
        at = draw(st.floats(1.0 if every else 0.0, AFTER_MAX_S))
    else:
        at = draw(st.integers(0 if count is Count.BYTE and not every else 1, AT_MAX))
    lasts = st.none() | st.floats(0, SECONDS_MAX, exclude_min=True)
    seconds = draw(lasts) if strike is Strike.STALL else None
    unsynced = draw(st.none() | st.sampled_from(Unsynced)) if strike is Strike.POWER else None
    return Trigger(strike, at, every, seconds, count, unsynced)


PLANS = st.builds(
    FaultPlan,
    st.dictionaries(st.tuples(st.sampled_from(Affliction), st.sampled_from(Way)), st.floats(0, 1)),
    st.lists(triggers(), max_size=5).map(tuple),
    st.dictionaries(st.sampled_from(Decay), st.integers(1, COUNT_MAX)),
    st.integers(0, 0xFFFF_FFFF),
)


@settings(max_examples=times(40))
@given(PLANS)
def test_a_plan_is_the_same_in_a_line_and_in_a_file(plan: FaultPlan) -> None:
    assert FaultPlan.parse(str(plan), plan.seed) == plan
    text = to_toml(plan)
    assert parse_toml(text) == plan
    assert valid(tomllib.loads(text), json.loads(schema())), text


def test_the_page_shows_a_plan_that_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "benches.md").read_text("utf-8")
    text = page.partition("## Fault plans")[2].partition("```toml\n")[2].partition("```")[0]
    assert len(parse_toml(text).triggers) == 2
    assert valid(tomllib.loads(text), json.loads(schema()))


@given(st.integers(0, 0xFFFF_FFFF))
def test_what_a_seed_draws_is_a_plan_that_can_be_kept_and_repeated(seed: int) -> None:
    plan = drawn(seed)
    assert plan == drawn(seed) == parse_toml(to_toml(plan)) == read_faults(f"seed:{seed}")
    assert plan.on_link or plan.decays


def test_seeds_draw_every_kind_of_fault_and_most_of_them_another_plan() -> None:
    plans = [drawn(seed) for seed in range(200)]
    assert {trigger.strike for plan in plans for trigger in plan.triggers} == set(Strike)
    assert {trigger.count for plan in plans for trigger in plan.triggers} == set(Count)
    assert {kind for plan in plans for kind, _ in plan.afflictions} == set(Affliction)
    assert {kind for plan in plans for kind in plan.decays} == set(Decay)
    assert len({str(plan) for plan in plans}) == len(plans)


BAD = {
    "no-toml": ("cut", "no TOML"),
    "unknown": ("melt = 1", "at its top there is no 'melt'"),
    "link": ("link = 3", "[link] is no table"),
    "way": ("[link.up]\ndrop = 0.1", "[link] there is no 'up'"),
    "direction": ("[link.rx]\nmelt = 0.1", "[link.rx] there is no 'melt'"),
    "probability": ("[link]\ndrop = 2", "[link] 'drop': not within 0 to 1"),
    "nan": ("[link]\ndrop = nan", "[link] 'drop': not within 0 to 1"),
    "word": ('[link.tx]\ndelay = "long"', "[link.tx] 'delay' is no number"),
    "yes": ("[link]\ndrop = true", "[link] 'drop' is no number"),
    "huge": (f"[link]\ndelay = 1{'0' * 400}", "[link] 'delay' is beyond every bound"),
    "stored": ("[stored]\nrot = 0", "[stored] 'rot' is not a whole number from 1"),
    "seed": ("seed = -1", "'seed' is not a whole number from 0"),
    "list": ("[strike]\nwhat = 'cut'", "begin each by [[strike]]"),
    "what": ("[[strike]]\nat_byte = 1", "[[strike]] 1 'what' is none of cut,"),
    "when": ("[[strike]]\nwhat = 'cut'", "[[strike]] 1 says nothing of when"),
    "twice": (
        "[[strike]]\nwhat = 'cut'\nat_byte = 1\nat_s = 1",
        "[[strike]] 1 says 'at_byte' and 'at_s' of when",
    ),
    "second": (
        "[[strike]]\nwhat='cut'\nat_byte=1\n[[strike]]\nwhat='cut'\nevery_byte=0",
        "[[strike]] 2: not a whole",
    ),
    "whole": ("[[strike]]\nwhat = 'cut'\nat_close = 1.5", "[[strike]] 1: not a whole number"),
    "often": ("[[strike]]\nwhat = 'cut'\nevery_s = 0.5", "[[strike]] 1: not within 1 to"),
    "lasts": ("[[strike]]\nwhat = 'cut'\nat_s = 5\nlasts_s = 1", "[[strike]] 1: only a stall lasts"),
    "kept": (
        "[[strike]]\nwhat = 'cut'\nat_s = 5\nunsynced = 'kept'",
        "[[strike]] 1: only a loss of power",
    ),
    "fate": ("[[strike]]\nwhat = 'power'\nat_s = 5\nunsynced = 'lost'", "'unsynced' is none of kept,"),
    "fails": ("[[strike]]\nwhat = 'fail'\nat_s = 5", "what fails is an operation of the storage"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_in_a_file_is_named_and_the_schema_agrees(name: str, tmp_path: Path) -> None:
    text, told = BAD[name]
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(FaultSyntaxError) as caught:
        read_faults(str(path))
    assert str(caught.value).startswith(f"{path}: ") and told in str(caught.value)
    if name != "no-toml":
        document = tomllib.loads(text)
        if name != "nan":  # of which JSON knows nothing
            assert not valid(document, json.loads(schema()))


@pytest.mark.parametrize("content", [b"\xff", b"#" * (FILE_MAX + 1)], ids=["bytes", "long"])
def test_a_file_that_is_no_plan_asks_whether_the_path_is_right(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(FaultSyntaxError, match="is the path right"):
        read_plan(path)


@pytest.mark.parametrize(
    "text",
    ["seed:x", "seed:-1", "seed:4294967296", "seed:" + "9" * 5000, "power@4op:lost", "fail@4", "cut@4min"],
)
def test_a_line_or_seed_that_cannot_be_read_is_short(text: str) -> None:
    with pytest.raises(FaultSyntaxError) as caught:
        read_faults(text)
    assert len(str(caught.value)) < 400


# When it strikes


def armed(camera: SimCamera, plan: str) -> None:
    arm(FaultCount(FaultPlan.parse(plan, 3)), camera)


def pass_by(camera: SimCamera, seconds: float) -> None:
    camera.time.skip(seconds)
    camera.settle()


def boots(camera: SimCamera) -> int:
    return camera.boot_counter


def test_after_a_time_of_the_device_and_again(new_camera: NewCamera) -> None:
    camera = new_camera()
    armed(camera, "reboot@60s,reboot%100s")
    pass_by(camera, 59)
    assert camera.running and camera.deadline() == 60
    pass_by(camera, 1)
    assert not camera.running
    pass_by(camera, BOOT_S)
    assert camera.running and boots(camera) == 2
    for number in (100, 200):
        pass_by(camera, number - camera.time() - 1)
        assert camera.running and camera.deadline() == number
        pass_by(camera, 1)
        assert not camera.running
        pass_by(camera, BOOT_S)
    assert boots(camera) == 4


def test_at_the_close_of_a_recording(new_camera: NewCamera) -> None:
    camera = new_camera()
    armed(camera, "power@2close:dropped")
    for number in (1, 2):
        assert camera.wearer.start()
        pass_by(camera, 5)
        camera.wearer.stop()
        pass_by(camera, 60)
        assert len(camera.storage) == number
    assert boots(camera) == 1 and not camera.running
    pass_by(camera, BOOT_S)
    assert boots(camera) == 2 and len(camera.storage) == 2, "what was closed is durable"


def recorded(camera: SimCamera) -> SimCamera:
    """It records and stops, whatever the storage does meanwhile; it is up again at the end."""
    with camera.powered():
        if camera.wearer.start():
            pass_by(camera, 5)
            camera.wearer.stop()
    for _ in range(4):
        pass_by(camera, 60)
    pass_by(camera, 0 if camera.running else BOOT_S)
    return camera


@pytest.mark.parametrize("unsynced", ["kept", "dropped", "torn"])
def test_power_goes_at_any_operation_of_the_storage_and_nothing_closed_is_lost(
    new_camera: NewCamera, unsynced: str
) -> None:
    quiet = new_camera(recordings=2)
    begun = quiet.flash.operations
    recorded(quiet)
    operations = quiet.flash.operations - begun
    assert operations > 10
    for number in range(1, operations + 1, 3):
        camera = new_camera(recordings=2)
        armed(camera, f"power@{number}op:{unsynced}")
        recorded(camera)
        assert camera.running and boots(camera) == 2, number
        assert camera.missing() == [] and len(camera.storage) in (2, 3), number
        kinds = [entry.kind for entry in camera.audit.read(0, camera.audit.head()[0]).entries]
        assert kinds.count(AuditKind.BOOT) == 2, number


@pytest.mark.parametrize("number", range(1, 12, 2))
def test_power_goes_under_a_host_which_loses_the_device_and_finds_it_again(
    new_camera: NewCamera, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    camera = new_camera(recordings=2)

    async def run() -> None:
        world = World(utc_ns=camera.true_utc_ns, entropy=lambda n: b"\x5a" * n, workers=InlineWorkers())
        transport: Any = MemoryTransport(camera, faults=FaultPlan.parse(f"power@{number}op"))
        for _ in range(3):
            try:
                async with bwc_sdk.connect(
                    transport, role=Role.BENCH, world=world, allow_insecure=True
                ) as host:
                    for recording in await host.recordings.list():
                        await host.recordings.mark(
                            recording=recording.recording, manifest_sha256=recording.manifest_sha256
                        )
                    return
            except BwcError:
                assert not camera.running, "nothing else goes wrong"
                assert not camera.sessions and not camera.ports
                await asyncio.sleep(BOOT_S)
        raise AssertionError("it never came back")

    run_virtual(run())
    assert camera.boot_counter == 2
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def test_what_a_host_asks_of_a_device_that_goes_off_just_then_is_not_done(new_camera: NewCamera) -> None:
    camera = new_camera(recordings=1)

    async def run() -> None:
        world = World(utc_ns=camera.true_utc_ns, entropy=lambda n: b"\x5a" * n, workers=InlineWorkers())
        transport: Any = MemoryTransport(camera, faults=FaultPlan.parse("power@3600s:kept"))
        with pytest.raises(BwcError):
            async with bwc_sdk.connect(transport, role=Role.BENCH, world=world, allow_insecure=True) as host:
                (recording,) = await host.recordings.list()
                camera.time.skip(3600)
                await host.recordings.mark(
                    recording=recording.recording, manifest_sha256=recording.manifest_sha256
                )

    run_virtual(run())
    pass_by(camera, BOOT_S)
    assert camera.running and not camera.listing(0, 1)[0].marked


def test_power_goes_while_it_boots_and_it_boots_again(new_camera: NewCamera) -> None:
    camera = new_camera()
    camera.crash()
    armed(camera, "power@1op,power@4op")
    camera.time.skip(BOOT_S)
    for _ in range(2):
        assert not camera.awake()
        camera.time.skip(BOOT_S)
    assert camera.awake() and boots(camera) == 2


def test_what_was_not_synced_is_kept_dropped_or_torn() -> None:
    def left(unsynced: Unsynced) -> dict[str, bytes]:
        flash = MemoryFlash()
        flash.create("old", b"old")
        flash.sync("old")
        flash.sync_directory()
        flash.write("old", 0, b"new")
        flash.create("more", b"more")
        flash.lose_power(random.Random(2), unsynced)
        return flash.contents()

    assert left(Unsynced.KEPT) == {"old": b"new", "more": b"more"}
    assert left(Unsynced.DROPPED) == {"old": b"old"}
    assert left(Unsynced.TORN) not in (left(Unsynced.KEPT), left(Unsynced.DROPPED))


def test_a_flash_that_is_off_takes_nothing_until_it_has_power_again(new_camera: NewCamera) -> None:
    camera = new_camera()
    armed(camera, "power@1op:kept")
    for _ in range(2):
        with pytest.raises(PowerLost) as lost:
            camera.flash.create("one", b"")
        assert lost.value.unsynced is Unsynced.KEPT
    camera.close()  # it is off, and takes that as any other end


def test_an_operation_of_the_storage_fails_and_is_refused(new_camera: NewCamera) -> None:
    camera = new_camera()
    armed(camera, "fail@1op")
    with pytest.raises(OSError, match="a fault plan has"):
        camera.wearer.start()
    assert camera.recorder.recording_id is None, "it was refused, and not done"
    assert camera.wearer.start()


def test_a_plan_with_a_directory_strikes_there_as_well(new_camera: NewCamera, tmp_path: Path) -> None:
    camera = new_camera(state=tmp_path / "camera", recordings=1)
    armed(camera, "power@5op")
    recorded(camera)
    assert boots(camera) == 2 and camera.missing() == []


def test_a_recording_vanishes_after_a_time(new_camera: NewCamera) -> None:
    camera: Any = new_camera(recordings=2)
    armed(camera, "vanish@10s")
    pass_by(camera, 10)
    assert camera.recording_count == 1


def test_a_plan_is_armed_once(new_camera: NewCamera) -> None:
    camera, count = new_camera(recordings=3), FaultCount(FaultPlan.parse("vanish@10s"))
    arm(count, camera)
    arm(count, camera)
    pass_by(camera, 10)
    assert camera.recording_count == 2

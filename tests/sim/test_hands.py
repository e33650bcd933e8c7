"""A tester's hands at a simulated camera: calls and lines are one, and each does what it says and no more."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
import firmware_sim
from bwc_protocol.declare import Role
from bwc_protocol.evidence import ClockState, TriggerReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.battery import ChargeState
from bwc_sdk.errors import BwcError, DeviceLost, LinkError
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim import LoneCameraHands
from firmware_sim.camera.appearance import DARK, Cue, Light, Looks, Observation, Signal
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.provisioning import provision
from firmware_sim.control import passing
from firmware_sim.control.camera_control import COMMANDS, LONE_COMMANDS, CameraControl
from firmware_sim.control.camera_hands import SNAPSHOTS_MAX
from firmware_sim.control.command import Command
from firmware_sim.control.errors import ControlError, Refused, WrongUsage
from firmware_sim.control.passing import STEPS
from firmware_sim.control.station_control import COMMANDS as STATION_COMMANDS
from firmware_sim.device.device import BOOT_S
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tools.testkit import agencies

NewCamera = Callable[..., SimCamera]
HOUR_S = 3600.0
PAGE = Path(__file__).parents[2] / "docs" / "benches.md"


@pytest.fixture
def hands(camera: SimCamera) -> LoneCameraHands:
    return LoneCameraHands(camera)


@pytest.fixture
def free(new_camera: NewCamera) -> LoneCameraHands:
    """A camera whose wearer may do everything."""
    camera = new_camera(recordings=3)
    provision(camera, {"mute.allowed": "true", "stealth.allowed": "true", "recording.post_event_s": "20"})
    return LoneCameraHands(camera)


def log_of(camera: SimCamera) -> list[AuditKind]:
    return [entry.kind for entry in camera.audit.read(0, camera.audit.head()[0]).entries]


def on(camera: SimCamera, use: Callable[[bwc_sdk.Camera, Any], Any], **more: Any) -> Any:
    """Connects in virtual time; gives what `use` gives."""

    async def run() -> Any:
        world = World(utc_ns=camera.true_utc_ns, entropy=lambda n: b"\x5a" * n, workers=InlineWorkers())
        transport: Any = MemoryTransport(camera, **more)

        def connect() -> Any:
            return bwc_sdk.connect(transport, role=Role.BENCH, world=world, allow_insecure=True)

        async with connect() as host:
            return await use(host, connect)

    return run_virtual(run())


# One declaration


SAMPLES = {
    "record start holster event=weapon-drawn by=app": "ok",
    "record stop switched-off": "usage",
    "record stop": "ok",
    "mark": "refused",
    "mute on": "refused",
    "stealth on": "refused",
    "categorise traffic": "ok",
    "case 26-1017 1": "ok",
    "pair": "ok",
    "advance 15m": "ok",
    "clock step -90": "ok",
    "clock lose": "ok",
    "unplug": "ok",
    "plug": "ok",
    "ambient 40": "ok",
    "battery charge 50": "ok",
    "battery out": "ok",
    "battery in": "ok",
    "corrupt chunk 2 1": "ok",
    "corrupt manifest 2": "ok",
    "corrupt journal": "refused",
    "snapshot one": "ok",
    "restore one": "ok",
    "show": "ok",
    "undock": "ok",
    "dock": "ok",
    "enroll": "refused",
    "reset": "refused",
    "reboot": "ok",
    "crash": "refused",
    "advance 5": "ok",
    "corrupt log": "ok",
    "power cut kept": "ok",
    "advance 5s x": "usage",
}


def test_every_command_has_a_line_and_a_call_and_says_what_it_does(camera: SimCamera) -> None:
    say = CameraControl(camera).answer
    tried = set()
    for line, expected in SAMPLES.items():
        answer = str(say(line.encode()))
        assert answer.startswith("ok " if expected == "ok" else f"error {expected}: "), (line, answer)
        words = tuple(line.split())
        tried.add(words[:2] if words[:2] in LONE_COMMANDS else words[:1])
    assert tried == set(LONE_COMMANDS)
    for one in (*LONE_COMMANDS.values(), *STATION_COMMANDS.values()):
        assert one.doc and "\n" not in one.doc, one.words


def test_a_line_carries_out_what_the_call_does(new_camera: NewCamera) -> None:
    said, called = new_camera(recordings=1), new_camera(recordings=1)
    say, hands = CameraControl(said).answer, LoneCameraHands(called)
    for line in ("record start vehicle", "advance 2m", "mark", "record stop", "ambient -10", "advance 1h"):
        assert str(say(line.encode())).startswith("ok"), line
    hands.record_start(TriggerReason.VEHICLE)
    hands.advance(120)
    hands.mark()
    hands.record_stop()
    hands.ambient(-10)
    hands.advance(HOUR_S)
    assert said.flash.contents() == called.flash.contents()
    assert said.battery.snapshot() == called.battery.snapshot()


@pytest.mark.parametrize(
    "line",
    [
        *("advance", "advance -1", "advance 9h9", "advance 367d", "advance nan", "ambient 900", "ambient x"),
        *(
            "power cut lost",
            "corrupt chunk 0",
            "corrupt chunk 99999999999",
            "snapshot ../x",
            "battery charge 101",
        ),
        *(
            "battery",
            "watch",
            "watch maybe",
            "show all",
            "record start event=",
            "record start event=x event=x",
        ),
        *("clock step", "clock step 1y", "record start by=hand"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error_and_nothing_happens(camera: SimCamera, line: str) -> None:
    before = camera.flash.contents()
    assert str(CameraControl(camera).answer(line.encode())).startswith("error usage: ")
    assert camera.flash.contents() == before


@pytest.mark.parametrize(("of", "commands"), [("camera", LONE_COMMANDS), ("station", STATION_COMMANDS)])
def test_the_page_has_a_row_for_each_command(of: str, commands: dict[Any, Command]) -> None:
    table = PAGE.read_text("utf-8").partition(f"| command | of a {of} |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", table.replace("\\|", "¦"), re.MULTILINE)
    said = {usage.replace("¦", "|"): doc for usage, doc in rows}
    assert said.items() >= {one.usage: one.doc for one in commands.values()}.items()


def test_the_names_for_authors_are_there() -> None:
    assert all(getattr(firmware_sim, name) for name in firmware_sim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'hand'"):
        getattr(firmware_sim, "hand")  # noqa: B009 - as an attribute it would be a checker's


# Time


def test_hours_pass_and_it_records_drains_and_switches_itself_off(hands: LoneCameraHands) -> None:
    camera = hands.camera
    hands.undock()
    hands.battery_charge(100)
    hands.record_start()
    hands.advance(5 * HOUR_S)
    assert camera.running and 20 < camera.battery.charge_pct < 80
    assert camera.recorder.elapsed_ms >= 5 * HOUR_S * 1000
    hands.advance(24 * HOUR_S)
    assert not camera.running
    newest = camera.storage.page(3, 9)[-1].manifest
    assert newest.duration_ms < 20 * HOUR_S * 1000, (
        "it ended when the battery did, and not when time had passed"
    )


def test_a_reboot_and_a_strike_of_a_plan_come_at_their_own_time(hands: LoneCameraHands) -> None:
    camera, seen = hands.camera, []
    camera.mishaps.at(camera.time() + 100.5, lambda: seen.append(camera.time()))
    hands.advance(HOUR_S)
    assert seen == [100.5]


def test_a_year_passes_in_so_many_steps(hands: LoneCameraHands, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    settle = hands.camera.settle
    monkeypatch.setattr(hands.camera, "settle", lambda: (looks.append(1), settle()))
    hands.advance(366 * 24 * HOUR_S)
    assert len(looks) <= STEPS + 2
    assert hands.camera.clock.state is ClockState.HOLDOVER


def test_a_clock_jumps_unseen_or_loses_its_time(hands: LoneCameraHands) -> None:
    camera = hands.camera
    before = camera.clock.utc_ns()
    hands.clock_step(HOUR_S)
    assert camera.clock.utc_ns() - before == HOUR_S * 1e9
    assert camera.clock.state is ClockState.SYNCED, "it knows nothing of it"
    hands.clock_lose()
    assert camera.clock.state is ClockState.UNSET and AuditKind.CLOCK_LOST in log_of(camera)


# Cable and power


def test_without_its_cable_no_host_is_heard(hands: LoneCameraHands) -> None:
    async def use(host: bwc_sdk.Camera, connect: Any) -> None:
        hands.unplug()
        with pytest.raises(DeviceLost):
            await host.battery.status()
        with pytest.raises(LinkError):
            async with connect():
                pass
        hands.plug()
        async with connect() as again:
            await again.battery.status()

    on(hands.camera, use)
    assert hands.camera.boot_counter == 1, "it ran on"


def test_a_battery_that_is_taken_out_ends_it_unless_the_dock_feeds_it(hands: LoneCameraHands) -> None:
    camera = hands.camera
    hands.battery_out()
    hands.advance(60)
    assert camera.running and camera.battery.current_ma <= 0, "the dock feeds it, and charges nothing"
    hands.undock()
    assert not camera.running
    hands.advance(HOUR_S)
    assert not camera.running
    hands.battery_in()
    hands.advance(BOOT_S)
    assert camera.running and camera.boot_counter == 2
    assert camera.clock.state is ClockState.UNSET and AuditKind.CLOCK_LOST in log_of(camera)


def test_a_dock_brings_up_a_camera_without_its_battery(hands: LoneCameraHands) -> None:
    hands.undock()
    hands.battery_out()
    with pytest.raises(Refused):
        hands.record_start()
    hands.dock()
    hands.advance(BOOT_S)
    assert hands.camera.running


@pytest.mark.parametrize("unsynced", ["kept", "dropped", "torn"])
def test_a_power_cut_leaves_a_recording_that_is_closed_at_the_next_boot(
    hands: LoneCameraHands, unsynced: str
) -> None:
    hands.record_start()
    hands.advance(30)
    assert str(CameraControl(hands.camera).answer(f"power cut {unsynced}".encode())).startswith("ok power")
    hands.advance(BOOT_S)
    newest = hands.camera.listing(3, 1)[0].manifest
    assert newest.cut and 25_000 < newest.duration_ms <= 60_000


def test_the_cell_follows_the_temperature_and_is_not_charged_in_the_heat(hands: LoneCameraHands) -> None:
    hands.battery_charge(50)
    hands.ambient(60)
    hands.advance(HOUR_S)
    battery = hands.camera.battery
    assert battery.temperature_dc > 550 and battery.charge_state is ChargeState.STOPPED_BY_TEMPERATURE
    assert hands.show().power is Light.RED


def test_a_power_cut_of_a_plan_in_the_middle_of_a_command_is_told(hands: LoneCameraHands) -> None:
    from firmware_sim.faults.arming import arm
    from firmware_sim.faults.plan import FaultCount, FaultPlan

    arm(FaultCount(FaultPlan.parse("power@2op")), hands.camera)
    with pytest.raises(Refused, match="the power went in the middle"):
        hands.record_start()
    hands.advance(BOOT_S)
    assert hands.camera.running


# Corruption is found


def test_a_chunk_is_not_what_its_table_says_and_the_others_are(hands: LoneCameraHands) -> None:
    recording = hands.camera.listing(0, 1)[0]
    hands.corrupt_chunk(recording.sequence, 1)
    size, table = recording.manifest.segments[0].chunk_size, recording.tables[0]
    data = bytes(recording.blobs[0].read(0, recording.blobs[0].size_bytes))
    good = [
        hashlib.sha256(data[at * size : (at + 1) * size]).digest() == table[at * 32 : at * 32 + 32]
        for at in range(len(table) // 32)
    ]
    assert good == [True, False, *[True] * (len(good) - 2)]


def test_a_manifest_is_not_the_one_that_is_listed_and_not_listed_after_a_reboot(
    hands: LoneCameraHands,
) -> None:
    async def use(host: bwc_sdk.Camera, _: Any) -> None:
        entry = (await host.recordings.list())[1]
        with pytest.raises(BwcError):
            await host.recordings.read_manifest(entry)

    hands.corrupt_manifest(2)
    on(hands.camera, use)
    hands.reboot()
    hands.advance(BOOT_S)
    hands.crash()  # what was in memory is gone
    hands.advance(BOOT_S)
    assert [one.sequence for one in hands.camera.listing(0, 9)] == [1, 3]
    assert hands.camera.storage.damaged


def test_it_does_not_boot_with_a_log_that_was_changed(hands: LoneCameraHands) -> None:
    hands.corrupt_log()
    hands.crash()
    hands.advance(60)
    assert not hands.camera.running


def test_a_year_passes_for_a_camera_that_cannot_boot(
    hands: LoneCameraHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again every two seconds: whoever lets time pass does not wait for all of them."""
    monkeypatch.setattr(passing, "EXACT_MAX", 20)
    hands.corrupt_log()
    hands.crash()
    looks, settle = [], hands.camera.settle
    monkeypatch.setattr(hands.camera, "settle", lambda: (looks.append(1), settle()))
    began = hands.camera.time()
    hands.advance(2 * HOUR_S)
    assert len(looks) <= 20 + 2 * 60 + 1
    assert hands.camera.time() - began == pytest.approx(2 * HOUR_S)


def test_a_journal_that_was_changed_ends_the_recording_where_it_is_sound(hands: LoneCameraHands) -> None:
    hands.record_start()
    hands.advance(300)
    hands.corrupt_journal()
    hands.power_cut()
    hands.advance(BOOT_S)
    found = hands.camera.listing(3, 1)
    assert not hands.camera.running or not found or found[0].manifest.duration_ms < 330_000


@pytest.mark.parametrize(("chunk", "segment", "why"), [(99, 0, "chunks 0 to 1"), (0, 1, "segments 0 to 0")])
def test_what_is_not_there_cannot_be_damaged(
    hands: LoneCameraHands, chunk: int, segment: int, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        hands.corrupt_chunk(1, chunk, segment)
    with pytest.raises(Refused, match="no recording 9"):
        hands.corrupt_manifest(9)
    with pytest.raises(Refused, match="nothing is recorded"):
        hands.corrupt_journal()


# Snapshots


def everything(camera: SimCamera) -> dict[str, Any]:
    """All that is the camera's, apart from entropy; its clock by its error."""
    return {
        "flash": camera.flash.contents(),
        "unsynced": camera.flash.unsynced,
        "battery": camera.battery.snapshot(),
        "clock": camera.clock.snapshot() | {"utc_ns": camera.clock.utc_ns() - camera.true_utc_ns()},
        "boot": camera.boot_counter,
        "time": camera.time(),
        "recording": (camera.recorder.recording_id, camera.recorder.elapsed_ms, camera.state),
        "log": camera.audit.head(),
        "recordings": [one.manifest_sha256 for one in camera.listing(0, 99)],
        "rotten": {key: blob.flips for key, blob in camera.storage.rotten.items()},
        "assignment": camera.assignment,
        "settings": camera.settings.state(),
        "faults": camera.report.faults,
    }


def test_what_is_restored_is_what_was_kept_as_often_as_one_likes(hands: LoneCameraHands) -> None:
    camera = hands.camera
    hands.record_start()
    hands.advance(90)
    hands.corrupt_chunk(1)
    hands.snapshot("recording")
    kept = everything(camera)
    for _ in range(2):
        hands.record_stop()
        hands.battery_charge(7)
        hands.clock_step(HOUR_S)
        hands.corrupt_chunk(2)
        hands.advance(2 * HOUR_S)
        hands.crash()
        hands.advance(60)
        assert everything(camera) != kept
        hands.restore("recording")
        assert everything(camera) == kept
    hands.record_stop()
    assert camera.listing(3, 1)[0].manifest.duration_ms >= 90_000, "what was being recorded goes on"


def test_the_true_time_goes_on_and_a_clock_keeps_its_error(hands: LoneCameraHands) -> None:
    camera = hands.camera
    hands.clock_step(5)
    hands.snapshot("one")
    error, true = camera.clock.utc_ns() - camera.true_utc_ns(), camera.true_utc_ns()
    hands.advance(HOUR_S)
    hands.restore("one")
    assert camera.true_utc_ns() - true == HOUR_S * 1e9
    assert camera.clock.utc_ns() - camera.true_utc_ns() == error


def test_a_rollback_repeats_numbers_and_neither_ids_nor_keys(hands: LoneCameraHands) -> None:
    camera = hands.camera
    hands.snapshot("one")
    made = []
    for _ in range(3):
        hands.record_start()
        hands.advance(10)
        hands.record_stop()
        hands.advance(60)
        made.append(camera.listing(3, 1)[0].manifest)
        hands.restore("one")
    assert [one.sequence for one in made] == [4, 4, 4]
    assert len({one.recording_id for one in made}) == 3
    assert camera.missing() == []


def test_links_end_as_by_a_reset_and_hosts_come_again(hands: LoneCameraHands) -> None:
    hands.snapshot("one")

    async def use(host: bwc_sdk.Camera, connect: Any) -> int:
        hands.restore("one")
        with pytest.raises(DeviceLost):
            await host.battery.status()
        async with connect() as again:
            return len(await again.recordings.list())

    assert on(hands.camera, use) == 3
    assert not hands.camera.sessions and not hands.camera.ports


def test_keys_go_back_and_sessions_are_judged_by_what_was_put_back(new_camera: NewCamera) -> None:
    camera = new_camera(agency=agencies.real(), recordings=1)
    hands, judges = LoneCameraHands(camera), []
    assert camera.trust is not None
    camera.trust.sessions = lambda showing: judges.append(showing.judge.__self__)
    for _ in range(2):
        camera.trust.opening(by_radio=False)
        kept = camera.trust.kept
        hands.snapshot("one")
        hands.reset()
        hands.advance(60)
        assert not camera.trust.enrolled and not camera.has_footage
        hands.restore("one")
        assert camera.trust.kept == kept and len(camera.storage) == 1
        camera.trust.opening(by_radio=False)
        assert judges[-1] is camera.trust
        hands.record_start()
        hands.advance(10)
        hands.record_stop()
        hands.advance(60)
        newest = camera.listing(1, 1)[0]
        assert newest.signature, "it signs what it records"
        hands.restore("one")


def test_a_camera_that_was_off_is_off_again(hands: LoneCameraHands) -> None:
    hands.crash()
    hands.snapshot("off")
    hands.advance(BOOT_S)
    assert hands.camera.running
    hands.restore("off")
    assert not hands.camera.running
    hands.advance(BOOT_S)
    assert hands.camera.running and hands.camera.boot_counter == 2


def test_a_fault_plan_is_not_rolled_back(hands: LoneCameraHands) -> None:
    camera, seen = hands.camera, []
    hands.snapshot("one")
    camera.mishaps.at(camera.time() + 100, lambda: seen.append(1))
    hands.advance(60)
    hands.restore("one")
    hands.advance(39)
    assert not seen
    hands.advance(1)
    assert seen


def test_names_that_are_not_there_and_too_many_are_refused(
    hands: LoneCameraHands, new_camera: NewCamera, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="there is no snapshot one; there are none"):
        hands.restore("one")
    for number in range(SNAPSHOTS_MAX):
        hands.snapshot(f"s{number}")
    with pytest.raises(Refused, match=f"there are {SNAPSHOTS_MAX} snapshots"):
        hands.snapshot("one-more")
    hands.snapshot("s0")
    with pytest.raises(Refused, match="it lives in a directory"):
        LoneCameraHands(new_camera(state=tmp_path / "camera")).snapshot("one")


# What is seen


def watched(hands: LoneCameraHands) -> list[Observation]:
    seen: list[Observation] = []
    hands.camera.appearance.look()
    hands.watch(seen.append)
    return seen


def cues(seen: list[Observation]) -> list[Cue]:
    return [one.cue for one in seen if isinstance(one, Signal)]


def test_a_recording_is_seen_heard_and_felt(free: LoneCameraHands) -> None:
    seen = watched(free)
    assert free.show().status is Light.GREEN_BLINKING and free.show().front is Light.OFF
    free.record_start()
    assert (free.show().status, free.show().front) == (Light.RED, Light.RED)
    assert seen[-1] == Signal(Cue.STARTED, 2, 2)
    free.mark()
    free.mute(True)
    assert free.show().microphone is Light.AMBER
    free.mute(False)
    free.advance(130)
    free.record_stop()
    assert (free.show().status, free.show().front) == (Light.RED_BLINKING, Light.RED)
    free.advance(30)
    assert (free.show().status, free.show().front) == (Light.GREEN_BLINKING, Light.OFF)
    assert cues(seen) == [Cue.STARTED, Cue.MARKED, Cue.MUTED, Cue.UNMUTED, Cue.REMINDER, Cue.STOPPED]


def test_stealth_is_dark_silent_and_still_whatever_happens(free: LoneCameraHands) -> None:
    free.stealth(True)
    seen = watched(free)
    free.undock()
    free.record_start()
    free.mark()
    free.mute(True)
    free.battery_charge(3)
    free.advance(600)
    free.clock_lose()
    assert free.show() == DARK and seen == []
    free.record_stop()
    free.stealth(False)
    assert free.show().status is Light.RED_BLINKING and seen


def test_alarms_are_told_apart_by_counting(free: LoneCameraHands) -> None:
    free.undock()
    free.battery_charge(60)
    seen = watched(free)
    free.battery_charge(30)
    assert free.show().power is Light.AMBER
    free.battery_charge(9)
    assert free.show().power is Light.RED_BLINKING
    free.clock_lose()
    assert [one for one in seen if isinstance(one, Signal)] == [
        Signal(Cue.BATTERY_LOW, 4, 4),
        Signal(Cue.CLOCK_UNSET, 5, 5),
    ]


def test_storage_that_is_full_or_failed_is_amber(free: LoneCameraHands) -> None:
    free.camera.recorder.full = True
    assert free.show().status is Light.AMBER
    free.camera.report.storage_error = True
    assert free.show().status is Light.AMBER_BLINKING
    free.pair()
    assert free.show().status is Light.BLUE_BLINKING


def test_in_the_dock_the_light_is_of_the_charge(free: LoneCameraHands) -> None:
    free.battery_charge(50)
    free.advance(60)
    assert free.show().power is Light.AMBER
    free.advance(8 * HOUR_S)
    assert free.show().power is Light.GREEN


def test_settings_silence_it_and_a_camera_that_is_off_is_dark(free: LoneCameraHands) -> None:
    camera = free.camera
    silent = {"indicator.tones": "false", "haptics.enabled": "false"}
    provision(camera, silent | {"indicator.front_led": "false", "indicator.brightness_pct": "20"})
    seen = watched(free)
    free.record_start()
    assert free.show() == Looks(Light.RED, Light.OFF, free.show().power, Light.OFF, 20)
    assert cues(seen) == []
    provision(camera, {"haptics.enabled": "true"})
    free.crash()
    assert seen[-1] == DARK
    free.advance(BOOT_S)
    assert Signal(Cue.BOOTED, 0, 1) in seen


def test_what_is_watched_comes_in_lines(camera: SimCamera) -> None:
    lines: list[str] = []
    control = CameraControl(camera, lines.append)
    camera.appearance.look()
    assert str(control.answer(b"watch on")).startswith("ok watch")
    assert str(control.answer(b"watch on")).startswith("ok watch"), "once is enough"
    control.answer(b"record start")
    assert [line.partition(" camera=")[0] for line in lines] == ["seen lights", "seen signal"]
    assert f"camera={camera.serial} status=red front=red" in lines[0]
    assert lines[1].endswith("cue=started tones=2 pulses=2")
    control.answer(b"watch off")
    control.answer(b"record stop")
    assert len(lines) == 2


def test_errors_of_hands_are_of_one_kind(hands: LoneCameraHands) -> None:
    with pytest.raises(ControlError):
        hands.dock()
    assert issubclass(WrongUsage, ControlError)
    assert set(COMMANDS) < set(LONE_COMMANDS)
    with pytest.raises(Refused, match="its cable is in"):
        hands.plug()


# What the wearer's app says of a recording


def test_the_app_says_category_and_case_of_what_ended_and_the_camera_keeps_both(
    free: LoneCameraHands,
) -> None:
    camera = free.camera
    free.record_start()
    free.categorise("incident")
    free.case("26-1017", 1)
    first, *_, newest = camera.listing(0, 9)
    assert (newest.sequence, newest.category) == (3, "incident"), "that in progress has not ended"
    assert first.case == "26-1017" and log_of(camera).count(AuditKind.ANNOTATED) == 2
    free.categorise("incident")
    assert log_of(camera).count(AuditKind.ANNOTATED) == 2, "to say it again adds nothing"


def test_what_the_app_cannot_say_is_refused_and_nothing_is_kept(
    free: LoneCameraHands, new_camera: NewCamera
) -> None:
    for category, number, why in (
        ("incident", 9, "no recording 9"),
        ("first-amendment-only", None, "First Amendment"),
    ):
        with pytest.raises(Refused, match=why):
            free.categorise(category, number)
    with pytest.raises(Refused, match="no recording yet"):
        LoneCameraHands(new_camera(recordings=0)).categorise("incident")
    free.undock()
    free.battery_out()
    with pytest.raises(Refused, match="it is off"):
        free.case("26-1017")
    assert AuditKind.ANNOTATED not in log_of(free.camera)

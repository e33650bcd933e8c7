"""A bench sets charge, clock and room, and has recordings made: all of it ends, and nothing is lost by it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import COMMANDS, Effect, Request, Role
from bwc_protocol.evidence import ActivationEvent, ClockState, GivenBy, Purpose, TriggerReason
from bwc_protocol.messages.audit import AuditEntry, AuditKind
from bwc_protocol.messages.battery import BatteryAlarm, ChargeState, ReadBattery
from bwc_protocol.messages.bench import (
    FillStorage,
    MakeRecording,
    MoveClock,
    ReadBench,
    RestoreState,
    SetCharge,
)
from bwc_protocol.messages.clock import ClockReason, ReadClock, SetClock, TimeSource
from bwc_protocol.messages.identity import CameraState, Capability, Fault, ReadStatus
from bwc_protocol.messages.recordings import ListRecordings, RecordingClosed
from bwc_protocol.messages.storage import ReadStorage
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import Mp4Footage
from firmware_sim.personalities import development, no_simulator
from firmware_sim.scenarios import Footage
from tests.sim.test_erasing import RATE, Bench
from tools.testkit import agencies

HOURS_NS = 3 * 3600 * 10**9
FULL = FillStorage(free_bytes=0)


def every_use(camera: SimCamera, after: int = 3) -> dict[str, Request[Any]]:
    return {
        "bench.state": ReadBench(),
        "bench.charge": SetCharge(charge_pct=15),
        "bench.clock": MoveClock(offset_ns=HOURS_NS, revision=camera.clock.revision),
        "bench.fill": FULL,
        "bench.record": MakeRecording(after=after, duration_ms=5_000, size_bytes=1000),
        "bench.restore": RestoreState(),
    }


def log_of(camera: SimCamera) -> tuple[AuditEntry, ...]:
    last, _ = camera.audit.head()
    return camera.audit.read(0, last).entries


def logged(camera: SimCamera) -> list[str]:
    return [entry.detail for entry in log_of(camera) if entry.kind is AuditKind.BENCH_USED]


# Who may


@pytest.mark.rule("BEN-002")
def test_the_role_bench_alone_has_these_commands(camera: SimCamera) -> None:
    declared = {name: c for name, c in ((c.name, c) for c in COMMANDS.values()) if name.startswith("bench.")}
    assert set(declared) == set(every_use(camera))
    assert {c.roles for c in declared.values()} == {Role.BENCH}
    assert not any(c.while_expired for c in declared.values())


@pytest.mark.rule("BEN-001")
@pytest.mark.parametrize("capability", [Capability.BENCH, None])
def test_a_device_that_states_nothing_of_the_kind_is_asked_in_vain(
    camera: SimCamera, desk: Any, capability: Capability | None
) -> None:
    """Taken away is the capability, or the word that nothing on it is evidence: either is enough."""
    if capability is not None:
        camera.profile.capabilities &= ~capability
    else:
        camera.profile.capabilities &= ~(Capability.SIMULATOR | Capability.LAB)
    before, head = camera.kept()["battery"], camera.audit.head()
    for name, request in every_use(camera).items():
        assert desk.refused(request) is ErrorCode.UNSUPPORTED, name
    assert camera.kept()["battery"] == before and camera.audit.head() == head


@pytest.mark.rule("BEN-001")
def test_who_plays_production_states_no_bench_and_development_firmware_does(camera: SimCamera) -> None:
    development(camera)
    assert Capability.BENCH in camera.profile.capabilities
    no_simulator(camera)
    assert Capability.BENCH not in camera.profile.capabilities


@pytest.mark.rule("MSG-018")
def test_what_bench_record_finds_comes_in_the_order_of_its_declaration(camera: SimCamera, desk: Any) -> None:
    wrong = {"after": 9, "duration_ms": 900_000, "size_bytes": 128 << 20, "category": "first-amendment-only"}
    desk.ask(FULL)
    camera.profile.capabilities &= ~Capability.BENCH
    found = [desk.refused(MakeRecording(**wrong))]
    camera.profile.capabilities |= Capability.BENCH
    found.append(desk.refused(MakeRecording(**wrong)))
    found.append(desk.refused(MakeRecording(**wrong | {"after": 3})))
    desk.ask(RestoreState())
    camera.recorder.start(TriggerReason.OFFICER_BUTTON)
    good = wrong | {"after": 3, "category": ""}
    found.append(desk.refused(MakeRecording(**good)))
    camera.time.skip(3)
    camera.recorder.close_now()
    desk.ask(FULL)
    found.append(desk.refused(MakeRecording(**good | {"after": 4})))
    assert found == [code for code, _ in MakeRecording.errors]


@pytest.mark.rule("MSG-018")
def test_what_bench_clock_finds_comes_in_the_order_of_its_declaration(camera: SimCamera, desk: Any) -> None:
    revision = camera.clock.revision
    camera.clock.reset()
    wrong = MoveClock(offset_ns=2**62, revision=revision)
    camera.profile.capabilities &= ~Capability.BENCH
    found = [desk.refused(wrong)]
    camera.profile.capabilities |= Capability.BENCH
    found.append(desk.refused(wrong))
    found.append(desk.refused(MoveClock(offset_ns=2**62, revision=camera.clock.revision)))
    camera.clock.set_utc_ns(camera.true_utc_ns(), 1)
    found.append(desk.refused(MoveClock(offset_ns=2**62, revision=camera.clock.revision)))
    assert found == [code for code, _ in MoveClock.errors]


def test_a_camera_that_is_nobody_s_records_nothing_for_a_bench(
    new_camera: Callable[..., SimCamera], desk_type: Any
) -> None:
    camera = new_camera(agency=agencies.lab(), enrolled=False)
    made = MakeRecording(after=0, duration_ms=1_000)
    assert desk_type(camera).refused(made) is ErrorCode.WRONG_STATE
    assert camera.listing(0, 1) == []


# Charge


@pytest.mark.rule("BEN-006", "BEN-007")
@pytest.mark.parametrize("charge_pct", [1, 15, 50, 100])
def test_a_charge_is_shown_and_acted_on_and_goes_on(camera: SimCamera, desk: Any, charge_pct: int) -> None:
    own = desk.ask(ReadBattery())
    state = desk.ask(SetCharge(charge_pct=charge_pct))
    shown = desk.ask(ReadBattery())
    assert (state.charge_pct, shown.charge_pct) == (charge_pct, charge_pct)
    assert (Fault.BATTERY_LOW in desk.ask(ReadStatus()).faults) is (charge_pct <= 15)
    assert any(isinstance(told, BatteryAlarm) for told in desk.told) is (charge_pct <= 15)
    camera.time.skip(600)
    camera.settle()
    assert desk.ask(ReadBattery()).charge_pct >= shown.charge_pct + (5 if charge_pct < 90 else 0)
    assert desk.ask(RestoreState()).charge_pct is None
    assert desk.ask(ReadBattery()) == own, "as it was found, also after ten minutes"


def test_a_full_cell_that_is_to_act_empty_charges(camera: SimCamera, desk: Any) -> None:
    camera.time.skip(10 * 3600)
    camera.settle()
    assert desk.ask(ReadBattery()).state is ChargeState.FULL
    desk.ask(SetCharge(charge_pct=20))
    assert desk.ask(ReadBattery()).state is ChargeState.CHARGING
    desk.ask(RestoreState())
    camera.time.skip(60)
    camera.settle()
    assert desk.ask(ReadBattery()).state is ChargeState.FULL


@pytest.mark.rule("BEN-006")
def test_a_cell_that_ran_empty_for_a_bench_is_not_empty_when_it_starts_again(
    camera: SimCamera, desk: Any
) -> None:
    own = camera.battery.charge_pct
    camera.undock()
    desk.ask(SetCharge(charge_pct=1))
    camera.time.skip(2 * 3600)
    camera.settle()
    assert not camera.running
    camera.dock()
    camera.time.skip(5)
    camera.settle()
    assert camera.running and abs(camera.battery.charge_pct - own) <= 1


# Room


@pytest.mark.rule("BEN-006", "BEN-007")
def test_room_that_is_taken_is_gone_and_comes_back(camera: SimCamera, desk: Any) -> None:
    own = desk.ask(ReadStorage())
    for _ in range(2):
        state = desk.ask(FillStorage(free_bytes=1_000_000))
        assert state.taken_bytes == own.free_bytes - 1_000_000
        assert desk.ask(ReadStorage()).free_bytes == 1_000_000
    assert desk.ask(FillStorage(free_bytes=own.free_bytes + 1)).taken_bytes == 0, "where there is less, none"
    desk.ask(FULL)
    assert not camera.wearer.start() and Fault.STORAGE_FULL in desk.ask(ReadStatus()).faults
    desk.ask(RestoreState())
    assert desk.ask(ReadStorage()) == own
    assert Fault.STORAGE_FULL not in desk.ask(ReadStatus()).faults
    assert camera.wearer.start() and not desk.ask(ReadStorage()).full


@pytest.mark.rule("BEN-005")
def test_nothing_is_erased_while_a_bench_takes_room() -> None:
    bench = Bench(3, capacity_bytes=RATE * 20)
    for entry in bench.listed():
        bench.deliver(entry)
    bench.desk.ask(FULL)
    assert bench.desk.refused(MakeRecording(after=3, duration_ms=5_000)) is ErrorCode.FULL
    bench.camera.wearer.start()
    bench.run(1)
    assert bench.camera.recorder.full and bench.tombstones() == []
    bench.desk.ask(RestoreState())
    big = MakeRecording(after=3, duration_ms=5_000, size_bytes=RATE * 20)
    assert bench.desk.refused(big) is ErrorCode.FULL
    assert bench.tombstones() == [] and len(bench.listed()) == 3


# Clock


@pytest.mark.rule("BEN-006", "BEN-007", "BEN-008")
@pytest.mark.parametrize("by_ns", [HOURS_NS, -HOURS_NS])
def test_a_moved_clock_knows_nothing_of_it(camera: SimCamera, desk: Any, by_ns: int) -> None:
    own, before_ns = desk.ask(ReadClock()), camera.clock.utc_ns()
    asked = MoveClock(offset_ns=by_ns, revision=own.revision)
    assert desk.ask(asked).clock_moved_ns == by_ns
    assert desk.refused(asked) is ErrorCode.CONFLICT, "an answer that was lost moves it once"
    assert camera.clock.utc_ns() == before_ns + by_ns
    now = desk.ask(ReadClock())
    assert now.revision == own.revision + 1 and now.state is ClockState.SYNCED
    assert (now.source, now.last_set_utc_ns, now.uncertainty_ns) == (
        own.source, own.last_set_utc_ns, own.uncertainty_ns,
    )  # fmt: skip
    state = desk.ask(RestoreState())
    assert (state.clock_moved_ns, state.clock_revision) == (0, own.revision + 2)
    assert camera.clock.utc_ns() == before_ns


def test_a_set_ends_what_the_clock_was_moved_by(camera: SimCamera, desk: Any) -> None:
    desk.ask(MoveClock(offset_ns=HOURS_NS, revision=camera.clock.revision))
    desk.ask(
        SetClock(
            offset_ns=-HOURS_NS,
            uncertainty_ns=1,
            reason=ClockReason.BENCH,
            source=TimeSource.NTP,
            revision=camera.clock.revision,
        )
    )
    before_ns = camera.clock.utc_ns()
    assert desk.ask(ReadBench()).clock_moved_ns == 0
    desk.ask(RestoreState())
    assert camera.clock.utc_ns() == before_ns


# Recordings


@pytest.mark.rule("BEN-004")
@pytest.mark.parametrize("size_bytes", [0, 1, 3_000_000])
def test_a_recording_for_a_bench_is_one_as_any_other_and_says_what_it_is(
    camera: SimCamera, desk: Any, size_bytes: int
) -> None:
    request = MakeRecording(after=3, duration_ms=120_000, size_bytes=size_bytes, category="traffic")
    made = desk.ask(request)
    assert desk.refused(request) is ErrorCode.CONFLICT, "an answer that was lost makes one"
    *_, before, stored = camera.listing(0, 9)
    manifest, said = stored.manifest, stored.manifest.circumstances
    assert (made.sequence, made.recording, made.manifest_sha256) == (
        4, stored.recording_id, stored.manifest_sha256,
    )  # fmt: skip
    assert manifest.previous_sha256 == before.manifest_sha256
    assert manifest.trigger is TriggerReason.BENCH and said is not None
    assert (said.event, said.event_by, said.purpose) == (
        ActivationEvent.TEST, GivenBy.TRIGGER, Purpose.TEST,
    )  # fmt: skip
    assert manifest.duration_ms == 120_000 and stored.category == "traffic"
    assert manifest.started_utc_ns + 120 * 10**9 == camera.clock.utc_ns()
    if size_bytes:
        assert (len(manifest.segments), manifest.size_bytes) == (1, size_bytes)
    assert [type(told) for told in desk.told if isinstance(told, RecordingClosed)] == [RecordingClosed]
    kinds = [entry.kind for entry in log_of(camera)]
    assert kinds[-2:] == [AuditKind.BENCH_USED, AuditKind.RECORDING_CLOSED]
    assert camera.state is CameraState.READY and camera.recorder.buffered_ms == 0


def test_without_a_category_it_has_the_one_that_is_configured(camera: SimCamera, desk: Any) -> None:
    desk.ask(MakeRecording(after=3, duration_ms=1_000))
    assert desk.ask(ListRecordings()).recordings[-1].category == camera.settings.text("category.default")


def test_its_footage_is_real_where_the_camera_films_and_it_is_short(
    new_camera: Callable[..., SimCamera], desk_type: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed: list[int] = []

    def segment(self: Mp4Footage, scene: Any) -> Any:
        from firmware_sim.storage.blobs import MemoryBlob

        filmed.append(scene.duration_ms)
        return MemoryBlob(b"mp4")

    monkeypatch.setattr(Mp4Footage, "segment", segment)
    camera = new_camera(mib=None, footage=Footage.REAL)
    desk = desk_type(camera)
    for number, (duration_ms, size) in enumerate([(4_000, 0), (4_000, 7), (10_001, 0)]):
        desk.ask(MakeRecording(after=number, duration_ms=duration_ms, size_bytes=size))
    assert filmed == [4_000]
    assert [one.manifest.size_bytes for one in camera.listing(0, 9)][:2] == [3, 7]


# The log, and the end


@pytest.mark.rule("BEN-003")
def test_each_use_is_logged_before_it_is_answered(camera: SimCamera, desk: Any) -> None:
    uses = every_use(camera)
    uses["bench.restore"] = uses.pop("bench.restore")
    record = uses.pop("bench.record")
    for name, request in {"bench.record": record, **uses}.items():
        before = len(logged(camera))
        desk.ask(request)
        new = logged(camera)[before:]
        changes = type(request).effect is not Effect.READS
        assert [detail.split(":")[0] for detail in new] == ([name] if changes else [])


@pytest.mark.rule("BEN-003")
def test_what_cannot_be_logged_is_not_done(new_camera: Callable[..., SimCamera], desk_type: Any) -> None:
    full: list[bool] = []

    def before(number: int, operation: str, name: str) -> None:
        if full:
            raise OSError(errno.ENOSPC, "no room")

    flash = MemoryFlash(before)
    camera = new_camera(recordings=3, state=flash)
    desk = desk_type(camera)
    found = (
        camera.battery.charge_pct,
        camera.storage.free_bytes,
        camera.clock.revision,
        len(camera.storage),
    )
    full.append(True)
    for name, request in every_use(camera).items():
        if type(request).effect is not Effect.READS:
            assert desk.refused(request) in (ErrorCode.FULL, ErrorCode.STORAGE_FAULT), name
    full.clear()
    now = (camera.battery.charge_pct, camera.storage.free_bytes, camera.clock.revision, len(camera.storage))
    assert now == found


@pytest.mark.rule("BEN-006")
@pytest.mark.parametrize("how", ["crash", "reboot", "another process"])
def test_all_but_recordings_ends_with_a_restart(
    new_camera: Callable[..., SimCamera], desk_type: Any, tmp_path: Path, how: str
) -> None:
    camera = new_camera(recordings=3, state=tmp_path / "state")
    desk = desk_type(camera)
    charge, free = camera.battery.charge_pct, camera.storage.free_bytes
    for request in list(every_use(camera).values())[1:-1]:
        if not isinstance(request, MakeRecording):
            desk.ask(request)
    assert camera.kept()["battery"]["charge"] > 0.2, "its own is kept while it acts out another"
    if how == "crash":
        camera.crash()
    elif how == "reboot":
        camera.request_reboot()
    else:
        camera.close()
        camera = new_camera(recordings=3, state=tmp_path / "state", utc_ns=camera.true_utc_ns() + 10**9)
    camera.time.skip(5)
    camera.settle()
    assert camera.running and abs(camera.battery.charge_pct - charge) <= 1
    assert camera.storage.free_bytes == free and camera.storage.taken_bytes == 0
    assert abs(camera.clock.utc_ns() - camera.true_utc_ns()) < 60 * 10**9
    assert logged(camera)[-1].startswith("it started again")
    state = desk_type(camera).ask(ReadBench())
    assert (state.charge_pct, state.taken_bytes, state.clock_moved_ns) == (None, 0, 0)
    camera.crash()
    camera.time.skip(5)
    camera.settle()
    assert len([d for d in logged(camera) if d.startswith("it started")]) == 1, "said once"

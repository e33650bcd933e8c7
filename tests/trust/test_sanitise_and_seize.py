"""A camera that is emptied by two people stays what it is; one that is seized is changed by nobody."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import COMMANDS, Role
from bwc_protocol.documents.order import Decommission, EndSeizure, Order, Sanitise, Terms
from bwc_protocol.documents.seizure import Seizure
from bwc_protocol.documents.tombstone import EraseReason
from bwc_protocol.messages.assignment import Assign, ClearAssignment
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.bench import FillStorage, MakeRecording, MoveClock, RestoreState, SetCharge
from bwc_protocol.messages.clock import ClockReason, ExchangeTime, ReadClock, SetClock, TimeSource
from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig, UploadConfig
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import (
    DeliverReceipt,
    HoldRecording,
    ListRecordings,
    OpenTable,
)
from bwc_protocol.messages.trust import (
    SEIZED_REFUSES,
    CarryOut,
    GiveNonce,
    OrderNonce,
    ReadTrust,
    Seize,
    TakeDesiredState,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from tests.sim.conftest import NOON_NS
from tests.sim.test_erasing import RATE, Bench
from tools.testkit import agencies
from tools.testkit.enrolling import entries


def by(name: str, role: Role) -> Any:
    return agencies.signer(agencies.lab().host(name, role))


def seizure(bench: Bench, case: str = "24-7", role: Role = Role.RECORDS, **changes: Any) -> bytes:
    given = {
        "lab": bench.agency.id,
        "camera": bench.camera.serial,
        "case": case,
        "signed_utc_s": agencies.SIGNED_S,
        **changes,
    }
    return agencies.signed(Seizure(**given), by("R. Holt", role))


def upload(bench: Bench, kind: type[Any], data: bytes, **more: Any) -> ErrorCode | None:
    import hashlib

    request = kind(length=len(data), sha256=hashlib.sha256(data).digest(), **more)
    return bench.desk.upload(request, data)


def seize(bench: Bench, **changes: Any) -> ErrorCode | None:
    return upload(bench, Seize, seizure(bench, **changes))


def ordered(bench: Bench, terms: Terms | Callable[[OrderNonce], Terms], **changes: Any) -> ErrorCode | None:
    given = bench.desk.ask(GiveNonce())
    whole = {
        "lab": bench.agency.id,
        "device": bench.camera.serial,
        "kind": bench.camera.kind,
        "nonce": given.nonce,
        "chain_head_sha256": given.manifest_sha256,
        "signed_utc_s": agencies.SIGNED_S,
        "terms": terms(given) if callable(terms) else terms,
        **changes,
    }
    people = by("K. Weber", Role.TECHNICIAN), by("R. Holt", Role.RECORDS)
    return upload(bench, CarryOut, agencies.signed(Order(**whole), *people), nonce=given.nonce)


def all_of(given: OrderNonce) -> Sanitise:
    return Sanitise(loses_held=given.held, loses_undelivered=given.undelivered)


@pytest.fixture
def bench() -> Bench:
    return Bench(3)


def held(bench: Bench, index: int = 0) -> None:
    entry = bench.entry(index)
    bench.desk.ask(
        HoldRecording(recording=entry.recording, manifest_sha256=entry.manifest_sha256, reason="court")
    )


# Sanitise


@pytest.mark.rule("DOC-022")
def test_a_sanitised_camera_has_a_tombstone_of_each_recording_and_stays_what_it_is(bench: Bench) -> None:
    held(bench)
    bench.deliver(bench.entry(1))
    last = bench.entry(2)
    given = bench.desk.ask(GiveNonce())
    assert (given.recordings, given.held, given.undelivered) == (3, 1, 2)
    before = bench.desk.ask(ReadTrust())
    assert ordered(bench, all_of) is None
    assert bench.listed() == () and bench.camera.missing() == [] and not bench.camera.has_footage
    assert not [name for name in bench.flash.contents() if name.startswith("recordings/")]
    found = bench.tombstones()
    assert [one.sequence for one in found] == [1, 2, 3]
    assert {one.reason for one in found} == {EraseReason.SANITISED}
    assert [len(one.receipts) for one in found] == [0, 1, 0]
    assert bench.desk.ask(ReadTrust()) == before, "agency, keys and generation are as they were"
    (entry,) = entries(bench.camera, AuditKind.ORDERED)
    assert entry.startswith("sanitise, by K. Weber and R. Holt, ")
    bench.record()
    assert bench.entry().sequence == 4
    assert bench.camera.recording(bench.entry().recording).manifest.previous_sha256 == last.manifest_sha256


@pytest.mark.rule("DOC-016", "DOC-017", "DOC-022", "TRU-012")
def test_what_it_does_not_give_up_it_does_not_lose(bench: Bench) -> None:
    assert ordered(bench, Sanitise()) is ErrorCode.NEEDS_RECEIPT
    held(bench)
    assert ordered(bench, Sanitise(loses_undelivered=3)) is ErrorCode.HELD
    assert ordered(bench, all_of, chain_head_sha256=b"\x01" * 32) is ErrorCode.CONFLICT
    assert len(bench.listed()) == 3 and bench.tombstones() == []
    bench.camera.wearer.start()
    assert ordered(bench, all_of) is ErrorCode.WRONG_STATE


@pytest.mark.rule("DOC-022")
def test_power_lost_at_any_moment_of_it_leaves_all_or_nothing(bench: Bench) -> None:
    rotten = bench.entry()
    found: list[MemoryFlash] = []
    bench.flash.before = lambda number, operation, name: found.append(bench.flash.copy())
    assert ordered(bench, all_of) is None
    bench.flash.before = None
    told_at = len(found)
    found.append(bench.flash.copy())
    assert told_at > 10 and rotten
    outcomes = set()
    for number, flash in enumerate(found):
        flash.lose_power(random.Random(number))
        camera = _booted(bench, flash)
        left, gone = len(camera.storage), len(camera.storage.tombstones)
        assert (left, gone) in ((3, 0), (0, 3)), number
        assert (AuditKind.ORDERED in {one.kind for one in _log(camera)}) is (gone == 3)
        if gone:
            assert not [name for name in flash.contents() if name.startswith("recordings/")]
        outcomes.add(gone)
        assert camera.storage.next_sequence == 4
    assert outcomes == {0, 3}


@pytest.mark.rule("DOC-022")
def test_what_cannot_be_listed_goes_as_well_whenever_the_power_goes(bench: Bench) -> None:
    name = next(one for one in bench.flash.contents() if one.endswith("manifest.cbor"))
    bench.camera.close()
    bench.flash.remove(name)
    bench.boot()
    assert len(bench.camera.storage.damaged) == 1 and len(bench.listed()) == 2
    found: list[MemoryFlash] = []
    bench.flash.before = lambda number, operation, name: found.append(bench.flash.copy())
    assert ordered(bench, all_of) is None
    bench.flash.before = None
    finished = 0
    for number, flash in enumerate([*found, bench.flash.copy()]):
        flash.lose_power(random.Random(number))
        if len(_booted(bench, flash).storage.tombstones):
            finished += 1
            assert not [one for one in flash.contents() if one.startswith("recordings/")], number
    assert finished > 3


def _booted(bench: Bench, flash: MemoryFlash) -> SimCamera:
    options = CameraOptions(
        seed=5, footage=SyntheticFootage(RATE), chunk_size=4_096, state=flash, agency=bench.agency
    )
    return SimCamera(options, utc_ns=NOON_NS + 600 * 10**9)


def _log(camera: SimCamera) -> Any:
    last, _ = camera.audit.head()
    return camera.audit.read(0, last).entries


# Seize


def changing(bench: Bench) -> dict[str, Any]:
    """Every command that a seized camera refuses, as it would be taken by another."""
    camera, entry = bench.camera, bench.entry()
    revision = camera.settings.revision
    setting = Setting(key="erase.receipts", type=SettingType.INT, number=2)
    return {
        "assignment.assign": Assign(officer="K1", revision=camera.assignment.revision),
        "assignment.clear": ClearAssignment(revision=camera.assignment.revision),
        "bench.charge": SetCharge(charge_pct=50),
        "bench.clock": MoveClock(offset_ns=5, revision=camera.clock.revision),
        "bench.fill": FillStorage(free_bytes=0),
        "bench.record": MakeRecording(after=3, duration_ms=1_000),
        "bench.restore": RestoreState(),
        "clock.set": SetClock(
            offset_ns=5,
            uncertainty_ns=1000,
            reason=ClockReason.BENCH,
            source=TimeSource.NTP,
            revision=camera.clock.revision,
        ),
        "config.stage": StageConfig(revision=revision, settings=(setting,)),
        "config.commit": ApplyConfig(revision=revision),
        "config.upload": UploadConfig(revision=revision, length=1, sha256=bytes(32)),
        "recordings.erase": bench.erase(entry),
        "trust.desired": TakeDesiredState(length=1, sha256=bytes(32)),
    }


@pytest.mark.rule("DOC-025")
def test_a_seized_camera_is_changed_by_nobody_and_gives_its_footage(bench: Bench) -> None:
    bench.deliver(bench.entry())
    assert set(changing(bench)) == SEIZED_REFUSES <= {command.name for command in COMMANDS.values()}
    assert seize(bench) is None
    assert bench.desk.ask(ReadStatus()).seized_for == "24-7"
    assert bench.log(AuditKind.SEIZED)[0].startswith("for 24-7, by R. Holt, ")
    for name, request in changing(bench).items():
        assert bench.desk.refused(request) is ErrorCode.WRONG_STATE, name
        assert "24-7" in bench.desk.detail
    for terms in (all_of, Decommission(loses_held=9, loses_undelivered=9)):
        assert ordered(bench, terms) is ErrorCode.WRONG_STATE
    entry = bench.entry(1)
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    bench.desk.ask(OpenTable(segment=0, **named))
    bench.desk.ask(ExchangeTime(host_sent_ns=1))
    bench.desk.ask(ReadClock())
    bench.desk.ask(HoldRecording(reason="evidence", **named))
    receipt = bench.store.receipt(bench.camera.serial, bench.entry(1))
    assert bench.desk.ask(DeliverReceipt(recording=entry.recording, receipt=receipt)).holds == 1
    assert bench.desk.ask(ListRecordings()).total == 3


@pytest.mark.rule("DOC-025")
def test_it_stays_seized_over_restarts_and_erases_nothing_to_make_room() -> None:
    bench = Bench(3, capacity_bytes=RATE * 20)
    for entry in bench.listed():
        bench.deliver(entry)
    assert seize(bench) is None
    bench.camera.crash()
    bench.run(1)
    bench.camera.close()
    bench.boot()
    assert bench.desk.ask(ReadStatus()).seized_for == "24-7"
    assert bench.desk.refused(bench.erase(bench.entry())) is ErrorCode.WRONG_STATE
    bench.camera.wearer.start()
    bench.run(1)
    assert bench.camera.recorder.full and bench.tombstones() == []


@pytest.mark.rule("DOC-023", "DOC-024")
def test_two_people_end_it_and_the_old_seizure_does_not_come_back(bench: Bench) -> None:
    old = seizure(bench)
    assert upload(bench, Seize, old) is None
    assert upload(bench, Seize, old) is None, "sent again: nothing changes"
    assert len(bench.log(AuditKind.SEIZED)) == 1
    assert seize(bench, case="24-8", signed_utc_s=agencies.SIGNED_S + 1) is ErrorCode.WRONG_STATE
    assert ordered(bench, EndSeizure(case="24-8")) is ErrorCode.CONFLICT
    assert ordered(bench, EndSeizure(case="24-7")) is None
    assert bench.desk.ask(ReadStatus()).seized_for == ""
    bench.configure("erase.receipts", 1)
    assert upload(bench, Seize, old) is ErrorCode.CONFLICT
    assert ordered(bench, EndSeizure(case="24-7")) is ErrorCode.CONFLICT, "there is none"
    assert seize(bench, signed_utc_s=agencies.SIGNED_S + 1) is None


@pytest.mark.rule("MSG-018")
def test_verdicts_on_a_seizure_come_in_their_order(bench: Bench) -> None:
    announced = Seize(length=1, sha256=bytes(32))
    found = [
        bench.desk.upload(announced, b"x"),
        upload(bench, Seize, b"\xa0"),
        seize(bench, role=Role.TECHNICIAN, camera="SIM-00000006"),
        seize(bench, camera="SIM-00000006"),
    ]
    declared = [code for code, _ in Seize.verdicts]
    assert found == [code for code in declared if code is not ErrorCode.WRONG_STATE]


@pytest.mark.rule("DOC-024")
def test_only_the_records_section_seizes_and_only_what_it_names(bench: Bench) -> None:
    assert seize(bench, role=Role.TECHNICIAN) is ErrorCode.UNTRUSTED
    assert seize(bench, camera="SIM-00000006") is ErrorCode.CONFLICT
    assert seize(bench, lab="0a0b0c0d") is ErrorCode.UNTRUSTED
    assert upload(bench, Seize, b"\x82\x40\x80") is ErrorCode.MALFORMED
    assert bench.desk.ask(ReadStatus()).seized_for == ""

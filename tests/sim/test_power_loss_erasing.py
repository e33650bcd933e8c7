"""Power goes at every operation of the flash while receipts are kept and recordings erased: nothing goes without a
tombstone, and nothing that was told is untrue afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bwc_protocol.documents.tombstone import verify_tombstone
from bwc_protocol.evidence import NO_SHA256, verify_table
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.recordings import HoldRecording, LiftHold, MarkRecording
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.storage.blobs import chunk_table
from tests.sim.test_erasing import RATE, Bench
from tests.tiers import seeds

ROOM_BYTES = RATE * 22


@dataclass
class Told:
    """What hosts know: what was answered, and not what was under way."""

    erased: set[bytes] = field(default_factory=set)
    receipts: dict[bytes, tuple[bytes, set[str]]] = field(default_factory=dict)
    """Destinations whose receipts were taken, and the head of annotations that they are for."""
    closed: int = 0


@dataclass
class Moment:
    """The flash before one operation, and what had been told by then."""

    step: str
    flash: MemoryFlash
    told: Told


def _named(bench: Bench, index: int) -> dict[str, bytes]:
    entry = bench.entry(index)
    return {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}


def _deliver(index: int, second: bool = False) -> Callable[[Bench, Told], None]:
    def act(bench: Bench, told: Told) -> None:
        entry = bench.entry(index)
        state = bench.deliver(entry, bench.other if second else bench.store)
        names = {one.destination for one in state.receipts}
        told.receipts[entry.recording] = (entry.annotations_sha256, names)

    return act


def _erase(index: int) -> Callable[[Bench, Told], None]:
    def act(bench: Bench, told: Told) -> None:
        entry = bench.entry(index)
        bench.desk.ask(bench.erase(entry))
        told.erased.add(entry.recording)

    return act


def _say(request: Callable[[dict[str, bytes]], object], index: int) -> Callable[[Bench, Told], None]:
    return lambda bench, told: bench.desk.ask(request(_named(bench, index)))


def _record(seconds: float) -> Callable[[Bench, Told], None]:
    def act(bench: Bench, told: Told) -> None:
        bench.record(seconds)
        told.closed = bench.camera.storage.next_sequence - 1

    return act


STEPS: dict[str, Callable[[Bench, Told], None]] = {
    "receipt": _deliver(0),
    "second receipt": _deliver(0, second=True),
    "erase": _erase(0),
    "receipt of the next": _deliver(0),
    "mark": _say(lambda named: MarkRecording(**named), 0),
    "receipt of what was said": _deliver(0),
    "hold": _say(lambda named: HoldRecording(reason="court", hold="h", **named), 1),
    "lift": _say(lambda named: LiftHold(reason="over", hold="h", **named), 1),
    "record on what is released": _record(16),
    "receipt of the last": _deliver(-1),
    "erase the last": _erase(-1),
    "record after it": _record(2),
}


@pytest.fixture(scope="module")
def moments() -> tuple[Bench, list[Moment]]:
    bench, told = Bench(3, capacity_bytes=ROOM_BYTES), Told(closed=3)
    found: list[Moment] = []
    doing = ""

    def before(number: int, operation: str, name: str) -> None:
        known = Told(set(told.erased), dict(told.receipts), told.closed)
        found.append(Moment(f"{doing}: before {operation} {name}", bench.flash.copy(), known))

    bench.flash.before = before
    for doing, act in STEPS.items():  # noqa: B007  # told by `before`
        act(bench, told)
    bench.flash.before = None
    assert bench.log(AuditKind.ERASED_FOR_ROOM), "room was made once"
    return bench, found


def booted(bench: Bench, flash: MemoryFlash) -> SimCamera:
    options = CameraOptions(
        seed=5,
        footage=SyntheticFootage(RATE),
        chunk_size=4_096,
        state=flash,
        agency=bench.agency,
        capacity_bytes=ROOM_BYTES,
    )
    return SimCamera(options, utc_ns=bench.camera.true_utc_ns() + 60_000_000_000)


def check(bench: Bench, moment: Moment, flash: MemoryFlash, camera: SimCamera) -> None:
    told, storage = moment.told, camera.storage
    assert storage.damaged == () and camera.missing() == []
    previous, erased = NO_SHA256, {}
    for number, kept in enumerate(storage.tombstones.all, 1):
        found = verify_tombstone(
            kept.document, bench.agency.anchors, lab=bench.agency.id, camera=camera.serial
        )
        assert (found.tombstone.counter, found.tombstone.previous_sha256) == (number, previous)
        previous = found.sha256
        erased[found.tombstone.recording_id] = found.tombstone
        assert found.tombstone.receipts, "nothing went without a receipt"
    assert told.erased <= set(erased), "what was answered has happened"
    assert not [name for name in flash.contents() for which in erased if which.hex() in name], (
        "what has a tombstone is freed"
    )
    listed = camera.listing(0, 99)
    assert not {one.recording_id for one in listed} & set(erased)
    for one in listed:
        for facts, table, blob in zip(one.manifest.segments, one.tables, one.blobs, strict=True):
            verify_table(table, facts)
            assert chunk_table(blob, facts.chunk_size) == table, "what has none is whole"
        head, names = told.receipts.get(one.recording_id, (NO_SHA256, set()))
        if head == one.annotations_sha256:
            assert names <= {kept.receipt.destination for kept in camera.erasing.counting(one)}
    numbers = sorted([one.sequence for one in listed] + [one.sequence for one in erased.values()])
    assert numbers == list(range(1, storage.next_sequence)) and storage.next_sequence > told.closed
    last, _ = camera.audit.head()
    kinds = [entry.kind for entry in camera.audit.read(0, last).entries]
    assert kinds.count(AuditKind.ERASED) + kinds.count(AuditKind.ERASED_FOR_ROOM) == len(erased)


@pytest.mark.rule("REC-055", "REC-062", "REC-063", "REC-007")
@pytest.mark.timeout(300)  # seconds of work, which a busy machine may take much longer for
@pytest.mark.parametrize("seed", seeds(1))
def test_whenever_the_power_goes_nothing_is_lost_and_what_was_begun_is_finished(
    moments: tuple[Bench, list[Moment]], seed: int
) -> None:
    bench, found = moments
    assert {moment.step.partition(":")[0] for moment in found} == set(STEPS) and len(found) > 100
    for number, moment in enumerate(found):
        flash = moment.flash.copy()
        flash.lose_power(random.Random(seed * len(found) + number))
        camera = booted(bench, flash)
        try:
            check(bench, moment, flash, camera)
            before, head = camera.storage.next_sequence, camera.storage.last_manifest_sha256
            if camera.wearer.start() is not None and camera.recorder.recording_id is not None:
                camera.time.skip(1)
                camera.recorder.close_now()
                made = camera.listing(before - 1, 1)[0]
                assert (made.sequence, made.manifest.previous_sha256) == (before, head)
            camera.close()
            again = booted(bench, flash)
            check(bench, moment, flash, again)
        except AssertionError as error:
            raise AssertionError(f"{moment.step}, number {number}, seed {seed}") from error


@pytest.mark.parametrize("taken_away", ["finish freeing", "tombstone first", "one step"])
def test_each_of_these_steps_is_needed(
    moments: tuple[Bench, list[Moment]], taken_away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it some loss of power breaks a promise."""
    from firmware_sim.storage.storage import Storage

    bench, found = moments
    match taken_away:
        case "finish freeing":
            monkeypatch.setattr(Storage, "_free_what_is_erased", lambda self: None)
        case "tombstone first":
            bench, found = _day_with_blocks_first(monkeypatch)
        case "one step":
            bench, found = _day_with_the_log_apart(monkeypatch)
    with pytest.raises(AssertionError):
        for number, moment in enumerate(found):
            flash = moment.flash.copy()
            flash.lose_power(random.Random(number))
            check(bench, moment, flash, booted(bench, flash))


def _short_day() -> tuple[Bench, list[Moment]]:
    bench, told, found = Bench(2, capacity_bytes=ROOM_BYTES), Told(closed=2), []
    bench.deliver(bench.entry())

    def before(number: int, operation: str, name: str) -> None:
        found.append(Moment("erase", bench.flash.copy(), Told(set(told.erased), {}, 2)))

    bench.flash.before = before
    _erase(0)(bench, told)
    bench.flash.before = None
    return bench, found


def _day_with_blocks_first(monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, list[Moment]]:
    from firmware_sim.storage.storage import Storage

    right = Storage.erase

    def erase(self: Storage, kept: object, keep: Callable[..., object], *, everything: bool = False) -> None:
        for one in kept:
            self._files.free(one.tombstone.sequence, one.tombstone.recording_id)
        right(self, kept, keep, everything=everything)

    monkeypatch.setattr(Storage, "erase", erase)
    day = _short_day()
    monkeypatch.undo()
    return day


def _day_with_the_log_apart(monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, list[Moment]]:
    from firmware_sim.storage.storage import Storage

    right = Storage.erase

    def erase(self: Storage, kept: object, keep: Callable[..., object], *, everything: bool = False) -> None:
        def apart(changes: tuple[object, ...]) -> None:
            keep(())
            for change in changes:
                self._state.commits.commit(change)

        right(self, kept, apart, everything=everything)

    monkeypatch.setattr(Storage, "erase", erase)
    day = _short_day()
    monkeypatch.undo()
    return day

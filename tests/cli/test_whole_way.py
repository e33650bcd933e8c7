"""The whole way at the dock: stored, receipted, delivered, erased; and none of it unless told."""

import dataclasses
import errno
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.evidence import Manifest
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.recordings import CategoriseRecording, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients import connecting
from bwc_sdk.clients.camera import Camera
from bwc_sdk.destination import receipt_signing
from bwc_sdk.errors import CommandError, DestinationBusy, DeviceLost, EvidenceMismatch
from bwc_sdk.evidence.custody_chain import chains_of, read_chain
from bwc_sdk.evidence.custody_line import CustodyLine
from bwc_sdk.evidence.naming import recording_name
from bwc_sdk.offload import OffloadPolicy, annotations, whole_way
from bwc_sdk.offload.pipeline import Pipeline
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.erasing import Erasing
from firmware_sim.device.refusal import Refusal
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from tests.sim.conftest import Desk

Bwc = Callable[..., Any]


@pytest.fixture
def camera(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimCamera]:
    """A camera of the lab, at which every command line of the test ends."""
    made = make_camera(
        seed=5,
        recordings=2,
        mib=1,
        footage=Footage.SYNTHETIC,
        utc_ns=time.time_ns(),
        agency=open_lab().agency,
    )
    monkeypatch.setattr(connecting, "transport_for", lambda *given: MemoryTransport(made))
    monkeypatch.setenv("BWC_DEVICE", "sim:")
    yield made
    made.close()


def offloaded(bwc: Bwc, store: Path, *options: str) -> list[dict[str, Any]]:
    done = bwc("offload", str(store), "--mkdir", "--lab", "--json", *options)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def told(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def test_unless_told_nothing_is_signed_and_nothing_erased(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    events = offloaded(bwc, store)
    assert not list(store.glob("*.receipt"))
    assert {event["event"] for event in events}.isdisjoint({"receipt_signed", "receipt_delivered", "erased"})
    assert len(told(offloaded(bwc, store, "--sign"), "receipt_delivered")) == 2
    assert len(told(offloaded(bwc, store), "planned")[0]["recordings"]) == 2, "they are still there"


def test_where_one_host_is_the_site_it_signs_delivers_and_has_erased_and_says_one_site(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    events = offloaded(bwc, store, "--sign", "--erase")
    order = [event["event"] for event in events]
    last_stored = max(at for at, kind in enumerate(order) if kind == "recording_finished")
    assert (
        last_stored < order.index("receipt_signed") < order.index("receipt_delivered") < order.index("erased")
    )
    assert all(
        event["one_site"] for event in events if event["event"] in ("receipt_signed", "receipt_delivered")
    )
    assert len(told(events, "erased")) == 2
    assert len(list(store.glob("*.tombstone"))) == len(list(store.glob("*.receipt"))) == 2
    again = offloaded(bwc, store, "--sign", "--erase")
    assert not told(again, "planned")[0]["recordings"] and not told(again, "erased")


def test_receipts_of_another_host_are_delivered_at_a_later_docking(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store, ready = tmp_path / "store", tmp_path / "ready"
    ready.mkdir()
    first = offloaded(bwc, store, "--receipts", str(ready), "--erase")
    assert [event["reason"] for event in told(first, "not_erased")] == ["0 of 1 destinations have it"] * 2
    signed = bwc("receipt", "sign", str(store), "--destination", "archive", "--out", str(ready), "--lab")
    assert signed.code == 0, signed.err
    second = offloaded(bwc, store, "--receipts", str(ready), "--erase")
    assert {event["destination"] for event in told(second, "receipt_delivered")} == {"archive"}
    assert not any(event["one_site"] for event in told(second, "receipt_delivered"))
    assert len(told(second, "erased")) == 2


def test_erased_is_said_only_when_the_camera_says_so(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(entry: object, camera: object) -> CommandError:
        return CommandError("recordings.erase", ErrorCode.HELD, "")

    monkeypatch.setattr(whole_way, "_ask_to_erase", refuses)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    assert not told(events, "erased") and len(told(events, "not_erased")) == 2


def test_what_cannot_be_signed_changes_nothing_about_what_is_stored(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object, **more: object) -> Any:
        raise OSError(5, "broken")

    monkeypatch.setattr(whole_way, "sign_receipts", broken)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    assert events[-1]["complete"] and not told(events, "erased")
    assert [event["step"] for event in told(events, "follow_up_failed")] == ["signing", "signing"]
    assert [event["reason"] for event in told(events, "not_erased")] == ["0 of 1 destinations have it"] * 2


def on_camera(bwc: Bwc, *command: str) -> None:
    done = bwc(*command, "--lab")
    assert done.code == 0, done.err


def test_a_held_recording_stays_and_the_report_says_why(bwc: Bwc, camera: SimCamera, tmp_path: Path) -> None:
    on_camera(bwc, "recordings", "hold", "1", "--reason", "asked for by the court", "--id", "24-7")
    store = tmp_path / "store"
    first = offloaded(bwc, store, "--sign", "--erase")
    assert [(one["sequence"], one["reason"]) for one in told(first, "not_erased")] == [
        (1, "1 hold is not lifted")
    ]
    assert [one["sequence"] for one in told(first, "erased")] == [2]
    assert {one["sequence"] for one in told(first, "receipt_delivered")} == {1, 2}, "it is only not erased"
    plain = bwc("offload", str(store), "--lab", "--sign", "--erase")
    assert "receipt delivered" not in plain.out, "it keeps it already"
    assert "not erased\trecording 1\t1 hold is not lifted\t" in plain.out
    on_camera(bwc, "recordings", "lift", "1", "--reason", "the court is done", "--id", "24-7")
    last = offloaded(bwc, store, "--sign", "--erase")
    assert [one["sequence"] for one in told(last, "erased")] == [1], "lifted, it goes like any other"
    assert len(list(store.glob("*.tombstone"))) == 2


def test_a_hold_that_comes_while_the_camera_is_asked_keeps_the_recording(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told that it is released may be told otherwise a moment later."""
    ask = whole_way._ask_to_erase

    async def held_meanwhile(entry: RecordingEntry, camera: Camera) -> CommandError | None:
        if entry.sequence == 2:
            await camera.recordings.hold(
                recording=entry.recording, manifest_sha256=entry.manifest_sha256, reason="asked for", hold="h"
            )
        return await ask(entry, camera)

    monkeypatch.setattr(whole_way, "_ask_to_erase", held_meanwhile)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    (stays,) = told(events, "not_erased")
    assert stays["sequence"] == 2 and stays["error"]["class"] == "CommandError", "the head was another one"
    assert [event["sequence"] for event in told(events, "erased")] == [1]


def test_a_directory_of_receipts_that_cannot_be_read_is_told_and_the_way_goes_on(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store, gone = tmp_path / "store", tmp_path / "gone"
    events = offloaded(bwc, store, "--receipts", str(gone), "--sign", "--erase")
    (failed,) = told(events, "follow_up_failed")
    assert (
        failed["step"] == "receipts" and failed["recording"] is None and str(gone) in failed["error"]["rule"]
    )
    assert len(told(events, "erased")) == 2, "those that are signed here are delivered"
    plain = bwc("offload", str(store), "--lab", "--receipts", str(gone))
    assert plain.code == 0 and "NOT DONE" not in plain.out, "nothing is left to deliver anything for"


def test_what_lies_under_the_name_of_a_receipt_and_is_none_is_told(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store, ready = tmp_path / "store", tmp_path / "ready"
    offloaded(bwc, store)
    signed = bwc("receipt", "sign", str(store), "--destination", "archive", "--out", str(ready), "--lab")
    assert signed.code == 0, signed.err
    first, second = sorted(ready.glob("*.receipt"))
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    events = offloaded(bwc, store, "--receipts", str(ready), "--erase")
    (bad,) = told(events, "receipt_not_delivered")
    assert bad["path"] == str(first) and bad["error"]["class"] == "DocumentError"
    assert "receipted again" in bad["error"]["advice"]
    assert len(told(events, "erased")) == len(told(events, "not_erased")) == 1
    first.write_bytes(second.read_bytes() if second.read_bytes() != whole else b"")
    (bad,) = told(offloaded(bwc, store, "--receipts", str(ready)), "receipt_not_delivered")
    assert "not about the recording" in bad["error"]["rule"]


@pytest.mark.parametrize("wrong", ["no room", "tombstones that do not count"])
def test_a_tombstone_that_could_not_be_stored_is_told_and_the_next_docking_stores_it(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    store = tmp_path / "store"
    if wrong == "no room":

        def full(*given: object) -> int:
            raise OSError(errno.ENOSPC, "no room")

        monkeypatch.setattr(whole_way, "keep_tombstones", full)
    else:

        async def other(camera: Camera) -> Any:
            raise EvidenceMismatch("tombstone 1: it is not signed by this camera")

        monkeypatch.setattr(whole_way, "_tombstones", other)
    events = offloaded(bwc, store, "--sign", "--erase")
    assert len(told(events, "erased")) == 2 and not told(events, "not_erased"), "the camera said so"
    (failed,) = told(events, "follow_up_failed")
    assert failed["step"] == "tombstones"
    assert failed["error"]["class"] == ("DestinationFull" if wrong == "no room" else "EvidenceMismatch")
    assert not list(store.glob("*.tombstone"))
    monkeypatch.undo()
    monkeypatch.setattr(connecting, "transport_for", lambda *given: MemoryTransport(camera))
    monkeypatch.setenv("BWC_DEVICE", "sim:")
    assert not told(offloaded(bwc, store), "follow_up_failed")
    assert len(list(store.glob("*.tombstone"))) == 2


def test_what_is_wrong_with_one_recording_keeps_no_other_one_on_the_camera(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    said_of = annotations.said_of

    async def contradicts(camera: Camera, entry: RecordingEntry, by: Any) -> Any:
        if entry.sequence == 1:
            raise EvidenceMismatch("recording 1: the annotations are not those that were listed")
        return await said_of(camera, entry, by)

    monkeypatch.setattr(whole_way, "said_of", contradicts)
    finished = Pipeline.run

    async def then_noted(pipeline: Pipeline) -> Any:
        found = await finished(pipeline)
        for entry in [one.entry for one in found]:
            of = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
            Desk(camera).ask(CategoriseRecording(**of, category="theft"))
        return found

    monkeypatch.setattr(Pipeline, "run", then_noted)
    events = offloaded(bwc, store, "--sign", "--erase")
    (failed,) = told(events, "follow_up_failed")
    assert (failed["step"], failed["sequence"]) == ("annotations", 1)
    assert [event["sequence"] for event in told(events, "receipt_signed")] == [2], "of a head that is kept"
    assert [event["sequence"] for event in told(events, "not_erased")] == [1]
    assert [event["sequence"] for event in told(events, "erased")] == [2]
    named = {
        line.file for one in chains_of(store) for line in read_chain(one) if isinstance(line, CustodyLine)
    }
    assert {path.name for path in store.glob("*.annotations")} <= named


@pytest.mark.parametrize(
    ("step", "kind"),
    [("delivery", "CommandError"), ("annotations", "DestinationFull"), ("signing", "ProgramFault")],
)
def test_whatever_fails_of_one_recording_is_told_with_its_step(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kind: str
) -> None:
    """A defect of the program alone ends it for all of them, and is told as one."""
    if step == "delivery":
        asks = whole_way._release_of

        async def gone(entry: RecordingEntry, camera: Camera) -> Any:
            if entry.sequence == 1:
                return CommandError("recordings.release", ErrorCode.NOT_FOUND, "erased by another dock")
            return await asks(entry, camera)

        monkeypatch.setattr(whole_way, "_release_of", gone)
    elif step == "annotations":
        run = Pipeline.run

        async def then_noted(pipeline: Pipeline) -> Any:
            found = await run(pipeline)
            entry = min((one.entry for one in found), key=lambda one: one.sequence)
            of = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
            Desk(camera).ask(CategoriseRecording(**of, category="theft"))
            return found

        def full(*given: object) -> Any:
            raise OSError(errno.ENOSPC, "no room")

        monkeypatch.setattr(Pipeline, "run", then_noted)
        monkeypatch.setattr(whole_way, "keep_annotations", full)
    else:

        def defect(*given: object, **more: object) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr(whole_way, "sign_receipts", defect)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    (failed,) = told(events, "follow_up_failed")
    assert (failed["step"], failed["error"]["class"]) == (step, kind)
    of_all = step == "signing"
    assert failed["recording"] == (None if of_all else 1)
    assert [event["sequence"] for event in told(events, "erased")] == ([] if of_all else [2])
    assert len(told(events, "not_erased")) == (2 if of_all else 1)


def test_a_camera_that_is_lost_after_it_was_stored_is_told_of_each_recording(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(entry: RecordingEntry, camera: Camera) -> CommandError | None:
        raise DeviceLost("it was unplugged")

    monkeypatch.setattr(whole_way, "_ask_to_erase", lost)
    monkeypatch.setattr(OffloadPolicy, "wait_s", lambda *given: 0.0)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    assert events[-1]["complete"], "what is stored is stored"
    (failed,) = told(events, "follow_up_failed")
    assert (failed["step"], failed["recording"]) == ("erasing", None)
    assert {event["sequence"] for event in told(events, "not_erased")} == {1, 2}
    assert {event["error"]["class"] for event in told(events, "not_erased")} == {"DeviceLost"}
    monkeypatch.undo()


@pytest.mark.parametrize("strange", ["A-1", "Z-1"])
def test_another_recording_of_the_same_id_in_the_store_keeps_nothing_from_being_receipted(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, strange: str
) -> None:
    """A store may have many cameras, and nobody promises for what a strange one calls its recordings."""
    store = tmp_path / "store"
    offloaded(bwc, store)
    (first, *_) = sorted(store.glob("*.manifest"))
    manifest = Manifest.decode(first.read_bytes())
    other = dataclasses.replace(manifest, camera=strange)
    name = recording_name(other.camera, other.recording_id, other.sha256)
    (store / f"{name}.manifest").write_bytes(other.encode())
    events = offloaded(bwc, store, "--sign", "--erase")
    assert not told(events, "receipt_not_signed") and len(told(events, "erased")) == 2


def test_what_stands_under_the_name_of_a_receipt_is_told_when_it_is_passed_by(
    bwc: Bwc, camera: SimCamera, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    names = {
        event["sequence"]: event["path"] for event in told(offloaded(bwc, store, "--sign"), "receipt_signed")
    }
    Path(names[1]).unlink()
    Path(names[1]).write_bytes(b"something else")
    plain = bwc("offload", str(store), "--lab", "--sign")
    assert f"one site\t{Path(names[1]).name} is none, and was passed by\t" in plain.out
    again = {event["sequence"]: event for event in told(offloaded(bwc, store, "--sign"), "receipt_signed")}
    assert again[1]["passed_by"] == [Path(names[1]).name] and again[2]["passed_by"] == []


def test_what_the_camera_lists_otherwise_than_it_was_stored_is_neither_signed_nor_erased(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run = tmp_path / "store", Pipeline.run
    offloaded(bwc, store, "--sign")

    async def as_another_manifest(pipeline: Pipeline) -> Any:
        found = await run(pipeline)
        return [
            dataclasses.replace(one, entry=dataclasses.replace(one.entry, manifest_sha256=bytes(32)))
            for one in found
        ]

    monkeypatch.setattr(Pipeline, "run", as_another_manifest)
    events = offloaded(bwc, store, "--erase")
    assert len(told(events, "not_erased")) == 2 and not told(events, "erased") and len(camera.storage) == 2


@pytest.mark.parametrize("asked", ["take", "erase"])
def test_a_camera_that_is_busy_is_asked_again(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    does, refusals = getattr(Erasing, asked), [2]

    def busy(erasing: Erasing, *given: object) -> None:
        if refusals[0]:
            refusals[0] -= 1
            raise Refusal(ErrorCode.BUSY, "soon")
        does(erasing, *given)

    monkeypatch.setattr(Erasing, asked, busy)
    monkeypatch.setattr(OffloadPolicy, "wait_s", lambda *given: 0.0)
    events = offloaded(bwc, tmp_path / "store", "--sign", "--erase")
    assert refusals == [0] and len(told(events, "erased")) == 2


def test_a_store_in_which_somebody_else_signs_is_waited_for(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign, refusals = receipt_signing.sign_receipts, [3]

    def busy(*given: Any, **more: Any) -> Any:
        if refusals[0]:
            refusals[0] -= 1
            raise DestinationBusy("another process signs receipts there")
        return sign(*given, **more)

    monkeypatch.setattr(whole_way, "sign_receipts", busy)
    monkeypatch.setattr(whole_way, "BUSY_S", 0.0)
    assert len(told(offloaded(bwc, tmp_path / "store", "--sign", "--erase"), "erased")) == 2


def test_a_manifest_in_the_store_that_was_changed_is_the_reason_that_is_told(
    bwc: Bwc, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    sign = receipt_signing.sign_receipts

    def after_damage(*given: Any, **more: Any) -> Any:
        for path in store.glob("*.manifest"):
            path.chmod(0o600)
            path.write_bytes(b"something else")
        return sign(*given, **more)

    monkeypatch.setattr(whole_way, "sign_receipts", after_damage)
    reasons = {one["reason"] for one in told(offloaded(bwc, store, "--sign"), "receipt_not_signed")}
    assert len(reasons) == 1 and "its manifest is none" in reasons.pop()

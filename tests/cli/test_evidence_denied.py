"""A camera was stolen, and denied: what a verification says of what it made before, and of what its thief makes."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind
from bwc_protocol.documents.tombstone import EraseReason, Tombstone
from bwc_protocol.evidence import AnnotationRecord, Manifest, sign1
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.evidence.naming import recording_name
from bwc_sdk.offload import offload
from tools.testkit import agencies

Bwc = Callable[..., Any]
CAMERA = "SIM-00000003"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Four recordings of a camera of the lab."""
    path = tmp_path / "store"
    path.mkdir()

    async def run() -> None:
        async with offload("sim:?seed=3&recordings=4&mib=1", path, lab=True) as job:
            assert (await job.run()).complete

    asyncio.run(run())
    return path


def manifests(store: Path) -> dict[int, Manifest]:
    found = (Manifest.decode(path.read_bytes()) for path in store.glob("*.manifest"))
    return {one.sequence: one for one in found}


def thief() -> sign1.KeySigner:
    """Whoever has a key of the camera, with its certificate."""
    return agencies.signer(open_lab().agency.device(CAMERA, PeerKind.CAMERA))


def forge(store: Path, genuine: Manifest, **changed: object) -> Manifest:
    """A recording that the thief says the camera made: number, time and link as he likes them."""
    own = dataclasses.replace(genuine, recording_id=bytes([9]) * 16, **changed)
    name = recording_name(own.camera, own.recording_id, own.sha256)
    (store / f"{name}.manifest").write_bytes(own.encode())
    (store / f"{name}.manifest.cose").write_bytes(sign1.sign(own.encode(), thief()))
    return own


def denied_after(tmp_path: Path, last: Manifest | None) -> Path:
    """The agency's deny list, by which the camera is good up to a recording."""
    entry = Denied(by=DeniedBy.NAME, kind=DeniedKind.CAMERA, name=CAMERA)
    if last is not None:
        entry = dataclasses.replace(entry, last_sequence=last.sequence, last_manifest_sha256=last.sha256)
    path = tmp_path / "deny-list.cose"
    path.write_bytes(agencies.deny_list(open_lab().agency, 1, entry))
    return path


def verify(bwc: Bwc, store: Path, denied: Path) -> tuple[int, dict[str, Any], list[tuple[Any, ...]]]:
    ran = bwc("evidence", "verify", str(store), "--lab", "--quick", "--deny-list", str(denied), "--json")
    told = [
        (one["severity"], one["sequence"], one["detail"])
        for one in ran.document["findings"]
        if one["kind"] == "signer-denied"
    ]
    return ran.code, ran.document, sorted(told, key=lambda one: (one[1] or 0, one[2]))


@pytest.mark.rule("REC-044")
def test_what_it_recorded_before_keeps_its_worth(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    for path in store.glob("*.annotations"):
        path.unlink()
    for path in store.glob("*.chain"):
        path.unlink()
    code, document, told = verify(bwc, store, denied_after(tmp_path, manifests(store)[4]))
    assert (code, document["verdict"], document["signed"], told) == (0, "verified", 4, [])


@pytest.mark.rule("REC-044")
def test_what_a_thief_of_its_key_makes_is_found_whatever_number_and_time_he_writes(
    bwc: Bwc, store: Path, tmp_path: Path
) -> None:
    genuine = manifests(store)
    denied = denied_after(tmp_path, genuine[3])
    old = forge(store, genuine[2], previous_sha256=genuine[1].sha256)
    code, document, told = verify(bwc, store, denied)
    assert code == 14 and document["signed"] == 3
    assert [one for one in told if one[0] == "error"] == [
        ("error", 2, "the last good recording of its camera, number 3, leads back to another of this number"),
        ("error", 4, "the last good recording of its camera was number 3"),
    ]
    named = {one["recording"] for one in document["findings"] if one["kind"] == "signer-denied"}
    assert old.recording_id.hex() in named and genuine[2].recording_id.hex() not in {
        one["recording"]
        for one in document["findings"]
        if one["kind"] == "signer-denied" and one["severity"] == "error"
    }


@pytest.mark.rule("REC-044")
def test_a_forged_recording_does_not_pass_for_one_that_is_missing(
    bwc: Bwc, store: Path, tmp_path: Path
) -> None:
    """He takes a recording out, and puts his own in its place: same number, same time, same link to the one before."""
    genuine = manifests(store)
    for path in store.glob(f"*_{genuine[2].recording_id.hex()}_*"):
        path.unlink()
    forge(store, genuine[2])
    code, _, told = verify(bwc, store, denied_after(tmp_path, genuine[4]))
    errors = [one for one in told if one[0] == "error"]
    assert code == 14 and [number for _, number, _ in errors] == [1, 2]
    assert all("the manifest of number 2 is not here" in detail for _, _, detail in errors)


def test_what_was_said_of_its_recordings_is_doubted(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    """He could say of an old recording whatever he likes: nothing in it says when it was said."""
    genuine = manifests(store)
    denied = denied_after(tmp_path, genuine[4])
    before = len(verify(bwc, store, denied)[2])
    about = {
        "camera": CAMERA,
        "recording_id": genuine[4].recording_id,
        "manifest_sha256": genuine[4].sha256,
    }
    said = AnnotationRecord(
        utc_ns=genuine[4].ended_utc_ns,
        kind=int(AnnotationKind.CATEGORY),
        actor="x",
        text="y",
        hold="",
        case="",
        authority="",
    )
    unsigned = AnnotationFile.of([said], b"", **about)
    signature = sign1.sign(unsigned.signed_head(open_lab().agency.id).encode(), thief())
    name = recording_name(CAMERA, genuine[4].recording_id, genuine[4].sha256)
    path = store / f"{name}_{unsigned.head.hex()[:16]}.annotations"
    path.write_bytes(dataclasses.replace(unsigned, signature=signature).encode())
    told = verify(bwc, store, denied)[2]
    assert len(told) == before + 1
    assert ("warning", 4, "its camera is denied, and nothing shows that this was said before") in told


def test_a_tombstone_of_a_thief_accounts_for_nothing(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    """He could hide a recording: its hash stands in the next manifest."""
    genuine = manifests(store)
    for path in store.glob(f"*_{genuine[2].recording_id.hex()}_*"):
        path.unlink()
    stone = Tombstone(
        lab=open_lab().agency.id,
        camera=CAMERA,
        recording_id=genuine[2].recording_id,
        sequence=2,
        manifest_sha256=genuine[2].sha256,
        annotations=0,
        annotations_sha256=bytes(32),
        receipts=(bytes(32),),
        objects=(bytes(32),),
        counter=1,
        previous_sha256=bytes(32),
        utc_ns=genuine[2].ended_utc_ns,
        boot_counter=1,
        reason=EraseReason.ASKED,
        actor="dock",
    )
    name = recording_name(CAMERA, genuine[2].recording_id, genuine[2].sha256)
    (store / f"{name}.tombstone").write_bytes(agencies.signed(stone, thief()))
    _, document, _ = verify(bwc, store, denied_after(tmp_path, genuine[4]))
    kinds = {one["kind"] for one in document["findings"] if one["severity"] == "error"}
    assert {"signer-denied", "recordings-missing"} <= kinds
    (empty := tmp_path / "none.cose").write_bytes(agencies.deny_list(open_lab().agency, 1))
    _, document, _ = verify(bwc, store, empty)
    assert "recordings-missing" not in {one["kind"] for one in document["findings"]}


@pytest.mark.rule("REC-044")
def test_hashes_lead_back_through_all_stores_that_are_named(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    """Two docks have its recordings in turn: each alone shows nothing, and says what is missing."""
    for path in [*store.glob("*.annotations"), *store.glob("*.chain")]:
        path.unlink()
    genuine = manifests(store)
    other = tmp_path / "other"
    other.mkdir()
    for number in (2, 4):
        for path in store.glob(f"*_{genuine[number].recording_id.hex()}_*"):
            path.rename(other / path.name)
    denied = denied_after(tmp_path, genuine[4])
    code, _, told = verify(bwc, store, denied)
    assert code == 14 and {number for _, number, _ in told} == {1, 3}
    assert all("the manifest of number 4 is not here" in detail for _, _, detail in told)
    both = bwc("evidence", "verify", str(store), str(other), "--lab", "--quick", "--deny-list", str(denied))
    assert both.code == 0 and "verified" in both.out

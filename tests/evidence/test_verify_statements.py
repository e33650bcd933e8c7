"""Annotations and tombstones of a store: read, held to the camera that signed them, and never believed of another."""

from pathlib import Path

import pytest

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import EraseReason, Tombstone
from bwc_protocol.evidence import Manifest, sign1
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.evidence import statements
from bwc_sdk.evidence.findings import FindingKind
from bwc_sdk.evidence.verify import Believed, verify_stores

CAMERA = "SIM-00000007"
QUIET = (
    FindingKind.UNSIGNED,
    FindingKind.SIGNER_TIME,
    FindingKind.CUSTODY_CHAIN_DISAGREES,
    FindingKind.RECEIPT_MISSING,
)
"""What other tests are about."""


def lab_believed() -> Believed:
    agency = open_lab().agency
    return Believed(roots=agency.anchors, lab=agency.id)


def kinds(store: Path, believed: Believed | None) -> list[FindingKind]:
    report = verify_stores([store], believed=believed, quick=True)
    return [one.kind for one in report.findings if one.kind not in QUIET]


def flip(path: Path, bit: int) -> None:
    """Changes one bit where it lies: a file that is made anew costs a write to the disk."""
    with path.open("r+b") as file:
        file.seek(bit // 8)
        old = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([old ^ 1 << bit % 8]))


def said(store: Path) -> Path:
    return min(store.glob("*.annotations"))


def test_every_flip_in_what_was_said_is_found(store: Path) -> None:
    path = said(store)
    data = path.read_bytes()
    assert not kinds(store, lab_believed())
    path.chmod(0o600)
    for at in range(0, len(data) * 8, 29):
        flip(path, at)
        assert kinds(store, lab_believed()) == [FindingKind.ANNOTATIONS_WRONG], at
        flip(path, at)


def test_what_was_said_of_another_recording_is_found(store: Path) -> None:
    path = said(store)
    other = next(one for one in sorted(store.glob("*.manifest")) if one.stem not in path.name)
    path.rename(store / f"{other.stem}_{path.stem[-16:]}.annotations")
    assert kinds(store, None) == [FindingKind.ANNOTATIONS_WRONG]


def test_two_files_that_contradict_each_other_are_found(store: Path) -> None:
    file = AnnotationFile.decode(said(store).read_bytes())
    (record,) = file.said()[:1]
    changed = AnnotationFile.of(
        [record] * (len(file.records) + 1),
        b"",
        camera=file.camera,
        recording_id=file.recording_id,
        manifest_sha256=file.manifest_sha256,
    )
    other = AnnotationFile(
        camera=file.camera,
        recording_id=file.recording_id,
        manifest_sha256=file.manifest_sha256,
        records=(changed.records[0][:-1] + b"\x61x", *changed.records)
        if changed.records[0].endswith(b"\x60")
        else changed.records[::-1],
        signature=b"",
    )
    stem = said(store).stem[:-17]
    (store / f"{stem}_{other.head.hex()[:16]}.annotations").write_bytes(other.encode())
    assert FindingKind.ANNOTATIONS_WRONG in kinds(store, None)


def erased(store: Path, number: int, signer: sign1.Signer | None = None, generation: int = 0) -> Path:
    """Removes a recording, and leaves what its camera signed when it erased it."""
    (path,) = (
        one for one in store.glob("*.manifest") if Manifest.decode(one.read_bytes()).sequence == number
    )
    manifest = Manifest.decode(path.read_bytes())
    agency = open_lab().agency
    device = agency.device(CAMERA, PeerKind.CAMERA)
    tombstone = Tombstone(
        lab=agency.id,
        camera=CAMERA,
        recording_id=manifest.recording_id,
        sequence=number,
        manifest_sha256=manifest.sha256,
        annotations=0,
        annotations_sha256=bytes(32),
        receipts=(bytes(32),),
        objects=(bytes(32),),
        counter=1,
        previous_sha256=bytes(32),
        utc_ns=1,
        boot_counter=1,
        reason=EraseReason.ASKED,
        actor="dock",
        generation=generation,
    )
    document = SignedDocument(tombstone.encode()).signed_by(
        signer or sign1.KeySigner(device.chain, device.key)
    )
    for one in list(store.glob(f"*_{manifest.recording_id.hex()}_*")):
        one.unlink()
    stone = store / f"{path.stem}.tombstone"
    stone.write_bytes(document.encode())
    return stone


def test_a_tombstone_accounts_for_a_recording_that_is_not_here(store: Path) -> None:
    erased(store, 2)
    assert not kinds(store, lab_believed()) and not kinds(store, None)


@pytest.mark.rule("REC-086")
def test_a_tombstone_accounts_for_no_recording_of_another_generation(store: Path) -> None:
    """After a reset numbers begin anew: what was erased before it hides none that is missing since."""
    erased(store, 2, generation=1)
    assert FindingKind.RECORDINGS_MISSING in kinds(store, lab_believed())


def test_every_flip_in_a_tombstone_is_found(store: Path) -> None:
    path = erased(store, 2)
    data = path.read_bytes()
    for at in range(0, len(data) * 8, 41):
        flip(path, at)
        found = kinds(store, lab_believed())
        assert found == [FindingKind.TOMBSTONE_WRONG, FindingKind.RECORDINGS_MISSING], at
        flip(path, at)


@pytest.mark.parametrize("checked", [True, False])
def test_nobody_but_the_camera_says_that_it_erased(
    store: Path, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """A dock that hides a recording would, if nobody looked."""
    device = open_lab().agency.device("SIM-00000008", PeerKind.CAMERA)
    erased(store, 2, sign1.KeySigner(device.chain, device.key))
    if not checked:
        right = statements.read_tombstone
        monkeypatch.setattr(statements, "verify_tombstone", lambda data, *_, **__: right(data))
    assert bool(kinds(store, lab_believed())) is checked

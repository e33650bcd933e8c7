"""Receipts and lists of objects of a store: read, held to the destination that signed them and to what is here."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates import issue
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.certificates.issue import new_key
from bwc_protocol.certificates.profile import ROLE_OIDS, SERVER_AUTH
from bwc_protocol.declare import Role
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.documents.object_list import ObjectList
from bwc_protocol.documents.receipt import Receipt, SignedReceipt
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import EraseReason, Tombstone
from bwc_protocol.evidence import AnnotationRecord, Manifest, sign1
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.destination.receipt_signing import sign_receipts
from bwc_sdk.evidence import receipt_reading
from bwc_sdk.evidence.findings import Finding, FindingKind, Severity
from bwc_sdk.evidence.verify import Believed, verify_stores
from bwc_sdk.identity.lab_identities import LabIdentities
from tests.tiers import Tier, chosen

CAMERA = "SIM-00000007"
NOISE = (FindingKind.UNSIGNED, FindingKind.SIGNER_TIME, FindingKind.CUSTODY_CHAIN_DISAGREES)
"""What other tests are about: a chain names each file that is spoilt here."""
Find = Callable[[str], Path]


@pytest.fixture(scope="module")
def receipted(offloaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of which each recording has its receipt. Nobody writes into it."""
    path = tmp_path_factory.mktemp("receipted") / "store"
    shutil.copytree(offloaded, path)
    assert len(list(sign_receipts(path, destination(), one_site=True))) == 4
    return path


@pytest.fixture
def store(receipted: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "store"
    shutil.copytree(receipted, copy)
    for path in copy.iterdir():
        if path.is_file():
            path.chmod(0o600)
    return copy


def destination(name: str = "archive", role: Role = Role.DESTINATION) -> Any:
    return LabIdentities(name).for_role(role, 0)


def believed(deny_list: DenyList | None = None) -> Believed:
    agency = open_lab().agency
    return Believed(roots=agency.anchors, lab=agency.id, deny_list=deny_list)


def found(store: Path, by: Believed | None = None) -> list[Finding]:
    report = verify_stores([store], believed=by or believed(), quick=True)
    return [one for one in report.findings if one.kind not in NOISE]


def kinds(store: Path, by: Believed | None = None) -> list[FindingKind]:
    return [one.kind for one in found(store, by)]


def manifest_of(path: Path) -> Manifest:
    """The manifest of the recording that a file belongs to."""
    camera, recording, digits = path.name.split("_")[:3]
    return Manifest.decode(
        (path.parent / f"{camera}_{recording}_{digits.split('.')[0]}.manifest").read_bytes()
    )


def signed(receipt: Receipt, by: Any) -> bytes:
    return SignedDocument(receipt.encode()).signed_by(by.credentials).encode()


def read(path: Path) -> Receipt:
    return Receipt.decode(SignedDocument.decode(path.read_bytes()).payload)


def test_receipts_that_a_destination_signed_have_nothing_wrong(receipted: Path) -> None:
    report = verify_stores([receipted], believed=believed(), quick=True)
    assert (report.receipts, report.one_site) == (4, 4) and not found(receipted)


@pytest.mark.rule("REC-072")
@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".receipt", FindingKind.RECEIPT_WRONG), (".objects", FindingKind.OBJECTS_WRONG)],
)
def test_every_flip_in_a_receipt_and_in_its_list_is_found(
    receipted: Path, tmp_path: Path, ending: str, kind: FindingKind
) -> None:
    """Of one recording alone: every bit of a document is one verification."""
    path = min(one for one in receipted.iterdir() if one.name.endswith(ending))
    for one in receipted.glob(f"*_{path.name.split('_')[1]}_*"):
        shutil.copy(one, tmp_path)
    path = tmp_path / path.name
    quiet = (*NOISE, FindingKind.RECORDINGS_MISSING)
    data = path.read_bytes()
    path.chmod(0o600)
    for at in range(0, len(data) * 8, 1 if chosen() is Tier.NIGHT else 31):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        report = verify_stores([tmp_path], believed=believed(), quick=True)
        wrong = [(one.kind, one.file) for one in report.findings if one.kind not in quiet]
        assert wrong == [(kind, path.name)], at


@pytest.mark.rule("REC-072")
@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".receipt", FindingKind.RECEIPT_MISSING), (".objects", FindingKind.OBJECTS_MISSING)],
)
def test_one_that_is_gone_is_found(store: Path, one_of: Find, ending: str, kind: FindingKind) -> None:
    one_of(ending).unlink()
    assert kinds(store) == [kind]


def test_of_another_recording_it_is_found(store: Path) -> None:
    first, second = sorted(store.glob("*.receipt"))[:2]
    first.write_bytes(second.read_bytes())
    assert kinds(store) == [FindingKind.RECEIPT_WRONG]


def forger(name: str, roles: Role) -> sign1.KeySigner:
    """A host of the lab with these roles, also with such as our own CA would not put beside each other."""
    agency, key = open_lab().agency, new_key()
    purposes = [SERVER_AUTH, *(oid for role, oid in ROLE_OIDS.items() if role in roles)]
    leaf = issue._leaf(agency.issuing, key.public_key(), name, purposes, agency.issuance())
    return sign1.KeySigner((leaf, agency.issuing.certificate), key)


def believe_everybody(data: bytes, *_: Any) -> SignedReceipt:
    document = SignedDocument.decode(data)
    (signer,) = (read_certificate(sign1.decode(one).chain[0]) for one in document.signatures)
    return SignedReceipt(Receipt.decode(document.payload), signer, document.sha256)


def test_under_another_name_than_its_own_it_is_found(store: Path, one_of: Find) -> None:
    """Docks look for receipts by their names."""
    path = one_of(".receipt")
    moved = path.name.replace("_archive.", "_second.")
    path.with_suffix(".objects").rename((store / moved).with_suffix(".objects"))
    path.rename(store / moved)
    assert kinds(store) == [FindingKind.RECEIPT_WRONG]


@pytest.mark.rule("REC-072")
@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("archive", Role.DESTINATION | Role.DOCK_OFFLOAD),
        ("archive", Role.TECHNICIAN),
        ("another", Role.DESTINATION),
    ],
)
def test_nobody_but_the_destination_signs_for_it(
    store: Path, one_of: Find, monkeypatch: pytest.MonkeyPatch, name: str, roles: Role, checked: bool
) -> None:
    path = one_of(".receipt")
    document = SignedDocument(read(path).encode()).signed_by(forger(name, roles))
    path.write_bytes(document.encode())
    if not checked:
        monkeypatch.setattr(receipt_reading, "verify_receipt_signature", believe_everybody)
    assert kinds(store) == ([FindingKind.RECEIPT_WRONG] if checked else [])


@pytest.mark.parametrize(
    "changes",
    [
        {"size_bytes": 5},
        {"annotations_sha256": b"x" * 32},
        {"annotations": 0},
        {"manifest_sha256": b"m" * 32},
        {"recording_id": b"i" * 16},
        {"camera": "SIM-00000008"},
    ],
    ids=str,
)
def test_for_something_else_than_what_is_here_it_is_found(
    store: Path, one_of: Find, changes: dict[str, Any]
) -> None:
    """A destination signed it so: its signature is good."""
    path = one_of(".receipt")
    changed = dataclasses.replace(read(path), **changes)
    moved = path.name.replace(read(path).annotations_sha256.hex()[:16], changed.annotations_sha256.hex()[:16])
    objects = path.with_suffix(".objects").read_bytes()
    path.with_suffix(".objects").unlink()
    path.unlink()
    (store / moved).write_bytes(signed(changed, destination()))
    (store / moved).with_suffix(".objects").write_bytes(objects)
    assert kinds(store) == [FindingKind.RECEIPT_WRONG]


def test_more_that_a_destination_had_is_missing_here(store: Path, one_of: Find) -> None:
    for path in store.glob(f"*_{one_of('.receipt').name.split('_')[1]}_*.annotations"):
        path.unlink()
    assert kinds(store) == [FindingKind.ANNOTATIONS_MISSING, FindingKind.OBJECT_DISAGREES]


def test_a_list_that_leaves_something_out_or_names_it_otherwise_is_found(store: Path, one_of: Find) -> None:
    path = one_of(".objects")
    objects = ObjectList.decode(path.read_bytes()).objects
    receipt = path.with_suffix(".receipt")
    for at, one in enumerate(objects):
        otherwise = dataclasses.replace(one, sha256=b"y" * 32)
        for changed in (objects[:at] + objects[at + 1 :], (*objects[:at], otherwise, *objects[at + 1 :])):
            left_out = len(changed) < len(objects)
            made = ObjectList(changed)
            path.write_bytes(made.encode())
            receipt.write_bytes(
                signed(dataclasses.replace(read(receipt), objects_sha256=made.sha256), destination())
            )
            small = one.key.endswith((".cose", ".annotations"))
            expected = FindingKind.OBJECT_DISAGREES if small else FindingKind.OBJECTS_WRONG
            # Signature and annotations are named where they are there: a list without them is an older one.
            assert kinds(store) == ([] if small and left_out else [expected]), one.key


def test_what_was_said_since_makes_a_receipt_old_and_the_next_one_good(store: Path, one_of: Find) -> None:
    path = one_of(".annotations")
    file = AnnotationFile.decode(path.read_bytes())
    manifest = manifest_of(path)
    more = AnnotationRecord(utc_ns=1, kind=1, actor="kim", text="", hold="", case="", authority="").encode()
    longer = dataclasses.replace(file, records=(*file.records, more), signature=b"")
    device = open_lab().agency.device(CAMERA, PeerKind.CAMERA)
    head = longer.signed_head(open_lab().agency.id).encode()
    longer = dataclasses.replace(
        longer, signature=sign1.sign(head, sign1.KeySigner(device.chain, device.key))
    )
    (store / path.name.replace(file.head.hex()[:16], longer.head.hex()[:16])).write_bytes(longer.encode())
    (told,) = found(store)
    assert told.kind is FindingKind.RECEIPT_OLD and told.severity is Severity.NOTE
    made = [one for one in sign_receipts(store, destination()) if getattr(one, "fresh", False)]
    assert len(made) == 1 and kinds(store) == [FindingKind.RECEIPT_OLD]
    assert manifest.sha256 == file.manifest_sha256


def test_a_destination_that_was_withdrawn_is_told(store: Path) -> None:
    agency = open_lab().agency
    entry = Denied(by=DeniedBy.NAME, kind=DeniedKind.HOST, name="archive")
    denied = DenyList(lab=agency.id, agency="x", counter=1, signed_utc_s=1, entries=(entry,))
    told = found(store, believed(denied))
    assert [one.kind for one in told] == [FindingKind.RECEIPT_DENIED] * 4
    assert {one.severity for one in told} == {Severity.WARNING}


def erased(store: Path, receipts: list[Path], objects: bytes | None = None) -> Path:
    """What the camera signs as it erases the recording of these receipts."""
    agency = open_lab().agency
    device = agency.device(CAMERA, PeerKind.CAMERA)
    documents = [SignedDocument.decode(path.read_bytes()) for path in receipts]
    named = [Receipt.decode(one.payload) for one in documents]
    tombstone = Tombstone(
        lab=agency.id,
        camera=CAMERA,
        recording_id=named[0].recording_id,
        sequence=manifest_of(receipts[0]).sequence,
        manifest_sha256=named[0].manifest_sha256,
        annotations=named[0].annotations,
        annotations_sha256=named[0].annotations_sha256,
        receipts=tuple(one.sha256 for one in documents),
        objects=tuple(objects or one.objects_sha256 for one in named),
        counter=1,
        previous_sha256=bytes(32),
        utc_ns=1,
        boot_counter=1,
        reason=EraseReason.ASKED,
        actor="dock",
    )
    document = SignedDocument(tombstone.encode()).signed_by(sign1.KeySigner(device.chain, device.key))
    path = receipts[0].parent / ("_".join(receipts[0].name.split("_")[:3]) + ".tombstone")
    path.write_bytes(document.encode())
    return path


@pytest.mark.rule("REC-072")
def test_receipts_that_a_tombstone_names_are_here_or_it_is_told(store: Path, one_of: Find) -> None:
    path = one_of(".receipt")
    stone = erased(store, [path])
    assert not found(store)
    content = path.read_bytes()
    path.unlink()
    told = {one.kind: one for one in found(store) if one.file == stone.name}
    assert told[FindingKind.RECEIPT_MISSING].severity is Severity.WARNING
    path.write_bytes(content)
    erased(store, [path], b"z" * 32)
    assert kinds(store) == [FindingKind.TOMBSTONE_WRONG]


def test_of_two_receipts_one_may_be_elsewhere(store: Path, one_of: Find) -> None:
    path = one_of(".receipt")
    other = path.with_name(path.name.replace("_archive", "_second"))
    other.write_bytes(signed(dataclasses.replace(read(path), destination="second"), destination("second")))
    objects = other.with_suffix(".objects")
    objects.write_bytes(path.with_suffix(".objects").read_bytes())
    erased(store, [path, other])
    assert not found(store)
    other.unlink()
    objects.unlink()
    (told,) = found(store)
    assert told.kind is FindingKind.RECEIPT_MISSING and told.severity is Severity.NOTE


@pytest.mark.parametrize(
    ("step", "instead"),
    [
        ("_about", lambda *_: None),
        ("_list", lambda *_: None),
    ],
)
def test_each_step_that_is_taken_away_is_missed(
    store: Path, one_of: Find, monkeypatch: pytest.MonkeyPatch, step: str, instead: Any
) -> None:
    path = one_of(".receipt")
    if step == "_about":
        path.write_bytes(signed(dataclasses.replace(read(path), size_bytes=5), destination()))
    else:
        path.with_suffix(".objects").write_bytes(b"\0")
    assert kinds(store)
    monkeypatch.setattr(receipt_reading, step, instead)
    assert not kinds(store)

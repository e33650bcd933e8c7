"""Receipts of a destination: only for what is whole on the medium, once for each head, and never over anything."""

import dataclasses
import errno
import hashlib
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bwc_protocol.declare import Role
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.object_list import ObjectList
from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import AnnotationRecord, Manifest, cbor, sign1
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.directory_store import DirectoryStore
from bwc_sdk.destination.receipt_signing import NotReceipted, ReceiptMade, sign_receipts, verify_in_store
from bwc_sdk.errors import DestinationBusy, DestinationError, DocumentError, EvidenceMismatch
from bwc_sdk.evidence import read_back
from bwc_sdk.evidence.custody_chain import chains_of, check_chain, read_chain
from bwc_sdk.evidence.custody_line import CustodyLine, is_chain
from bwc_sdk.evidence.naming import destination_name
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity
from tests.tiers import Tier, chosen
from tools.testkit import agencies

AGENCY: LabAgency = agencies.real("Springfield PD")
UTC_NS = 1_800_000_000_000_000_000


def identity(
    name: str = "store-1", role: Role = Role.DESTINATION, agency: LabAgency = AGENCY
) -> HostIdentity:
    made = agency.host(name, role)
    return HostIdentity.of(KeyCredentials(made.chain, made.key), agency.anchors)


STORE_1 = identity()


def world(files: Any = None) -> World:
    return World(
        utc_ns=lambda: UTC_NS,
        entropy=random.Random(1).randbytes,
        host_id=lambda: b"this host",
        files=files or OsFileSystem(),
    )


def sign(path: Path, by: HostIdentity = STORE_1, files: Any = None, **options: Any) -> list[Any]:
    return list(sign_receipts(path, by, world=world(files), **options))


def device_of(lab: Any) -> Any:
    return lab.device([lab.recording(1, (10_000, 300)), lab.recording(2, (50,))])


def stored_in(lab: Any, path: Path) -> Path:
    """A directory in which two recordings are stored."""
    path.mkdir()
    assert lab.run(device_of(lab), OsFileSystem(), path)[0].complete
    return path


@pytest.fixture
def store(lab: Any, tmp_path: Path) -> Path:
    return stored_in(lab, tmp_path / "store")


def said(path: Path, count: int) -> Path:
    """Annotations of the first recording, as an offload stores them; the file of so many."""
    manifest = Manifest.decode(sorted(path.glob("*.manifest"))[0].read_bytes())
    records = tuple(
        AnnotationRecord(
            utc_ns=number, kind=1, actor="kim", text=f"{number}", hold="", case="", authority=""
        ).encode()
        for number in range(count)
    )
    file = AnnotationFile(
        camera=manifest.camera,
        recording_id=manifest.recording_id,
        manifest_sha256=manifest.sha256,
        records=records,
        signature=b"",
    )
    name = sorted(path.glob("*.manifest"))[0].name.removesuffix(".manifest")
    found = path / f"{name}_{file.head.hex()[:16]}.annotations"
    found.write_bytes(file.encode())
    return found


@pytest.mark.rule("REC-075")
def test_each_whole_recording_gets_one_receipt_that_a_camera_takes(store: Path) -> None:
    made = sign(store)
    assert len(made) == 2 and all(isinstance(one, ReceiptMade) and one.fresh for one in made)
    for one in made:
        objects = one.path.with_suffix(".objects").read_bytes()
        assert one.receipt.objects_sha256 == hashlib.sha256(objects).digest()
        for entry in ObjectList.decode(objects).objects:
            assert (store / entry.key).stat().st_size == entry.size_bytes
            if not entry.key.endswith(".mp4"):
                assert entry.sha256 == hashlib.sha256((store / entry.key).read_bytes()).digest()
        found = verify_in_store(one.path.read_bytes(), store, AGENCY.anchors, "", None)
        assert found.receipt.destination == "store-1" and not found.receipt.one_site
    assert sorted(one.receipt.counter for one in made) == [1, 2]


@pytest.mark.rule("REC-077")
def test_repeated_it_signs_nothing_anew_and_a_newer_head_gets_a_receipt_beside_the_older(store: Path) -> None:
    first = sign(store)
    assert [one.fresh for one in sign(store)] == [False, False]
    before = {path: path.read_bytes() for path in store.iterdir() if path.is_file()}
    annotations = said(store, 2)
    again = sign(store)
    assert [one.fresh for one in again].count(True) == 1
    (newer,) = (one for one in again if one.fresh)
    assert newer.receipt.annotations == 2 and newer.receipt.counter == 3
    objects = ObjectList.decode(newer.path.with_suffix(".objects").read_bytes())
    assert annotations.name in {entry.key for entry in objects.objects}
    for path, content in before.items():
        assert path.suffix == ".chain" or path.read_bytes() == content, "older ones stay"
    for one in first:
        verify_in_store(one.path.read_bytes(), store, AGENCY.anchors, "", None)


SPOILT = {
    "the manifest": ("*.manifest", lambda data: data[:-1]),
    "a table": ("*.table", lambda data: bytes([data[0] ^ 1]) + data[1:]),
    "footage": ("*_000_*.mp4", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "footage that is short": ("*_001_*.mp4", lambda data: data[:-1]),
    "footage that is long": ("*_001_*.mp4", lambda data: data + b"\0"),
    "annotations": ("*.annotations", lambda data: data[:-1]),
    "a table that is gone": ("*.table", None),
    "footage that is gone": ("*_001_*.mp4", None),
}


@pytest.mark.rule("REC-076")
@pytest.mark.parametrize("what", SPOILT)
def test_what_is_not_whole_gets_none_and_is_not_touched(store: Path, what: str) -> None:
    pattern, spoil = SPOILT[what]
    if "annotations" in what:
        said(store, 1)
    path = sorted(store.glob(pattern))[0]
    if spoil is None:
        path.unlink()
    else:
        path.write_bytes(spoil(path.read_bytes()))
    before = {one: one.read_bytes() for one in store.iterdir() if one.is_file()}
    made = sign(store)
    assert [type(one) for one in made].count(NotReceipted) == 1, made
    assert not any(one.name.startswith(path.name[:40]) for one in made if isinstance(one, ReceiptMade))
    for one, content in before.items():
        assert one.suffix == ".chain" or one.read_bytes() == content


def test_the_signature_of_a_manifest_counts_if_there_is_one(store: Path) -> None:
    name = sorted(store.glob("*.manifest"))[0].name
    (store / (name + ".cose")).write_bytes(sign1.sign((store / name).read_bytes(), STORE_1.credentials))
    (refused,) = (one for one in sign(store) if isinstance(one, NotReceipted))
    assert "signature" in refused.reason and name.startswith(refused.name)
    (made,) = (one for one in sign(store) if isinstance(one, ReceiptMade))
    assert made.manifest_signed is None and not made.fresh


@pytest.mark.rule("REC-075")
@pytest.mark.parametrize("checked", [True, False])
def test_what_others_say_in_a_cameras_name_is_passed_by_and_keeps_nobody_from_a_receipt(
    store: Path, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """Whoever can write into the store could add a longer file: a receipt for that head no camera would take."""
    name = sorted(store.glob("*.manifest"))[0].name.removesuffix(".manifest")
    data = (store / f"{name}.manifest").read_bytes()
    device = AGENCY.device(Manifest.decode(data).camera, PeerKind.CAMERA)
    camera = sign1.KeySigner(device.chain, device.key)
    for path in store.glob(f"{name}*.annotations"):
        path.unlink()
    (store / f"{name}.manifest.cose").write_bytes(sign1.sign(data, camera))
    forged = []
    for count, by in ((1, camera), (2, STORE_1.credentials), (3, None)):
        path = said(store, count)
        file = AnnotationFile.decode(path.read_bytes())
        if by is not None:
            signature = sign1.sign(file.signed_head("").encode(), by)
            path.write_bytes(dataclasses.replace(file, signature=signature).encode())
        forged += [] if by is camera else [path.name]
    if not checked:
        monkeypatch.setattr(read_back, "read_annotations", lambda data, *_: AnnotationFile.decode(data))
        monkeypatch.setattr(read_back, "require", lambda *_: None)
    (made,) = (one for one in sign(store) if one.name == name)
    assert isinstance(made, ReceiptMade)
    assert (made.receipt.annotations, sorted(made.passed_by)) == ((1, sorted(forged)) if checked else (3, []))


def test_annotations_that_contradict_each_other_get_no_receipt(store: Path) -> None:
    said(store, 2)
    other = AnnotationFile.decode(said(store, 1).read_bytes())
    record = AnnotationRecord(utc_ns=9, kind=1, actor="x", text="", hold="", case="", authority="").encode()
    changed = AnnotationFile(
        camera=other.camera,
        recording_id=other.recording_id,
        manifest_sha256=other.manifest_sha256,
        records=(record,),
        signature=b"",
    )
    name = sorted(store.glob("*.manifest"))[0].name.removesuffix(".manifest")
    (store / f"{name}_{changed.head.hex()[:16]}.annotations").write_bytes(changed.encode())
    assert ["contradict" in one.reason for one in sign(store) if isinstance(one, NotReceipted)] == [True]


@pytest.mark.rule("REC-078")
def test_only_a_certificate_with_the_role_alone_signs_and_only_for_the_destination_that_it_names(
    store: Path,
) -> None:
    roles = Role.DESTINATION | Role.DOCK_OFFLOAD  # which no CA of ours issues
    both = dataclasses.replace(STORE_1, certificate=dataclasses.replace(STORE_1.certificate, roles=roles))
    for by, options in (
        (both, {}),
        (identity("store-1", Role.DOCK_OFFLOAD), {}),
        (STORE_1, {"destination": "b"}),
    ):
        with pytest.raises(DocumentError):
            sign(store, by, **options)
    assert not list(store.glob("*.receipt"))


@pytest.mark.rule("REC-079")
@pytest.mark.parametrize("suffix", [".receipt", ".objects"])
def test_what_stands_under_a_name_and_is_no_receipt_is_left_reported_and_passed_by(
    store: Path, suffix: str
) -> None:
    (first, _) = sign(store)
    for path in (first.path, first.path.with_suffix(".objects")):
        path.unlink()
    first.path.with_suffix(suffix).write_bytes(b"something else")
    found = next(one for one in sign(store) if one.name == first.name)
    assert found.fresh and found.path.name.endswith("-2.receipt")
    assert found.passed_by == (first.path.with_suffix(suffix).name,)
    assert first.path.with_suffix(suffix).read_bytes() == b"something else"
    verify_in_store(found.path.read_bytes(), store, AGENCY.anchors, "", None)


def test_two_destinations_sign_beside_each_other(store: Path) -> None:
    names = {one.path.name for name in ("store-1", "Lager Süd/2") for one in sign(store, identity(name))}
    assert len(names) == 4 and all("/" not in name and name.isascii() for name in names)
    assert destination_name("store-1") == "store-1"
    assert destination_name("a b") != destination_name("a/b")


def test_receipts_and_lists_are_named_in_the_custody_chain(store: Path) -> None:
    sign(store)
    sign(store)
    named = {
        (line.file, line.sha256)
        for chain in chains_of(store)
        for line in read_chain(chain)
        if isinstance(line, CustodyLine) and line.what in ("receipt", "objects")
    }
    assert named == {
        (path.name, hashlib.sha256(path.read_bytes()).digest())
        for path in store.iterdir()
        if path.suffix in (".receipt", ".objects")
    }


def test_two_processes_do_not_sign_at_once(store: Path) -> None:
    opened = Destination.open(OsFileSystem(), store)
    with DirectoryStore(opened).signing_lock() as alone:
        assert alone
        with pytest.raises(DestinationBusy):
            sign(store)
    opened.close()


def test_a_receipt_whose_store_lost_or_changed_something_is_told(store: Path) -> None:
    made = sign(store)
    for pattern in ("*_000_*.mp4", "*.table", "*.objects"):
        one = made[0]
        path = next(path for path in sorted(store.glob(pattern)) if path.name.startswith(one.name[:40]))
        kept = path.read_bytes()
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        with pytest.raises(EvidenceMismatch):
            verify_in_store(one.path.read_bytes(), store, AGENCY.anchors, "", None)
        path.write_bytes(kept)
    with pytest.raises(DocumentError):
        verify_in_store(made[0].path.read_bytes(), store, agencies.real("Other PD").anchors, "", None)


STRIDE = {Tier.TEST: 7, Tier.CI: 2, Tier.NIGHT: 1}
"""Of the steps of signing, one of so many is tried; at night each."""
ROUNDS = {Tier.TEST: 1, Tier.CI: 1, Tier.NIGHT: 8}
"""What a loss of power leaves of what was not synced is another thing each time."""


def stored_on(lab: Any) -> Any:
    """A disk on which two recordings are stored."""
    disk = lab.disk()
    assert lab.run(device_of(lab), lab.files(disk))[0].complete
    return disk


def steps_of_signing(lab: Any) -> list[str]:
    """The operations of the disk, in order."""
    found: list[str] = []
    sign(Path("/store"), files=lab.files(stored_on(lab), lambda now, operation: found.append(operation)))
    return found


def check_signed(disk: Any, made: list[Any]) -> None:
    """Each receipt that somebody was told of is there, and so is its list, and both are named in the chain."""
    final = disk.final()
    lines = [
        line for name in final if is_chain(name) for line in check_chain(name, final[name].splitlines(True))
    ]
    assert all(isinstance(line, CustodyLine) for line in lines)
    named = {(line.file, line.sha256) for line in lines}
    for one in made:
        assert isinstance(one, ReceiptMade) and not one.passed_by
        content = final[one.path.name]
        assert SignedDocument.decode(content).sha256 == one.sha256
        objects = final[one.path.name.replace(".receipt", ".objects")]
        assert hashlib.sha256(objects).digest() == one.receipt.objects_sha256
        for name in (one.path.name, one.path.name.replace(".receipt", ".objects")):
            assert (name, hashlib.sha256(final[name]).digest()) in named
    for name, content in final.items():
        if name.endswith(".receipt"):
            receipt = Receipt.decode(SignedDocument.decode(content).payload)
            assert (
                hashlib.sha256(final[name.replace(".receipt", ".objects")]).digest() == receipt.objects_sha256
            )


@pytest.mark.rule("REC-076")
@pytest.mark.parametrize("cut", [False, True])
def test_killed_and_cut_at_every_step_what_was_signed_is_there_and_the_next_run_ends_well(
    lab: Any, cut: bool
) -> None:
    steps = len(steps_of_signing(lab))
    for step in range(0, steps, STRIDE[chosen()]):
        for round_ in range(ROUNDS[chosen()]):
            rng, disk = random.Random(f"{step}/{round_}"), stored_on(lab)
            told: list[Any] = []

            def stop(now: int, operation: str, step: int = step) -> None:
                if now == step:
                    raise lab.power_cut

            with pytest.raises(lab.power_cut):
                for one in sign_receipts("/store", STORE_1, world=world(lab.files(disk, stop))):
                    told.append(one)
            disk.kill()
            if cut:
                disk.power_cut(rng)
            again = sign(Path("/store"), files=lab.files(disk))
            disk.power_cut(rng)
            check_signed(disk, [*told, *again])
            assert len([name for name in disk.final() if name.endswith(".receipt")]) == 2
            counters = [one.receipt.counter for one in again]
            assert sorted(counters) == [1, 2], "no number is given twice, and none is left out"


@pytest.mark.rule("REC-076")
def test_a_sync_that_fails_while_signing_is_final_and_nothing_is_told_that_is_not_so(lab: Any) -> None:
    """The system takes lost pages for written: whoever asked again would hear yes."""
    steps = [at for at, operation in enumerate(steps_of_signing(lab)) if operation.startswith("sync")]
    for number, step in enumerate(steps[:: 1 if chosen() is not Tier.TEST else 4]):
        disk, told = stored_on(lab), []
        failed: list[int] = []

        def fail(now: int, operation: str, step: int = step, failed: list[int] = failed) -> None:
            if now == step:
                failed.append(now)
                raise OSError(errno.EIO, "injected")

        try:
            for one in sign_receipts("/store", STORE_1, world=world(lab.files(disk, fail))):
                told.append(one)
        except DestinationError as error:
            assert error.advice
        assert failed
        disk.power_cut(random.Random(number))
        check_signed(disk, [one for one in told if isinstance(one, ReceiptMade)])
        check_signed(disk, sign(Path("/store"), files=lab.files(disk)))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_openssl_alone_verifies_a_receipt(store: Path, tmp_path: Path) -> None:
    one = sign(store)[0]
    payload, (signature,) = cbor_pair(one.path.read_bytes())
    protected, _, detached, raw = cbor_items(signature)
    assert detached is None
    header = cbor_map(protected)
    leaf, issuing = header[33]
    signed = b"\x84\x6aSignature1" + bstr(protected) + b"\x40" + bstr(payload)
    files = {}
    for name, content in {
        "signed": signed,
        "signature": encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        "key.pem": x509.load_der_x509_certificate(leaf)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "leaf.pem": pem(leaf),
        "issuing.pem": pem(issuing),
        "root.pem": pem(AGENCY.anchors[0]),
    }.items():
        files[name] = tmp_path / name
        files[name].write_bytes(content)
    for command in (
        ["dgst", "-sha256", "-verify", files["key.pem"], "-signature", files["signature"], files["signed"]],
        [
            "verify",
            "-purpose",
            "any",
            "-no_check_time",
            "-CAfile",
            files["root.pem"],
            "-untrusted",
            files["issuing.pem"],
            files["leaf.pem"],
        ],
    ):
        done = subprocess.run(["openssl", *map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def bstr(content: bytes) -> bytes:
    return (
        b"\x59" + len(content).to_bytes(2, "big") + content
        if len(content) > 255
        else b"\x58" + bytes([len(content)]) + content
    )


def cbor_pair(data: bytes) -> tuple[bytes, list[bytes]]:
    payload, signatures = cbor.decode(data)
    return payload, signatures


def cbor_items(data: bytes) -> Any:
    return cbor.decode(data)


def cbor_map(data: bytes) -> Any:
    return cbor.decode(data)


def test_a_list_of_objects_is_read_in_its_one_form(store: Path) -> None:
    content = sign(store)[0].path.with_suffix(".objects").read_bytes()
    assert ObjectList.decode(content).encode() == content
    rows = cbor.decode(content)[1]
    for bad in (
        b"",
        content[:-1],
        cbor.encode(["bwc-objects-2", rows]),
        cbor.encode(["bwc-objects-1", []]),
        cbor.encode(["bwc-objects-1", rows[::-1]]),
        cbor.encode(["bwc-objects-1", [rows[0], rows[0]]]),
        cbor.encode(["bwc-objects-1", [[*rows[0][:3], b"x"]]]),
        cbor.encode(["bwc-objects-1", [["k" * 1025, *rows[0][1:]]]]),
        cbor.encode(["bwc-objects-1", [[rows[0][0], "", True, rows[0][3]]]]),
    ):
        with pytest.raises(DocumentRefused):
            ObjectList.decode(bad)
    assert Receipt.kind_name() == "bwc-receipt"

"""Receipts and tombstones: each condition is checked, and each check is needed."""

import dataclasses
from typing import Any

import pytest

from bwc_protocol.certificates import issue
from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.issue import new_key
from bwc_protocol.certificates.profile import ROLE_OIDS, SERVER_AUTH
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.documents.receipt import (
    RECEIPT_MAX,
    RECEIPT_PAYLOAD_MAX,
    Receipt,
    Receipted,
    SignedReceipt,
    verify_receipt,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import RECEIPTS_MAX, EraseReason, Tombstone
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.evidence.sign1 import KeySigner
from tools.testkit import fixed_agency as agency
from tools.testkit.checks_taken_away import document_check_taken_away

SIGNED_S = agency.BEGAN_S + 86_400
ABOUT = Receipted(
    camera=agency.CAMERA,
    recording_id=b"r" * 16,
    manifest_sha256=b"m" * 32,
    annotations=2,
    annotations_sha256=b"a" * 32,
    size_bytes=4_711,
)
RECEIPT = Receipt(
    camera=agency.CAMERA,
    recording_id=b"r" * 16,
    manifest_sha256=b"m" * 32,
    annotations=2,
    annotations_sha256=b"a" * 32,
    size_bytes=4_711,
    objects_sha256=b"o" * 32,
    destination="store-1",
    counter=7,
    signed_utc_s=SIGNED_S,
)


def signed(receipt: Receipt = RECEIPT, *signers: str | KeySigner) -> bytes:
    document = SignedDocument(receipt.encode())
    for one in signers or ("store",):
        document = document.signed_by(agency.signer(one) if isinstance(one, str) else one)
    return document.encode()


def changed(**changes: Any) -> bytes:
    return signed(dataclasses.replace(RECEIPT, **changes))


def host(name: str, roles: Role) -> KeySigner:
    """One with these roles, also with such as our own CA would not put beside each other."""
    key = new_key()
    purposes = [SERVER_AUTH, *(oid for role, oid in ROLE_OIDS.items() if role in roles)]
    leaf = issue._leaf(
        agency.issuer(), key.public_key(), name, purposes, agency.issuance("receipt"), agrees=False
    )
    return KeySigner((leaf, agency.certificate("issuing")), key)


def verified(data: bytes, trust: Trust | None = None) -> SignedReceipt:
    return verify_receipt(data, agency.anchors(), trust or Trust(), ABOUT)


def test_a_receipt_of_a_destination_for_what_the_recording_is_now_counts() -> None:
    found = verified(signed())
    assert found.receipt == RECEIPT and found.signer.name == "store-1"
    assert found.sha256 == SignedDocument(RECEIPT.encode()).sha256


DENIED = DenyList(
    agency=agency.AGENCY,
    counter=1,
    signed_utc_s=SIGNED_S,
    entries=(Denied(by=DeniedBy.NAME, kind=DeniedKind.HOST, name="store-1"),),
)
WRONG: list[tuple[DocumentCheck, bytes]] = [
    (DocumentCheck.LAB, changed(lab="0a0b0c0d")),
    (DocumentCheck.DEVICE, changed(camera="BWC-000043")),
    (DocumentCheck.RECORDING, changed(recording_id=bytes(16))),
    (DocumentCheck.RECORDING, changed(manifest_sha256=bytes(32))),
    (DocumentCheck.RECORDING, changed(size_bytes=4_710)),
    (DocumentCheck.ANNOTATIONS, changed(annotations=1)),
    (DocumentCheck.ANNOTATIONS, changed(annotations_sha256=bytes(32))),
    (DocumentCheck.SUBJECTS, changed(destination="store-2")),
    (DocumentCheck.TIME, changed(signed_utc_s=agency.BEGAN_S - 1)),
    (DocumentCheck.ROLE, signed(RECEIPT, host("store-1", Role.RECORDS))),
]


@pytest.mark.rule("REC-056")
@pytest.mark.parametrize(("check", "data"), WRONG)
def test_whatever_else_it_says_it_is_refused_and_only_by_that_check(
    check: DocumentCheck, data: bytes
) -> None:
    with pytest.raises(DocumentRefused) as refused:
        verified(data)
    assert refused.value.check is check
    with document_check_taken_away(check):
        verified(data)


@pytest.mark.parametrize(
    ("check", "data"),
    [
        (DocumentCheck.SIGNER, signed(RECEIPT, host("store-1", Role.DESTINATION | Role.DOCK_OFFLOAD))),
        (DocumentCheck.ROLE, signed(RECEIPT, "dock")),
        (DocumentCheck.SIGNER, signed(RECEIPT, "camera")),
        (DocumentCheck.CHAIN, signed(RECEIPT, "other/store")),
        (DocumentCheck.SIGNATURE, signed(RECEIPT, "store", "store-2")),
        (DocumentCheck.FORM, bytes(RECEIPT_MAX + 1)),
    ],
    ids=["a dock as well", "a dock", "a camera", "another agency", "two", "too long"],
)
def test_nobody_but_a_destination_signs_it(check: DocumentCheck, data: bytes) -> None:
    with pytest.raises(DocumentRefused) as refused:
        verified(data)
    assert refused.value.check is check


def test_a_destination_that_is_denied_signs_none() -> None:
    with pytest.raises(DocumentRefused) as refused:
        verified(signed(), Trust(denied=DENIED))
    assert refused.value.check is DocumentCheck.SIGNER


def test_another_payload_under_a_signature_is_refused() -> None:
    good = SignedDocument.decode(signed())
    other = dataclasses.replace(RECEIPT, size_bytes=1).encode()
    with pytest.raises(DocumentRefused) as refused:
        verified(SignedDocument(other, good.signatures).encode())
    assert refused.value.check is DocumentCheck.SIGNATURE


def test_the_longest_receipt_fits_in_a_request() -> None:
    longest = dataclasses.replace(
        RECEIPT,
        lab="l" * 32,
        camera="c" * 64,
        destination="d" * 64,
        counter=(1 << 64) - 1,
        size_bytes=1 << 48,
    )
    assert len(longest.encode()) <= RECEIPT_PAYLOAD_MAX
    assert len(signed()) < RECEIPT_MAX // 2


TOMBSTONE = Tombstone(
    camera=agency.CAMERA,
    recording_id=b"r" * 16,
    sequence=3,
    manifest_sha256=b"m" * 32,
    annotations=2,
    annotations_sha256=b"a" * 32,
    receipts=(b"x" * 32,),
    objects=(b"o" * 32,),
    counter=1,
    previous_sha256=bytes(32),
    utc_ns=SIGNED_S * 10**9,
    boot_counter=4,
    reason=EraseReason.ASKED,
    actor="dock-7",
)


@pytest.mark.parametrize(
    "changes",
    [
        {"receipts": (), "objects": ()},
        {"receipts": (), "objects": (), "reason": EraseReason.NO_ROOM},
        {"objects": ()},
        {"receipts": (b"x" * 32,) * (RECEIPTS_MAX + 1), "objects": (b"x" * 32,) * (RECEIPTS_MAX + 1)},
        {"receipts": (b"x" * 31,)},
        {"counter": 0},
        {"sequence": 0},
    ],
)
def test_no_tombstone_says_what_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        dataclasses.replace(TOMBSTONE, **changes)


def test_a_tombstone_is_read_as_it_was_written() -> None:
    ordered = dataclasses.replace(TOMBSTONE, receipts=(), objects=(), reason=EraseReason.SANITISED)
    for one in (TOMBSTONE, ordered):
        assert Tombstone.decode(one.encode()) == one
    full = dataclasses.replace(
        TOMBSTONE,
        lab="l" * 32,
        camera="c" * 64,
        actor="a" * 64,
        receipts=(b"x" * 32,) * RECEIPTS_MAX,
        objects=(b"x" * 32,) * RECEIPTS_MAX,
    )
    assert len(full.encode()) <= Tombstone.payload_max()

"""Vectors of signatures and signed documents, by an agency whose keys everybody knows (spec: Signed documents)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any, Final

import cbor2

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents import (
    deny_list,
    desired_state,
    order,
    receipt,
    renewal_proof,
    seizure,
    tombstone,
)
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.documents.desired_state import DesiredAssignment, DesiredSetting, DesiredState
from bwc_protocol.documents.order import (
    NONCE_SIZE,
    ClockStep,
    Decommission,
    EndSeizure,
    Order,
    Sanitise,
    Situation,
    Transfer,
)
from bwc_protocol.documents.receipt import Receipt, Receipted
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.renewal_proof import RenewalProof
from bwc_protocol.documents.seizure import Seizure
from bwc_protocol.documents.signed_document import Document, SignedDocument
from bwc_protocol.documents.tombstone import EraseReason, Tombstone
from bwc_protocol.evidence import sign1
from bwc_protocol.evidence.record import Record
from bwc_protocol.vocabulary import PeerKind
from tools.generate.vectors import types as vectors_types
from tools.generate.vectors.plain_values import cbor_shown
from tools.testkit import fixed_agency as agency

SIGNED_S: Final = agency.BEGAN_S + 150 * 86_400
NONCE: Final = bytes(range(NONCE_SIZE))
HEAD: Final = bytes(range(0x40, 0x60))
TWO: Final = ("technician", "records")
SITUATION: Final = Situation(
    device=agency.CAMERA,
    kind=PeerKind.CAMERA,
    nonce=NONCE,
    chain_head_sha256=HEAD,
    held=1,
    undelivered=2,
    clock_revision=3,
    case="24-0117",
)
GENERATION: Final = 1
LAST_COUNTER: Final = 11
HELD_COUNTER: Final = 6

DENY_LIST: Final = DenyList(
    agency=agency.AGENCY,
    counter=7,
    signed_utc_s=SIGNED_S,
    floor_utc_s=agency.BEGAN_S,
    entries=deny_list.in_order(
        [
            Denied(by=DeniedBy.NAME, kind=DeniedKind.HOST, name="dock-9"),
            Denied(by=DeniedBy.KEY, kind=DeniedKind.HOST, name="Kim Lopez", key=bytes(range(32))),
            Denied(by=DeniedBy.ISSUER, key=bytes(range(20))),
            Denied(
                by=DeniedBy.NAME,
                kind=DeniedKind.CAMERA,
                name="BWC-000017",
                last_sequence=41,
                last_manifest_sha256=HEAD,
            ),
        ]
    ),
)
DESIRED: Final = DesiredState(
    camera=agency.CAMERA,
    counter=12,
    signed_utc_s=SIGNED_S,
    profile="patrol",
    settings=(
        DesiredSetting(key="recording.pre_event_s", value=30),
        DesiredSetting(key="recording.sound", value=True),
        DesiredSetting(key="stealth.mode", value="off"),
    ),
    assignment=DesiredAssignment(officer="K1234", unit="5th precinct"),
    generation=GENERATION,
)

SEIZURE: Final = Seizure(camera=agency.CAMERA, case="24-0117", signed_utc_s=SIGNED_S)
REQUEST: Final = b"a certificate signing request"
PROOF: Final = RenewalProof(device=agency.CAMERA, request_sha256=hashlib.sha256(REQUEST).digest())
LAST_SEIZED_S: Final = SIGNED_S - 1
RECORDING: Final = Receipted(
    camera=agency.CAMERA,
    recording_id=bytes(range(0xA0, 0xB0)),
    manifest_sha256=HEAD,
    annotations=2,
    annotations_sha256=bytes(range(0x80, 0xA0)),
    size_bytes=9_192,
)
OBJECTS: Final = bytes(range(0xC0, 0xE0))
RECEIPT: Final = Receipt(
    camera=agency.CAMERA,
    recording_id=RECORDING.recording_id,
    manifest_sha256=RECORDING.manifest_sha256,
    annotations=RECORDING.annotations,
    annotations_sha256=RECORDING.annotations_sha256,
    size_bytes=RECORDING.size_bytes,
    objects_sha256=OBJECTS,
    destination="store-1",
    counter=7,
    signed_utc_s=SIGNED_S,
)
TOMBSTONE: Final = Tombstone(
    camera=agency.CAMERA,
    recording_id=RECORDING.recording_id,
    sequence=3,
    manifest_sha256=RECORDING.manifest_sha256,
    annotations=RECORDING.annotations,
    annotations_sha256=RECORDING.annotations_sha256,
    receipts=(SignedDocument(RECEIPT.encode()).sha256,),
    objects=(OBJECTS,),
    counter=1,
    previous_sha256=bytes(32),
    utc_ns=SIGNED_S * 1_000_000_000,
    boot_counter=12,
    reason=EraseReason.ASKED,
    actor="dock-7",
)


def _order(terms: order.Terms, **changes: Any) -> Order:
    given: dict[str, Any] = {
        "device": agency.CAMERA,
        "kind": PeerKind.CAMERA,
        "nonce": NONCE,
        "chain_head_sha256": HEAD,
        "signed_utc_s": SIGNED_S,
        "terms": terms,
    }
    return Order(**given | changes)


def types() -> dict[str, list[vectors_types.Field]]:
    """The keys of each record."""
    records: list[type[Record]] = [DenyList, Denied, Order, *order.ACTIONS.values()]
    records += [DesiredState, DesiredSetting, DesiredAssignment, Receipt, Tombstone, Seizure, RenewalProof]
    return {cls.label: vectors_types.manifest(cls) for cls in records}


def record() -> dict[str, Any]:
    """The content of `documents.json`."""
    roots = ("root", "standby", "issuing", "issuing-2")
    names = [*roots, *agency.PEOPLE, "camera", "other/root", "other/issuing", "other/technician"]
    return {
        "types": types(),
        "agency": {
            name: {
                "private": agency.private_number(name).to_bytes(32).hex(),
                "certificate": agency.certificate(name).hex(),
            }
            for name in names
        },
        "anchors": ["root", "standby"],
        "device": {
            "identity": SITUATION.device,
            "kind": int(SITUATION.kind),
            "nonce": NONCE.hex(),
            "chain_head_sha256": HEAD.hex(),
            "clock_revision": SITUATION.clock_revision,
            "held": SITUATION.held,
            "undelivered": SITUATION.undelivered,
            "case": SITUATION.case,
            "last_seized_utc_s": LAST_SEIZED_S,
            "recording": {
                "recording_id": RECORDING.recording_id.hex(),
                "manifest_sha256": RECORDING.manifest_sha256.hex(),
                "annotations": RECORDING.annotations,
                "annotations_sha256": RECORDING.annotations_sha256.hex(),
                "size_bytes": RECORDING.size_bytes,
            },
            "deny_counter": HELD_COUNTER,
            "generation": GENERATION,
            "desired_counter": LAST_COUNTER,
            "request": REQUEST.hex(),
            "carrier": "dock",
            "last_dock_issuer_key_id": agency.facts("issuing-2").key_id.hex(),
        },
        "signatures": [_signature(name) for name in ("technician", "root")],
        "documents": [_vector(document, names) for document, names in _documents()],
        "refused": [_refused(why, data) for why, data in _wrong()],
    }


def _documents() -> list[tuple[Document, tuple[str, ...]]]:
    step = ClockStep(step_ns=-315_360_000_000_000_000, uncertainty_ms=250, revision=3)
    return [
        (DENY_LIST, ("root",)),
        (dataclasses.replace(DENY_LIST, counter=8, floor_utc_s=0, entries=()), ("standby",)),
        (_order(Transfer(loses_held=1, loses_undelivered=2, to_agency="Shelbyville PD")), TWO),
        (_order(Decommission(loses_held=1, loses_undelivered=12)), TWO),
        (_order(step), ("technician", "technician-2")),
        (DESIRED, ("technician",)),
        (dataclasses.replace(DESIRED, counter=13, settings=(), assignment=None), ("technician-2",)),
        (_order(Sanitise(loses_held=1, loses_undelivered=2)), TWO),
        (_order(EndSeizure(case="24-0117")), TWO),
        (SEIZURE, ("records",)),
        (PROOF, ("camera",)),
        (RECEIPT, ("store",)),
        (dataclasses.replace(RECEIPT, destination="store-2", one_site=True), ("store-2",)),
        (TOMBSTONE, ("camera",)),
        (
            dataclasses.replace(
                TOMBSTONE,
                recording_id=bytes(16),
                sequence=4,
                receipts=(),
                objects=(),
                counter=2,
                previous_sha256=TOMBSTONE.sha256,
                reason=EraseReason.SANITISED,
                generation=1,
            ),
            ("camera",),
        ),
    ]


def _signature(name: str) -> dict[str, Any]:
    payload = b"what is signed"
    signer = agency.root_signer(name) if name == "root" else agency.signer(name)
    signature = sign1.sign(payload, signer)
    read = sign1.decode(signature)
    structure = cbor2.dumps(["Signature1", read.protected, b"", payload], canonical=True)
    return {
        "signer": name,
        "payload": payload.hex(),
        "protected": read.protected.hex(),
        "sig_structure": structure.hex(),
        "signature": read.signature.hex(),
        "hex": signature.hex(),
    }


def _signed(payload: bytes, names: tuple[str, ...]) -> SignedDocument:
    document = SignedDocument(payload)
    for name in names:
        root = name.rpartition("/")[2] in ("root", "standby")
        document = document.signed_by(agency.root_signer(name) if root else agency.signer(name))
    return document


def _vector(document: Document, names: tuple[str, ...]) -> dict[str, Any]:
    payload = document.encode()
    signed = _signed(payload, names)
    _check(signed.encode())
    content = {name: key.kind.to_cbor(getattr(document, name)) for name, key in document.keys().items()}
    return {
        "kind": document.label,
        "signed_by": list(names),
        "fields": {name: cbor_shown(value) for name, value in content.items()},
        "payload": payload.hex(),
        "sha256": signed.sha256.hex(),
        "hex": signed.encode().hex(),
    }


_VERIFY: Final[dict[str, Callable[[bytes], object]]] = {
    "bwc-deny-list": lambda data: deny_list.accept_deny_list(
        data,
        agency.anchors(),
        held=dataclasses.replace(DENY_LIST, counter=HELD_COUNTER),
        carrier=agency.facts("dock"),
        last_dock_issuer=agency.facts("issuing-2").key_id,
    ),
    "bwc-order": lambda data: order.verify_order(data, agency.anchors(), Trust(), SITUATION),
    "bwc-desired-state": lambda data: desired_state.verify_desired_state(
        data,
        agency.anchors(),
        Trust(),
        camera=agency.CAMERA,
        generation=GENERATION,
        last_counter=LAST_COUNTER,
    ),
    "bwc-seizure": lambda data: seizure.verify_seizure(
        data, agency.anchors(), Trust(), camera=agency.CAMERA, last_utc_s=LAST_SEIZED_S
    ),
    "bwc-renewal-proof": lambda data: renewal_proof.verify_renewal_proof(
        data, agency.anchors(), lab="", device=agency.CAMERA, request=REQUEST
    ),
    "bwc-receipt": lambda data: receipt.verify_receipt(data, agency.anchors(), Trust(), RECORDING),
    "bwc-tombstone": lambda data: tombstone.verify_tombstone(
        data, agency.anchors(), lab="", camera=agency.CAMERA
    ),
}


def _check(data: bytes) -> None:
    """Raises `DocumentRefused`; what says of itself what it is is held against that."""
    _VERIFY[cbor2.loads(SignedDocument.decode(data).payload)[0]](data)


def _wrong() -> list[tuple[str, bytes]]:
    deny, desired = DENY_LIST.to_map(), DESIRED.to_map()
    receipted, erased = RECEIPT.to_map(), TOMBSTONE.to_map()
    decommission = _order(Decommission(loses_held=1, loses_undelivered=2)).to_map()
    leaf_issuer = agency.facts("dock").issuer_key_id

    def made(content: Any, *names: str) -> bytes:
        return _signed(cbor2.dumps(content, canonical=True), names).encode()

    good = _signed(DENY_LIST.encode(), ("root",))
    lifted = cbor2.dumps(deny | {7: []}, canonical=True)
    by_name = [{0: 1, 1: 1, 2: "dock-7", 3: b"", 4: 0, 5: bytes(32)}]
    by_issuer = [{0: 3, 1: 0, 2: "", 3: leaf_issuer, 4: 0, 5: bytes(32)}]
    by_other_issuer = [by_issuer[0] | {3: agency.facts("issuing-2").key_id}]
    technicians, nothing = ("technician", "technician-2"), [2, {0: 0, 1: 0}]
    return [
        ("a list that a technician signed", made(deny, "technician")),
        ("a list of another agency's root", made(deny, "other/root")),
        ("a list with another payload under its signature", SignedDocument(lifted, good.signatures).encode()),
        ("a list with two signatures", made(deny, "root", "standby")),
        ("a list without a signature", made(deny)),
        ("a list that is not newer", made(deny | {4: 6}, "root")),
        ("a list that names another agency", made(deny | {3: "Shelbyville PD"}, "root")),
        ("a list of a lab", made(deny | {2: "0a0b0c0d"}, "root")),
        ("a list with a floor after its signature", made(deny | {6: SIGNED_S + 1}, "root")),
        ("a list that denies who brings it", made(deny | {7: by_name}, "root")),
        ("a list that denies the issuing CA of who brings it", made(deny | {7: by_issuer}, "root")),
        ("a list that denies the issuing CA of the last dock", made(deny | {7: by_other_issuer}, "root")),
        ("entries out of order", made(deny | {7: deny[7][::-1]}, "root")),
        ("an order with one signature", made(decommission, "technician")),
        ("an order signed twice by one person", made(decommission, "records", "records")),
        ("an order signed by a camera", made(decommission, "records", "camera")),
        ("an order that gives up no footage, of a camera that has some", made(decommission | {8: nothing}, *TWO)),
        ("an order that gives up too little", made(decommission | {8: [2, {0: 1, 1: 1}]}, *TWO)),
        ("an order signed by a dock", made(decommission, "records", "dock")),
        ("an order of another agency's people", made(decommission, "records", "other/technician")),
        ("an order that may lose footage, without the records section", made(decommission, *technicians)),
        ("an order for another camera", made(decommission | {3: "BWC-000043"}, *TWO)),
        ("an order for a station", made(decommission | {4: 3}, *TWO)),
        ("an order with another nonce", made(decommission | {5: bytes(NONCE_SIZE)}, *TWO)),
        ("an order from before the newest recording", made(decommission | {6: bytes(32)}, *TWO)),
        ("an order with terms that nobody knows", made(decommission | {8: [200, {}]}, *TWO)),
        ("an order with a key that nobody knows", made(decommission | {9: 1}, *TWO)),
        ("an order signed before its signers had certificates", made(decommission | {7: agency.BEGAN_S - 1}, *TWO)),
        ("a clock step of another revision", made(decommission | {8: [3, {0: 1, 1: 0, 2: 4}]}, *TWO)),
        ("a desired state signed by a dock", made(desired, "dock")),
        ("a desired state that is not newer", made(desired | {4: 11}, "technician")),
        ("a desired state of before a reset", made(desired | {9: 0}, "technician")),
        ("a desired state without a generation", made({k: v for k, v in desired.items() if k != 9}, "technician")),
        ("a desired state for another camera", made(desired | {3: "BWC-000043"}, "technician")),
        ("a setting twice", made(desired | {7: [desired[7][0], desired[7][0]]}, "technician")),
        ("a setting with a float", made(desired | {7: [{0: "a", 1: 1.5}]}, "technician")),
        ("a unit without an officer", made(desired | {8: {0: "", 1: "5th"}}, "technician")),
        ("a seizure that a technician signed", made(SEIZURE.to_map(), "technician")),
        ("a seizure of another camera", made(SEIZURE.to_map() | {3: "BWC-000043"}, "records")),
        ("a seizure that was lifted", made(SEIZURE.to_map() | {5: LAST_SEIZED_S}, "records")),
        ("the end of a seizure for another case", made(decommission | {8: [5, {0: "24-0118"}]}, *TWO)),
        ("a sanitising that gives up too little", made(decommission | {8: [4, {0: 0, 1: 2}]}, *TWO)),
        ("a receipt signed by a dock", made(receipted | {10: "dock-7"}, "dock")),
        ("a receipt of another agency's destination", made(receipted, "other/store")),
        ("a receipt that names another destination than the one that signed it", made(receipted, "store-2")),
        ("a receipt for another camera", made(receipted | {3: "BWC-000043"}, "store")),
        ("a receipt for another recording", made(receipted | {4: bytes(16)}, "store")),
        ("a receipt for another manifest", made(receipted | {5: bytes(32)}, "store")),
        ("a receipt for another size", made(receipted | {8: 9_191}, "store")),
        ("a receipt for fewer annotations", made(receipted | {6: 1, 7: bytes(32)}, "store")),
        ("a receipt signed before its signer had a certificate", made(receipted | {12: agency.BEGAN_S - 1}, "store")),
        ("a receipt with a key that nobody knows", made(receipted | {14: 1}, "store")),
        ("a receipt with two signatures", made(receipted, "store", "store-2")),
        ("a proof of another request", made(PROOF.to_map() | {4: bytes(32)}, "camera")),
        ("a proof that a technician signed", made(PROOF.to_map(), "technician")),
        ("a proof of another agency's camera of this name", made(PROOF.to_map(), "other/camera")),
        ("a proof of another device", made(PROOF.to_map() | {3: "BWC-000043"}, "camera")),
        ("a proof without a signature", made(PROOF.to_map())),
        ("a tombstone that a destination signed", made(erased, "store")),
        ("a tombstone of another camera", made(erased | {3: "BWC-000043"}, "camera")),
        ("a tombstone without a receipt, and by no order", made(erased | {9: [], 10: []}, "camera")),
    ]  # fmt: skip


def _refused(why: str, data: bytes) -> dict[str, Any]:
    try:
        _check(data)
    except DocumentRefused as refused:
        return {"why": why, "check": str(DocumentCheck(refused.check)), "hex": data.hex()}
    raise AssertionError(f"{why}: the document is accepted")

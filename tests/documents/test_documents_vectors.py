"""The vectors of documents hold here, and for a reader that has nothing but CBOR, ECDSA and the specification."""

import hashlib
import json
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bwc_protocol.documents.deny_list import DenyList
from bwc_protocol.documents.desired_state import DesiredState
from bwc_protocol.documents.order import Order
from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.renewal_proof import RenewalProof
from bwc_protocol.documents.seizure import Seizure
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import Tombstone
from tools.generate import write_vectors
from tools.generate.vectors import documents as vectors_documents
from tools.testkit.checks_taken_away import document_check_taken_away

VECTORS = json.loads((write_vectors.FOLDER / "documents.json").read_text(encoding="utf-8"))
KINDS = {
    "deny-list": DenyList,
    "order": Order,
    "desired-state": DesiredState,
    "receipt": Receipt,
    "renewal-proof": RenewalProof,
    "seizure": Seizure,
    "tombstone": Tombstone,
}
Vector = dict[str, Any]


def named(vector: Vector) -> str:
    return str(vector.get("why") or vector["kind"])


@pytest.mark.parametrize("vector", VECTORS["documents"], ids=named)
def test_a_document_holds_in_both_directions(vector: Vector) -> None:
    data = bytes.fromhex(vector["hex"])
    document = SignedDocument.decode(data)
    assert document.encode() == data and document.sha256.hex() == vector["sha256"]
    read = KINDS[vector["kind"]].decode(document.payload)
    assert read.encode().hex() == vector["payload"]
    vectors_documents._check(data)


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=named)
def test_a_wrong_document_is_refused_by_its_check(vector: Vector) -> None:
    with pytest.raises(DocumentRefused) as found:
        vectors_documents._check(bytes.fromhex(vector["hex"]))
    assert found.value.check.value == vector["check"]


def stranger_verifies(payload: bytes, signature: bytes, root: bytes = b"") -> str:
    """By the text of the specification alone; gives the name in the signer's certificate.

    Without a root by one of the agency's.
    """
    protected, unprotected, detached, raw = cbor2.loads(signature)
    assert (unprotected, detached, len(raw)) == ({}, None, 64)
    header = cbor2.loads(protected)
    assert set(header) == {1, 33} and header[1] == -7
    chain = [header[33]] if isinstance(header[33], bytes) else header[33]
    anchors = [bytes.fromhex(VECTORS["agency"][name]["certificate"]) for name in VECTORS["anchors"]]
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    if len(chain) == 1:
        assert chain[0] in anchors
    else:
        certificates[0].verify_directly_issued_by(certificates[1])
        certificates[1].verify_directly_issued_by(x509.load_der_x509_certificate(root or anchors[0]))
    key = certificates[0].public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    (name,) = certificates[0].subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(name.value)


def test_a_stranger_verifies_the_signatures() -> None:
    for vector in VECTORS["signatures"]:
        payload, signature = bytes.fromhex(vector["payload"]), bytes.fromhex(vector["hex"])
        stranger_verifies(payload, signature)
        with pytest.raises(InvalidSignature):
            stranger_verifies(payload + b"!", signature)
        protected, _, _, raw = cbor2.loads(signature)
        assert (protected.hex(), raw.hex()) == (vector["protected"], vector["signature"])
        assert cbor2.dumps(["Signature1", protected, b"", payload]).hex() == vector["sig_structure"]
        key = ec.derive_private_key(
            int(VECTORS["agency"][vector["signer"]]["private"], 16), ec.SECP256R1()
        ).public_key()
        header = cbor2.loads(protected)[33]
        leaf = x509.load_der_x509_certificate(header if isinstance(header, bytes) else header[0])
        assert leaf.public_key() == key


@pytest.mark.parametrize("vector", VECTORS["documents"], ids=named)
def test_a_stranger_reads_the_documents(vector: Vector) -> None:
    payload, signatures = cbor2.loads(bytes.fromhex(vector["hex"]))
    assert payload.hex() == vector["payload"]
    assert hashlib.sha256(payload).hexdigest() == vector["sha256"]
    assert len(signatures) == len(vector["signed_by"])
    for signature in signatures:
        stranger_verifies(payload, signature)
    content = cbor2.loads(payload)
    types = VECTORS["types"][vector["kind"]]
    there = [field for field in types if field["key"] in content or not field.get("absent")]
    assert [field["key"] for field in there] == list(content)
    for field in there:
        value, shown = content[field["key"]], vector["fields"][field["field"]]
        if isinstance(value, bool):
            assert shown is value
        elif isinstance(value, int):
            assert int(shown) == value and int(field["min"]) <= value <= int(field["max"])
        elif isinstance(value, bytes):
            assert shown == value.hex() and len(value) == field["size"]
        elif isinstance(value, str):
            assert shown == value and value == field.get("only", value)


def test_each_check_refuses_something_in_the_vectors() -> None:
    """But for `kind`: a vector is held against what it says of itself that it is."""
    assert {vector["check"] for vector in VECTORS["refused"]} | {"kind"} == set(DocumentCheck)


TAKEN_AWAY = {
    DocumentCheck.LAB,
    DocumentCheck.AGENCY,
    DocumentCheck.ROLE,
    DocumentCheck.SUBJECTS,
    DocumentCheck.TIME,
    DocumentCheck.DEVICE,
    DocumentCheck.NONCE,
    DocumentCheck.CHAIN_HEAD,
    DocumentCheck.REVISION,
    DocumentCheck.RECORDING,
    DocumentCheck.REQUEST,
    DocumentCheck.ANNOTATIONS,
    DocumentCheck.FOOTAGE,
    DocumentCheck.COUNTER,
    DocumentCheck.CARRIER,
    DocumentCheck.ISSUER,
}
"""Checks beyond form and signatures, each of which one test-only switch takes away."""


@pytest.mark.parametrize("check", sorted(TAKEN_AWAY))
def test_without_a_check_something_gets_further_that_must_not(check: DocumentCheck) -> None:
    """So each of them is needed: no other refuses all that it refuses."""
    mine = [bytes.fromhex(vector["hex"]) for vector in VECTORS["refused"] if vector["check"] == check]
    with document_check_taken_away(check):
        found = [_check_of(data) for data in mine]
    assert found and set(found) == {None}, found


def _check_of(data: bytes) -> DocumentCheck | None:
    try:
        vectors_documents._check(data)
    except DocumentRefused as refused:
        return refused.check
    return None


def test_each_kind_of_terms_and_each_signed_kind_has_a_vector() -> None:
    assert {vector["kind"] for vector in VECTORS["documents"]} == set(KINDS)
    terms = {vector["fields"]["terms"][0] for vector in VECTORS["documents"] if vector["kind"] == "order"}
    assert terms == {1, 2, 3, 4, 5}

"""The vectors of what lies in a store hold here, and for a reader that has CBOR, ECDSA and the specification alone."""

import hashlib
import json
import re
from typing import Any

import cbor2
import pytest

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.annotation_head import AnnotationHead, verify_annotation_head
from bwc_protocol.documents.checkpoint import Checkpoint, verify_checkpoint
from bwc_protocol.documents.deny_list import verify_deny_list
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.object_list import ObjectList
from bwc_protocol.documents.receipt import verify_receipt_signature
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.reset_record import verify_reset_record
from bwc_protocol.evidence import Manifest
from bwc_sdk.evidence.custody_chain import ChainFault, check_chain
from bwc_sdk.evidence.signers import Before, Made, Signer, judge_recordings
from tests.documents.test_documents_vectors import stranger_verifies
from tools.generate import write_vectors
from tools.testkit import fixed_agency as agency

VECTORS = json.loads((write_vectors.FOLDER / "evidence.json").read_text(encoding="utf-8"))
ANCHORS = tuple(map(bytes.fromhex, VECTORS["anchors"]))
Vector = dict[str, Any]


def of(vector: Vector, name: str) -> bytes:
    return bytes.fromhex(vector[name])


def test_the_anchors_are_those_of_the_documents() -> None:
    assert agency.anchors() == ANCHORS


@pytest.mark.parametrize("vector", VECTORS["manifests"], ids=lambda one: str(one["sequence"]))
def test_a_manifest_is_what_its_camera_signed(vector: Vector) -> None:
    data, signature = of(vector, "hex"), of(vector, "signature")
    manifest = Manifest.decode(data)
    assert manifest.encode() == data and manifest.sha256.hex() == vector["sha256"]
    verify_device_statement(data, signature, ANCHORS, lab="", camera=manifest.camera)
    assert stranger_verifies(data, signature) == cbor2.loads(data)[1]
    camera, recording, digits = re.fullmatch(
        r"(.+)_([0-9a-f]{32})_([0-9a-f]{16})\.manifest", vector["name"]
    ).groups()
    assert (camera, recording) == (manifest.camera, manifest.recording_id.hex())
    assert hashlib.sha256(data).hexdigest().startswith(digits)


@pytest.mark.parametrize("vector", VECTORS["refused_signatures"], ids=lambda one: str(one["why"]))
def test_a_wrong_signature_is_refused_by_its_check(vector: Vector) -> None:
    data = of(VECTORS["manifests"][0], "hex")
    with pytest.raises(DocumentRefused) as found:
        verify_device_statement(
            data, of(vector, "signature"), ANCHORS, lab="", camera=Manifest.decode(data).camera
        )
    assert str(found.value.check) == vector["check"]


@pytest.mark.parametrize("vector", VECTORS["annotation_heads"], ids=lambda one: str(one["fields"]["count"]))
def test_a_head_of_annotations_is_signed_and_can_be_made_from_them(vector: Vector) -> None:
    payload, signature = of(vector, "payload"), of(vector, "signature")
    head = AnnotationHead.decode(payload)
    assert head.encode() == payload
    verify_annotation_head(head, signature, ANCHORS)
    assert stranger_verifies(payload, signature) == head.camera
    (file,) = VECTORS["annotation_files"]
    made = hashlib.sha256(b"BWC-ANNOTATIONS1" + of(file, "manifest_sha256")).digest()
    for one in file["records"][: head.count]:
        made = hashlib.sha256(made + bytes.fromhex(one)).digest()
    assert made == head.head_sha256 and made.hex() == file["heads"][head.count]


def test_a_file_of_annotations_holds_in_both_directions() -> None:
    for vector in VECTORS["annotation_files"]:
        data = of(vector, "hex")
        file = AnnotationFile.decode(data)
        assert file.encode() == data and [one.hex() for one in file.heads()] == vector["heads"]
        assert [one.hex() for one in file.records] == vector["records"]
        verify_annotation_head(file.signed_head(""), file.signature, ANCHORS)
        kind, camera, _, manifest, records, _ = cbor2.loads(data)
        assert (kind, camera, manifest.hex()) == (
            "bwc-annotations-1",
            vector["camera"],
            vector["manifest_sha256"],
        )
        assert records == [bytes.fromhex(one) for one in vector["records"]]
        assert f"_{vector['heads'][-1][:16]}.annotations" in vector["name"]


def test_a_receipt_names_its_list_of_objects_and_that_all_that_is_here() -> None:
    for listed, receipt in zip(VECTORS["object_lists"], VECTORS["receipts"], strict=True):
        data = of(listed, "hex")
        assert ObjectList.decode(data).encode() == data
        assert hashlib.sha256(data).hexdigest() == listed["sha256"]
        kind, rows = cbor2.loads(data)
        assert kind == "bwc-objects-1"
        told = [[one["key"], one["version"], one["size"], of(one, "sha256")] for one in listed["objects"]]
        assert told == rows
        signed = verify_receipt_signature(of(receipt, "hex"), ANCHORS, Trust())
        assert signed.receipt.objects_sha256.hex() == listed["sha256"]
        payload, (signature,) = cbor2.loads(of(receipt, "hex"))
        assert stranger_verifies(payload, signature) == signed.receipt.destination
        assert receipt["name"].removesuffix(".receipt") == listed["name"].removesuffix(".objects")
        (said,) = VECTORS["annotation_files"]
        contents = {one["name"]: of(one, "hex") for one in VECTORS["manifests"]}
        contents |= {one["name"] + ".cose": of(one, "signature") for one in VECTORS["manifests"]}
        contents[said["name"]] = of(said, "hex")
        there = {key: sha256 for key, _, _, sha256 in rows if key in contents}
        assert len(there) == 3
        assert all(hashlib.sha256(contents[key]).digest() == sha256 for key, sha256 in there.items())


def test_a_custody_chain_holds_and_its_checkpoints_saw_it() -> None:
    for vector in VECTORS["custody_chains"]:
        lines = [line.encode() + b"\n" for line in vector["lines"]]
        assert not [one for one in check_chain(vector["name"], lines) if isinstance(one, ChainFault)]
        spoilt = [lines[0].replace(b'"cut_bytes":0', b'"cut_bytes":1'), *lines[1:]]
        assert [one for one in check_chain(vector["name"], spoilt) if isinstance(one, ChainFault)]
        before = hashlib.sha256(b"BWC-CUSTODY-CHAIN1" + vector["name"].encode()).hexdigest()
        for line, sha256 in zip(vector["lines"], vector["sha256"], strict=True):
            content = json.loads(line)
            assert content["previous_sha256"] == before
            before = hashlib.sha256(line.encode()).hexdigest()
            assert before == sha256
            summed = {key: value for key, value in content.items() if key != "sum"}
            text = json.dumps(summed, sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(text.encode()).hexdigest()[:16] == content["sum"]
    previous = bytes(32)
    (chain,) = VECTORS["custody_chains"]
    for vector in VECTORS["checkpoints"]:
        found = verify_checkpoint(of(vector, "hex"), ANCHORS, Trust())
        assert found.checkpoint == Checkpoint.decode(of(vector, "payload"))
        assert found.checkpoint.previous_sha256 == previous
        assert found.checkpoint.head_sha256.hex() == chain["sha256"][found.checkpoint.records - 1]
        previous = found.sha256
        payload, (signature,) = cbor2.loads(of(vector, "hex"))
        assert stranger_verifies(payload, signature) == "store-1"


def test_a_reset_record_is_by_the_cameras_factory() -> None:
    root = of(VECTORS, "vendor_root")
    for vector in VECTORS["reset_records"]:
        data = of(vector, "hex")
        found = verify_reset_record(data, (root,))
        assert found.encode().hex() == vector["payload"] and found.device == agency.CAMERA
        payload, (signature,) = cbor2.loads(data)
        assert hashlib.sha256(payload).hexdigest() == vector["sha256"]
        assert stranger_verifies(payload, signature, root) == found.device
        with pytest.raises(DocumentRefused):
            verify_reset_record(data, ANCHORS)
        with pytest.raises(DocumentRefused):
            verify_reset_record(data[:-1] + bytes([data[-1] ^ 1]), (root,))


@pytest.mark.rule("REC-044")
@pytest.mark.parametrize("vector", VECTORS["believed"], ids=lambda one: str(one["why"]))
def test_whom_a_verifier_believes(vector: Vector) -> None:
    denied = verify_deny_list(of(vector, "deny_list"), ANCHORS) if vector["deny_list"] else None
    made, manifests = [], {}
    for one in vector["manifests"]:
        data, signature = of(one, "hex"), of(one, "signature")
        manifest = Manifest.decode(data)
        verify_device_statement(data, signature, ANCHORS, lab="", camera=manifest.camera)
        manifests[manifest.sha256] = Before(manifest.sequence, manifest.previous_sha256)
        made.append(Made.of(manifest, Signer.of(signature)))
    found = judge_recordings(made, manifests, denied)
    assert [one.counts for one in found] == [one["counts"] for one in vector["manifests"]]

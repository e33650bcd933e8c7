"""Vectors of what lies in a store beside the footage, and of whom a verifier believes (spec: Verifying a store).

Everybody knows the keys: they are those of `documents.json`, as are its receipts and tombstones.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, Final

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.annotation_head import AnnotationHead
from bwc_protocol.documents.checkpoint import Checkpoint
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.object_list import ObjectEntry, ObjectList
from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.reset_record import ResetCause, ResetRecord, sign_reset_record
from bwc_protocol.documents.signed_document import Document, SignedDocument
from bwc_protocol.evidence import NO_SHA256, ClockState, Manifest, sign1
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.evidence.custody_line import CustodyLine, chain_name
from bwc_sdk.evidence.naming import (
    ANNOTATIONS_SUFFIX,
    CHAIN_SUFFIX,
    CHECKPOINT_SUFFIX,
    HASH_DIGITS,
    MANIFEST_SUFFIX,
    OBJECTS_SUFFIX,
    RECEIPT_SUFFIX,
    SEGMENT_SUFFIX,
    SIGNATURE_SUFFIX,
    TABLE_SUFFIX,
    receipt_stem,
    recording_name,
    segment_name,
)
from tools.generate import sample_evidence
from tools.generate.vectors import types as vectors_types
from tools.generate.vectors.plain_values import cbor_shown
from tools.testkit import fixed_agency as agency

SIGNED_S: Final = sample_evidence.STARTED_NS // 1_000_000_000 + 3_600
DESTINATION: Final = "store-1"
DAY_NS: Final = 86_400_000_000_000


def types() -> dict[str, list[vectors_types.Field]]:
    """The keys of each record."""
    return {cls.label: vectors_types.manifest(cls) for cls in (AnnotationHead, Checkpoint, ResetRecord)}


def record() -> dict[str, Any]:
    """The content of `evidence.json`."""
    first = sample_evidence.manifest()
    second = sample_evidence.manifest(segments=2, sequence=2, previous=first.sha256, stated=True)
    said = _annotation_file(second)
    objects = _objects(second, said)
    chain = chain_name(bytes(range(8)), b"dock-7")
    lines = _lines(chain, second, objects)
    return {
        "types": types(),
        "anchors": [der.hex() for der in agency.anchors()],
        "manifests": [_manifest(one) for one in (first, second)],
        "refused_signatures": _refused_signatures(first),
        "annotation_heads": [_annotation_head(second, count) for count in (1, 3)],
        "annotation_files": [
            {
                "name": f"{_name(second)}_{said.head.hex()[:HASH_DIGITS]}{ANNOTATIONS_SUFFIX}",
                "camera": said.camera,
                "manifest_sha256": said.manifest_sha256.hex(),
                "records": [one.hex() for one in said.records],
                "heads": [one.hex() for one in said.heads()],
                "hex": said.encode().hex(),
            }
        ],
        "object_lists": [
            {
                "name": receipt_stem(_name(second), said.head, DESTINATION, 1) + OBJECTS_SUFFIX,
                "objects": [
                    {
                        "key": one.key,
                        "version": one.version,
                        "size": one.size_bytes,
                        "sha256": one.sha256.hex(),
                    }
                    for one in objects.objects
                ],
                "sha256": objects.sha256.hex(),
                "hex": objects.encode().hex(),
            }
        ],
        "receipts": [_receipt(second, said, objects)],
        "custody_chains": [
            {
                "name": chain,
                "lines": [line.encode().decode() for line in lines],
                "sha256": [line.line_sha256.hex() for line in lines],
            }
        ],
        "checkpoints": _checkpoints(chain, lines),
        "vendor_root": agency.certificate("factory/root").hex(),
        "reset_records": [_reset_record(second)],
        "believed": _believed(),
    }


def _name(manifest: Manifest) -> str:
    return recording_name(manifest.camera, manifest.recording_id, manifest.sha256)


def _manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": _name(manifest) + MANIFEST_SUFFIX,
        "sequence": manifest.sequence,
        "hex": manifest.encode().hex(),
        "sha256": manifest.sha256.hex(),
        "signed_by": "camera",
        "signature": sign1.sign(manifest.encode(), agency.signer("camera")).hex(),
    }


def _refused_signatures(manifest: Manifest) -> list[dict[str, str]]:
    """Of a manifest that is none the worse: who signed, or what, is wrong."""
    payload, own = manifest.encode(), agency.signer("camera")
    good = sign1.sign(payload, own)
    alone = sign1.KeySigner(own.chain[:1], own.key)
    stranger = sign1.KeySigner(own.chain, agency.key("technician"))
    wrong = [
        ("of a technician", sign1.sign(payload, agency.signer("technician"))),
        ("of another agency's camera of this name", sign1.sign(payload, agency.signer("other/camera"))),
        ("by a root", sign1.sign(payload, agency.root_signer())),
        ("without the certificate of the issuing CA", sign1.sign(payload, alone)),
        ("by another key than the certificate's", sign1.sign(payload, stranger)),
        ("over another manifest", sign1.sign(payload + b"\x00", own)),
        ("with a tag", b"\xd2" + good),
        ("cut short", good[:-1]),
    ]
    found = []
    for why, data in wrong:
        try:
            verify_device_statement(payload, data, agency.anchors(), lab="", camera=manifest.camera)
        except DocumentRefused as refused:
            found.append({"why": why, "check": str(refused.check), "signature": data.hex()})
        else:
            raise AssertionError(f"{why}: the signature is accepted")
    return found


def _about(manifest: Manifest) -> dict[str, Any]:
    return {
        "camera": manifest.camera,
        "recording_id": manifest.recording_id,
        "manifest_sha256": manifest.sha256,
    }


def _annotation_file(manifest: Manifest, count: int = 3) -> AnnotationFile:
    unsigned = AnnotationFile.of(sample_evidence.annotations()[:count], b"", **_about(manifest))
    signature = sign1.sign(unsigned.signed_head("").encode(), agency.signer("camera"))
    return dataclasses.replace(unsigned, signature=signature)


def _annotation_head(manifest: Manifest, count: int) -> dict[str, Any]:
    file = _annotation_file(manifest, count)
    return _document(file.signed_head("")) | {"signed_by": "camera", "signature": file.signature.hex()}


def _document(document: Document) -> dict[str, Any]:
    payload = document.encode()
    content = {name: key.kind.to_cbor(getattr(document, name)) for name, key in document.keys().items()}
    return {
        "fields": {name: cbor_shown(value) for name, value in content.items()},
        "payload": payload.hex(),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }


def _objects(manifest: Manifest, said: AnnotationFile) -> ObjectList:
    def entry(name: str, content: bytes) -> ObjectEntry:
        return ObjectEntry(name, "", len(content), hashlib.sha256(content).digest())

    name = _name(manifest)
    signature = sign1.sign(manifest.encode(), agency.signer("camera"))
    found = [
        entry(name + MANIFEST_SUFFIX, manifest.encode()),
        entry(name + SIGNATURE_SUFFIX, signature),
        entry(f"{name}_{said.head.hex()[:HASH_DIGITS]}{ANNOTATIONS_SUFFIX}", said.encode()),
    ]
    for number, facts in enumerate(manifest.segments):
        own = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
        found += [
            ObjectEntry(own + SEGMENT_SUFFIX, "", facts.size_bytes, facts.table_sha256),
            entry(own + TABLE_SUFFIX, sample_evidence.table(number)),
        ]
    return ObjectList(tuple(sorted(found)))


def _receipt(manifest: Manifest, said: AnnotationFile, objects: ObjectList) -> dict[str, Any]:
    receipt = Receipt(
        camera=manifest.camera,
        recording_id=manifest.recording_id,
        manifest_sha256=manifest.sha256,
        annotations=len(said.records),
        annotations_sha256=said.head,
        size_bytes=manifest.size_bytes,
        objects_sha256=objects.sha256,
        destination=DESTINATION,
        counter=1,
        signed_utc_s=SIGNED_S,
    )
    signed = SignedDocument(receipt.encode()).signed_by(agency.signer("store"))
    name = receipt_stem(_name(manifest), said.head, DESTINATION, 1) + RECEIPT_SUFFIX
    return _document(receipt) | {"name": name, "signed_by": "store", "hex": signed.encode().hex()}


def _lines(chain: str, manifest: Manifest, objects: ObjectList) -> list[CustodyLine]:
    found: list[CustodyLine] = []
    for number, (what, entry) in enumerate([("annotations", 0), ("objects", -1)]):
        one = objects.objects[entry]
        line = CustodyLine(
            counter=1,
            previous_sha256=NO_SHA256,
            what=what,
            file=one.key,
            sha256=one.sha256,
            found=bool(number),
            cut_bytes=0,
            utc_ns=manifest.ended_utc_ns + number,
            clock={"synchronised": True, "max_error_ns": 12_000_000, "said_by": "kernel"},
        )
        found.append(line.after(found[-1] if found else None, chain))
    return found


def _checkpoints(chain: str, lines: Sequence[CustodyLine]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    previous = NO_SHA256
    for number, line in enumerate(lines, 1):
        stem = chain.removesuffix(CHAIN_SUFFIX)
        checkpoint = Checkpoint(
            chain=stem,
            records=number,
            head_sha256=line.line_sha256,
            number=number,
            previous_sha256=previous,
            signed_utc_s=SIGNED_S + number,
        )
        signed = SignedDocument(checkpoint.encode()).signed_by(agency.signer("store"))
        previous = signed.sha256
        found.append(
            _document(checkpoint)
            | {
                "name": f"{stem}_{number:06}{CHECKPOINT_SUFFIX}",
                "signed_by": "store",
                "hex": signed.encode().hex(),
            }
        )
    return found


def _reset_record(last: Manifest) -> dict[str, Any]:
    record = ResetRecord(
        device=agency.CAMERA,
        kind=PeerKind.CAMERA,
        cause=ResetCause.TRANSFER,
        generation=1,
        utc_ns=SIGNED_S * 1_000_000_000,
        boot_counter=12,
        agency=agency.AGENCY,
        log_sequence=2,
        log_sha256=sample_evidence.audit_entries()[1].sha256,
        last_sequence=last.sequence,
        last_manifest_sha256=last.sha256,
        recordings=2,
        held=0,
    )
    data = sign_reset_record(record, agency.signer("factory/camera"))
    return _document(record) | {"signed_by": "factory/camera", "hex": data.hex()}


def _chain(count: int) -> list[Manifest]:
    found: list[Manifest] = []
    for number in range(1, count + 1):
        previous = found[-1].sha256 if found else NO_SHA256
        found.append(_on_day(sample_evidence.manifest(sequence=number, previous=previous), number))
    return found


def _on_day(manifest: Manifest, day: int) -> Manifest:
    """The same some days later."""
    segments = tuple(
        dataclasses.replace(one, started_utc_ns=one.started_utc_ns + day * DAY_NS)
        for one in manifest.segments
    )
    return dataclasses.replace(
        manifest,
        started_utc_ns=manifest.started_utc_ns + day * DAY_NS,
        ended_utc_ns=manifest.ended_utc_ns + day * DAY_NS,
        segments=segments,
    )


def _believed() -> list[dict[str, Any]]:
    """Stores whose manifests the camera's key has signed: which of them count, by a deny list."""
    genuine = _chain(4)
    forged = dataclasses.replace(genuine[1], recording_id=bytes(16))
    grown = dataclasses.replace(genuine[2], recording_id=bytes(16), previous_sha256=forged.sha256)
    replaced, clockless = [genuine[0], forged, genuine[2]], "without a clock, behind one after that end"
    entry = Denied(
        by=DeniedBy.NAME,
        kind=DeniedKind.CAMERA,
        name=agency.CAMERA,
        last_sequence=3,
        last_manifest_sha256=genuine[2].sha256,
    )
    none = dataclasses.replace(entry, last_sequence=0, last_manifest_sha256=NO_SHA256)
    after_end = (agency.ENDS_S * 1_000_000_000 - genuine[0].ended_utc_ns) // DAY_NS + 2
    late = _on_day(genuine[1], after_end)
    unset = dataclasses.replace(
        sample_evidence.manifest(sequence=3, previous=late.sha256), clock_state=ClockState.UNSET
    )
    unset_early = dataclasses.replace(genuine[1], clock_state=ClockState.UNSET)
    early = _on_day(genuine[0], -400)
    return [
        _store("nobody is denied", genuine, None, [True] * 4),
        _store("denied after its third recording", genuine, entry, [True, True, True, False]),
        _store("denied, and no recording is called good", genuine, none, [False] * 4),
        _store("its thief forged the second", [*genuine, forged], entry, [True, True, True, False, False]),
        _store("and the third behind it", [*genuine, forged, grown], entry, [True] * 3 + [False] * 3),
        _store("the third is missing: nothing leads back", [*genuine[:2], genuine[3]], entry, [False] * 3),
        _store("the second is missing: nothing leads to the first", [genuine[0], genuine[2]], entry, [False, True]),
        _store("a forged one in the place of a missing one", replaced, entry, [False, False, True]),
        _store("after the end of its certificate", [genuine[0], late], None, [True, False]),
        _store("before the begin of its certificate", [early], None, [False]),
        _store("without a clock, alone", [unset_early], None, [True]),
        _store(clockless, [genuine[0], late, unset], None, [True, False, False]),
    ]  # fmt: skip


def _store(
    why: str, manifests: Sequence[Manifest], denied: Denied | None, counts: Sequence[bool]
) -> dict[str, Any]:
    document = ""
    if denied is not None:
        made = DenyList(agency=agency.AGENCY, counter=1, signed_utc_s=SIGNED_S, entries=(denied,))
        document = SignedDocument(made.encode()).signed_by(agency.root_signer()).encode().hex()
    own = agency.signer("camera")
    return {
        "why": why,
        "deny_list": document,
        "manifests": [
            {
                "sequence": one.sequence,
                "hex": one.encode().hex(),
                "signature": sign1.sign(one.encode(), own).hex(),
                "counts": counted,
            }
            for one, counted in zip(manifests, counts, strict=True)
        ],
    }

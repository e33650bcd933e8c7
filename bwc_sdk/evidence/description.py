"""A recording of a store as one plain document: what `show`, `find` and `index` tell (docs/verifying.md)."""

from __future__ import annotations

from typing import Any, Final

from bwc_protocol.declare import Unknown, to_plain
from bwc_protocol.evidence import CipherSuite, Manifest
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_sdk.evidence.catalogue import Described
from bwc_sdk.evidence.corrected_time import Correction, NotKnown
from bwc_sdk.quantity import exact_utc

COLUMNS: Final = (
    "camera",
    "sequence",
    "recording",
    "started_utc",
    "ended_utc",
    "duration_ms",
    "clock_state",
    "clock_uncertainty_ms",
    "trigger",
    "event",
    "purpose",
    "ending",
    "holder",
    "holder_is_pseudonym",
    "policy",
    "cut",
    "category",
    "cases",
    "held",
    "holds",
    "marked",
    "reviewed_by",
    "annotations",
    "signer",
    "encrypted",
    "size_bytes",
    "segments",
    "segments_here",
    "receipts",
    "erased",
    "stored_utc",
    "manifest_sha256",
    "name",
    "true_started_utc",
    "true_ended_utc",
    "clock_offset_ns",
    "clock_offset_uncertainty_ns",
    "clock_offset_unknown",
    "clock_measured_by",
    "clock_measured_utc",
    "host_clock_synchronised",
    "trouble",
)
"""Of an index: only added to, at the end before `trouble`."""


def row(found: Described) -> dict[str, Any]:
    """One line of an index, by `COLUMNS`; None for what is not known."""
    manifest, standing, tombstone = found.manifest, found.standing, found.tombstone
    said = None if manifest is None else manifest.circumstances
    annotated = found.head is not None
    stored = [one["stored_utc"] for one in found.custody.values() if isinstance(one.get("stored_utc"), str)]
    values: dict[str, Any] = {
        "recording": found.files.recording.hex(),
        "holder": said.holder if said is not None else None,
        "holder_is_pseudonym": said.pseudonym if said is not None else None,
        "event": to_plain(said.event) if said is not None else None,
        "purpose": to_plain(said.purpose) if said is not None else None,
        "ending": to_plain(said.ending) if said is not None else None,
        "category": standing.category if annotated else None,
        "cases": list(standing.cases),
        "held": bool(standing.holds) if annotated else None,
        "holds": sorted(standing.holds),
        "marked": standing.marked if annotated else None,
        "reviewed_by": standing.reviewed[0] if standing.reviewed else None,
        "annotations": len(found.said) if annotated else None,
        "signer": found.signer or None,
        "segments_here": found.segments_here,
        "receipts": sorted({one.destination for one in found.receipts}),
        "erased": exact_utc(tombstone.utc_ns) if tombstone is not None else None,
        "stored_utc": max(stored, default=None),
        "name": found.files.name,
        "trouble": list(found.trouble),
    }
    if manifest is not None:
        values |= _of_manifest(manifest) | _true_time(manifest, found.correction)
    elif tombstone is not None:
        values |= {"camera": tombstone.camera, "sequence": tombstone.sequence}
    return {name: values.get(name) for name in COLUMNS}


def _of_manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "camera": manifest.camera,
        "sequence": manifest.sequence,
        "started_utc": exact_utc(manifest.started_utc_ns),
        "ended_utc": exact_utc(manifest.ended_utc_ns),
        "duration_ms": manifest.duration_ms,
        "clock_state": to_plain(manifest.clock_state),
        "clock_uncertainty_ms": manifest.clock_uncertainty_ms,
        "trigger": to_plain(manifest.trigger),
        "policy": manifest.policy_id or None,
        "cut": manifest.cut,
        "encrypted": any(one.cipher_suite != CipherSuite.NONE for one in manifest.segments),
        "size_bytes": manifest.size_bytes,
        "segments": len(manifest.segments),
        "manifest_sha256": manifest.sha256.hex(),
    }


def _true_time(manifest: Manifest, known: Correction | NotKnown | None) -> dict[str, Any]:
    """When it was, by the clock of whoever measured the camera's; the camera's own times stay beside it."""
    if not isinstance(known, Correction):
        return {"clock_offset_unknown": None if known is None else str(known)}
    begin, end = known.span_ns(manifest)
    return {
        "true_started_utc": exact_utc(begin),
        "true_ended_utc": exact_utc(end),
        "clock_offset_ns": known.offset_ns,
        "clock_offset_uncertainty_ns": known.uncertainty_ns,
        "clock_measured_by": known.clock.measured_by,
        "clock_measured_utc": exact_utc(known.clock.measured_utc_ns),
        "host_clock_synchronised": known.host_synchronised,
    }


def document(found: Described) -> dict[str, Any]:
    """All that is known of one recording."""
    return {
        "recording": row(found),
        "manifest": to_plain(found.manifest) if found.manifest is not None else None,
        "annotations": [
            to_plain(one) | {"kind": to_plain(kind_of(one.kind)), "true_utc_ns": true_ns}
            for one, true_ns in zip(found.said, found.said_utc_ns, strict=True)
        ],
        "holds": [
            {"id": one.id, "case": one.case, "authority": one.authority, "reason": one.reason}
            for one in found.standing.holds.values()
        ],
        "custody": [found.custody[number] for number in sorted(found.custody)],
        "receipts": [to_plain(one) for one in found.receipts],
        "tombstone": to_plain(found.tombstone) if found.tombstone is not None else None,
        "derivations": list(found.derivations),
    }


def kind_of(number: int) -> AnnotationKind | Unknown:
    """The word for a kind of annotation; what a later version has stays a number."""
    try:
        return AnnotationKind(number)
    except ValueError:
        return Unknown(number)

"""What is said of one recording of a store, verified: its manifest and who signed it, what was said since, receipts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bwc_protocol.documents.annotation_file import FILE_MAX, AnnotationFile
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import TOMBSTONE_MAX
from bwc_protocol.evidence import MANIFEST_MAX, EvidenceError, Manifest, annotation_root
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from bwc_sdk.evidence.chain import Link
from bwc_sdk.evidence.derivation import check_derivations
from bwc_sdk.evidence.findings import Finding, FindingKind, Severity
from bwc_sdk.evidence.naming import HASH_DIGITS, MANIFEST_SUFFIX, WRAPS_SUFFIX, recording_name
from bwc_sdk.evidence.rewrap import WRAPS_MAX, read_wraps
from bwc_sdk.evidence.signers import Signer
from bwc_sdk.evidence.statements import read_annotations, read_tombstone_of
from bwc_sdk.evidence.store import RecordingFiles, Store
from bwc_sdk.evidence.verification import Verification


class RecordingStatements:
    """What is said of one recording; its footage is verified by whoever extends this."""

    def __init__(self, run: Verification, store: Store, files: RecordingFiles) -> None:
        self._run, self._store, self._files = run, store, files
        self._manifest: Manifest | None = None
        self._was_signed = False
        """By its custody records."""

    def _manifest_bytes(self) -> bytes | None:
        """The manifest as it lies there, if it is one and of this recording."""
        name = self._files.manifest
        if name is None:
            if self._files.tombstone is None or self._files.segments:
                self._found(FindingKind.MANIFEST_MISSING, f"there is no {self._files.name}{MANIFEST_SUFFIX}")
            return None
        data = self._read(name, MANIFEST_MAX)
        if data is None:
            return None
        try:
            manifest = Manifest.decode(data)
        except EvidenceError as error:
            self._found(FindingKind.MANIFEST_DAMAGED, str(error), file=name)
            return None
        named = recording_name(manifest.camera, manifest.recording_id, manifest.sha256)
        if named != self._files.name:
            self._found(FindingKind.MANIFEST_OF_ANOTHER, f"by its content it would be {named}", file=name)
            return None
        self._manifest = manifest
        return data

    def _signature(self, data: bytes, manifest: Manifest) -> None:
        """Whether a camera's signature over the manifest verifies; who signed is judged when all is known."""
        believed, name = self._run.believed, self._files.signature
        if name is None:
            if self._was_signed:
                self._found(FindingKind.SIGNATURE_MISSING, "its custody record says that it was verified")
            else:
                self._found(FindingKind.UNSIGNED, "there is no signature", severity=Severity.WARNING)
            return
        signature = self._read(name, SIGN1_MAX)
        if signature is None or believed is None:
            return
        from bwc_protocol.documents.device_statement import verify_device_statement

        try:
            verify_device_statement(data, signature, believed.roots, lab=believed.lab, camera=manifest.camera)
        except DocumentRefused as refused:
            self._found(FindingKind.SIGNATURE_WRONG, str(refused), file=name)
            return
        self._run.judging.recording(manifest, Signer.of(signature), self._about(name))

    def _annotations(self, manifest: Manifest) -> tuple[bytes, ...]:
        """What is said of it: each file by itself, and the shorter ones as the beginning of the longest, whose heads
        are given back."""
        believed = self._run.believed
        files: list[tuple[str, AnnotationFile]] = []
        for name in self._files.annotations:
            data = self._read(name, FILE_MAX)
            if data is None:
                continue
            try:
                file = read_annotations(data, name, manifest, believed)
            except DocumentRefused as refused:
                self._found(FindingKind.ANNOTATIONS_WRONG, str(refused), file=name)
                continue
            files.append((name, file))
            if believed is not None and file.signature:
                self._run.judging.annotations(manifest, Signer.of(file.signature), self._about(name))
        if files:
            longest = max((file for _, file in files), key=lambda file: len(file.records))
            for name, file in files:
                if file.records != longest.records[: len(file.records)]:
                    self._found(FindingKind.ANNOTATIONS_WRONG, "another file says something else", file=name)
            return longest.heads()
        return (annotation_root(manifest.sha256),)

    def _receipts(self, manifest: Manifest | None, heads: tuple[bytes, ...]) -> None:
        run = self._run
        stores = (self._store, *run.stores)
        run.receipts.recording(stores, self._files, manifest, heads, run.believed, self._found)

    def _wraps(self) -> None:
        for name in self._files.wraps:
            data = self._read(name, WRAPS_MAX)
            if data is None:
                continue
            try:
                wraps = read_wraps(data).wraps
            except EvidenceError as error:
                self._found(FindingKind.WRAPS_WRONG, str(error), file=name)
                continue
            if [f"_{one.recipient.hex()[:HASH_DIGITS]}{WRAPS_SUFFIX}" for one in wraps] != [name[-23:]]:
                self._found(FindingKind.WRAPS_WRONG, "it has not the name of its recipient", file=name)

    def _derivations(self, manifest: Manifest | None) -> None:
        run = self._run
        check_derivations(self._store, self._files, manifest, self._found, quick=run.quick, hashed=run.hashed)

    def _tombstone(self, manifest: Manifest | None) -> None:
        """Its camera's word that it erased it: that accounts for a recording that is not here."""
        name = self._files.tombstone
        data = None if name is None else self._read(name, TOMBSTONE_MAX)
        if name is None or data is None:
            return
        try:
            tombstone = read_tombstone_of(data, self._files, self._run.believed)
        except DocumentRefused as refused:
            self._found(FindingKind.TOMBSTONE_WRONG, str(refused), file=name)
            return
        self._run.receipts.erased(tombstone, name, self._found)
        self._run.judging.tombstone(
            tombstone,
            None if self._run.believed is None else Signer.of(SignedDocument.decode(data).signatures[0]),
            has_manifest=manifest is not None,
            link=Link(
                camera=tombstone.camera,
                generation=tombstone.generation,
                sequence=tombstone.sequence,
                sha256=tombstone.manifest_sha256,
                previous_sha256=None,
                store=str(self._store.path),
                file=name,
            ),
            found=self._about(name),
        )

    # What they share

    def _read(self, name: str, most: int, segment: int | None = None) -> bytes | None:
        try:
            return self._store.read(name, most)
        except OSError as error:
            self._found(FindingKind.UNREADABLE, error.strerror or str(error), file=name, segment=segment)
            return None

    def _about(self, name: str) -> Callable[..., Finding]:
        """Makes findings about one of its files, which keeps no more than that takes."""
        manifest = self._manifest
        return partial(
            Finding,
            store=str(self._store.path),
            file=name,
            camera=manifest.camera if manifest is not None else "",
            recording=self._files.recording.hex(),
            sequence=manifest.sequence if manifest is not None else None,
        )

    def _found(
        self,
        kind: FindingKind,
        detail: str,
        *,
        file: str = "",
        segment: int | None = None,
        chunks: tuple[int, int] | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        self._run.findings.append(
            self._about(file)(kind=kind, severity=severity, detail=detail, segment=segment, chunks=chunks)
        )

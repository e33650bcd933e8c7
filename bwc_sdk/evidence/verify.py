"""Verifies stores: every file against what a camera stated, and the statements against each other.

No device is needed, and no dock believed (spec: Verifying a store).

All functions block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bwc_protocol.documents.annotation_file import FILE_MAX, AnnotationFile
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import TOMBSTONE_MAX
from bwc_protocol.evidence import (
    DIGEST_SIZE,
    MANIFEST_MAX,
    CipherSuite,
    EvidenceError,
    Manifest,
    annotation_root,
    chunk_count,
    verify_table,
)
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.evidence import sealed_json
from bwc_sdk.evidence.chain import Chains, Link
from bwc_sdk.evidence.checkpoints import (
    chain_of_checkpoint,
    checkpoints_of,
    doubtful,
    require_sound,
)
from bwc_sdk.evidence.clock_findings import check_clock
from bwc_sdk.evidence.custody import CUSTODY_MAX, custody_agrees, custody_document, custody_subject
from bwc_sdk.evidence.custody_line import is_chain
from bwc_sdk.evidence.custody_reading import files_of, read_chain
from bwc_sdk.evidence.derivation import check_derivations
from bwc_sdk.evidence.findings import Finding, FindingKind, Report, Severity
from bwc_sdk.evidence.hashing import ChunkVerifier, Wrong, stretches
from bwc_sdk.evidence.judging import Judging
from bwc_sdk.evidence.left_out import LeftOut, read_left_out
from bwc_sdk.evidence.naming import (
    CHAIN_SUFFIX,
    HASH_DIGITS,
    LEFT_OUT_NAME,
    MANIFEST_SUFFIX,
    WRAPS_SUFFIX,
    footage_suffix,
    recording_name,
    segment_name,
)
from bwc_sdk.evidence.receipt_reading import Receipts
from bwc_sdk.evidence.rewrap import WRAPS_MAX, read_wraps
from bwc_sdk.evidence.sealed_json import RecordDamaged
from bwc_sdk.evidence.signers import Signer
from bwc_sdk.evidence.statements import Believed, read_annotations, read_tombstone_of
from bwc_sdk.evidence.store import RecordingFiles, SegmentFiles, Store

EXPORT_MAX: Final = 64 << 20
"""Bytes of what says what was exported: names of recordings."""
SEGMENTS_AHEAD: Final = 64
"""Segments whose hashes may be waited for at once."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification has come."""

    recordings: int
    of: int
    bytes_hashed: int


@dataclass(slots=True)
class _Pending:
    """A segment whose chunks are being hashed."""

    tasks: list[Future[list[Wrong]]]
    found: Callable[..., None]
    name: str
    chunk_size: int


def verify_stores(
    paths: Sequence[Path],
    *,
    believed: Believed | None = None,
    quick: bool = False,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Verifies directories as one: a camera's recordings may lie in several.

    Without somebody to believe it compares hashes, and says no more. A `quick` one reads everything but the footage.
    Raises `HostFileError` where a directory cannot be read.
    """
    with ExitStack() as open_stores:
        stores = [open_stores.enter_context(Store.open(path)) for path in paths]
        run = _Run(believed, quick, sum(len(store.recordings) for store in stores), progress)
        run.stores = tuple(stores)
        run.judging.denied = None if believed is None else believed.deny_list
        for store in stores:
            run.leave_out(store)
        with ChunkVerifier(workers, run.hashed) as chunks:
            for store in stores:
                run.store(store, chunks)
            run.settle()
        run.judge()
        run.findings.extend(run.chains.findings())
        run.receipts.settle()
        return run.report()


@dataclass(slots=True)
class _Run:
    """One verification under way."""

    believed: Believed | None
    quick: bool
    of: int
    progress: Callable[[Progress], None] | None
    findings: list[Finding] = field(default_factory=list)
    chains: Chains = field(default_factory=Chains)
    judging: Judging = field(default_factory=Judging)
    receipts: Receipts = field(default_factory=Receipts)
    recordings: int = 0
    segments: int = 0
    bytes_hashed: int = 0
    pending: deque[_Pending] = field(default_factory=deque)
    stores: tuple[Store, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)

    def report(self) -> Report:
        return Report(
            findings=tuple(self.findings),
            recordings=self.recordings,
            segments=self.segments,
            bytes_hashed=self.bytes_hashed,
            signed=self.judging.signed,
            quick=self.quick,
            receipts=self.receipts.count,
            one_site=self.receipts.one_site,
            left_out=self.left_out.count,
            cameras=self.chains.spans(),
        )

    def hashed(self, count: int) -> None:
        self.bytes_hashed += count  # off by little where two workers meet: it is put right at the end
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(Progress(self.recordings, self.of, self.bytes_hashed))

    def leave_out(self, store: Store) -> None:
        """Takes what a store that is an export says of what it does not have, and of what was exported of it."""
        tell = partial(Finding, store=str(store.path))
        try:
            found = read_left_out(store)
        except (RecordDamaged, OSError) as error:
            wrong = FindingKind.LEFT_OUT_WRONG
            self.findings.append(
                tell(kind=wrong, severity=Severity.ERROR, detail=str(error), file=LEFT_OUT_NAME)
            )
            return
        here = {one.name for other in self.stores for one in other.recordings if one.manifest is not None}
        missing = LeftOut()
        missing.merge(found, here)
        self.left_out.merge(missing)
        for link in missing.links(str(store.path)):
            self.chains.add(link)
        for detail in missing.reasons():
            self.findings.append(
                tell(kind=FindingKind.LEFT_OUT, severity=Severity.WARNING, detail=detail, file=LEFT_OUT_NAME)
            )
        for name in store.exports:
            try:
                sealed_json.decode(store.read(name, EXPORT_MAX), EXPORT_MAX)
            except (RecordDamaged, OSError) as error:
                wrong = FindingKind.EXPORT_WRONG
                self.findings.append(tell(kind=wrong, severity=Severity.ERROR, detail=str(error), file=name))

    def store(self, store: Store, chunks: ChunkVerifier) -> None:
        """Verifies all that is in one directory."""
        place = str(store.path)
        for name in store.foreign:
            self.findings.append(
                Finding(
                    kind=FindingKind.FOREIGN,
                    severity=Severity.WARNING,
                    detail=f"{name!r} has no name that an offload gives",
                    store=place,
                    file=name,
                )
            )
        for name in store.unfinished:
            self.findings.append(
                Finding(
                    kind=FindingKind.UNFINISHED,
                    severity=Severity.NOTE,
                    detail=f"{name} is not complete",
                    store=place,
                    file=name,
                )
            )
        self._custody_chains(store)
        for files in store.recordings:
            _Recording(self, store, files, chunks).verify()
            self.recordings += 1
            self._tell()
        self.bytes_hashed = chunks.bytes_hashed

    def _custody_chains(self, store: Store) -> None:
        for name in store.chains:
            chain_of = chain_of_checkpoint(name)
            if chain_of is not None and chain_of not in store.chains:
                self.findings.append(
                    Finding(
                        kind=FindingKind.CUSTODY_CHAIN_BROKEN,
                        severity=Severity.ERROR,
                        detail=f"{chain_of}, of which it is a checkpoint, is gone",
                        store=str(store.path),
                        file=name,
                    )
                )
        for name in filter(is_chain, store.chains):
            found = partial(Finding, store=str(store.path), file=name)
            try:
                chain = read_chain(store, name)
            except OSError as error:
                detail = error.strerror or str(error)
                self.findings.append(
                    found(kind=FindingKind.UNREADABLE, severity=Severity.ERROR, detail=detail)
                )
                continue
            for wrong in chain.wrong:
                self.findings.append(
                    found(kind=FindingKind.CUSTODY_CHAIN_BROKEN, severity=Severity.ERROR, detail=wrong)
                )
            if chain.unfinished:
                detail = "its last line is not whole: the next offload of that host mends it"
                self.findings.append(
                    found(kind=FindingKind.UNFINISHED, severity=Severity.NOTE, detail=detail)
                )
            if self.believed is not None:
                try:
                    known = list(checkpoints_of(store, name.removesuffix(CHAIN_SUFFIX), self.believed))
                    for own in doubtful(known, self.believed):
                        detail = "its host is denied, and no later checkpoint by another one leads back to it"
                        self.findings.append(
                            Finding(
                                kind=FindingKind.SIGNER_DENIED,
                                severity=Severity.WARNING,
                                detail=detail,
                                store=str(store.path),
                                file=own,
                            )
                        )
                    require_sound(name, chain, known)
                except EvidenceMismatch as error:
                    self.findings.append(
                        found(
                            kind=FindingKind.CUSTODY_CHAIN_BROKEN,
                            severity=Severity.ERROR,
                            detail=error.rule,
                        )
                    )
            for file, why in files_of((store, *self.stores), chain):
                if self.left_out.covers(file):
                    continue
                self.findings.append(
                    Finding(
                        kind=FindingKind.CUSTODY_CHAIN_DISAGREES,
                        severity=Severity.ERROR,
                        detail=f"{name} names it: {why}",
                        store=str(store.path),
                        file=file,
                    )
                )

    def judge(self) -> None:
        """Judges signers, now that everything is known that they signed."""
        for one in self.judging.settle():
            if isinstance(one, Link):
                self.chains.add(one)
            else:
                self.findings.append(one)

    def settle(self, leave: int = 0) -> None:
        """Takes results until no more than `leave` are waited for."""
        while len(self.pending) > leave:
            one = self.pending.popleft()
            wrong = [found for task in one.tasks for found in task.result()]
            for first, last, why in stretches(wrong):
                one.found(
                    FindingKind.UNREADABLE if why else FindingKind.FOOTAGE_DAMAGED,
                    f"{_chunks(first, last)} {why or 'is not what was recorded'}"
                    f" (bytes {first * one.chunk_size} to {(last + 1) * one.chunk_size - 1})",
                    file=one.name,
                    chunks=(first, last),
                )


class _Recording:
    """One recording of one store."""

    def __init__(self, run: _Run, store: Store, files: RecordingFiles, chunks: ChunkVerifier) -> None:
        self._run, self._store, self._files, self._chunks = run, store, files, chunks
        self._manifest: Manifest | None = None
        self._was_signed = False
        self._records: dict[int, tuple[str, dict[str, object]]] = {}

    def verify(self) -> None:
        """All that there is to it."""
        data = self._manifest_bytes()
        if data is None:
            self._receipts(None, ())
            self._derivations(None)
            self._tombstone(None)
            return
        manifest = self._manifest
        assert manifest is not None
        for number, facts in enumerate(manifest.segments):
            self._run.segments += 1
            self._segment(number, manifest, self._files.segments.get(number, SegmentFiles()))
            if facts.size_bytes:
                self._run.settle(SEGMENTS_AHEAD)
        for number in sorted(self._files.segments.keys() - set(range(len(manifest.segments)))):
            self._found(
                FindingKind.FOREIGN, f"the recording has {len(manifest.segments)} segments", segment=number
            )
        check_clock(manifest, self._records, self._found)
        self._run.judging.manifest(manifest)
        self._signature(data, manifest)
        self._receipts(manifest, self._annotations(manifest))
        self._derivations(manifest)
        self._wraps()
        self._tombstone(manifest)
        self._run.chains.add(
            Link(
                camera=manifest.camera,
                generation=manifest.circumstances.generation if manifest.circumstances is not None else 0,
                sequence=manifest.sequence,
                sha256=manifest.sha256,
                previous_sha256=manifest.previous_sha256,
                store=str(self._store.path),
                file=self._files.manifest or "",
            )
        )

    # Statements

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

    # Segments

    def _segment(self, number: int, manifest: Manifest, files: SegmentFiles) -> None:
        facts = manifest.segments[number]
        found = partial(self._found, segment=number)
        sealed = facts.cipher_suite != CipherSuite.NONE
        footage = files.sealed if sealed else files.footage
        other = files.footage if sealed else files.sealed
        if other is not None:
            kind = "encrypted" if sealed else "not encrypted"
            found(FindingKind.FOREIGN, f"this segment is {kind}", file=other)
        own = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
        if footage is None and self._run.left_out.covers(own + footage_suffix(facts)):
            pass  # told with all that was left out
        elif footage is None:
            found(FindingKind.FOOTAGE_MISSING, f"segment {number} is not here")
        else:
            self._custody(number, manifest, files, footage)
        table = self._table(number, manifest, files)
        if table is None or footage is None:
            return
        try:
            size = self._store.size_of(footage)
        except OSError as error:
            found(FindingKind.UNREADABLE, error.strerror or str(error), file=footage)
            return
        if size != facts.size_bytes:
            found(FindingKind.FOOTAGE_SIZE, f"{size} bytes in place of {facts.size_bytes}", file=footage)
        if not self._run.quick:
            opened = partial(self._store.open_file, footage)
            tasks = self._chunks.segment(opened, facts.size_bytes, facts.chunk_size, table)
            self._run.pending.append(_Pending(tasks, found, footage, facts.chunk_size))

    def _table(self, number: int, manifest: Manifest, files: SegmentFiles) -> bytes | None:
        facts = manifest.segments[number]
        if files.table is None:
            self._found(FindingKind.TABLE_MISSING, f"that of segment {number}", segment=number)
            return None
        most = chunk_count(facts.size_bytes, facts.chunk_size) * DIGEST_SIZE
        table = self._read(files.table, most, segment=number)
        if table is None:
            return None
        try:
            verify_table(table, facts)
        except EvidenceError as error:
            self._found(FindingKind.TABLE_DAMAGED, error.detail, file=files.table, segment=number)
            return None
        return table

    def _custody(self, number: int, manifest: Manifest, files: SegmentFiles, footage: str) -> None:
        if files.custody is None:
            self._found(
                FindingKind.CUSTODY_MISSING,
                "there is no custody record",
                segment=number,
                severity=Severity.WARNING,
            )
            return
        data = self._read(files.custody, CUSTODY_MAX, segment=number)
        if data is None:
            return
        if not custody_agrees(data, custody_subject(manifest, number, footage)):
            self._found(
                FindingKind.CUSTODY_DAMAGED,
                "it is damaged, or about another segment",
                file=files.custody,
                segment=number,
            )
            return
        self._records[number] = files.custody, custody_document(data) or {}
        self._was_signed |= self._records[number][1].get("manifest_signed") == "verified"

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


def _chunks(first: int, last: int) -> str:
    return f"chunk {first}" if first == last else f"each of the chunks {first} to {last}"


def of_recording(report: Report, recording: str) -> Iterator[Finding]:
    """The findings about one recording (hexadecimal digits of its id)."""
    yield from (finding for finding in report.findings if finding.recording == recording)

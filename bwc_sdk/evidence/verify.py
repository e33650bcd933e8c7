"""Verifies stores: every file against what a camera stated, and the statements against each other.

No device is needed, and no dock believed (spec: Verifying a store).

All functions block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from bwc_protocol.evidence import (
    DIGEST_SIZE,
    CipherSuite,
    EvidenceError,
    Manifest,
    chunk_count,
    verify_table,
)
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.evidence import sealed_json
from bwc_sdk.evidence.chain import Link
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
from bwc_sdk.evidence.findings import Finding, FindingKind, Report, Severity
from bwc_sdk.evidence.hashing import ChunkVerifier
from bwc_sdk.evidence.left_out import LeftOut, read_left_out
from bwc_sdk.evidence.naming import (
    CHAIN_SUFFIX,
    LEFT_OUT_NAME,
    footage_suffix,
    segment_name,
)
from bwc_sdk.evidence.recording_statements import RecordingStatements
from bwc_sdk.evidence.sealed_json import RecordDamaged
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.store import RecordingFiles, SegmentFiles, Store
from bwc_sdk.evidence.verification import Pending, Verification
from bwc_sdk.evidence.verification import Progress as Progress

EXPORT_MAX: Final = 64 << 20
"""Bytes of what says what was exported: names of recordings."""
SEGMENTS_AHEAD: Final = 64
"""Segments whose hashes may be waited for at once."""


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
        run = Verification(believed, quick, sum(len(store.recordings) for store in stores), progress)
        run.stores = tuple(stores)
        run.judging.denied = None if believed is None else believed.deny_list
        for store in stores:
            _leave_out(run, store)
        with ChunkVerifier(workers, run.hashed) as chunks:
            for store in stores:
                _verify_store(run, store, chunks)
            run.settle()
        run.judge()
        run.findings.extend(run.chains.findings())
        run.receipts.settle()
        return run.report()


def _leave_out(run: Verification, store: Store) -> None:
    """Takes what a store that is an export says of what it does not have, and of what was exported of it."""
    tell = partial(Finding, store=str(store.path))
    try:
        found = read_left_out(store)
    except (RecordDamaged, OSError) as error:
        wrong = FindingKind.LEFT_OUT_WRONG
        run.findings.append(tell(kind=wrong, severity=Severity.ERROR, detail=str(error), file=LEFT_OUT_NAME))
        return
    here = {one.name for other in run.stores for one in other.recordings if one.manifest is not None}
    missing = LeftOut()
    missing.merge(found, here)
    run.left_out.merge(missing)
    for link in missing.links(str(store.path)):
        run.chains.add(link)
    for detail in missing.reasons():
        run.findings.append(
            tell(kind=FindingKind.LEFT_OUT, severity=Severity.WARNING, detail=detail, file=LEFT_OUT_NAME)
        )
    for name in store.exports:
        try:
            sealed_json.decode(store.read(name, EXPORT_MAX), EXPORT_MAX)
        except (RecordDamaged, OSError) as error:
            wrong = FindingKind.EXPORT_WRONG
            run.findings.append(tell(kind=wrong, severity=Severity.ERROR, detail=str(error), file=name))


def _verify_store(run: Verification, store: Store, chunks: ChunkVerifier) -> None:
    """Verifies all that is in one directory."""
    place = str(store.path)
    for name in store.foreign:
        run.findings.append(
            Finding(
                kind=FindingKind.FOREIGN,
                severity=Severity.WARNING,
                detail=f"{name!r} has no name that an offload gives",
                store=place,
                file=name,
            )
        )
    for name in store.unfinished:
        run.findings.append(
            Finding(
                kind=FindingKind.UNFINISHED,
                severity=Severity.NOTE,
                detail=f"{name} is not complete",
                store=place,
                file=name,
            )
        )
    _custody_chains(run, store)
    for files in store.recordings:
        _Recording(run, store, files, chunks).verify()
        run.recordings += 1
        run.tell()
    run.bytes_hashed = chunks.bytes_hashed


def _custody_chains(run: Verification, store: Store) -> None:
    for name in store.chains:
        chain_of = chain_of_checkpoint(name)
        if chain_of is not None and chain_of not in store.chains:
            run.findings.append(
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
            run.findings.append(found(kind=FindingKind.UNREADABLE, severity=Severity.ERROR, detail=detail))
            continue
        for wrong in chain.wrong:
            run.findings.append(
                found(kind=FindingKind.CUSTODY_CHAIN_BROKEN, severity=Severity.ERROR, detail=wrong)
            )
        if chain.unfinished:
            detail = "its last line is not whole: the next offload of that host mends it"
            run.findings.append(found(kind=FindingKind.UNFINISHED, severity=Severity.NOTE, detail=detail))
        if run.believed is not None:
            try:
                known = list(checkpoints_of(store, name.removesuffix(CHAIN_SUFFIX), run.believed))
                for own in doubtful(known, run.believed):
                    detail = "its host is denied, and no later checkpoint by another one leads back to it"
                    run.findings.append(
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
                run.findings.append(
                    found(
                        kind=FindingKind.CUSTODY_CHAIN_BROKEN,
                        severity=Severity.ERROR,
                        detail=error.rule,
                    )
                )
        for file, why in files_of((store, *run.stores), chain):
            if run.left_out.covers(file):
                continue
            run.findings.append(
                Finding(
                    kind=FindingKind.CUSTODY_CHAIN_DISAGREES,
                    severity=Severity.ERROR,
                    detail=f"{name} names it: {why}",
                    store=str(store.path),
                    file=file,
                )
            )


class _Recording(RecordingStatements):
    """One recording of one store."""

    def __init__(self, run: Verification, store: Store, files: RecordingFiles, chunks: ChunkVerifier) -> None:
        super().__init__(run, store, files)
        self._chunks = chunks
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
            self._run.pending.append(Pending(tasks, found, footage, facts.chunk_size))

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


def of_recording(report: Report, recording: str) -> Iterator[Finding]:
    """The findings about one recording (hexadecimal digits of its id)."""
    yield from (finding for finding in report.findings if finding.recording == recording)

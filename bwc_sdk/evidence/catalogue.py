"""What a store says of its recordings: who made them, when, by which clock, what was said of them since, and why they
are held. From the files alone; what they say is not verified here, which `verify` is for.

All functions block. A file that cannot be read is told in `Described.trouble`; nothing else of the recording is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bwc_protocol.certificates.facts import MalformedCertificate, read_certificate
from bwc_protocol.documents.annotation_file import FILE_MAX, AnnotationFile
from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import TOMBSTONE_MAX, Tombstone
from bwc_protocol.evidence import MANIFEST_MAX, EvidenceError, Manifest, sign1
from bwc_protocol.evidence.annotations import AnnotationRecord
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_sdk.evidence.corrected_time import Correction, NotKnown, correction_of, said_utc_ns
from bwc_sdk.evidence.custody import CUSTODY_MAX, custody_document
from bwc_sdk.evidence.derivation import DERIVATION_MAX, Derivation
from bwc_sdk.evidence.naming import recording_name
from bwc_sdk.evidence.sealed_json import RecordDamaged
from bwc_sdk.evidence.store import RecordingFiles, Store, segments_of


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that was not lifted."""

    id: str
    case: str
    authority: str
    reason: str


@dataclass(slots=True)
class Standing:
    """What follows from all that was said of a recording."""

    marked: bool = False
    category: str = ""
    case: str = ""
    holds: dict[str, Hold] = field(default_factory=dict)
    reviewed: tuple[str, str] | None = None
    """Who looked at it last, and the note."""
    carriers: list[str] = field(default_factory=list)
    """Officer and unit, or a pseudonym, as the camera had it when the recording was closed."""

    def take(self, said: AnnotationRecord) -> None:
        """One statement more, in their order."""
        match said.kind:
            case AnnotationKind.MARKED | AnnotationKind.UNMARKED:
                self.marked = said.kind == AnnotationKind.MARKED
            case AnnotationKind.CATEGORY:
                self.category = said.text
            case AnnotationKind.CASE:
                self.case = said.case
            case AnnotationKind.HELD:
                self.holds[said.hold] = Hold(said.hold, said.case, said.authority, said.text)
            case AnnotationKind.LIFTED:
                self.holds.pop(said.hold, None)
            case AnnotationKind.REVIEWED:
                self.reviewed = said.actor, said.text
            case AnnotationKind.ASSIGNMENT:
                self.carriers.append(said.text)

    @property
    def cases(self) -> tuple[str, ...]:
        """The recording's case, and those of its holds; each once."""
        found = [self.case, *(hold.case for hold in self.holds.values())]
        return tuple(dict.fromkeys(filter(None, found)))


@dataclass(slots=True)
class Described:
    """One recording as its store describes it."""

    files: RecordingFiles
    manifest: Manifest | None = None
    """None where there is none, or where it is not of this recording."""
    signer: str = ""
    """Whom the certificate beside the signature names; whether he signed is not verified here."""
    said: tuple[AnnotationRecord, ...] = ()
    head: bytes | None = None
    """Head of the chain of what was said; None where no file of annotations is here."""
    standing: Standing = field(default_factory=Standing)
    custody: dict[int, dict[str, Any]] = field(default_factory=dict)
    """How each segment came here, by its number: the custody record as it is."""
    receipts: list[Receipt] = field(default_factory=list)
    tombstone: Tombstone | None = None
    derivations: list[dict[str, Any]] = field(default_factory=list)
    """Copies that were made from it: their records as they are."""
    trouble: list[str] = field(default_factory=list)
    """What could not be read, a sentence each."""

    @property
    def correction(self) -> Correction | NotKnown | None:
        """What must be added to its times, by what was measured of its camera's clock; None without a manifest."""
        return None if self.manifest is None else correction_of(self.manifest, self.custody.values())

    @property
    def said_utc_ns(self) -> tuple[int | None, ...]:
        """When each statement of `said` was made, by the clock of whoever measured the camera's; None: not known."""
        if self.manifest is None:
            return (None,) * len(self.said)
        return said_utc_ns(self.manifest, self.correction, [one.utc_ns for one in self.said])

    @property
    def segments_here(self) -> int:
        """Segments whose footage is here."""
        return sum(1 for _, one in segments_of(self.files) if one.footage or one.sealed)


def describe(store: Store, files: RecordingFiles) -> Described:
    """All that a store says of one recording. Raises nothing."""
    found = Described(files)
    found.manifest = manifest_of(store, files, found.trouble)
    _read(store, files.signature, sign1.SIGN1_MAX, found, _signer)
    for name in files.annotations:
        _read(store, name, FILE_MAX, found, _annotations)
    for said in found.said:
        found.standing.take(said)
    for number, segment in segments_of(files):
        _read(store, segment.custody, CUSTODY_MAX, found, partial(_custody, number))
    for name in files.receipts:
        _read(store, name, RECEIPT_MAX, found, _receipt)
    _read(store, files.tombstone, TOMBSTONE_MAX, found, _tombstone)
    for name in files.derivations:
        _read(store, name, DERIVATION_MAX, found, _derivation)
    return found


def catalogue(store: Store) -> Iterator[Described]:
    """Every recording, by camera, number and name: the same store has the same order everywhere."""
    for _, files in sorted(
        ((_order(store, files), files) for files in store.recordings), key=lambda one: one[0]
    ):
        yield describe(store, files)


def manifest_of(store: Store, files: RecordingFiles, trouble: list[str] | None = None) -> Manifest | None:
    """The manifest of a recording, if it is one, and of this recording."""
    said = [] if trouble is None else trouble
    if files.manifest is None:
        said.append("its manifest is missing")
        return None
    try:
        manifest = Manifest.decode(store.read(files.manifest, MANIFEST_MAX))
    except (OSError, EvidenceError) as error:
        said.append(f"{files.manifest} cannot be read: {error}")
        return None
    if recording_name(manifest.camera, manifest.recording_id, manifest.sha256) != files.name:
        said.append(f"{files.manifest} is the manifest of another recording")
        return None
    return manifest


def _order(store: Store, files: RecordingFiles) -> tuple[str, int, str]:
    manifest = manifest_of(store, files)
    return ("", 0, files.name) if manifest is None else (manifest.camera, manifest.sequence, files.name)


def _read(
    store: Store, name: str | None, most: int, found: Described, take: Callable[[Described, bytes], None]
) -> None:
    if name is None:
        return
    try:
        data = store.read(name, most)
        if len(data) > most:
            raise DocumentRefused(DocumentCheck.FORM, f"it has more than {most} bytes")
        take(found, data)
    except (OSError, EvidenceError, DocumentRefused, MalformedCertificate, RecordDamaged) as error:
        found.trouble.append(f"{name} cannot be read: {error}")


def _signer(found: Described, data: bytes) -> None:
    found.signer = read_certificate(sign1.decode(data).chain[0]).name


def _annotations(found: Described, data: bytes) -> None:
    """Of several heads the longest counts: statements are only added."""
    file = AnnotationFile.decode(data)
    _same(found, file.recording_id, file.manifest_sha256)
    if found.head is None or len(file.records) > len(found.said):
        found.head, found.said = file.head, file.said()


def _custody(number: int, found: Described, data: bytes) -> None:
    document = custody_document(data)
    if document is None:
        raise DocumentRefused(DocumentCheck.FORM, "it is no custody record")
    found.custody[number] = document


def _receipt(found: Described, data: bytes) -> None:
    receipt = Receipt.decode(SignedDocument.decode(data).payload)
    _same(found, receipt.recording_id, receipt.manifest_sha256)
    found.receipts.append(receipt)


def _tombstone(found: Described, data: bytes) -> None:
    tombstone = Tombstone.decode(SignedDocument.decode(data).payload)
    _same(found, tombstone.recording_id, tombstone.manifest_sha256)
    found.tombstone = tombstone


def _derivation(found: Described, data: bytes) -> None:
    found.derivations.append(Derivation.decode(data, found.files.name, found.manifest).document)


def _same(found: Described, recording: bytes, manifest_sha256: bytes) -> None:
    of_manifest = found.manifest is None or found.manifest.sha256 == manifest_sha256
    if recording != found.files.recording or not of_manifest:
        raise DocumentRefused(DocumentCheck.RECORDING, "it is about another recording")

"""Reads receipts and lists of objects as they lie in a store, and holds them against what is there
(spec: Verifying a store).

A receipt says what a destination had, and a list of objects says what of. Whether it still counts is another question
than whether it is whole: more may have been said since, and its signer may be denied by now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.annotation_file import FILE_MAX
from bwc_protocol.documents.object_list import OBJECT_LIST_MAX, ObjectEntry, ObjectList
from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt, verify_receipt_signature
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import DIGEST_SIZE, Manifest, chunk_count
from bwc_sdk.evidence.findings import FindingKind, Severity
from bwc_sdk.evidence.naming import (
    FOOTAGE_SUFFIXES,
    MANIFEST_SUFFIX,
    OBJECTS_SUFFIX,
    RECEIPT_SUFFIX,
    TABLE_SUFFIX,
    receipt_stem,
    recording_name,
    segment_name,
)

if TYPE_CHECKING:
    from bwc_protocol.documents.tombstone import Tombstone
    from bwc_sdk.evidence.statements import Believed
    from bwc_sdk.evidence.store import RecordingFiles, Store

ATTEMPTS_MAX: Final = 16
"""Names under which a receipt of one head may stand (spec: Receipts of a destination)."""


class Found(Protocol):
    """How a finding about one recording is told."""

    def __call__(
        self, kind: FindingKind, detail: str, *, file: str = "", severity: Severity = Severity.ERROR
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class ReceiptRead:
    """A receipt that a destination signed for the recording beside which it lies."""

    receipt: Receipt
    sha256: bytes
    """Names it in tombstones."""
    denied: str = ""
    """Why its signer is denied by now."""


def read_receipt(data: bytes, name: str, recording: str, believed: Believed | None) -> ReceiptRead:
    """The receipt of a file, for the recording of that name; where somebody is believed, by its signature.

    Raises `DocumentRefused`.
    """
    denied = ""
    if believed is None:
        require(len(data) <= RECEIPT_MAX, DocumentCheck.FORM, f"it has more than {RECEIPT_MAX} bytes")
        document = SignedDocument.decode(data)
        receipt, sha256 = Receipt.decode(document.payload), document.sha256
    else:
        signed = verify_receipt_signature(data, believed.roots, Trust(lab=believed.lab))
        receipt, sha256 = signed.receipt, signed.sha256
        denied = (believed.deny_list and believed.deny_list.denies(signed.signer)) or ""
    named = recording_name(receipt.camera, receipt.recording_id, receipt.manifest_sha256)
    require(named == recording, DocumentCheck.RECORDING, f"it is about {named}")
    stems = (
        receipt_stem(recording, receipt.annotations_sha256, receipt.destination, attempt)
        for attempt in range(1, ATTEMPTS_MAX + 1)
    )
    require(
        any(name == stem + RECEIPT_SUFFIX for stem in stems),
        DocumentCheck.FORM,
        "it has not the name of its head and its destination",
    )
    return ReceiptRead(receipt, sha256, denied)


@dataclass(slots=True)
class Receipts:
    """The receipts of a verification, of all its stores."""

    count: int = 0
    one_site: int = 0
    """Those of hosts that are dock and destination at once."""
    _known: dict[bytes, bytes] = field(default_factory=dict)
    """The list of objects that each names."""
    _erased: list[tuple[Tombstone, Found, str]] = field(default_factory=list)

    def erased(self, tombstone: Tombstone, file: str, found: Found) -> None:
        """Takes what a camera says of the receipts against which it erased."""
        if tombstone.receipts:
            self._erased.append((tombstone, found, file))

    def settle(self) -> None:
        """Tells which receipts that tombstones name are nowhere."""
        for tombstone, found, file in self._erased:
            named = list(zip(tombstone.receipts, tombstone.objects, strict=True))
            missing = [sha256 for sha256, _ in named if sha256 not in self._known]
            for sha256, objects in named:
                if self._known.get(sha256, objects) != objects:
                    found(
                        FindingKind.TOMBSTONE_WRONG,
                        f"of the receipt {sha256.hex()[:16]}… it names another list of objects",
                        file=file,
                    )
            if missing:
                listed = ", ".join(f"{one.hex()[:16]}…" for one in missing)
                found(
                    FindingKind.RECEIPT_MISSING,
                    f"the camera erased it against {listed}, which "
                    f"{'is' if len(missing) == 1 else 'are'} not here",
                    file=file,
                    severity=Severity.NOTE if len(missing) < len(named) else Severity.WARNING,
                )

    def recording(
        self,
        stores: Sequence[Store],
        files: RecordingFiles,
        manifest: Manifest | None,
        heads: Sequence[bytes],
        believed: Believed | None,
        found: Found,
    ) -> None:
        """Verifies those of one recording. `heads` are of what was said of it, as far as that is here; the first of
        the `stores` is its own."""
        lists = set(files.objects)
        for name in files.receipts:
            list_name = name.removesuffix(RECEIPT_SUFFIX) + OBJECTS_SUFFIX
            present = list_name in lists
            lists.discard(list_name)
            data = _read(stores[0], name, RECEIPT_MAX, found)
            if data is None:
                continue
            try:
                read = read_receipt(data, name, files.name, believed)
            except DocumentRefused as refused:
                found(FindingKind.RECEIPT_WRONG, str(refused), file=name)
                continue
            self.count += 1
            self.one_site += read.receipt.one_site
            self._known[read.sha256] = read.receipt.objects_sha256
            if read.denied:
                found(FindingKind.RECEIPT_DENIED, read.denied, file=name, severity=Severity.WARNING)
            if manifest is not None:
                _about(read.receipt, manifest, heads, _of(found, name))
            if not present:
                found(FindingKind.OBJECTS_MISSING, f"there is no {list_name}", file=name)
            else:
                _list(stores, list_name, read.receipt, manifest, found)
        for name in sorted(lists):
            self._alone(stores[0], name, found)

    @staticmethod
    def _alone(store: Store, name: str, found: Found) -> None:
        data = _read(store, name, OBJECT_LIST_MAX, found)
        if data is None:
            return
        try:
            ObjectList.decode(data)
        except DocumentRefused as refused:
            found(FindingKind.OBJECTS_WRONG, str(refused), file=name)
            return
        found(
            FindingKind.RECEIPT_MISSING,
            "no receipt names this list: signing was interrupted, or the receipt is gone",
            file=name,
            severity=Severity.WARNING,
        )


Tell = Callable[[FindingKind, str, Severity], None]


def _of(found: Found, file: str) -> Tell:
    """The same for one file."""
    return lambda kind, detail, severity: found(kind, detail, file=file, severity=severity)


def _about(receipt: Receipt, manifest: Manifest, heads: Sequence[bytes], tell: Tell) -> None:
    """Whether a receipt is for this footage and for what was said of it."""
    if receipt.size_bytes != manifest.size_bytes:
        why = f"it is for {receipt.size_bytes} bytes of footage, and there are {manifest.size_bytes}"
        tell(FindingKind.RECEIPT_WRONG, why, Severity.ERROR)
    said = len(heads) - 1
    if receipt.annotations > said:
        why = f"{receipt.destination} had {receipt.annotations} annotations, and here are {said}"
        tell(FindingKind.ANNOTATIONS_MISSING, why, Severity.ERROR)
    elif receipt.annotations_sha256 != heads[receipt.annotations]:
        why = f"its first {receipt.annotations} annotations are not those that are here"
        tell(FindingKind.RECEIPT_WRONG, why, Severity.ERROR)
    elif receipt.annotations < said:
        why = f"it is for {receipt.annotations} annotations, and by now there are {said}"
        tell(FindingKind.RECEIPT_OLD, why, Severity.NOTE)


def _list(
    stores: Sequence[Store], name: str, receipt: Receipt, manifest: Manifest | None, found: Found
) -> None:
    """Whether a list is the one that the receipt names, has all of the recording, and agrees with what is here."""
    data = _read(stores[0], name, OBJECT_LIST_MAX, found)
    if data is None:
        return
    tell = _of(found, name)
    if hashlib.sha256(data).digest() != receipt.objects_sha256:
        tell(FindingKind.OBJECTS_WRONG, "it is not the list that its receipt names", Severity.ERROR)
        return
    try:
        objects = {one.key.rpartition("/")[2]: one for one in ObjectList.decode(data).objects}
    except DocumentRefused as refused:
        tell(FindingKind.OBJECTS_WRONG, str(refused), Severity.ERROR)
        return
    if manifest is None:
        return
    for names, size_bytes, sha256 in _expected(manifest):
        listed = next((objects.pop(one) for one in names if one in objects), None)
        if listed is None:
            tell(FindingKind.OBJECTS_WRONG, f"it does not name {names[0]}", Severity.ERROR)
        elif (listed.size_bytes, listed.sha256) != (size_bytes, sha256):
            why = f"{listed.key} was another there than the manifest says"
            tell(FindingKind.OBJECTS_WRONG, why, Severity.ERROR)
    for own, listed in sorted(objects.items()):
        disagrees = _disagrees(stores, own, listed)
        if disagrees:
            tell(FindingKind.OBJECT_DISAGREES, f"{own}: {disagrees}", Severity.ERROR)


def _expected(manifest: Manifest) -> Iterator[tuple[tuple[str, ...], int, bytes]]:
    """Names, one of which each list has, with size and hash. What of it is here the manifest is held against, too."""
    whole = recording_name(manifest.camera, manifest.recording_id, manifest.sha256)
    yield (whole + MANIFEST_SUFFIX,), len(manifest.encode()), manifest.sha256
    for number, facts in enumerate(manifest.segments):
        own = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
        yield tuple(own + end for end in FOOTAGE_SUFFIXES), facts.size_bytes, facts.table_sha256
        table_bytes = chunk_count(facts.size_bytes, facts.chunk_size) * DIGEST_SIZE
        yield (own + TABLE_SUFFIX,), table_bytes, facts.table_sha256


def _disagrees(stores: Sequence[Store], name: str, listed: ObjectEntry) -> str:
    """Why a small object is not, in any of the stores, what a destination had; empty if it is."""
    why = "the destination had it, and it is not here"
    for store in stores:
        try:
            data = store.read(name, FILE_MAX)
        except FileNotFoundError:
            continue
        except OSError as error:
            why = error.strerror or str(error)
            continue
        if (len(data), hashlib.sha256(data).digest()) == (listed.size_bytes, listed.sha256):
            return ""
        why = "the destination had another one"
    return why


def _read(store: Store, name: str, most: int, found: Found) -> bytes | None:
    try:
        return store.read(name, most)
    except OSError as error:
        found(FindingKind.UNREADABLE, error.strerror or str(error), file=name)
        return None

"""Signs receipts for what a store holds, by a destination's identity (spec: Receipts of a destination).

Read back and found whole < list of objects durable < receipt durable < both named in the custody chain. A process that
is killed between two of these leaves what the next one goes on from: an equal list of objects, a receipt that is there.
All functions block.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_protocol.certificates.checks import Denies, Trust
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.documents.annotation_file import FILE_MAX
from bwc_protocol.documents.object_list import OBJECT_LIST_MAX, ObjectEntry, ObjectList
from bwc_protocol.documents.receipt import (
    RECEIPT_MAX,
    Receipt,
    SignedReceipt,
    check_destination,
    verify_receipt_signature,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.signed_document import SignedDocument, require_validity
from bwc_protocol.evidence import Manifest
from bwc_sdk.destination.custody_log import CustodyLog, Fact, append_waiting
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.directory_store import DirectoryStore
from bwc_sdk.errors import DestinationBusy, DestinationError, EvidenceMismatch
from bwc_sdk.evidence.custody_line import Recorded
from bwc_sdk.evidence.naming import (
    MANIFEST_SUFFIX,
    OBJECTS_SUFFIX,
    RECEIPT_SUFFIX,
    receipt_stem,
    recording_name,
)
from bwc_sdk.evidence.read_back import NotWhole, ReadBack, newest_head, read_back, read_manifest
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.host.world import World
from bwc_sdk.identity.document_files import document_error
from bwc_sdk.identity.host_identity import HostIdentity

log = logging.getLogger(__name__)

ATTEMPTS_MAX: Final = 16
"""Receipts of one head that are passed by because something else stands under their names."""
_ADVICE: Final[dict[DocumentCheck, str]] = {
    DocumentCheck.ROLE: "a destination signs by an identity of its own: have a certificate issued with the role "
    "'destination' alone",
    DocumentCheck.SUBJECTS: "leave --destination out, or use the identity of that destination",
    DocumentCheck.SIGNER: "have a new certificate issued, for a new key: a name or key that is denied stays denied",
    DocumentCheck.TIME: "renew the certificate of the destination, or set this host's clock right",
}


@dataclass(frozen=True, slots=True)
class ReceiptMade:
    """A receipt that was signed now, or that stands there for the newest head."""

    name: str
    """What the names of the recording's files begin with."""
    path: Path
    receipt: Receipt
    sha256: bytes
    fresh: bool
    """Whether it was signed now."""
    manifest_signed: bool | None
    """Whether the recording's camera signed its manifest; None where it was not looked at again."""
    passed_by: tuple[str, ...] = ()
    """Names under which something else stands; it was not touched."""


@dataclass(frozen=True, slots=True)
class NotReceipted:
    """A recording for which no receipt is signed; nothing of it was touched."""

    name: str
    reason: str


Signing = ReceiptMade | NotReceipted


def sign_receipts(
    path: str | Path,
    identity: HostIdentity,
    *,
    destination: str | None = None,
    one_site: bool = False,
    recordings: Collection[bytes] | None = None,
    world: World | None = None,
) -> Iterator[Signing]:
    """Signs a receipt for each recording of a store that is whole, and whose newest head has none of this destination.

    `destination` has to be the name in the certificate of `identity`, which has the role `destination` alone;
    `one_site` says that the same host is the dock. `recordings` are ids, None for all. Raises `DocumentError`,
    `DestinationError` and its kinds.
    """
    world = world or World()
    name = identity.name if destination is None else destination
    require_destination(identity, name, world.utc_ns() // 1_000_000_000)
    opened = Destination.open(world.files, Path(path))
    try:
        store = DirectoryStore(opened)
        with _errors(opened), store.signing_lock() as alone:
            if not alone:
                raise DestinationBusy("another process signs receipts there", device=str(path))
            yield from _Signer(store, identity, name, one_site, world).all(recordings)
    finally:
        opened.close()


def verify_in_store(
    data: bytes,
    path: str | Path,
    roots: Sequence[bytes],
    lab: str,
    denied: Denies | None,
    *,
    world: World | None = None,
) -> SignedReceipt:
    """A receipt that counts, and whose objects a store has, each read back from the medium.

    Raises `DocumentError` (of the receipt, or of its list), `EvidenceMismatch` (of what the store has), and
    `DestinationError`.
    """
    world = world or World()
    advice = "is this the right file, and this the agency whose destination signed it? --identity names another one"
    try:
        signed = verify_receipt_signature(data, roots, Trust(lab=lab, denied=denied))
    except DocumentRefused as refused:
        raise document_error(refused, advice, what="the receipt") from refused
    opened = Destination.open(world.files, Path(path))
    try:
        with _errors(opened):
            _require_objects(DirectoryStore(opened), signed.receipt, Believed(roots=tuple(roots), lab=lab))
    finally:
        opened.close()
    return signed


def _require_objects(store: DirectoryStore, receipt: Receipt, believed: Believed) -> None:
    name = recording_name(receipt.camera, receipt.recording_id, receipt.manifest_sha256)
    keys = store.keys()
    where = str(store.destination.path)
    for attempt in range(1, ATTEMPTS_MAX + 1):
        stem = receipt_stem(name, receipt.annotations_sha256, receipt.destination, attempt)
        content = store.read_small(stem + OBJECTS_SUFFIX, OBJECT_LIST_MAX)
        if content is not None and hashlib.sha256(content).digest() == receipt.objects_sha256:
            break
    else:
        raise EvidenceMismatch(
            f"the list of objects that the receipt names is not there: {name}", device=where
        )
    try:
        objects = ObjectList.decode(content)
        back = read_back(store, name, keys, believed)
    except DocumentRefused as refused:
        raise document_error(refused, "have the recording receipted again", what="the list") from refused
    except NotWhole as error:
        raise EvidenceMismatch(f"{name}: {error}", device=where) from error
    # What was said since, or signed later, makes a receipt no worse: what it names has to be there.
    there = {one.key: one for one in back.objects.objects}
    for one in objects.objects:
        if there.get(one.key, one) != one or (one.key not in there and not _is_there(store, one)):
            raise EvidenceMismatch(f"{one.key} is not what the receipt names", device=where)


def _is_there(store: DirectoryStore, one: ObjectEntry) -> bool:
    """An object that is no part of the newest head: annotations as they were."""
    content = store.read_small(one.key, FILE_MAX)
    return content is not None and hashlib.sha256(content).digest() == one.sha256


def require_destination(identity: HostIdentity, destination: str, utc_s: int) -> None:
    """Whether this identity may sign receipts of that destination now. Raises `DocumentError`."""
    try:
        check_destination(identity.certificate, destination)
        # What it signs would not count, and be signed anew each time under another name.
        why = identity.deny_lists.denies(identity.certificate)
        require(why is None, DocumentCheck.SIGNER, f"the certificate of {destination} is denied: {why}")
        require_validity(tuple(map(read_certificate, identity.credentials.chain)), utc_s)
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE.get(refused.check, ""), what="the receipt") from refused


@contextmanager
def _errors(destination: Destination) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise destination.error(error, "signing receipts") from error


@contextmanager
def _reading() -> Iterator[None]:
    """What of one recording cannot be read makes that one not whole; the others may well be read."""
    try:
        yield
    except OSError as error:
        raise NotWhole(f"it cannot be read back: {error.strerror or error}") from error


class _Signer:
    """One run over one store."""

    def __init__(
        self, store: DirectoryStore, identity: HostIdentity, destination: str, one_site: bool, world: World
    ) -> None:
        self._store = store
        self._identity = identity
        self._destination = destination
        self._one_site = one_site
        self._world = world
        self._chain = CustodyLog(store.destination, world)
        self._keys = store.keys()
        self._believed = Believed(roots=identity.anchors, lab=identity.lab)
        self._counter: int | None = None

    def all(self, recordings: Collection[bytes] | None) -> Iterator[Signing]:
        for key in self._keys:
            if not key.endswith(MANIFEST_SUFFIX):
                continue
            name = key.removesuffix(MANIFEST_SUFFIX)
            try:
                with _reading():
                    manifest = read_manifest(self._store, name)
                if recordings is None or manifest.recording_id in recordings:
                    yield self._sign(name, manifest)
            except NotWhole as error:
                if recordings is None or any(f"_{one.hex()}_" in name for one in recordings):
                    yield NotReceipted(name, str(error))

    def _sign(self, name: str, manifest: Manifest) -> Signing:
        passed_by: list[str] = []
        try:
            with _reading():
                newest = newest_head(self._store, name, manifest, self._keys, self._believed)
            count, head = newest.count, newest.sha256
            passed_by += newest.passed_by
            back: ReadBack | None = None
            for attempt in range(1, ATTEMPTS_MAX + 1):
                stem = receipt_stem(name, head, self._destination, attempt)
                with _reading():
                    there = self._there(stem, manifest, count, head)
                if there is not None:
                    self._name_in_chain(stem, fresh=False)
                    return self._made(name, stem, there, back, passed_by, fresh=False)
                if stem + RECEIPT_SUFFIX in self._keys:
                    passed_by.append(stem + RECEIPT_SUFFIX)
                    continue
                back = back or self._read_back(name)
                made = self._make(stem, back)
                if made is not None:
                    return self._made(name, stem, made, back, passed_by, fresh=True)
                passed_by.append(stem + OBJECTS_SUFFIX)
        except NotWhole as error:
            return NotReceipted(name, str(error))
        return NotReceipted(name, "too many files that are no receipts stand under its names")

    def _read_back(self, name: str) -> ReadBack:
        with _reading():
            return read_back(self._store, name, self._keys, self._believed)

    def _there(self, stem: str, manifest: Manifest, count: int, head: bytes) -> SignedReceipt | None:
        """A receipt that stands there and counts, with its list of objects."""
        data = self._store.read_small(stem + RECEIPT_SUFFIX, RECEIPT_MAX)
        objects = None if data is None else self._store.read_small(stem + OBJECTS_SUFFIX, OBJECT_LIST_MAX)
        if data is None or objects is None:
            return None
        trust = Trust(lab=self._identity.lab, denied=self._identity.deny_lists)
        try:
            found = verify_receipt_signature(data, self._identity.anchors, trust)
            ObjectList.decode(objects)
        except DocumentRefused as refused:
            log.warning("%s does not count: %s", stem + RECEIPT_SUFFIX, refused.detail)
            return None
        receipt = found.receipt
        about = (receipt.camera, receipt.manifest_sha256, receipt.annotations, receipt.annotations_sha256)
        same = about == (manifest.camera, manifest.sha256, count, head)
        own = receipt.destination == self._destination
        return found if same and own and receipt.objects_sha256 == hashlib.sha256(objects).digest() else None

    def _make(self, stem: str, back: ReadBack) -> SignedReceipt | None:
        """Signs a receipt for what was read back; None if another list of objects, or a receipt, has its name."""
        objects = back.objects.encode()
        if not self._store.create(stem + OBJECTS_SUFFIX, objects):
            there = self._store.read_small(stem + OBJECTS_SUFFIX, OBJECT_LIST_MAX)
            if there != objects:
                return None
        utc_s = self._world.utc_ns() // 1_000_000_000
        receipt = Receipt(
            lab=self._identity.lab,
            camera=back.manifest.camera,
            recording_id=back.manifest.recording_id,
            manifest_sha256=back.manifest.sha256,
            annotations=back.annotations,
            annotations_sha256=back.annotations_sha256,
            size_bytes=back.manifest.size_bytes,
            objects_sha256=hashlib.sha256(objects).digest(),
            destination=self._destination,
            counter=self._next_counter(),
            signed_utc_s=utc_s,
            one_site=self._one_site,
        )
        try:
            require_validity(tuple(map(read_certificate, self._identity.credentials.chain)), utc_s)
            document = SignedDocument(receipt.encode()).signed_by(self._identity.credentials)
        except DocumentRefused as refused:
            raise document_error(refused, _ADVICE.get(refused.check, ""), what="the receipt") from refused
        if not self._store.create(stem + RECEIPT_SUFFIX, document.encode()):
            return None
        self._keys += [stem + OBJECTS_SUFFIX, stem + RECEIPT_SUFFIX]
        self._name_in_chain(stem, fresh=True)
        return SignedReceipt(receipt, self._identity.certificate, document.sha256)

    def _next_counter(self) -> int:
        """One above what this destination signed before, as far as this store has it."""
        if self._counter is None:
            self._counter = 0
            for key in self._keys:
                if key.endswith(RECEIPT_SUFFIX):
                    data = self._store.read_small(key, RECEIPT_MAX) or b""
                    try:
                        before = Receipt.decode(SignedDocument.decode(data).payload)
                    except DocumentRefused:
                        continue
                    if before.destination == self._destination:
                        self._counter = max(self._counter, before.counter)
        self._counter += 1
        return self._counter

    def _name_in_chain(self, stem: str, *, fresh: bool) -> None:
        facts = []
        for what, suffix in ((Recorded.OBJECTS, OBJECTS_SUFFIX), (Recorded.RECEIPT, RECEIPT_SUFFIX)):
            content = self._store.read_small(stem + suffix, OBJECT_LIST_MAX)
            if content is None:
                raise DestinationError(f"{stem + suffix} went as it was signed")
            facts.append(Fact(what, stem + suffix, hashlib.sha256(content).digest(), fresh=fresh))
        append_waiting(self._chain, facts)

    def _made(
        self,
        name: str,
        stem: str,
        signed: SignedReceipt,
        back: ReadBack | None,
        passed_by: list[str],
        *,
        fresh: bool,
    ) -> ReceiptMade:
        return ReceiptMade(
            name,
            self._store.destination.path / (stem + RECEIPT_SUFFIX),
            signed.receipt,
            signed.sha256,
            fresh,
            None if back is None else back.signed,
            tuple(passed_by),
        )

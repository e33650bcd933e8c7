"""The deny list: whom the agency no longer trusts, complete, counted, signed by its root (spec: Deny lists).

Whoever meets somebody with an older list gives it the newer one; so a list is made to be carried by anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final

from bwc_protocol.certificates.facts import CertificateFacts, lab_in_words
from bwc_protocol.certificates.profile import AGENCY_MAX, LAB_MAX, NAME_MAX
from bwc_protocol.declare import Unknown
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
)
from bwc_protocol.evidence import DIGEST_SIZE, NO_SHA256, EvidenceError
from bwc_protocol.evidence.record import Blob, Choice, Int, Items, Literal, Octets, Record, Text, keyed
from bwc_protocol.word import Word

DENIED_MAX: Final = 2_048
"""Entries of a list. Seven thousand cameras of which one in fifteen is lost each year fill it in four years; entries
of certificates that ended go when the floor rises above their end."""
DENY_LIST_MAX: Final = 262_144
"""Bytes of a document: 2,048 entries of the usual 100 bytes (180 at most), what stands before them, a signature."""
KEY_ID_MAX: Final = 64
"""Bytes of a key identifier; the usual one has 20."""
_U32: Final = 0xFFFF_FFFF


class DeniedBy(Word):
    """By what an entry knows whom it denies."""

    NAME = 1
    """Every certificate of this name, of a kind: whoever gets the name again stays denied."""
    KEY = 2
    """Every certificate of this key."""
    ISSUER = 3
    """Everything that an issuing CA has certified, by the identifier of the CA's key."""


class DeniedKind(Word):
    """What an entry is about."""

    ANY = 0
    HOST = 1
    CAMERA = 2
    STATION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Record):
    """One entry. One whose `by` a device does not know denies nothing there."""

    label: ClassVar[str] = "denied"

    by: DeniedBy | Unknown = field(metadata=keyed(0, Choice(DeniedBy), "by what"))
    kind: DeniedKind | Unknown = field(
        default=DeniedKind.ANY, metadata=keyed(1, Choice(DeniedKind), "what it is about")
    )
    name: str = field(
        default="", metadata=keyed(2, Text(NAME_MAX), "name in the certificate; of a key, for people")
    )
    key: bytes = field(
        default=b"",
        metadata=keyed(3, Octets(KEY_ID_MAX), "SHA-256 of the key; of an issuer its key's identifier"),
    )
    last_sequence: int = field(
        default=0, metadata=keyed(4, Int(0, _U32), "of a camera: its last good recording; 0 = none")
    )
    last_manifest_sha256: bytes = field(
        default=NO_SHA256,
        metadata=keyed(5, Blob(DIGEST_SIZE), "SHA-256 of the manifest of that recording; else zeros"),
    )

    def check_together(self) -> None:
        fits = {
            DeniedBy.NAME: self.name != "" and self.key == b"",
            DeniedBy.KEY: len(self.key) == DIGEST_SIZE,
            DeniedBy.ISSUER: self.key != b"" and self.kind is DeniedKind.ANY,
        }
        if isinstance(self.by, DeniedBy) and not fits[self.by]:
            raise EvidenceError("denied-by", "it does not say whom it denies in the way that it states")
        if (self.last_sequence == 0) != (self.last_manifest_sha256 == NO_SHA256):
            raise EvidenceError("denied-last", "a last recording without its manifest's hash, or the reverse")

    @property
    def order(self) -> tuple[int, bytes, bytes, int]:
        """Where the entry stands in a list; two that deny the same have the same place."""
        name = self.name.encode() if self.by is DeniedBy.NAME else b""
        kind = int(self.kind) if self.by is DeniedBy.NAME else 0
        return int(self.by), self.key, name, kind

    def means(self, certificate: CertificateFacts) -> bool:
        """Whether the entry denies this certificate."""
        match self.by:
            case DeniedBy.NAME:
                kinds = {certificate.kind, *certificate.kinds}
                return certificate.name == self.name and (
                    self.kind is DeniedKind.ANY
                    or any(kind is not None and int(kind) == int(self.kind) for kind in kinds)
                )
            case DeniedBy.KEY:
                return certificate.key_sha256 == self.key
            case DeniedBy.ISSUER:
                return self.key in (certificate.issuer_key_id, certificate.key_id)
            case Unknown():
                return False


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyList(Document):
    """A whole list: what it does not name is not denied."""

    label: ClassVar[str] = "deny-list"
    size_max: ClassVar[int] = DENY_LIST_MAX
    signatures: ClassVar[int] = 1
    closed: ClassVar[bool] = False  # so that whoever is denied by what is known is denied everywhere

    document: str = field(
        default="bwc-deny-list", metadata=keyed(0, Literal("bwc-deny-list"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    agency: str = field(metadata=keyed(3, Text(AGENCY_MAX, min=1), "name of the agency, as in its root"))
    counter: int = field(metadata=keyed(4, Int(1, _U32), "counts the agency's lists, from 1"))
    signed_utc_s: int = field(metadata=keyed(5, UTC_S, "when it was signed", unit="s"))
    floor_utc_s: int = field(
        default=0,
        metadata=keyed(
            6, UTC_S, "certificates that ended before are refused by devices; 0 = no floor", unit="s"
        ),
    )
    entries: tuple[Denied, ...] = field(
        default=(), metadata=keyed(7, Items(Denied, DENIED_MAX), "whom it denies, in rising order")
    )

    def check_together(self) -> None:
        if self.floor_utc_s > self.signed_utc_s:
            raise EvidenceError("deny-list-floor", "a floor after the time at which it was signed")
        if any(a.order >= b.order for a, b in pairwise(self.entries)):
            raise EvidenceError("deny-list-entries", "entries out of order, or one twice")

    def entry_for(self, certificate: CertificateFacts) -> Denied | None:
        """The entry that denies a certificate; of a camera it says which recordings are good all the same."""
        return next((entry for entry in self.entries if entry.means(certificate)), None)

    def denies(self, certificate: CertificateFacts) -> str | None:
        """Why a certificate is denied; None when it is not."""
        entry = self.entry_for(certificate)
        if entry is None:
            return None
        what = {DeniedBy.NAME: "its name", DeniedBy.KEY: "its key", DeniedBy.ISSUER: "its issuing CA"}
        by = what[entry.by] if isinstance(entry.by, DeniedBy) else "it"
        return f"deny list {self.counter} of {self.agency} denies {by}"


def in_order(entries: Sequence[Denied]) -> tuple[Denied, ...]:
    """Entries as a list has them: in rising order, each once, the last one of those that deny the same."""
    return tuple(sorted({entry.order: entry for entry in entries}.values(), key=lambda entry: entry.order))


def verify_deny_list(data: bytes, roots: Sequence[bytes], *, lab: str = "") -> DenyList:
    """The deny list of a document that one of the roots (DER) signed. Raises `DocumentRefused`.

    Whether it is newer than another, and may be taken from whoever brings it, is asked by `accept_deny_list`.
    """
    document = SignedDocument.decode(data)
    DenyList.require_kind(document.payload)
    root = document.root(roots, lab=lab)  # before anything else of it is read
    found = DenyList.decode(document.payload)
    require(
        found.lab == lab,
        DocumentCheck.LAB,
        f"the list is of {lab_in_words(found.lab)}, this end of {lab_in_words(lab)}",
    )
    require(
        found.agency == root.agency,
        DocumentCheck.AGENCY,
        f"the list is of {found.agency!r}, the root that signed it of {root.agency!r}",
    )
    return found


def accept_deny_list(
    data: bytes,
    roots: Sequence[bytes],
    *,
    lab: str = "",
    held: DenyList | None,
    carrier: CertificateFacts | None,
    last_dock_issuer: bytes = b"",
) -> DenyList:
    """A deny list that takes the place of `held`: verified, newer, and no trap.

    `carrier` is who brings it (None: it comes with an enrolment), `last_dock_issuer` identifies the key of the CA that
    certified the last dock that came in. A list that denies either is refused: it would shut out whoever could bring a
    better one. Raises `DocumentRefused`.
    """
    found = verify_deny_list(data, roots, lab=lab)
    require(
        held is None or found.counter > held.counter,
        DocumentCheck.COUNTER,
        f"list {found.counter} is not newer than list {held.counter if held else 0}, which is held",
    )
    if carrier is not None:
        denied = found.denies(carrier)
        require(denied is None, DocumentCheck.CARRIER, f"it denies who brings it, {carrier.name}: {denied}")
        require(
            carrier.not_after_s >= found.floor_utc_s,
            DocumentCheck.CARRIER,
            f"its floor shuts out who brings it, {carrier.name}",
        )
    require(
        not any(entry.by is DeniedBy.ISSUER and entry.key == last_dock_issuer for entry in found.entries),
        DocumentCheck.ISSUER,
        "it denies the CA by which the last dock came in; let a dock of the new CA come first",
    )
    return found

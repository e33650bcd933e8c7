"""Waivers: somebody of the department lets one rule of one agency be as it is, for a reason and until a day.

A waiver is for exactly the two values that it was signed for: of any other it says nothing.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
    require_validity,
)
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.evidence.record import Blob, Int, Literal, Text, keyed
from bwc_sdk.errors import InvalidValue
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.identity.document_files import document_error
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.policy.demands import WORD_MAX, Demand
from bwc_sdk.policy.order import canonical
from bwc_sdk.policy.pack import ID_MAX, canonical_json

WAIVER_MAX: Final = 6_144
"""Bytes of a document: a payload of at most 1,100, and one signature with two certificates."""
REASON_MAX: Final = 600
"""Bytes of a reason: some sentences."""
SIGNED_BY: Final = Role.AUDITOR
"""Whoever looks and changes nothing: not the technician who would have to do what is waived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver(Document):
    """Which rule of whose policy, why, and until when."""

    label: ClassVar[str] = "policy-waiver"
    size_max: ClassVar[int] = WAIVER_MAX
    signatures: ClassVar[int] = 1

    document: str = field(
        default="bwc-policy-waiver", metadata=keyed(0, Literal("bwc-policy-waiver"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    agency: str = field(metadata=keyed(3, Text(ID_MAX, min=1), "policy whose rule is let be"))
    department: str = field(metadata=keyed(4, Text(ID_MAX, min=1), "policy that asks for more"))
    rule: str = field(metadata=keyed(5, Text(WORD_MAX, min=1), "rule"))
    values_sha256: bytes = field(metadata=keyed(6, Blob(32), "SHA-256 of the two values"))
    reason: str = field(metadata=keyed(7, Text(REASON_MAX, min=1), "why"))
    until: str = field(metadata=keyed(8, Text(10, min=10), "last day, as YYYY-MM-DD"))
    signed_utc_s: int = field(metadata=keyed(9, UTC_S, "when it was signed", unit="s"))


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver that holds."""

    rule: str
    values_sha256: bytes
    reason: str
    until: datetime.date
    signer: str

    def plain(self) -> dict[str, Any]:
        """As a document has it."""
        return {
            "rule": self.rule,
            "reason": self.reason,
            "until": self.until.isoformat(),
            "by": self.signer,
        }


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A file that was taken for a waiver, and what became of it."""

    file: str
    sha256: str
    waived: Waived | None
    why_not: str = ""

    def plain(self) -> dict[str, Any]:
        """As a document has it."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "holds": self.waived is not None,
            "why_not": self.why_not,
            "waived": None if self.waived is None else self.waived.plain(),
        }


def value_sha256(ours: Demand | None, theirs: Demand | None) -> bytes:
    """What a waiver is bound to: the two values, however they are written."""
    both = [
        None if one is None else one.model_dump(mode="json") for one in (canonical(ours), canonical(theirs))
    ]
    return hashlib.sha256(canonical_json(both)).digest()


def sign_waiver(
    identity: HostIdentity,
    *,
    agency: str,
    department: str,
    rule: str,
    values: bytes,
    reason: str,
    until: datetime.date,
    utc_s: int,
) -> bytes:
    """A waiver, signed by an auditor of the department. Raises `InvalidValue`, `DocumentError`, `IdentityError`."""
    try:
        payload = Waiver(
            lab=identity.lab,
            agency=agency,
            department=department,
            rule=rule,
            values_sha256=values,
            reason=reason,
            until=until.isoformat(),
            signed_utc_s=utc_s,
        ).encode()
    except EvidenceError as error:
        raise InvalidValue(f"that is no waiver: {error}") from error
    try:
        _check_signer(identity.certificate)
        require_validity(tuple(map(read_certificate, identity.credentials.chain)), utc_s)
    except DocumentRefused as refused:
        advice = "sign by an identity that has the role auditor: --identity names its key files"
        raise document_error(refused, advice, what="the waiver") from refused
    return SignedDocument(payload).signed_by(identity.credentials).encode()


def look_at_waiver(
    data: bytes, file: str, believed: Believed | None, *, agency: str, department: str, on: datetime.date
) -> WaiverUse:
    """What a file does for a comparison on a day. Whatever is wrong with it is said, and it waives nothing."""
    named = hashlib.sha256(data).hexdigest()
    if believed is None:
        return WaiverUse(file, named, None, "no root is believed here that could have signed it")
    try:
        waiver, signer = verify_waiver(
            data, believed.roots, Trust(lab=believed.lab, denied=believed.deny_list)
        )
        until = datetime.date.fromisoformat(waiver.until)
    except DocumentRefused as refused:
        return WaiverUse(file, named, None, f"{refused.check}: {refused.detail}")
    except ValueError:
        return WaiverUse(file, named, None, "its last day is none")
    if (waiver.agency, waiver.department) != (agency, department):
        return WaiverUse(file, named, None, f"it is for {waiver.agency} against {waiver.department}")
    if on > until:
        return WaiverUse(file, named, None, f"it ended on {until}")
    return WaiverUse(
        file, named, Waived(waiver.rule, waiver.values_sha256, waiver.reason, until, signer.name)
    )


def verify_waiver(data: bytes, roots: Sequence[bytes], trust: Trust) -> tuple[Waiver, CertificateFacts]:
    """The waiver of a document, and who signed it. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    Waiver.require_kind(document.payload)
    (signer,) = document.signers(roots, trust, count=1)  # before anything else of it is read
    waiver = Waiver.decode(document.payload)
    require(waiver.lab == trust.lab, DocumentCheck.LAB, "the waiver is of another lab, or of none")
    _check_signer(signer)
    require_validity((signer, *document.issuers()), waiver.signed_utc_s)
    return waiver, signer


def _check_signer(signer: CertificateFacts) -> None:
    require(
        SIGNED_BY in signer.roles,
        DocumentCheck.ROLE,
        f"{signer.name} has {signer.roles}; a waiver is signed under {SIGNED_BY}",
    )

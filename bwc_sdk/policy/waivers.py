"""Waivers: somebody of the department lets one rule of one agency be as it is, for a reason and until a day.

A waiver is for exactly the two values that it was signed for: of any other it says nothing.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from bwc_protocol.certificates.checks import Denies, Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import DOCUMENT_VERSION, UTC_S, Document
from bwc_protocol.evidence.record import Blob, Int, Literal, Text, keyed
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.policy import auditor_signed
from bwc_sdk.policy.demands import WORD_MAX, Demand
from bwc_sdk.policy.order import canonical
from bwc_sdk.policy.pack import ID_MAX, canonical_json

WAIVER_MAX: Final = 6_144
"""Bytes of a document: a payload of at most 1,100, and one signature with two certificates."""
REASON_MAX: Final = 600
"""Bytes of a reason: some sentences."""


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
    lab: str = ""
    """Id of the lab that signed; of an agency empty."""

    @property
    def by(self) -> str:
        """Who signed, for people."""
        return auditor_signed.signer_text(self.signer, self.lab)

    def plain(self) -> dict[str, Any]:
        """As a document has it."""
        return {
            "rule": self.rule,
            "reason": self.reason,
            "until": self.until.isoformat(),
            "by": self.signer,
            "lab": self.lab,
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

    def make() -> Waiver:
        return Waiver(
            lab=identity.lab,
            agency=agency,
            department=department,
            rule=rule,
            values_sha256=values,
            reason=reason,
            until=until.isoformat(),
            signed_utc_s=utc_s,
        )

    return auditor_signed.sign(identity, make, what="waiver")


def look_at_waiver(
    data: bytes,
    file: str,
    believed: Believed | None,
    *,
    agency: str,
    department: str,
    on: datetime.date,
    denied: Denies | None = None,
) -> WaiverUse:
    """What a file does for a comparison on a day. Whatever is wrong with it is said, and it waives nothing. `denied`
    are deny lists; without, that of `believed`."""
    named = hashlib.sha256(data).hexdigest()
    if believed is None:
        return WaiverUse(file, named, None, auditor_signed.NOBODY_BELIEVED)
    try:
        trust = Trust(lab=believed.lab, denied=believed.deny_list if denied is None else denied)
        waiver, signer = verify_waiver(data, believed.roots, trust)
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
        file, named, Waived(waiver.rule, waiver.values_sha256, waiver.reason, until, signer.name, waiver.lab)
    )


def verify_waiver(data: bytes, roots: Sequence[bytes], trust: Trust) -> tuple[Waiver, CertificateFacts]:
    """The waiver of a document, and who signed it. Raises `DocumentRefused`."""
    waiver, signer, _ = auditor_signed.read(data, Waiver, roots, trust, what="waiver")
    return waiver, signer

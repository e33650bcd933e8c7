"""What a verification of a store has to say: a closed set of findings, each with a sentence for whoever keeps it.

Which they are is told in the specification (spec: Verifying a store).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Severity(enum.StrEnum):
    """How much a finding says against the store."""

    ERROR = "error"
    """Something is not what was recorded, or is missing."""
    WARNING = "warning"
    """Nothing is wrong as far as it can be seen, and it cannot all be seen."""
    NOTE = "note"
    """Nobody needs to do anything."""


class FindingKind(enum.StrEnum):
    """What was found, and what that means for whoever keeps the store."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> FindingKind:
        """A member is its name; its meaning stands beside it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    MANIFEST_MISSING = (
        "manifest-missing",
        "There are files of this recording, and no manifest that says what they should be.",
    )
    MANIFEST_DAMAGED = (
        "manifest-damaged",
        "The manifest is not what a camera writes: it was damaged or changed.",
    )
    MANIFEST_OF_ANOTHER = (
        "manifest-of-another",
        "The files bear the name of another recording, or of another form of this one.",
    )
    SIGNATURE_MISSING = (
        "signature-missing",
        "The camera had signed this recording, and its signature is gone.",
    )
    SIGNATURE_WRONG = (
        "signature-wrong",
        "The signature is not by this camera over this manifest.",
    )
    SIGNER_DENIED = (
        "signer-denied",
        "The agency has denied whoever signed this, and nothing shows that it was signed before.",
    )
    SIGNER_TIME = (
        "signer-time",
        "The camera's certificate was not valid at the time at which it signed this.",
    )
    UNSIGNED = (
        "unsigned",
        "No camera has signed this recording: hashes alone show that its files belong together.",
    )
    TABLE_MISSING = (
        "table-missing",
        "The table of hashes of a segment is gone, and with it what its footage is compared with.",
    )
    TABLE_DAMAGED = (
        "table-damaged",
        "The table of hashes of a segment is not the one that the manifest names.",
    )
    FOOTAGE_MISSING = (
        "footage-missing",
        "A segment of the recording is not here.",
    )
    FOOTAGE_SIZE = (
        "footage-size",
        "A segment is shorter or longer than what was recorded.",
    )
    FOOTAGE_DAMAGED = (
        "footage-damaged",
        "Bytes of a segment are not what was recorded.",
    )
    ANNOTATIONS_WRONG = (
        "annotations-wrong",
        "What is said of the recording here was damaged or changed, or is not its camera's.",
    )
    TOMBSTONE_WRONG = (
        "tombstone-wrong",
        "What says that the camera erased the recording was damaged or changed, or is not its camera's.",
    )
    ANNOTATIONS_MISSING = (
        "annotations-missing",
        "A destination had more that was said of the recording than is here.",
    )
    RECEIPT_WRONG = (
        "receipt-wrong",
        "A receipt was damaged or changed, is not its destination's, or is for something else than what is here.",
    )
    RECEIPT_DENIED = (
        "receipt-denied",
        "The certificate of the destination that signed a receipt is withdrawn by now: the receipt counts no more.",
    )
    RECEIPT_OLD = (
        "receipt-old",
        "More was said of the recording since a receipt was signed: for a camera it counts no more.",
    )
    RECEIPT_MISSING = (
        "receipt-missing",
        "A receipt is spoken of that is not here.",
    )
    OBJECTS_MISSING = (
        "objects-missing",
        "The list of objects that a receipt names is gone.",
    )
    OBJECTS_WRONG = (
        "objects-wrong",
        "A list of objects was damaged or changed, or does not have all of the recording.",
    )
    OBJECT_DISAGREES = (
        "object-disagrees",
        "A file that a destination receipted is gone, or is not what it was then.",
    )
    DERIVATION_WRONG = (
        "derivation-wrong",
        "What says what a copy was made from was damaged or changed, or is about another recording.",
    )
    DERIVATION_MISSING = (
        "derivation-missing",
        "Nothing says what a copy was made from.",
    )
    COPY_MISSING = (
        "copy-missing",
        "A copy that was made from the recording is gone.",
    )
    COPY_DAMAGED = (
        "copy-damaged",
        "A copy that was made from the recording is not what was registered.",
    )
    CUSTODY_MISSING = (
        "custody-missing",
        "Nothing says how and when a segment came here.",
    )
    CUSTODY_DAMAGED = (
        "custody-damaged",
        "What says how a segment came here is damaged, or speaks of another one.",
    )
    CUSTODY_CHAIN_BROKEN = (
        "custody-chain-broken",
        "The record of what hosts did here was changed, or a part of it was taken out.",
    )
    CUSTODY_CHAIN_DISAGREES = (
        "custody-chain-disagrees",
        "A file that a host recorded here is gone, or is not what it was then.",
    )
    CLOCK_OFF = (
        "clock-off",
        "The camera's clock was further off than the camera stated: the times of the recording are wrong, and its "
        "footage is not.",
    )
    CLOCK_UNSET = (
        "clock-unset",
        "The camera did not know the time when it recorded this: its stamps give order and length alone.",
    )
    CLOCK_OFFSET_UNKNOWN = (
        "clock-offset-unknown",
        "How far the camera's clock was off at the recording is not known: what was measured later does not tell.",
    )
    RECORDINGS_MISSING = (
        "recordings-missing",
        "The camera numbered recordings that are not here, and nothing says that they were erased.",
    )
    CHAIN_BROKEN = (
        "chain-broken",
        "A recording was made after another one than the one that is here under the number before.",
    )
    NUMBER_TWICE = (
        "number-twice",
        "Two different recordings claim the same number of one camera.",
    )
    UNREADABLE = (
        "unreadable",
        "A file cannot be read.",
    )
    WRAPS_WRONG = (
        "wraps-wrong",
        "A key that was wrapped anew was damaged or changed, or is another recipient's.",
    )
    EXPORT_WRONG = (
        "export-wrong",
        "What says that something was given to others was damaged or changed.",
    )
    LEFT_OUT = (
        "left-out",
        "Whoever exported this says that he left it out; nobody else says so.",
    )
    LEFT_OUT_WRONG = (
        "left-out-wrong",
        "What says what was left out of an export was damaged or changed.",
    )
    FOREIGN = (
        "foreign",
        "No offload has put this file here.",
    )
    UNFINISHED = (
        "unfinished",
        "An offload is under way, or was interrupted: the footage is still on its camera.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found."""

    kind: FindingKind
    severity: Severity
    detail: str
    """What exactly, in words."""
    store: str
    """Path of the store."""
    file: str = ""
    """Name of the file in it, where one is concerned."""
    camera: str = ""
    recording: str = ""
    """Its id, in hexadecimal digits."""
    sequence: int | None = None
    segment: int | None = None
    chunks: tuple[int, int] | None = None
    """The first and the last chunk of a stretch, from 0."""


class Verdict(enum.StrEnum):
    """What a store is worth after a verification."""

    VERIFIED = "verified"
    """Every file is what a camera of the agency signed."""
    PART = "verified in part"
    """Every file is what a camera of the agency signed; the rest was left out, by the word of whoever exported this."""
    HASHES_ONLY = "hashes only"
    """All files belong together; whether a camera made them, nobody has shown."""
    FINDINGS = "findings"
    """Something is wrong."""
    EMPTY = "empty"
    """There is no recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verification found."""

    findings: tuple[Finding, ...]
    recordings: int
    segments: int
    bytes_hashed: int
    """Footage that was read and hashed; none of a quick verification."""
    signed: int
    """Recordings whose signature verifies."""
    quick: bool
    """Whether footage was left out."""
    receipts: int = 0
    """Receipts that are whole, and signed by whom they have to be as far as somebody is believed."""
    one_site: int = 0
    """Those of them by a host that is dock and destination: nobody else has seen that copy."""
    left_out: int = 0
    """Recordings, and files of recordings, of which an export says that it does not have them."""
    cameras: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each camera the lowest and the highest number of its recordings here."""

    @property
    def verdict(self) -> Verdict:
        """The whole in one word; what a quick verification left out is told beside it."""
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            return Verdict.FINDINGS
        if not self.recordings:
            return Verdict.EMPTY
        if self.signed != self.recordings:
            return Verdict.HASHES_ONLY
        return Verdict.PART if self.left_out else Verdict.VERIFIED

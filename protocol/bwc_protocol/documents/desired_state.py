"""Desired state: configuration and assignment that a camera is to have, signed by a technician (spec: Desired state).

Docks deliver it and author nothing: the camera believes the signature, not the carrier. The counter, above that of the
state that the camera took last, keeps an older one from coming back; the generation does so where a reset of the
camera let its counter begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
    require_validity,
)
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.evidence.record import Int, Items, Literal, Maybe, Name, Record, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX

SETTINGS_MAX: Final = 512
"""Settings that a schema may have (spec: Configuration)."""
KEY_MAX: Final = 64
"""Characters of a setting's name, as on the wire."""
VALUE_MAX: Final = 128
"""Bytes of a text or a choice, as on the wire."""
WORDS_MAX: Final = 64
"""Bytes of an officer, a unit and a profile's name, as on the wire."""
DESIRED_MAX: Final = 114_688
"""Bytes of a document: 512 settings of at most 203 bytes, what stands before them, and a signature."""
_NUMBER: Final = Int(-(1 << 63), (1 << 63) - 1)
_TEXT: Final = Text(VALUE_MAX)


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting's value: true or false, an integer of 64 bits, or a text; the camera's schema says which it takes."""

    def check(self, value: Any) -> str:
        if type(value) is bool:
            return ""
        return (_TEXT if type(value) is str else _NUMBER).check(value)

    def to_cbor(self, value: Any) -> Any:
        return value

    def from_cbor(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredSetting(Record):
    """One setting."""

    label: ClassVar[str] = "desired-setting"
    closed: ClassVar[bool] = True

    key: str = field(metadata=keyed(0, Name(KEY_MAX), "dotted name"))
    value: bool | int | str = field(metadata=keyed(1, SettingValue(), "value"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredAssignment(Record):
    """Who is to carry the camera."""

    label: ClassVar[str] = "desired-assignment"
    closed: ClassVar[bool] = True

    officer: str = field(
        metadata=keyed(0, Text(WORDS_MAX), "officer, by the agency's identifier; empty = nobody")
    )
    unit: str = field(default="", metadata=keyed(1, Text(WORDS_MAX), "unit"))

    def check_together(self) -> None:
        if self.officer != self.officer.strip() or (self.unit and not self.officer):
            raise EvidenceError(
                "desired-assignment-officer", "blanks around it, or a unit without an officer"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState(Document):
    """What one camera is to be set to. Settings that it does not name stay as they are."""

    label: ClassVar[str] = "desired-state"
    size_max: ClassVar[int] = DESIRED_MAX
    signatures: ClassVar[int] = 1

    document: str = field(
        default="bwc-desired-state", metadata=keyed(0, Literal("bwc-desired-state"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    camera: str = field(metadata=keyed(3, Text(CAMERA_MAX, min=1), "identity of the camera"))
    counter: int = field(metadata=keyed(4, Int(1, 0xFFFF_FFFF), "counts the camera's desired states, from 1"))
    signed_utc_s: int = field(metadata=keyed(5, UTC_S, "when it was signed", unit="s"))
    profile: str = field(default="", metadata=keyed(6, Text(WORDS_MAX), "name of the profile, for the log"))
    settings: tuple[DesiredSetting, ...] = field(
        default=(),
        metadata=keyed(7, Items(DesiredSetting, SETTINGS_MAX), "settings, in the order of their names"),
    )
    assignment: DesiredAssignment | None = field(
        default=None, metadata=keyed(8, Maybe(DesiredAssignment), "assignment; null = it stays as it is")
    )
    generation: int = field(
        default=0, metadata=keyed(9, Int(0, 0xFFFF_FFFF), "generation of the camera that it is for")
    )

    def check_together(self) -> None:
        if any(a.key >= b.key for a, b in pairwise(self.settings)):
            raise EvidenceError("desired-state-settings", "settings out of order, or one twice")


@dataclass(frozen=True, slots=True)
class SignedDesiredState:
    """A desired state that a camera is to take, and whose it is."""

    state: DesiredState
    signer: CertificateFacts
    sha256: bytes
    """Names the document in the log."""


def verify_desired_state(
    data: bytes, roots: Sequence[bytes], trust: Trust, *, camera: str, generation: int, last_counter: int
) -> SignedDesiredState:
    """The desired state of a document, to be taken by `camera`, which was reset `generation` times and took
    `last_counter` last since (0 = none).

    Raises `DocumentRefused`. Whether the camera's schema has such settings is judged by whoever applies it.
    """
    document = SignedDocument.decode(data)
    DesiredState.require_kind(document.payload)
    (signer,) = document.signers(roots, trust, count=1)  # before anything else of it is read
    state = DesiredState.decode(document.payload)
    require(state.lab == trust.lab, DocumentCheck.LAB, "the document is of another lab, or of none")
    check_author(signer)
    require_validity((signer, *document.issuers()), state.signed_utc_s)
    require(state.camera == camera, DocumentCheck.DEVICE, f"it is for {state.camera}, this is {camera}")
    require(
        state.generation == generation,
        DocumentCheck.GENERATION,
        f"it is for generation {state.generation} of this camera, which is in {generation}",
    )
    require(
        state.counter > last_counter,
        DocumentCheck.COUNTER,
        f"counter {state.counter} is not above {last_counter}, which this camera took last",
    )
    return SignedDesiredState(state, signer, document.sha256)


def check_author(signer: CertificateFacts) -> None:
    """Whether this person may sign a desired state. Raises `DocumentRefused`."""
    require(
        Role.TECHNICIAN in signer.roles,
        DocumentCheck.ROLE,
        f"{signer.name} has {signer.roles}; a desired state is signed under {Role.TECHNICIAN}",
    )

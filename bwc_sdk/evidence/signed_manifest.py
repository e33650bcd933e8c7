"""A manifest with its signature, as a camera gives it or a store has it (spec: Signatures of recordings)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bwc_protocol.evidence import Manifest
from bwc_sdk.errors import EvidenceMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bwc_protocol.certificates.facts import CertificateFacts


class ManifestSigned(enum.StrEnum):
    """What is known of the signature of a manifest."""

    VERIFIED = "verified"
    """The camera that the manifest names signed it, by the roots that were held."""
    ABSENT = "absent"
    """There is none: nobody says that the camera stated this."""
    NOT_CHECKED = "not checked"
    """In a session without certificates nobody can be asked for."""


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """The manifest, its bytes, and the signature over them."""

    manifest: Manifest
    data: bytes = field(repr=False)
    """The manifest byte for byte as it was closed."""
    signature: bytes = field(repr=False)
    """COSE_Sign1 over `data`; empty where there is none. Nothing of it is verified."""

    def signed_by(self, roots: Sequence[bytes], lab: str = "") -> CertificateFacts:
        """The certificate of the camera that signed: its chain leads to one of the roots (DER), it is of this lab or
        of none, and of the camera that the manifest names. Whether it was valid then is another question.

        Raises `EvidenceMismatch`, also where there is no signature.
        """
        from bwc_protocol.documents.device_statement import verify_device_statement
        from bwc_protocol.documents.refusal import DocumentRefused

        try:
            return verify_device_statement(
                self.data, self.signature, roots, lab=lab, camera=self.manifest.camera
            )
        except DocumentRefused as refused:
            rule = f"recording {self.manifest.sequence}: the signature of the manifest is not good: {refused}"
            raise EvidenceMismatch(
                rule,
                device=self.manifest.camera,
                advice="trying again does not help: keep the camera as it is, and have it examined; "
                "'bwc recordings show' tells what it states",
            ) from refused

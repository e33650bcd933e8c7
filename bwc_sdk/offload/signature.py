"""What an offload makes of a manifest's signature: in a secure session it has to be this camera's, if there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.evidence.signed_manifest import ManifestSigned, SignedManifest
from bwc_sdk.identity.host_identity import HostIdentity


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """The signature of a manifest, and what is known of it; only one that is `VERIFIED` is stored."""

    found: SignedManifest
    signed: ManifestSigned
    roots: tuple[bytes, ...] = field(default=(), repr=False)
    lab: str = ""

    @classmethod
    def check(cls, found: SignedManifest, identity: HostIdentity | None) -> Self:
        """Verifies it by the roots of this host's identity; None: the session has none, and nothing is checked.

        Raises `EvidenceMismatch` for one that is there and is not the camera's.
        """
        if identity is None:
            return cls(found, ManifestSigned.NOT_CHECKED)
        if not found.signature:
            return cls(found, ManifestSigned.ABSENT)  # footage first: it is stored, and said
        found.signed_by(identity.anchors, identity.lab)
        return cls(found, ManifestSigned.VERIFIED, identity.anchors, identity.lab)

    @property
    def content(self) -> bytes:
        """What is stored beside the manifest; empty for nothing."""
        return self.found.signature if self.signed is ManifestSigned.VERIFIED else b""

    def holds(self, other: bytes) -> bool:
        """Whether another signature, which is there already, is as good: of one signature anybody can make a second,
        and a certificate may have been renewed since."""
        if other == self.found.signature:
            return True
        try:
            SignedManifest(self.found.manifest, self.found.data, other).signed_by(self.roots, self.lab)
        except EvidenceMismatch:
            return False
        return True

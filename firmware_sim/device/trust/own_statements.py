"""A device's signatures over what it states: made by its key of today, verified by the roots of its agency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware_sim.device.trust.kept import KeptTrust
from firmware_sim.flash.flash import StateError

if TYPE_CHECKING:
    from bwc_protocol.evidence.sign1 import Signer


@dataclass(frozen=True, slots=True)
class OwnStatements:
    """Of one device. `kept` is its trust as its flash has it: a certificate that was renewed since verifies as well."""

    serial: str
    kept: KeptTrust
    signer: Callable[[], Signer | None]

    @property
    def lab(self) -> str:
        """The lab that the device belongs to; empty for an agency, or none."""
        from bwc_protocol.certificates.facts import read_certificate

        return read_certificate(self.kept.chain[0]).lab if self.kept.chain else ""

    def sign(self, payload: bytes) -> bytes:
        """A signature over the payload; empty of a device that belongs to no agency."""
        from bwc_protocol.evidence import sign1

        signer = self.signer()
        return sign1.sign(payload, signer) if signer is not None else b""

    def check(self, payload: bytes, signature: bytes) -> None:
        """Raises `StateError` unless the signature is this device's over exactly this payload."""
        from bwc_protocol.documents.device_statement import verify_device_statement
        from bwc_protocol.documents.refusal import DocumentRefused

        if not self.kept.chain:
            if signature:
                raise StateError("it is signed, by a device that belongs to no agency")
            return
        if not signature:
            raise StateError("its signature is missing")
        try:
            verify_device_statement(payload, signature, self.kept.roots, lab=self.lab, camera=self.serial)
        except DocumentRefused as refused:
            raise StateError(f"its signature does not verify: {refused}") from refused

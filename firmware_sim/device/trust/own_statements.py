"""A device's signatures over what it states: made by its key of today, verified by the roots of its agency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware_sim.device.trust.kept import KeptTrust
from firmware_sim.device.trust.trust import DeviceTrust
from firmware_sim.flash.flash import StateError


@dataclass(frozen=True, slots=True)
class OwnStatements:
    """Of one device.

    `kept` is its trust as its flash has it when its recordings are read: a certificate that was renewed since
    verifies as well. It is for that alone. Until the next boot the device may be enrolled: what it signs is by
    `trust`, as that is then.
    """

    serial: str
    kept: KeptTrust
    trust: Callable[[], DeviceTrust | None]

    def sign(self, stated: Callable[[str], bytes]) -> bytes:
        """A signature over what is stated by the device's lab; empty of a device that belongs to no agency."""
        from bwc_protocol.evidence import sign1

        trust = self.trust()
        if trust is None or trust.signer is None:
            return b""
        return sign1.sign(stated(trust.lab), trust.signer)

    def check(self, stated: Callable[[str], bytes], signature: bytes) -> None:
        """Raises `StateError` unless the signature is this device's over exactly what is stated by its lab."""
        from bwc_protocol.certificates.facts import read_certificate
        from bwc_protocol.documents.device_statement import verify_device_statement
        from bwc_protocol.documents.refusal import DocumentRefused

        if not self.kept.chain:
            if signature:
                raise StateError("it is signed, by a device that belongs to no agency")
            return
        if not signature:
            raise StateError("its signature is missing")
        lab = read_certificate(self.kept.chain[0]).lab
        try:
            verify_device_statement(stated(lab), signature, self.kept.roots, lab=lab, camera=self.serial)
        except DocumentRefused as refused:
            raise StateError(f"its signature does not verify: {refused}") from refused

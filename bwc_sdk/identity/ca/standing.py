"""What a CA has issued, and what of it ends next."""

from __future__ import annotations

from dataclasses import dataclass

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_sdk.identity.ca.authority import Denials
from bwc_sdk.identity.ca.register import Register


@dataclass(frozen=True, slots=True)
class Holder:
    """The newest certificate of a host, device or issuing CA."""

    facts: CertificateFacts
    denied: str
    """Why it is denied; "" when it is not."""

    @property
    def what(self) -> str:
        """A role, a kind of device, or `issuing CA`."""
        from bwc_protocol.word import label

        if self.facts.is_ca:
            return "root" if self.facts.path_length else "issuing CA"
        if self.facts.roles:
            return " ".join(label(role) for role in self.facts.roles)
        return self.facts.kind.name.lower() if self.facts.kind is not None else "unknown"

    def days_left(self, now_s: int) -> int:
        """Whole days until it ends; below zero, since it ended."""
        return (self.facts.not_after_s - now_s) // 86_400


def holders(register: Register, *, superseded: bool = False) -> list[Holder]:
    """Who holds a certificate, the one that ends next first.

    Of several certificates of one name and role only the newest counts, unless `superseded` ones are wanted, too.
    """
    from bwc_protocol.certificates.facts import read_certificate

    begun = register.begun
    found = [register.issuing, *(read_certificate(der) for der in (begun.root, begun.standby))]
    issued = register.issued()
    if superseded:
        found += issued
    else:
        found += {(one.name, one.roles, one.kinds): one for one in issued}.values()
    denials = Denials(register)
    return sorted(
        (Holder(facts, denials.of(facts) or "") for facts in found),
        key=lambda holder: (holder.facts.not_after_s, holder.facts.name),
    )


def find(register: Register, *, name: str = "", serial: int = 0) -> list[CertificateFacts]:
    """The certificates of a name, or the one of a serial number, the newest last."""
    if name:
        return register.issued_to(name)
    return [one for one in register.issued() if one.serial == serial]

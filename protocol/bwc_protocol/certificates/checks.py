"""Whether a peer's certificate is enough, beyond the signatures that TLS verifies itself (spec: Certificates, Checks).

Times are not among them: a device has no clock to be trusted and knows only a floor; a host judges them by `standing`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_protocol.certificates.facts import CertificateFacts, lab_in_words
from bwc_protocol.certificates.profile import CLIENT_AUTH, CURVE, ECDSA_SHA256, SERVER_AUTH
from bwc_protocol.declare import ANYONE, NO_ROLE, Role
from bwc_protocol.vocabulary import PeerKind


class Check(enum.StrEnum):
    """What each end holds against the other's handshake and certificate; which one failed is said by name."""

    PROTOCOL = "protocol"
    """TLS 1.3, and nothing that it allows and this protocol does not."""
    CHAIN = "chain"
    """Leaf, issuing CA and a root that this end holds as anchor, each signed by the next."""
    CIPHER = "cipher"
    """AES in Galois/Counter Mode."""
    FORM = "form"
    """The certificate can be read, and says each thing once."""
    KEY = "key"
    """A key on P-256, certified by ECDSA with SHA-256."""
    PURPOSE = "purpose"
    """No CA; may sign; an explicit purpose: a server's for hosts, a client's for devices."""
    ISSUER = "issuer"
    """It names its issuer's key."""
    LAB = "lab"
    """Of the same lab, or of none."""
    KIND = "kind"
    """A host to a device; to a host the kind of device that its preamble names."""
    ROLE = "role"
    """A role under which there are sessions; `destination` alone."""
    FLOOR = "floor"
    """It did not end before the device's firmware was built, nor before the floor that the agency's root has signed."""
    DENIED = "denied"
    """Not in the agency's deny list, by name, key or issuer."""
    LOCKED = "locked"
    """A device in service does not take the role `bench`."""
    FACTORY = "factory"
    """The factory's certificate in an enrolment, and only there."""
    BINDING = "binding"
    """SESSION_INFO names the same preambles, version, name and kind, and roles that the certificate has."""
    TIME = "time"
    """It has not ended, by a host that knows its own time."""


class PeerRefused(Exception):
    """A check did not hold."""

    def __init__(self, check: Check, detail: str) -> None:
        super().__init__(detail)
        self.check = check
        self.detail = detail


class Standing(enum.Enum):
    """What a certificate that is in order is worth at a time."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    FACTORY = "factory"
    """It says which device this is, and nothing else: the device belongs to no agency."""


class Denies(Protocol):
    """A deny list, as far as it is asked here."""

    def denies(self, certificate: CertificateFacts) -> str | None:
        """Why the certificate is denied; None when it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What one end holds its peer against."""

    lab: str = ""
    """The lab that it belongs to; "" for a real agency."""
    floor_s: int = 0
    """Certificates that ended before this time are refused, in seconds since 1970; 0 at a host."""
    denied: Denies | None = None
    refused_roles: Role = NO_ROLE
    """Roles that this device does not take."""
    kind: PeerKind = PeerKind.HOST
    """What the peer has to be."""
    factory: bool = False
    """Whether the peer has to show a certificate from its factory instead of an agency's."""


Verdict = str | None
"""What does not hold; None when it does."""


def _key(facts: CertificateFacts, trust: Trust) -> Verdict:
    if facts.curve != CURVE:
        return f"its key is on {facts.curve or 'no curve'}, not on {CURVE}"
    return (
        None if facts.signature == ECDSA_SHA256 else f"its signature is {facts.signature}, not {ECDSA_SHA256}"
    )


def _purpose(facts: CertificateFacts, trust: Trust) -> Verdict:
    if facts.is_ca:
        return "it is the certificate of a CA"
    if not facts.signs:
        return "its key usage does not let it sign"
    needed, name = (SERVER_AUTH, "serverAuth") if trust.kind is PeerKind.HOST else (CLIENT_AUTH, "clientAuth")
    return None if needed in facts.purposes else f"it is not for {name}"


def _issuer(facts: CertificateFacts, trust: Trust) -> Verdict:
    return None if facts.issuer_key_id else "it does not name its issuer's key"


def _lab(facts: CertificateFacts, trust: Trust) -> Verdict:
    if facts.factory or facts.lab == trust.lab:
        return None
    return f"it is of {lab_in_words(facts.lab)}, this end of {lab_in_words(trust.lab)}"


def _factory(facts: CertificateFacts, trust: Trust) -> Verdict:
    if facts.factory == trust.factory:
        return None
    return "it is from a factory and gives no access" if facts.factory else "it is not from a factory"


def _kind(facts: CertificateFacts, trust: Trust) -> Verdict:
    if facts.kind is trust.kind:
        return None
    its = f"of a {facts.kind.name.lower()}" if facts.kind is not None else "of no kind of peer"
    return f"it is {its}, not of a {trust.kind.name.lower()}"


def _role(facts: CertificateFacts, trust: Trust) -> Verdict:
    if trust.kind is not PeerKind.HOST:
        return None
    if not facts.roles & ANYONE:
        return f"it has no role for a session, but {facts.roles}"
    if Role.DESTINATION in facts.roles and facts.roles != Role.DESTINATION:
        return f"destination stands alone in a certificate, and this one has {facts.roles}"
    return None


def _floor(facts: CertificateFacts, trust: Trust) -> Verdict:
    return None if facts.not_after_s >= trust.floor_s else "it ended before the floor of this device"


def _denied(facts: CertificateFacts, trust: Trust) -> Verdict:
    return trust.denied.denies(facts) if trust.denied is not None else None


def _locked(facts: CertificateFacts, trust: Trust) -> Verdict:
    refused = facts.roles & trust.refused_roles
    return f"this device is in service and does not take {refused}" if refused else None


CHECKS: Final[dict[Check, Callable[[CertificateFacts, Trust], Verdict]]] = {
    Check.KEY: _key,
    Check.PURPOSE: _purpose,
    Check.ISSUER: _issuer,
    Check.FACTORY: _factory,
    Check.LAB: _lab,
    Check.KIND: _kind,
    Check.ROLE: _role,
    Check.FLOOR: _floor,
    Check.DENIED: _denied,
    Check.LOCKED: _locked,
}
"""The checks of a leaf, in their order. Each is needed: a test takes them away one by one."""


def check_peer(facts: CertificateFacts, trust: Trust) -> None:
    """Holds a peer's certificate, whose chain TLS has verified, against `trust`. Raises `PeerRefused`."""
    for check, verdict in CHECKS.items():
        found = verdict(facts, trust)
        if found is not None:
            raise PeerRefused(check, found)
    if not facts.name:
        raise PeerRefused(Check.FORM, "it has no name")


def standing(facts: CertificateFacts, utc_s: float) -> Standing:
    """What the certificate is worth at this time, in seconds since 1970."""
    if facts.factory:
        return Standing.FACTORY
    if utc_s > facts.not_after_s:
        return Standing.EXPIRED
    return Standing.NOT_YET_VALID if utc_s < facts.not_before_s else Standing.GOOD

"""Who certifies devices: the agency's CA on this host, the lab, or one that is elsewhere (`file_authority`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import (
    CertificateFacts,
    MalformedCertificate,
    key_sha256,
    read_certificate,
)
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import IdentityError, ProtocolViolation

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from bwc_protocol.lab.agency import LabAgency
    from bwc_sdk.identity.ca.authority import Ca


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """A certificate for a device's key, and that of the CA which issued it (DER)."""

    certificate: bytes
    issuing: bytes


@dataclass(frozen=True, slots=True)
class RequestWaits:
    """The CA is elsewhere: the request lies in a file, and no certificate has come yet."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyParts:
    """What a device gets of its agency beside its own certificate (DER)."""

    roots: tuple[bytes, ...]
    """Root and standby root, in any order."""
    deny_list: bytes = b""
    """As it is signed; empty before the first."""
    recipients: tuple[bytes, ...] = ()
    """Certificates of those who can open encrypted footage."""
    lab: str = ""


class Authority(Protocol):
    """Certifies devices. Its calls block, and are made beside the event loop."""

    def parts(self) -> AgencyParts:
        """The agency. Raises `IdentityError`, `HostFileError`."""

    def certify(
        self, serial: str, kind: PeerKind, request: bytes, key: ec.EllipticCurvePublicKey
    ) -> CertifiedKey | RequestWaits:
        """A certificate for a request that was verified.

        Raises `IdentityError`, `HostFileError`, `ClockImplausible`.
        """


@dataclass(frozen=True, slots=True)
class CaAuthority:
    """The agency's own CA (`bwc ca`)."""

    ca: Ca
    days: int | None = None

    def parts(self) -> AgencyParts:
        from bwc_sdk.identity.ca.denying import newest

        begun = self.ca.register().begun
        return AgencyParts(
            roots=(begun.root, begun.standby),
            deny_list=newest(self.ca),
            recipients=self.ca.recipients_to_install(),
        )

    def certify(
        self, serial: str, kind: PeerKind, request: bytes, key: ec.EllipticCurvePublicKey
    ) -> CertifiedKey | RequestWaits:
        issued = self.ca.issue_device(serial, kind, key, days=self.days)
        return CertifiedKey(issued.leaf, issued.issuing)


@dataclass(frozen=True, slots=True)
class LabAuthority:
    """The lab: whoever shares it may enrol what calls itself a simulator, and any device that is no evidence."""

    lab: LabAgency

    def parts(self) -> AgencyParts:
        return AgencyParts(roots=self.lab.anchors, recipients=self.lab.recipients, lab=self.lab.id)

    def certify(
        self, serial: str, kind: PeerKind, request: bytes, key: ec.EllipticCurvePublicKey
    ) -> CertifiedKey | RequestWaits:
        from bwc_protocol.certificates.issue import make_device

        leaf = make_device(self.lab.issuing, key, serial, kind, self.lab.issuance())
        return CertifiedKey(leaf, self.lab.issuing.certificate)


def requested_key(request: bytes, serial: str, device: str) -> ec.EllipticCurvePublicKey:
    """The key that a device asks a certificate for. Raises `ProtocolViolation` unless it asks by its own name."""
    from bwc_protocol.certificates.issue import read_request

    try:
        name, key = read_request(request)
    except MalformedCertificate as error:
        raise ProtocolViolation(f"its request for a certificate is none: {error}", device=device) from error
    if name != serial:
        raise ProtocolViolation(f"it is {serial!r}, and asks for a certificate of {name!r}", device=device)
    return key


def check_certified(
    made: CertifiedKey,
    serial: str,
    kind: PeerKind,
    key: ec.EllipticCurvePublicKey,
    roots: Sequence[bytes],
    lab: str,
) -> CertificateFacts:
    """What a certificate for a device says, once it is one by which the device can be talked to.

    Raises `IdentityError`: a CA that is elsewhere may have answered another request, or keep to another profile.
    """
    try:
        facts = verify_chain(made.certificate, made.issuing, roots, lab=lab)
        check_peer(facts, Trust(lab=lab, kind=kind))
    except PeerRefused as error:
        raise IdentityError(
            f"the certificate for {serial!r} is not one that it can use: {error.detail}",
            advice="the CA has to keep to the profile of the specification ('bwc spec', Certificates)",
        ) from error
    if facts.name != serial or facts.key_sha256 != key_sha256(key):
        raise IdentityError(
            f"the certificate for {serial!r} is of another name or key ({facts.name!r})",
            advice="have the request certified that the device gave last",
        )
    return facts


def root_above(issuing: bytes, roots: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The root that issued an issuing CA, and the other one (empty if there is none). Raises `IdentityError`."""
    above = read_certificate(issuing).issuer_key_id
    for root in roots:
        if read_certificate(root).key_id == above:
            return root, next((other for other in roots if other != root), b"")
    raise IdentityError("the issuing CA is under no root of this agency")

"""Agencies with all their keys, as tests need them: real ones, whose devices come from the same factory as a lab's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bwc_protocol.certificates.issue import Issuance, Issuer, make_issuing, make_root, new_key
from bwc_protocol.documents.deny_list import Denied, DenyList, in_order
from bwc_protocol.documents.signed_document import Document, SignedDocument
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.lab.agency import Certified, LabAgency
from bwc_protocol.vocabulary import PeerKind

BEGAN_S: Final = 1_767_225_600
"""2026-01-01."""
ENDS_S: Final = 1_893_456_000
"""2030-01-01."""
SIGNED_S: Final = 1_800_000_000
"""When documents of tests are signed: in 2027."""


def issuance(began_s: int = BEGAN_S, ends_s: int = ENDS_S, lab: str = "") -> Issuance:
    """What certificates are issued with."""
    return Issuance(not_before_s=began_s, not_after_s=ends_s, entropy=os.urandom, lab=lab)


@cache
def lab(number: int = 1) -> LabAgency:
    """A lab, the same in all tests of a run."""
    return LabAgency.make(os.urandom)


def real(name: str = "Harbour Police") -> LabAgency:
    """A real agency, the same in all tests of a run: none of its certificates is a lab's."""
    return _real(name)


@cache
def _real(name: str) -> LabAgency:
    root = _root(name, "root")
    return LabAgency(
        id="",
        root=root,
        standby=_root(name, "standby root"),
        issuing=issuing_ca(root, f"{name} issuing"),
        factory_root=lab().factory_root,
        factory=lab().factory,
        entropy=os.urandom,
    )


@dataclass(frozen=True, slots=True)
class Lapsing:
    """An agency that enrolled its devices so that their certificates end at a time."""

    agency: LabAgency
    ends_s: int

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """Those of the agency."""
        return self.agency.anchors

    @property
    def recipients(self) -> tuple[bytes, ...]:
        return ()

    def device(self, serial: str, kind: PeerKind) -> Certified:
        """A device whose certificate ends then."""
        return self.agency.device(serial, kind, issuance(ends_s=self.ends_s, lab=self.agency.id))

    def factory_device(self, serial: str, kind: PeerKind) -> Certified:
        """As of any."""
        return self.agency.factory_device(serial, kind)


def issuing_ca(root: Issuer, name: str) -> Issuer:
    """Another issuing CA below a root."""
    key = new_key()
    return Issuer(make_issuing(root, key.public_key(), name, issuance()), key)


def altered(
    der: bytes,
    by: Issuer,
    *,
    agency: str = "",
    path_length: int = -1,
    purposes: tuple[str, ...] = (),
    digest: hashes.SHA256 | hashes.SHA384 = hashes.SHA256(),  # noqa: B008  # it has no state
) -> bytes:
    """A certificate as it is, but for what is given, signed again by an issuer."""
    old = x509.load_der_x509_certificate(der)
    new = (
        x509.CertificateBuilder()
        .issuer_name(old.issuer)
        .subject_name(
            x509.Name(
                x509.NameAttribute(one.oid, agency)
                if agency and one.oid == NameOID.ORGANIZATION_NAME
                else one
                for one in old.subject
            )
        )
        .public_key(old.public_key())
        .serial_number(old.serial_number)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
    )
    for extension in old.extensions:
        value = extension.value
        if path_length >= 0 and isinstance(value, x509.BasicConstraints):
            value = x509.BasicConstraints(ca=True, path_length=path_length)
        if purposes and isinstance(value, x509.ExtendedKeyUsage):
            value = x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, purposes))
        new = new.add_extension(value, extension.critical)
    return new.sign(by.key, digest).public_bytes(Encoding.DER)


def signer(host: Certified) -> KeySigner:
    """A host, as whoever signs documents."""
    return KeySigner(host.chain, host.key)


def signed(document: Document, *signers: KeySigner) -> bytes:
    """A document with these signatures."""
    made = SignedDocument(document.encode())
    for one in signers:
        made = made.signed_by(one)
    return made.encode()


def deny_list(
    agency: LabAgency, counter: int, *entries: Denied, floor_utc_s: int = 0, standby: bool = False
) -> bytes:
    """A deny list that the root of an agency signed, or its standby root."""
    root = agency.standby if standby else agency.root
    found = DenyList(
        lab=agency.id,
        agency=_agency_name(agency),
        counter=counter,
        signed_utc_s=SIGNED_S,
        floor_utc_s=floor_utc_s,
        entries=in_order(entries),
    )
    return signed(found, KeySigner((root.certificate,), root.key))


def _agency_name(agency: LabAgency) -> str:
    from bwc_protocol.certificates.facts import read_certificate

    return read_certificate(agency.root.certificate).agency


def _root(agency: str, name: str) -> Issuer:
    key = new_key()
    return Issuer(make_root(key, agency, f"{agency} {name}", issuance()), key)

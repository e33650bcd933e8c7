"""Hosts of the lab's own CA whose certificates have one thing wrong with them: who has the keys of a CA makes them."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import FOREVER_S, LAB_OID, ROLE_OIDS, SERVER_AUTH
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.lab.agency import BEGAN_S, LabAgency
from bwc_protocol.session.interface import PeerCredentials, SessionFactory
from bwc_protocol.session.tls import KeyCredentials, TlsProfile, tls_sessions

AUDITOR: Final = (SERVER_AUTH, ROLE_OIDS[Role.AUDITOR])
NAME: Final = "an odd host"
_USAGES: Final = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_UTF8_STRING: Final = 0x0C


@dataclass(frozen=True, slots=True, kw_only=True)
class OddHost:
    """What its certificate says; as it stands, that of a good auditor."""

    purposes: Sequence[str] | None = AUDITOR
    names: Sequence[str] = (NAME,)
    agencies: int = 1
    """How often it names the agency."""
    key: ec.EllipticCurvePrivateKey | None = None
    """None: a new one, on `curve`."""
    curve: type[ec.EllipticCurve] = ec.SECP256R1
    digest: hashes.SHA256 | hashes.SHA384 = field(default_factory=hashes.SHA256)
    is_ca: bool = False
    signs: bool = True
    names_issuer: bool = True
    lab: str | None = ""
    """The lab that it names: "" its own, None none at all."""
    lab_critical: bool = True
    padding: int = 0
    """Bytes of an extension that says nothing."""

    def certified_by(self, lab: LabAgency) -> KeyCredentials:
        """What such a host shows."""
        issuer = x509.load_der_x509_certificate(lab.issuing.certificate)
        (agency,) = issuer.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        said = [agency] * self.agencies
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # a name may be longer than names are: that is its fault
            said += [x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False) for name in self.names]
        key = self.key or ec.generate_private_key(self.curve())
        public = key.public_key()
        usage = dict.fromkeys(_USAGES, False)
        usage["key_agreement"], usage["key_cert_sign"] = not self.signs, self.is_ca
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.RelativeDistinguishedName([one]) for one in said]))
            .issuer_name(issuer.subject)
            .public_key(public)
            .serial_number(1 + secrets.randbits(64))
            .not_valid_before(datetime.fromtimestamp(BEGAN_S, UTC))
            .not_valid_after(datetime.fromtimestamp(FOREVER_S, UTC))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        if self.names_issuer:
            key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            named = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
            builder = builder.add_extension(named, critical=False)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=self.is_ca, path_length=None), critical=True
        ).add_extension(x509.KeyUsage(digital_signature=self.signs, **usage), critical=True)
        if self.purposes is not None:
            oids = [ObjectIdentifier(oid) for oid in self.purposes]
            builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
        if self.padding:
            nothing = x509.UnrecognizedExtension(ObjectIdentifier(f"{LAB_OID}.9"), bytes(self.padding))
            builder = builder.add_extension(nothing, critical=False)
        if self.lab is not None:
            text = (self.lab or lab.id).encode()
            value = bytes([_UTF8_STRING, len(text)]) + text
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier(LAB_OID), value), critical=self.lab_critical
            )
        leaf = builder.sign(lab.issuing.key, self.digest).public_bytes(Encoding.DER)
        return KeyCredentials((leaf, lab.issuing.certificate), key)


def sessions_by(credentials: KeyCredentials, lab: LabAgency, *, of_factory: bool = False) -> SessionFactory:
    """Host's ends of sessions by these credentials, which take any device of the lab, or of its factory."""
    anchors = (lab.factory_root.certificate,) if of_factory else lab.anchors
    return tls_sessions(TlsProfile(credentials=credentials, anchors=anchors, lab=True, judge=_takes))


def _takes(facts: CertificateFacts) -> PeerCredentials:
    return PeerCredentials(identity=facts.name, roles=NO_ROLE, certificate=facts)

"""Makes keys, certificates and requests by the profile (spec: Certificates). Times and randomness are given in.

Used by an agency's CA, by the lab, by the simulator's factory, and by devices for their requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from bwc_protocol.certificates.facts import MalformedCertificate
from bwc_protocol.certificates.profile import (
    AGENCY_MAX,
    CLIENT_AUTH,
    CURVE,
    FACTORY_OID,
    FOREVER_S,
    KIND_OIDS,
    LAB_MAX,
    LAB_OID,
    NAME_MAX,
    ROLE_OIDS,
    SERVER_AUTH,
)
from bwc_protocol.certificates.subject import COMMON_NAME, texts_of_request
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind

REQUEST_MAX: Final = 1_024
"""Bytes of a certificate signing request; one of this profile has 250 to 350."""
_SERIAL_BYTES: Final = 19  # below the 20 octets of RFC 5280, whatever the first bit


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate of a CA with its key: what issues."""

    certificate: bytes = field(repr=False)
    """DER."""
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """What is the same for every certificate of a batch. Times in seconds since 1970 (UTC)."""

    not_before_s: int
    not_after_s: int
    entropy: Callable[[int], bytes]
    """So many fresh random bytes, for serial numbers."""
    lab: str = ""
    """The id of the lab; "" for a real agency."""


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(key: ec.EllipticCurvePrivateKey, agency: str, name: str, issuance: Issuance) -> bytes:
    """A root of an agency (DER), signed by itself; under it there are issuing CAs and nothing else."""
    subject = _name(agency, name)
    builder = _builder(subject, subject, key.public_key(), issuance)
    return _sign(_as_ca(builder, path_length=1), key, issuance)


def make_issuing(root: Issuer, public_key: ec.EllipticCurvePublicKey, name: str, issuance: Issuance) -> bytes:
    """An issuing CA under a root (DER): it issues leaves, and no further CA."""
    issuer, agency = _issuer(root)
    builder = _builder(_name(agency, name), issuer.subject, public_key, issuance)
    return _sign(_as_ca(_named_issuer(builder, issuer), path_length=0), root.key, issuance)


def make_host(
    issuing: Issuer, public_key: ec.EllipticCurvePublicKey, name: str, roles: Role, issuance: Issuance
) -> bytes:
    """A host's certificate (DER). One that unwraps evidence keys has no other role, and its key agrees on keys."""
    oids = [oid for role, oid in ROLE_OIDS.items() if role in roles]
    unwraps = Role.EVIDENCE_RECIPIENT in roles
    for alone in (Role.DESTINATION, Role.EVIDENCE_RECIPIENT):
        if alone in roles and roles != alone:
            raise ValueError(f"{alone} stands alone in a certificate, not as {roles}")
    if not oids:
        raise ValueError("a host's certificate has a role")
    purposes = oids if unwraps else [SERVER_AUTH, *oids]
    return _leaf(issuing, public_key, name, purposes, issuance, agrees=unwraps)


def make_device(
    issuing: Issuer, public_key: ec.EllipticCurvePublicKey, serial: str, kind: PeerKind, issuance: Issuance
) -> bytes:
    """A device's certificate of its agency (DER): LDevID of IEEE 802.1AR."""
    return _leaf(issuing, public_key, serial, [CLIENT_AUTH, KIND_OIDS[kind]], issuance)


def make_factory(
    issuing: Issuer, public_key: ec.EllipticCurvePublicKey, serial: str, kind: PeerKind, issuance: Issuance
) -> bytes:
    """A device's certificate of its factory (DER), without end: IDevID of IEEE 802.1AR."""
    forever = Issuance(
        not_before_s=issuance.not_before_s, not_after_s=FOREVER_S, entropy=issuance.entropy, lab=issuance.lab
    )
    return _leaf(issuing, public_key, serial, [CLIENT_AUTH, KIND_OIDS[kind], FACTORY_OID], forever)


def make_request(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """A request for a certificate (PKCS #10, DER) with the name that it should have."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _text(name, NAME_MAX))])
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def read_request(der: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """The name and the key that a request asks a certificate for, once its own signature is verified.

    Raises `MalformedCertificate`.
    """
    if len(der) > REQUEST_MAX:
        raise MalformedCertificate(f"the request has {len(der)} bytes, at most {REQUEST_MAX}")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        signed = request.is_signature_valid
        names = texts_of_request(der, COMMON_NAME)
    except Exception as error:  # of several kinds, by what is wrong with it
        raise MalformedCertificate(f"the request cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != CURVE:
        raise MalformedCertificate(f"the request is for a key that is not on {CURVE}")
    if not signed:
        raise MalformedCertificate("the request is not signed by the key that it is for")
    if len(names) != 1:
        raise MalformedCertificate("the request does not have one name")
    try:
        return _text(names[0], NAME_MAX), key
    except ValueError as error:
        raise MalformedCertificate(str(error)) from error


def _leaf(
    issuing: Issuer,
    public_key: ec.EllipticCurvePublicKey,
    name: str,
    purposes: Iterable[str],
    issuance: Issuance,
    *,
    agrees: bool = False,
) -> bytes:
    issuer, agency = _issuer(issuing)
    builder = _named_issuer(_builder(_name(agency, name), issuer.subject, public_key, issuance), issuer)
    oids = [ObjectIdentifier(oid) for oid in purposes]
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=not agrees, agrees=agrees), critical=True)
        .add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    )
    return _sign(builder, issuing.key, issuance)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, issuance: Issuance
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(max(1, int.from_bytes(issuance.entropy(_SERIAL_BYTES))))
        .not_valid_before(datetime.fromtimestamp(issuance.not_before_s, UTC))
        .not_valid_after(datetime.fromtimestamp(issuance.not_after_s, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _as_ca(builder: x509.CertificateBuilder, *, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(issues=True), critical=True)


def _named_issuer(builder: x509.CertificateBuilder, issuer: x509.Certificate) -> x509.CertificateBuilder:
    key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    named = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
    return builder.add_extension(named, critical=False)


def _usage(*, signs: bool = False, agrees: bool = False, issues: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs or issues,  # a root signs deny lists as well
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=agrees,
        key_cert_sign=issues,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer(issuer: Issuer) -> tuple[x509.Certificate, str]:
    certificate = x509.load_der_x509_certificate(issuer.certificate)
    (agency,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert isinstance(agency.value, str)
    return certificate, agency.value


def _name(agency: str, name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _text(agency, AGENCY_MAX)),
            x509.NameAttribute(NameOID.COMMON_NAME, _text(name, NAME_MAX)),
        ]
    )


def _text(text: str, most: int) -> str:
    if not text.strip() or not text.isprintable() or len(text.encode()) > most:
        raise ValueError(f"{text!r} is not a printable text of 1 to {most} bytes")
    return text


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, issuance: Issuance) -> bytes:
    if issuance.lab:
        text = _text(issuance.lab, LAB_MAX).encode()
        value = bytes([0x0C, len(text)]) + text  # a UTF8String
        # The last one: OpenSSL reads no further extension behind a critical one that it does not know, and would miss
        # that basic constraints are critical too.
        builder = builder.add_extension(
            x509.UnrecognizedExtension(ObjectIdentifier(LAB_OID), value), critical=True
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)

"""What a certificate says, read strictly; whether that is enough is decided in `checks` (spec: Certificates)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.profile import (
    AGENCY_MAX,
    CERTIFICATE_MAX,
    FACTORY_OID,
    KIND_OIDS,
    LAB_MAX,
    LAB_OID,
    NAME_MAX,
    ROLE_OIDS,
)
from bwc_protocol.certificates.subject import COMMON_NAME, ORGANIZATION, serial_of, texts_of
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.vocabulary import PeerKind

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_UTF8_STRING: Final = 0x0C


class MalformedCertificate(Exception):
    """It is not a certificate of this profile, and nothing of it is used. The text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CertificateFacts:
    """What one certificate says. Times are in seconds since 1970 (UTC)."""

    der: bytes
    name: str
    """Common name: a device's serial number, a host's name; "" for none."""
    agency: str
    """Organization; of a certificate from a factory the manufacturer."""
    serial: int
    kinds: frozenset[PeerKind]
    """Kinds of device that its purposes name; none for a host or a CA."""
    roles: Role
    factory: bool
    """Whether a factory issued it: IDevID of IEEE 802.1AR."""
    lab: str
    """The id of the lab whose agency issued it; "" for a real one."""
    purposes: frozenset[str]
    """Its extended key usage; empty where the extension is missing."""
    key_id: bytes
    """Subject key identifier; empty where it is missing."""
    issuer_key_id: bytes
    """Authority key identifier; empty where it is missing."""
    key_sha256: bytes
    """SHA-256 of its SubjectPublicKeyInfo: what stays when the same key is certified again."""
    curve: str
    """Name of the key's curve (SEC 2); "" for another kind of key."""
    signature: str
    """Object identifier of the algorithm of its issuer's signature."""
    is_ca: bool
    path_length: int | None
    signs: bool
    """Whether its key usage lets it sign: certificates, of a CA; else a handshake or a document."""
    agrees: bool
    """Whether its key usage lets it agree on keys."""
    not_before_s: int
    not_after_s: int

    def __repr__(self) -> str:
        """Whose it is: two kilobytes of DER tell nobody anything in a log."""
        what = (
            "CA"
            if self.is_ca
            else str(self.roles)
            if self.roles
            else ", ".join(kind.name for kind in sorted(self.kinds))
        )
        of = self.agency + (f", lab {self.lab}" if self.lab else "") + (", factory" if self.factory else "")
        return f"<certificate {self.serial:x} of {self.name!r} ({what or 'of no use'}; {of})>"

    @property
    def kind(self) -> PeerKind | None:
        """The one kind of device that it names; HOST for one with roles and no kind; None for anything else."""
        if self.kinds:
            return next(iter(self.kinds)) if len(self.kinds) == 1 and not self.roles else None
        return PeerKind.HOST if self.roles else None


def lab_in_words(lab: str) -> str:
    """What to call the lab of this id, or where something is of none."""
    return f"lab {lab}" if lab else "no lab"


def key_sha256(key: CertificatePublicKeyTypes) -> bytes:
    """SHA-256 of a key's SubjectPublicKeyInfo, by which certificates and deny lists tell it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def read_certificate(der: bytes) -> CertificateFacts:
    """Reads a certificate (DER). Raises `MalformedCertificate`; what it says is not verified."""
    if len(der) > CERTIFICATE_MAX:
        raise MalformedCertificate(f"it has {len(der)} bytes, at most {CERTIFICATE_MAX}")
    from cryptography import x509

    try:
        if serial_of(der) <= 0:  # before cryptography sees it, which would warn on stderr
            raise MalformedCertificate("its serial number is not positive")
        return _facts(x509.load_der_x509_certificate(der), der)
    except MalformedCertificate:
        raise
    except Exception as error:  # of several kinds, by what is wrong with it
        raise MalformedCertificate(str(error) or type(error).__name__) from error


def _facts(certificate: x509.Certificate, der: bytes) -> CertificateFacts:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = certificate.public_key()
    key_id = issuer_key_id = b""
    lab, is_ca, path_length = "", False, None
    usage: x509.KeyUsage | None = None
    purposes: frozenset[str] = frozenset()
    for extension in certificate.extensions:
        match extension.value:
            case x509.SubjectKeyIdentifier() as value:
                key_id = value.digest
            case x509.AuthorityKeyIdentifier() as value:
                issuer_key_id = value.key_identifier or b""
            case x509.BasicConstraints() as value:
                is_ca, path_length = value.ca, value.path_length
            case x509.ExtendedKeyUsage() as value:
                purposes = frozenset(purpose.dotted_string for purpose in value)
            case x509.KeyUsage() as value:
                usage = value
            case x509.UnrecognizedExtension() as value if value.oid.dotted_string == LAB_OID:
                if not extension.critical:
                    raise MalformedCertificate("its lab extension is not critical")
                lab = _lab_id(value.value)
    signs = usage is not None and (usage.key_cert_sign if is_ca else usage.digital_signature)
    return CertificateFacts(
        der=der,
        name=_one(texts_of(der, COMMON_NAME), "common name", NAME_MAX),
        agency=_one(texts_of(der, ORGANIZATION), "organization", AGENCY_MAX),
        serial=certificate.serial_number,
        kinds=frozenset(kind for kind, oid in KIND_OIDS.items() if oid in purposes),
        roles=_roles(purposes),
        factory=FACTORY_OID in purposes,
        lab=lab,
        purposes=purposes,
        key_id=key_id,
        issuer_key_id=issuer_key_id,
        key_sha256=key_sha256(key),
        curve=key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else "",
        signature=certificate.signature_algorithm_oid.dotted_string,
        is_ca=is_ca,
        path_length=path_length,
        signs=signs,
        agrees=usage is not None and usage.key_agreement,
        not_before_s=int(certificate.not_valid_before_utc.timestamp()),
        not_after_s=int(certificate.not_valid_after_utc.timestamp()),
    )


def _roles(purposes: frozenset[str]) -> Role:
    roles = NO_ROLE
    for role, oid in ROLE_OIDS.items():
        if oid in purposes:
            roles |= role
    return roles


def _one(texts: list[str], what: str, most: int) -> str:
    if not texts:
        return ""
    text = texts[0]
    if len(texts) > 1 or not text.isprintable() or len(text.encode()) > most:
        raise MalformedCertificate(f"its {what} is not one printable text of at most {most} bytes")
    return text


def _lab_id(value: bytes) -> str:
    if len(value) < 3 or value[0] != _UTF8_STRING or value[1] != len(value) - 2 or value[1] > LAB_MAX:
        raise MalformedCertificate(f"its lab extension is not a UTF8String of 1 to {LAB_MAX} bytes")
    text = value[2:].decode("utf-8")
    if not text.isprintable():
        raise MalformedCertificate("the id of its lab is not printable")
    return text

"""Opens the key file of a role: a private key with its certificate and that of the CA which issued it.

`ROLE.p12` is PKCS #12 under a passphrase. Where a site guards its keys otherwise: the same without one, or `ROLE.pem`
with key and certificates, or `ROLE.pem` with the certificates alone beside `ROLE.key`.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.facts import (
    CertificateFacts,
    MalformedCertificate,
    key_sha256,
    read_certificate,
)
from bwc_sdk.errors import IdentityError, PassphraseWrong
from bwc_sdk.identity.passphrase import HOW_TO_GIVE_IT, Ask, passphrase_for
from bwc_sdk.identity.private_files import read_secret, read_trusted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ENCRYPTED: Final = ".p12"
PLAIN: Final = ".pem"
KEY_ALONE: Final = ".key"
CERTIFICATES_MAX: Final = 8
"""Certificates of one file: a leaf and its issuing CA, and what an agency's tools put beside them."""
ISSUE_ANEW: Final = "have it made anew: 'bwc ca issue'"
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_OIDS_OF_ENCRYPTION: Final = (
    bytes.fromhex("06092a864886f70d010706"),  # encryptedData, of PKCS #7
    bytes.fromhex("060b2a864886f70d010c0a0102"),  # pkcs8ShroudedKeyBag, of PKCS #12
)


@dataclass(frozen=True, slots=True)
class RoleFile:
    """What a key file holds, as far as it is shown to devices."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    leaf: CertificateFacts
    issuing: CertificateFacts


def read_role_file(path: Path, ask: Ask | None = None) -> RoleFile:
    """Opens a key file. Raises `KeyFileLoose`, `PassphraseWrong`, `IdentityError`, `HostFileError`."""
    key, certificates = _plain(path) if path.suffix == PLAIN else _pkcs12(path, ask)
    if len(certificates) > CERTIFICATES_MAX:
        rule = f"{path} has {len(certificates)} certificates, at most {CERTIFICATES_MAX}"
        raise IdentityError(rule, advice=ISSUE_ANEW)
    try:
        known = [read_certificate(der) for der in certificates]
    except MalformedCertificate as error:
        raise IdentityError(f"a certificate in {path} cannot be used: {error}", advice=ISSUE_ANEW) from error
    own = key_sha256(key.public_key())
    leaf = next((facts for facts in known if facts.key_sha256 == own), None)
    if leaf is None:
        raise IdentityError(f"no certificate in {path} is for the key in it", advice=ISSUE_ANEW)
    above = [facts for facts in known if facts.is_ca and facts.key_id == leaf.issuer_key_id != b""]
    if not above:
        rule = f"{path} lacks the certificate of the CA that issued {leaf.name!r}: devices ask for it"
        raise IdentityError(rule, advice=ISSUE_ANEW)
    return RoleFile(key, leaf, above[0])


def certificates_in(path: Path, data: bytes) -> list[bytes]:
    """The certificates (DER) of a PEM file, in their order. Raises `IdentityError`."""
    found = []
    rest = data
    while _BEGIN in rest:
        body, end, rest = rest.partition(_BEGIN)[2].partition(_END)
        try:
            found.append(binascii.a2b_base64(body))
        except ValueError as error:
            raise IdentityError(f"a certificate in {path} is damaged: {error}") from error
        if not end:
            raise IdentityError(f"the last certificate in {path} has no end", advice="copy the file again")
    return found


def _plain(path: Path) -> tuple[ec.EllipticCurvePrivateKey, list[bytes]]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificates = read_trusted(path)
    if _KEY in certificates:
        of_key, data = path, read_secret(path)
    else:
        of_key = path.with_suffix(KEY_ALONE)
        if not of_key.exists():
            rule = f"{path} holds certificates without their key, and there is no {of_key.name} beside it"
            advice = (
                f"put the key there ({of_key.name}, PEM, chmod 600); for one in a token give a HostIdentity"
            )
            raise IdentityError(rule, advice=advice)
        data = read_secret(of_key)
    try:
        key = load_pem_private_key(data, None)
    except TypeError as error:
        rule = f"the key in {of_key} is encrypted, which only {ENCRYPTED} files may be"
        raise IdentityError(rule, advice=ISSUE_ANEW) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityError(f"{of_key} holds no private key that can be read", advice=ISSUE_ANEW) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError(f"{of_key} has no key on P-256", advice=ISSUE_ANEW)
    return key, certificates_in(path, certificates)


def _pkcs12(path: Path, ask: Ask | None) -> tuple[ec.EllipticCurvePrivateKey, Sequence[bytes]]:
    from bwc_sdk.identity.key_file import unsealed

    data = read_secret(path)
    if not any(oid in data for oid in _OIDS_OF_ENCRYPTION):
        held = unsealed(data, b"", name=str(path))
        return held.key, held.chain
    given = passphrase_for(path, ask)
    if given is None:
        raise PassphraseWrong(f"{path} needs its passphrase, and none is given", advice=HOW_TO_GIVE_IT)
    passphrase, source = given
    try:
        held = unsealed(data, passphrase, name=str(path))
    except PassphraseWrong as error:
        raise PassphraseWrong(
            f"{path} does not open: the passphrase from {source} is another one, or the file is damaged",
            advice=f"give the one that it was issued with: {HOW_TO_GIVE_IT}",
        ) from error
    return held.key, held.chain

"""A key and its certificates in a file (PKCS12, RFC 7292): `ROLE.p12` of a host, `root.p12` and `issuing.p12` of a CA.

Encrypted by AES-256 under a key that 600,000 rounds of PBKDF2 make of the passphrase. `openssl pkcs12` reads it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bwc_sdk.errors import IdentityError, PassphraseWrong
from bwc_sdk.identity.pkcs12_mac import sealed_anew

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ROUNDS: Final = 600_000
"""Of PBKDF2 with HMAC-SHA-256: 0.1 s to open a file, and for every passphrase that somebody tries."""
SEAL_ROUNDS: Final = 1_200_000
"""Of the seal: a round is one hash, where one of PBKDF2 is two."""
_SALT: Final = 16
PASSPHRASE_MIN: Final = 12
"""Bytes of a passphrase that is chosen: a file may be copied, and then there is no limit to the attempts."""


@dataclass(frozen=True, slots=True)
class KeyAndChain:
    """What is in a key file."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    """Certificates (DER): the key's own first, then those above it."""


def check_new_passphrase(passphrase: bytes) -> None:
    """Raises `IdentityError` for a passphrase that is too short for a new file."""
    if len(passphrase) < PASSPHRASE_MIN:
        raise IdentityError(
            f"a passphrase of {len(passphrase)} bytes is too short for a key file",
            advice=f"take {PASSPHRASE_MIN} characters or more, such as five random words",
        )


def sealed(
    key: ec.EllipticCurvePrivateKey,
    chain: Sequence[bytes],
    passphrase: bytes,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> bytes:
    """The bytes of a key file: a key, its certificate and those above it (DER). An empty passphrase encrypts nothing:
    the file is then as secret as its permissions."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, pkcs12

    own, *above = (x509.load_der_x509_certificate(der) for der in chain)
    if not passphrase:
        return pkcs12.serialize_key_and_certificates(None, key, own, above, NoEncryption())
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(SHA256())
        .build(passphrase)
    )
    pfx = pkcs12.serialize_key_and_certificates(None, key, own, above, encryption)
    return sealed_anew(pfx, passphrase, SEAL_ROUNDS, entropy(_SALT))


def unsealed(data: bytes, passphrase: bytes, *, name: str) -> KeyAndChain:
    """What is in a key file; `name` is how errors call it.

    Raises `PassphraseWrong`, also when the file is damaged, which cannot be told apart, and `IdentityError` for a file
    without a key on P-256 or without the certificate of its key.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    try:
        found = pkcs12.load_pkcs12(data, passphrase or None)
    except ValueError as error:
        missing = "no passphrase was given, and it needs one, or it is damaged"
        raise PassphraseWrong(
            f"{name} does not open: {'the passphrase is wrong, or it is damaged' if passphrase else missing}",
        ) from error
    key, own = found.key, found.cert
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError(f"{name} has no key on P-256")
    if own is None:  # the library gives none that is of another key
        raise IdentityError(f"{name} has no certificate of its key")
    above = [one.certificate for one in found.additional_certs]
    chain = [own.certificate]
    while above:  # a file keeps them in any order
        issuer = next((one for one in above if one.subject == chain[-1].issuer), None)
        if issuer is None:
            break
        above.remove(issuer)
        chain.append(issuer)
    return KeyAndChain(key, tuple(one.public_bytes(Encoding.DER) for one in chain))

"""ES256: ECDSA on P-256 with SHA-256, in the form that COSE has it (RFC 9053, section 2.1; spec: Signatures).

The nonce of a signature is derived from key and message (RFC 6979), so that a run can be replayed byte for byte and
no generator of random numbers can give a key away. That needs OpenSSL 3.2 below `cryptography`; its own wheels have
it. Where it is missing the nonce is random: such a signature is as good, and nothing is named by its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.profile import CURVE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE_SIZE: Final = 64
"""Bytes of a signature: r and s, big-endian, 32 each."""
_HALF: Final = SIGNATURE_SIZE // 2


def sign_es256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Signs `data` with a key on P-256."""
    from cryptography.hazmat.primitives.asymmetric import utils

    r, s = utils.decode_dss_signature(key.sign(data, _algorithm()))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def verify_es256(certificate: bytes, data: bytes, signature: bytes) -> bool:
    """Whether `signature` over `data` is of the key that a certificate (DER) certifies.

    Raises `ValueError` if that is no certificate of a key on P-256.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except Exception as error:  # of several kinds, by what is wrong with it
        raise ValueError(f"no certificate: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != CURVE:
        raise ValueError("the key is not on P-256")
    if len(signature) != SIGNATURE_SIZE:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    try:
        key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def signs_deterministically() -> bool:
    """Whether this machine's `cryptography` derives nonces (RFC 6979)."""
    return _algorithm().deterministic_signing


def _algorithm() -> ec.ECDSA:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        return ec.ECDSA(hashes.SHA256())

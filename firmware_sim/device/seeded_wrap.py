"""How a simulated camera wraps content keys: HPKE (RFC 9180), with an ephemeral key that follows from what is sealed.

The same seed gives the same camera, so its manifests must not differ from run to run; the library gives no way to say
which ephemeral key it takes. A camera's firmware draws one each time.
"""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_KEM: Final = b"KEM\x00\x10"
_SUITE: Final = b"HPKE\x00\x10\x00\x01\x00\x02"
_VERSION: Final = b"HPKE-v1"


def seeded_wrap(key: bytes, recipient: ec.EllipticCurvePublicKey, info: bytes) -> bytes:
    """What `sealing.hpke_wrap` gives, the same for the same arguments."""
    seed = hashlib.sha256(b"ephemeral key" + key + info).digest()
    return wrap_with(ec.derive_private_key(int.from_bytes(seed), ec.SECP256R1()), key, recipient, info)


def wrap_with(
    ephemeral: ec.EllipticCurvePrivateKey, key: bytes, recipient: ec.EllipticCurvePublicKey, info: bytes
) -> bytes:
    """Base mode, first message, without `aad`."""
    encapsulated = _point(ephemeral.public_key())
    shared = _extract(_KEM, b"", b"eae_prk", ephemeral.exchange(ec.ECDH(), recipient))
    secret = _expand(_KEM, shared, b"shared_secret", encapsulated + _point(recipient), 32)
    context = b"\x00" + _extract(_SUITE, b"", b"psk_id_hash", b"") + _extract(_SUITE, b"", b"info_hash", info)
    scheduled = _extract(_SUITE, secret, b"secret", b"")
    sealer = AESGCM(_expand(_SUITE, scheduled, b"key", context, 32))
    nonce = _expand(_SUITE, scheduled, b"base_nonce", context, 12)
    return encapsulated + sealer.encrypt(nonce, key, b"")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    hashed = HMAC(salt or bytes(32), SHA256())
    hashed.update(_VERSION + suite + label + secret)
    return hashed.finalize()


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labelled = size.to_bytes(2) + _VERSION + suite + label + info
    return HKDFExpand(SHA256(), size, labelled).derive(secret)

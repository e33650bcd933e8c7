"""Encryption of footage: chunks under a content key, and that key for its recipients (spec: Encryption).

A recording has one random content key. Each chunk is AES-256-GCM under it, and its number is the nonce; the key is
wrapped by HPKE for each evidence recipient, and the wraps stand in the manifest. Whoever has no key sees ciphertext,
which is hashed, copied and verified like any other bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence.chunks import Bytes, chunk_count
from bwc_protocol.evidence.circumstances import SEALED_NAME_SIZE
from bwc_protocol.evidence.protection import KeySuite, Protection, Wrap
from bwc_protocol.evidence.record import Text
from bwc_protocol.evidence.vocabulary import TAG_SIZE, EvidenceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

KEY_SIZE: Final = 32
"""Bytes of a content key."""
CONTENT_KEY: Final = b"BWC-CONTENT-KEY1"
"""Begins what a content key's wrap is bound to."""
OPENING_PROOF: Final = b"BWC-OPENINGPROOF"
"""Begins what a challenge is bound to: so that no wrap of a content key can be put before somebody as a challenge."""
_NONCE: Final = struct.Struct("<IQ")
_NAME: Final = 0xFFFF_FFFF
"""In the place of a segment's number: the name of who carried the camera. No recording has so many segments."""
_NAME_BYTES: Final = SEALED_NAME_SIZE - TAG_SIZE

_NAME_KIND: Final = Text(_NAME_BYTES, min=1)

Wrapper = Callable[[bytes, "ec.EllipticCurvePublicKey", bytes], bytes]
"""Seals a key for a public key, bound to bytes (`info`). Replaced where a run has to replay byte for byte."""


# Chunks


def nonce_of(segment: int, chunk: int) -> bytes:
    """The nonce of a chunk: never twice under one key, since no chunk is sealed twice."""
    return _NONCE.pack(segment, chunk)


class Sealer:
    """Seals and opens the chunks of one recording."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(key) != KEY_SIZE:
            raise ValueError(f"a content key has {KEY_SIZE} bytes, not {len(key)}")
        self._cipher = AESGCM(key)

    def seal_chunk(self, segment: int, chunk: int, plain: Bytes) -> bytes:
        """The chunk as it is stored: ciphertext and tag."""
        return self._cipher.encrypt(nonce_of(segment, chunk), plain, None)

    def open_chunk(self, segment: int, chunk: int, stored: Bytes) -> bytes:
        """What was filmed. Raises `EvidenceError` (`seal-chunk`) if this key did not seal these bytes as this chunk."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(nonce_of(segment, chunk), stored, None)
        except (InvalidTag, ValueError) as error:
            raise EvidenceError("seal-chunk", f"chunk {chunk} of segment {segment} does not open") from error

    def seal_name(self, name: str) -> bytes:
        """Who carried the camera, of at most 128 bytes; how long the name is does not show. Once under a key."""
        plain = name.encode()
        if not plain or len(plain) > _NAME_BYTES or 0 in plain:
            raise ValueError(f"a name has 1 to {_NAME_BYTES} bytes, and no zero")
        return self._cipher.encrypt(nonce_of(_NAME, 0), plain.ljust(_NAME_BYTES, b"\0"), None)

    def open_name(self, sealed: bytes) -> str:
        """The name again. Raises `EvidenceError` (`seal-name`) if this key did not seal it, or it is no text."""
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._cipher.decrypt(nonce_of(_NAME, 0), sealed, None).rstrip(b"\0").decode()
        except (InvalidTag, ValueError) as error:
            raise EvidenceError("seal-name", "the name of who carried the camera does not open") from error
        if problem := _NAME_KIND.check(plain):
            raise EvidenceError("seal-name", problem)
        return plain


def stored_size(plain_bytes: int, chunk_size: int) -> int:
    """Stored bytes of a segment of `plain_bytes`, in stored chunks of `chunk_size`."""
    return plain_bytes + TAG_SIZE * chunk_count(plain_bytes, chunk_size - TAG_SIZE)


def plain_size(stored_bytes: int, chunk_size: int) -> int:
    """What was filmed of a segment of `stored_bytes`."""
    return stored_bytes - TAG_SIZE * chunk_count(stored_bytes, chunk_size)


# Keys


def wrap_key(
    key: bytes, recipient: ec.EllipticCurvePublicKey, recording_id: bytes, wrapper: Wrapper | None = None
) -> Wrap:
    """A content key for one recipient."""
    named = recipient_id(recipient)
    info = CONTENT_KEY + recording_id + named
    return Wrap(recipient=named, sealed=(wrapper or hpke_wrap)(key, recipient, info))


def protect(
    key: bytes, recording_id: bytes, certificates: Sequence[bytes], wrapper: Wrapper | None = None
) -> Protection:
    """A content key for all recipients of an installation, in its order; certificates are DER.

    Two certificates of one key are one recipient. Raises `ValueError` for a key that is not on P-256.
    """
    keys = {recipient_id(key_of): key_of for key_of in map(public_key_of, certificates)}
    return Protection(wraps=tuple(wrap_key(key, one, recording_id, wrapper) for one in keys.values()))


def unwrap_key(protection: Protection, private: ec.EllipticCurvePrivateKey, recording_id: bytes) -> bytes:
    """The content key of a recording. Raises `EvidenceError`: `protection-kem` for a way that is not known here,
    `protection-recipient` where there is no wrap for this key, `protection-sealed` for one that does not open."""
    if protection.kem is not KeySuite.HPKE_P256:
        name = protection.kem.value if isinstance(protection.kem, Unknown) else protection.kem.name
        raise EvidenceError("protection-kem", f"keys wrapped in the way {name} cannot be opened here")
    named = recipient_id(private.public_key())
    wrap = next((one for one in protection.wraps if one.recipient == named), None)
    if wrap is None:
        raise EvidenceError("protection-recipient", "it was not encrypted for this key")
    key = hpke_open(wrap.sealed, private, CONTENT_KEY + recording_id + named)
    if key is None or len(key) != KEY_SIZE:
        raise EvidenceError("protection-sealed", "the wrapped content key does not open")
    return key


def recipient_id(public: ec.EllipticCurvePublicKey) -> bytes:
    """What a recipient is told by: the SHA-256 of its SubjectPublicKeyInfo."""
    from bwc_protocol.certificates.facts import key_sha256

    return key_sha256(public)


def public_key_of(certificate: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a recipient's certificate (DER). Raises `ValueError` if it is none on P-256."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("the key of an evidence recipient is on P-256")
    return key


# Proof of opening


def challenge(
    secret: bytes, recipient: ec.EllipticCurvePublicKey, camera: str, wrapper: Wrapper | None = None
) -> bytes:
    """Random bytes that only this recipient can give back to the camera that sealed them."""
    return (wrapper or hpke_wrap)(secret, recipient, _proof_info(recipient, camera))


def answer(sealed: bytes, private: ec.EllipticCurvePrivateKey, camera: str) -> bytes:
    """What a camera sealed as a challenge. Raises `EvidenceError` (`proof-sealed`) for anything else."""
    opened = hpke_open(sealed, private, _proof_info(private.public_key(), camera))
    if opened is None:
        raise EvidenceError("proof-sealed", "it is no challenge of this camera to this key")
    return opened


def _proof_info(recipient: ec.EllipticCurvePublicKey, camera: str) -> bytes:
    return OPENING_PROOF + recipient_id(recipient) + camera.encode()


# HPKE


def hpke_wrap(key: bytes, recipient: ec.EllipticCurvePublicKey, info: bytes) -> bytes:
    """Seals a few bytes for a public key: the encapsulated key, then ciphertext and tag."""
    sealed: bytes = _suite().encrypt(key, recipient, info=info)
    return sealed


def hpke_open(sealed: bytes, private: ec.EllipticCurvePrivateKey, info: bytes) -> bytes | None:
    """What `hpke_wrap` sealed for this key and these bytes; None: it was not that."""
    from cryptography.exceptions import InvalidTag

    try:
        opened: bytes = _suite().decrypt(sealed, private, info=info)
    except (InvalidTag, ValueError):
        return None
    return opened


@cache
def _suite() -> Any:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

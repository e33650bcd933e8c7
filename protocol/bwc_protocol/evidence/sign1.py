"""Signatures over evidence and documents: COSE_Sign1 (RFC 9052), narrowed to one form (spec: Signatures).

Untagged; the payload is detached, so that nobody reads other bytes than those that are signed; algorithm and
certificates stand in the protected header, nothing in the other. Of equal facts there is one encoding. What is signed
is named by the hash of its payload, never by a signature: anybody can make of one signature a second that verifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from bwc_protocol.certificates.checks import Check, PeerRefused
from bwc_protocol.certificates.profile import CERTIFICATE_MAX, CURVE
from bwc_protocol.evidence import cbor
from bwc_protocol.evidence.es256 import SIGNATURE_SIZE, sign_es256, verify_es256
from bwc_protocol.evidence.vocabulary import EvidenceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from bwc_protocol.certificates.facts import CertificateFacts

ES256: Final = -7
"""The only algorithm (RFC 9053)."""
ALGORITHM: Final = 1
"""Header parameter `alg`."""
X5CHAIN: Final = 33
"""Header parameter `x5chain` (RFC 9360): one certificate as it is, two in an array, the signer's first."""
CHAIN_MAX: Final = 2
"""Certificates of a chain: leaf and issuing CA. The root is what the verifier holds."""
SIGN1_MAX: Final = CHAIN_MAX * CERTIFICATE_MAX + 128
"""Bytes of a signature with its certificates: the frame takes 96."""


class Signer(Protocol):
    """Something that signs: a key in a file, in a token, in a device."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Its certificates (DER): leaf and issuing CA, or a root alone."""

    def sign(self, data: bytes) -> bytes:
        """ES256 over `data`: r and s, 32 bytes each."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A signer whose key is in memory."""

    chain: tuple[bytes, ...] = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        return sign_es256(self.key, data)


@dataclass(frozen=True, slots=True)
class Sign1:
    """A signature as it was read; nothing of it is verified."""

    protected: bytes
    """The protected header as it was signed."""
    chain: tuple[bytes, ...]
    """The signer's certificate, and that of its issuing CA (DER)."""
    signature: bytes


def sign(payload: bytes, signer: Signer) -> bytes:
    """A signature over `payload`, which is not in it."""
    chain = signer.chain
    if not 1 <= len(chain) <= CHAIN_MAX:
        raise ValueError(f"a signer has 1 to {CHAIN_MAX} certificates, not {len(chain)}")
    protected = cbor.encode({ALGORITHM: ES256, X5CHAIN: chain[0] if len(chain) == 1 else list(chain)})
    return cbor.encode([protected, {}, None, signer.sign(_signed_bytes(protected, payload))])


def decode(data: bytes) -> Sign1:
    """Reads a signature. Raises `EvidenceError` (`sign1-…`, `cbor-…`) for anything but the one form."""
    if len(data) > SIGN1_MAX:
        raise EvidenceError("sign1-size", f"{len(data)} bytes, more than {SIGN1_MAX}")
    match cbor.decode(data):
        case [bytes() as protected, dict() as unprotected, None, bytes() as signature] if not unprotected:
            pass
        case _:
            raise EvidenceError("sign1-form", "not [protected header, {}, null, signature]")
    if len(signature) != SIGNATURE_SIZE:
        raise EvidenceError("sign1-form", f"a signature of {len(signature)} bytes, not {SIGNATURE_SIZE}")
    header = cbor.decode(protected)
    if type(header) is not dict or header.keys() != {ALGORITHM, X5CHAIN}:
        raise EvidenceError("sign1-header", "the protected header is not {alg, x5chain}")
    if type(header[ALGORITHM]) is not int or header[ALGORITHM] != ES256:
        raise EvidenceError("sign1-header", f"the algorithm is not ES256 ({ES256})")
    return Sign1(protected, _chain(header[X5CHAIN]), signature)


def verify(payload: bytes, data: bytes, roots: Sequence[bytes], *, lab: str = "") -> CertificateFacts:
    """Verifies a signature by a leaf whose issuing CA one of the roots (DER) has certified; gives what the leaf says.

    `lab` is the lab to which the roots belong, "" for none. When the signer's certificate was valid and what it allows
    is judged by the caller. Raises `EvidenceError`.
    """
    from bwc_protocol.certificates.chain import verify_chain

    read = decode(data)
    if len(read.chain) != CHAIN_MAX:
        raise EvidenceError("sign1-chain", "the certificate of the issuing CA is missing")
    try:
        facts = verify_chain(read.chain[0], read.chain[1], roots, lab=lab)
    except PeerRefused as refused:
        raise EvidenceError(f"sign1-{refused.check}", refused.detail) from refused
    _verify_signature(payload, read)
    return facts


def verify_by_root(payload: bytes, data: bytes, roots: Sequence[bytes], *, lab: str = "") -> CertificateFacts:
    """Verifies a signature by one of the roots (DER) itself; gives what that root says. Raises `EvidenceError`."""
    from bwc_protocol.certificates.facts import MalformedCertificate, lab_in_words, read_certificate

    read = decode(data)
    if len(read.chain) != 1 or read.chain[0] not in roots:
        raise EvidenceError("sign1-chain", "not signed by a root that is held here")
    try:
        facts = read_certificate(read.chain[0])
    except MalformedCertificate as error:
        raise EvidenceError("sign1-chain", f"the root cannot be read: {error}") from error
    if not (facts.is_ca and facts.signs) or facts.curve != CURVE:
        raise EvidenceError(f"sign1-{Check.KEY}", f"the root is no CA with a key on {CURVE}")
    if facts.lab != lab:
        detail = f"the root is of {lab_in_words(facts.lab)}, this end of {lab_in_words(lab)}"
        raise EvidenceError(f"sign1-{Check.LAB}", detail)
    _verify_signature(payload, read)
    return facts


def _chain(value: Any) -> tuple[bytes, ...]:
    """The certificates of `x5chain`: RFC 9360 allows an array only for two and more."""
    found = (value,) if type(value) is bytes else tuple(value) if type(value) is list else ()
    if len(found) != (1 if type(value) is bytes else CHAIN_MAX) or any(
        type(one) is not bytes for one in found
    ):
        raise EvidenceError("sign1-chain", "x5chain is not one certificate, nor an array of two")
    if any(not 0 < len(one) <= CERTIFICATE_MAX for one in found):
        raise EvidenceError("sign1-chain", f"a certificate of 0 or of more than {CERTIFICATE_MAX} bytes")
    return found


def _verify_signature(payload: bytes, read: Sign1) -> None:
    try:
        good = verify_es256(read.chain[0], _signed_bytes(read.protected, payload), read.signature)
    except ValueError as error:
        raise EvidenceError(f"sign1-{Check.KEY}", str(error)) from error
    if not good:
        raise EvidenceError("sign1-signature", "the signature is not of these bytes by this signer")


def _signed_bytes(protected: bytes, payload: bytes) -> bytes:
    """`Sig_structure` of RFC 9052, section 4.4, without external data."""
    return cbor.encode(["Signature1", protected, b"", payload])

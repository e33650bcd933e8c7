"""The lab's agency and the simulator's factory, with all their keys: who holds them issues what a bench needs.

Its certificates have no end, and carry a critical extension with the lab's id: no verifier takes them that does not
look for it, so that nothing is lost when somebody copies its keys.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from bwc_protocol.certificates.issue import (
    Issuance,
    Issuer,
    make_device,
    make_factory,
    make_host,
    make_issuing,
    make_root,
    new_key,
)
from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind

FORMAT: Final = "bwc-lab 1"
AGENCY: Final = "BWC lab"
MANUFACTURER: Final = "bwc-sdk"
"""Whose factory the simulator's is."""
BEGAN_S: Final = 1_577_836_800
"""2020-01-01, the beginning of everything that a lab issues: before any clock that a bench has."""
RECIPIENT: Final = "lab evidence"
"""Name of the evidence recipient of every lab."""
_ID_BYTES: Final = 4
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (SP 800-186)."""
_MEMBERS: Final = ("root", "standby", "issuing", "factory_root", "factory")


class NotALab(Exception):
    """The bytes are not a lab's. The text says why."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A key and the certificates that its holder shows: the leaf and the issuing CA (DER)."""

    chain: tuple[bytes, ...] = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabAgency:
    """Everything of one lab."""

    id: str
    root: Issuer
    standby: Issuer
    issuing: Issuer
    factory_root: Issuer
    factory: Issuer
    entropy: Callable[[int], bytes]

    @classmethod
    def make(cls, entropy: Callable[[int], bytes]) -> Self:
        """A new lab."""
        lab = entropy(_ID_BYTES).hex()
        of_lab, of_factory = _issuance(entropy, lab), _issuance(entropy)
        root = _root(AGENCY, f"lab {lab} root", of_lab)
        factory_root = _root(MANUFACTURER, "simulator factory root", of_factory)
        return cls(
            id=lab,
            root=root,
            standby=_root(AGENCY, f"lab {lab} standby root", of_lab),
            issuing=_issuing(root, f"lab {lab} issuing", of_lab),
            factory_root=factory_root,
            factory=_issuing(factory_root, "simulator factory", of_factory),
            entropy=entropy,
        )

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """Root and standby root (DER)."""
        return self.root.certificate, self.standby.certificate

    def issuance(self, not_before_s: int = BEGAN_S, not_after_s: int = FOREVER_S) -> Issuance:
        """What it issues with. Times in seconds since 1970."""
        return Issuance(not_before_s=not_before_s, not_after_s=not_after_s, entropy=self.entropy, lab=self.id)

    def host(self, name: str, roles: Role, issuance: Issuance | None = None) -> Certified:
        """A host of this lab, with a new key."""
        key = new_key()
        leaf = make_host(self.issuing, key.public_key(), name, roles, issuance or self.issuance())
        return Certified((leaf, self.issuing.certificate), key)

    def device(self, serial: str, kind: PeerKind, issuance: Issuance | None = None) -> Certified:
        """A device that this lab has enrolled, with a new key."""
        key = new_key()
        leaf = make_device(self.issuing, key.public_key(), serial, kind, issuance or self.issuance())
        return Certified((leaf, self.issuing.certificate), key)

    def factory_device(self, serial: str, kind: PeerKind) -> Certified:
        """What a simulated device gets from its factory, with a new key."""
        key = new_key()
        leaf = make_factory(self.factory, key.public_key(), serial, kind, _issuance(self.entropy))
        return Certified((leaf, self.factory.certificate), key)

    def recipient(self) -> Certified:
        """For whom a lab's cameras encrypt. Its key follows from the issuing CA's, so that whoever has the lab can
        open its footage, and labs of before need no other file."""
        key = ec.derive_private_key(_scalar(self.issuing.key), ec.SECP256R1())
        issuance = self.issuance()
        leaf = make_host(self.issuing, key.public_key(), RECIPIENT, Role.EVIDENCE_RECIPIENT, issuance)
        return Certified((leaf, self.issuing.certificate), key)

    @property
    def recipients(self) -> tuple[bytes, ...]:
        """Certificates of those for whom its cameras encrypt (DER)."""
        return self.recipient().chain[:1]

    def encode(self) -> bytes:
        """The lab as a file's content."""
        members = {name: _encoded(getattr(self, name)) for name in _MEMBERS}
        document = {"format": FORMAT, "id": self.id, **members}
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes, entropy: Callable[[int], bytes]) -> Self:
        """The lab of a file. Raises `NotALab`."""
        try:
            document = json.loads(data)
            if document["format"] != FORMAT:
                raise NotALab(f"its format is {document['format']!r}, not {FORMAT!r}")
            lab = bytes.fromhex(document["id"]).hex()
            members = {name: _decoded(document[name]) for name in _MEMBERS}
        except NotALab:
            raise
        except Exception as error:  # of many kinds, by what is wrong with it
            raise NotALab(f"it is damaged: {type(error).__name__}: {error}") from error
        return cls(id=lab, entropy=entropy, **members)


def _issuance(entropy: Callable[[int], bytes], lab: str = "") -> Issuance:
    return Issuance(not_before_s=BEGAN_S, not_after_s=FOREVER_S, entropy=entropy, lab=lab)


def _scalar(key: ec.EllipticCurvePrivateKey) -> int:
    """A private key that follows from another: 64 bits more than the group has, so that none is likelier than others
    (FIPS 186-5, A.2.1)."""
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    drawn = HKDF(SHA256(), 40, salt=None, info=b"BWC-LAB-EVIDENCE").derive(secret)
    return int.from_bytes(drawn, "big") % (_P256_ORDER - 1) + 1


def _root(agency: str, name: str, issuance: Issuance) -> Issuer:
    key = new_key()
    return Issuer(make_root(key, agency, name, issuance), key)


def _issuing(root: Issuer, name: str, issuance: Issuance) -> Issuer:
    key = new_key()
    return Issuer(make_issuing(root, key.public_key(), name, issuance), key)


def _encoded(issuer: Issuer) -> dict[str, str]:
    key = issuer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {
        "certificate": base64.b64encode(issuer.certificate).decode(),
        "key": base64.b64encode(key).decode(),
    }


def _decoded(member: Mapping[str, Any]) -> Issuer:
    key = load_der_private_key(base64.b64decode(member["key"], validate=True), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NotALab("a key of it is not on a curve")
    return Issuer(base64.b64decode(member["certificate"], validate=True), key)

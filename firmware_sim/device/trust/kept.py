"""What a device keeps of its trust: replaced whole, in one step with the entry of the log that tells of it.

A real device would keep its keys in a secure element; the file of a simulated one is readable by its user alone.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, Self

from bwc_protocol.certificates.profile import CERTIFICATE_MAX, FOREVER_S
from bwc_protocol.documents.deny_list import DENY_LIST_MAX
from bwc_protocol.documents.installation import RECIPIENTS_MAX
from bwc_protocol.documents.seizure import CASE_MAX
from bwc_protocol.messages.trust import ROOTS_MAX
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.device.trust.opening_proof import KeptProof
from firmware_sim.flash.flash import StateError
from firmware_sim.state.kept_values import U32_MAX, flag, part_of, whole

STATE_NAME: Final = "trust"
"""Under which it is kept in the directory."""
KEY_MAX: Final = 512
"""Bytes of a key in PKCS #8; one on P-256 has 138."""
KEY_ID_MAX: Final = 64
RECORD_MAX: Final = 8_192
DOCUMENT_ID_MAX: Final = 32


class Certified(Protocol):
    """A key, and the certificates that its holder shows: the leaf and the issuing CA (DER)."""

    @property
    def chain(self) -> tuple[bytes, ...]: ...

    @property
    def key(self) -> Any: ...


class Agency(Protocol):
    """An agency, and the factory whose devices it has. The lab is one (`bwc_protocol.lab`)."""

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """Root and standby root (DER)."""

    @property
    def recipients(self) -> tuple[bytes, ...]:
        """Certificates of its evidence recipients (DER)."""

    def device(self, serial: str, kind: PeerKind) -> Certified:
        """A device that it has enrolled."""

    def factory_device(self, serial: str, kind: PeerKind) -> Certified:
        """What a device gets from its factory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTrust:
    """All of it. Keys are PKCS #8, certificates DER; empty stands for none."""

    factory_key: bytes = field(repr=False)
    factory_chain: tuple[bytes, ...] = field(repr=False)
    """Its certificate of the factory and the CA that issued it."""
    key: bytes = field(default=b"", repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """Its certificate of the agency and the CA that issued it."""
    roots: tuple[bytes, ...] = field(default=(), repr=False)
    """Root and standby root of the agency."""
    requested_key: bytes = field(default=b"", repr=False)
    """Of the request that waits for its certificate."""
    deny_list: bytes = field(default=b"", repr=False)
    recipients: tuple[bytes, ...] = field(default=(), repr=False)
    proofs: tuple[KeptProof, ...] = ()
    """Of the recipients that proved to open what it encrypts: the last one of each."""
    bench: bool = False
    """Whether it takes the role BENCH although it is one of a real agency."""
    last_dock_issuer: bytes = field(default=b"", repr=False)
    """Key id of the CA that certified the last dock that came in."""
    desired_counter: int = 0
    desired_sha256: bytes = field(default=b"", repr=False)
    """Of the desired state that it took last."""
    generation: int = 0
    """Counts physical resets."""
    reset_record: bytes = field(default=b"", repr=False)
    retired: bool = False
    """Out of service for ever."""
    case: str = ""
    """That it is seized for."""
    seized_utc_s: int = 0
    """When the seizure was signed that it took last: one that was lifted does not come back."""
    destroying: bool = False
    """Footage is being destroyed: whatever is left of it goes at the next start."""

    @classmethod
    def new(cls, serial: str, kind: PeerKind, agency: Agency, *, enrolled: bool, sealed: bool = True) -> Self:
        """As the factory makes a device, or as an agency has it that enrolled it; a camera that is `sealed` got the
        evidence recipients with it."""
        made = agency.factory_device(serial, kind)
        kept = cls(factory_key=private_bytes(made.key), factory_chain=made.chain)
        if not enrolled:
            return kept
        issued = agency.device(serial, kind)
        recipients = agency.recipients if sealed and kind is PeerKind.CAMERA else ()
        return replace(
            kept,
            key=private_bytes(issued.key),
            chain=issued.chain,
            roots=agency.anchors,
            recipients=recipients,
        )

    def forgotten(self, generation: int, reset_record: bytes) -> Self:
        """With everything of its agency gone, and footage that is yet to be destroyed."""
        return type(self)(
            factory_key=self.factory_key,
            factory_chain=self.factory_chain,
            generation=generation,
            reset_record=reset_record,
            retired=self.retired,
            destroying=True,
        )

    def to_part(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "factory_key": _text(self.factory_key),
            "factory_chain": list(map(_text, self.factory_chain)),
            "key": _text(self.key),
            "chain": list(map(_text, self.chain)),
            "roots": list(map(_text, self.roots)),
            "requested_key": _text(self.requested_key),
            "deny_list": _text(self.deny_list),
            "recipients": list(map(_text, self.recipients)),
            "proofs": [proof.to_part() for proof in self.proofs],
            "bench": self.bench,
            "last_dock_issuer": _text(self.last_dock_issuer),
            "desired_counter": self.desired_counter,
            "desired_sha256": _text(self.desired_sha256),
            "generation": self.generation,
            "reset_record": _text(self.reset_record),
            "retired": self.retired,
            "case": _text(self.case.encode()),
            "seized_utc_s": self.seized_utc_s,
            "destroying": self.destroying,
        }

    @classmethod
    def of_part(cls, kept: dict[str, Any], serial: str, kind: PeerKind) -> Self:
        """What `to_part` gave, of this device. Raises `StateError` if it cannot be that."""
        part_of(kept, "the trust", cls.__dataclass_fields__)
        found = cls(
            factory_key=_bytes(kept, "factory_key", KEY_MAX),
            factory_chain=_list(kept, "factory_chain", 2),
            key=_bytes(kept, "key", KEY_MAX),
            chain=_list(kept, "chain", 2),
            roots=_list(kept, "roots", ROOTS_MAX),
            requested_key=_bytes(kept, "requested_key", KEY_MAX),
            deny_list=_bytes(kept, "deny_list", DENY_LIST_MAX),
            recipients=_list(kept, "recipients", RECIPIENTS_MAX),
            proofs=_proofs(kept),
            bench=flag(kept, "bench"),
            last_dock_issuer=_bytes(kept, "last_dock_issuer", KEY_ID_MAX),
            desired_counter=whole(kept, "desired_counter", 0, U32_MAX),
            desired_sha256=_bytes(kept, "desired_sha256", DOCUMENT_ID_MAX),
            generation=whole(kept, "generation", 0, U32_MAX),
            reset_record=_bytes(kept, "reset_record", RECORD_MAX),
            retired=flag(kept, "retired"),
            case=_words(kept, "case", CASE_MAX),
            seized_utc_s=whole(kept, "seized_utc_s", 0, FOREVER_S),
            destroying=flag(kept, "destroying"),
        )
        found._check(serial, kind)
        return found

    def _check(self, serial: str, kind: PeerKind) -> None:
        """Holds it together: certificates of this device, each with its key. Raises `StateError`."""
        if bool(self.chain) != bool(self.key) or bool(self.chain) != bool(self.roots):
            raise StateError(
                "the kept trust cannot be read: a certificate without its key or root, or the reverse"
            )
        _check_pair(self.factory_key, self.factory_chain, serial, kind, "the factory's")
        if self.chain:
            _check_pair(self.key, self.chain, serial, kind, "the agency's")
        if self.requested_key:
            load_private(self.requested_key)


def _proofs(kept: dict[str, Any]) -> tuple[KeptProof, ...]:
    found = kept["proofs"]
    if not isinstance(found, list) or len(found) > RECIPIENTS_MAX:
        raise StateError("the kept trust cannot be read: proofs is no list of proofs")
    return tuple(map(KeptProof.of_part, found))


def private_bytes(key: Any) -> bytes:
    """A private key as it is kept."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    found: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return found


def load_private(data: bytes) -> Any:
    """A key that was kept. Raises `StateError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StateError("the kept trust cannot be read: a key is none") from error


def public_sha256(key: Any) -> bytes:
    """SHA-256 of the public half of a private key, as certificates are told by it."""
    from bwc_protocol.certificates.facts import key_sha256

    return key_sha256(key.public_key())


def _check_pair(key: bytes, chain: tuple[bytes, ...], serial: str, kind: PeerKind, whose: str) -> None:
    from bwc_protocol.certificates.facts import MalformedCertificate, read_certificate

    try:
        facts, mine = read_certificate(chain[0]), public_sha256(load_private(key))
    except (IndexError, MalformedCertificate) as error:
        raise StateError(f"the kept trust cannot be read: {whose} certificate is none") from error
    if (facts.name, facts.kind, facts.key_sha256) != (serial, kind, mine):
        raise StateError(f"the kept trust cannot be read: {whose} certificate is of another device or key")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(kept: dict[str, Any], key: str, most: int) -> bytes:
    return _decoded(kept[key], key, most)


def _words(kept: dict[str, Any], key: str, most: int) -> str:
    try:
        return _bytes(kept, key, most).decode()
    except UnicodeDecodeError as error:
        raise StateError(f"the kept state cannot be read: {key} is no text") from error


def _list(kept: dict[str, Any], key: str, most: int) -> tuple[bytes, ...]:
    found = kept[key]
    if not isinstance(found, list) or len(found) > most:
        raise StateError(f"the kept state cannot be read: {key} is no list of at most {most}")
    return tuple(_decoded(one, key, CERTIFICATE_MAX) for one in found)


def _decoded(value: object, key: str, most: int) -> bytes:
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        data = None
    if data is None or len(data) > most:
        raise StateError(f"the kept state cannot be read: {key} is no base64 of at most {most} bytes")
    return data

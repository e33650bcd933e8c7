"""Trust: whom a device belongs to, its certificate, and the signed documents that it takes (spec: Trust, 0x0bxx)."""

from typing import Final

from bwc_protocol.declare import (
    ANYONE,
    DEVICES,
    Effect,
    Refusals,
    Request,
    Role,
    StreamDirection,
    Subject,
    Wire,
    blob,
    boolean,
    command,
    i64,
    items,
    method,
    text,
    u16,
    u32,
    wire,
)
from bwc_protocol.documents.deny_list import DENY_LIST_MAX
from bwc_protocol.documents.desired_state import DESIRED_MAX
from bwc_protocol.documents.installation import (
    INSTALLATION_MAX,
    RECIPIENTS_MAX,
    RENEWAL_MAX,
)
from bwc_protocol.documents.order import NONCE_SIZE, ORDER_MAX
from bwc_protocol.documents.renewal_proof import RENEWAL_PROOF_MAX
from bwc_protocol.documents.seizure import SEIZURE_MAX
from bwc_protocol.evidence.protection import SEALED_MAX
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.versions import V1_2
from bwc_protocol.vocabulary import ErrorCode

RENEWERS: Final = Role.TECHNICIAN | Role.DOCK_OFFLOAD
"""Who renews a certificate: whoever has the device before it, without a button."""
DELIVERERS: Final = Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.RECORDS | Role.BENCH
"""Who delivers a signed document of which not every host is a carrier."""
PROVERS: Final = DELIVERERS | Role.DESTINATION
"""Who carries a proof of opening between a camera and whoever has the key."""
REQUEST_MAX: Final = 1_024
"""Bytes of a certificate signing request; one of the profile has 250 to 350."""
ROOTS_MAX: Final = 2
"""A root and a standby root."""
WINDOW_S: Final = 120
"""How long a device can be enrolled after its button was pressed: time to start a tool, and no more."""
ENROLMENT_GRACE_S: Final = 60
"""How long the session of an enrolment may outlast the window: a request that was made in its last second, a CA that
answers, and an installation with a deny list of 256 KiB, which takes 25 s at 115,200 baud."""

_ARRIVED: Final[Refusals] = ((ErrorCode.HASH_MISMATCH, "the bytes are not those that were announced"),)
_DEVELOPMENT: Final[Refusals] = ((ErrorCode.WRONG_STATE, "development firmware, which is never enrolled"),)
ENROL_REFUSED: Final[Refusals] = (
    *_ARRIVED,
    (ErrorCode.WRONG_STATE, "it is enrolled by now, it has footage, or no request was made"),
    (ErrorCode.MALFORMED, "they are no installation"),
    (
        ErrorCode.UNTRUSTED,
        "a certificate does not keep to its profile, does not chain to the root that is installed, or is not of this "
        "device and its key; the host's own does not chain to that root; or the deny list does not verify",
    ),
)
RENEWAL_REFUSED: Final[Refusals] = (
    *_ARRIVED,
    (ErrorCode.WRONG_STATE, "it is not enrolled, or no request was made"),
    (ErrorCode.MALFORMED, "they are no renewal"),
    (
        ErrorCode.UNTRUSTED,
        "a certificate does not keep to its profile, does not chain to a root that is installed, or is not of this "
        "device and its key; or its issuer is denied",
    ),
)
DENY_LIST_REFUSED: Final[Refusals] = (
    *_ARRIVED,
    (ErrorCode.WRONG_STATE, "it is not enrolled"),
    (ErrorCode.MALFORMED, "they are no deny list"),
    (ErrorCode.UNTRUSTED, "it is not signed by a root that is installed"),
    (ErrorCode.CONFLICT, "a newer one is installed, or another of the same counter"),
    (
        ErrorCode.OUT_OF_RANGE,
        "it denies whoever delivers it, or the last issuer that hosts were accepted from",
    ),
)
ORDER_REFUSED: Final[Refusals] = (
    *_ARRIVED,
    (ErrorCode.WRONG_STATE, "it is not enrolled"),
    (ErrorCode.MALFORMED, "they are no order"),
    (ErrorCode.UNTRUSTED, "it is not signed as its kind demands, by two subjects of the agency"),
    (
        ErrorCode.CONFLICT,
        "another device, another nonce, or something was recorded since the nonce was given",
    ),
    (ErrorCode.HELD, "a hold protects footage, and the order does not say that it goes as well"),
    (
        ErrorCode.NEEDS_RECEIPT,
        "there is footage without a receipt, and the order does not say that it goes as well",
    ),
    (ErrorCode.OUT_OF_RANGE, "it asks for what this device does not do"),
    (ErrorCode.WRONG_STATE, "a transfer or a decommission while it records"),
)
DESIRED_REFUSED: Final[Refusals] = (
    *_ARRIVED,
    (ErrorCode.WRONG_STATE, "it is not enrolled"),
    (ErrorCode.MALFORMED, "they are no desired state"),
    (ErrorCode.UNTRUSTED, "it is not signed by a technician of the agency"),
    (
        ErrorCode.CONFLICT,
        "it is for another device or another generation of it, a newer one was taken, or another of the same counter",
    ),
    (ErrorCode.UNKNOWN_SETTING, "a key that the schema does not have"),
    (ErrorCode.WRONG_TYPE, "a value of another type"),
    (ErrorCode.PURPOSE_REFUSED, "a purpose that is solely First Amendment activity"),
    (ErrorCode.OUT_OF_RANGE, "a value beyond its limits"),
)
SEIZURE_REFUSED: Final[Refusals] = (
    *_ARRIVED,
    (ErrorCode.WRONG_STATE, "it is not enrolled, or is seized for another case"),
    (ErrorCode.MALFORMED, "they are no seizure"),
    (ErrorCode.UNTRUSTED, "it is not signed by the records section of the agency"),
    (ErrorCode.CONFLICT, "it is for another device, or not younger than the last one that it took"),
)
"""Verdicts on what is uploaded, in their order."""
SEIZED_REFUSES: Final = frozenset(
    {
        "assignment.assign",
        "assignment.clear",
        "bench.charge",
        "bench.clock",
        "bench.fill",
        "bench.record",
        "bench.restore",
        "clock.set",
        "config.commit",
        "config.stage",
        "config.upload",
        "recordings.erase",
        "trust.desired",
    }
)
"""Commands that a seized camera answers with WRONG_STATE, whoever asks."""


@wire
class Fingerprint(Wire):
    """A certificate, by its hash."""

    sha256: bytes = blob("SHA-256 of the certificate", size=32)


@wire
class OpeningProof(Wire):
    """When a recipient last proved that it can open what this device encrypts."""

    recipient: bytes = blob("SHA-256 of the recipient's SubjectPublicKeyInfo", size=32)
    utc_ns: int = i64("when, by the device's clock", unit="ns")
    powered_min: int = u32("how long the device had been running in all", unit="min")


@wire
class TrustState(Wire):
    """Whom the device belongs to, and what it holds."""

    enrolled: bool = boolean("whether it belongs to an agency")
    agency: str = text("name of the agency; nothing without one", max=64)
    lab: str = text("id of the lab whose agency it is; nothing for a real one", max=32)
    roots: tuple[Fingerprint, ...] = items(Fingerprint, "root, then standby root", max=ROOTS_MAX)
    issuer_key_id: bytes = blob("key id of the CA that issued its certificate", max=32)
    not_before_s: int = i64("its certificate begins, UTC; 0 = it has none", unit="s")
    not_after_s: int = i64("its certificate ends, UTC; 0 = it has none", unit="s")
    deny_counter: int = u32("counter of its deny list; 0 = it has none")
    recipients: tuple[Fingerprint, ...] = items(Fingerprint, "evidence recipients", max=RECIPIENTS_MAX)
    locked: bool = boolean("locked for production: it refuses the role BENCH")
    floor_s: int = i64("certificates that ended before this time are refused, UTC", unit="s")
    desired_counter: int = u32("counter of the last desired state that it took; 0 = none")
    generation: int = u32("counts physical resets")
    requested: bool = boolean("whether a request waits for its certificate")
    window_s: int = u16(
        "what is left of the time in which it can be enrolled; 0 = press its button", unit="s"
    )
    proofs: tuple[OpeningProof, ...] = items(
        OpeningProof, "last proof of opening of each recipient that gave one", max=RECIPIENTS_MAX, default=()
    )


@command(
    0x0B01,
    "trust.read",
    roles=ANYONE | Role.ENROLLER,
    answered_by=DEVICES,
    since=V1_2,
    while_expired=True,
)
class ReadTrust(Request[TrustState]):
    """Read whom the device belongs to, until when its certificate is good, and what else it holds."""


@wire
class CertificateRequest(Wire):
    """A certificate signing request (PKCS #10, RFC 2986)."""

    request: bytes = blob("DER, signed by the new key; its subject is the serial number", max=REQUEST_MAX)
    proof: bytes = blob(
        "renewal proof, by the present key; empty of a device that belongs to no agency",
        max=RENEWAL_PROOF_MAX,
        since=V1_2,
        default=b"",
    )


@command(
    0x0B02,
    "trust.request",
    roles=RENEWERS | Role.ENROLLER,
    effect=Effect.REPEATABLE,
    answered_by=DEVICES,
    errors=_DEVELOPMENT,
    since=V1_2,
    while_expired=True,
)
class RequestCertificate(Request[CertificateRequest]):
    """Have the device make a key and ask for a certificate of it; the same again until one is installed."""


@command(
    0x0B03,
    "trust.enroll",
    roles=Role.ENROLLER,
    effect=Effect.ONCE,
    stream=StreamDirection.TO_DEVICE,
    answered_by=DEVICES,
    errors=((ErrorCode.WRONG_STATE, "it is enrolled, it has footage, or no request was made"),),
    verdicts=ENROL_REFUSED,
    since=V1_2,
)
class Enroll(Request[StreamOpened]):
    """Install what makes the device one of an agency (spec: Enrolment), by a stream; then the session ends."""

    length: int = u32("bytes of the installation", unit="byte", min=1, max=INSTALLATION_MAX)
    sha256: bytes = blob("SHA-256 of the installation", size=32)


@command(
    0x0B04,
    "trust.renew",
    roles=RENEWERS,
    effect=Effect.REPEATABLE,
    stream=StreamDirection.TO_DEVICE,
    answered_by=DEVICES,
    errors=((ErrorCode.WRONG_STATE, "it is not enrolled"),),
    verdicts=RENEWAL_REFUSED,
    since=V1_2,
    while_expired=True,
)
class Renew(Request[StreamOpened]):
    """Install a new certificate of the same agency (spec: Renewal), by a stream; the old one is good until then."""

    length: int = u32("bytes of the renewal", unit="byte", min=1, max=RENEWAL_MAX)
    sha256: bytes = blob("SHA-256 of the renewal", size=32)


@command(
    0x0B05,
    "trust.deny_list",
    roles=ANYONE,
    effect=Effect.REPEATABLE,
    stream=StreamDirection.TO_DEVICE,
    answered_by=DEVICES,
    errors=((ErrorCode.WRONG_STATE, "it is not enrolled"),),
    verdicts=DENY_LIST_REFUSED,
    since=V1_2,
    while_expired=True,
    signed=True,
)
class InstallDenyList(Request[StreamOpened]):
    """Install a newer deny list (spec: Signed documents), by a stream; it ends the sessions of those whom it denies."""

    length: int = u32("bytes of the list", unit="byte", min=1, max=DENY_LIST_MAX)
    sha256: bytes = blob("SHA-256 of the list", size=32)


@command(
    0x0B06,
    "trust.read_deny_list",
    roles=ANYONE,
    stream=StreamDirection.FROM_DEVICE,
    answered_by=DEVICES,
    errors=((ErrorCode.NOT_FOUND, "it has none"),),
    since=V1_2,
    while_expired=True,
)
class ReadDenyList(Request[StreamOpened]):
    """Open the device's deny list as a stream, to be carried to those that have an older one."""


@wire
class OrderNonce(Wire):
    """What an order to this device has to name."""

    nonce: bytes = blob("fresh; one order can use it, within a week and this boot", size=NONCE_SIZE)
    sequence: int = u32("number of the newest recording; 0 = none")
    manifest_sha256: bytes = blob("SHA-256 of its manifest; zeros without one", size=32)
    recordings: int = u32("recordings that it has")
    held: int = u32("of these, protected by a hold")
    undelivered: int = u32("of these, without a receipt for what they are now")


@command(
    0x0B07,
    "trust.nonce",
    roles=DELIVERERS,
    effect=Effect.REPEATABLE,
    answered_by=DEVICES,
    errors=((ErrorCode.WRONG_STATE, "it is not enrolled"),),
    since=V1_2,
)
class GiveNonce(Request[OrderNonce]):
    """Have a fresh nonce for an order; one that was given before is good no more."""


@command(
    0x0B08,
    "trust.order",
    roles=DELIVERERS,
    effect=Effect.GUARDED,
    guard="nonce",
    stream=StreamDirection.TO_DEVICE,
    answered_by=DEVICES,
    errors=(
        (ErrorCode.WRONG_STATE, "it is not enrolled"),
        (ErrorCode.CONFLICT, "another nonce, or none was given"),
    ),
    verdicts=ORDER_REFUSED,
    since=V1_2,
    signed=True,
)
class CarryOut(Request[StreamOpened]):
    """Carry out an order that two subjects signed (spec: Signed documents), by a stream."""

    nonce: bytes = blob("the nonce that the order names", size=NONCE_SIZE)
    length: int = u32("bytes of the order", unit="byte", min=1, max=ORDER_MAX)
    sha256: bytes = blob("SHA-256 of the order", size=32)


@command(
    0x0B09,
    "trust.desired",
    roles=DELIVERERS,
    effect=Effect.REPEATABLE,
    stream=StreamDirection.TO_DEVICE,
    errors=((ErrorCode.WRONG_STATE, "it is not enrolled"),),
    verdicts=DESIRED_REFUSED,
    since=V1_2,
    signed=True,
)
class TakeDesiredState(Request[StreamOpened]):
    """Take a configuration and assignment that a technician signed (spec: Signed documents), by a stream."""

    length: int = u32("bytes of the desired state", unit="byte", min=1, max=DESIRED_MAX)
    sha256: bytes = blob("SHA-256 of the desired state", size=32)


@wire
class ResetRecord(Wire):
    """What a physical reset destroyed, signed by the device's factory key."""

    record: bytes = blob("the record (spec: Physical reset)", max=8_192)


@command(
    0x0B0A,
    "trust.reset_record",
    roles=ANYONE | Role.ENROLLER,
    answered_by=DEVICES,
    errors=((ErrorCode.NOT_FOUND, "it was never reset"),),
    since=V1_2,
    while_expired=True,
)
class ReadResetRecord(Request[ResetRecord]):
    """Read the record of the last physical reset."""


@command(
    0x0B0D,
    "trust.seize",
    roles=DELIVERERS,
    effect=Effect.REPEATABLE,
    stream=StreamDirection.TO_DEVICE,
    errors=((ErrorCode.WRONG_STATE, "it is not enrolled"),),
    verdicts=SEIZURE_REFUSED,
    since=V1_2,
    signed=True,
)
class Seize(Request[StreamOpened]):
    """Seize a camera for a case, by what the records section signed (spec: Seizures), by a stream."""

    length: int = u32("bytes of the seizure", unit="byte", min=1, max=SEIZURE_MAX)
    sha256: bytes = blob("SHA-256 of the seizure", size=32)


@wire
class OpeningChallenge(Wire):
    """Random bytes that only the recipient can give back."""

    sealed: bytes = blob("32 bytes, sealed for the recipient (spec: Encryption)", max=SEALED_MAX)


@command(
    0x0B0B,
    "trust.challenge",
    roles=PROVERS,
    effect=Effect.REPEATABLE,
    errors=(
        *_DEVELOPMENT,
        (ErrorCode.NOT_FOUND, "it has no such recipient"),
    ),
    since=V1_2,
)
class ChallengeRecipient(Request[OpeningChallenge]):
    """Have a challenge for an evidence recipient; one that was given before is good no more."""

    recipient: bytes = blob("SHA-256 of the recipient's SubjectPublicKeyInfo", size=32)


@command(
    0x0B0C,
    "trust.prove",
    roles=PROVERS,
    effect=Effect.GUARDED,
    guard="opened",
    errors=(
        *_DEVELOPMENT,
        (ErrorCode.NOT_FOUND, "it has no such recipient"),
        (ErrorCode.CONFLICT, "these are not the bytes of its last challenge, or they were given back before"),
    ),
    since=V1_2,
)
class ProveOpening(Request[OpeningProof]):
    """Give back what a challenge opened to: the proof that somebody can open what the device encrypts."""

    recipient: bytes = blob("SHA-256 of the recipient's SubjectPublicKeyInfo", size=32)
    opened: bytes = blob("the bytes", size=32)


class Trust(Subject):
    """The single steps; `Camera.trust` and `DockingStation.trust` add what goes by streams."""

    read = method(ReadTrust)
    request = method(RequestCertificate)
    nonce = method(GiveNonce)
    reset_record = method(ReadResetRecord)
    challenge = method(ChallengeRecipient)
    prove = method(ProveOpening)

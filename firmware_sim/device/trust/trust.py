"""A device's trust: whom it belongs to, whom it takes for a host, and what changes either (spec: Trust)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from bwc_protocol.certificates.checks import Check, PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_protocol.declare import ANYONE, NO_ROLE, Role
from bwc_protocol.frame import Reset, ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.trust import ENROLMENT_GRACE_S, Fingerprint, OpeningProof, TrustState
from bwc_protocol.session.interface import PeerCredentials, Session, SessionFactory, SessionSide
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.make import Make
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.trust.admission import (
    FAILURE_EVERY_S,
    FAILURES_MAX,
    LEFT_EVERY_S,
    LEFT_MAX,
    Bucket,
    FailureLog,
    Window,
)
from firmware_sim.device.trust.kept import STATE_NAME, KeptTrust, load_private, private_bytes, public_sha256
from firmware_sim.device.trust.opening_proof import Challenges, KeptProof
from firmware_sim.device.trust.order_nonce import OrderNonces
from firmware_sim.flash.flash import StateError
from firmware_sim.state.commit import Change
from firmware_sim.state.directory import StateDirectory

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from bwc_protocol.documents.deny_list import DenyList
    from bwc_protocol.documents.installation import Installation, Renewal
    from bwc_protocol.evidence.sign1 import Signer


class Owner(Protocol):
    """The device, as far as its trust is concerned."""

    serial: str
    audit: AuditLog
    entropy: random.Random

    @property
    def make(self) -> Make: ...

    @property
    def kind(self) -> PeerKind: ...

    @property
    def has_footage(self) -> bool:
        """Whether anything is recorded on it, or being recorded."""

    def time(self) -> float:
        """Seconds that it has been running, and was off."""


@dataclass(frozen=True, slots=True)
class Showing:
    """What the device brings into handshakes, and how it judges who answers."""

    chain: tuple[bytes, ...] = field(repr=False)
    key: bytes = field(repr=False)
    """PKCS #8."""
    anchors: tuple[bytes, ...] = field(repr=False)
    """Empty while it is not enrolled: then nothing is verified, and the host may only enrol."""
    lab: bool
    judge: Callable[[CertificateFacts], PeerCredentials]


def secure_sessions(showing: Showing) -> SessionFactory:
    """Sessions by TLS."""
    from bwc_protocol.session.tls import KeyCredentials, TlsProfile, tls_sessions

    credentials = KeyCredentials(showing.chain, load_private(showing.key))
    return tls_sessions(
        TlsProfile(credentials=credentials, anchors=showing.anchors, lab=showing.lab, judge=showing.judge)
    )


class DeviceTrust:
    """What one device keeps of its trust, on its flash."""

    def __init__(
        self,
        device: Owner,
        kept: KeptTrust,
        directory: StateDirectory,
        sessions: Callable[[Showing], SessionFactory] = secure_sessions,
    ) -> None:
        self.kept = kept
        self.window = Window(device.time)
        self.failed = Bucket(device.time, FAILURES_MAX, FAILURE_EVERY_S)
        self.left = Bucket(device.time, LEFT_MAX, LEFT_EVERY_S)
        self.nonces = OrderNonces(device.time, lambda size: device.entropy.randbytes(size))
        self.challenges = Challenges(lambda: device.serial, lambda size: device.entropy.randbytes(size))
        self._device = device
        self._directory = directory
        self.sessions = sessions
        """Makes its end of sessions; replaced where a test has a device misbehave."""
        self._failures = FailureLog(device.audit, device.serial, device.time)
        self._factory: SessionFactory | None = None
        self._signer: Signer | None = None
        self._adopt(kept)

    def _adopt(self, kept: KeptTrust) -> None:
        """From now on this is so. Raises `StateError` for a certificate or list that cannot be read."""
        try:
            own = read_certificate(kept.chain[0]) if kept.chain else None
        except MalformedCertificate as error:
            raise StateError(f"the kept trust cannot be read: {error}") from error
        denied = _deny_list(kept, own.lab if own is not None else "")
        self.kept, self.own, self.denied = kept, own, denied
        self._factory = self._signer = None

    def forget_made(self) -> None:
        """What is made of the kept keys is made anew when it is asked for."""
        self._factory = self._signer = None

    # What it is

    @property
    def enrolled(self) -> bool:
        """Whether it belongs to an agency."""
        return self.own is not None

    @property
    def lab(self) -> str:
        """The lab that it belongs to; nothing for a real agency."""
        return self.own.lab if self.own is not None else ""

    @property
    def locked(self) -> bool:
        """Whether it is in service, and refuses the role BENCH."""
        return self.own is not None and not self.own.lab and not self.kept.bench

    @property
    def floor_s(self) -> int:
        """Certificates that ended before are refused: by the firmware's age, or the agency's word if that is later.

        Never by the device's clock, which anybody could have set wrong, and never by a certificate.
        """
        return max(self._device.make.built_s, self.denied.floor_utc_s if self.denied is not None else 0)

    @property
    def deny_counter(self) -> int:
        """Of its deny list; 0 without one."""
        return self.denied.counter if self.denied is not None else 0

    @property
    def checks(self) -> Trust:
        """What it holds hosts and signers against."""
        return Trust(
            lab=self.lab,
            floor_s=self.floor_s,
            denied=self.denied,
            refused_roles=Role.BENCH if self.locked else NO_ROLE,
        )

    def state(self) -> TrustState:
        """As it is told to hosts."""
        own, kept = self.own, self.kept
        return TrustState(
            enrolled=own is not None,
            agency=own.agency if own is not None else "",
            lab=self.lab,
            roots=tuple(map(_fingerprint, kept.roots)),
            issuer_key_id=own.issuer_key_id if own is not None else b"",
            not_before_s=own.not_before_s if own is not None else 0,
            not_after_s=own.not_after_s if own is not None else 0,
            deny_counter=self.deny_counter,
            recipients=tuple(map(_fingerprint, kept.recipients)),
            locked=self.locked,
            floor_s=self.floor_s,
            desired_counter=kept.desired_counter,
            generation=kept.generation,
            requested=bool(kept.requested_key),
            window_s=0 if self.enrolled else self.window.left_s,
            proofs=tuple(map(_proof, kept.proofs)),
        )

    @property
    def signer(self) -> Signer | None:
        """Signs what the device states of itself, by its agency's certificate; None while it has none."""
        if self._signer is None and self.enrolled:
            from bwc_protocol.evidence.sign1 import KeySigner

            self._signer = KeySigner(self.kept.chain, load_private(self.kept.key))
        return self._signer

    # Openings and handshakes

    def opening(self, *, by_radio: bool) -> SessionFactory | Reset:
        """What a host gets that opens a channel: a session, or no word but why not."""
        wait_ms = max(self.failed.wait_ms(), self.left.wait_ms())
        if wait_ms:
            return Reset(reason=ResetReason.BUSY, retry_after_ms=wait_ms)
        if not self.enrolled and (by_radio or not self.may_be_enrolled):
            return Reset(reason=ResetReason.NOT_ENROLLED)
        if self._factory is None:
            self._factory = self.sessions(self._showing())
        return self._factory if self.enrolled else self._until_the_window_ends(self._factory)

    def _until_the_window_ends(self, sessions: SessionFactory) -> SessionFactory:
        """Sessions that do not outlast the press of the button by more than an installation takes: whoever came in
        time does not keep the device open for a day."""
        left_s = self.window.left_s + ENROLMENT_GRACE_S

        def bounded(side: SessionSide) -> Session:
            session = sessions(side)
            session.lifetime_s = left_s if session.lifetime_s is None else min(left_s, session.lifetime_s)
            return session

        return bounded

    @property
    def may_be_enrolled(self) -> bool:
        """Whether it stands open to be enrolled: its button was pressed, it has no footage, and is in no agency."""
        kept = self.kept
        return bool(
            self.window.left_s and not self.enrolled and not kept.retired and not self._device.has_footage
        )

    def _showing(self) -> Showing:
        kept = self.kept
        if not self.enrolled:
            return Showing(kept.factory_chain, kept.factory_key, (), lab=False, judge=self._judge_stranger)
        return Showing(kept.chain, kept.key, kept.roots, lab=bool(self.lab), judge=self._judge)

    def _judge(self, host: CertificateFacts) -> PeerCredentials:
        """Whether a host of the agency is taken, and as what. Raises `PeerRefused`."""
        check_peer(host, self.checks)
        return PeerCredentials(host.name, host.roles & ANYONE, host)

    def _judge_stranger(self, host: CertificateFacts) -> PeerCredentials:
        """A device in no agency can verify nothing: whoever stands at its button may enrol it, and do nothing else."""
        if not self.may_be_enrolled:
            raise PeerRefused(Check.FACTORY, "the device cannot be enrolled any more: press its button again")
        return PeerCredentials(host.name, Role.ENROLLER, host)

    def handshake_failed(self, check: Check | None, detail: str) -> None:
        """A host did not get as far as READY."""
        self.failed.take()
        self._failures.failed(check, detail)

    def handshake_left(self) -> None:
        """A host went away, or its cable did, before it was judged: nothing for the log, but not for nothing either."""
        self.left.take()

    def host_came(self, host: CertificateFacts | None, roles: Role) -> None:
        """A host has a session: the CA of the last dock is one that no deny list may shut out."""
        if host is None or not self.enrolled or Role.DOCK_OFFLOAD not in roles:
            return
        if host.issuer_key_id != self.kept.last_dock_issuer:
            changed = replace(self.kept, last_dock_issuer=host.issuer_key_id)
            try:
                self._keep_quietly(changed)
            except OSError as error:
                log.warning("the CA of the last dock is kept in memory alone: %s", error)
                self.kept = changed

    def _keep_quietly(self, kept: KeptTrust) -> None:
        """A change that is no entry in the log, and that no session depends on. Raises `OSError`."""
        self._directory.commits.commit(*self.change(kept))
        self.kept = kept

    # Changes

    def change(self, kept: KeptTrust) -> tuple[Change, ...]:
        """What keeps it with another state in its place."""
        return (self._directory.part(STATE_NAME, kept.to_part()),)

    def keep(self, kept: KeptTrust, kind: AuditKind, detail: str, actor: str, *also: Change) -> None:
        """Makes it so, together with the entry in the log. Raises `OSError`, and then it is as it was."""
        self._device.audit.append(kind, detail, actor, *self.change(kept), *also)
        self._adopt(kept)

    def destroyed(self) -> None:
        """Nothing of the time before is left. Raises `OSError`, and then it is tried again."""
        changed = replace(self.kept, destroying=False)
        self._keep_quietly(changed)

    def request(self) -> bytes:
        """A request for a certificate of a key that never leaves: the same one until a certificate is installed."""
        from bwc_protocol.certificates.issue import make_request, new_key

        if self.kept.requested_key:
            return make_request(load_private(self.kept.requested_key), self._device.serial)
        key = new_key()
        changed = replace(self.kept, requested_key=private_bytes(key))
        self._keep_quietly(changed)
        return make_request(key, self._device.serial)

    def proof_of(self, request: bytes) -> bytes:
        """That a request is this device's, by its present key; empty while it has none of an agency."""
        from bwc_protocol.documents.renewal_proof import sign_renewal_proof

        signer = self.signer
        return b"" if signer is None else sign_renewal_proof(request, self._device.serial, self.lab, signer)

    def demand_enrollable(self) -> None:
        """Raises `Refusal` unless an installation can be taken."""
        if self.enrolled:
            raise Refusal(
                ErrorCode.WRONG_STATE, "it is enrolled: a renewal needs no button, another agency a transfer"
            )
        if self.kept.retired:
            raise Refusal(ErrorCode.WRONG_STATE, "it is out of service for ever")
        if self._device.has_footage:
            raise Refusal(
                ErrorCode.WRONG_STATE, "it has footage, which is of nobody yet: only a physical reset helps"
            )
        self._demand_request()

    def enroll(self, found: Installation, host: CertificateFacts | None) -> None:
        """Makes it one of an agency. Raises `Refusal` and `OSError`, and then it is not."""
        from firmware_sim.device.trust.acceptance import check_installation

        self.demand_enrollable()
        check_installation(found, host, self._applicant())
        kept = replace(
            self.kept,
            key=self.kept.requested_key,
            requested_key=b"",
            chain=(found.certificate, found.issuing),
            roots=found.roots,
            deny_list=found.deny_list,
            recipients=found.recipients,
            bench=found.bench,
        )
        leaf = read_certificate(found.certificate)
        where = (
            f"lab {leaf.lab}" if leaf.lab else "locked for production" if not found.bench else "not locked"
        )
        detail = f"{leaf.agency}, {where}, certificate {leaf.serial:x}"
        self.keep(kept, AuditKind.ENROLLED, detail, host.name if host is not None else "")
        self.window.close()

    def prove(self, proof: KeptProof, actor: str) -> None:
        """Keeps the proof of a recipient in the place of its last one. Raises `OSError`, and then it is not kept."""
        others = (one for one in self.kept.proofs if one.recipient != proof.recipient)
        changed = replace(self.kept, proofs=(*others, proof))
        detail = f"recipient {proof.recipient.hex()[:16]}"
        self._device.audit.append(AuditKind.OPENING_PROVED, detail, actor, *self.change(changed))
        self.kept = changed

    def demand_enrolled(self) -> None:
        """Raises `Refusal` unless it belongs to an agency."""
        if not self.enrolled:
            raise Refusal(ErrorCode.WRONG_STATE, "it is not enrolled")

    def renew(self, found: Renewal, actor: str) -> None:
        """Takes another certificate of its agency; the old one is good until then. Raises `Refusal` and `OSError`."""
        from firmware_sim.device.trust.acceptance import check_renewal

        self.demand_enrolled()
        assert self.own is not None
        if (found.certificate, found.issuing) == self.kept.chain:
            return  # sent again, since its answer was lost
        self._demand_request()
        check_renewal(found, self.own, self.kept.roots, self.denied, self._applicant())
        kept = replace(
            self.kept,
            key=self.kept.requested_key,
            requested_key=b"",
            chain=(found.certificate, found.issuing),
        )
        leaf = read_certificate(found.certificate)
        self.keep(kept, AuditKind.RENEWED, f"certificate {leaf.serial:x}, to {leaf.not_after_s} s", actor)

    def _demand_request(self) -> None:
        if not self.kept.requested_key:
            raise Refusal(ErrorCode.WRONG_STATE, "no request was made that a certificate could be for")

    def _applicant(self) -> Any:
        from firmware_sim.device.trust.acceptance import Applicant

        return Applicant(
            serial=self._device.serial,
            kind=self._device.kind,
            key_sha256=public_sha256(load_private(self.kept.requested_key)),
            floor_s=self.floor_s,
        )


def _deny_list(kept: KeptTrust, lab: str) -> DenyList | None:
    if not kept.deny_list:
        return None
    from bwc_protocol.documents.deny_list import verify_deny_list
    from bwc_protocol.documents.refusal import DocumentRefused

    try:
        return verify_deny_list(kept.deny_list, kept.roots, lab=lab)
    except DocumentRefused as error:
        raise StateError(f"the kept trust cannot be read: its deny list: {error}") from error


def _proof(kept: KeptProof) -> OpeningProof:
    return OpeningProof(recipient=kept.recipient, utc_ns=kept.utc_ns, powered_min=kept.powered_min)


def _fingerprint(der: bytes) -> Fingerprint:
    import hashlib

    return Fingerprint(sha256=hashlib.sha256(der).digest())

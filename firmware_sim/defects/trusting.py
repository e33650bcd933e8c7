"""Defects of trust: whom a device takes for a host, and what documents it believes (spec: Certificates, Trust)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Final

import cbor2

from bwc_protocol.certificates.checks import CHECKS, Check, PeerRefused, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import ANYONE
from bwc_protocol.documents import refusal, signed_document
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DeniedKind, DenyList, in_order
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.trust import (
    CarryOut,
    CertificateRequest,
    InstallDenyList,
    Renew,
    RequestCertificate,
    TakeDesiredState,
)
from bwc_protocol.session.interface import PeerCredentials, SessionFactory, SessionSide
from bwc_protocol.session.tls import KeyCredentials, TlsProfile, TlsSession
from bwc_protocol.session.tls_context import context_for
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.defects.defect import Defect
from firmware_sim.device.trust import acceptance, carrying_out
from firmware_sim.device.trust.kept import load_private
from firmware_sim.device.trust.trust import DeviceTrust, Showing
from firmware_sim.faulty_evidence import answer_otherwise
from firmware_sim.handlers import trust as handlers
from firmware_sim.storage.receipts import KeptReceipt
from firmware_sim.storage.storage import StoredRecording


def _trust(camera: SimCamera) -> DeviceTrust:
    if camera.trust is None:
        raise ValueError("development firmware has no trust that could have a defect")
    return camera.trust


# Hosts


def _judges_without(check: Check) -> Callable[[SimCamera], None]:
    """Takes a host for good whatever this check says."""

    def into(camera: SimCamera) -> None:
        trust = _trust(camera)

        def judge(host: CertificateFacts) -> PeerCredentials:
            for each, verdict in CHECKS.items():
                found = verdict(host, trust.checks) if each is not check else None
                if found is not None:
                    raise PeerRefused(each, found)
            return PeerCredentials(host.name, host.roles & ANYONE, host)

        trust._judge = judge  # type: ignore[method-assign]  # the defect
        trust.forget_made()

    return into


def _denies_by(kind: Callable[[Denied], Denied | None]) -> Callable[[SimCamera], None]:
    """Reads the entries of its deny list otherwise."""

    def into(camera: SimCamera) -> None:
        trust = _trust(camera)

        def judge(host: CertificateFacts) -> PeerCredentials:
            held = trust.denied
            if held is not None:
                entries = tuple(filter(None, map(kind, held.entries)))
                trust.denied = replace(held, entries=in_order(entries))
            try:
                check_peer(host, trust.checks)
            finally:
                trust.denied = held
            return PeerCredentials(host.name, host.roles & ANYONE, host)

        trust._judge = judge  # type: ignore[method-assign]  # the defect
        trust.forget_made()

    return into


def _names_alone(entry: Denied) -> Denied | None:
    return entry if entry.by is DeniedBy.NAME else None


def _whatever_it_is(entry: Denied) -> Denied | None:
    return replace(entry, kind=DeniedKind.ANY)


class _TakesAnyForm(TlsSession):
    def _checked(self) -> PeerCredentials:
        try:
            return super()._checked()
        except PeerRefused as refused:
            if refused.check is not Check.FORM:
                raise
            return PeerCredentials("whoever it is", ANYONE, None)


class _TakesAnyTls(TlsSession):
    def _checked(self) -> PeerCredentials:
        der = self._tls.getpeercert(binary_form=True)
        assert der is not None
        return self._judge(read_certificate(der))


class _Sessions:
    """Sessions of another kind, or by other contexts."""

    session: ClassVar[type[TlsSession]] = TlsSession

    def __init__(self, showing: Showing) -> None:
        credentials = KeyCredentials(showing.chain, load_private(showing.key))
        self._profile = TlsProfile(
            credentials=credentials, anchors=showing.anchors, lab=showing.lab, judge=showing.judge
        )
        self._context = context_for(credentials, showing.anchors, client=True, lab=showing.lab)
        self.change(self._context)

    def change(self, context: ssl.SSLContext) -> None:
        """Makes the context another."""

    def __call__(self, side: SessionSide) -> TlsSession:
        return self.session(side, self._context, self._profile)


class _AnyForm(_Sessions):
    session = _TakesAnyForm


class _AnyTls(_Sessions):
    session = _TakesAnyTls

    def change(self, context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2


class _NamelessIssuers(_Sessions):
    def change(self, context: ssl.SSLContext) -> None:
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT


def _speaks_by(
    sessions: Callable[[Showing], SessionFactory], *, without: Check | None = None
) -> Callable[[SimCamera], None]:
    def into(camera: SimCamera) -> None:
        trust = _trust(camera)
        if without is not None:
            _judges_without(without)(camera)
        trust.sessions = sessions

    return into


def _never_full(bucket: str) -> Callable[[SimCamera], None]:
    """Counts no handshake of a kind."""
    return lambda camera: setattr(getattr(_trust(camera), bucket), "take", lambda: None)


def _forgets_failures(camera: SimCamera) -> None:
    _trust(camera)._failures.failed = lambda check, detail: None  # type: ignore[method-assign]  # the defect


def _names_no_check(camera: SimCamera) -> None:
    log = _trust(camera)._failures
    failed = log.failed
    log.failed = lambda check, detail: failed(None, "something")  # type: ignore[method-assign]  # the defect


def _busy_when_new(camera: SimCamera) -> None:
    trust = _trust(camera)
    opening = trust.opening

    def other(*, by_radio: bool) -> Any:
        said = opening(by_radio=by_radio)
        return trust.sessions(trust._showing()) if not callable(said) and not trust.enrolled else said

    trust.opening = other  # type: ignore[method-assign]  # the defect


def _enroller_may_all(camera: SimCamera) -> None:
    trust = _trust(camera)
    judge = trust._judge_stranger

    def generous(host: CertificateFacts) -> PeerCredentials:
        found = judge(host)
        return replace(found, roles=found.roles | ANYONE)

    trust._judge_stranger = generous  # type: ignore[method-assign]  # the defect


# Receipts


def _counts_denied(camera: SimCamera) -> None:
    erasing, trust = camera.erasing, _trust(camera)

    def counting(recording: StoredRecording) -> tuple[KeptReceipt, ...]:
        denied, trust.denied = trust.denied, None
        try:
            return erasing_counting(recording)
        finally:
            trust.denied = denied

    erasing_counting, erasing.counting = erasing.counting, counting  # type: ignore[method-assign]  # the defect


def _names_in_clear(camera: SimCamera) -> None:
    camera.__class__ = type("ItNames", (type(camera),), {"_names_hidden": False})


def _erases_unproved(camera: SimCamera) -> None:
    camera.erasing._proof_needed = lambda recording: False  # type: ignore[method-assign]  # the defect


# Documents

Handler = Callable[[CameraSession, Any], StreamOpened]


def _uploads(
    of: Handler, finishing: Callable[[CameraSession, bytes, Callable[[bytes], None]], None]
) -> Handler:
    """The handler of an upload, which does something else at its end."""

    def handler(session: CameraSession, request: Any) -> StreamOpened:
        take = session.take_upload

        def taking(length: int, finish: Callable[[bytes], None]) -> StreamOpened:
            return take(length, lambda data: finishing(session, data, finish))

        session.take_upload = taking  # type: ignore[method-assign]  # for this one
        try:
            return of(session, request)
        finally:
            del session.take_upload

    return handler


def _believes_without(
    *checks: DocumentCheck,
) -> Callable[[CameraSession, bytes, Callable[[bytes], None]], None]:
    """Takes a document whatever these checks say."""

    def finishing(session: CameraSession, data: bytes, finish: Callable[[bytes], None]) -> None:
        refusal._SWITCHED_OFF.update(checks)
        try:
            finish(data)
        finally:
            refusal._SWITCHED_OFF.difference_update(checks)

    return finishing


def _in_any_encoding(session: CameraSession, data: bytes, finish: Callable[[bytes], None]) -> None:
    finish(cbor2.dumps(cbor2.loads(data), canonical=True))


def _any_signer(session: CameraSession, data: bytes, finish: Callable[[bytes], None]) -> None:
    there = vars(signed_document)
    check, there["check_peer"] = there["check_peer"], lambda facts, trust: None
    try:
        finish(data)
    finally:
        there["check_peer"] = check


def _any_floor(session: CameraSession, data: bytes, finish: Callable[[bytes], None]) -> None:
    check, DenyList.check_together = DenyList.check_together, lambda self: None  # type: ignore[method-assign]  # the defect
    try:
        finish(data)
    finally:
        DenyList.check_together = check  # type: ignore[method-assign]  # as it was


def _any_renewal(session: CameraSession, data: bytes, finish: Callable[[bytes], None]) -> None:
    check, acceptance._check_own = acceptance._check_own, lambda leaf, device, lab: None
    try:
        finish(data)
    finally:
        acceptance._check_own = check


def _while_recording(session: CameraSession, data: bytes, finish: Callable[[bytes], None]) -> None:
    check, carrying_out._demand_no_recording = carrying_out._demand_no_recording, lambda session: None
    try:
        finish(data)
    finally:
        carrying_out._demand_no_recording = check


def _without_proof(session: CameraSession, request: RequestCertificate) -> CertificateRequest:
    return replace(handlers.request_certificate(session, request), proof=b"")


def _document(name: str, rule: str, what: str, request: type[Any], of: Handler, finishing: Any) -> Defect:
    def into(camera: SimCamera) -> None:
        _trust(camera)
        answer_otherwise(camera, request, _uploads(of, finishing))

    return Defect(name, rule, what, into)


def _list(name: str, rule: str, what: str, *checks: DocumentCheck) -> Defect:
    return _document(
        name, rule, what, InstallDenyList, handlers.install_deny_list, _believes_without(*checks)
    )


def _desired(name: str, rule: str, what: str, *checks: DocumentCheck) -> Defect:
    return _document(
        name, rule, what, TakeDesiredState, handlers.take_desired_state, _believes_without(*checks)
    )


def _order(name: str, rule: str, what: str, *checks: DocumentCheck) -> Defect:
    return _document(name, rule, what, CarryOut, handlers.carry_out, _believes_without(*checks))


DEFECTS: Final = (
    Defect("any-tls", "SES-023", "offers TLS 1.2", _speaks_by(_AnyTls)),
    Defect("any-form", "CER-004", "takes certificates that it cannot read", _speaks_by(_AnyForm)),
    Defect("any-key", "CER-005", "takes hosts with any key", _judges_without(Check.KEY)),
    Defect("any-purpose", "CER-006", "takes certificates without a purpose", _judges_without(Check.PURPOSE)),
    Defect(
        "nameless-issuers",
        "CER-007",
        "takes certificates that name no issuer",
        _speaks_by(_NamelessIssuers, without=Check.ISSUER),
    ),
    Defect("factory-hosts", "CER-008", "takes a factory's certificate", _judges_without(Check.FACTORY)),
    Defect("any-lab", "CER-009", "takes hosts of any lab, or of none", _judges_without(Check.LAB)),
    Defect("devices-as-hosts", "CER-010", "takes a device for a host", _judges_without(Check.KIND)),
    Defect("roles-without-sessions", "CER-011", "takes a recipient for a host", _judges_without(Check.ROLE)),
    Defect("takes-denied", "CER-013", "takes whom the deny list denies", _judges_without(Check.DENIED)),
    Defect("takes-bench", "ROL-003", "takes the role bench in production", _judges_without(Check.LOCKED)),
    Defect("never-tired", "TRU-009", "lets handshakes fail without end", _never_full("failed")),
    Defect("never-left", "TRU-013", "lets handshakes be left without end", _never_full("left")),
    Defect("forgets-failures", "TRU-010", "logs no handshake that failed", _forgets_failures),
    Defect("names-no-check", "TRU-010", "logs a handshake without its check", _names_no_check),
    Defect("speaks-when-new", "TRU-001", "begins a handshake before its button is pressed", _busy_when_new),
    Defect("enroller-may-all", "TRU-003", "gives who enrols it every role", _enroller_may_all),
    _document(
        "any-renewal", "TRU-005", "takes a renewal for another device", Renew, handlers.renew, _any_renewal
    ),
    _document(
        "left-recording",
        "TRU-012",
        "is given away while it records",
        CarryOut,
        handlers.carry_out,
        _while_recording,
    ),
    Defect(
        "no-proof",
        "TRU-015",
        "asks for a certificate without a proof",
        lambda camera: answer_otherwise(camera, RequestCertificate, _without_proof),
    ),
    _document(
        "any-encoding",
        "DOC-001",
        "takes signatures in any encoding",
        InstallDenyList,
        handlers.install_deny_list,
        _in_any_encoding,
    ),
    _list("list-of-any-lab", "DOC-003", "takes a deny list of another lab", DocumentCheck.LAB),
    _list("list-of-any-agency", "DOC-009", "takes a deny list of another agency", DocumentCheck.AGENCY),
    _list("any-list", "DOC-010", "takes a deny list that is older", DocumentCheck.COUNTER),
    Defect("denies-names-alone", "DOC-008", "denies nobody by a key", _denies_by(_names_alone)),
    Defect("denies-any-kind", "DOC-008", "denies a host by a camera's name", _denies_by(_whatever_it_is)),
    _document(
        "any-floor",
        "DOC-012",
        "takes a floor that is ahead of its list",
        InstallDenyList,
        handlers.install_deny_list,
        _any_floor,
    ),
    _list("list-as-a-trap", "DOC-011", "takes a list that denies who brings it", DocumentCheck.CARRIER),
    _document(
        "any-signer",
        "DOC-005",
        "takes a desired state that no host has signed",
        TakeDesiredState,
        handlers.take_desired_state,
        _any_signer,
    ),
    _desired("desired-by-anybody", "DOC-019", "takes a desired state of any role", DocumentCheck.ROLE),
    _desired("any-desired", "DOC-020", "takes a desired state that is older", DocumentCheck.COUNTER),
    _desired("desired-of-another", "DOC-021", "takes that of another camera", DocumentCheck.DEVICE),
    _desired("desired-of-before", "DOC-026", "takes that of another generation", DocumentCheck.GENERATION),
    Defect("counts-denied", "REC-059", "counts receipts of whom it denies by now", _counts_denied),
    Defect("names-in-clear", "REC-090", "names the wearer while names are sealed", _names_in_clear),
    Defect("erases-unproved", "REC-071", "erases what nobody proved to open", _erases_unproved),
    _order("one-person", "DOC-013", "takes an order of one person", DocumentCheck.SUBJECTS),
    _order("order-by-anybody", "DOC-014", "takes an order of any role", DocumentCheck.ROLE),
    _order("order-for-another", "DOC-015", "takes an order for another device", DocumentCheck.DEVICE),
    _order("any-nonce", "DOC-015", "takes an order with another nonce", DocumentCheck.NONCE),
    _order("step-of-before", "DOC-018", "takes a step for another revision", DocumentCheck.REVISION),
)

"""Trust: whom a device belongs to. One without an identity is development firmware, which is never enrolled."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from bwc_protocol.conversation.stream import BytesSource
from bwc_protocol.declare import Handlers
from bwc_protocol.documents.installation import Installation, NotAnInstallation, Renewal
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.trust import (
    CarryOut,
    CertificateRequest,
    ChallengeRecipient,
    Enroll,
    GiveNonce,
    InstallDenyList,
    OpeningChallenge,
    OpeningProof,
    OrderNonce,
    ProveOpening,
    ReadDenyList,
    ReadResetRecord,
    ReadTrust,
    Renew,
    RequestCertificate,
    ResetRecord,
    Seize,
    TakeDesiredState,
    TrustState,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.session import DeviceSession
from firmware_sim.device.trust.opening_proof import KeptProof
from firmware_sim.device.trust.trust import DeviceTrust
from firmware_sim.handlers.registry import CAMERA, STATION

UNTRUSTED: Final = TrustState(
    enrolled=False,
    agency="",
    lab="",
    roots=(),
    issuer_key_id=b"",
    not_before_s=0,
    not_after_s=0,
    deny_counter=0,
    recipients=(),
    locked=False,
    floor_s=0,
    desired_counter=0,
    generation=0,
    requested=False,
    window_s=0,
)
"""Of development firmware."""


def read(session: DeviceSession, request: ReadTrust) -> TrustState:
    trust = session.device.trust
    return trust.state() if trust is not None else UNTRUSTED


def request_certificate(session: DeviceSession, request: RequestCertificate) -> CertificateRequest:
    trust = _trust(session)
    made = trust.request()
    return CertificateRequest(request=made, proof=trust.proof_of(made))


def enroll(session: DeviceSession, request: Enroll) -> StreamOpened:
    trust = _trust(session)
    trust.demand_enrollable()

    def finish(data: bytes) -> None:
        trust.demand_enrollable()
        try:
            found = Installation.decode(data)
        except NotAnInstallation as error:
            raise Refusal(ErrorCode.MALFORMED, str(error)) from error
        trust.enroll(found, session.peer.certificate)
        session.end_after_verdict()

    return session.take_upload(request.length, _announced(request.sha256, finish))


def renew(session: DeviceSession, request: Renew) -> StreamOpened:
    trust = _trust(session)
    trust.demand_enrolled()

    def finish(data: bytes) -> None:
        trust.demand_enrolled()
        try:
            found = Renewal.decode(data)
        except NotAnInstallation as error:
            raise Refusal(ErrorCode.MALFORMED, str(error)) from error
        trust.renew(found, session.identity)

    return session.take_upload(request.length, _announced(request.sha256, finish))


def install_deny_list(session: DeviceSession, request: InstallDenyList) -> StreamOpened:
    _trust(session).demand_enrolled()

    def finish(data: bytes) -> None:
        from firmware_sim.device.trust.signed import take_deny_list

        take_deny_list(session.device, data, session.peer.certificate, session.identity)

    return session.take_upload(request.length, _announced(request.sha256, finish))


def read_deny_list(session: DeviceSession, request: ReadDenyList) -> StreamOpened:
    trust = session.device.trust
    if trust is None or not trust.kept.deny_list:
        raise Refusal(ErrorCode.NOT_FOUND, "there is none")
    return session.open_stream(BytesSource(trust.kept.deny_list), len(trust.kept.deny_list))


def read_reset_record(session: DeviceSession, request: ReadResetRecord) -> ResetRecord:
    trust = session.device.trust
    if trust is None or not trust.kept.reset_record:
        raise Refusal(ErrorCode.NOT_FOUND, "it was never reset")
    return ResetRecord(record=trust.kept.reset_record)


def give_nonce(session: DeviceSession, request: GiveNonce) -> OrderNonce:
    _trust(session).demand_enrolled()
    facts = session.device.footage_facts()
    return OrderNonce(
        nonce=_trust(session).nonces.give(),
        sequence=facts.last_sequence,
        manifest_sha256=facts.last_manifest_sha256,
        recordings=facts.recordings,
        held=facts.held,
        undelivered=facts.undelivered,
    )


def carry_out(session: DeviceSession, request: CarryOut) -> StreamOpened:
    _trust(session).demand_enrolled()
    _trust(session).nonces.demand(request.nonce)

    def finish(data: bytes) -> None:
        from firmware_sim.device.trust.carrying_out import carry_out_order

        carry_out_order(session, data)

    return session.take_upload(request.length, _announced(request.sha256, finish))


@TakeDesiredState.handler(CAMERA)
def take_desired_state(session: CameraSession, request: TakeDesiredState) -> StreamOpened:
    _trust(session).demand_enrolled()

    def finish(data: bytes) -> None:
        from firmware_sim.camera.desired_state import take_desired

        take_desired(session, data)

    return session.take_upload(request.length, _announced(request.sha256, finish))


@Seize.handler(CAMERA)
def seize(session: CameraSession, request: Seize) -> StreamOpened:
    _trust(session).demand_enrolled()

    def finish(data: bytes) -> None:
        from firmware_sim.device.trust.seizing import take_seizure

        take_seizure(session, data)

    return session.take_upload(request.length, _announced(request.sha256, finish))


@ChallengeRecipient.handler(CAMERA)
def challenge_recipient(session: CameraSession, request: ChallengeRecipient) -> OpeningChallenge:
    trust = _trust(session)
    return OpeningChallenge(sealed=trust.challenges.give(request.recipient, trust.kept.recipients))


@ProveOpening.handler(CAMERA)
def prove_opening(session: CameraSession, request: ProveOpening) -> OpeningProof:
    trust, camera = _trust(session), session.camera
    trust.challenges.take(request.recipient, request.opened, trust.kept.recipients)
    proof = KeptProof(request.recipient, camera.clock.utc_ns(), camera.powered_min)
    trust.prove(proof, session.identity)
    return OpeningProof(recipient=proof.recipient, utc_ns=proof.utc_ns, powered_min=proof.powered_min)


def _trust(session: DeviceSession) -> DeviceTrust:
    trust = session.device.trust
    if trust is None:
        raise Refusal(ErrorCode.WRONG_STATE, "this is development firmware: it is never enrolled")
    return trust


def _announced(sha256: bytes, finish: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def checked(data: bytes) -> None:
        if hashlib.sha256(data).digest() != sha256:
            raise Refusal(ErrorCode.HASH_MISMATCH, "the bytes are not those that were announced")
        finish(data)

    return checked


def answer(on: Handlers[Any]) -> None:
    """Registers what every kind of device answers."""
    ReadTrust.handler(on)(read)
    RequestCertificate.handler(on)(request_certificate)
    Enroll.handler(on)(enroll)
    Renew.handler(on)(renew)
    InstallDenyList.handler(on)(install_deny_list)
    ReadDenyList.handler(on)(read_deny_list)
    ReadResetRecord.handler(on)(read_reset_record)
    GiveNonce.handler(on)(give_nonce)
    CarryOut.handler(on)(carry_out)


answer(CAMERA)
answer(STATION)

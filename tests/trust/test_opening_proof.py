"""A camera is shown that somebody can open what it encrypts, and nothing else counts as that."""

from __future__ import annotations

import secrets

import pytest

from bwc_protocol.evidence import sealing
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.trust import ChallengeRecipient, ProveOpening, ReadTrust
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.memory_flash import MemoryFlash
from tests.sim.conftest import NOON_NS, Desk

LAB = LabAgency.make(secrets.token_bytes)
KEY = LAB.recipient().key
NAMED = sealing.recipient_id(KEY.public_key())


def camera(flash: MemoryFlash | None = None) -> SimCamera:
    return SimCamera(CameraOptions(seed=3, agency=LAB, state=flash), utc_ns=NOON_NS)


def answered(desk: Desk) -> bytes:
    sealed = desk.ask(ChallengeRecipient(recipient=NAMED)).sealed
    return sealing.answer(sealed, KEY, desk.camera.serial)


@pytest.mark.rule("REC-053")
def test_a_proof_is_kept_with_its_time_and_outlives_the_power() -> None:
    flash = MemoryFlash()
    desk = Desk(camera(flash))
    assert desk.ask(ReadTrust()).proofs == ()
    desk.camera.time.skip(3 * 3600)
    desk.camera.settle()
    proof = desk.ask(ProveOpening(recipient=NAMED, opened=answered(desk)))
    assert proof.recipient == NAMED and proof.powered_min >= 179
    assert desk.camera.audit.read(0, 1_000).entries[-1].kind is AuditKind.OPENING_PROVED
    again = Desk(camera(flash.copy()))
    assert again.ask(ReadTrust()).proofs == (proof,)


@pytest.mark.rule("REC-053")
def test_only_the_answer_to_the_last_challenge_counts_and_once() -> None:
    desk = Desk(camera())
    assert desk.refused(ProveOpening(recipient=NAMED, opened=bytes(32))) is ErrorCode.CONFLICT
    first = answered(desk)
    second = answered(desk)
    assert first != second
    assert desk.refused(ProveOpening(recipient=NAMED, opened=first)) is ErrorCode.CONFLICT
    assert desk.refused(ProveOpening(recipient=NAMED, opened=second)) is ErrorCode.CONFLICT, (
        "a guess costs it"
    )
    third = answered(desk)
    assert desk.ask(ProveOpening(recipient=NAMED, opened=third)).recipient == NAMED
    assert desk.refused(ProveOpening(recipient=NAMED, opened=third)) is ErrorCode.CONFLICT


def test_nobody_else_is_challenged_and_no_other_key_answers() -> None:
    desk = Desk(camera())
    other = LabAgency.make(secrets.token_bytes).recipient().key
    stranger = sealing.recipient_id(other.public_key())
    assert desk.refused(ChallengeRecipient(recipient=stranger)) is ErrorCode.NOT_FOUND
    assert desk.refused(ProveOpening(recipient=stranger, opened=bytes(32))) is ErrorCode.NOT_FOUND
    sealed = desk.ask(ChallengeRecipient(recipient=NAMED)).sealed
    with pytest.raises(Exception, match="proof-sealed"):
        sealing.answer(sealed, other, desk.camera.serial)
    development = Desk(SimCamera(CameraOptions(seed=3), utc_ns=NOON_NS))
    assert development.refused(ChallengeRecipient(recipient=NAMED)) is ErrorCode.WRONG_STATE

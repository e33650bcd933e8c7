"""Trust: how often a handshake may fail, who may enrol a new device, and its renewal (spec: Trust)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import pytest

from bwc_protocol.certificates.issue import make_device, new_key, read_request
from bwc_protocol.declare import Role
from bwc_protocol.documents.installation import Renewal
from bwc_protocol.documents.order import Transfer
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.renewal_proof import verify_renewal_proof
from bwc_protocol.frame import ResetReason
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.audit import ReadAuditHead
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.trust import CarryOut, ReadTrust, Renew, RequestCertificate
from bwc_protocol.session.preamble import NO_PROTECTION, SIZE
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.link import RawChannel
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.buttons import SimulatedButtons
from hil_tests.rules.test_cer import lab_of
from hil_tests.rules.test_doc import AtTrust
from hil_tests.rules.uploads import refuses, takes
from hil_tests.testkit.odd_hosts import NAME, OddHost, sessions_by
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

FAIL_MAX, FAIL_EVERY_S = 5, 10.0
"""Handshakes that may fail, and how often one more (TRU-009)."""
LEFT_MAX, LEFT_EVERY_S = 30, 1.0
"""Handshakes that a host may leave (TRU-013)."""
SLACK_MS: Final = 500
BACK_S: Final = 40.0
"""Within this a device is back from a restart."""
NO_RECORD: Final = b"?" * 64


# Before trust


@pytest.mark.bwc_read_only
@pytest.mark.bwc_fails_a_handshake(many=True)
@pytest.mark.rule("TRU-009")
def test_after_five_failed_handshakes_a_device_is_busy_and_takes_one_more_in_ten_seconds(
    failing_wire: Wire,
) -> None:
    channel = _guarded(failing_wire)
    began = time.monotonic()
    failed = 0
    while (busy := _busy(failing_wire, channel)) is None:
        channel.wait_inbox(SIZE + 1, "a ClientHello")
        channel.send(NO_RECORD)
        channel.link.expect("RESET of a handshake that is none (SES-018)", channel.is_reset)
        _answer(channel)
        failed += 1
        most = FAIL_MAX + 1 + int((time.monotonic() - began) / FAIL_EVERY_S)
        if failed > most:
            raise RuleBroken(f"BUSY after at most {most} handshakes that failed (TRU-009)", f"{failed} taken")
    _comes_again(failing_wire, channel, busy, FAIL_EVERY_S, "TRU-009")


@pytest.mark.bwc_read_only
@pytest.mark.bwc_fails_a_handshake(many=True)
@pytest.mark.rule("TRU-013")
def test_handshakes_that_are_left_are_bounded_too_and_one_more_comes_long_before_ten_seconds(
    failing_wire: Wire,
) -> None:
    channel = _guarded(failing_wire)
    began = time.monotonic()
    left = 0
    while (busy := _busy(failing_wire, channel)) is None or busy > LEFT_EVERY_S * 1000:
        if busy is not None:  # of those that failed before: that is the other bound
            channel.link.listen(busy / 1000)
            continue
        channel.say_reset()
        channel.link.expect("RESET that answers RESET (CHN-004)", channel.is_reset)
        channel.link.forget()
        left += 1
        most = LEFT_MAX + 2 + int((time.monotonic() - began) / LEFT_EVERY_S)
        if left > most:
            raise RuleBroken(
                f"BUSY after at most {most} handshakes that were left (TRU-013)", f"{left} taken"
            )
    _comes_again(failing_wire, channel, busy, LEFT_EVERY_S, "TRU-013")


def _guarded(wire: Wire) -> RawChannel:
    if wire.protection == NO_PROTECTION:
        not_applicable("a handshake of the insecure session proves nothing, and none is bounded")
    return wire.link().channel(wire.bay)


def _busy(wire: Wire, channel: RawChannel) -> int | None:
    """Opens the channel. Gives when to come again, of a device that takes no handshake; None where it begins one."""
    channel.open(wire.preamble())
    channel.link.expect(
        "the device's preamble, or RESET(BUSY)", lambda f: channel.is_data(f) or channel.is_reset(f)
    )
    if not channel.resets:
        return None
    reset = channel.resets[-1]
    if reset.reason is not ResetReason.BUSY:
        raise RuleBroken("a preamble, or RESET(BUSY) (TRU-009, TRU-013)", f"RESET({reset.reason.name})")
    _answer(channel)
    return reset.retry_after_ms


def _answer(channel: RawChannel) -> None:
    channel.say_reset(ResetReason.ANSWER)
    channel.link.settle(channel=channel.number)
    channel.link.forget()


def _comes_again(wire: Wire, channel: RawChannel, busy_ms: int, every_s: float, rule: str) -> None:
    if not 0 < busy_ms <= every_s * 1000 + SLACK_MS:
        raise RuleBroken(f"a time within {every_s:g} s, in which one more is taken ({rule})", f"{busy_ms} ms")
    channel.link.listen((busy_ms + SLACK_MS) / 1000)
    if (still := _busy(wire, channel)) is not None:
        raise RuleBroken(
            f"one more handshake after the {busy_ms} ms that it named ({rule})", f"BUSY for {still} ms"
        )
    channel.reset()


# A new device


@pytest.mark.rule("TRU-003")
@pytest.mark.rule("ROL-004")
def test_who_enrols_a_new_device_may_nothing_else(new_wire: Wire) -> None:
    lab = _of_lab(new_wire)
    buttons = SimulatedButtons(new_wire)
    if why := buttons.press_enroll():
        not_tested(f"the button does nothing: {why}")
    session = _enroller(new_wire, lab)
    session.ask(ReadTrust(), "TRU-003")
    for command in (ReadStatus(), ReadAuditHead(), ReadClock()):
        session.refused(
            session.request(command),
            f"TRU-003, ROL-004: {command.name} for who enrols",
            ErrorCode.NOT_PERMITTED,
        )
    new_wire.hang_up()
    greedy = new_wire.conversation(Role.AUDITOR)
    greedy.sessions = session.sessions
    greedy.local = replace(session.local, roles=Role.ENROLLER | Role.TECHNICIAN)
    greedy.greet()
    greedy.shake_hands()
    greedy.say_control(greedy.info())
    greedy.is_reset("a session refused to who asks a new device for a role besides ENROLLER (TRU-003)")
    if buttons.start_recording():
        raise RuleBroken("nothing recorded by a device that belongs to nobody (TRU-003)", "a recording")


@pytest.mark.rule("TRU-001")
@pytest.mark.rule("SES-022")
def test_a_new_device_says_nothing_but_that_it_is_enrolled_by_nobody(new_wire: Wire) -> None:
    _of_lab(new_wire)
    channel = new_wire.link().channel(new_wire.bay).open(new_wire.preamble())
    channel.link.expect("RESET(NOT_ENROLLED) of a device of nobody (TRU-001)", channel.is_reset)
    said = channel.resets[-1].reason
    if said is not ResetReason.NOT_ENROLLED or channel.inbox:
        raise RuleBroken(
            "RESET(NOT_ENROLLED) and no byte (TRU-001, SES-022)", f"{said.name}, {len(channel.inbox)}"
        )


def _enroller(wire: Wire, lab: LabAgency) -> RawSession:
    """A session with a device whose button was pressed."""
    session = wire.conversation(Role.AUDITOR)  # who it is says the certificate below
    session.sessions = sessions_by(OddHost().certified_by(lab), lab, of_factory=True)
    session.local = replace(session.local, identity=NAME, roles=Role.ENROLLER)
    return session.open()


def _of_lab(wire: Wire) -> LabAgency:
    if wire.protection == NO_PROTECTION:
        not_applicable("development firmware is never enrolled")
    return open_lab().agency


# Renewal


@pytest.mark.rule("TRU-015")
def test_a_request_comes_with_a_proof_by_the_present_key(wire: Wire) -> None:
    lab = lab_of(wire)
    session = wire.session(Role.TECHNICIAN)
    asked = session.ask(RequestCertificate(), "TRU-015")
    name, _ = read_request(asked.request)
    if not asked.proof:
        raise RuleBroken("a proof beside the request of a device that belongs to an agency (TRU-015)", "none")
    own = session.session.peer
    assert own is not None
    if name != own.identity:
        raise RuleBroken(f"a request of {own.identity} (TRU-015)", f"of {name}")
    try:
        verify_renewal_proof(asked.proof, lab.anchors, lab=lab.id, device=own.identity, request=asked.request)
    except DocumentRefused as error:
        raise RuleBroken(
            "a proof of this request by the device's present certificate (TRU-015)", str(error)
        ) from error


@pytest.mark.rule("TRU-005")
@pytest.mark.parametrize(
    "what",
    ["another key than that of its request", "another serial number", "another kind", "another agency"],
)
def test_a_renewal_is_refused_that_has_one_thing_wrong(spare_wire: Wire, what: str) -> None:
    lab = lab_of(spare_wire)
    session = spare_wire.session(Role.TECHNICIAN)
    own = session.session.peer
    assert own is not None and own.certificate is not None
    kind = own.certificate.kind or PeerKind.CAMERA
    other_kind = PeerKind.STATION if kind is PeerKind.CAMERA else PeerKind.CAMERA
    _, key = read_request(session.ask(RequestCertificate()).request)
    elsewhere = LabAgency.make(lab.entropy)
    good = lab.issuing, key, own.identity, kind
    issuing, of, serial, as_kind = {
        "another key than that of its request": (lab.issuing, new_key().public_key(), own.identity, kind),
        "another serial number": (lab.issuing, key, "SIM-ANOTHER", kind),
        "another kind": (lab.issuing, key, own.identity, other_kind),
        "another agency": (elsewhere.issuing, key, own.identity, kind),
    }[what]
    for by, name, made in (
        (refuses, what, (issuing, of, serial, as_kind)),
        (takes, "its own key, name and kind", good),
    ):
        renewal = Renewal(
            certificate=make_device(*made, lab.issuance()), issuing=made[0].certificate
        ).encode()
        by(session, "TRU-005", f"a renewal with {name}", Renew, renewal)


# Reset


@pytest.mark.rule("TRU-008")
def test_a_device_that_was_given_away_counts_a_generation_more_and_never_less(spare_wire: Wire) -> None:
    device = AtTrust(spare_wire)
    before = device.session.ask(ReadTrust()).generation
    two = (device.by(Role.TECHNICIAN, "one"), device.by(Role.RECORDS, "another"))
    nonce, document = device.order(Transfer(), *two)
    takes(device.session, "TRU-008", "a transfer by two people", CarryOut, document, nonce=nonce)
    spare_wire.hang_up()
    buttons = SimulatedButtons(spare_wire)
    until = time.monotonic() + BACK_S
    while buttons.press_enroll() and time.monotonic() < until:
        time.sleep(0.1)
    session = _enroller(spare_wire, device.lab)
    generation = session.ask(ReadTrust(), "TRU-008").generation
    if generation != before + 1:
        raise RuleBroken(f"generation {before + 1} after a reset (TRU-008)", str(generation))

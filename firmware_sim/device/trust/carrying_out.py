"""What an order does, once it is verified: transfer, decommission, a step of the clock beyond its limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bwc_protocol.documents.order import (
    ClockStep,
    Decommission,
    EndSeizure,
    Sanitise,
    SignedOrder,
    Situation,
    Transfer,
)
from bwc_protocol.documents.reset_record import ResetCause
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import TimeAssurance, TimeSource
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.trust.reset import forgotten
from firmware_sim.device.trust.signed import verified_order

if TYPE_CHECKING:
    from firmware_sim.device.session import DeviceSession

NS: Final = 1_000_000_000
EARLIEST_NS: Final = 1_704_067_200 * NS
"""2024-01-01: no firmware is older, so that no true time is earlier."""
LATEST_NS: Final = 4_102_444_800 * NS
"""2100-01-01: beyond the life of any camera."""


def carry_out_order(session: DeviceSession, document: bytes) -> None:
    """Carries out an order that a host brings. Raises `Refusal` and `OSError`, and then nothing was done."""
    device, trust = session.device, session.device.trust
    assert trust is not None
    facts = device.footage_facts()
    situation = Situation(
        device=device.serial,
        kind=device.profile.kind,
        nonce=trust.nonces.current,
        chain_head_sha256=facts.last_manifest_sha256,
        held=facts.held,
        undelivered=facts.undelivered,
        clock_revision=device.clock.revision,
        case=trust.kept.case,
    )
    found = verified_order(trust, document, situation)
    if trust.kept.case and not isinstance(found.order.terms, EndSeizure):
        raise Refusal(
            ErrorCode.WRONG_STATE, f"it is seized for {trust.kept.case}: only the end of that is ordered"
        )
    match found.order.terms:
        case Transfer(to_agency=to):
            _leave(session, found, ResetCause.TRANSFER, f"transfer to {to or 'another agency'}")
        case Decommission():
            _leave(session, found, ResetCause.DECOMMISSION, "decommission")
        case ClockStep() as step:
            _step_clock(session, found, step)
        case Sanitise():
            _demand_no_recording(session)
            device.sanitise(_said(found, "sanitise"), session.identity)
        case EndSeizure(case=case):
            ended = replace(trust.kept, case="")
            trust.keep(ended, AuditKind.ORDERED, _said(found, f"end of seizure for {case}"), session.identity)
    trust.nonces.forget()


def _said(found: SignedOrder, what: str) -> str:
    """For the log: what, by whom, and which document."""
    names = " and ".join(facts.name for facts in found.signers)
    return f"{what}, by {names}, {found.sha256.hex()[:16]}"


def _leave(session: DeviceSession, found: SignedOrder, cause: ResetCause, what: str) -> None:
    device, trust = session.device, session.device.trust
    assert trust is not None
    _demand_no_recording(session)
    kept = forgotten(device, trust, cause)
    if cause is ResetCause.DECOMMISSION:
        kept = replace(kept, retired=True)
    device.start_anew(kept, AuditKind.ORDERED, _said(found, what), session.identity)


def _demand_no_recording(session: DeviceSession) -> None:
    if session.device.footage_facts().recording:
        raise Refusal(
            ErrorCode.WRONG_STATE, "it records, and the order cannot name what is not closed: stop it first"
        )


def _step_clock(session: DeviceSession, found: SignedOrder, step: ClockStep) -> None:
    clock = session.device.clock
    if not EARLIEST_NS <= clock.utc_ns() + step.step_ns < LATEST_NS:
        raise Refusal(ErrorCode.OUT_OF_RANGE, "a time before 2024 or after 2100")
    changed = clock.set_ahead(
        step.step_ns,
        step.uncertainty_ms * 1_000_000,
        TimeSource.OPERATOR,
        TimeAssurance.UNVERIFIED,
        anew=True,
    )
    detail = _said(found, f"clock step of {step.step_ns:+} ns")
    changes = session.device.state_change(clock=changed)
    session.audit(AuditKind.ORDERED, detail, *changes, utc_ns=changed.last_set_utc_ns)
    clock.become(changed)
    session.device.clock_was_set()

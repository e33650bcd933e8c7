"""Who carries the camera."""

from bwc_protocol.messages.assignment import Assign, AssignmentState, ClearAssignment, ReadAssignment
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers.registry import CAMERA


@ReadAssignment.handler(CAMERA)
def read(session: CameraSession, request: ReadAssignment) -> AssignmentState:
    return session.camera.assignment


@Assign.handler(CAMERA)
def assign(session: CameraSession, request: Assign) -> AssignmentState:
    _check(session, request.revision)
    if not request.officer.strip():
        raise Refusal(ErrorCode.OUT_OF_RANGE, "an assignment names an officer; clear takes one away")
    said = f"{request.officer}, unit {request.unit or '-'}"
    pseudonym = session.camera.new_pseudonym()
    return _change(
        session, request.officer, request.unit, AuditKind.ASSIGNED, f"{said}, {pseudonym}", pseudonym
    )


@ClearAssignment.handler(CAMERA)
def clear(session: CameraSession, request: ClearAssignment) -> AssignmentState:
    _check(session, request.revision)
    before = session.camera.assignment.officer
    return _change(session, "", "", AuditKind.ASSIGNMENT_CLEARED, f"was {before or '-'}")


def _check(session: CameraSession, revision: int) -> None:
    present = session.camera.assignment.revision
    if revision != present:
        raise Refusal(ErrorCode.CONFLICT, f"the assignment's revision is {present}, not {revision}")


def _change(
    session: CameraSession, officer: str, unit: str, kind: AuditKind, said: str, pseudonym: str = ""
) -> AssignmentState:
    """Keeps it with its entry in the log; only then it is so."""
    camera = session.camera
    state = AssignmentState(
        assigned=bool(officer),
        officer=officer,
        unit=unit,
        since_utc_ns=camera.clock.utc_ns(),
        revision=camera.assignment.revision + 1,
        pseudonym=pseudonym,
    )
    session.audit(kind, said, *camera.state_change(assignment=state))
    camera.assignment = state
    return state

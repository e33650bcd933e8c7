"""Who carries the camera (spec: Assignment, 0x07xx)."""

from bwc_protocol.declare import (
    ANYONE,
    Effect,
    Request,
    Role,
    Subject,
    Wire,
    boolean,
    command,
    i64,
    method,
    text,
    u32,
    wire,
)
from bwc_protocol.versions import V1_2
from bwc_protocol.vocabulary import ErrorCode


@wire
class AssignmentState(Wire):
    """The present assignment."""

    assigned: bool = boolean("whether somebody carries it")
    officer: str = text("officer, by the agency's identifier", max=64)
    unit: str = text("unit", max=64)
    since_utc_ns: int = i64("since when, by the camera's clock; 0 = never", unit="ns")
    revision: int = u32("counts changes; the precondition of the next")
    pseudonym: str = text(
        "drawn by the camera for this assignment; what recordings name where `holder.pseudonym` is set",
        max=64,
        since=V1_2,
        default="",
    )


@command(0x0701, "assignment.read", roles=ANYONE)
class ReadAssignment(Request[AssignmentState]):
    """Read who carries the camera."""


@command(
    0x0702,
    "assignment.assign",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    errors=(
        (ErrorCode.CONFLICT, "another revision"),
        (ErrorCode.OUT_OF_RANGE, "the officer is empty, or blanks alone"),
    ),
)
class Assign(Request[AssignmentState]):
    """Assign the camera to an officer; recordings from here on are his or hers."""

    officer: str = text("officer, by the agency's identifier", max=64)
    unit: str = text("unit", max=64, default="")
    revision: int = u32("revision that was read")


@command(
    0x0703,
    "assignment.clear",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    errors=((ErrorCode.CONFLICT, "another revision"),),
)
class ClearAssignment(Request[AssignmentState]):
    """Take the camera back into the pool."""

    revision: int = u32("revision that was read")


class Assignment(Subject):
    """Who carries the camera."""

    read = method(ReadAssignment)
    assign = method(Assign)
    clear = method(ClearAssignment)

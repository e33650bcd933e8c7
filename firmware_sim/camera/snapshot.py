"""What of a camera lives on between runs, beside its recordings, settings and log."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.messages.assignment import AssignmentState
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.files import StateError
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, digest, flag, name, part_of, whole, words

if TYPE_CHECKING:
    from firmware_sim.camera.camera import SimCamera

PARTS: Final = ("serial", "boot_counter", "saved_utc_ns", "clock", "battery", "emmc", "assignment")
ASSIGNMENT: Final = ("assigned", "officer", "unit", "since_utc_ns", "revision")
LOG_HEAD: Final = "log"
"""Where the log ended then: a log that ends before that has lost entries."""


def kept_of(
    camera: "SimCamera",
    *,
    boot_counter: int | None = None,
    clock: DeviceClock | None = None,
    assignment: AssignmentState | None = None,
) -> dict[str, Any]:
    """The state to be kept, ready for JSON; with what is given in the place of what is."""
    clock = camera.clock if clock is None else clock
    return {
        "serial": camera.serial,
        "boot_counter": camera.boot_counter if boot_counter is None else boot_counter,
        "saved_utc_ns": camera.true_utc_ns(),
        "clock": clock.snapshot(),
        "battery": camera.battery.snapshot(),
        "emmc": camera.storage.emmc.snapshot(),
        "assignment": asdict(camera.assignment if assignment is None else assignment),
        LOG_HEAD: log_head(camera.audit),
    }


def take_up(camera: "SimCamera", kept: dict[str, Any]) -> None:
    """Puts a camera into the state that was kept; its clock ran on meanwhile. Raises `StateError`."""
    part_of(kept, "the device", PARTS, later=(LOG_HEAD,))
    saved_utc_ns = whole(kept, "saved_utc_ns", 0, I64_MAX)
    off_s = max(0.0, (camera.true_utc_ns() - saved_utc_ns) / 1e9)
    camera.serial = name(kept, "serial")
    camera.boot_counter = whole(kept, "boot_counter", 0, U32_MAX - 1)
    camera.clock.restore(kept["clock"], off_s)
    camera.battery.restore(kept["battery"])
    camera.storage.emmc.restore(kept["emmc"])
    camera.assignment = _assignment(kept["assignment"])
    check_log(camera.audit, kept)


def _assignment(kept: object) -> AssignmentState:
    found = part_of(kept, "the assignment", ASSIGNMENT)
    return AssignmentState(
        assigned=flag(found, "assigned"),
        officer=words(found, "officer"),
        unit=words(found, "unit"),
        since_utc_ns=whole(found, "since_utc_ns", -I64_MAX, I64_MAX),
        revision=whole(found, "revision", 0, U32_MAX),
    )


def log_head(audit: AuditLog) -> dict[str, Any]:
    """Number and hash of the newest entry that is written."""
    sequence, sha256 = audit.head()
    return {"sequence": sequence, "sha256": sha256.hex()}


def check_log(audit: AuditLog, kept: dict[str, Any]) -> None:
    """Raises `StateError` for a log that ends before it ended when the state was kept."""
    if LOG_HEAD not in kept:
        return  # kept by an earlier version
    head = part_of(kept[LOG_HEAD], "the end of the log", ("sequence", "sha256"))
    sequence = whole(head, "sequence", 0, I64_MAX)
    if not audit.holds(sequence, digest(head, "sha256")):
        raise StateError(f"the log is damaged: entry {sequence} is gone, or another one")

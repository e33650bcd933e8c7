"""What of a camera lives on between runs, beside its recordings, settings and log."""

from dataclasses import asdict
from typing import Any, Final

from bwc_protocol.messages.assignment import AssignmentState
from firmware_sim.camera.body import CameraBody
from firmware_sim.device.snapshot import check_log, kept_of_device, take_up_device
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, flag, part_of, whole, words

OWN: Final = ("battery", "emmc", "assignment", "powered_min")
ASSIGNMENT: Final = ("assigned", "officer", "unit", "since_utc_ns", "revision", "pseudonym")


def kept_of(
    camera: CameraBody,
    *,
    boot_counter: int | None = None,
    clock: DeviceClock | None = None,
    assignment: AssignmentState | None = None,
) -> dict[str, Any]:
    """The state to be kept, ready for JSON; with what is given in the place of what is."""
    return kept_of_device(camera, boot_counter, clock) | {
        "battery": camera.battery.snapshot(),
        "emmc": camera.storage.emmc.snapshot(),
        "assignment": asdict(camera.assignment if assignment is None else assignment),
        "powered_min": camera.powered_min,
    }


def take_up(camera: CameraBody, kept: dict[str, Any]) -> None:
    """Puts a camera into the state that was kept; its clock ran on meanwhile. Raises `StateError`."""
    take_up_device(camera, kept, "the device", OWN)
    camera.battery.restore(kept["battery"])
    camera.storage.emmc.restore(kept["emmc"])
    camera.assignment = _assignment(kept["assignment"])
    camera.powered_s = whole(kept, "powered_min", 0, U32_MAX) * 60.0
    check_log(camera.audit, kept)


def _assignment(kept: object) -> AssignmentState:
    found = part_of(kept, "the assignment", ASSIGNMENT)
    return AssignmentState(
        assigned=flag(found, "assigned"),
        officer=words(found, "officer"),
        unit=words(found, "unit"),
        since_utc_ns=whole(found, "since_utc_ns", -I64_MAX, I64_MAX),
        revision=whole(found, "revision", 0, U32_MAX),
        pseudonym=words(found, "pseudonym"),
    )

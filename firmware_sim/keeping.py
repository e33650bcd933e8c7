"""What of a camera lives on between runs, beside its recordings, settings and log."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bwc_protocol.messages.assignment import AssignmentState
from firmware_sim.state_dir import StateError

if TYPE_CHECKING:
    from firmware_sim.camera import SimCamera


def kept_of(camera: "SimCamera") -> dict[str, Any]:
    """The state to be kept, ready for JSON."""
    return {
        "serial": camera.serial,
        "boot_counter": camera.boot_counter,
        "saved_utc_ns": camera.true_utc_ns(),
        "clock": camera.clock.snapshot(),
        "battery": camera.battery.snapshot(),
        "emmc": camera.storage.emmc.snapshot(),
        "assignment": asdict(camera.assignment),
    }


def take_up(camera: "SimCamera", kept: dict[str, Any]) -> None:
    """Puts a camera into the state that was kept; its clock ran on meanwhile. Raises `StateError`."""
    try:
        off_s = max(0.0, (camera.true_utc_ns() - int(kept["saved_utc_ns"])) / 1e9)
        camera.serial = str(kept["serial"])
        camera.boot_counter = int(kept["boot_counter"])
        camera.clock.restore(kept["clock"], off_s)
        camera.battery.restore(kept["battery"])
        camera.storage.emmc.restore(kept["emmc"])
        camera.assignment = AssignmentState(**kept["assignment"])
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"the kept state cannot be read: {error}") from error

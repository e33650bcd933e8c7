"""What of every device lives on between runs: its name, its boots, its clock, and where its log ended."""

from typing import Any, Final, Protocol

from firmware_sim.device.audit_log import AuditLog
from firmware_sim.device.device_time import DeviceTime
from firmware_sim.device.trust.trust import DeviceTrust
from firmware_sim.flash.flash import StateError
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, digest, name, part_of, whole

LOG_HEAD: Final = "log"
"""Where the log ended then: a log that ends before that has lost entries."""
IDENTITY: Final = "identity"
"""Whether it has an identity, which is kept beside this: one that is gone is not made anew."""
PARTS: Final = ("serial", "boot_counter", "saved_utc_ns", "clock")


class Lasting(Protocol):
    """What lives on of a device of any kind."""

    serial: str
    boot_counter: int
    time: DeviceTime
    clock: DeviceClock
    audit: AuditLog
    trust: DeviceTrust | None


def kept_of_device(device: Lasting, boot_counter: int | None, clock: DeviceClock | None) -> dict[str, Any]:
    """The part of the kept state that all devices have; with what is given in the place of what is."""
    return {
        "serial": device.serial,
        "boot_counter": device.boot_counter if boot_counter is None else boot_counter,
        "saved_utc_ns": device.time.utc_ns(),
        "clock": (device.clock if clock is None else clock).snapshot(),
        LOG_HEAD: log_head(device.audit),
        IDENTITY: device.trust is not None,
    }


def take_up_device(device: Lasting, kept: dict[str, Any], what: str, own: tuple[str, ...]) -> None:
    """Puts a device into the state that was kept, but for the parts of its `own`; its clock ran on meanwhile.

    Raises `StateError`.
    """
    part_of(kept, what, (*PARTS, *own), later=(LOG_HEAD, IDENTITY))
    saved_utc_ns = whole(kept, "saved_utc_ns", 0, I64_MAX)
    off_s = max(0.0, (device.time.utc_ns() - saved_utc_ns) / 1e9)
    device.serial = name(kept, "serial")
    device.boot_counter = whole(kept, "boot_counter", 0, U32_MAX - 1)
    device.clock.restore(kept["clock"], off_s)


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

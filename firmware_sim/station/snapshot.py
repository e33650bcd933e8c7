"""What of a docking station lives on between runs, beside its log (spec: Station).

Dockings and incidents are counted for ever: their numbers are preconditions (STA-008, STA-011), and one that came
again would let an old request through. A quarantine outlasts a loss of power (STA-010), and so do the switches of a
bay, which are relays that latch. Leases, verdicts and locks end with the boot. What stands in a bay is not kept: a
station that was off counts whatever it finds there as a new docking, since nobody saw whether it is the same.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from firmware_sim.device.snapshot import Lasting, check_log, kept_of_device, take_up_device
from firmware_sim.flash.flash import StateError
from firmware_sim.physics.clock import DeviceClock
from firmware_sim.state.kept_values import U32_MAX, flag, part_of, whole
from firmware_sim.station.bay import SimBay

OWN: Final = ("bays",)
BAY: Final = ("docking", "incident", "power", "data", "quarantined")


class WithBays(Lasting, Protocol):
    """What lives on of a docking station."""

    bays: dict[int, SimBay]


def kept_of(
    station: WithBays,
    *,
    boot_counter: int | None = None,
    clock: DeviceClock | None = None,
    bay: int = 0,
    change: Mapping[str, int | bool] | None = None,
) -> dict[str, Any]:
    """The state to be kept, ready for JSON; with what is given, and the `change` of one `bay`, in the place of what
    is."""
    return kept_of_device(station, boot_counter, clock) | {
        "bays": [
            _kept_of_bay(one) | (dict(change or {}) if one.number == bay else {})
            for one in station.bays.values()
        ],
    }


def bays_kept(kept: dict[str, Any]) -> int:
    """How many bays the station has that was kept. Raises `StateError`."""
    bays = kept.get("bays")
    if not isinstance(bays, list):
        raise StateError("the kept state cannot be read: no bays")
    return len(bays)


def take_up(station: WithBays, kept: dict[str, Any]) -> None:
    """Puts a station into the state that was kept; its clock ran on meanwhile. Raises `StateError`."""
    take_up_device(station, kept, "the station", OWN)
    for bay, found in zip(station.bays.values(), kept["bays"], strict=True):
        was = part_of(found, f"bay {bay.number}", BAY)
        bay.docking, bay.incident = whole(was, "docking", 0, U32_MAX), whole(was, "incident", 0, U32_MAX)
        bay.power, bay.data = flag(was, "power"), flag(was, "data")
        bay.quarantined = flag(was, "quarantined")
    check_log(station.audit, kept)


def _kept_of_bay(bay: SimBay) -> dict[str, int | bool]:
    return {
        "docking": bay.docking,
        "incident": bay.incident,
        "power": bay.power,
        "data": bay.data,
        "quarantined": bay.quarantined,
    }

"""What of a docking station lives on between runs, beside its log (spec: Station).

Dockings and incidents are counted for ever: their numbers are preconditions (STA-008, STA-011), and one that came
again would let an old request through. A quarantine outlasts a loss of power (STA-010), and so do the switches of a
bay, which are relays that latch. A lease ends with the boot. What stands in a bay is not kept: a station that was off
counts whatever it finds there as a new docking, since nobody saw whether it is the same.
"""

from typing import TYPE_CHECKING, Any

from firmware_sim.state_dir import StateError

if TYPE_CHECKING:
    from firmware_sim.bay import SimBay
    from firmware_sim.station import SimStation


def kept_of(station: "SimStation") -> dict[str, Any]:
    """The state to be kept, ready for JSON."""
    return {
        "serial": station.serial,
        "boot_counter": station.boot_counter,
        "saved_utc_ns": station.time.utc_ns(),
        "clock": station.clock.snapshot(),
        "bays": [_kept_of_bay(bay) for bay in station.bays.values()],
    }


def bays_kept(kept: dict[str, Any]) -> int:
    """How many bays the station has that was kept. Raises `StateError`."""
    bays = kept.get("bays")
    if not isinstance(bays, list):
        raise StateError("the kept state cannot be read: no bays")
    return len(bays)


def take_up(station: "SimStation", kept: dict[str, Any]) -> None:
    """Puts a station into the state that was kept; its clock ran on meanwhile. Raises `StateError`."""
    try:
        off_s = max(0.0, (station.time.utc_ns() - int(kept["saved_utc_ns"])) / 1e9)
        station.serial = str(kept["serial"])
        station.boot_counter = int(kept["boot_counter"])
        station.clock.restore(kept["clock"], off_s)
        for bay, was in zip(station.bays.values(), kept["bays"], strict=True):
            bay.docking, bay.incident = int(was["docking"]), int(was["incident"])
            bay.power, bay.data = bool(was["power"]), bool(was["data"])
            bay.quarantined = bool(was["quarantined"])
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"the kept state cannot be read: {error}") from error


def _kept_of_bay(bay: "SimBay") -> dict[str, int | bool]:
    return {
        "docking": bay.docking,
        "incident": bay.incident,
        "power": bay.power,
        "data": bay.data,
        "quarantined": bay.quarantined,
    }

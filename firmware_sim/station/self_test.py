"""The docking station's self-test: readings against their ranges, nothing is switched."""

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.identity import SelfTestStep
from firmware_sim.device.self_test import Outcome, audit_step, bound_of, run_steps, verdict
from firmware_sim.station.model import SUPPLY_RANGE_MV
from firmware_sim.station.station import SimStation


def self_test(station: SimStation) -> tuple[SelfTestStep, ...]:
    """Runs all steps, in order."""
    return run_steps(
        station, (("supply", _supply), ("bays", _bays), ("clock", _clock), ("audit log", audit_step))
    )


def _supply(station: SimStation) -> Outcome:
    low, high = SUPPLY_RANGE_MV
    return verdict(low <= station.supply_mv <= high, f"{station.supply_mv} mV, {station.supply_ma} mA")


def _bays(station: SimStation) -> Outcome:
    bays = station.bays.values()
    alarmed = [str(bay.number) for bay in bays if bay.quarantined or bay.alarms]
    return verdict(not alarmed, f"alarm in {', '.join(alarmed)}" if alarmed else f"{len(bays)} bays")


def _clock(station: SimStation) -> Outcome:
    known = station.clock.state is not ClockState.UNSET
    return verdict(known, bound_of(station.clock) if known else "not set")

"""The docking station's self-test: readings against their ranges, nothing is switched."""

from typing import TYPE_CHECKING

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.identity import SelfTestStep, TestResult
from firmware_sim.camera.open_recording import MS
from firmware_sim.station.model import SUPPLY_RANGE_MV

if TYPE_CHECKING:
    from firmware_sim.station.station import SimStation


def self_test(station: "SimStation") -> tuple[SelfTestStep, ...]:
    """Runs all steps, in order."""
    low, high = SUPPLY_RANGE_MV
    bays, clock = station.bays.values(), station.clock
    alarmed = [str(bay.number) for bay in bays if bay.quarantined or bay.alarms]
    known = clock.state is not ClockState.UNSET
    chained, entries = station.audit.verify_tail()
    return (
        _step("supply", low <= station.supply_mv <= high, f"{station.supply_mv} mV, {station.supply_ma} mA"),
        _step("bays", not alarmed, f"alarm in {', '.join(alarmed)}" if alarmed else f"{len(bays)} bays"),
        _step("clock", known, f"within {-(-clock.uncertainty_ns() // MS)} ms" if known else "not set"),
        _step("audit log", chained, f"{entries} entries"),
    )


def _step(name: str, good: bool, detail: str) -> SelfTestStep:
    result = TestResult.PASSED if good else TestResult.FAILED
    return SelfTestStep(name=name, result=result, detail=detail[:96])

"""Facts in, verdict out: no device, no clock, no files."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.battery import BatteryStatus, ChargeState
from bwc_protocol.messages.identity import CameraState, Fault, TestResult
from bwc_sdk.clients.configuration import Value
from bwc_sdk.clients.waiting_settings import Waiting, not_yet
from bwc_sdk.errors import BwcError
from bwc_sdk.fitness.facts import Facts
from bwc_sdk.fitness.limits import Limits
from bwc_sdk.fitness.verdict import Check, Finding, Standing, Verdict

NAMED_MAX: Final = 5
"""Settings, steps and faults that one line names."""
CERTIFICATE_SOON_DAYS: Final = 30
"""Fewer are worth a word: it is docked a few times until then."""
HOST_OFF_S: Final = 60.0
"""Further off than this no host is that merely drifts: a crystal that is off by 100 ppm loses 8.6 s a day, so a minute
is a week without a time service. Beyond it one of the two clocks was set wrong, or lost its time."""
RESTART_IT: Final = "restart it: 'bwc reboot'"
CLOCK_STEP: Final = "clock"
"""The step of a self-test that fails where the time is not known."""
OFFLOAD_AND_SET: Final = "offload it first, then set it: 'bwc clock sync'"
BATTERY_FAULTS: Final = frozenset({ChargeState.FAULT, ChargeState.STOPPED_BY_TEMPERATURE})
RECORDING: Final = (CameraState.RECORDING, CameraState.POST_EVENT)
IT_RECORDS: Final = "it records"
"""Of a camera that stands in a dock."""
TOLD_ELSEWHERE: Final = Fault.CLOCK_UNSET | Fault.STORAGE_FULL | Fault.BATTERY_LOW | Fault.UNASSIGNED
"""Faults for which there is a check of their own."""


def judge(facts: Facts, limits: Limits) -> Verdict:
    """Whether the camera is fit for a shift like that, and why not: one finding a check, in their order."""
    return Verdict(
        facts.identity,
        (
            _battery(facts, limits),
            _room(facts, limits),
            _clock(facts, limits),
            _configuration(facts, limits),
            _certificate(facts, limits),
            _assignment(facts, limits),
            _training(facts, limits),
            _self_test(facts),
            _footage(facts),
            _state(facts),
        ),
    )


def hours_of(battery: BatteryStatus, hours_when_new: float, *, recording: bool = False) -> float:
    """Hours for which a cell records: by charge and health of what a new one does. One that records says it itself, by
    its present load; the smaller of the two counts."""
    hours = hours_when_new * battery.charge_pct / 100 * battery.health_pct / 100
    if recording and battery.time_left_s is not None:
        hours = min(hours, battery.time_left_s / 3600)
    return hours


def _had(hours: float) -> str:
    """Rounded down: what falls short of a bound never reads as the bound."""
    return f"{math.floor(hours * 10) / 10:.1f}"


def _not_told(check: Check, error: BwcError) -> Finding:
    return Finding(check, Standing.NOT_KNOWN, f"the camera does not tell: {error.rule}", error.advice)


def _battery(facts: Facts, limits: Limits) -> Finding:
    battery, check = facts.battery, Check.BATTERY
    if isinstance(battery, BwcError):
        return _not_told(check, battery)
    recording = not isinstance(facts.status, BwcError) and facts.status.state in RECORDING
    hours = hours_of(battery, limits.hours_when_new, recording=recording)
    detail = f"{_had(hours)} h of recording ({battery.charge_pct} % charged, health {battery.health_pct} %)"
    if battery.state in BATTERY_FAULTS:
        return Finding(
            check,
            Standing.UNFIT,
            f"the charger says {battery.state}; {detail}",
            "take another camera, and have its battery seen to",
        )
    if hours >= limits.hours:
        return Finding(check, Standing.GOOD, detail)
    full = limits.hours_when_new * battery.health_pct / 100
    advice = (
        f"leave it on the charger: full it is good for {_had(full)} h"
        if full >= limits.hours
        else f"have the cell replaced: even full it is good for {_had(full)} h only"
    )
    return Finding(check, Standing.UNFIT, f"{detail}, of {limits.hours:g} h", advice)


def _room(facts: Facts, limits: Limits) -> Finding:
    storage, check = facts.storage, Check.ROOM
    if isinstance(storage, BwcError):
        return _not_told(check, storage)
    advice = "offload it, and have it erase what is receipted: 'bwc offload'"
    if storage.full:
        return Finding(check, Standing.UNFIT, "it stopped recording for want of room", advice)
    if storage.recording_time_left_s is None:
        return Finding(check, Standing.NOT_KNOWN, "the camera does not tell how much recording has room")
    hours = storage.recording_time_left_s / 3600
    if hours >= limits.hours:
        return Finding(check, Standing.GOOD, f"room for {_had(hours)} h")
    return Finding(check, Standing.UNFIT, f"room for {_had(hours)} h, of {limits.hours:g} h", advice)


def _clock(facts: Facts, limits: Limits) -> Finding:
    clock, offset, check = facts.clock, facts.offset, Check.CLOCK
    if isinstance(clock, BwcError):
        return _not_told(check, clock)
    if _clock_is_unset(facts):
        detail = f"the camera does not know the time ({clock.state})"
        return Finding(check, Standing.UNFIT, detail, OFFLOAD_AND_SET)
    if isinstance(offset, BwcError):
        return _not_told(check, offset)
    off_s = abs(offset.offset_ns) / 1e9
    detail = f"{off_s:.3f} s {'behind' if offset.offset_ns > 0 else 'ahead'} ({clock.state})"
    if facts.host_time.synchronised is False:
        detail += " of this host, whose own clock is not synchronised"
        advice = "'bwc doctor' tells what keeps this host's clock"
        if off_s - offset.uncertainty_ns / 1e9 <= HOST_OFF_S:
            return Finding(check, Standing.WARNING, detail, advice)
        return Finding(
            check,
            Standing.UNFIT,
            f"{detail}: more than {HOST_OFF_S:g} s, so that one of the two clocks is wrong",
            f"have this host keep its time, and check again: {advice}",
        )
    if off_s - (offset.uncertainty_ns + facts.host_time.max_error_ns) / 1e9 > limits.clock_off_s:
        return Finding(check, Standing.UNFIT, f"{detail}, of {limits.clock_off_s:g} s", OFFLOAD_AND_SET)
    return Finding(check, Standing.GOOD, detail)


def _clock_is_unset(facts: Facts) -> bool:
    clock = facts.clock
    return not isinstance(clock, BwcError) and (
        clock.state is ClockState.UNSET or isinstance(clock.state, Unknown)
    )


def drift_of(settings: Mapping[str, Value], profile: Mapping[str, Value]) -> list[str]:
    """Where the settings of a camera are not those of a profile, one line a setting."""
    drift = []
    for key, wanted in sorted(profile.items()):
        if key not in settings:
            drift.append(f"{key} is none of its settings")
        elif settings[key] != wanted or type(settings[key]) is not type(wanted):
            drift.append(f"{key} is {settings[key]!r}, not {wanted!r}")
    return drift


def _configuration(facts: Facts, limits: Limits) -> Finding:
    settings, waiting, check = facts.settings, facts.waiting, Check.CONFIGURATION
    if limits.profile is None:
        return Finding(check, Standing.NOT_ASKED, "no profile was named")
    if isinstance(settings, BwcError):
        return _not_told(check, settings)
    if isinstance(waiting, BwcError):
        return _not_told(check, waiting)
    to_come = [one for one in waiting if one.key in limits.profile]
    later = [one for one in to_come if _same(one.applied, limits.profile[one.key])]
    undone = [one for one in to_come if one not in later and _same(one.in_effect, limits.profile[one.key])]
    apart = {one.key for one in (*later, *undone)}
    drift = drift_of(settings, {key: value for key, value in limits.profile.items() if key not in apart})
    drift += [
        f"{one.key} will be {one.applied!r}, not {limits.profile[one.key]!r}, once it is in effect"
        for one in undone
    ]
    if drift:
        return Finding(check, Standing.UNFIT, _some(drift), "apply the profile: 'bwc config apply FILE'")
    if later:
        return _not_in_effect(facts, later)
    return Finding(check, Standing.GOOD, f"all {len(limits.profile)} settings of the profile")


def _not_in_effect(facts: Facts, waiting: list[Waiting]) -> Finding:
    """Of a camera that was configured and does not keep to it yet. Whoever takes it out of its dock makes that take
    effect which waits for it."""
    check, detail = Check.CONFIGURATION, not_yet(waiting)
    docked = not isinstance(facts.status, BwcError) and facts.status.docked
    if not all(one.by_undocking for one in waiting):
        return Finding(check, Standing.UNFIT, detail, RESTART_IT)
    if docked:
        return Finding(check, Standing.WARNING, detail, f"take it out of its dock, or {RESTART_IT}")
    return Finding(
        check, Standing.UNFIT, f"{detail}, and it is not docked", f"{RESTART_IT}; or dock it and take it out"
    )


def _same(one: Value | None, other: Value) -> bool:
    return one == other and type(one) is type(other)


def _certificate(facts: Facts, limits: Limits) -> Finding:
    days, check = facts.certificate_days, Check.CERTIFICATE
    if days is None:
        return Finding(check, Standing.GOOD, "it has none that ends")
    advice = "renew it: 'bwc renew'"
    if days < 0:
        return Finding(check, Standing.UNFIT, "it has ended", advice)
    if days < limits.certificate_days:
        return Finding(check, Standing.UNFIT, f"{days} days are left, of {limits.certificate_days}", advice)
    if days < CERTIFICATE_SOON_DAYS:
        return Finding(check, Standing.WARNING, f"{days} days are left", advice)
    return Finding(check, Standing.GOOD, f"{days} days are left")


def _assignment(facts: Facts, limits: Limits) -> Finding:
    state, check = facts.assignment, Check.ASSIGNMENT
    if isinstance(state, BwcError):
        return _not_told(check, state)
    if state.assigned:
        return Finding(check, Standing.GOOD, "it is assigned")
    if not limits.assigned:
        return Finding(check, Standing.NOT_ASKED, "it is in the pool")
    return Finding(check, Standing.UNFIT, "it is assigned to nobody", "assign it: 'bwc assign OFFICER'")


def _training(facts: Facts, limits: Limits) -> Finding:
    state, check = facts.assignment, Check.TRAINING
    if limits.officers is None:
        return Finding(check, Standing.NOT_ASKED, "no roster was named")
    if isinstance(state, BwcError):
        return _not_told(check, state)
    if not state.assigned:
        return Finding(check, Standing.NOT_ASKED, "it is assigned to nobody")
    officer = limits.officers.get(state.officer)
    today = datetime.datetime.fromtimestamp(facts.utc_s, datetime.UTC).date()
    if officer is None or (officer.ended is not None and officer.ended <= today):
        detail = "whoever it is assigned to is not in the roster"
        if officer is not None:
            detail = f"whoever it is assigned to is no part of the roster since {officer.ended}"
        return Finding(
            check, Standing.UNFIT, detail, "assign it to somebody of the roster: 'bwc assign OFFICER'"
        )
    until = officer.training_until
    if until is None:
        return Finding(
            check,
            Standing.WARNING,
            "the roster does not say until when the training is valid",
            "complete the roster",
        )
    if until < today:
        return Finding(
            check,
            Standing.UNFIT,
            f"the training was valid until {until}",
            "assign it to somebody whose training is valid: 'bwc assign OFFICER'",
        )
    return Finding(check, Standing.GOOD, f"valid until {until}")


def _self_test(facts: Facts) -> Finding:
    report, check = facts.self_test, Check.SELF_TEST
    if report is None:
        return Finding(check, Standing.NOT_ASKED, "it was not asked for")
    if isinstance(report, BwcError):
        return _not_told(check, report)
    steps = [step for step in report.steps if step.result is TestResult.FAILED]
    failed = [f"{step.name}: {step.detail}" for step in steps]
    if report.passed and not failed:
        return Finding(check, Standing.GOOD, f"{len(report.steps)} steps, none failed")
    to_be_set = bool(steps) and all(step.name == CLOCK_STEP for step in steps) and _clock_is_unset(facts)
    advice = OFFLOAD_AND_SET if to_be_set else "take another camera, and have this one seen to"
    return Finding(check, Standing.UNFIT, _some(failed) or "it failed", advice)


def _footage(facts: Facts) -> Finding:
    storage, check = facts.storage, Check.FOOTAGE
    if isinstance(storage, BwcError):
        return _not_told(check, storage)
    if not storage.recordings:
        return Finding(check, Standing.GOOD, "nothing is owed")
    held = f", {storage.held} of them held" if storage.held else ""
    return Finding(
        check,
        Standing.WARNING,
        f"{storage.recordings} recordings are on it{held}",
        "'bwc offload' stores what is not stored yet; they leave the camera against receipts",
    )


def _state(facts: Facts) -> Finding:
    status, check = facts.status, Check.STATE
    if isinstance(status, BwcError):
        return _not_told(check, status)
    if status.seized_for:
        return Finding(
            check,
            Standing.UNFIT,
            f"it is seized for the case {status.seized_for}",
            "leave it as it is, and take another one",
        )
    if status.state is CameraState.FAULT:
        return Finding(
            check, Standing.UNFIT, "it reports a fault", "'bwc info' and 'bwc self-test' tell more"
        )
    faults = list(_faults(int(status.faults) & ~int(TOLD_ELSEWHERE)))
    if faults:
        return Finding(check, Standing.UNFIT, f"it reports {_some(faults)}", "'bwc self-test' tells more")
    if status.docked and status.state in RECORDING:
        return Finding(
            check, Standing.UNFIT, IT_RECORDS, "nobody wears it: stop it by its button, and check again"
        )
    return Finding(check, Standing.GOOD, str(status.state))


def _faults(bits: int) -> Iterator[str]:
    """By their names; what a later firmware has stays a number."""
    for one in Fault:
        if bits & int(one):
            bits &= ~int(one)
            yield (one.name or "").lower().replace("_", " ")
    if bits:
        yield f"faults {bits:#x}, which this version does not know"


def _some(found: list[str]) -> str:
    more = len(found) - NAMED_MAX
    return "; ".join(found[:NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")

"""A camera is fit only for reasons that it told itself; each thing that is wrong keeps it back, and is named."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.battery import BatteryStatus, ChargeState
from bwc_protocol.messages.clock import ClockReading, TimeSource
from bwc_protocol.messages.config import TakesEffect
from bwc_protocol.messages.identity import (
    CameraState,
    DeviceStatus,
    Fault,
    SelfTestReport,
    SelfTestStep,
    TestResult,
)
from bwc_protocol.messages.storage import StorageStatus
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.clients.waiting_settings import Waiting
from bwc_sdk.errors import CommandError
from bwc_sdk.fitness import Check, Facts, Limits, Officer, Standing, judge
from bwc_sdk.fitness.judging import hours_of
from bwc_sdk.fitness.verdict import KEEPS_BACK
from bwc_sdk.host.host_time import HostTime

NOON_S = 1_800_014_400.0
TODAY = datetime.date(2027, 1, 15)
MS = 1_000_000

GOOD = Facts(
    identity="CAM-1",
    utc_s=NOON_S,
    host_time=HostTime(True, MS, "chrony"),
    battery=BatteryStatus(
        charge_pct=100,
        state=ChargeState.FULL,
        voltage_mv=4_100,
        current_ma=0,
        temperature_dc=220,
        cycles=20,
        health_pct=95,
        time_left_s=None,
    ),
    storage=StorageStatus(
        capacity_bytes=64 << 30,
        free_bytes=60 << 30,
        recording_time_left_s=20 * 3_600,
        recordings=0,
        held=0,
        full=False,
    ),
    status=DeviceStatus(
        state=CameraState.READY, docked=True, uptime_s=5, faults=Fault(0), streams=0, boot_counter=3
    ),
    clock=ClockReading(
        utc_ns=0,
        state=ClockState.SYNCED,
        uncertainty_ns=MS,
        source=TimeSource.NTP,
        last_set_utc_ns=1,
        revision=2,
    ),
    offset=Measurement(20 * MS, MS, MS, 2, 4),
    assignment=AssignmentState(assigned=True, officer="K1", unit="north", since_utc_ns=1, revision=1),
    settings={"recording.pre_event_s": 30, "mute.allowed": False},
    self_test=SelfTestReport(
        passed=True, steps=(SelfTestStep(name="storage", result=TestResult.PASSED, detail=""),)
    ),
    certificate_days=200,
)
LIMITS = Limits(profile={"mute.allowed": False}, officers={"K1": Officer(datetime.date(2027, 3, 1))})
ADRIFT = HostTime(False, 0, "kernel")
REFUSED = CommandError("x", ErrorCode.UNSUPPORTED, "no such command")


def but(**changes: Any) -> Facts:
    """The good camera, with parts of what it says changed: a mapping changes fields of that part."""
    given = {
        name: dataclasses.replace(getattr(GOOD, name), **value)
        if isinstance(value, dict) and name != "settings"
        else value
        for name, value in changes.items()
    }
    return dataclasses.replace(GOOD, **given)


def standings(facts: Facts, limits: Limits = LIMITS) -> dict[Check, Standing]:
    return {one.check: one.standing for one in judge(facts, limits).findings}


def test_a_camera_with_which_all_is_well_is_fit() -> None:
    verdict = judge(GOOD, LIMITS)
    assert verdict.fit and not verdict.reasons
    assert [one.check for one in verdict.findings] == list(Check)
    assert {one.standing for one in verdict.findings} == {Standing.GOOD}


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"battery": {"charge_pct": 70}}, Check.BATTERY),
        ({"battery": {"health_pct": 70}}, Check.BATTERY),
        ({"battery": {"state": ChargeState.FAULT}}, Check.BATTERY),
        ({"battery": {"state": ChargeState.STOPPED_BY_TEMPERATURE}}, Check.BATTERY),
        (
            {"battery": {"time_left_s": 3_600}, "status": {"state": CameraState.RECORDING, "docked": False}},
            Check.BATTERY,
        ),
        ({"storage": {"recording_time_left_s": 3_600}}, Check.ROOM),
        ({"storage": {"full": True}}, Check.ROOM),
        ({"storage": {"recording_time_left_s": None}}, Check.ROOM),
        ({"clock": {"state": ClockState.UNSET}}, Check.CLOCK),
        ({"clock": {"state": Unknown(9)}}, Check.CLOCK),
        ({"offset": {"offset_ns": 9_000 * MS}}, Check.CLOCK),
        ({"offset": {"offset_ns": -9_000 * MS}}, Check.CLOCK),
        ({"settings": {"mute.allowed": True}}, Check.CONFIGURATION),
        ({"settings": {"mute.allowed": 0}}, Check.CONFIGURATION),
        ({"settings": {}}, Check.CONFIGURATION),
        ({"certificate_days": -1}, Check.CERTIFICATE),
        ({"certificate_days": 6}, Check.CERTIFICATE),
        ({"assignment": {"assigned": False, "officer": ""}}, Check.ASSIGNMENT),
        ({"assignment": {"officer": "K2"}}, Check.TRAINING),
        ({"utc_s": NOON_S + 90 * 86_400}, Check.TRAINING),
        ({"self_test": {"passed": False}}, Check.SELF_TEST),
        ({"status": {"seized_for": "24-7"}}, Check.STATE),
        ({"status": {"state": CameraState.FAULT}}, Check.STATE),
        ({"status": {"faults": Fault.SENSOR}}, Check.STATE),
        ({"status": {"faults": Fault(1 << 12)}}, Check.STATE),
    ],
)
def test_each_thing_that_is_wrong_keeps_it_back_and_is_named_with_what_to_do(
    changes: dict[str, Any], check: Check
) -> None:
    verdict = judge(but(**changes), LIMITS)
    assert not verdict.fit and {one.check for one in verdict.reasons} == {check}
    (reason,) = verdict.reasons
    assert reason.detail and (reason.advice or reason.standing is Standing.NOT_KNOWN)


@pytest.mark.parametrize(
    ("part", "checks"),
    [
        ("battery", {Check.BATTERY}),
        ("storage", {Check.ROOM, Check.FOOTAGE}),
        ("status", {Check.STATE}),
        ("clock", {Check.CLOCK}),
        ("offset", {Check.CLOCK}),
        ("assignment", {Check.ASSIGNMENT, Check.TRAINING}),
        ("settings", {Check.CONFIGURATION}),
        ("self_test", {Check.SELF_TEST}),
    ],
)
def test_what_a_camera_does_not_tell_keeps_it_back(part: str, checks: set[Check]) -> None:
    found = standings(but(**{part: REFUSED}))
    assert {check for check, standing in found.items() if standing is Standing.NOT_KNOWN} == checks
    assert not judge(but(**{part: REFUSED}), LIMITS).fit


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"certificate_days": 20}, Check.CERTIFICATE),
        ({"storage": {"recordings": 3, "held": 1}}, Check.FOOTAGE),
        ({"host_time": ADRIFT, "offset": {"offset_ns": 9_000 * MS}}, Check.CLOCK),
        ({"host_time": ADRIFT, "offset": {"offset_ns": 60_001 * MS}}, Check.CLOCK),
        ({"host_time": ADRIFT, "offset": {"offset_ns": -60_001 * MS}}, Check.CLOCK),
    ],
)
def test_what_does_for_this_shift_is_a_warning(changes: dict[str, Any], check: Check) -> None:
    found = judge(but(**changes), LIMITS)
    assert found.fit
    (warned,) = (one for one in found.findings if one.standing is Standing.WARNING)
    assert warned.check is check and warned.advice


def test_what_nothing_was_given_for_is_not_asked() -> None:
    found = standings(but(self_test=None, assignment={"assigned": False}), Limits(assigned=False))
    asked = {check for check, standing in found.items() if standing is not Standing.NOT_ASKED}
    assert set(Check) - asked == {Check.CONFIGURATION, Check.TRAINING, Check.SELF_TEST, Check.ASSIGNMENT}
    assert not set(found.values()) & KEEPS_BACK


def test_the_bounds_of_the_measurement_count_before_a_clock_is_called_off() -> None:
    edge = 5_000 * MS + MS + MS
    assert standings(but(offset={"offset_ns": edge}))[Check.CLOCK] is Standing.GOOD
    assert standings(but(offset={"offset_ns": edge + 1_000}))[Check.CLOCK] is Standing.UNFIT


@pytest.mark.parametrize(("offset_ns", "word"), [(3_600_000 * MS, "behind"), (-60_002 * MS, "ahead")])
def test_further_off_than_a_host_drifts_one_of_the_two_clocks_is_wrong_and_the_camera_is_not_fit(
    offset_ns: int, word: str
) -> None:
    (reason,) = judge(but(host_time=ADRIFT, offset={"offset_ns": offset_ns}), LIMITS).reasons
    assert reason.check is Check.CLOCK and reason.standing is Standing.UNFIT
    assert f"s {word}" in reason.detail and "one of the two clocks is wrong" in reason.detail
    assert "'bwc doctor'" in reason.advice and "clock sync" not in reason.advice


@pytest.mark.parametrize("part", ["battery", "storage"])
def test_what_is_had_is_rounded_down_so_that_it_never_reads_as_what_is_asked(part: str) -> None:
    short: dict[str, dict[str, Any]] = {
        "battery": {"charge_pct": 89, "health_pct": 86},  # 9.95 h
        "storage": {"recording_time_left_s": 35_999},
    }
    (reason,) = judge(but(**{part: short[part]}), LIMITS).reasons
    assert "9.9 h" in reason.detail and "of 10 h" in reason.detail and "10.0" not in reason.detail
    (worn,) = judge(but(battery={"charge_pct": 90, "health_pct": 76}), LIMITS).reasons
    assert "even full it is good for 9.8 h only" in worn.advice


def test_a_self_test_that_failed_by_an_unset_clock_alone_sends_no_camera_away() -> None:
    unset = SelfTestStep(name="clock", result=TestResult.FAILED, detail="not set")
    broken = SelfTestStep(name="sensor", result=TestResult.FAILED, detail="dark")

    def advice(state: ClockState, *steps: SelfTestStep) -> tuple[str, str]:
        found = judge(but(clock={"state": state}, self_test={"passed": False, "steps": steps}), LIMITS)
        by = {one.check: one for one in found.findings}
        assert (
            by[Check.SELF_TEST].standing is Standing.UNFIT and "clock: not set" in by[Check.SELF_TEST].detail
        )
        return by[Check.CLOCK].advice, by[Check.SELF_TEST].advice

    clock, self_test = advice(ClockState.UNSET, unset)
    assert clock == self_test and "'bwc clock sync'" in clock
    for state, steps in ((ClockState.UNSET, (unset, broken)), (ClockState.SYNCED, (unset,))):
        assert "take another camera" in advice(state, *steps)[1]


def test_hours_are_what_charge_and_health_leave_of_a_new_cell_or_less_by_the_present_load() -> None:
    assert isinstance(GOOD.battery, BatteryStatus)
    half = dataclasses.replace(GOOD.battery, charge_pct=50, health_pct=80, time_left_s=3_600)
    assert hours_of(half, 10.0) == pytest.approx(4.0)
    assert hours_of(half, 10.0, recording=True) == pytest.approx(1.0)


def test_a_cell_that_is_worn_out_is_not_sent_back_to_the_charger() -> None:
    (worn,) = judge(but(battery={"health_pct": 60}), LIMITS).reasons
    (empty,) = judge(but(battery={"charge_pct": 30}), LIMITS).reasons
    assert "replaced" in worn.advice and "charger" in empty.advice


def test_today_is_by_the_hosts_clock_and_the_last_day_counts() -> None:
    last = Limits(profile={}, officers={"K1": Officer(TODAY)})
    assert standings(GOOD, last)[Check.TRAINING] is Standing.GOOD
    assert standings(but(utc_s=NOON_S + 86_400), last)[Check.TRAINING] is Standing.UNFIT


def test_somebody_who_left_carries_no_camera_and_a_roster_that_says_no_day_is_told() -> None:
    gone = Limits(officers={"K1": Officer(None, ended=TODAY)})
    assert standings(GOOD, gone)[Check.TRAINING] is Standing.UNFIT
    leaves = Limits(officers={"K1": Officer(None, ended=TODAY + datetime.timedelta(days=1))})
    assert standings(GOOD, leaves)[Check.TRAINING] is Standing.WARNING


MUTE = Waiting("mute.allowed", True, False, TakesEffect.ON_UNDOCK)
PEER = Waiting("trigger.peer", True, False, TakesEffect.ON_REBOOT)
STRANGE = Waiting("trigger.peer", True, False, Unknown(9))
DOCKED, CARRIED = {"docked": True}, {"docked": False}


@pytest.mark.parametrize(
    ("waiting", "status", "standing", "detail", "advice"),
    [
        ((MUTE,), DOCKED, Standing.WARNING, "undock or restart the camera (mute.allowed)", "take it out of its dock"),
        ((MUTE,), CARRIED, Standing.UNFIT, "and it is not docked", "'bwc reboot'"),
        ((MUTE,), REFUSED, Standing.UNFIT, "and it is not docked", "'bwc reboot'"),
        ((PEER,), DOCKED, Standing.UNFIT, "restart the camera with 'bwc reboot' (trigger.peer)", "'bwc reboot'"),
        ((STRANGE,), DOCKED, Standing.UNFIT, "restart the camera with 'bwc reboot' (trigger.peer)", "'bwc reboot'"),
        ((MUTE, PEER), DOCKED, Standing.UNFIT, "(mute.allowed); restart the camera with", "'bwc reboot'"),
    ],
)  # fmt: skip
def test_what_is_applied_and_not_in_effect_yet_is_told_with_what_makes_it(
    waiting: tuple[Waiting, ...], status: Any, standing: Standing, detail: str, advice: str
) -> None:
    wanted = {one.key: one.applied for one in waiting}
    settings = {one.key: one.in_effect for one in waiting}
    facts = but(waiting=waiting, settings=settings, status=status)
    (found,) = (
        one
        for one in judge(facts, dataclasses.replace(LIMITS, profile=wanted)).findings
        if one.check is Check.CONFIGURATION
    )
    assert found.standing is standing and found.detail.startswith("applied, and not in effect yet: ")
    assert detail in found.detail and advice in found.advice and "config apply" not in found.advice


def test_what_will_drift_once_it_takes_effect_keeps_it_back_while_all_is_well_still() -> None:
    coming = Waiting("mute.allowed", False, True, TakesEffect.ON_UNDOCK)
    (reason,) = judge(but(waiting=(coming,)), LIMITS).reasons
    assert reason.detail == "mute.allowed will be True, not False, once it is in effect"
    assert "config apply" in reason.advice


def test_what_drifts_and_does_not_wait_is_told_before_what_waits() -> None:
    limits = dataclasses.replace(LIMITS, profile={"mute.allowed": False, "recording.pre_event_s": 60})
    facts = but(waiting=(MUTE,), settings={"mute.allowed": True, "recording.pre_event_s": 30})
    (reason,) = judge(facts, limits).reasons
    assert reason.detail == "recording.pre_event_s is 30, not 60" and "config apply" in reason.advice


def test_whether_something_waits_has_to_be_told_where_a_profile_is_named() -> None:
    assert standings(but(waiting=REFUSED))[Check.CONFIGURATION] is Standing.NOT_KNOWN


@pytest.mark.parametrize("state", [CameraState.RECORDING, CameraState.POST_EVENT])
def test_a_camera_that_records_where_nobody_wears_it_is_unfit_and_worn_it_is_not(state: CameraState) -> None:
    docked = judge(but(status={"state": state}), LIMITS)
    assert [(one.check, one.detail) for one in docked.reasons] == [(Check.STATE, "it records")]
    assert judge(but(status={"state": state, "docked": False}), LIMITS).fit

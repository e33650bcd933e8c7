"""What was measured of a clock corrects those recordings alone that were made by the same set of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import UNBOUNDED_MS, ClockState, Manifest
from bwc_sdk.evidence.camera_clock import CameraClock, MalformedClock, NotMeasured, clock_of, said_of
from bwc_sdk.evidence.clock_findings import check_clock
from bwc_sdk.evidence.corrected_time import (
    DRIFT_PPM,
    Correction,
    NotKnown,
    correction_of,
    said_utc_ns,
    spans_ns,
)
from bwc_sdk.evidence.findings import FindingKind, Severity
from bwc_sdk.host.host_time import HostTime
from tools.generate import sample_evidence

S = 1_000_000_000
HOURS_3 = 3 * 3_600 * S
STARTED = sample_evidence.STARTED_NS
KEPT = HostTime(True, 2_000_000, "chrony")
WRONG = HostTime(False, 0, "kernel")

MANIFEST = dataclasses.replace(sample_evidence.manifest(), clock_revision=4)
"""Of a minute, by a clock that its camera holds for right to 12 ms."""
CLOCK = CameraClock(
    offset_ns=HOURS_3,
    uncertainty_ns=1_000_000,
    revision=4,
    state=ClockState.SYNCED,
    stated_uncertainty_ns=20_000_000,
    measured_utc_ns=STARTED + HOURS_3 + 1_000 * S,
    measured_by="dock-7",
    host_time=KEPT,
)
"""Measured 1,000 s after the begin; the camera is three hours behind."""
UNSET = {"clock_state": ClockState.UNSET, "clock_uncertainty_ms": UNBOUNDED_MS}


def made(**changes: Any) -> Manifest:
    return dataclasses.replace(MANIFEST, **changes)


def measured(**changes: Any) -> CameraClock:
    return dataclasses.replace(CLOCK, **changes)


def record(clock: CameraClock | NotMeasured = CLOCK) -> dict[str, object]:
    return said_of(clock)


def findings(manifest: Manifest, *records: dict[str, object]) -> list[tuple[FindingKind, Severity, str]]:
    told: list[tuple[FindingKind, Severity, str]] = []

    def found(kind: FindingKind, detail: str, *, severity: Severity = Severity.ERROR, **_: object) -> None:
        told.append((kind, severity, detail))

    check_clock(manifest, {number: ("file", one) for number, one in enumerate(records)}, found)
    return told


def test_the_correction_is_what_was_measured_and_its_bound_has_the_drift_since() -> None:
    known = correction_of(MANIFEST, [record()])
    assert isinstance(known, Correction)
    assert known.span_ns(MANIFEST) == (STARTED + HOURS_3, MANIFEST.ended_utc_ns + HOURS_3)
    assert known.uncertainty_ns == 1_000_000 + 1_000 * S * DRIFT_PPM // 1_000_000 + 2_000_000
    assert (known.clock.measured_by, known.host_synchronised) == ("dock-7", True)


@pytest.mark.rule("REC-094")
@pytest.mark.parametrize(
    ("manifest", "clock", "why"),
    [
        (MANIFEST, measured(revision=5), NotKnown.SET_SINCE),
        (MANIFEST, measured(revision=3), NotKnown.SET_SINCE),
        (MANIFEST, measured(state=ClockState.UNSET, stated_uncertainty_ns=None), NotKnown.SET_SINCE),
        (made(**UNSET), CLOCK, NotKnown.SET_SINCE),
        (made(clock_revision=0), CLOCK, NotKnown.REVISION_NOT_STATED),
        (made(clock_revision=0), measured(revision=0), NotKnown.REVISION_NOT_STATED),
        (MANIFEST, measured(measured_utc_ns=STARTED + HOURS_3 + 50 * S), NotKnown.LATER_THAN_STORED),
        (MANIFEST, NotMeasured.UNSUPPORTED, NotKnown.NOT_MEASURED),
    ],
    ids=["set", "another", "lost", "set-first", "not-stated", "never-set", "later", "not-measured"],
)
def test_where_the_clock_was_not_the_same_the_offset_is_not_known(
    manifest: Manifest, clock: CameraClock | NotMeasured, why: NotKnown
) -> None:
    assert correction_of(manifest, [record(clock)]) is why


def test_a_record_of_before_says_nothing_of_the_clock_and_nothing_is_found() -> None:
    assert correction_of(MANIFEST, [{}]) is NotKnown.NOT_MEASURED
    assert findings(MANIFEST, {}) == []


def test_a_recording_that_was_made_while_the_camera_was_connected_is_corrected_too() -> None:
    before = measured(measured_utc_ns=STARTED + HOURS_3 - 50 * S)
    stored = {"stored_utc_ns": MANIFEST.ended_utc_ns + HOURS_3 + S}
    known = correction_of(MANIFEST, [record(before) | stored])
    assert isinstance(known, Correction) and known.offset_ns == HOURS_3
    assert known.uncertainty_ns == 1_000_000 + 50 * S * DRIFT_PPM // 1_000_000 + 2_000_000
    early = {"stored_utc_ns": MANIFEST.ended_utc_ns + HOURS_3 - 2 * S}
    assert correction_of(MANIFEST, [record(before) | early]) is NotKnown.LATER_THAN_STORED


def test_a_clock_that_was_never_set_is_corrected_while_it_runs_on() -> None:
    clock = measured(state=ClockState.UNSET, stated_uncertainty_ns=None)
    known = correction_of(made(**UNSET), [record(clock)])
    assert isinstance(known, Correction) and known.offset_ns == HOURS_3
    ((kind, severity, _),) = findings(made(**UNSET), record(clock))
    assert (kind, severity) == (FindingKind.CLOCK_UNSET, Severity.NOTE)


def test_the_tightest_measurement_that_holds_counts_and_a_wrong_host_the_least() -> None:
    wide, tight = measured(uncertainty_ns=9 * S, offset_ns=HOURS_3 + 1), CLOCK
    elsewhere = measured(revision=9, uncertainty_ns=0)
    doubtful = measured(uncertainty_ns=0, offset_ns=5, host_time=WRONG)
    known = correction_of(MANIFEST, [record(one) for one in (wide, elsewhere, doubtful, tight)])
    assert isinstance(known, Correction) and known.clock == tight


def test_a_recording_is_looked_for_by_true_time_and_by_either_where_the_host_was_wrong() -> None:
    right = correction_of(MANIFEST, [record()])
    ((begin, end),) = spans_ns(MANIFEST, right)
    assert begin < STARTED + HOURS_3 < begin + S and end > MANIFEST.ended_utc_ns + HOURS_3
    either = spans_ns(MANIFEST, correction_of(MANIFEST, [record(measured(host_time=WRONG))]))
    assert len(either) == 2 and either[1] == (STARTED - 12_000_000, MANIFEST.ended_utc_ns + 12_000_000)
    assert spans_ns(MANIFEST, NotKnown.SET_SINCE) == either[1:]
    assert spans_ns(made(**UNSET), NotKnown.NOT_MEASURED) == []
    assert (
        len(spans_ns(made(**UNSET), correction_of(made(**UNSET), [record(measured(state=ClockState.UNSET))])))
        == 1
    )


def said(clock: CameraClock, *after_s: int) -> list[float | None]:
    """Seconds after the recording's begin, by true time, of statements by the camera's."""
    known = correction_of(MANIFEST, [record(clock)])
    found = said_utc_ns(MANIFEST, known, [STARTED + one * S for one in after_s])
    return [None if ns is None else (ns - STARTED) / S for ns in found]


def test_what_was_said_before_the_clock_was_measured_has_a_true_time() -> None:
    assert said(measured(), 60, 1_000) == [HOURS_3 / S + 60, HOURS_3 / S + 1_000]
    assert said(measured(revision=5), 60) == [None], "of another set of the clock"
    assert said_utc_ns(MANIFEST, None, [STARTED]) == (None,)


def test_what_was_said_after_the_clock_was_measured_or_may_have_been_has_none() -> None:
    assert said(measured(), 1_001) == [None], "the clock may have been set since"
    assert said(measured(), -1) == [None], "before the recording began: by another clock"
    assert said(measured(), 60, 1_001, 70) == [HOURS_3 / S + 60, None, None], (
        "its place in the chain is later"
    )
    assert said(measured(), 60, 59) == [HOURS_3 / S + 60, None], "the clock was set back in between"
    ahead = measured(offset_ns=-HOURS_3, measured_utc_ns=STARTED + 100 * S)
    assert correction_of(MANIFEST, [record(ahead)]) is not NotKnown.SET_SINCE
    assert said(ahead, 60, 101) == [60 - HOURS_3 / S, None], "by a clock that was set right, 101 s is later"


def test_an_offset_beyond_what_the_camera_stated_is_a_warning() -> None:
    ((kind, severity, detail),) = findings(MANIFEST, record())
    assert (kind, severity) == (FindingKind.CLOCK_OFF, Severity.WARNING)
    assert (
        detail.startswith("10800.000 s behind, known to")
        and "dock-7" in detail
        and "chrony" in detail
        and "0.012 s" in detail
    )
    ((_, severity, detail),) = findings(MANIFEST, record(measured(host_time=WRONG)))
    assert severity is Severity.NOTE and "either may be wrong" in detail


def test_which_way_a_clock_was_off_is_said_in_words_everywhere() -> None:
    ((_, _, detail),) = findings(MANIFEST, record(measured(offset_ns=-3_600 * S)))
    assert detail.startswith("3600.000 s ahead, known to")
    ((kind, _, detail),) = findings(MANIFEST, record(measured(offset_ns=-3_600 * S, revision=77)))
    assert kind is FindingKind.CLOCK_OFFSET_UNKNOWN and detail.endswith("then it was 3600.000 s ahead")
    unset = measured(offset_ns=-3_600 * S, state=ClockState.UNSET, stated_uncertainty_ns=None)
    ((kind, _, detail),) = findings(made(**UNSET), record(unset))
    assert kind is FindingKind.CLOCK_UNSET and detail.startswith("its times are 3600.000 s ahead, known to")


@pytest.mark.parametrize("beyond", [False, True])
def test_the_bounds_of_all_errors_count_before_a_clock_is_called_off(beyond: bool) -> None:
    known = correction_of(MANIFEST, [record(measured(measured_utc_ns=STARTED + 1_000 * S, offset_ns=0))])
    assert isinstance(known, Correction)
    edge = 12_000_000 + known.uncertainty_ns + beyond
    for offset in (edge, -edge):
        clock = measured(offset_ns=offset, measured_utc_ns=STARTED + offset + 1_000 * S)
        assert bool(findings(MANIFEST, record(clock))) is beyond


@pytest.mark.parametrize(
    ("manifest", "clock", "expected"),
    [
        (MANIFEST, measured(revision=5), Severity.NOTE),
        (made(clock_revision=0), CLOCK, Severity.WARNING),
        (made(clock_revision=0), measured(offset_ns=1_000, measured_utc_ns=STARTED + 1_000 * S), None),
        (MANIFEST, measured(measured_utc_ns=STARTED + HOURS_3), Severity.WARNING),
        (MANIFEST, NotMeasured.UNSTEADY, None),
    ],
    ids=["set", "old-camera-off", "old-camera-right", "impossible", "not-measured"],
)
def test_an_offset_that_is_not_known_is_told_where_it_matters(
    manifest: Manifest, clock: CameraClock | NotMeasured, expected: Severity | None
) -> None:
    told = findings(manifest, record(clock))
    assert [severity for _, severity, _ in told] == ([] if expected is None else [expected])
    assert all(kind is FindingKind.CLOCK_OFFSET_UNKNOWN for kind, _, _ in told)


@pytest.mark.parametrize(
    "clock",
    [NotMeasured.UNSUPPORTED, measured(revision=9), measured(state=ClockState.UNSET, host_time=WRONG)],
)
def test_a_clock_that_was_not_set_and_cannot_be_corrected_is_a_warning(
    clock: CameraClock | NotMeasured,
) -> None:
    ((kind, severity, _),) = findings(made(**UNSET), record(clock))
    assert (kind, severity) == (FindingKind.CLOCK_UNSET, Severity.WARNING)


I64 = st.integers(-(1 << 63), (1 << 63) - 1)


@given(
    offset=I64,
    at=I64,
    revision=st.integers(0, 0xFFFF_FFFF),
    state=st.sampled_from([*ClockState, Unknown(77)]),
    stated=st.none() | st.integers(0, (1 << 64) - 2),
    synchronised=st.sampled_from([True, False, None]),
)
def test_a_measurement_reads_back_as_it_was_written(
    offset: int, at: int, revision: int, state: Any, stated: int | None, synchronised: bool | None
) -> None:
    clock = measured(
        offset_ns=offset,
        measured_utc_ns=at,
        revision=revision,
        state=state,
        stated_uncertainty_ns=stated,
        host_time=HostTime(synchronised, 5 if synchronised else 0, "kernel"),
    )
    assert clock_of(said_of(clock)) == clock


PLAIN = CLOCK.plain()


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        [],
        "synced",
        {},
        PLAIN | {"offset_ns": "1"},
        PLAIN | {"offset_ns": True},
        PLAIN | {"offset_ns": 1 << 63},
        PLAIN | {"uncertainty_ns": -1},
        PLAIN | {"revision": 1 << 32},
        PLAIN | {"state": "asleep"},
        PLAIN | {"state": 1},
        PLAIN | {"stated_uncertainty_ns": 1.5},
        PLAIN | {"measured_by": None},
        PLAIN | {"measured_by": "x" * 65},
        PLAIN | {"host_clock": None},
        PLAIN | {"host_clock": {"synchronised": 1}},
        PLAIN | {"host_clock": {"synchronised": True, "max_error_ns": "x"}},
    ],
)
def test_what_is_no_measurement_is_damage_of_its_record_and_corrects_nothing(wrong: object) -> None:
    with pytest.raises(MalformedClock):
        clock_of({"camera_clock": wrong})
    told = findings(MANIFEST, {"camera_clock": wrong}, record())
    assert told[0][:2] == (FindingKind.CUSTODY_DAMAGED, Severity.ERROR)
    assert correction_of(MANIFEST, [{"camera_clock": wrong}]) is NotKnown.NOT_MEASURED

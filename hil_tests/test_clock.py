"""A clock is measured without being touched, and set only within limits, on record (spec: Clock)."""

from collections.abc import Callable

import pytest

from bwc_protocol.versions import V1_1
from bwc_sdk import (
    AuditKind,
    ClockReason,
    ClockState,
    ErrorCode,
    Measurement,
    Role,
    TimeAssurance,
    TimeSource,
)
from bwc_sdk.errors import ClockImplausible
from bwc_sdk.host.host_clock import steady
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused
from hil_tests.verdicts import not_before, not_tested

S = 1_000_000_000


def needs_a_steady_host(first: Measurement, then: Measurement) -> None:
    """Two measurements are of the same host's time only while nobody sets it."""
    if not steady(first.stamp, then.stamp):
        not_tested("this host's clock was set in between")


@pytest.mark.bwc_read_only
def test_measuring_changes_nothing(camera: SyncCamera) -> None:
    before = camera.clock.read()
    measured = camera.clock.measure(rounds=16)
    after = camera.clock.read()
    assert measured.revision == before.revision == after.revision
    assert after.last_set_utc_ns == before.last_set_utc_ns
    assert after.utc_ns > before.utc_ns


@pytest.mark.bwc_stack
@pytest.mark.bwc_read_only
def test_two_measurements_agree_within_their_uncertainties(camera: SyncCamera) -> None:
    first, second = camera.clock.measure(), camera.clock.measure()
    needs_a_steady_host(first, second)
    drift = 1_000_000  # 100 ppm over the seconds that the two may take
    allowed = first.uncertainty_ns + second.uncertainty_ns + drift
    assert abs(first.offset_ns - second.offset_ns) <= allowed


@pytest.mark.bwc_read_only
def test_an_exchange_echoes_and_orders_its_stamps(camera: SyncCamera) -> None:
    for sent in (0, -1, 2**63 - 1):
        reply = camera.clock.exchange(host_sent_ns=sent)
        assert reply.host_sent_ns == sent
        assert reply.device_sent_ns >= reply.device_received_ns


@pytest.mark.bwc_read_only
def test_a_clock_that_is_set_states_its_uncertainty(camera: SyncCamera) -> None:
    reading = camera.clock.read()
    if reading.state is ClockState.UNSET:
        not_tested("the clock was never set")
    assert reading.last_set_utc_ns != 0
    assert camera.clock.read().uncertainty_ns >= reading.uncertainty_ns, "it only grows between sets"


@pytest.mark.bwc_stack
def test_a_bench_moves_the_clock_by_exactly_what_it_said(camera: SyncCamera) -> None:
    before = camera.clock.measure()
    done = camera.clock.set(
        offset_ns=7 * S,
        uncertainty_ns=before.uncertainty_ns,
        reason=ClockReason.BENCH,
        source=TimeSource.UNSYNCHRONISED,
        revision=before.revision,
    )
    after = camera.clock.measure()
    needs_a_steady_host(before, after)
    assert done.revision == after.revision != before.revision
    moved = before.offset_ns - after.offset_ns
    assert abs(moved - 7 * S) <= before.uncertainty_ns + after.uncertainty_ns + S // 100
    assert abs(done.after_utc_ns - done.before_utc_ns - 7 * S) < S // 10


def test_a_set_against_an_old_revision_is_a_conflict(camera: SyncCamera) -> None:
    reading = camera.clock.read()
    with refused(ErrorCode.CONFLICT):
        camera.clock.set(
            offset_ns=0,
            uncertainty_ns=0,
            reason=ClockReason.BENCH,
            source=TimeSource.UNSYNCHRONISED,
            revision=reading.revision + 1,
        )
    assert camera.clock.read().revision == reading.revision


@pytest.mark.parametrize(
    ("offset_s", "reason", "source"),
    [
        (301, ClockReason.ROUTINE, TimeSource.NTP),
        (-301, ClockReason.ROUTINE, TimeSource.NTP),
        (86_401, ClockReason.CORRECTION, TimeSource.OPERATOR),
        (0, ClockReason.ROUTINE, TimeSource.UNSYNCHRONISED),
    ],
    ids=["ahead", "back", "correction", "unsynchronised"],
)
def test_the_device_itself_refuses_an_implausible_step(
    camera: SyncCamera, offset_s: int, reason: ClockReason, source: TimeSource
) -> None:
    reading = camera.clock.read()
    if reading.state is ClockState.UNSET:
        not_tested("the limits hold for a clock that was set before")
    with refused(ErrorCode.IMPLAUSIBLE):
        camera.clock.set(
            offset_ns=offset_s * S, uncertainty_ns=0, reason=reason, source=source, revision=reading.revision
        )
    assert camera.clock.read().revision == reading.revision


def test_the_host_refuses_an_implausible_step_before_it_is_sent(camera: SyncCamera) -> None:
    reading = camera.clock.read()
    with pytest.raises(ClockImplausible):
        camera.clock.sync(reason=ClockReason.ROUTINE, source=TimeSource.UNSYNCHRONISED)
    assert camera.clock.read().revision == reading.revision


def test_bench_is_no_reason_for_a_technician(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.TECHNICIAN) as camera:
        reading = camera.clock.read()
        with refused(ErrorCode.NOT_PERMITTED):
            camera.clock.set(
                offset_ns=0,
                uncertainty_ns=0,
                reason=ClockReason.BENCH,
                source=TimeSource.UNSYNCHRONISED,
                revision=reading.revision,
            )


def test_a_set_is_measured_again_and_on_record_with_what_it_did(camera: SyncCamera) -> None:
    head = camera.audit.head().sequence
    found = camera.clock.sync(reason=ClockReason.BENCH, source=TimeSource.PTP, host_uncertainty_ns=S // 1000)
    assert found.after.revision == found.done.revision != found.before.revision
    kinds = [entry.kind for entry in camera.audit.entries(after=head)]
    assert kinds.count(AuditKind.CLOCK_SET) == 1
    reading = camera.clock.read()
    assert reading.source is TimeSource.PTP
    assert reading.uncertainty_ns >= found.uncertainty_ns
    if camera.peer.version >= V1_1:
        assert reading.assurance is TimeAssurance.UNVERIFIED


def test_a_set_that_is_not_known_to_the_minute_is_refused(camera: SyncCamera) -> None:
    not_before("the limit of a minute", V1_1, camera.peer.version)
    reading = camera.clock.read()
    unset = reading.state is ClockState.UNSET
    with refused(ErrorCode.IMPLAUSIBLE):
        camera.clock.set(
            offset_ns=0,
            uncertainty_ns=60 * S + 1,
            reason=ClockReason.FIRST_SET if unset else ClockReason.ROUTINE,
            source=TimeSource.OPERATOR,
            revision=reading.revision,
        )
    assert camera.clock.read().revision == reading.revision

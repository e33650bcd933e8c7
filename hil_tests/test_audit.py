"""The log is append-only, chained, and holds what was done to the device (spec: Audit log)."""

from collections.abc import Callable

import pytest

from bwc_sdk import AuditKind, Role
from bwc_sdk.sync import SyncCamera
from hil_tests.verdicts import not_applicable


@pytest.mark.bwc_stack
@pytest.mark.bwc_read_only
def test_the_whole_log_chains_up_to_its_head(camera: SyncCamera) -> None:
    entries = list(camera.audit.entries())
    head = camera.audit.head()
    numbers = [entry.sequence for entry in entries]
    assert numbers == list(range(head.first, head.first + len(entries)))
    assert head.sequence >= numbers[-1]
    assert head.sha256 in {entry.sha256 for entry in entries} or head.sequence > numbers[-1]


@pytest.mark.bwc_read_only
def test_a_log_read_from_the_middle_is_the_same_log(camera: SyncCamera) -> None:
    entries = list(camera.audit.entries())
    middle = entries[len(entries) // 2].sequence
    rest = list(camera.audit.entries(after=middle))
    assert rest[: len(entries)] == [entry for entry in entries if entry.sequence > middle]


@pytest.mark.bwc_read_only
def test_small_pages_chain_like_large_ones(camera: SyncCamera) -> None:
    first = camera.audit.page(limit=1)
    second = camera.audit.page(after=first.entries[-1].sequence, limit=1)
    assert second.previous_sha256 == first.entries[-1].sha256
    assert second.entries[0].sequence == first.entries[0].sequence + 1


@pytest.mark.bwc_read_only
def test_a_session_is_on_record_under_the_name_of_its_host(camera: SyncCamera) -> None:
    entries = list(camera.audit.entries())
    if any(e.kind is AuditKind.SESSIONS_COUNTED for e in entries):
        not_applicable("this device counts sessions in which nothing is to be logged (AUD-007)")
    opened = [e for e in entries if e.kind is AuditKind.SESSION_OPENED]
    assert opened[-1].actor == camera.host_name


def test_what_was_done_is_on_record_in_its_order(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.BENCH) as camera:
        head = camera.audit.head().sequence
        camera.device.self_test(timeout=60)
        now = camera.assignment.read()
        now = camera.assignment.assign(officer="HIL-3", revision=now.revision)
        camera.assignment.clear(revision=now.revision)
    with connect_as(Role.AUDITOR) as camera:
        kinds = [entry.kind for entry in camera.audit.entries(after=head)]
    expected = [
        AuditKind.SELF_TEST,
        AuditKind.ASSIGNED,
        AuditKind.ASSIGNMENT_CLEARED,
        AuditKind.SESSION_CLOSED,
    ]
    assert [kind for kind in kinds if kind in expected] == expected


def test_the_log_outlives_everything_that_a_host_may_do(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.BENCH) as camera:
        before = list(camera.audit.entries())
        camera.config.abort()
        camera.clock.measure()
    with connect_as(Role.BENCH) as camera:
        after = list(camera.audit.entries())
    pruned = after[0].sequence - before[0].sequence
    assert after[: len(before) - pruned] == before[pruned:]

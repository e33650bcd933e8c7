"""Who carries a camera is set against what was read, and on record (spec: Assignment)."""

import pytest

from bwc_sdk import AuditKind, ErrorCode
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused


@pytest.mark.bwc_stack
def test_an_assignment_is_read_back_and_cleared(camera: SyncCamera) -> None:
    head = camera.audit.head().sequence
    before = camera.assignment.read()
    assigned = camera.assignment.assign(officer="HIL-1", unit="bench", revision=before.revision)
    assert (assigned.assigned, assigned.officer, assigned.unit) == (True, "HIL-1", "bench")
    assert assigned.revision == before.revision + 1
    assert camera.assignment.read() == assigned
    cleared = camera.assignment.clear(revision=assigned.revision)
    assert not cleared.assigned
    kinds = [entry.kind for entry in camera.audit.entries(after=head)]
    assert kinds.count(AuditKind.ASSIGNED) == kinds.count(AuditKind.ASSIGNMENT_CLEARED) == 1


def test_an_assignment_against_an_old_revision_is_a_conflict(camera: SyncCamera) -> None:
    before = camera.assignment.read()
    with refused(ErrorCode.CONFLICT):
        camera.assignment.assign(officer="HIL-2", revision=before.revision + 1)
    with refused(ErrorCode.CONFLICT):
        camera.assignment.clear(revision=before.revision + 1)
    assert camera.assignment.read() == before

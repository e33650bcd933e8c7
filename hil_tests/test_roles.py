"""The firmware enforces what each role may do, whatever the host asks (spec: Roles)."""

from collections.abc import Callable

import pytest

from bwc_sdk import ErrorCode, Role
from bwc_sdk.sync import SyncCamera
from hil_tests.refusals import refused

NO_RECORDING = bytes(16)


@pytest.mark.bwc_stack
def test_a_technician_lists_but_never_gets_footage(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.TECHNICIAN) as camera:
        for entry in camera.recordings.list():
            manifest = camera.recordings.read_manifest(entry)
            with refused(ErrorCode.NOT_PERMITTED):
                camera.recordings.read_table(entry, manifest, 0)


def test_an_auditor_reads_everything_and_changes_nothing(connect_as: Callable[[Role], SyncCamera]) -> None:
    with connect_as(Role.AUDITOR) as camera:
        head = camera.audit.head().sequence
        revision = camera.config.state().revision
        assignment = camera.assignment.read()
        status = camera.device.status()
        forbidden: tuple[Callable[[], object], ...] = (
            lambda: camera.config.stage(revision=revision, settings=()),
            lambda: camera.config.commit(revision=revision),
            lambda: camera.config.abort(),
            lambda: camera.assignment.assign(officer="x", revision=assignment.revision),
            lambda: camera.assignment.clear(revision=assignment.revision),
            lambda: camera.device.self_test(),
            lambda: camera.device.reboot(boot_counter=status.boot_counter),
            lambda: camera.recordings.mark(recording=NO_RECORDING, manifest_sha256=bytes(32)),
        )
        for attempt in forbidden:
            with refused(ErrorCode.NOT_PERMITTED):
                attempt()
        assert camera.device.status().boot_counter == status.boot_counter
        assert camera.audit.head().sequence >= head


def test_a_dock_reads_footage_and_has_no_say_in_the_configuration(
    connect_as: Callable[[Role], SyncCamera],
) -> None:
    with connect_as(Role.DOCK_OFFLOAD) as camera:
        for entry in camera.recordings.list()[:1]:
            camera.recordings.read_table(entry, camera.recordings.read_manifest(entry), 0)
        revision = camera.config.state().revision
        with refused(ErrorCode.NOT_PERMITTED):
            camera.config.commit(revision=revision)
        assignment = camera.assignment.read()
        with refused(ErrorCode.NOT_PERMITTED):
            camera.assignment.clear(revision=assignment.revision)
        camera.audit.head()

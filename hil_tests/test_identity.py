"""A device says who it is, what it can do and how it is (spec: Identity)."""

import pytest

from bwc_protocol.conversation import MAX_REQUESTS
from bwc_protocol.conversation.stream import MAX_STREAMS
from bwc_protocol.messages.identity import SMALLEST_REQUEST
from bwc_sdk import CameraState, Capability, PeerKind, TestResult
from bwc_sdk.sync import SyncCamera


@pytest.mark.bwc_stack
@pytest.mark.bwc_read_only
def test_identity_is_complete_and_the_one_that_the_session_proved(camera: SyncCamera) -> None:
    identity = camera.device.identify()
    assert identity.kind is PeerKind.CAMERA
    assert identity.serial == camera.identity
    assert identity.manufacturer
    assert identity.model
    assert identity.firmware
    assert any(identity.firmware_sha256), "a firmware without a hash cannot be told from another"


@pytest.mark.bwc_read_only
def test_session_info_and_commands_tell_the_same_story(camera: SyncCamera) -> None:
    identity = camera.device.identify()
    assert camera.peer.firmware_sha256 == identity.firmware_sha256
    assert camera.peer.boot_counter == identity.boot_counter == camera.device.status().boot_counter
    assert bool(camera.peer.capabilities & Capability.SIMULATOR) == identity.simulator


@pytest.mark.bwc_read_only
def test_capabilities_agree_with_the_schema_and_the_cells_that_answer(camera: SyncCamera) -> None:
    capabilities = camera.device.capabilities()
    assert capabilities.capabilities == camera.peer.capabilities
    assert capabilities.config_keys == len(camera.config.schema_all())
    assert 2 <= capabilities.max_streams <= MAX_STREAMS, "a table must fit beside footage"
    assert 1 <= capabilities.max_requests <= MAX_REQUESTS
    assert capabilities.max_request == 0 or capabilities.max_request >= SMALLEST_REQUEST
    assert capabilities.battery_cells >= 1
    for cell in range(capabilities.battery_cells):
        camera.battery.status(cell=cell)


@pytest.mark.bwc_stack
@pytest.mark.bwc_read_only
def test_status_is_of_a_camera_that_runs(camera: SyncCamera) -> None:
    first, second = camera.device.status(), camera.device.status()
    assert first.state in (CameraState.READY, CameraState.RECORDING, CameraState.POST_EVENT)
    assert second.uptime_s >= first.uptime_s
    assert first.streams == 0


def test_self_test_passes_and_tests_what_evidence_depends_on(camera: SyncCamera) -> None:
    report = camera.device.self_test(timeout=60)
    failed = [f"{step.name}: {step.detail}" for step in report.steps if step.result is TestResult.FAILED]
    assert not failed
    assert report.passed
    assert {"storage", "battery", "clock"} <= {step.name for step in report.steps}

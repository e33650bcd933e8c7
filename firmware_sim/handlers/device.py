"""Identity, capabilities, state, self-test, reboot."""

from bwc_protocol.conversation import MAX_REQUESTS
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.identity import (
    CameraState,
    Capability,
    DeviceCapabilities,
    DeviceIdentity,
    DeviceStatus,
    Identify,
    ReadCapabilities,
    ReadStatus,
    Reboot,
    RebootAccepted,
    SelfTest,
    SelfTestReport,
    TestResult,
)
from bwc_protocol.stream import MAX_STREAMS
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera import REBOOT_DELAY_S
from firmware_sim.camera_session import CameraSession
from firmware_sim.handlers.registry import CAMERA
from firmware_sim.model import FIRMWARE, FIRMWARE_SHA256, HARDWARE, MANUFACTURER, MODEL
from firmware_sim.refusal import Refusal
from firmware_sim.self_test import self_test


@Identify.handler(CAMERA)
def identify(session: CameraSession, request: Identify) -> DeviceIdentity:
    camera = session.camera
    return DeviceIdentity(
        kind=camera.manner.kind,
        manufacturer=MANUFACTURER,
        model=MODEL,
        serial=camera.serial,
        hardware=HARDWARE,
        firmware=FIRMWARE,
        firmware_sha256=FIRMWARE_SHA256,
        boot_counter=camera.boot_counter,
        simulator=Capability.SIMULATOR in camera.manner.capabilities,
    )


@ReadCapabilities.handler(CAMERA)
def capabilities(session: CameraSession, request: ReadCapabilities) -> DeviceCapabilities:
    return DeviceCapabilities(
        capabilities=session.camera.manner.capabilities,
        max_streams=MAX_STREAMS,
        max_requests=MAX_REQUESTS,
        battery_cells=1,
        config_keys=len(session.camera.settings.rules),
    )


@ReadStatus.handler(CAMERA)
def status(session: CameraSession, request: ReadStatus) -> DeviceStatus:
    camera = session.camera
    return DeviceStatus(
        state=camera.state,
        docked=camera.docked,
        uptime_s=camera.uptime_s,
        faults=camera.report.faults,
        streams=session.open_streams,
        boot_counter=camera.boot_counter,
    )


@SelfTest.handler(CAMERA)
def run_self_test(session: CameraSession, request: SelfTest) -> SelfTestReport:
    steps = self_test(session.camera)
    failed = [step.name for step in steps if step.result is TestResult.FAILED]
    session.audit(AuditKind.SELF_TEST, f"failed: {', '.join(failed)}" if failed else "passed")
    return SelfTestReport(passed=not failed, steps=steps)


@Reboot.handler(CAMERA)
def reboot(session: CameraSession, request: Reboot) -> RebootAccepted:
    camera = session.camera
    if request.boot_counter != camera.boot_counter:
        raise Refusal(ErrorCode.CONFLICT, f"this is boot {camera.boot_counter}, not {request.boot_counter}")
    if camera.state in (CameraState.RECORDING, CameraState.POST_EVENT):
        raise Refusal(ErrorCode.WRONG_STATE, "it records")
    session.audit(AuditKind.REBOOT_REQUESTED, f"in boot {camera.boot_counter}")
    camera.request_reboot(REBOOT_DELAY_S)
    return RebootAccepted(delay_ms=round(REBOOT_DELAY_S * 1000))

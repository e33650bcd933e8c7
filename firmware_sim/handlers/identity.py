"""Identity and capabilities of every device; state, self-test and reboot of a camera."""

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
    SelfTestStep,
    TestResult,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.self_test import self_test
from firmware_sim.camera.session import CameraSession
from firmware_sim.device.device import REBOOT_DELAY_S
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.session import DeviceSession
from firmware_sim.handlers.registry import CAMERA


def identify(session: DeviceSession, request: Identify) -> DeviceIdentity:
    device = session.device
    return DeviceIdentity(
        kind=device.profile.kind,
        manufacturer=device.make.manufacturer,
        model=device.make.model,
        serial=device.serial,
        hardware=device.make.hardware,
        firmware=device.make.firmware,
        firmware_sha256=device.make.firmware_sha256,
        boot_counter=device.boot_counter,
        simulator=Capability.SIMULATOR in device.profile.capabilities,
    )


def capabilities(session: DeviceSession, request: ReadCapabilities) -> DeviceCapabilities:
    device = session.device
    return DeviceCapabilities(
        capabilities=device.profile.capabilities,
        max_streams=device.profile.limits.streams,
        max_requests=device.profile.limits.requests,
        battery_cells=device.make.battery_cells,
        config_keys=device.config_keys,
        max_request=device.profile.limits.body,
    )


Identify.handler(CAMERA)(identify)
ReadCapabilities.handler(CAMERA)(capabilities)


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
        seized_for=camera.trust.kept.case if camera.trust is not None else "",
    )


@SelfTest.handler(CAMERA)
def run_self_test(session: CameraSession, request: SelfTest) -> SelfTestReport:
    return tested(session, self_test(session.camera))


@Reboot.handler(CAMERA)
def reboot(session: CameraSession, request: Reboot) -> RebootAccepted:
    check_boot(session, request)
    if session.camera.state in (CameraState.RECORDING, CameraState.POST_EVENT):
        raise Refusal(ErrorCode.WRONG_STATE, "it records")
    return rebooting(session)


# What devices of every kind do alike


def tested(session: DeviceSession, steps: tuple[SelfTestStep, ...]) -> SelfTestReport:
    """The report of a self-test, which is in the log as well."""
    failed = [step.name for step in steps if step.result is TestResult.FAILED]
    session.audit(AuditKind.SELF_TEST, f"failed: {', '.join(failed)}" if failed else "passed")
    return SelfTestReport(passed=not failed, steps=steps)


def check_boot(session: DeviceSession, request: Reboot) -> None:
    """Raises `Refusal` for a reboot that was meant for an earlier boot."""
    present = session.device.boot_counter
    if request.boot_counter != present:
        raise Refusal(ErrorCode.CONFLICT, f"this is boot {present}, not {request.boot_counter}")


def rebooting(session: DeviceSession) -> RebootAccepted:
    """The device goes down once the answer has left."""
    session.audit(AuditKind.REBOOT_REQUESTED, f"in boot {session.device.boot_counter}")
    session.device.request_reboot(REBOOT_DELAY_S)
    return RebootAccepted(delay_ms=round(REBOOT_DELAY_S * 1000))

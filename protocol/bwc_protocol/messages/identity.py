"""Identity, capabilities, state and maintenance of a device (spec: Identity, 0x01xx)."""

from typing import Final

from bwc_protocol.declare import (
    ANYONE,
    DEVICES,
    Effect,
    Event,
    Request,
    Role,
    Subject,
    Unknown,
    Wire,
    blob,
    boolean,
    choice,
    command,
    event,
    flags,
    items,
    method,
    text,
    u8,
    u16,
    u32,
    wire,
)
from bwc_protocol.versions import V1_1, V1_2
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_protocol.word import Word, Words


class Capability(Words):
    """What a device can do beyond the obligatory."""

    SERIAL = 1 << 0
    USB_BULK = 1 << 1
    BLE = 1 << 2
    CONFIG_UPLOAD = 1 << 3
    STEALTH = 1 << 4
    MUTE = 1 << 5
    GNSS = 1 << 6
    BENCH = 1 << 7, V1_2
    """A bench may set its state by `bench.…`; only of what states SIMULATOR or LAB."""
    BAY_LIGHTS = 1 << 8, V1_2
    """Of a station: its bays have lights that show a host's verdict."""
    BAY_LOCKS = 1 << 9, V1_2
    """Of a station: its bays can hold a camera for a time."""
    LAB = 1 << 30, V1_2
    """Development firmware: it is never enrolled, and nothing on it is evidence."""
    SIMULATOR = 1 << 31
    """The device is a simulator: nothing on it is evidence, and tests may change it."""


SMALLEST_REQUEST: Final = 512
"""Bytes of a request that every device takes: all but a full `config.stage` and `recordings.receipt` stay below."""


class CameraState(Word):
    """What the camera is doing."""

    BOOTING = 0
    READY = 1
    RECORDING = 2
    POST_EVENT = 3
    SLEEPING = 4
    FAULT = 5


class Fault(Words):
    """Faults that a device reports; none set means healthy."""

    CLOCK_UNSET = 1 << 0
    STORAGE_FULL = 1 << 1
    STORAGE_ERROR = 1 << 2
    BATTERY_LOW = 1 << 3
    BATTERY_TEMPERATURE = 1 << 4
    UNASSIGNED = 1 << 5
    SENSOR = 1 << 6
    AUDIO = 1 << 7


class TestResult(Word):
    """Outcome of one self-test step."""

    __test__ = False  # not a test class of ours, whatever its name begins with

    PASSED = 0
    FAILED = 1
    SKIPPED = 2


@wire
class DeviceIdentity(Wire):
    """Who and what the device is."""

    kind: PeerKind | Unknown = choice(PeerKind, "camera or station")
    manufacturer: str = text("manufacturer", max=32)
    model: str = text("model", max=32)
    serial: str = text("serial number, unique within the manufacturer", max=32)
    hardware: str = text("hardware revision", max=16)
    firmware: str = text("firmware version", max=32)
    firmware_sha256: bytes = blob("SHA-256 of the running firmware", size=32)
    boot_counter: int = u32("boots since the device was made")
    simulator: bool = boolean("whether this is a simulator")


@command(0x0101, "device.identify", roles=ANYONE | Role.ENROLLER, answered_by=DEVICES, while_expired=True)
class Identify(Request[DeviceIdentity]):
    """Read who and what the device is."""


@wire
class DeviceCapabilities(Wire):
    """What the device can do, and its limits."""

    capabilities: Capability = flags(Capability, "what it can do beyond the obligatory")
    max_streams: int = u8("bulk streams open at once, at most 8")
    max_requests: int = u8("requests outstanding at once, 1 to 16")
    battery_cells: int = u8("battery cells that can be read")
    config_keys: int = u32("settings in its schema")
    max_request: int = u16(
        "longest body of a request that it takes, at least 512; 0 = any", unit="byte", since=V1_1, default=0
    )


@command(0x0102, "device.capabilities", roles=ANYONE, answered_by=DEVICES, while_expired=True)
class ReadCapabilities(Request[DeviceCapabilities]):
    """Read what the device can do."""


@wire
class DeviceStatus(Wire):
    """What the device is doing."""

    state: CameraState | Unknown = choice(CameraState, "what it is doing")
    docked: bool = boolean("whether it stands in a dock")
    uptime_s: int = u32("time since boot", unit="s")
    faults: Fault = flags(Fault, "faults that are present")
    streams: int = u8("bulk streams that are open")
    boot_counter: int = u32("boots since the device was made")
    seized_for: str = text(
        "case that it is seized for; nothing while it is not", max=64, since=V1_2, default=""
    )


@command(0x0103, "device.status", roles=ANYONE, answered_by=DEVICES, while_expired=True)
class ReadStatus(Request[DeviceStatus]):
    """Read what the device is doing."""


@wire
class SelfTestStep(Wire):
    """One step of a self-test."""

    name: str = text("what was tested", max=32)
    result: TestResult | Unknown = choice(TestResult, "its outcome")
    detail: str = text("the measured value or the reason", max=96)


@wire
class SelfTestReport(Wire):
    """A finished self-test."""

    passed: bool = boolean("whether no step failed")
    steps: tuple[SelfTestStep, ...] = items(SelfTestStep, "the steps in their order", max=32)


@command(
    0x0104,
    "device.self_test",
    roles=Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.BENCH,
    effect=Effect.REPEATABLE,
    answered_by=DEVICES,
)
class SelfTest(Request[SelfTestReport]):
    """Run the self-test: storage, battery, clock, sensor, audio, assignment; of a station supply, bays, clock."""


@wire
class RebootAccepted(Wire):
    """The device will reboot."""

    delay_ms: int = u32("time until the links drop", unit="ms")


@command(
    0x0105,
    "device.reboot",
    roles=Role.TECHNICIAN | Role.BENCH,
    effect=Effect.GUARDED,
    guard="boot_counter",
    answered_by=DEVICES,
    errors=((ErrorCode.CONFLICT, "another boot"), (ErrorCode.WRONG_STATE, "a camera that records")),
)
class Reboot(Request[RebootAccepted]):
    """Reboot, if the device still is in the boot that the caller saw."""

    boot_counter: int = u32("boot counter that the caller read")


@event(0x01F0, "device.state_changed")
class StateChanged(Event):
    """The device changed state or faults."""

    state: CameraState | Unknown = choice(CameraState, "what it is doing now")
    faults: Fault = flags(Fault, "faults that are present now")


class Device(Subject):
    """Identity, state and maintenance."""

    identify = method(Identify)
    capabilities = method(ReadCapabilities)
    status = method(ReadStatus)
    self_test = method(SelfTest)
    reboot = method(Reboot)

"""What is done with one camera in its one session: looked at, set to time, configured, assigned, tested, read back.

Each step asks first whether it is already so; so all of it may be repeated, and goes on after anything.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bwc_protocol.documents.desired_state import DesiredState
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_protocol.messages.config import ConfigView
from bwc_protocol.messages.identity import DeviceIdentity, SelfTestReport, TestResult
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.clock_sync import ClockSync, Measurement
from bwc_sdk.clients.configuration import Value, fit
from bwc_sdk.clients.waiting_settings import Waiting, waiting_of
from bwc_sdk.errors import ConfigError, ProtocolViolation, SelfTestFailed
from bwc_sdk.provisioning.profile import Profile
from bwc_sdk.provisioning.roster import Member

SELF_TEST_S: Final = 60.0
"""It writes and reads storage, and records a second of sound: longer than a reply usually takes."""


class Step(enum.StrEnum):
    """What is done with a camera, in this order."""

    CONNECT = "connect"
    LOOK = "look"
    CHOOSE = "choose"
    CLOCK = "clock"
    CONFIGURATION = "configuration"
    ASSIGNMENT = "assignment"
    SELF_TEST = "self-test"
    READ_BACK = "read back"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Found:
    """A camera as it was found. Nothing was changed to find it."""

    identity: DeviceIdentity
    assignment: AssignmentState
    differing: Mapping[str, tuple[Value | None, Value]]
    """Settings that the profile would change: from, and to."""
    clock: Measurement
    """How far its clock is from this host's."""
    recordings: int
    """That are on it. Once its clock is set, what their times were off by is not known any more."""


@dataclass(frozen=True, slots=True)
class Done:
    """A camera as it is now, by what it said itself at the end."""

    found: Found
    clock: ClockSync | None
    """None: it was not set."""
    settings: Mapping[str, Value]
    assignment: AssignmentState
    self_test: SelfTestReport
    certificate_until_s: int
    """When its certificate ends, UTC in seconds; 0 = it has none."""
    waiting: tuple[Waiting, ...]
    """Of the settings, those that are not in effect yet."""
    desired_counter: int
    """Of the desired state that it took last; 0 = none."""


@dataclass(frozen=True, slots=True)
class TimeWord:
    """What a person says of this host's time, where the host itself does not know."""

    source: TimeSource | None = None
    uncertainty_ns: int | None = None


NOBODY: Final = Member(0, "")
"""Of a camera that is taken back into the pool."""


async def look(camera: Camera, profile: Profile) -> Found:
    """How a camera differs from what it is to be. Raises `ConfigError` for settings that it does not have."""
    if problems := fit(await camera.config.schema_all(), profile.settings):
        raise ConfigError(problems, device=camera.name)
    values = await camera.config.values(ConfigView.PENDING)
    return Found(
        identity=await camera.device.identify(),
        assignment=await camera.assignment.read(),
        differing={
            key: (values.get(key), value)
            for key, value in sorted(profile.settings.items())
            if values.get(key) != value
        },
        clock=await camera.clock.measure(),
        recordings=(await camera.storage.status()).recordings,
    )


async def carry_out(
    camera: Camera,
    found: Found,
    profile: Profile,
    member: Member | None,
    word: TimeWord,
    tell: Callable[[Step], None],
    ended: tuple[DesiredState, bytes] | None = None,
) -> Done:
    """Makes the camera as it is to be. `tell` hears of each step before it is begun; without a `member` its assignment
    stays as it is. `ended` is a desired state that takes it back, and that no dock has delivered: it is taken first, or
    the next dock would take the camera from whoever it is given to.

    Raises what the steps raise: `ClockImplausible`, `ClockNotVerified` (this host does not know the time),
    `ConfigError`, `CommandError` (CONFLICT: somebody else changed it meanwhile; or it refuses `ended`),
    `SelfTestFailed`, `ProtocolViolation`.
    """
    clock = None
    if member is not NOBODY:  # what is taken back is set when it is given out again
        tell(Step.CLOCK)
        unset = (await camera.clock.read()).state is ClockState.UNSET
        clock = await camera.clock.sync(
            reason=ClockReason.FIRST_SET if unset else ClockReason.ROUTINE,
            source=word.source,
            host_uncertainty_ns=word.uncertainty_ns,
        )
    tell(Step.CONFIGURATION)
    await camera.config.apply(profile.settings)
    tell(Step.ASSIGNMENT)
    assignment = found.assignment
    if ended is not None and await _takes(camera, ended):
        assignment = await camera.assignment.read()
    if member is not None and _differs(assignment, member):
        revision = assignment.revision
        if member is NOBODY:
            await camera.assignment.clear(revision=revision)
        else:
            await camera.assignment.assign(officer=member.officer, unit=member.unit, revision=revision)
    tell(Step.SELF_TEST)
    connection = camera.connection
    connection.call_timeout_s = max(connection.call_timeout_s, SELF_TEST_S)
    report = await camera.device.self_test()
    if not report.passed:
        failed = (f"{step.name} ({step.detail})" for step in report.steps if step.result is TestResult.FAILED)
        raise SelfTestFailed(f"its self-test failed: {', '.join(failed)}", device=camera.name)
    tell(Step.READ_BACK)
    settings = await camera.config.values(ConfigView.PENDING)
    assignment = await camera.assignment.read()
    wrong = [key for key, value in profile.settings.items() if settings.get(key) != value]
    if wrong or (member is not None and _differs(assignment, member)):
        what = ", ".join(wrong or ["assignment"])
        raise ProtocolViolation(f"read back differently: {what}", device=camera.name)
    trust = await camera.trust.read()
    waiting = await waiting_of(camera.config)
    until_s, counter = trust.not_after_s, trust.desired_counter
    return Done(found, clock, settings, assignment, report, until_s, waiting, counter)


async def _takes(camera: Camera, ended: tuple[DesiredState, bytes]) -> bool:
    """Whether it took a desired state now, which is then stale at every dock; one of another generation is already."""
    state, document = ended
    trust = await camera.trust.read()
    if trust.generation != state.generation or trust.desired_counter >= state.counter:
        return False
    await camera.trust.take_desired_state(document)
    return True


def _differs(state: AssignmentState, member: Member) -> bool:
    return (state.officer, state.unit) != (member.officer, member.unit)

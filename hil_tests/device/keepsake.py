"""What a test may change on a device, kept beforehand and put back afterwards: configuration, assignment, clock.

What cannot be taken back (annotations, the audit log) is not kept; that is why only simulators and expendable
devices are changed at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_protocol.messages.config import ConfigView
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.errors import CommandError
from bwc_sdk.host.host_clock import moved_ns, steady
from bwc_sdk.sync import SyncCamera
from bwc_sdk.sync.generated import SyncClock
from hil_tests.device.absent import why_not_applicable
from hil_tests.verdicts import require_healthy

CLOCK_TOLERANCE_NS: Final = 250_000_000
"""How far a restored clock may be off: two measurements over a slow line, and drift in between."""


@dataclass(frozen=True, slots=True)
class Keepsake:
    """A device as it was found."""

    config: Mapping[str, bool | int | str]
    config_revision: int
    assignment: AssignmentState | None
    """None: the device has no such command, and nothing of it can be changed."""
    clock: Measurement

    @staticmethod
    def take(camera: SyncCamera) -> Keepsake:
        """Reads what may be changed; drops what somebody staged and never applied."""
        if camera.config.state().staged:
            camera.config.abort()
        return Keepsake(
            config=camera.config.values(ConfigView.PENDING),
            config_revision=camera.config.state().revision,
            assignment=_assignment(camera),
            clock=camera.clock.measure(),
        )

    def changed(self, camera: SyncCamera) -> tuple[str, ...]:
        """What was changed since, in words; each of the three counts its changes."""
        config = camera.config.state()
        revisions = (
            ("configuration", config.revision != self.config_revision or config.staged > 0),
            ("assignment", _revision(_assignment(camera)) != _revision(self.assignment)),
            ("clock", camera.clock.read().revision != self.clock.revision),
        )
        return tuple(what for what, changed in revisions if changed)

    def restore(self, camera: SyncCamera) -> Keepsake:
        """Puts back what differs, and asserts that it reads as before. Gives the keepsake for the next test."""
        self._restore_config(camera)
        self._restore_assignment(camera)
        restore_clock(camera.clock, self.clock)
        now = Keepsake.take(camera)
        require_healthy(now.config == self.config, "the configuration could not be restored")
        as_assigned = _carrier(now.assignment) == _carrier(self.assignment)
        require_healthy(as_assigned, "the assignment could not be restored")
        assert_restored(self.clock, now.clock)
        return now

    def _restore_config(self, camera: SyncCamera) -> None:
        state = camera.config.state()
        if state.staged:
            camera.config.abort()
        if state.revision == self.config_revision:
            return
        now = camera.config.values(ConfigView.PENDING)
        changed = {key: value for key, value in self.config.items() if now.get(key) != value}
        if changed:
            camera.config.apply(changed)

    def _restore_assignment(self, camera: SyncCamera) -> None:
        now = _assignment(camera)
        if now is None or self.assignment is None or now.revision == self.assignment.revision:
            return
        officer, unit = _carrier(self.assignment)
        if officer:
            camera.assignment.assign(officer=officer, unit=unit, revision=now.revision)
        elif now.assigned:
            camera.assignment.clear(revision=now.revision)


def restore_clock(clock: SyncClock, kept: Measurement) -> None:
    """Sets a device's clock as far off as it was, if it was set since."""
    measured = clock.measure()
    if measured.revision == kept.revision:
        return
    clock.set(
        offset_ns=measured.offset_ns - kept.offset_ns,
        uncertainty_ns=measured.uncertainty_ns,
        reason=ClockReason.BENCH,
        source=TimeSource.UNSYNCHRONISED,
        revision=measured.revision,
    )


def assert_restored(kept: Measurement, now: Measurement) -> None:
    """A clock that was set back is as far off as it was, unless this host's own was set meanwhile."""
    drift_ns = abs(now.offset_ns - kept.offset_ns)
    if now.revision == kept.revision:
        return
    by_s = moved_ns(kept.stamp, now.stamp) / 1e9
    assert steady(kept.stamp, now.stamp), (
        f"this host's clock was set by {by_s:+.3f} s, or it slept, while the test ran: the device's clock "
        "was put back by it, and may be as wrong"
    )
    require_healthy(drift_ns < CLOCK_TOLERANCE_NS, f"the clock could not be restored: {drift_ns} ns off")


def _assignment(camera: SyncCamera) -> AssignmentState | None:
    try:
        return camera.assignment.read()
    except CommandError as error:
        if why_not_applicable(error):
            return None
        raise


def _revision(assignment: AssignmentState | None) -> int | None:
    return None if assignment is None else assignment.revision


def _carrier(assignment: AssignmentState | None) -> tuple[str, str]:
    """Who carries it, and of which unit; nobody where there is no assignment."""
    if assignment is None or not assignment.assigned:
        return "", ""
    return assignment.officer, assignment.unit

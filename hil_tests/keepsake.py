"""What a test may change on a device, kept beforehand and put back afterwards: configuration, assignment, clock.

What cannot be taken back (annotations, the audit log) is not kept; that is why only simulators and expendable
devices are changed at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bwc_protocol.messages.clock import ClockReason, TimeAssurance, TimeSource
from bwc_protocol.messages.config import ConfigView
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.host.host_clock import moved_ns, steady
from bwc_sdk.sync import SyncCamera

CLOCK_TOLERANCE_NS: Final = 250_000_000
"""How far a restored clock may be off: two measurements over a slow line, and drift in between."""


@dataclass(frozen=True, slots=True)
class Keepsake:
    """A device as it was found."""

    config: Mapping[str, bool | int | str]
    config_revision: int
    officer: str
    unit: str
    assignment_revision: int
    clock: Measurement

    @staticmethod
    def take(camera: SyncCamera) -> Keepsake:
        """Reads what may be changed; drops what somebody staged and never applied."""
        if camera.config.state().staged:
            camera.config.abort()
        assignment = camera.assignment.read()
        return Keepsake(
            config=camera.config.values(ConfigView.PENDING),
            config_revision=camera.config.state().revision,
            officer=assignment.officer if assignment.assigned else "",
            unit=assignment.unit,
            assignment_revision=assignment.revision,
            clock=camera.clock.measure(),
        )

    def changed(self, camera: SyncCamera) -> tuple[str, ...]:
        """What was changed since, in words; each of the three counts its changes."""
        config = camera.config.state()
        revisions = (
            ("configuration", config.revision != self.config_revision or config.staged > 0),
            ("assignment", camera.assignment.read().revision != self.assignment_revision),
            ("clock", camera.clock.read().revision != self.clock.revision),
        )
        return tuple(what for what, changed in revisions if changed)

    def restore(self, camera: SyncCamera) -> Keepsake:
        """Puts back what differs, and asserts that it reads as before. Gives the keepsake for the next test."""
        self._restore_config(camera)
        self._restore_assignment(camera)
        self._restore_clock(camera)
        now = Keepsake.take(camera)
        assert now.config == self.config, "the configuration could not be restored"
        assert (now.officer, now.unit) == (self.officer, self.unit), "the assignment could not be restored"
        drift_ns = abs(now.clock.offset_ns - self.clock.offset_ns)
        if now.clock.revision != self.clock.revision:
            by_s = moved_ns(self.clock.stamp, now.clock.stamp) / 1e9
            assert steady(self.clock.stamp, now.clock.stamp), (
                f"this host's clock was set by {by_s:+.3f} s, or it slept, while the test ran: the device's clock "
                "was put back by it, and may be as wrong"
            )
            assert drift_ns < CLOCK_TOLERANCE_NS, f"the clock could not be restored: {drift_ns} ns off"
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
        now = camera.assignment.read()
        if now.revision == self.assignment_revision:
            return
        if self.officer:
            camera.assignment.assign(officer=self.officer, unit=self.unit, revision=now.revision)
        elif now.assigned:
            camera.assignment.clear(revision=now.revision)

    def _restore_clock(self, camera: SyncCamera) -> None:
        measured = camera.clock.measure()
        if measured.revision == self.clock.revision:
            return
        camera.clock.set(
            offset_ns=measured.offset_ns - self.clock.offset_ns,
            uncertainty_ns=measured.uncertainty_ns,
            reason=ClockReason.BENCH,
            source=TimeSource.UNSYNCHRONISED,
            assurance=TimeAssurance.UNVERIFIED,
            revision=measured.revision,
        )

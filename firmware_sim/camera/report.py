"""What a camera finds wrong with itself, and what it tells its hosts without being asked (spec: Events)."""

from typing import Final

from bwc_protocol.declare import Event
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.battery import BatteryAlarm, ChargeState
from bwc_protocol.messages.clock import ClockChanged
from bwc_protocol.messages.config import ConfigApplied
from bwc_protocol.messages.identity import CameraState, Fault, StateChanged
from bwc_protocol.messages.recordings import RecordingClosed
from firmware_sim.camera.body import CameraBody
from firmware_sim.storage.storage import StoredRecording

HOT_DC: Final = 600
"""Cell temperature that alarms, in tenths of a degree."""
ALARMING: Final = Fault.BATTERY_LOW | Fault.BATTERY_TEMPERATURE


class Report:
    """Of one boot of one camera."""

    def __init__(self, camera: CameraBody) -> None:
        self.storage_error = False
        """Whether the flash failed since the boot."""
        self._camera = camera
        self._reported: tuple[CameraState, Fault] | None = None

    @property
    def faults(self) -> Fault:
        """What is wrong now."""
        camera, battery = self._camera, self._camera.battery
        found = Fault(0)
        if camera.clock.state is ClockState.UNSET:
            found |= Fault.CLOCK_UNSET
        if camera.recorder.full:
            found |= Fault.STORAGE_FULL
        if self.storage_error or camera.storage.damaged:
            found |= Fault.STORAGE_ERROR
        if battery.charge_pct <= camera.settings.number("alarm.battery_low_pct"):
            found |= Fault.BATTERY_LOW
        too_hot = battery.temperature_dc > HOT_DC
        if too_hot or battery.charge_state is ChargeState.STOPPED_BY_TEMPERATURE:
            found |= Fault.BATTERY_TEMPERATURE
        if not camera.assignment.assigned:
            found |= Fault.UNASSIGNED
        return found

    def changes(self) -> None:
        """Tells what changed since the last call; an alarm once, when it begins."""
        before, now = self._reported, (self._camera.state, self.faults)
        self._reported = now
        if before is None or before == now:
            return
        self._broadcast(StateChanged(state=now[0], faults=now[1]))
        if now[1] & ALARMING & ~before[1]:
            battery = self._camera.battery
            self._broadcast(
                BatteryAlarm(cell=0, charge_pct=battery.charge_pct, temperature_dc=battery.temperature_dc)
            )

    def config(self) -> None:
        """A configuration was applied, or took effect."""
        state = self._camera.settings.state()
        self._broadcast(ConfigApplied(revision=state.revision, effective=not state.pending))

    def clock(self) -> None:
        """The clock was set."""
        self._broadcast(ClockChanged(state=self._camera.clock.state, revision=self._camera.clock.revision))

    def closed(self, recording: StoredRecording) -> None:
        """A recording was closed."""
        self._broadcast(RecordingClosed(recording=recording.recording_id, sequence=recording.sequence))

    def _broadcast(self, event: Event) -> None:
        self._camera.broadcast(event)

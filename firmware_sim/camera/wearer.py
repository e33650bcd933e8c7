"""What happens to a camera from outside the protocol: its wearer's buttons, and the triggers around it."""

from typing import Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import ActivationEvent, GivenBy, Purpose, StopReason, TriggerReason
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera.body import CameraBody
from firmware_sim.camera.recorder import Said
from firmware_sim.camera.setting_rules import refused_purpose
from firmware_sim.state.commit import Change
from firmware_sim.storage.storage import StorageFull

SWITCHES: Final = {
    TriggerReason.REMOTE: "remote_activation",
    TriggerReason.HOLSTER: "trigger.holster",
    TriggerReason.SIGNAL_PEER: "trigger.peer",
}
"""Triggers that a setting can switch off."""
SAID_BY_TRIGGER: Final = {
    TriggerReason.HOLSTER: ActivationEvent.WEAPON_DRAWN,
    TriggerReason.VEHICLE: ActivationEvent.EMERGENCY_DRIVE,
}
"""Triggers that say what happens."""
PRESSED: Final = frozenset({TriggerReason.OFFICER_BUTTON, TriggerReason.BENCH})


class Wearer:
    """Acts on one camera. What the configuration does not allow does not happen, and says so by its result; what the
    state directory does not take does not happen either, and raises `OSError`."""

    def __init__(self, camera: CameraBody) -> None:
        self.marks = 0
        """How often the marker was pressed while something was recorded."""
        self._camera = camera

    def start(
        self,
        trigger: TriggerReason = TriggerReason.OFFICER_BUTTON,
        event: ActivationEvent | Unknown = ActivationEvent.NOT_GIVEN,
        purpose: Purpose | Unknown = Purpose.NOT_GIVEN,
        by: GivenBy | None = None,
    ) -> bool:
        """The button, a sensor or another camera asks for a recording; returns whether one runs now.

        Raises `Refusal` (PURPOSE_REFUSED) for a purpose that is solely First Amendment activity: nothing begins.
        """
        camera = self._camera
        if (refused := refused_purpose(str(purpose))) is not None:
            raise refused
        if by is None:
            by = GivenBy.BUTTON if trigger in PRESSED else GivenBy.TRIGGER
        if int(event) == ActivationEvent.NOT_GIVEN:
            event = SAID_BY_TRIGGER.get(trigger, event)
        said = Said(event, purpose, by)
        camera.settle()
        switch = SWITCHES.get(trigger)
        if (
            not camera.running
            or not camera.may_record
            or (switch is not None and not camera.settings[switch])
        ):
            return False

        def keep(recording_id: bytes, changes: tuple[Change, ...]) -> None:
            detail = f"recording {recording_id.hex()}, {trigger}"
            camera.audit.append(AuditKind.RECORDING_STARTED, detail, camera.serial, *changes)

        try:
            camera.recorder.start(trigger, keep, said)
        except StorageFull as error:
            camera.audit.note(AuditKind.STORAGE_FULL, str(error), camera.serial)
            camera.report.changes()
            return False
        camera.report.changes()
        return True

    def stop(self, reason: StopReason | Unknown = StopReason.NOT_GIVEN, by: GivenBy = GivenBy.BUTTON) -> None:
        """Ends the recording; post-event footage follows."""
        self._camera.settle()
        if self._camera.running:
            self._camera.recorder.stop(reason, by)
            self._camera.report.changes()

    def mark(self) -> bool:
        """Presses the marker; returns whether there was a recording to mark."""
        self._camera.settle()
        marked = self._camera.running and self._camera.recorder.mark()
        self.marks += marked
        return marked

    def mute(self, on: bool, reason: StopReason | Unknown = StopReason.NOT_GIVEN) -> bool:
        """Switches the microphone; returns whether that is allowed."""
        self._camera.settle()
        allowed = self._camera.running and bool(self._camera.settings["mute.allowed"])
        if allowed:
            self._camera.recorder.set_mute(on, int(reason))
        return allowed

    def stealth(self, on: bool, reason: StopReason | Unknown = StopReason.NOT_GIVEN) -> bool:
        """Switches lights, tones and vibration; returns whether that is allowed."""
        self._camera.settle()
        allowed = self._camera.running and bool(self._camera.settings["stealth.allowed"])
        if allowed:
            self._camera.recorder.set_stealth(on, int(reason))
        return allowed

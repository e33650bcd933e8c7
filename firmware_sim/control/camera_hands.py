"""The hands of a tester at one simulated camera: the Python API, of which `bwc sim --control` is the text form."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from bwc_protocol.evidence import ActivationEvent, Purpose, StopReason, TriggerReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.camera.appearance import Looks, Watcher
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.rollback import CameraSnapshot, NoSnapshot, keep, put_back
from firmware_sim.camera.setting_rules import refused_purpose
from firmware_sim.control import arguments as of
from firmware_sim.control import corrupting
from firmware_sim.control.command import command
from firmware_sim.control.errors import Refused
from firmware_sim.control.passing import pass_time
from firmware_sim.device.device import SimDevice
from firmware_sim.device.refusal import Refusal
from firmware_sim.flash.flash import PowerCut, Unsynced
from firmware_sim.state.commit import Change
from firmware_sim.storage.storage import Annotation, StoredRecording, TooManyAnnotations

SNAPSHOTS_MAX: Final = 32
"""Of one camera: each has all of its flash."""
P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", bound="CameraHands")


def _done(
    what: Callable[Concatenate[H, P], R],
) -> Callable[Concatenate[H, P], R]:
    """A command that acts on the camera: what it changed is seen at once, and power may go in the middle of it."""

    @functools.wraps(what)
    def carried_out(self: H, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return what(self, *args, **kwargs)
        except PowerCut as lost:
            self.camera.power_failed(lost.unsynced)
            raise Refused("the power went in the middle of it") from lost
        finally:
            self.camera.appearance.look()

    return command(carried_out)


class CameraHands:
    """Does to `camera` what somebody who stands before it can do, and some things that nobody should.

    What has no effect raises a `ControlError`: `Refused` says why. What cannot be kept raises `OSError`, and was not
    done.
    """

    def __init__(self, camera: SimCamera) -> None:
        self.camera = camera
        self._snapshots: dict[str, CameraSnapshot] = {}

    # Buttons

    @_done
    def record_start(
        self,
        trigger: of.Trigger = TriggerReason.OFFICER_BUTTON,
        *,
        event: of.Event = ActivationEvent.NOT_GIVEN,
        purpose: of.For = Purpose.NOT_GIVEN,
        by: of.By = None,
    ) -> None:
        """the button, or `holster`, `vehicle`, `signal-peer`, `remote`, `bench`; and what the wearer says of it"""
        try:
            runs = self.camera.wearer.start(trigger, event, purpose, by)
        except Refusal as refusal:
            raise Refused(f"{refusal.code}: {refusal.detail}") from refusal
        demand(runs, f"{trigger} records nothing: off, full, or not configured")

    @_done
    def record_stop(self, reason: of.Reason = StopReason.NOT_GIVEN) -> None:
        """the button; footage of after the event follows"""
        camera = self.camera
        demand(camera.running and camera.recorder.recording_id is not None, "nothing is recorded")
        camera.wearer.stop(reason)

    @_done
    def mark(self) -> None:
        """the marker"""
        demand(self.camera.wearer.mark(), "nothing is recorded")

    @_done
    def mute(self, on: of.OnOff, reason: of.Reason = StopReason.NOT_GIVEN) -> None:
        """the microphone, as far as `mute.allowed` lets it"""
        demand(self.camera.wearer.mute(on, reason), "off, or not allowed by mute.allowed")

    @_done
    def stealth(self, on: of.OnOff, reason: of.Reason = StopReason.NOT_GIVEN) -> None:
        """dark, silent and still, as far as `stealth.allowed` lets it"""
        demand(self.camera.wearer.stealth(on, reason), "off, or not allowed by stealth.allowed")

    @_done
    def categorise(self, category: of.Category, recording: of.Newest = None) -> None:
        """the wearer's app: the category of the newest recording that ended, or of NUMBER"""
        demand(refused_purpose(category) is None, "no category holds First Amendment activity alone")
        self._say_of(recording, AnnotationKind.CATEGORY, text=category)

    @_done
    def case(self, case: of.Case, recording: of.Newest = None) -> None:
        """the wearer's app: the case number of the newest recording that ended, or of NUMBER"""
        self._say_of(recording, AnnotationKind.CASE, case=case)

    @_done
    def pair(self) -> None:
        """the pairing button: two minutes in the air"""
        demand(self.camera.radio.press(), "it is off")

    @_done
    def reboot(self) -> None:
        """in order: recordings are closed, hosts are told"""
        demand(self.camera.awake(), "it is off")
        self.camera.request_reboot(0.0)
        self.camera.settle()

    @_done
    def crash(self) -> None:
        """a reset, as by a watchdog"""
        demand(self.camera.awake(), "it is off")
        self.camera.crash()

    @_done
    def enroll(self) -> None:
        """the button by which a camera that is in no agency can be enrolled, for two minutes"""
        press(self.camera, "enroll")

    @_done
    def reset(self) -> None:
        """the opened case: keys and footage go, and it can be enrolled anew"""
        press(self.camera, "reset")

    # Time

    @_done
    def advance(self, seconds: of.Duration) -> None:
        """lets that much time pass for it at once: it records, drains, drifts and reboots meanwhile"""
        pass_time([self.camera], seconds)

    @_done
    def clock_step(self, seconds: of.Step) -> None:
        """its clock jumps, and nobody told it to"""
        self.camera.clock.jump(round(seconds * 1e9))

    @_done
    def clock_lose(self) -> None:
        """its clock begins at 1970, and is not set"""
        self.camera.clock.reset()
        self.camera.audit.note(AuditKind.CLOCK_LOST, "the cell was empty", self.camera.serial)

    # Cable and power

    @_done
    def unplug(self) -> None:
        """the data cable: every link over it ends, and whoever connects is not heard"""
        demand(self.camera.plugged, "its cable is out")
        self.camera.unplug()

    @_done
    def plug(self) -> None:
        """the data cable, again"""
        demand(not self.camera.plugged, "its cable is in")
        self.camera.plug()

    @_done
    def power_cut(self, unsynced: of.Fate = Unsynced.TORN) -> None:
        """off at once, and it boots again; of what was not synced its flash has all, nothing, or what a seed draws"""
        demand(self.camera.awake(), "it is off")
        self.camera.crash(unsynced)

    @_done
    def battery_out(self) -> None:
        """off at once, unless the dock feeds it; without either its clock is lost, too"""
        demand(self.camera.supply.battery_in, "its battery is out")
        self.camera.settle()
        self.camera.supply.take_battery_out()

    @_done
    def battery_in(self) -> None:
        """the battery, again: a camera that was off boots"""
        demand(not self.camera.supply.battery_in, "its battery is in")
        self.camera.settle()
        self.camera.supply.put_battery_in()

    @_done
    def battery_charge(self, percent: of.Percent) -> None:
        """the charge that it shows from now on"""
        self.camera.settle()
        self.camera.battery.charge_to(percent)
        self.camera.settle()

    @_done
    def ambient(self, celsius: of.Celsius) -> None:
        """the temperature around it, which its cell follows within a quarter of an hour"""
        self.camera.settle()
        self.camera.supply.ambient_c = celsius

    # Corruption

    @_done
    def corrupt_chunk(self, recording: of.Sequence, chunk: of.Index = 0, segment: of.Index = 0) -> None:
        """one bit of that chunk of stored footage is another; manifest and table stay"""
        corrupting.chunk(self.camera, self._recording(recording), chunk, segment)

    @_done
    def corrupt_manifest(self, recording: of.Sequence) -> None:
        """one bit of its manifest is another, as told to hosts and on the flash; after a reboot it is not listed"""
        corrupting.manifest(self.camera, self._recording(recording))

    @_done
    def corrupt_log(self) -> None:
        """one bit of the newest entry of the audit log is another, on the flash: it does not boot with that"""
        corrupting.log(self.camera)

    @_done
    def corrupt_journal(self) -> None:
        """one bit of the journal of the recording in progress is another, on the flash: found after a power cut"""
        corrupting.journal(self.camera)

    # Snapshots

    @_done
    def snapshot(self, name: of.Name) -> None:
        """keeps all of it in memory, under a name"""
        demand(
            name in self._snapshots or len(self._snapshots) < SNAPSHOTS_MAX,
            f"there are {SNAPSHOTS_MAX} snapshots; take a name again",
        )
        try:
            self._snapshots[name] = keep(self.camera)
        except NoSnapshot as error:
            raise Refused(str(error)) from error

    @_done
    def restore(self, name: of.Name) -> None:
        """puts it back: a rollback, by which links end; numbers of what was undone come again"""
        if name not in self._snapshots:
            raise Refused(f"there is no snapshot {name}; there are {', '.join(self._snapshots) or 'none'}")
        put_back(self.camera, self._snapshots[name])

    # What can be seen

    @_done
    def show(self) -> Looks:
        """its lights"""
        self.camera.settle()
        return self.camera.appearance.looks

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tells `watcher` of each change of lights, tone and vibration; returns what ends that."""
        watchers = self.camera.appearance.watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    def _say_of(self, sequence: int | None, kind: AnnotationKind, *, text: str = "", case: str = "") -> None:
        """Says something of a closed recording, as the wearer: in the name of the camera."""
        camera = self.camera
        demand(camera.running, "it is off")
        last = camera.storage.next_sequence - 1
        demand(sequence is not None or last > 0, "it has no recording yet")
        found = self._recording(sequence or last)
        said = f"recording {found.sequence}: {kind.name} {text or case}"
        annotation = Annotation(camera.clock.utc_ns(), kind, camera.serial, text, case=case)

        def logged(changes: tuple[Change, ...]) -> None:
            camera.audit.append(AuditKind.ANNOTATED, said, camera.serial, *changes)

        try:
            camera.storage.annotate(found.recording_id, annotation, logged)
        except TooManyAnnotations as error:
            raise Refused(str(error)) from error

    def _recording(self, sequence: int) -> StoredRecording:
        for recording in self.camera.storage.page(sequence - 1, 1):
            if recording.sequence == sequence:
                return recording
        raise Refused(f"it has no recording {sequence}")


class LoneCameraHands(CameraHands):
    """Of a camera that stands alone, and not in a station: they also move it."""

    @_done
    def undock(self) -> None:
        """out of its dock"""
        demand(self.camera.docked, "it stands in no dock")
        self.camera.undock()

    @_done
    def dock(self) -> None:
        """into its dock, which charges it"""
        demand(not self.camera.docked, "it stands in its dock")
        self.camera.dock()


def press(device: SimDevice, what: str) -> None:
    """Presses the button by which a device can be enrolled, or opens its case and resets it. Raises `Refused`."""
    why = device.press_enroll() if what == "enroll" else device.reset_by_opening()
    demand(not why, why)


def demand(holds: bool, otherwise: str) -> None:
    """Raises `Refused`."""
    if not holds:
        raise Refused(otherwise)

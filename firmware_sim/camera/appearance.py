"""What a camera shows, sounds and shakes: what whoever stands before it notices.

Lights follow from what it does; tones and vibration come at moments. In stealth it is dark, silent and still, whatever
happens.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.identity import CameraState, Fault
from firmware_sim.camera.recorder import Recorder
from firmware_sim.camera.settings import Settings
from firmware_sim.physics.battery import Battery

FAIR_PCT: Final = 40
"""Charge below which the light of the battery is amber."""


class Light(enum.Enum):
    """A light."""

    OFF = "off"
    GREEN = "green"
    GREEN_BLINKING = "green-blinking"
    AMBER = "amber"
    AMBER_BLINKING = "amber-blinking"
    RED = "red"
    RED_BLINKING = "red-blinking"
    BLUE_BLINKING = "blue-blinking"


@dataclass(frozen=True, slots=True)
class Looks:
    """Its lights."""

    status: Light = Light.OFF
    """What it does, for the wearer: green ready, blinking while it buffers; red records, blinking after the stop;
    blue pairs; amber the storage is full, blinking it failed."""
    front: Light = Light.OFF
    """For those before it: red while it records."""
    power: Light = Light.OFF
    """Of the battery. In the dock amber while it charges, green when it is full, red when it may not be charged;
    else green, amber below 40 %, red and blinking at the alarm."""
    microphone: Light = Light.OFF
    """Amber while it is muted."""
    brightness_pct: int = 0

    def __str__(self) -> str:
        return (
            f"status={self.status.value} front={self.front.value} power={self.power.value} "
            f"microphone={self.microphone.value} brightness={self.brightness_pct}"
        )


DARK: Final = Looks()


class Cue(enum.Enum):
    """Why it sounds or shakes."""

    BOOTED = "booted"
    STARTED = "started"
    STOPPED = "stopped"
    REMINDER = "reminder"
    MARKED = "marked"
    MUTED = "muted"
    UNMUTED = "unmuted"
    BATTERY_LOW = "battery-low"
    STORAGE_FULL = "storage-full"
    CLOCK_UNSET = "clock-unset"
    FAILED = "failed"


TIMES: Final = {
    Cue.BOOTED: 1,
    Cue.STARTED: 2,
    Cue.STOPPED: 1,
    Cue.REMINDER: 2,
    Cue.MARKED: 1,
    Cue.MUTED: 1,
    Cue.UNMUTED: 1,
    Cue.BATTERY_LOW: 4,
    Cue.STORAGE_FULL: 3,
    Cue.CLOCK_UNSET: 5,
    Cue.FAILED: 6,
}
"""How often each sounds, and how often it shakes: wearers tell them apart by counting."""
OF_FAULTS: Final = {
    Fault.CLOCK_UNSET: Cue.CLOCK_UNSET,
    Fault.STORAGE_FULL: Cue.STORAGE_FULL,
    Fault.STORAGE_ERROR: Cue.FAILED,
    Fault.BATTERY_LOW: Cue.BATTERY_LOW,
}
NOTHING_WRONG: Final = Fault(0)
RECORDING: Final = (CameraState.RECORDING, CameraState.POST_EVENT)


@dataclass(frozen=True, slots=True)
class Signal:
    """What is heard and felt at one moment."""

    cue: Cue
    tones: int
    pulses: int
    """Vibrations."""

    def __str__(self) -> str:
        return f"cue={self.cue.value} tones={self.tones} pulses={self.pulses}"


Observation = Looks | Signal
Watcher = Callable[[Observation], object]


class Pairing(Protocol):
    """The radio."""

    @property
    def window_open(self) -> bool:
        """Whether the button was pressed a short time ago."""


class Wearing(Protocol):
    """The buttons."""

    marks: int


class Reporting(Protocol):
    """What the camera finds wrong with itself."""

    @property
    def faults(self) -> Fault:
        """What is wrong now."""


class Shown(Protocol):
    """A camera, as far as it can be seen from outside."""

    running: bool
    docked: bool
    battery: Battery
    settings: Settings
    recorder: Recorder
    boot_counter: int

    @property
    def state(self) -> CameraState: ...

    @property
    def radio(self) -> Pairing: ...

    @property
    def wearer(self) -> Wearing: ...

    @property
    def report(self) -> Reporting: ...


@dataclass(frozen=True, slots=True)
class _Noticed:
    """What a signal follows from, at the last look."""

    boot: int = 0
    recording: bytes | None = None
    ending: bool = False
    marks: int = 0
    muted: bool = False
    reminders: int = 0
    faults: Fault = NOTHING_WRONG


class Appearance:
    """Of one camera. `watchers` are told of lights that changed, and of what sounds and shakes, as it is looked at."""

    def __init__(self, camera: Shown) -> None:
        self.watchers: list[Watcher] = []
        self._camera = camera
        self._looks = DARK
        self._noticed = _Noticed()

    @property
    def looks(self) -> Looks:
        """Its lights now."""
        camera = self._camera
        if not camera.running or camera.recorder.stealthy:
            return DARK
        records = camera.state in RECORDING
        return Looks(
            status=self._status(),
            front=Light.RED if records and camera.settings["indicator.front_led"] else Light.OFF,
            power=self._power(),
            microphone=Light.AMBER if camera.recorder.muted else Light.OFF,
            brightness_pct=camera.settings.number("indicator.brightness_pct"),
        )

    def look(self) -> None:
        """Tells what changed since the last look."""
        now, before = self._notice(), self._noticed
        self._noticed = now
        looks, self._looks = self._looks, self.looks
        if self._looks != looks:
            self._tell(self._looks)
        if self._camera.running and not self._camera.recorder.stealthy:
            for cue in _cues(before, now):
                self._signal(cue)

    def _notice(self) -> _Noticed:
        camera = self._camera
        if not camera.running:
            return _Noticed(boot=camera.boot_counter)
        recorder, every_s = camera.recorder, camera.settings.number("alarm.recording_s")
        return _Noticed(
            boot=camera.boot_counter,
            recording=recorder.recording_id,
            ending=recorder.state is CameraState.POST_EVENT,
            marks=camera.wearer.marks,
            muted=recorder.muted,
            reminders=recorder.elapsed_ms // (every_s * 1000) if every_s else 0,
            faults=camera.report.faults,
        )

    def _signal(self, cue: Cue) -> None:
        settings = self._camera.settings
        tones = TIMES[cue] if settings["indicator.tones"] else 0
        pulses = TIMES[cue] if settings["haptics.enabled"] else 0
        if tones or pulses:
            self._tell(Signal(cue, tones, pulses))

    def _tell(self, seen: Observation) -> None:
        for watcher in list(self.watchers):
            watcher(seen)

    def _status(self) -> Light:
        camera = self._camera
        faults = camera.report.faults
        match camera.state:
            case CameraState.RECORDING:
                return Light.RED
            case CameraState.POST_EVENT:
                return Light.RED_BLINKING
        if camera.radio.window_open:
            return Light.BLUE_BLINKING
        if faults & Fault.STORAGE_ERROR:
            return Light.AMBER_BLINKING
        if faults & Fault.STORAGE_FULL:
            return Light.AMBER
        if camera.state is CameraState.SLEEPING:
            return Light.OFF
        buffers = camera.settings.number("recording.pre_event_s") > 0
        return Light.GREEN_BLINKING if buffers else Light.GREEN

    def _power(self) -> Light:
        camera = self._camera
        match camera.battery.charge_state:
            case ChargeState.CHARGING:
                return Light.AMBER
            case ChargeState.FULL:
                return Light.GREEN
            case ChargeState.STOPPED_BY_TEMPERATURE:
                return Light.RED
        if camera.battery.charge_pct <= camera.settings.number("alarm.battery_low_pct"):
            return Light.RED_BLINKING
        return Light.AMBER if camera.battery.charge_pct < FAIR_PCT else Light.GREEN


def _cues(before: _Noticed, now: _Noticed) -> list[Cue]:
    """What is told of two looks, in the order in which it matters."""
    booted = now.boot != before.boot
    if booted:
        before = _Noticed(boot=now.boot)
    found = [Cue.BOOTED] if booted else []
    same = now.recording is not None and now.recording == before.recording
    if now.recording is not None and not (same and not (before.ending and not now.ending)):
        found.append(Cue.STARTED)
    if (now.ending and not before.ending) or (
        now.recording is None and before.recording is not None and not before.ending
    ):
        found.append(Cue.STOPPED)
    if same and now.marks > before.marks:
        found.append(Cue.MARKED)
    if same and now.reminders > before.reminders:
        found.append(Cue.REMINDER)
    if now.muted != before.muted:
        found.append(Cue.MUTED if now.muted else Cue.UNMUTED)
    return found + [cue for fault, cue in OF_FAULTS.items() if now.faults & fault & ~before.faults]

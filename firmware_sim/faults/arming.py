"""Sets up what of a fault plan comes at other times than bytes: after a time, at a close, at an operation of a flash.

What strikes a device does so between two steps of its firmware, when it is looked at next; only what concerns its
storage (`power`, `fail`) strikes within one, at the operation that the plan names.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from firmware_sim.device.device_time import DeviceTime
from firmware_sim.device.mishaps import Mishaps
from firmware_sim.faults.plan import Count, FaultCount, Strike, Trigger
from firmware_sim.flash.flash import Before, Flash, PowerCut, Unsynced


class Struck(Protocol):
    """A device, as far as a plan strikes it."""

    time: DeviceTime
    mishaps: Mishaps

    @property
    def flash(self) -> Flash: ...

    def crash(self, unsynced: Unsynced = Unsynced.TORN) -> None:
        """Resets at once."""

    def lose_recording(self) -> None:
        """A recording disappears."""


class StruckDevice(Struck, Protocol):
    """A camera, which is its own only one, or a station."""

    def cameras(self) -> Sequence[Struck]:
        """The cameras in it."""


def arm(count: FaultCount, device: StruckDevice) -> None:
    """Sets up a plan for the device on whose links it is played; once, however often it is asked.

    Closes and operations are counted at each camera for itself, and what they bring about is its own.
    """
    if count.armed:
        return
    count.armed = True
    for trigger in count.plan.triggers:
        match trigger.count:
            case Count.BYTE:
                pass  # counted where the bytes pass
            case Count.SECOND:
                _at(count, device, trigger, device.time() + trigger.at)
            case Count.CLOSE:
                for camera in device.cameras():
                    camera.mishaps.closings.append(_Counted(trigger, partial(_soon, count, camera, trigger)))
            case Count.OPERATION:
                for camera in device.cameras():
                    flash = camera.flash
                    flash.before = _Operations(count, camera, trigger, flash.operations, flash.before)


def _at(count: FaultCount, device: Struck, trigger: Trigger, due_s: float) -> None:
    def now() -> None:
        _strike(count, device, trigger)
        if trigger.every:
            _at(count, device, trigger, due_s + trigger.at)

    device.mishaps.at(due_s, now)


def _soon(count: FaultCount, device: Struck, trigger: Trigger) -> None:
    """Not from inside the device's own step."""
    device.mishaps.at(device.time(), partial(_strike, count, device, trigger))


def _strike(count: FaultCount, device: Struck, trigger: Trigger) -> None:
    match trigger.strike:
        case Strike.CUT | Strike.STALL:
            for pipe in list(count.pipes):
                pipe.strike(trigger)
        case Strike.REBOOT | Strike.POWER:
            device.crash(trigger.unsynced or Unsynced.TORN)
        case Strike.VANISH:
            device.lose_recording()
        case Strike.FAIL:
            pass  # comes at an operation alone


class _Counted:
    """Calls `act` at the number that the trigger names, and each time that it comes again."""

    def __init__(self, trigger: Trigger, act: Callable[[], object]) -> None:
        self._trigger = trigger
        self._act = act
        self._seen = 0

    def __call__(self) -> None:
        self._seen += 1
        at = int(self._trigger.at)
        if self._seen == at or (self._trigger.every and self._seen % at == 0):
            self._act()


class _Operations:
    """What is asked before each operation of a flash, for one trigger; `others` are asked first."""

    def __init__(
        self, count: FaultCount, camera: Struck, trigger: Trigger, begun: int, others: Before | None
    ) -> None:
        self._count = count
        self._camera = camera
        self._trigger = trigger
        self._begun = begun  # operations that were done before the plan was armed
        self._others = others

    def __call__(self, number: int, operation: str, name: str) -> None:
        if self._others is not None:
            self._others(number, operation, name)
        nth, at = number - self._begun + 1, int(self._trigger.at)
        if nth != at and not (self._trigger.every and nth % at == 0):
            return
        match self._trigger.strike:
            case Strike.POWER:
                raise PowerCut(self._trigger.unsynced or Unsynced.TORN)
            case Strike.FAIL:
                raise OSError(errno.EIO, f"a fault plan has {operation} fail", name)
            case _:
                _soon(self._count, self._camera, self._trigger)

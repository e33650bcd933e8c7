"""Moves an actuator of a bench, and looks what it takes away, and from whom."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bwc_protocol.declare import Role
from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.identity import CameraState
from bwc_sdk.errors import BwcError, DeviceBusy, LinkError, SessionError, TransportError
from bwc_sdk.sync import SyncCamera
from hil_tests.actuators.actuator import SWITCHED, Actuator, ActuatorFailed, Cut, NoSuchActuator, in_words
from hil_tests.actuators.at_device import Actuators
from hil_tests.benches.finding import Finding, good, problem, warning
from hil_tests.device.bench import AnyDevice, Bench

GONE_S: Final = 15.0
"""Within this a device that lost its data lines is seen to be gone: three times the link's dead time."""
SHOWS_S: Final = 10.0
"""Within this it shows that its supply went: a charger looks once in a few seconds."""
PAUSE_S: Final = 0.2
AWAY: Final = (TransportError, LinkError, SessionError)
"""What connecting to a device says that is not there; in a bay the station says it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a device shows of itself."""

    boot_counter: int
    docked: bool
    records: bool
    simulator: bool


class Trial:
    """Tries the actuators of one device; `others` are devices that are to stay as they are meanwhile."""

    def __init__(
        self,
        name: str,
        bench: Bench,
        others: Mapping[str, Bench],
        there: Actuators,
        tell: Callable[[Finding], None],
    ) -> None:
        self._name = name
        self._bench = bench
        self._others = others
        self._there = there
        self._tell = tell
        self._now = look(bench)

    @property
    def simulator(self) -> bool:
        """Whether the device says that it is one."""
        return self._now.simulator

    def of(self, one: Actuator) -> None:
        """Moves it off and on again, or does both at once where it knows no state between."""
        where = f"{self._name}.{one.name}"
        if self._now.records:
            self._tell(warning(where, "is not moved: the device records", "try it again when it does not"))
            return
        try:
            before = {name: look(other) for name, other in self._others.items()}
            found = self._moved(one)
            if strays := [self._strayed(name, as_it_was) for name, as_it_was in before.items()]:
                found = self._judged(found, [stray for stray in strays if stray], before)
            self._tell(found)
        except ActuatorFailed as error:
            self._tell(problem(where, error.rule, error.advice))
        except NoSuchActuator as error:
            self._tell(warning(where, error.rule, "run the check on a terminal"))
        except BwcError as error:
            self._tell(problem(where, f"after it was moved: {error}", error.advice))
        finally:
            self._back_on(one)

    def _moved(self, one: Actuator) -> Finding:
        """Moves it, and sees what becomes of its device."""
        if one.takes_all:
            return self._restarted(one)
        if Cut.DATA in one.cuts or self._bench.is_station:
            return self._went_away(one)
        if Cut.VBUS in one.cuts:
            return self._lost_supply(one)
        return self._lives_on(one)

    def _strayed(self, name: str, before: Seen) -> str:
        """What became of another device meanwhile; "" if nothing did."""
        try:
            now = look(self._others[name])
        except BwcError as error:
            return f"{name} is gone ({error})"
        if now.boot_counter != before.boot_counter:
            return f"{name} was restarted"
        return "" if now.docked == before.docked else f"{name} is out of its dock"

    def _judged(self, found: Finding, strays: list[str], others: Mapping[str, Seen]) -> Finding:
        if strays:
            return problem(
                found.where,
                f"{found.found}; and {', '.join(strays)}",
                "each device needs a switch of its own: correct the wiring, 'port' or the command",
            )
        return dataclasses.replace(found, found=f"{found.found}; {', '.join(others)} stayed")

    def _back_on(self, one: Actuator) -> None:
        try:
            self._there.restore()
            camera = seen(self._bench)
        except BwcError as error:
            self._tell(
                problem(f"{self._name}.{one.name}", f"the device does not come back: {error}", error.advice)
            )
            return
        camera.close()
        before, self._now = self._now, look(self._bench)
        restarted = self._now.boot_counter != before.boot_counter
        if restarted and not one.takes_all:
            self._tell(
                warning(
                    f"{self._name}.{one.name}",
                    "the device was restarted by it: it takes more than 'cuts' says, or the device has no battery",
                    "write in 'cuts' what it takes: tests that want a loss of power look there",
                )
            )

    # What is seen

    def _went_away(self, one: Actuator) -> Finding:
        self._there.off(one.name)
        until = time.monotonic() + GONE_S
        while not is_away(self._bench):
            if time.monotonic() > until:
                return self._idle(one, f"still answers {GONE_S:g} s later")
            time.sleep(PAUSE_S)
        return self._good(one, "the device is gone, and back when it is on")

    def _lost_supply(self, one: Actuator) -> Finding:
        with seen(self._bench) as camera:
            if not _fed(camera):
                return warning(
                    f"{self._name}.{one.name}",
                    "is not moved, since nothing could be seen of it: the device does not show that it is fed",
                    "put it into its dock, or charge it, and try again",
                )
            self._there.off(one.name)
            until = time.monotonic() + SHOWS_S
            while _fed(camera):
                if time.monotonic() > until:
                    return self._idle(one, f"still shows that it is fed {SHOWS_S:g} s later")
                time.sleep(PAUSE_S)
        return self._good(one, "the device shows that its supply went")

    def _lives_on(self, one: Actuator) -> Finding:
        """Of a battery alone: the device lives on by what feeds it, and nothing shows that the battery went."""
        if one.driver.moves >= SWITCHED:
            self._there.off(one.name)
        else:
            self._there.cycle(one.name)
        seen(self._bench).close()
        return warning(
            f"{self._name}.{one.name}",
            f"{in_words(one.cuts)}: the device lives on by what feeds it, and whether the battery went is not seen",
            "look once yourself",
        )

    def _restarted(self, one: Actuator) -> Finding:
        boot, until = self._now.boot_counter, time.monotonic() + self._bench.restart_s
        self._there.cycle(one.name)
        while True:
            with seen(self._bench) as camera:
                if camera.peer.boot_counter != boot:
                    return self._good(one, "the device restarted")
            if time.monotonic() > until:
                return self._idle(one, "did not restart")
            time.sleep(PAUSE_S)

    def _good(self, one: Actuator, what: str) -> Finding:
        return good(f"{self._name}.{one.name}", f"{in_words(one.cuts)}: {what}")

    def _idle(self, one: Actuator, what: str) -> Finding:
        return problem(
            f"{self._name}.{one.name}",
            f"it {in_words(one.cuts)}, says the bench file, and the device {what}",
            "it is wired to something else, or does not switch; correct it, or 'cuts'",
        )


def _fed(camera: AnyDevice) -> bool:
    """Whether the device shows that something feeds it."""
    if not isinstance(camera, SyncCamera):
        return False
    charged = camera.battery.status().state in (ChargeState.CHARGING, ChargeState.FULL)
    return camera.device.status().docked or charged


def look(bench: Bench) -> Seen:
    """What a device shows of itself now. Raises what connecting raises."""
    with _quiet(bench) as camera:
        status = camera.device.status()
        return Seen(
            status.boot_counter,
            status.docked,
            status.state in (CameraState.RECORDING, CameraState.POST_EVENT),
            camera.device.identify().simulator,
        )


def _quiet(bench: Bench) -> AnyDevice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of certificates: the check tells of them once
        return bench.connect_either(Role.AUDITOR)


def seen(bench: Bench) -> AnyDevice:
    """A connection to a device that may just be coming back. Raises what connecting raises, once its time is over."""
    until = time.monotonic() + bench.restart_s
    while True:
        try:
            return _quiet(bench)
        except AWAY:
            if time.monotonic() > until:
                raise
        time.sleep(PAUSE_S)


def is_away(bench: Bench) -> bool:
    """Whether nobody answers there."""
    try:
        _quiet(bench).close()
    except DeviceBusy:
        return False
    except AWAY:
        return True
    return False

"""Proves a bench before the night: who answers, who may connect and how long still, and what each actuator moves.

Devices are read, as an auditor, and nothing on them is changed. Actuators are moved, and are back afterwards.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.messages.identity import Fault
from bwc_protocol.word import label
from bwc_sdk.connection.validity import RENEW_DEVICE, day, days_left
from bwc_sdk.errors import BwcError, LinkError, TransportError, WrongDevice
from bwc_sdk.host.host_time import START_A_SERVICE, HostTime, host_time
from hil_tests.actuators.actuator import SWITCHED, ActuatorFailed, Cut, Move
from hil_tests.actuators.at_device import Actuators
from hil_tests.benches.bench_file import BenchDevice, BenchFile
from hil_tests.benches.device_lock import DeviceLock, lock_directory
from hil_tests.benches.finding import Finding, good, problem, warning
from hil_tests.benches.trial import Trial, seen
from hil_tests.device.bench import AnyDevice, Bench, protection, written_bytes
from hil_tests.device.flash_wear import WearBudget, wear_budget
from hil_tests.device.identities import ON_ANY_DEVICE, ON_ONE_TO_CHANGE, SOON_DAYS, BenchIdentities

WRONG: Final = "plug in the one that is expected, or correct 'uri' or 'serial_number'"
USUAL: Final = Fault.UNASSIGNED
"""What most devices of a bench report, and no test minds."""
MEASURE: Final = "measure once what it cuts, and write that in 'cuts'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a check goes."""

    move: bool = True
    """Whether actuators are moved."""
    lose_power: bool = False
    """Whether those, too, that take all supply, from a simulator or a device that is expendable."""
    attended: bool = False
    """Whether somebody is there who can be asked."""


class BenchCheck:
    """One check of all devices of a file; `tell` is told of each finding at once."""

    def __init__(
        self,
        bench: BenchFile,
        extent: Extent,
        tell: Callable[[Finding], None],
        *,
        clock: Callable[[], HostTime] = host_time,
    ) -> None:
        self._file = bench
        self._extent = extent
        self._tell = tell
        self._clock = clock
        self._locks: list[DeviceLock] = []
        self._immovable: set[str] = set()

    def run(self) -> None:
        """Looks at everything. Raises nothing that a bench can be at fault for."""
        self._look_at_clock()
        benches = {entry.name: _bench_of(entry) for entry in self._file.devices.values()}
        answering: dict[str, Bench] = {}
        try:
            for entry in self._file.devices.values():
                self._look_at_drivers(entry)
                ready = self._has_identities(entry) and self._has_lock(entry)
                if ready and self._answers(entry, benches[entry.name]):
                    answering[entry.name] = benches[entry.name]
            if self._extent.move:
                for name, bench in answering.items():
                    self._move(self._file.devices[name], bench, answering)
        finally:
            for bench in benches.values():
                bench.close()
            for lock in self._locks:
                lock.release()

    def _look_at_clock(self) -> None:
        found = self._clock()
        if found.synchronised is None:
            self._tell(warning("host", f"clock: {found}", f"see to it that it is right: {START_A_SERVICE}"))
        elif not found.synchronised:
            self._tell(problem("host", f"clock: {found}", START_A_SERVICE))
        else:
            self._tell(good("host", f"clock: {found}"))

    def _look_at_drivers(self, entry: BenchDevice) -> None:
        """Whether what moves the actuators is there; those that cannot be moved are not tried later."""
        for one in entry.actuators.values():
            where = f"{entry.name}.{one.name}"
            try:
                if remark := one.driver.check():
                    self._tell(warning(where, remark, MEASURE))
            except ActuatorFailed as error:
                self._immovable.add(where)
                self._tell(problem(where, error.rule, error.advice))

    def _has_identities(self, entry: BenchDevice) -> bool:
        """Whether the bench has key files for it, and how long still."""
        roles = ON_ONE_TO_CHANGE if entry.expendable else ON_ANY_DEVICE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # told here
            try:
                known = BenchIdentities(entry.identity, insecure=entry.insecure)
                known.need(roles)
            except BwcError as error:
                self._tell(problem(entry.name, str(error), error.advice))
                return False
        for told in known.warnings:
            found, _, advice = told.partition("; ")
            self._tell(warning(entry.name, found, advice))
        return True

    def _has_lock(self, entry: BenchDevice) -> bool:
        if any(lock.serial_number == entry.serial_number for lock in self._locks):
            return True  # two ways to one device
        try:
            self._locks.append(DeviceLock.take(entry.serial_number))
        except BwcError as error:
            self._tell(problem(entry.name, f"{error}: nothing more was tried", error.advice))
            return False
        return True

    def _answers(self, entry: BenchDevice, bench: Bench) -> bool:
        try:
            camera = self._connected(entry, bench)
        except BwcError as error:
            advice = WRONG if isinstance(error, WrongDevice) else error.advice
            self._tell(problem(entry.name, str(error), advice))
            return False
        with camera:
            self._describe(entry, camera)
            return True

    def _connected(self, entry: BenchDevice, bench: Bench) -> AnyDevice:
        """A connection; of a device that is silent after its actuators were switched on, if some are switches."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return bench.find_out()
            except (TransportError, LinkError):
                if not self._extent.move or not self._switch_on(entry):
                    raise
            camera = seen(bench)
        self._tell(
            warning(
                entry.name,
                "was silent until its actuators were switched on",
                "a run that was killed, or somebody, had left one off",
            )
        )
        return camera

    def _switch_on(self, entry: BenchDevice) -> bool:
        """Switches on what may have been left off by a run that was killed; whether there is anything."""
        there = Actuators(entry.serial_number, entry.actuators, attended=self._extent.attended)
        tried = False
        for one in there:
            if one.driver.moves >= SWITCHED and one.driver.unattended:
                try:
                    there.on(one.name)
                    tried = True
                except ActuatorFailed:
                    pass  # the dock that it stands in already, for example; a driver that fails is told by its trial
        return tried

    def _describe(self, entry: BenchDevice, camera: AnyDevice) -> None:
        """Who answers, and what of it would spoil the night."""
        where, peer = entry.name, camera.peer
        known, status = camera.device.identify(), camera.device.status()
        kind = "simulator" if known.simulator else "hardware"
        said = f"{known.model} {known.serial}, firmware {known.firmware}, {kind}, {protection(peer)}"
        self._tell(good(where, said))
        shown = peer.certificate
        if shown is not None and peer.standing is not Standing.GOOD:
            self._tell(problem(where, f"its certificate is not valid today: {shown.name}", RENEW_DEVICE))
        elif shown is not None:
            left = days_left(shown, time.time())
            if left is not None and left < SOON_DAYS:
                ends = f"its certificate ends in {left} days, on {day(shown.not_after_s)}"
                self._tell(warning(where, ends, RENEW_DEVICE))
        if faults := [label(one) for one in Fault if one & status.faults & ~USUAL]:
            self._tell(warning(where, f"reports faults: {', '.join(faults)}", "'bwc self-test' says more"))
        if entry.flash_wear_budget_gib is not None:
            self._look_at_wear(where, wear_budget(entry.flash_wear_budget_gib, lock_directory()), camera)
        if entry.expendable and peer.secure and camera.trust.read().locked:
            self._tell(
                warning(
                    where,
                    "is in service and refuses the role bench: only tests that change nothing will run",
                    "'bwc enroll --bench' makes it one for tests, after a physical reset, which destroys its footage",
                )
            )

    def _look_at_wear(self, where: str, budget: WearBudget, device: AnyDevice) -> None:
        try:
            budget.look(device.identity, written_bytes(device))
        except BwcError as error:
            self._tell(problem(where, str(error), error.advice))
            return
        if budget.spent:
            advice = "let it rest, or raise its 'flash_wear_budget_gib'"
            self._tell(
                warning(where, f"its flash-wear budget is spent, and it is only read: {budget}", advice)
            )
        else:
            self._tell(good(where, f"flash wear: {budget}"))

    def _move(self, entry: BenchDevice, bench: Bench, answering: dict[str, Bench]) -> None:
        """Moves each actuator of a device, and sees what it takes away, and from whom."""
        others = {
            name: other
            for name, other in answering.items()
            if self._file.devices[name].serial_number != entry.serial_number
            and name not in entry.bays.values()  # they go with their station
        }
        there = Actuators(entry.serial_number, entry.actuators, attended=self._extent.attended)
        try:
            trial = Trial(entry.name, bench, others, there, self._tell)
        except BwcError as error:
            self._tell(problem(entry.name, str(error), error.advice))
            return
        for one in there:
            where = f"{entry.name}.{one.name}"
            if where in self._immovable:
                continue
            if one.can(Move.PRESS):
                self._tell(good(where, "is not pressed: that would change the device"))
            elif not (one.driver.unattended or self._extent.attended):
                self._tell(
                    warning(where, "a person, who is not asked", "--attended says that somebody is there")
                )
            elif Cut.BATTERY in one.cuts and not self._extent.lose_power:
                self._tell(good(where, "is not moved: --lose-power tries what takes the battery"))
            elif Cut.BATTERY in one.cuts and not (entry.expendable or trial.simulator):
                self._tell(
                    good(where, "is not moved: it takes the battery, and the device is not expendable")
                )
            else:
                trial.of(one)


def _bench_of(entry: BenchDevice) -> Bench:
    return Bench(
        entry.uri,
        expected=entry.serial_number,
        expendable=None,
        identity=entry.identity,
        allow_insecure=entry.insecure,
        captures=None,
        restart_s=entry.restart_s,
    )

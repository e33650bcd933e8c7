"""A device that is lost: found out once, taken off its supply once where the bench can, and then left alone.

Its other tests end at once and say why; those of other devices go on.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.judging.verdict import Outcome
from hil_tests.run.running import READ_ONLY, DeviceRun, device_name, hold_device, is_on_device, run_of
from hil_tests.run.told import of
from hil_tests.run.under_test import several

if TYPE_CHECKING:
    from hil_tests.actuators.at_device import Actuators
    from hil_tests.device.bench import Bench

BACK: Final = "it answers again"
LOOK_AFTER: Final = (Outcome.FAILED, Outcome.VANISHED, Outcome.INFRA)
"""Of a test beneath the SDK: it may have ended so since nobody was there any more."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nothing is said to a dead device."""
    run = run_of(item)
    if run is not None and run.dead:
        from hil_tests.verdicts import infra

        infra(run.dead)


class losing:
    """Around what is said to a device: whether it is lost, or nobody can be tested here at all, is kept with its run.

    `always`: whatever the SDK says, no test can succeed; a URI that names nothing, a part that is not installed.
    """

    def __init__(self, run: DeviceRun, bench: Bench, *, always: bool = False) -> None:
        self._run = run
        self._bench = bench
        self._always = always

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        why = self._bench.why_no_test_can_succeed(error, always=self._always)
        if why:
            self._run.lost, self._run.curable = why, self._bench.new_supply_may_help(error)


def find(run: DeviceRun, bench: Bench, config: pytest.Config) -> None:
    """Finds out what a device is before its first test, with new supply if it needs that. Raises as `probe` does."""
    try:
        with losing(run, bench, always=True):
            hold_device(config, run.device)
            bench.probe()
    except Exception as error:
        if not bench.reached:
            run.unreached = str(error)
        if bench.reached or not power_cycled(run, bench, config, f"before its first test: {run.lost}"):
            raise
        run.lost, run.unreached = "", None
        with losing(run, bench, always=True):
            bench.probe()


def look_for_the_device(
    item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]
) -> None:
    """After a test: whether its device is still there. One that is not, and that no new supply brings back, is dead."""
    run = run_of(item)
    if run is None:
        return
    if run.dead:
        _stop_if_nothing_is_left(item, run.dead)
        return
    if not run.lost and run.bench is not None and _speaks_to_nobody(item, nextitem, reports):
        _knock(run, run.bench)
    if not run.lost:
        return
    why, run.lost = run.lost, ""
    if run.bench is not None and power_cycled(run, run.bench, item.config, f"after {item.nodeid}: {why}"):
        return
    run.dead = why
    _stop_if_nothing_is_left(item, why)


def power_cycled(run: DeviceRun, bench: Bench, config: pytest.Config, occasion: str) -> bool:
    """Takes a device that was lost off its supply and gives it back, once a run, and puts that on record. Whether it
    answers then; False where the bench cannot, or must not: it takes the footage of the moment, too."""
    if run.cycled or not run.curable or not _may_lose_power(run, bench):
        return False
    if (there := _supply_of(run, config)) is None:
        return False
    from bwc_sdk.errors import BwcError
    from hil_tests.device.restarting import when_answering

    actuators, names = there
    run.cycled = True
    try:
        actuators.cycle(*names)
        when_answering(bench)
        if bench.reached:
            bench.note_health()
        came = BACK
    except BwcError as error:
        came = f"that did not help: {error}"
    run.remarks.append(f"{occasion}; power-cycled: {', '.join(actuators.moved)}; {came}")
    return came == BACK


def _may_lose_power(run: DeviceRun, bench: Bench) -> bool:
    if bench.reached:
        return bench.may_change
    return run.device.expected is not None and run.device.expendable == run.device.expected


def _supply_of(run: DeviceRun, config: pytest.Config) -> tuple[Actuators, tuple[str, ...]] | None:
    """What a bench file has at the device that cuts its supply: all of it, or else that by its port."""
    from hil_tests.actuators.actuator import ENTIRE_SUPPLY, Cut, NoSuchActuator
    from hil_tests.actuators.at_device import Actuators
    from hil_tests.run.acting import actuators_there

    if run.device.entry is None:
        return None
    attended = config.getoption("--bwc-attended")
    there = Actuators(run.device.expected or "", actuators_there(run.device), attended=attended)
    for wanted in (ENTIRE_SUPPLY, frozenset({Cut.VBUS})):
        try:
            return there, tuple(one.name for one in there.that_cut(wanted))
        except NoSuchActuator:
            continue
    return None


def _speaks_to_nobody(
    item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]
) -> bool:
    """Whether a test may have failed since nobody was there, and nobody has looked: after others a bench connects."""
    names = getattr(item, "fixturenames", ())
    by_wire_alone = "wire" in names and item.get_closest_marker(READ_ONLY) is not None
    looked = "bwc_guarded" in names or ("wire" in names and not by_wire_alone)
    if looked or nextitem is None or device_name(nextitem) != device_name(item):
        return False
    return any((told := of(one)) is not None and told.get("outcome") in LOOK_AFTER for one in reports)


def _knock(run: DeviceRun, bench: Bench) -> None:
    """Looks whether the device takes a connection."""
    from bwc_protocol.declare import Role
    from bwc_sdk.errors import BwcError

    try:
        with losing(run, bench):
            bench.connect_either(Role.AUDITOR)
    except BwcError:
        pass  # what it says of the device is kept, and the test has its own failure
    finally:
        bench.hang_up()


def _stop_if_nothing_is_left(item: pytest.Item, why: str) -> None:
    """With one device the session ends, unless a test is left that is on none; of several each test says what is."""
    left = item.session.items
    left = left[left.index(item) + 1 :] if item in left else []
    if not several(item.config) and all(is_on_device(one) for one in left):
        item.session.shouldstop = why

"""What a pytest session keeps of each device under test. Imports nothing of the SDK before it is asked for a bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.under_test import DEVICES, UnderTest

if TYPE_CHECKING:
    from hil_tests.benches.device_lock import DeviceLock
    from hil_tests.device.bench import Bench
    from hil_tests.device.flash_wear import WearBudget

READ_ONLY: Final = "bwc_read_only"
ON_THE_WIRE: Final = frozenset({"wire", "failing_wire", "spare_wire", "new_wire"})
"""Fixtures of raw tests, which speak beneath the SDK's link."""
ON_DEVICE: Final = "bwc_under_test"
"""The fixture that every test on a device has, and that says on which."""
RUNS: Final = pytest.StashKey["dict[str, DeviceRun]"]()
"""What this process keeps of each device under test, by name."""
LOCKS: Final[pytest.StashKey[dict[str, DeviceLock]]] = pytest.StashKey()
"""The locks of a bench file's devices that this process has, by serial number: two ways may lead to one device."""


class DeviceRun:
    """What this process knows of one device under test."""

    def __init__(self, device: UnderTest, captures: Path | None) -> None:
        self.device = device
        self.captures = captures
        """Where its wire logs go, where they are kept."""
        self.bench: Bench | None = None
        """The bench, once it has connected to the device."""
        self.unreached: str | None = None
        """Why it could not, where it tried."""
        self.lost = ""
        """Why no test on it can succeed, as the test that runs has found; until after it somebody looks."""
        self.curable = False
        """Whether new supply may help against that."""
        self.dead = ""
        """The same, for good: nothing is said to it any more."""
        self.cycled = False
        """Whether it was taken off its supply to bring it back: once a run."""
        self.remarks: list[str] = []
        """What was done to it beside the tests, for the report."""

    def new_bench(self) -> Bench:
        """A bench for the device, which has connected to nothing yet."""
        from hil_tests.device.bench import Bench

        return Bench(
            self.device.uri,
            expected=self.device.expected,
            expendable=self.device.expendable,
            identity=self.device.identity,
            allow_insecure=self.device.insecure,
            captures=self.captures,
            wear=self._wear(),
            restart_s=None if self.device.entry is None else self.device.entry.restart_s,
        )

    def _wear(self) -> WearBudget | None:
        entry = self.device.entry
        if entry is None or entry.flash_wear_budget_gib is None:
            return None
        from hil_tests.benches.device_lock import lock_directory
        from hil_tests.device.flash_wear import wear_budget

        return wear_budget(entry.flash_wear_budget_gib, lock_directory())


def begin_runs(config: pytest.Config) -> None:
    """Makes a place for what is found out of each device."""
    folder: Path | None = config.getoption("--bwc-capture")
    config.stash[LOCKS] = {}
    config.stash[RUNS] = {
        name: DeviceRun(device, folder if folder is None else folder / name)
        for name, device in config.stash[DEVICES].items()
    }


def is_on_device(item: pytest.Item) -> bool:
    """Whether a test is on a device under test; another project may have fixtures and marks of the same names."""
    return ON_DEVICE in getattr(item, "fixturenames", ())


def device_name(item: pytest.Item) -> str | None:
    """The name of the device that a test is on; None for one that is on none, or does not say by its arguments."""
    if not is_on_device(item):
        return None
    callspec = getattr(item, "callspec", None)
    named: str | None = None if callspec is None else callspec.params.get(ON_DEVICE)
    names = [*item.config.stash[DEVICES]]
    return named if named is not None else names[0] if len(names) == 1 else None


def run_of(item: pytest.Item) -> DeviceRun | None:
    """What is known of the device that a test is on."""
    name = device_name(item)
    return None if name is None else item.config.stash[RUNS][name]


def hold_device(config: pytest.Config, device: UnderTest) -> None:
    """Takes a device of a bench file for this process, until the end of the session; of no other device is there a
    lock. Raises `DeviceTaken` if another run has it."""
    held = config.stash[LOCKS]
    if device.expected is None or device.expected in held:
        return
    from hil_tests.benches.device_lock import DeviceLock

    held[device.expected] = DeviceLock.take(device.expected)


def let_devices_go(config: pytest.Config) -> None:
    """Gives the devices back that this process has."""
    held = config.stash.get(LOCKS, {})
    while held:
        held.popitem()[1].release()

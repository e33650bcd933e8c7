"""What a pytest session keeps of the suite's run. Imports nothing of the SDK before it is asked for something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.under_test import UNDER_TEST

if TYPE_CHECKING:
    from hil_tests.bench import Bench
    from hil_tests.benches.device_lock import DeviceLock

READ_ONLY: Final = "bwc_read_only"
BENCH: Final = pytest.StashKey["Bench"]()
"""The bench, once it has connected to the device under test."""
UNREACHED: Final = pytest.StashKey[str]()
"""Why the bench could not, where it tried."""
CAPTURES: Final = pytest.StashKey[Path]()
"""Where wire logs go beside a report, where one is asked for."""
LOCK: Final[pytest.StashKey[DeviceLock]] = pytest.StashKey()
"""The lock of a bench file's device, while this process has it."""


def hold_device(config: pytest.Config) -> None:
    """Takes the device of a bench file for this process, until the end of the session; of no other device is there a
    lock. Raises `DeviceTaken` if another run has it."""
    expected = config.stash[UNDER_TEST].expected
    if expected is None or LOCK in config.stash:
        return
    from hil_tests.benches.device_lock import DeviceLock

    config.stash[LOCK] = DeviceLock.take(expected)


def let_device_go(config: pytest.Config) -> None:
    """Gives the device back, if this process has one."""
    lock = config.stash.get(LOCK, None)
    if lock is not None:
        del config.stash[LOCK]
        lock.release()


def bench_of(config: pytest.Config) -> Bench:
    """A bench by the options of this session, which has connected to nothing yet."""
    from hil_tests.bench import Bench

    device = config.stash[UNDER_TEST]
    return Bench(
        device.uri,
        expected=device.expected,
        expendable=device.expendable,
        identity=device.identity,
        allow_insecure=device.insecure,
        captures=config.stash.get(CAPTURES, config.getoption("--bwc-capture")),
    )

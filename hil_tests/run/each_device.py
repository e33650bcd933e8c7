"""Each test once on each device under test: ids carry its name, and pytest-xdist gives a device to one worker.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from hil_tests.run.running import ON_DEVICE
from hil_tests.run.under_test import DEVICES, UnderTest, is_by_labgrid, several

GROUPED: Final = ("no", "loadgroup")
"""How pytest-xdist may distribute the tests of a device that is there once: not at all, or by group."""


@pytest.hookimpl(tryfirst=True)  # its name comes first in an id
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if ON_DEVICE in metafunc.fixturenames and several(metafunc.config):
        names = [*metafunc.config.stash[DEVICES]]
        metafunc.parametrize(ON_DEVICE, names, indirect=True, ids=names, scope="session")


def require_one_process_each(config: pytest.Config) -> None:
    """Raises `UsageError` where pytest-xdist would have several processes test a device that is there once."""
    how = str(getattr(config.option, "dist", "no"))
    if how not in GROUPED and _is_there_once(config):
        raise pytest.UsageError(
            f"a device of a bench file, or of labgrid's, is tested by one process, and '--dist {how}' gives its tests "
            "to several: add --dist loadgroup"
        )


def _is_there_once(config: pytest.Config) -> bool:
    """Whether all workers would have the same device: a simulator in memory is there once a process."""
    return any(one.expected is not None or is_by_labgrid(one.uri) for one in config.stash[DEVICES].values())


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    if not _is_there_once(config):
        return None
    from hil_tests.run.device_scheduling import DeviceScheduling

    return DeviceScheduling(config, log)


@pytest.fixture(scope="session")
def bwc_under_test(request: pytest.FixtureRequest) -> UnderTest:
    """The device that this test is on, as the session was told of it; nobody has asked the device yet."""
    devices = request.config.stash[DEVICES]
    name = getattr(request, "param", None)
    if name is None and len(devices) > 1:
        pytest.fail(
            "which device? Several are under test: name the fixture among the arguments of the test, as request."
            "getfixturevalue() comes too late to run it on each",
            pytrace=False,
        )
    return next(iter(devices.values())) if name is None else devices[name]

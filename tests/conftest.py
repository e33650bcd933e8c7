"""The option that chooses a tier of tests."""

import atexit
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import tiers

if "PYTEST_XDIST_WORKER" not in os.environ:
    # Neither the lab nor the identities of whoever runs the tests; workers and all that tests start inherit this.
    _ours = Path(tempfile.mkdtemp(prefix="bwc-tests-"))
    atexit.register(shutil.rmtree, _ours, ignore_errors=True)
    os.environ["BWC_LAB"] = str(_ours / "lab")
    os.environ["XDG_CONFIG_HOME"] = str(_ours / "config")
    os.environ.pop("BWC_IDENTITY", None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell. What tests start would inherit it, and never hear the Ctrl-C that it is to hear.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, and nothing of what it tries.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def levels_of_logs() -> Iterator[None]:
    """A verb with -v in this process sets them: what later tests keep and tell would be more."""
    ours = [logging.getLogger(name) for name in ("", "bwc_sdk", "bwc_protocol", "firmware_sim")]
    before = [(log, log.level) for log in ours]
    yield
    for log, level in before:
        log.setLevel(level)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        tiers.OPTION,
        choices=[tier.value for tier in tiers.Tier],
        default=tiers.Tier.TEST.value,
        help="how much is tried: test (what everybody runs), ci (samples of all else), night (what is slow and true)",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Of `-n auto`: two more than there are cores, since tests of processes wait for them half of their time."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # as it says
    return len(os.sched_getaffinity(0)) + 2 if hasattr(os, "sched_getaffinity") else None


def pytest_configure(config: pytest.Config) -> None:
    tiers.choose(tiers.Tier(config.getoption(tiers.OPTION)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tier = tiers.chosen()
    apart = [item for item in items if not tiers.belongs({mark.name for mark in item.iter_markers()}, tier)]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in set(apart)]
    if tiers.LONGER[tier] > 1:
        for item in items:
            mark = item.get_closest_marker("timeout")
            seconds = mark.args[0] if mark else float(config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds * tiers.LONGER[tier]), append=False)

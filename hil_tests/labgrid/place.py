"""Before the first test: what is named `labgrid:TARGET` becomes the device that the target leads to.

What is wrong in the environment file is wrong usage; a place that somebody else has, or an exporter that is gone, is
the bench's fault, and each test says so. Imports nothing of labgrid or the SDK before such a device is under test.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from hil_tests.run.running import LOCKS, RUNS, DeviceRun, is_on_device
from hil_tests.run.under_test import DEVICES, LABGRID, UnderTest, is_by_labgrid

if TYPE_CHECKING:
    from hil_tests.labgrid.target import Reached

MAIN: Final = "main"
"""The target that labgrid's own fixtures give."""
ORPHANED: Final = "orphaned resource"
"""labgrid's word for what an exporter had exported that is gone."""
INSTALL: Final = "pip install 'bwc-sdk[labgrid]', in an environment of its own"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Looks only where a test on a device is about to run."""
    config = session.config
    if config.option.collectonly or not any(map(is_on_device, session.items)):
        return
    devices = config.stash[DEVICES]
    for name, device in devices.items():
        if is_by_labgrid(device.uri):
            devices[name] = _reach(config, device, config.stash[RUNS][name])
    if len(devices) == 1:
        config.option.bwc_device = next(iter(devices.values())).uri


def _reach(config: pytest.Config, device: UnderTest, run: DeviceRun) -> UnderTest:
    """The device with the way to it; as it was told, where nobody gets there now: its run says why."""
    target = device.uri.removeprefix(LABGRID) or MAIN
    environment = _environment(config, device.uri)
    from bwc_sdk.errors import BwcError
    from hil_tests.labgrid.target import Speaks, Unfit, reached_at

    told = device.entry is not None or device.identity is not None or device.insecure
    try:
        reached = reached_at(environment, target, Speaks(device.identity, device.insecure) if told else None)
        _take_places(config, reached)
    except Unfit as error:
        raise pytest.UsageError(f"{environment.config_file}: {error}") from error
    except Exception as error:  # whatever labgrid, its drivers or the SDK meet on the way to it
        first = error.__cause__ or error  # a strategy says no more than that it is broken
        said = _plain(str(first))
        advice = first.advice if isinstance(first, BwcError) else _advice(said)
        why = f"labgrid does not lead to the device at its target {target}: {said}"
        run.dead = run.unreached = f"{why}; try: {advice}" if advice else why
        return device
    run.remarks.append(f"by labgrid: target {target}{reached.places_in_words}, {reached.uri}")
    run.device = _with(device, reached, target)
    return run.device


def _environment(config: pytest.Config, uri: str) -> Any:
    """labgrid's environment, as its own plugin has read it."""
    try:
        from labgrid.pytestplugin.hooks import LABGRID_ENV_KEY
    except ImportError as error:
        raise pytest.UsageError(f"--bwc-device {uri} needs labgrid: {INSTALL}") from error
    environment = config.stash.get(LABGRID_ENV_KEY, None)
    if environment is None:
        raise pytest.UsageError(
            f"--bwc-device {uri} names a target of labgrid: name its file, too, by --lg-env FILE"
        )
    return environment


def _take_places(config: pytest.Config, reached: Reached) -> None:
    """labgrid keeps other users from a place, and this other runs of the same one. Raises `DeviceTaken`."""
    from hil_tests.benches.device_lock import DeviceLock

    held = config.stash[LOCKS]
    for place in reached.places:
        key = f"{LABGRID}{reached.coordinator}/{place}"
        if key not in held:
            held[key] = DeviceLock.take(key)


def _with(device: UnderTest, reached: Reached, target: str) -> UnderTest:
    """A bench file goes before what the environment file says, and alone says by whose keys the bench speaks."""
    from hil_tests.actuators.simulator import all_simulated
    from hil_tests.benches.bench_file import BenchDevice

    if device.entry is not None:
        entry = replace(
            device.entry, uri=reached.uri, actuators={**reached.actuators, **device.entry.actuators}
        )
        return replace(device, uri=reached.uri, entry=entry, expected=device.expected or reached.expected)
    return replace(
        device,
        uri=reached.uri,
        expected=reached.expected,
        identity=reached.identity,
        insecure=reached.insecure,
        entry=BenchDevice(
            name=target,
            uri=reached.uri,
            serial_number=reached.expected or "",
            actuators={**all_simulated(reached.uri, device.control), **reached.actuators},
        ),
    )


def _plain(said: str) -> str:
    """Of what labgrid says: of a place its name, and not all that is known of it."""
    return re.sub(r"Place\(name='([^']*)'.*\)(?= has)", r"\1", said.removeprefix("Error: "))


def _advice(said: str) -> str:
    if ORPHANED in said or "available" in said:
        return "is its exporter running, and the device plugged in? 'labgrid-client -p PLACE show' says what is there"
    if "acquired" in said:
        return (
            "'labgrid-client who' says who has it; 'labgrid-client -p PLACE acquire' takes one that is free"
        )
    if "connect to coordinator" in said:
        return "is the coordinator running there (LG_COORDINATOR, --lg-coordinator)?"
    return ""

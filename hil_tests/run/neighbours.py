"""Fixtures with another device beside the one under test: a second camera, or the docking station that it stands in.

Imports nothing of the SDK before one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.running import READ_ONLY, DeviceRun, hold_device
from hil_tests.run.under_test import UnderTest
from hil_tests.verdicts import not_tested

if TYPE_CHECKING:
    from bwc_sdk.sync import SyncCamera, SyncDockingStation
    from hil_tests.benches.bench_file import BenchDevice
    from hil_tests.device.bench import Bench

SEED_MAX: Final = 0xFFFF_FFFF
SMALL: Final = {"recordings": "1", "mib": "1"}
"""Of the second simulator: enough to tell it from the first, and quick to make."""


@pytest.fixture(scope="session")
def bwc_other_camera(
    request: pytest.FixtureRequest, bwc_under_test: UnderTest, bwc_bench: Bench
) -> Iterator[Bench]:
    """Another camera: the next of the bench file that answers; beside a simulator in memory one of another seed."""
    said: list[str] = []
    for device in _others(request.config, bwc_under_test, bwc_bench):
        bench = _reached(request.config, device, said)
        if bench is not None and not bench.is_station:
            yield bench
            bench.close()
            return
    not_tested(
        "it takes two cameras, and there is no other: a bench file names several"
        + "".join(f"; {one}" for one in said)
    )


@pytest.fixture
def two_cameras(
    request: pytest.FixtureRequest, camera: SyncCamera, bwc_other_camera: Bench
) -> Iterator[tuple[SyncCamera, SyncCamera]]:
    """The camera under test and another one, both connected as the test may be; both are left as they were found."""
    reads_only = _begun(request, bwc_other_camera)
    yield camera, bwc_other_camera.connect(bwc_other_camera.role(reads_only=reads_only))
    bwc_other_camera.hang_up()
    bwc_other_camera.leave_as_found(reads_only=reads_only)


@pytest.fixture(scope="session")
def bwc_station_bench(
    request: pytest.FixtureRequest, bwc_under_test: UnderTest, bwc_bench: Bench
) -> Iterator[Bench]:
    """The docking station under test, or that in whose bay the camera under test stands."""
    from bwc_sdk.transport.uri import DeviceUri

    if bwc_bench.is_station:
        yield bwc_bench
        return
    uri = DeviceUri.parse(bwc_under_test.uri)
    if not uri.bay:
        not_tested(f"it takes a docking station, and {bwc_bench.identity} stands in no bay of one")
    said: list[str] = []
    bench = _reached(request.config, _station_of(request.config, bwc_under_test, uri.without_bay()), said)
    if bench is None:
        not_tested(f"it takes the docking station in which {bwc_bench.identity} stands; {said[0]}")
    yield bench
    bench.close()


@pytest.fixture
def station(
    request: pytest.FixtureRequest, bwc_guarded: Bench, bwc_station_bench: Bench
) -> Iterator[SyncDockingStation]:
    """The docking station in which the camera under test stands, or that is under test itself; left as it was found.

    It is one host's at a time: a camera in a bay of it is connected to before or after.
    """
    reads_only = _begun(request, bwc_station_bench)
    yield bwc_station_bench.connect_station(bwc_station_bench.role(reads_only=reads_only))
    if bwc_station_bench is not bwc_guarded:
        bwc_station_bench.hang_up()
        bwc_station_bench.leave_as_found(reads_only=reads_only)


def _begun(request: pytest.FixtureRequest, bench: Bench) -> bool:
    """Begins a test on a device beside the one under test; whether it only reads. Skips what that must be spared."""
    reads_only = request.node.get_closest_marker(READ_ONLY) is not None
    if not bench.may_change and not reads_only:
        not_tested(bench.why_not_changed)
    bench.begin(request.node.name)
    return reads_only


def _reached(config: pytest.Config, device: UnderTest, said: list[str]) -> Bench | None:
    """A bench for another device, once that has said who it is; None, and why in `said`, for one that does not."""
    from bwc_sdk.errors import BwcError

    try:
        hold_device(config, device)
        bench = DeviceRun(device, config.getoption("--bwc-capture")).new_bench()
        bench.probe()
    except BwcError as error:
        said.append(f"{device.name or device.uri}: {error}")
        return None
    return bench


def _others(config: pytest.Config, own: UnderTest, bench: Bench) -> Iterator[UnderTest]:
    path: Path | None = config.getoption("--bwc-bench")
    if path is not None:
        from hil_tests.benches.bench_file import read_bench

        for entry in read_bench(path).devices.values():
            if entry.serial_number != bench.identity and not entry.bays:
                yield _of(entry)
        return
    from bwc_sdk.transport.uri import DeviceUri

    uri = DeviceUri.parse(own.uri)
    if uri.scheme == "sim" and not uri.bay:
        seed = (int(uri.options.get("seed", "0")) + 1) & SEED_MAX
        yield _with_uri(own, DeviceUri("sim", uri.address, {**uri.options, **SMALL, "seed": str(seed)}))


def _station_of(config: pytest.Config, own: UnderTest, uri: object) -> UnderTest:
    """The station at that URI: as the bench file describes it, if it does."""
    path: Path | None = config.getoption("--bwc-bench")
    if path is not None:
        from hil_tests.benches.bench_file import read_bench

        for entry in read_bench(path).devices.values():
            if entry.uri == str(uri):
                return _of(entry)
    return _with_uri(own, uri)


def _of(entry: BenchDevice) -> UnderTest:
    return UnderTest(
        name=entry.name,
        uri=entry.uri,
        expendable=entry.serial_number if entry.expendable else None,
        identity=entry.identity,
        insecure=entry.insecure,
        control=entry.control,
        expected=entry.serial_number,
        entry=entry,
    )


def _with_uri(own: UnderTest, uri: object) -> UnderTest:
    """A device beside the one under test, of which nothing else is said."""
    return UnderTest(
        uri=str(uri), expendable=None, identity=own.identity, insecure=own.insecure, control=own.control
    )

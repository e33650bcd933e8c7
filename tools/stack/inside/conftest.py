"""What several files need: Bluetooth is slow by nature, so that its suite runs beside all the rest."""

from collections.abc import Iterator
from typing import Final

import pytest

from tools.stack.inside.bluetooth import daemon
from tools.stack.inside.camera import UsbCamera, plugged_in
from tools.stack.inside.suite import AirSuite

AIR: Final = "air"


@pytest.fixture(scope="session", autouse=True)
def bluetoothd() -> Iterator[None]:
    """The machine's Bluetooth."""
    with daemon():
        yield


@pytest.fixture(scope="session", autouse=True)
def started(
    request: pytest.FixtureRequest, bluetoothd: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirSuite | None]:
    """The suite in the air, before everything else, if it is wanted at all."""
    wanted = any(item.get_closest_marker(AIR) for item in request.session.items)
    run = AirSuite(tmp_path_factory.mktemp(AIR)) if wanted else None
    yield run
    if run is not None:
        run.stop()


@pytest.fixture
def air_suite(started: AirSuite | None) -> Iterator[AirSuite]:
    """The suite in the air, which leaves the air in the end: for a test that is marked with it."""
    assert started is not None
    yield started
    started.stop()


@pytest.fixture
def camera() -> Iterator[UsbCamera]:
    """A camera for a USB port, not plugged in yet, that the test may pull for good."""
    with plugged_in() as made:
        yield made


@pytest.fixture(scope="module")
def plugged() -> Iterator[UsbCamera]:
    """A camera in a USB port, for tests that leave it there."""
    with plugged_in() as made:
        made.plug()
        yield made


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{AIR}: needs the suite in the air, which is started before all tests"
    )

"""Battery readings are those of a lithium cell (spec: Battery)."""

import pytest

from bwc_sdk import ChargeState, ErrorCode
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused

pytestmark = pytest.mark.bwc_read_only


def test_readings_are_physically_possible(camera: SyncCamera) -> None:
    status = camera.battery.status()
    assert 0 <= status.charge_pct <= 100
    assert 2_500 <= status.voltage_mv <= 4_500, "one lithium cell"
    assert -400 <= status.temperature_dc <= 800
    assert abs(status.current_ma) <= 10_000
    assert 1 <= status.health_pct <= 100
    assert isinstance(status.state, ChargeState)


def test_direction_of_current_agrees_with_the_charger(camera: SyncCamera) -> None:
    status = camera.battery.status()
    if status.state is ChargeState.CHARGING:
        assert status.current_ma > 0
        assert status.time_left_s is None, "not known while charging"
    elif status.state is ChargeState.DISCHARGING:
        assert status.current_ma <= 0


def test_two_readings_in_a_row_do_not_jump(camera: SyncCamera) -> None:
    first, second = camera.battery.status(), camera.battery.status()
    assert abs(first.charge_pct - second.charge_pct) <= 1
    assert abs(first.voltage_mv - second.voltage_mv) <= 200
    assert second.cycles - first.cycles in (0, 1)


def test_a_cell_that_does_not_exist_is_refused(camera: SyncCamera) -> None:
    cells = camera.device.capabilities().battery_cells
    with refused(ErrorCode.NOT_FOUND):
        camera.battery.status(cell=cells)

"""The battery behaves as cells do: what a bench would find implausible on hardware does not happen here."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.messages.battery import ChargeState
from firmware_sim.physics.battery import YEAR_S, Battery, CellState


def cell(charge: float = 0.9, **state: float) -> Battery:
    return Battery(state=CellState(charge=charge, **state))


def test_a_shift_of_thirteen_hours_empties_a_new_cell() -> None:
    battery, hours = cell(charge=1.0), 0.0
    while not battery.empty and hours < 30:
        battery.advance(600, load_ma=331)
        hours += 1 / 6
    assert hours == pytest.approx(12.2, abs=0.4)  # 4,300 mAh at 331 mA, less the reserve
    assert battery.charge_pct <= 1


@given(st.floats(50, 1500), st.floats(-10, 45), st.integers(0, 2**32))
def test_charge_and_open_voltage_only_fall_while_discharging(
    load_ma: float, ambient_c: float, seed: int
) -> None:
    battery = Battery.drawn(random.Random(seed))
    charge, voltage, temperature = 1.0, 5000, battery.temperature_dc
    for _ in range(40):
        battery.advance(300, load_ma, ambient_c)
        assert battery.state.charge <= charge
        if battery.temperature_dc <= temperature and not battery.empty:  # warmth takes resistance away
            assert battery.voltage_mv <= voltage
        charge, voltage, temperature = battery.state.charge, battery.voltage_mv, battery.temperature_dc


@given(st.floats(0.0, 1.0), st.floats(0, 2000), st.floats(-20, 60), st.booleans())
def test_every_reading_stays_within_what_the_protocol_carries(
    charge: float, load_ma: float, ambient_c: float, charging: bool
) -> None:
    battery = cell(charge)
    battery.advance(120, load_ma, ambient_c, charging=charging)
    assert 0 <= battery.charge_pct <= 100 and 0 <= battery.health_pct <= 100
    assert 0 < battery.voltage_mv <= 4300
    assert -400 <= battery.temperature_dc <= 1000
    assert battery.current_ma >= 0 if charging else battery.current_ma <= 0


def test_voltage_sags_under_load_and_sags_more_in_the_cold() -> None:
    voltages = {}
    for name, load_ma, ambient_c in (("rest", 0.0, 25.0), ("load", 800.0, 25.0), ("cold", 800.0, -20.0)):
        battery = cell(0.5, temperature_c=ambient_c)
        battery.advance(1, load_ma, ambient_c)
        voltages[name] = battery.voltage_mv
    assert voltages["rest"] - voltages["load"] == pytest.approx(0.8 * 0.12 * 1000, abs=5)
    assert voltages["cold"] < voltages["load"] - 50


def test_the_cold_withholds_charge_and_warmth_gives_it_back() -> None:
    battery = cell(0.5)
    battery.advance(60, 100)
    warm = battery.charge_pct
    battery.advance(7200, 0, -20)
    assert battery.charge_pct < warm - 10
    battery.advance(7200, 0, 22)
    assert battery.charge_pct == pytest.approx(warm, abs=1)


def test_charging_is_constant_current_then_tapers_at_the_voltage_limit() -> None:
    battery, currents, voltages = cell(0.1), [], []
    for _ in range(600):
        battery.advance(60, 0, charging=True)
        if battery.charge_state is ChargeState.FULL:
            break
        currents.append(battery.current_ma)
        voltages.append(battery.voltage_mv)
    assert battery.charge_state is ChargeState.FULL and battery.charge_pct >= 97
    assert currents[0] == 1500 and max(voltages) <= 4206  # regulated once in 30 s
    taper = currents[currents.index(next(c for c in currents if c < 1500)) :]
    assert len(taper) > 20 and taper == sorted(taper, reverse=True)
    assert voltages[-1] == pytest.approx(4200, abs=5)
    assert 150 < len(currents) < 360  # three to six hours, as docks take


def test_a_full_cell_stays_full_on_the_dock() -> None:
    battery = cell(1.0)
    for _ in range(20):
        battery.advance(60, 200, charging=True)
        assert battery.charge_state is ChargeState.FULL and battery.current_ma == 0
    assert battery.time_left_s is None


@pytest.mark.parametrize("ambient_c", [-5.0, 50.0])
def test_a_cell_that_is_too_cold_or_too_hot_is_not_charged(ambient_c: float) -> None:
    battery = cell(0.5, temperature_c=ambient_c)
    battery.advance(60, 0, ambient_c, charging=True)
    assert battery.charge_state is ChargeState.STOPPED_BY_TEMPERATURE
    assert battery.current_ma == 0 and battery.state.charge == 0.5


def test_a_cold_cell_is_charged_at_half_current() -> None:
    battery = cell(0.5, temperature_c=5.0)
    battery.advance(1, 0, 5.0, charging=True)
    assert battery.current_ma == 750


def test_load_warms_the_cell() -> None:
    battery = cell()
    battery.advance(3600, 500, 22)
    assert 250 < battery.temperature_dc < 450


def test_use_and_age_take_capacity_and_add_resistance() -> None:
    new, used = cell(), cell(throughput_mah=4300.0 * 400, age_s=365.25 * 86400)
    assert new.health_pct == 100 and used.health_pct == 76
    assert used.cycles == 400
    assert used.resistance > 2 * new.resistance
    new.advance(1, 300)
    used.advance(1, 300)
    assert new.time_left_s and used.time_left_s
    assert used.time_left_s < 0.8 * new.time_left_s


def test_one_full_discharge_counts_one_cycle() -> None:
    battery = cell(1.0, throughput_mah=0.0)
    battery.advance(4300 / 500 * 3600, 500)
    assert battery.cycles in (0, 1) and battery.state.throughput_mah == pytest.approx(4300, rel=0.02)


def test_time_left_is_what_it_then_takes() -> None:
    battery = cell(0.6)
    battery.advance(1, 350)
    promised = battery.time_left_s
    assert promised
    seconds = 0
    while battery.charge_pct > 0:
        battery.advance(60, 350)
        seconds += 60
    assert seconds == pytest.approx(promised, rel=0.03)


def test_a_camera_that_lies_in_a_drawer_loses_its_clock_only_after_the_reserve() -> None:
    battery = cell(0.05)
    battery.advance(60, 0.5)
    assert battery.empty and not battery.deeply_discharged
    battery.advance(30 * 86400, 0.5)
    assert battery.deeply_discharged


def test_state_is_kept_between_runs() -> None:
    battery = Battery.drawn(random.Random(1))
    battery.advance(3600, 400)
    again = Battery()
    again.restore(battery.snapshot())
    assert again.state == battery.state


def test_the_same_seed_draws_the_same_cell() -> None:
    assert Battery.drawn(random.Random(5)).state == Battery.drawn(random.Random(5)).state


class CountingBattery(Battery):
    """Counts what passing time costs."""

    steps = 0

    def _step(self, dt_s: float, load_ma: float, ambient_c: float, charging: bool) -> None:
        self.steps += 1
        super()._step(dt_s, load_ma, ambient_c, charging)


@pytest.mark.parametrize(
    ("load_ma", "ambient_c", "charging"),
    [(190.0, 22.0, False), (0.05, 22.0, False), (0.0, 22.0, False), (190.0, 22.0, True), (190.0, 80.0, True)],
    ids=["on", "off", "no load", "docked", "docked in an oven"],
)
def test_twenty_years_cost_no_more_than_a_day(load_ma: float, ambient_c: float, charging: bool) -> None:
    """By itself, and not by a clock: a cell that is empty or full has nothing before it but its age."""
    long, short = (CountingBattery(state=CellState(charge=0.5)) for _ in range(2))
    long.advance(20 * YEAR_S, load_ma, ambient_c, charging=charging)
    assert long.steps < 2_880
    assert long.state.age_s == pytest.approx(20 * YEAR_S)
    for _ in range(200):  # at rest, whatever the steps are
        short.advance(YEAR_S / 10, load_ma, ambient_c, charging=charging)
    assert long.state.charge == pytest.approx(short.state.charge, abs=0.01)
    assert long.state.temperature_c == pytest.approx(short.state.temperature_c, abs=3)

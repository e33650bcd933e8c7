"""A CA writes no time down that nobody confirms, and none that the register contradicts."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bwc_sdk.errors import ClockImplausible
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.identity.ca.clock_check import confirmed_now
from tests.identity.conftest import NOW_S, YEAR_S

GOOD = HostTime(True, 2_000_000, "kernel")
TODAY = datetime.fromtimestamp(NOW_S, UTC).date()


def test_a_clock_that_the_system_confirms_is_written_down() -> None:
    assert confirmed_now(GOOD, NOW_S, None, None) == NOW_S
    assert confirmed_now(GOOD, NOW_S, NOW_S - 90 * 86_400, None) == NOW_S


@pytest.mark.parametrize("known", [HostTime(None, 0), HostTime(False, 0, "kernel")])
def test_one_that_nobody_confirms_is_not(known: HostTime) -> None:
    with pytest.raises(ClockImplausible, match="nobody confirms") as caught:
        confirmed_now(known, NOW_S, None, None)
    assert "--today" in caught.value.advice
    assert str(TODAY) not in caught.value.advice  # or a person would type off what this computer says


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_person_states_the_date(days: int) -> None:
    stated = TODAY + timedelta(days=days)  # a day more or less: of another time zone
    assert confirmed_now(HostTime(None, 0), NOW_S, None, stated) == NOW_S


@pytest.mark.parametrize("known", [GOOD, HostTime(None, 0)])
@pytest.mark.parametrize("stated", [TODAY + timedelta(days=2), TODAY - timedelta(days=2), date(2036, 11, 30)])
def test_a_date_that_is_another_is_refused_whatever_the_system_says(known: HostTime, stated: date) -> None:
    with pytest.raises(ClockImplausible, match="clock says"):
        confirmed_now(known, NOW_S, None, stated)


def test_a_clock_ten_years_ahead_is_refused_though_the_system_confirms_it() -> None:
    """A time server may be wrong, too: the register's last entry was made ten years ago then."""
    with pytest.raises(ClockImplausible, match="long after the last entry"):
        confirmed_now(GOOD, NOW_S + 10 * YEAR_S, NOW_S, None)
    with pytest.raises(ClockImplausible, match="clock says"):
        confirmed_now(GOOD, NOW_S + 10 * YEAR_S, NOW_S, TODAY)


def test_a_clock_behind_the_register_is_somebodys_to_confirm() -> None:
    assert confirmed_now(GOOD, NOW_S - 60, NOW_S, None) == NOW_S - 60
    with pytest.raises(ClockImplausible, match="before the last entry"):
        confirmed_now(GOOD, NOW_S, NOW_S + 10 * YEAR_S, None)
    assert confirmed_now(GOOD, NOW_S, NOW_S + 10 * YEAR_S, TODAY) == NOW_S

"""A night's run ends in time: no test begins after the hour that it was given."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hil_tests.run.until import next_at

pytest_plugins = ["pytester"]


@pytest.fixture
def sheriffs_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chicago's, in which clocks are changed at two in the night."""
    monkeypatch.setenv("TZ", "CST6CDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(month: int, day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("begun", "until", "ends"),
    [
        (at(6, 2, 3), "06:00", at(6, 2, 11)),  # at 22:00: the next morning
        (at(6, 2, 10), "06:00", at(6, 2, 11)),  # at 05:00: this morning
        (at(6, 2, 10), "6:00", at(6, 2, 11)),
        (at(6, 2, 11), "06:00", at(6, 3, 11)),  # at 06:00 itself: a whole day
        (at(11, 1, 4), "06:00", at(11, 1, 12)),  # 23:00 in summer, 06:00 in winter: eight hours
        (at(3, 8, 5), "06:00", at(3, 8, 11)),  # 23:00 in winter, 06:00 in summer: six
        (at(11, 1, 4), "23:59", at(11, 1, 4, 59)),
    ],
)
@pytest.mark.usefixtures("sheriffs_time")
def test_it_is_the_next_time_that_clocks_here_show(begun: float, until: str, ends: float) -> None:
    assert next_at(until, begun) == ends


@pytest.mark.parametrize("until", ["", "6", "24:00", "06:60", "06:00:00", "-1:00", "x" * 1000])
def test_what_is_no_time_of_the_day_ends_the_session_before_it_collects(
    pytester: pytest.Pytester, until: str
) -> None:
    result = pytester.runpytest_inprocess(f"--bwc-until={until}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--bwc-until * is no time of the day: write it as 06:00"])


def test_no_test_begins_after_it_and_one_that_has_begun_ends(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from hil_tests.run import until

        def test_begins_in_time_and_ends_late(monkeypatch, request):
            ends = request.config.stash[until.UNTIL]
            until.now = lambda: ends

        def test_would_begin_late(camera):
            raise SystemExit("it began")
        """
    )
    pytester.makeconftest(
        """
        import pytest
        from hil_tests.run import until

        @pytest.fixture(autouse=True, scope="session")
        def _time_as_it_was():
            before = until.now
            yield
            until.now = before
        """
    )
    result = pytester.runpytest_inprocess("--bwc-until", "06:00", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*not tested: it is past 06:00, until when --bwc-until lets tests begin"])
    result.stdout.no_fnmatch_line("*device under test*")

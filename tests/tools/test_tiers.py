"""A test runs in its tier and in every bigger one; what scales scales by the one option."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import tiers
from tests.tiers import Tier

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parents[1]
CONFTEST = (TESTS / "conftest.py").read_text(encoding="utf-8")
SAMPLE = """
import pytest
from tests.tiers import seeds, times

def test_always(): ...
@pytest.mark.ci
def test_sample(): ...
@pytest.mark.night
def test_slow(request): ...
@pytest.mark.parametrize("seed", seeds(1))
def test_seeds(seed): ...
"""


def test_a_test_runs_in_its_tier_and_in_every_bigger_one() -> None:
    runs = {
        marker: [tier.value for tier in Tier if tiers.belongs({marker}, tier)]
        for marker in ("rule", "ci", "night")
    }
    assert runs == {"rule": ["test", "ci", "night"], "ci": ["ci", "night"], "night": ["night"]}


@pytest.mark.parametrize(("tier", "passed", "apart"), [("test", 2, 2), ("ci", 5, 1), ("night", 103, 0)])
def test_the_option_chooses(pytester: pytest.Pytester, tier: str, passed: int, apart: int) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SAMPLE)
    pytester.makeini("[pytest]\nmarkers =\n    ci: x\n    night: x\ntimeout = 60\n")
    result = pytester.runpytest_subprocess("--tier", tier, "--strict-markers", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=passed, deselected=apart)


def test_no_example_fails_by_the_time_that_it_takes() -> None:
    assert settings().deadline is None and HealthCheck.too_slow in settings().suppress_health_check
    for path in TESTS.rglob("test_*.py"):
        for given in re.findall(r"suppress_health_check=\[(.*?)\]", path.read_text(encoding="utf-8")):
            assert "too_slow" in given or path == Path(__file__), f"{path.name}: it takes the place of ours"


def test_no_number_of_examples_or_seeds_is_left_out() -> None:
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"max_examples=\d", text), f"{path.name}: times(…)"
        assert not re.search(r'parametrize\("seed", range\(', text), f"{path.name}: seeds(…)"

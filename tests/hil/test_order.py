"""The order of the tests on a device: any, told, and the same again; what has its place keeps it."""

import itertools
import random
import re
from collections.abc import Iterator

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims
from tests.tiers import seeds

pytest_plugins = ["pytester"]

TESTS = """
import pytest

read_only = pytest.mark.bwc_read_only

@read_only
@pytest.mark.parametrize("n", range(6))
def test_by_the_sdk(camera, n): ...

@pytest.mark.bwc_destroys
@pytest.mark.parametrize("n", range(3))
def test_destroys(camera, n): ...

def test_of_somebody_else_first(): ...

@read_only
@pytest.mark.parametrize("n", range(6))
def test_by_the_wire(wire, n): ...

def test_of_somebody_else_second(): ...

@pytest.fixture
def bwc_factory_new(bwc_under_test): ...

@pytest.mark.parametrize("n", range(2))
def test_enrols(bwc_factory_new, n): ...
"""


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


@pytest.fixture(autouse=True)
def _tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS")
    pytester.makepyfile(TESTS)


NAMED = ("--bwc-device", "tcp:127.0.0.1:1")


def order(pytester: pytest.Pytester, *options: str) -> list[str]:
    """The tests in their order, none of which runs."""
    result = pytester.runpytest_inprocess("--collect-only", "-q", *NAMED, *options)
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def seed_told(pytester: pytest.Pytester, *options: str) -> str:
    """The seed that the run tells before its first test; "" if it tells none."""
    lines = pytester.runpytest_inprocess("--collect-only", *options).outlines
    return next((line.split()[-1] for line in lines if "--bwc-seed" in line), "")


def test_a_seed_gives_the_same_order_again_and_another_one_another(pytester: pytest.Pytester) -> None:
    first, second, written = (order(pytester, "--bwc-seed", seed) for seed in "780")
    assert first == order(pytester, "--bwc-seed", "7")
    assert first != second != written != first
    assert sorted(first) == sorted(second) == sorted(written)


def test_without_a_seed_one_is_drawn_and_told_for_a_device_that_is_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = random.Random(3)
    monkeypatch.setattr("secrets.randbelow", drawn.randrange)
    told = {seed_told(pytester, *NAMED) for _ in range(3)}
    assert len(told) == 3 and all(re.fullmatch(r"[1-9]\d*", one) for one in told)
    assert seed_told(pytester, *NAMED, "--bwc-seed", "7") == "7"
    assert seed_told(pytester) == "", "the simulator that nobody named has the order of the files"


@pytest.mark.parametrize("seed", seeds(2))
def test_what_has_its_place_keeps_it(pytester: pytest.Pytester, seed: int) -> None:
    found = order(pytester, "--bwc-seed", str(seed + 1))
    ours = [re.sub(r"\[.*", "", one) for one in found if "somebody" not in one]
    assert ours == (
        ["test_enrols"] * 2 + ["test_by_the_wire"] * 6 + ["test_by_the_sdk"] * 6 + ["test_destroys"] * 3
    )
    assert [found.index(f"test_of_somebody_else_{one}") for one in ("first", "second")] == [9, 16]


def test_a_part_of_the_tests_has_the_order_that_it_has_among_all(pytester: pytest.Pytester) -> None:
    every = order(pytester, "--bwc-seed", "7")
    some = order(pytester, "--bwc-seed", "7", "-k", "sdk and not 3")
    assert some == [one for one in every if "sdk" in one and "3" not in one]


def test_handshakes_that_fail_are_spread_in_any_order(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bwc_fails_a_handshake
        @pytest.mark.parametrize("n", range(3))
        def test_fails(camera, n): ...

        @pytest.mark.parametrize("n", range(9))
        def test_other(camera, n): ...
        """
    )
    for seed in "0123":
        found = order(pytester, "--bwc-seed", seed)
        places = [at for at, one in enumerate(found) if "fails" in one]
        assert all(second - first >= 3 for first, second in itertools.pairwise(places)), found


@pytest.mark.parametrize("seed", ["-1", "x", ""])
def test_what_is_no_seed_ends_the_session_before_it_collects(pytester: pytest.Pytester, seed: str) -> None:
    assert pytester.runpytest_inprocess(f"--bwc-seed={seed}").ret == pytest.ExitCode.USAGE_ERROR

"""A camera loses power at every operation of its flash, and all that it ever told is true when it is up again."""

from __future__ import annotations

import random

import pytest

from firmware_sim.flash.flash import PowerLost, StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from tests.sim.camera_life import (
    NOON_NS,
    OFF_S,
    STEPS,
    Day,
    Moment,
    S,
    after_a_loss,
    made,
    moments,
)
from tests.sim.conftest import Desk
from tests.sim.forgetful_flash import ForgetfulFlash
from tests.tiers import Tier, chosen, seeds


@pytest.fixture(scope="module")
def day() -> list[Moment]:
    return moments(Desk)


@pytest.mark.timeout(300)  # seconds of work, which a busy machine may take much longer for
@pytest.mark.parametrize("seed", seeds(1))
def test_whenever_the_power_goes_what_was_told_is_true_afterwards(day: list[Moment], seed: int) -> None:
    assert {moment.step for moment in day} >= {"boot", "stop", "hold", "go down", "over"} and len(day) > 250
    for number, moment in enumerate(day):
        try:
            after_a_loss(moment, seed * len(day) + number)
        except (AssertionError, StateError) as error:
            raise AssertionError(f"{moment}, number {number}, seed {seed}") from error


def second_moments(moment: Moment, seed: int) -> list[Moment]:
    """Every operation of the start that follows a loss of power at this moment."""
    flash = moment.flash.copy()
    flash.lose_power(random.Random(seed))
    found: list[Moment] = []

    def before(number: int, operation: str, name: str) -> None:
        found.append(Moment(f"{moment}, then start", f"{operation} {name}", flash.copy()))

    flash.before = before
    made(flash, NOON_NS + OFF_S * S)
    for second in found:
        second.before, second.after = moment.before, moment.after
    return found


@pytest.mark.ci
@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", range(8))
def test_whenever_it_goes_again_while_the_camera_comes_up_nothing_more_is_lost(
    day: list[Moment], block: int
) -> None:
    """A sample in `ci`, of each start one operation; all of them at night."""
    for number, moment in list(enumerate(day))[block::8]:
        again = second_moments(moment, number)
        if chosen() is not Tier.NIGHT:
            again = random.Random(number).sample(again, 1)
        for at, second in enumerate(again):
            try:
                after_a_loss(second, number + at)
            except (AssertionError, StateError) as error:
                raise AssertionError(f"number {number}, {second}") from error


def test_a_camera_without_power_does_nothing_more() -> None:
    """The firmware stops where it is: what would follow, or tidy up, is not done."""
    flash = MemoryFlash()
    camera = made(flash)
    cut_at = flash.operations + 3

    def before(number: int, operation: str, name: str) -> None:
        if number == cut_at:
            raise PowerLost

    flash.before = before
    desk = Desk(camera)
    with pytest.raises(PowerLost):
        STEPS["assign"](Day(camera, desk))
    contents = flash.contents()
    for act in (camera.save, camera.close):
        with pytest.raises(PowerLost):
            act()
    assert flash.contents() == contents
    flash.before = None
    flash.lose_power(random.Random(1))
    assert made(flash).running


# Each sync is there for something

PLACES = [
    "StateDirectory._check_form > write_beside > write_new: sync",
    "Commits.commit > write_atomic > write_beside > write_new: sync",
    "Commits.commit > write_atomic: sync_directory",
    "Commits._write_record > write_atomic > write_beside > write_new: sync",
    "Commits._write_record > write_atomic: sync_directory",
    "Commits._carry_out > write_atomic > write_beside > write_new: sync",
    "Commits._carry_out > write_atomic: sync_directory",
    "Commits._append: sync audit.log",
    "Commits._append: sync open.footage",
    "Commits._append: sync open.chunks",
    "RecordingFiles._write: sync",
    "RecordingFiles._write: sync_directory",
    "RecordingFiles.store: sync_directory",
]
ELSEWHERE = {"Commits._forget_record: sync_directory", "StateDirectory.remove: sync_directory"}
"""Those that no such day shows: test_commit, and test_storage for footage that is stored as bytes."""


def test_these_are_all_the_syncs_of_such_a_day() -> None:
    flash = ForgetfulFlash()
    moments(Desk, flash)
    assert set(flash.places) == {*PLACES, *ELSEWHERE}


@pytest.mark.parametrize("place", PLACES)
def test_without_this_sync_something_is_lost(place: str) -> None:
    flash = ForgetfulFlash(place)
    day = moments(Desk, flash)
    assert flash.forgot_at
    for seed in range(6):
        for number in sorted({min(at + more, len(day) - 1) for at in flash.forgot_at for more in range(12)}):
            try:
                after_a_loss(day[number], seed * 1000 + number)
            except (AssertionError, StateError):
                return
    pytest.fail("nothing shows it")

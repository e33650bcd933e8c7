"""Changes of what is kept, one by one, under power that goes at every operation and flash that fails at any."""

from __future__ import annotations

import contextlib
import errno
import random
from collections.abc import Callable, Iterator

import pytest

from bwc_protocol.messages.audit import AuditKind
from firmware_sim.device.audit_log import NAME, AuditLog
from firmware_sim.flash.flash import PowerLost
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.state.commit import Append, Commits, Replace, StateDoubtful
from firmware_sim.state.directory import StateDirectory
from tests.sim.forgetful_flash import ForgetfulFlash

SEEDS = range(30)


def fails(*operations: str) -> Callable[[int, str, str], None]:
    """Lets all operations of these names fail."""

    def before(number: int, operation: str, name: str) -> None:
        if operation in operations:
            raise OSError(errno.EIO, "it fails")

    return before


def cuts_of(flash: MemoryFlash, act: Callable[[MemoryFlash], object]) -> Iterator[MemoryFlash]:
    """What a loss of power leaves at each operation of `act`, and after it, by several seeds."""
    images: list[MemoryFlash] = []
    copy = flash.copy()
    copy.before = lambda number, operation, name: images.append(copy.copy())
    with contextlib.suppress(OSError):
        act(copy)
    for number, image in enumerate([*images, copy]):
        for seed in SEEDS:
            left = image.copy()
            left.lose_power(random.Random(number * 1000 + seed))
            yield left


def with_record(kind: type[MemoryFlash] = MemoryFlash, *skipped: str) -> tuple[MemoryFlash, Commits]:
    """A flash on which two changes were committed in one step."""
    flash = kind(*skipped)
    flash.make_directory("below")
    flash.sync_directory()
    commits = Commits(flash)
    commits.commit(Replace("below/one", b"1"), Replace("two", b"1"))
    return flash, commits


def test_what_was_committed_in_one_step_does_not_come_back_over_what_was_changed_since() -> None:
    """Its record is gone for good before the next change, also where that syncs no name in the record's directory."""

    def ends(flash: MemoryFlash, commits: Commits) -> set[bytes]:
        commits.commit(Replace("below/one", b"2"))
        found = set()
        for seed in SEEDS:
            left = flash.copy()
            left.lose_power(random.Random(seed))
            Commits(left).recover()
            found.add(left.contents()["below/one"])
        return found

    assert ends(*with_record()) == {b"2"}
    assert ends(*with_record(ForgetfulFlash, "Commits._forget_record: sync_directory")) == {b"1", b"2"}


def test_two_changes_are_there_together_or_neither_is() -> None:
    flash, _ = with_record()
    found = set()
    for left in cuts_of(
        flash, lambda one: Commits(one).commit(Replace("below/one", b"2"), Replace("two", b"2"))
    ):
        Commits(left).recover()
        contents = left.contents()
        assert contents["below/one"] == contents["two"]
        found.add(contents["two"])
    assert found == {b"1", b"2"}


def test_what_was_forgotten_stays_so() -> None:
    def comes_back(flash: MemoryFlash) -> bool:
        state = StateDirectory(flash)
        state.save("part", {"a": 1})
        state.remove("part")
        images = [flash.copy() for _ in SEEDS]
        for seed, left in zip(SEEDS, images, strict=True):
            left.lose_power(random.Random(seed))
        return any(StateDirectory(left).load("part") is not None for left in images)

    assert not comes_back(MemoryFlash())
    assert comes_back(ForgetfulFlash("StateDirectory.remove: sync_directory"))


# What was refused was not done, though the power goes right behind the refusal


def log(flash: MemoryFlash) -> AuditLog:
    return AuditLog(lambda: 1_760_000_000_000_000_000, Commits(flash))


class FailsOnce(ForgetfulFlash):
    """The next sync of the log fails; the ones behind it do not."""

    armed = False

    def sync(self, name: str) -> None:
        if self.armed and name == NAME:
            self.armed = False
            raise OSError(errno.EIO, "it fails")
        super().sync(name)


def test_an_entry_that_was_refused_does_not_turn_up_later() -> None:
    def turns_up(flash: FailsOnce) -> bool:
        audit = log(flash)
        audit.append(AuditKind.BOOT)
        flash.armed = True
        with pytest.raises(OSError, match="it fails"):
            audit.append(AuditKind.CLOCK_SET)
        found = set()
        for seed in SEEDS:
            left = flash.copy()
            left.lose_power(random.Random(seed))
            found.add(log(left).head()[0])
        return found != {1}

    assert not turns_up(FailsOnce())
    assert turns_up(FailsOnce("Commits._cut_off: sync audit.log"))


def test_a_record_that_was_refused_does_not_turn_up_later() -> None:
    class NameFailsOnce(ForgetfulFlash):
        armed = False

        def sync_directory(self, name: str = "") -> None:
            if self.armed:
                self.armed = False
                raise OSError(errno.EIO, "it fails")
            super().sync_directory(name)

    def turns_up(flash: NameFailsOnce, commits: Commits) -> bool:
        flash.armed = True
        with pytest.raises(OSError, match="it fails"):
            commits.commit(Replace("below/one", b"2"), Replace("two", b"2"))
        found = set()
        for seed in SEEDS:
            left = flash.copy()
            left.lose_power(random.Random(seed))
            Commits(left).recover()
            found |= {left.contents()["below/one"], left.contents()["two"]}
        return found != {b"1"}

    assert not turns_up(*with_record(NameFailsOnce))
    assert turns_up(*with_record(NameFailsOnce, "Commits._forget_record: sync_directory"))


def test_what_cannot_be_undone_for_good_is_in_doubt() -> None:
    flash = MemoryFlash()
    audit = log(flash)
    audit.append(AuditKind.BOOT)
    flash.before = fails("sync")
    with pytest.raises(StateDoubtful):
        audit.append(AuditKind.CLOCK_SET)
    flash, commits = with_record()
    flash.before = fails("sync_directory")
    with pytest.raises(StateDoubtful):
        commits.commit(Replace("below/one", b"2"), Replace("two", b"2"))


def test_an_entry_that_is_torn_over_one_in_doubt_forges_no_log() -> None:
    """The line of a failed attempt is gone for good before another is written in its place."""

    def left_in_doubt(flash: MemoryFlash) -> AuditLog:
        audit = log(flash)
        audit.append(AuditKind.BOOT)
        flash.before = fails("sync", "truncate")
        with pytest.raises(StateDoubtful):
            audit.append(AuditKind.CLOCK_SET, "1" * 80)
        flash.before = None
        return audit

    def damaged(flash: ForgetfulFlash) -> bool:
        for number in range(8):
            for seed in range(300):
                tried = type(flash)(flash.skipped)
                audit = left_in_doubt(tried)
                at = tried.operations + number

                def before(now: int, operation: str, name: str, at: int = at) -> None:
                    if now == at:
                        raise PowerLost

                tried.before = before
                with contextlib.suppress(PowerLost):
                    audit.append(AuditKind.CLOCK_SET, "2" * 80)
                tried.before = None
                tried.lose_power(random.Random(seed))
                try:
                    log(tried)
                except Exception:
                    return True
        return False

    assert not damaged(ForgetfulFlash())
    assert damaged(ForgetfulFlash("Commits._cut_off: sync audit.log"))


@pytest.mark.parametrize("data", [b"a\n", b"a\nb\n"], ids=["a line", "two"])
def test_an_append_is_whole_or_not_there_once_it_was_acknowledged(data: bytes) -> None:
    flash = MemoryFlash()
    commits = Commits(flash)
    commits.commit(Replace("log", b"base\n"))
    commits.commit(Append("log", 5, data))
    assert flash.unsynced == []
    for seed in SEEDS:
        left = flash.copy()
        left.lose_power(random.Random(seed))
        Commits(left).recover()
        assert left.contents()["log"] == b"base\n" + data

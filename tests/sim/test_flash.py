"""The simulated flash: what is not synced may be lost, what is synced stays, and in a directory it is the same one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.directory_flash import LOCK, DirectoryFlash
from firmware_sim.flash.flash import Flash, PowerLost, StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.scenarios import make_camera
from tests.sim.camera_life import NOON_NS, STEPS, Day, check, told_by
from tests.sim.conftest import Desk
from tests.tiers import times

SEEDS = range(60)


def lost(flash: MemoryFlash) -> list[dict[str, bytes]]:
    """What a loss of power leaves, by many seeds."""
    found = []
    for seed in SEEDS:
        left = flash.copy()
        left.lose_power(random.Random(seed))
        found.append(left.contents())
    return found


# What a loss of power does


def test_a_write_that_is_not_synced_is_kept_dropped_cut_short_or_garbage() -> None:
    flash = MemoryFlash()
    flash.create("file", b"old.")
    flash.sync("file")
    flash.sync_directory()
    assert lost(flash) == [{"file": b"old."}] * len(SEEDS), "what is synced stays"
    flash.write("file", 4, b"new")
    left = {contents["file"] for contents in lost(flash)}
    assert all(data.startswith(b"old.") and len(data) <= 7 for data in left)
    assert {b"old.", b"old.n", b"old.ne", b"old.new"} <= left and len(left) > 6
    flash.sync("file")
    assert lost(flash) == [{"file": b"old.new"}] * len(SEEDS)


def test_each_write_and_each_name_goes_by_itself() -> None:
    flash = MemoryFlash()
    flash.create("file", b"")
    flash.sync_directory()
    flash.write("file", 0, b"1")
    flash.write("file", 1, b"2")
    left = {contents["file"] for contents in lost(flash)}
    assert {b"", b"1", b"12", b"\0" + b"2"} <= left, "the second without the first leaves a hole"
    flash.create("one", b"")
    flash.create("two", b"")
    names = {tuple(contents) for contents in lost(flash)}
    assert names == {("file",), ("file", "one"), ("file", "two"), ("file", "one", "two")}


def test_a_synced_file_without_its_name_is_gone_and_a_synced_name_is_no_content() -> None:
    flash = MemoryFlash()
    flash.create("a", b"1")
    flash.sync("a")
    assert {} in lost(flash)
    flash.create("b", b"1")
    flash.sync_directory()
    assert {contents["b"] for contents in lost(flash)} > {b"", b"1"}
    assert all(contents["a"] == b"1" for contents in lost(flash))


def test_a_new_name_takes_the_place_of_the_old_one_at_once() -> None:
    flash = MemoryFlash()
    for name in ("new", "old"):
        flash.create(name, name.encode())
        flash.sync(name)
    flash.sync_directory()
    flash.rename("new", "old")
    left = lost(flash)
    assert {"old": b"new"} in left and {"new": b"new", "old": b"old"} in left
    assert all(contents in left[:2] or contents["old"] in (b"old", b"new") for contents in left)


def test_what_was_shortened_may_come_back() -> None:
    flash = MemoryFlash()
    flash.create("file", b"12345")
    flash.sync("file")
    flash.sync_directory()
    flash.truncate("file", 2)
    assert {contents["file"] for contents in lost(flash)} == {b"12", b"12345"}
    flash.truncate("file", 1)
    flash.write("file", 1, b"x")
    assert {b"1x", b"1x345"} <= {contents["file"] for contents in lost(flash)}


def test_everything_is_durable_after_a_sync_of_all() -> None:
    flash = MemoryFlash()
    flash.make_directory("d")
    flash.create("d/file", b"1")
    assert flash.unsynced == ["", "d", "d/file"]
    flash.sync_all()
    assert flash.unsynced == [] and lost(flash) == [{"d/file": b"1"}] * len(SEEDS)


def test_what_is_off_does_nothing_until_it_is_on_again() -> None:
    def before(number: int, operation: str, name: str) -> None:
        if number == 1:
            raise PowerLost

    flash = MemoryFlash(before)
    flash.create("a", b"1")
    for _ in range(2):
        with pytest.raises(PowerLost):
            flash.create("b", b"1")
    flash.lose_power(random.Random(0))
    flash.create("b", b"1")


# In a directory it is the same


NAMES = st.sampled_from(["a", "b", "d", "d/a", "d/b", ".tmp-a"])
OPERATIONS = st.one_of(
    st.tuples(st.just("make_directory"), NAMES),
    st.tuples(st.just("create"), NAMES, st.binary(max_size=4)),
    st.tuples(st.just("write"), NAMES, st.integers(0, 3), st.binary(max_size=4)),
    st.tuples(st.just("truncate"), NAMES, st.integers(0, 3)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("remove_tree"), NAMES),
    st.tuples(st.just("sync"), NAMES),
    st.tuples(st.just("sync_directory"), NAMES),
)


def answer(flash: Flash, operation: tuple[Any, ...]) -> str:
    name, *arguments = operation
    size = flash.size(arguments[0]) if not flash.is_directory(arguments[0]) else None
    if name in ("write", "truncate") and arguments[1] > (size or 0):
        return "beyond the end"
    if name == "rename" and arguments[0].rpartition("/")[0] != arguments[1].rpartition("/")[0]:
        return "into another directory"
    if name == "rename" and arguments[0] == arguments[1]:
        return "the same name"
    try:
        getattr(flash, name)(*arguments)
    except StateError:
        return "StateError"
    except OSError:
        return "OSError"
    return "done"


def contents_of(path: Path) -> dict[str, bytes]:
    files = (file for file in path.rglob("*") if file.is_file() and file.name != LOCK)
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@settings(max_examples=times(60), deadline=None)
@given(operations=st.lists(OPERATIONS, max_size=25))
def test_both_do_the_same(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.mktemp("flash")
    memory, directory = MemoryFlash(), DirectoryFlash(path)
    try:
        for operation in operations:
            ours, theirs = answer(memory, operation), answer(directory, operation)
            assert (ours == "done") == (theirs == "done"), (operation, ours, theirs)
            assert memory.names() == [name for name in directory.names() if name != LOCK]
        assert memory.contents() == contents_of(path)
    finally:
        directory.close()


def lived(state: Flash) -> SimCamera:
    camera = SimCamera(
        CameraOptions(seed=5, footage=SyntheticFootage(10_000), chunk_size=4_096, state=state), utc_ns=NOON_NS
    )
    day = Day(camera, Desk(camera))
    for step, act in STEPS.items():
        if step == "go down":
            break
        act(day)
    return camera


def test_a_camera_leaves_the_same_bytes_on_both_and_moves_from_one_to_the_other(tmp_path: Path) -> None:
    memory = MemoryFlash()
    directory = DirectoryFlash(tmp_path / "camera")
    told = told_by(lived(memory))
    assert told_by(lived(directory)) == told
    assert contents_of(tmp_path / "camera") == memory.contents()
    directory.close()
    moved = tmp_path / "moved"
    for name, data in memory.contents().items():
        (moved / name).parent.mkdir(parents=True, exist_ok=True)
        (moved / name).write_bytes(data)
    camera = make_camera(state=moved, utc_ns=NOON_NS)  # one that films another way
    now = told_by(camera)
    assert now.log[: len(told.log)] == told.log and camera.serial == "SIM-00000005"
    check(camera, told, now)
    camera.close()


def test_synthetic_footage_takes_no_room_while_it_is_recorded() -> None:
    flash = MemoryFlash()
    camera = make_camera(seed=1, mib=64, utc_ns=NOON_NS, state=flash)
    assert camera.wearer.start()
    camera.time.skip(100)
    camera.settle()
    assert sum(map(len, flash.contents().values())) < 64 * 1024
    camera.close()

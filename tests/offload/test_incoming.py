"""What interrupted offloads left is shown and removed; what an offload is at work on is not."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.errors import DestinationError
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import OffloadPolicy, StillOnCamera, remove_unfinished, unfinished
from firmware_sim.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("small_slabs")


@pytest.fixture
def interrupted(lab, tmp_path: Path) -> Path:
    """A destination with the halves of two recordings, and one that is whole."""
    device = lab.device([lab.recording(number, (30 * lab.chunk,)) for number in (1, 2, 3)], piece=lab.chunk)
    for number, cut in ((1, 20), (2, 30)):
        device.cut_at = [cut * lab.chunk]
        once = OffloadPolicy(attempts=0, reserve_bytes=0)
        lab.run(device, OsFileSystem(), tmp_path, policy=once, recordings=[number])
    device.cut_at = []
    lab.run(device, OsFileSystem(), tmp_path, recordings=[3])
    return tmp_path


def left(store: Path) -> list[str]:
    return sorted(path.name for path in (store / ".incoming").iterdir())


def test_what_is_left_is_shown_with_the_room_that_it_takes(interrupted: Path) -> None:
    two = unfinished(interrupted)
    assert len(two) == 2 and not any(one.in_use for one in two)
    assert all(one.size_bytes >= 9 * 4096 for one in two)
    assert left(interrupted) == sorted(
        ["lock-probe", *(one.name + suffix for one in two for suffix in (".part", ".table", ".manifest"))]
    )


def test_all_of_it_is_removed_and_nothing_else(lab, interrupted: Path) -> None:
    (interrupted / ".incoming" / "somebody's.part").write_bytes(b"")
    before = {path.name for path in interrupted.iterdir()}
    assert len(remove_unfinished(interrupted)) == 2
    assert left(interrupted) == ["lock-probe", "somebody's.part"]
    assert {path.name for path in interrupted.iterdir()} == before
    assert unfinished(interrupted) == () and remove_unfinished(interrupted) == ()
    device = lab.device([lab.recording(number, (30 * lab.chunk,)) for number in (1, 2, 3)])
    result, _ = lab.run(device, OsFileSystem(), interrupted)
    assert result.complete and result.bytes_kept == 0


def test_only_what_is_named_is_removed(interrupted: Path) -> None:
    first, second = unfinished(interrupted)
    remove_unfinished(interrupted, [second.name])
    assert unfinished(interrupted) == (first,)
    with pytest.raises(DestinationError, match="called") as caught:
        remove_unfinished(interrupted, [second.name, first.name])
    assert "incoming list" in caught.value.advice
    assert unfinished(interrupted) == (first,)


def test_what_a_process_has_locked_stays_with_all_that_lies_beside_it(interrupted: Path) -> None:
    first, second = unfinished(interrupted)
    held = os.open(interrupted / ".incoming" / f"{first.name}.part", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    there = remove_unfinished(interrupted)
    assert [(one.name, one.in_use) for one in there] == [(first.name, True), (second.name, False)]
    assert [one.in_use for one in unfinished(interrupted)] == [True]
    assert left(interrupted) == sorted(
        ["lock-probe", *(first.name + suffix for suffix in (".part", ".table", ".manifest"))]
    )
    os.close(held)


def test_cleaning_disturbs_no_running_offload(lab, tmp_path: Path) -> None:
    device = lab.device(
        [lab.recording(1, (50 * lab.chunk,)), lab.recording(2, (lab.chunk,))], piece=lab.chunk
    )

    async def main():
        async with lab.job(device, OsFileSystem(), tmp_path) as job:
            cleaned = 0
            async for _ in job:
                cleaned += any(one.in_use for one in remove_unfinished(tmp_path))
        return job.result, cleaned

    result, cleaned = run_virtual(main())
    assert result.complete and cleaned
    assert not any(isinstance(outcome, StillOnCamera) for outcome in result.outcomes)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("operation", ["link", "remove", "sync", "drop_cache", "reopen", "sync_directory"])
def test_cleaning_before_any_step_takes_nothing_that_is_in_use(
    lab, tmp_path: Path, operation: str, stored: bool
) -> None:
    """Also what lies beside a file that has its final name already: a custody record, say, on its way."""
    device = lab.device([lab.recording(number, (3 * lab.chunk,)) for number in (1, 2)])
    if stored:
        assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
        for gone in ("*.custody.json", "*.manifest", "*.table"):
            for path in tmp_path.glob(gone):
                path.unlink()
    cleaning = False

    class Cleaned(OsFileSystem):
        def __getattribute__(self, name: str) -> Any:
            nonlocal cleaning
            if name == operation and not cleaning:
                cleaning = True
                remove_unfinished(tmp_path, files=OsFileSystem())
                cleaning = False
            return super().__getattribute__(name)

    result, _ = lab.run(device, Cleaned(), tmp_path)
    assert result.complete, [getattr(outcome, "reason", "") for outcome in result.outcomes]
    assert left(tmp_path) == ["lock-probe"]


def test_sidecars_beside_a_final_file_in_use_stay(interrupted: Path) -> None:
    (final,) = interrupted.glob("*.mp4*")
    beside = interrupted / ".incoming" / f"{final.stem}.custody.json"
    beside.write_bytes(b"{}")
    held = os.open(final, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    in_use = [(one.name, one.in_use) for one in unfinished(interrupted)]
    assert (final.stem, True) in in_use
    remove_unfinished(interrupted)
    assert left(interrupted) == sorted(["lock-probe", beside.name])
    os.close(held)
    remove_unfinished(interrupted)
    assert left(interrupted) == ["lock-probe"] and final.exists()


def test_sidecars_without_a_part_file_are_removed_too(interrupted: Path) -> None:
    """A part file is given up before what lies beside it."""
    (first, second) = unfinished(interrupted)
    (interrupted / ".incoming" / f"{first.name}.part").unlink()
    assert [one.name for one in unfinished(interrupted)] == [first.name, second.name]
    assert f"{first.name}.part" not in left(interrupted)  # to look makes nothing
    remove_unfinished(interrupted, [first.name])
    assert [one.name for one in unfinished(interrupted)] == [second.name]


def test_another_process_that_begins_in_between_keeps_its_files(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = unfinished(interrupted)
    part = interrupted / ".incoming" / f"{first.name}.part"
    part.unlink()
    real = OsFileSystem.create

    def create(self: OsFileSystem, directory: int, name: str) -> int:
        part.write_bytes(b"theirs")
        return real(self, directory, name)

    monkeypatch.setattr(OsFileSystem, "create", create)
    (found,) = remove_unfinished(interrupted, [first.name])
    assert found.in_use and part.read_bytes() == b"theirs"
    assert (interrupted / ".incoming" / f"{first.name}.table").exists()


def test_a_part_file_that_is_replaced_before_its_lock_stays(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = unfinished(interrupted)
    part = interrupted / ".incoming" / f"{first.name}.part"
    real = OsFileSystem.lock

    def lock(self: OsFileSystem, file: int) -> bool:
        part.unlink()
        part.write_bytes(b"theirs")
        return real(self, file)

    monkeypatch.setattr(OsFileSystem, "lock", lock)
    (found,) = remove_unfinished(interrupted, [first.name])
    assert found.in_use and part.read_bytes() == b"theirs"


def test_where_nothing_was_ever_offloaded_nothing_is_made(tmp_path: Path) -> None:
    assert unfinished(tmp_path) == () == remove_unfinished(str(tmp_path))
    assert not list(tmp_path.iterdir())
    with pytest.raises(DestinationError, match="does not exist"):
        unfinished(tmp_path / "missing")

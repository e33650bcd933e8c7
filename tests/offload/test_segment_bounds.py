"""How often a file, or its reading back, is tried, and what comes before the first byte: each bound to the byte."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.errors import DestinationError
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import OffloadPolicy, StillOnCamera, StoredVerified
from bwc_sdk.offload.segment import READ_BACK_ROUNDS, _runs

pytestmark = pytest.mark.usefixtures("small_slabs")
CHUNKS = 10


def device_of(lab, **facts: Any):
    return lab.device([lab.recording(1, (CHUNKS * lab.chunk,))], **facts)


def parts(disk) -> list[str]:
    return [name for name in disk.live[".incoming"] if name.endswith(".part")]


@pytest.mark.rule("REC-012")
def test_what_the_first_byte_goes_into_has_its_name_on_the_medium(lab) -> None:
    """And table and manifest beside it: after a power cut what came is found, and is worth something."""
    disk = lab.disk()
    seen = []

    def look() -> None:
        seen.append({Path(name).suffix for name in disk.durable[".incoming"]})

    assert lab.run(device_of(lab, before_open=look), lab.files(disk))[0].complete
    assert seen and all({".part", ".table", ".manifest"} <= suffixes for suffixes in seen)


@pytest.mark.rule("REC-014")
@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_as_many_files_are_tried_as_the_policy_says(lab, attempts: int) -> None:
    class Dead(lab.files):
        """Of footage nothing comes to the medium; all the rest does."""

        def sync(self, file: int) -> None:
            if self._handles[file].reserved:
                raise OSError(errno.EIO, "injected")
            super().sync(file)

    disk, device = lab.disk(), device_of(lab)
    policy = OffloadPolicy(file_attempts=attempts, reserve_bytes=0)
    (outcome,) = lab.run(device, Dead(disk), policy=policy)[0].outcomes
    assert isinstance(outcome, StillOnCamera) and isinstance(outcome.error, DestinationError)
    assert device.sent == attempts * CHUNKS * lab.chunk
    assert not disk.final() and not parts(disk)


def altering(lab, times: int, then_fails: bool = False) -> type[Any]:
    """Files of which the medium keeps a wrong byte of the first chunk at the first `times` syncs of footage; then,
    once, it fails a sync, and keeps a wrong byte at the next."""

    class Altering(lab.files):
        syncs = 0

        def sync(self, file: int) -> None:
            if self._handles[file].reserved:
                self.syncs += 1
                if then_fails and self.syncs == times + 1:
                    raise OSError(errno.EIO, "injected")
                if self.syncs <= times or (then_fails and self.syncs == times + 2):
                    self.flip_on_medium = 5
            super().sync(file)

    return Altering


@pytest.mark.rule("REC-013")
@pytest.mark.parametrize("times", [READ_BACK_ROUNDS - 1, READ_BACK_ROUNDS])
def test_a_medium_may_alter_what_was_written_once_and_not_twice(lab, times: int) -> None:
    disk, device = lab.disk(), device_of(lab)
    result, _ = lab.run(device, altering(lab, times)(disk))
    assert result.complete == (times < READ_BACK_ROUNDS)
    again = min(times, READ_BACK_ROUNDS - 1)
    assert device.sent == (CHUNKS + again) * lab.chunk, "what could not be trusted any more was not asked for"


def test_another_file_has_its_own_rounds(lab) -> None:
    disk, device = lab.disk(), device_of(lab)
    result, _ = lab.run(device, altering(lab, READ_BACK_ROUNDS - 1, then_fails=True)(disk))
    assert result.complete
    assert device.sent == 2 * (CHUNKS + 1) * lab.chunk


class Unopened(OsFileSystem):
    """No part file can be made: its sector of the directory is bad."""

    asked = 0

    def create(self, directory: int, name: str) -> int:
        if name.endswith(".part"):
            self.asked += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().create(directory, name)


def test_a_file_that_was_never_open_cannot_be_given_up_for_another(lab, tmp_path: Path) -> None:
    device, files = device_of(lab), Unopened()
    (outcome,) = lab.run(device, files, tmp_path)[0].outcomes
    assert isinstance(outcome, StillOnCamera) and isinstance(outcome.error, DestinationError)
    assert isinstance(outcome.error.__cause__, OSError) and outcome.error.__cause__.errno == errno.EIO
    assert "reports an error: storing" in outcome.reason
    assert files.asked == 1 and device.sent == 0


@pytest.mark.rule("REC-014")
def test_a_final_file_whose_sync_failed_is_not_asked_again_and_called_verified(lab) -> None:
    """The system takes lost pages for written: the second sync would say yes."""
    disk, device = lab.disk(), device_of(lab)
    assert lab.run(device, lab.files(disk))[0].complete
    (footage,) = (inode for name, inode in disk.live[""].items() if name.endswith(".mp4"))

    class Once(lab.files):
        failed = 0

        def sync(self, file: int) -> None:
            if self._handles[file] is footage and not self.failed:
                self.failed += 1
                raise OSError(errno.EIO, "injected")
            super().sync(file)

    files = Once(disk)
    (outcome,) = lab.run(device, files)[0].outcomes
    assert files.failed and isinstance(outcome, StillOnCamera)
    assert disk.live[""] and footage in disk.live[""].values(), "and it was not touched"


def test_what_is_stored_already_gets_no_room_reserved(lab) -> None:
    """Also where it waited for its turn behind others."""
    sizes = tuple(CHUNKS * lab.chunk for _ in range(4))
    disk, device = lab.disk(), lab.device([lab.recording(number, sizes) for number in (1, 2, 3)])
    assert lab.run(device, lab.files(disk))[0].complete
    operations = []
    files = lab.files(disk, lambda step, operation: operations.append(operation))
    again, _ = lab.run(device, files)
    assert again.complete and all(outcome.already_there for outcome in again.outcomes)
    assert "check_size" not in operations and "preallocate" not in operations


@pytest.mark.rule("REC-012")
def test_a_part_files_name_that_a_killed_process_left_to_the_stored_file_goes(lab) -> None:
    """Killed between the final name and the end of the other one: both lead to the one file, which we hold locked."""
    disk, device = lab.disk(), device_of(lab)
    assert lab.run(device, lab.files(disk))[0].complete
    ((name, footage),) = ((name, inode) for name, inode in disk.live[""].items() if name.endswith(".mp4"))
    disk.live[".incoming"][name.removesuffix(".mp4") + ".part"] = footage
    sent = device.sent
    (outcome,) = lab.run(device, lab.files(disk))[0].outcomes
    assert outcome.already_there and device.sent == sent
    assert not parts(disk) and disk.live[""][name] is footage


def test_a_chunk_that_came_damaged_once_is_asked_for_by_itself_ever_after(lab) -> None:
    """Also where all is fetched anew: a camera that cannot read it must not keep what stands around it."""
    disk, device = lab.disk(), device_of(lab)
    device.bad[1, 0, 5] = 1
    assert lab.run(device, altering(lab, 0, then_fails=True)(disk))[0].complete
    asked = [(offset // lab.chunk, length // lab.chunk) for _, _, offset, length in device.asked]
    assert asked == [(0, 10), (5, 1), (0, 5), (5, 1), (6, 4), (0, 1)]


# What is given up, and what is beside it


@pytest.mark.rule("REC-014")
def test_a_file_that_failed_and_cannot_be_removed_is_not_followed_by_another(lab) -> None:
    """Its name would lead to bytes of which nobody knows whether they are on the medium."""

    class Stuck(lab.files):
        def sync(self, file: int) -> None:
            if self._handles[file].reserved:
                raise OSError(errno.EIO, "injected")
            super().sync(file)

        def remove(self, directory: int, name: str) -> None:
            if name.endswith(".part"):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            super().remove(directory, name)

    disk, device = lab.disk(), device_of(lab)
    files = Stuck(disk)
    (outcome,) = lab.run(device, files)[0].outcomes
    assert isinstance(outcome, StillOnCamera) and isinstance(outcome.error, DestinationError)
    assert "removing" in outcome.reason
    assert device.sent == CHUNKS * lab.chunk, "it was fetched once"
    assert not files.open_handles


@pytest.mark.parametrize("removable", [True, False])
def test_a_table_that_cannot_be_replaced_is_not_held_open(lab, removable: bool) -> None:
    """What an earlier attempt left is torn; the medium takes no other, and perhaps does not let the part file go."""
    disk, device = lab.disk(), device_of(lab, cut_at=[3 * lab.chunk])
    lab.run(device, lab.files(disk), policy=OffloadPolicy(attempts=0, reserve_bytes=0))
    assert parts(disk)
    for name, inode in disk.live[".incoming"].items():
        if name.endswith(".table"):
            inode.live[0] ^= 1
            inode.durable[0] ^= 1

    class NoTable(lab.files):
        def create(self, directory: int, name: str) -> int:
            if name.endswith(".table"):
                raise OSError(errno.EIO, "injected")
            return super().create(directory, name)

        def remove(self, directory: int, name: str) -> None:
            if name.endswith(".part") and not removable:
                raise OSError(errno.EIO, "injected")
            super().remove(directory, name)

    files = NoTable(disk)
    (outcome,) = lab.run(device, files, policy=OffloadPolicy(file_attempts=1, reserve_bytes=0))[0].outcomes
    assert isinstance(outcome, StillOnCamera) and isinstance(outcome.error, DestinationError)
    assert not files.open_handles


@pytest.mark.parametrize("theirs", ["directory", "link"])
def test_what_stands_under_a_part_files_name_and_is_no_file_is_left(lab, tmp_path: Path, theirs: str) -> None:
    device = device_of(lab)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    part = tmp_path / ".incoming" / result.outcomes[0].segments[0].path.with_suffix(".part").name
    if theirs == "directory":
        part.mkdir()
    else:
        part.symlink_to(tmp_path / "elsewhere")
    (outcome,) = lab.run(device, OsFileSystem(), tmp_path)[0].outcomes
    assert isinstance(outcome, StoredVerified) and outcome.already_there
    assert part.is_dir() if theirs == "directory" else part.is_symlink()


def test_a_part_file_that_another_process_has_is_not_held_open(lab) -> None:
    disk, device = lab.disk(), device_of(lab)
    assert lab.run(device, lab.files(disk))[0].complete
    (final,) = (name for name in disk.live[""] if name.endswith(".mp4"))
    theirs = type(disk.live[""][final])(locked_by=99)
    disk.live[".incoming"][final.removesuffix(".mp4") + ".part"] = theirs
    files = lab.files(disk)
    assert lab.run(device, files)[0].complete
    assert parts(disk) and theirs.locked_by == 99 and not files.open_handles


@pytest.mark.parametrize(
    ("missing", "apart", "runs"),
    [
        (set(), (), []),
        ({8, 1}, (), [range(1, 2), range(8, 9)]),  # a set of which the order is another one
        ({16, 9, 8}, (), [range(8, 10), range(16, 17)]),
        ({1, 2, 3, 4}, {2}, [range(1, 2), range(2, 3), range(3, 5)]),
        ({1, 2, 3}, {1, 3}, [range(1, 2), range(2, 3), range(3, 4)]),
        ({1, 2, 3}, {0, 4}, [range(1, 4)]),
    ],
)
def test_what_is_missing_is_asked_for_in_order_in_runs_without_a_gap(missing, apart, runs) -> None:
    assert _runs(missing, apart=apart) == runs

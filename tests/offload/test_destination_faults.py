"""What a destination's file system does not have, does wrongly, or has run out of: found before the first byte where it
can be, told by its own cause, and never with advice that cannot help."""

import errno
import fcntl
import json
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.faults import destination_error
from bwc_sdk.destination.segment_file import RESERVE_BYTES, SegmentFile
from bwc_sdk.errors import DestinationBusy, DestinationError, DestinationFull
from bwc_sdk.host.filesystem import CannotRename, OsFileSystem
from bwc_sdk.offload import OffloadPolicy, Refused, StillOnCamera
from firmware_sim.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("small_slabs")
ONCE = OffloadPolicy(attempts=0, reserve_bytes=0)


def refused(lab, path: Path, files: OsFileSystem) -> DestinationError:
    """The error of an offload that is refused before the camera is even asked."""
    device = lab.device([lab.recording(1, (10_000,))])
    with pytest.raises(DestinationError) as caught:
        lab.run(device, files, path)
    assert device.connections == 0 and caught.value.advice
    assert not list(path.glob("*.mp4*"))
    return caught.value


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# Proved at the opening


class Lacking(OsFileSystem):
    """Neither links nor renames without replacing, as FUSE, exfat-fuse and vboxsf are."""

    def link(self, *_: Any) -> bool:
        return False

    def rename(self, *_: Any) -> None:
        raise CannotRename(errno.EINVAL, "Invalid argument")


def says(number: int) -> Callable[..., None]:
    def call(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("of_link", [errno.EPERM, errno.EIO, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK])
@pytest.mark.parametrize("of_rename", [errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_that_lacks_both_is_known_however_it_says_so(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_link: int, of_rename: int
) -> None:
    monkeypatch.setattr(os, "link", says(of_link))
    monkeypatch.setattr("bwc_sdk.host.system_calls.rename_noreplace", says(of_rename))
    assert "neither renames without replacing" in refused(lab, tmp_path, OsFileSystem()).rule


class Replacing(OsFileSystem):
    def link(self, *_: Any) -> bool:
        return False

    def rename(self, directory: int, name: str, to: int, to_name: str) -> None:
        os.rename(name, to_name, src_dir_fd=directory, dst_dir_fd=to)


class Copying(OsFileSystem):
    """A link or rename that makes another file of it."""

    def link(self, file: int, directory: int, name: str, to: int, to_name: str) -> bool:
        os.close(os.open(to_name, os.O_CREAT | os.O_EXCL, dir_fd=to))
        return True


class Nowhere(OsFileSystem):
    def link(self, *_: Any) -> bool:
        raise FileExistsError(errno.EEXIST, "File exists")


class Shared(OsFileSystem):
    """Exclusive creation that opens what is there."""

    def create(self, directory: int, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (Lacking, "neither renames without replacing nor makes links"),
        (Replacing, "replaces what stands under a name"),
        (Copying, "does not tell which file a name leads to"),
        (Nowhere, "says that a name exists where nothing is found"),
        (Shared, "makes a file anew that exists already"),
    ],
)
def test_a_file_system_that_cannot_publish_is_refused_before_the_first_byte(
    lab, tmp_path: Path, files: type[OsFileSystem], why: str
) -> None:
    error = refused(lab, tmp_path, files())
    assert why in error.rule
    assert "local disk" in error.advice and "again" not in error.advice
    assert {path.name for path in tmp_path.rglob("*")} <= {".incoming", "lock-probe"}


def test_what_a_killed_proof_left_is_cleared(lab, tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / ".incoming"):
        directory.mkdir(exist_ok=True)
        (directory / ".name-probe").write_bytes(b"")
    for files in (OsFileSystem(), WithoutLinks()):
        Destination.open(files, tmp_path).close()
        assert not (tmp_path / ".name-probe").exists()
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock-probe"]


class WithoutLinks(OsFileSystem):
    def link(self, *_: Any) -> bool:
        return False


def test_without_links_a_rename_publishes(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000, 300))])
    assert lab.run(device, WithoutLinks(), tmp_path)[0].complete
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock-probe"]


def test_many_openings_at_once_disturb_each_other_not(tmp_path: Path) -> None:
    """Who does not get the lock of the probe does not prove the same a second time."""
    held = [Destination.open(OsFileSystem(), tmp_path) for _ in range(3)]
    probe = os.open(tmp_path / ".incoming" / "lock-probe", os.O_RDWR)
    fcntl.flock(probe, fcntl.LOCK_EX)
    (tmp_path / ".name-probe").write_bytes(b"of who has the lock")
    Destination.open(OsFileSystem(), tmp_path).close()
    assert (tmp_path / ".name-probe").exists()
    os.close(probe)
    for one in held:
        one.close()


def test_the_way_to_a_destination_is_brought_to_the_medium(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.incoming` and the directories above may have been made a moment ago, here or by a process that was killed."""
    store = tmp_path / "made" / "just" / "now"
    store.mkdir(parents=True)
    (store / ".incoming").mkdir()
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        found = os.fstat(handle)
        synced.append((found.st_dev, found.st_ino))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    Destination.open(OsFileSystem(), store).close()
    for directory in (store, store.parent, store.parent.parent, tmp_path):
        found = directory.stat()
        assert (found.st_dev, found.st_ino) in synced, directory


# Errors by their cause


@pytest.mark.parametrize(
    ("number", "why", "advice"),
    [
        (errno.EMFILE, "no file descriptor left", "ulimit -n"),
        (errno.ENFILE, "host has no file descriptor", "fs.file-max"),
        (errno.ENOMEM, "no memory", "free memory"),
        (errno.EIO, "medium of the destination reports an error", "dmesg"),
        (errno.ESTALE, "does not know", "mount it again"),
        (errno.ENOTCONN, "does not answer", "mount"),
        (errno.ENOSPC, "full", ""),
        (errno.EDQUOT, "quota", "quota raised"),
        (errno.EROFS, "read-only", "writable"),
        (errno.ENAMETOOLONG, "names", "another file system"),
        (errno.ENOLCK, "has no locks", "local disk"),
    ],
)
@pytest.mark.parametrize("operation", ["lock", "create", "sync_directory", "open_inside", "link"])
def test_what_a_proof_fails_by_is_told_as_what_it_is(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int, why: str, advice: str
) -> None:
    if number == errno.ENOLCK and operation != "lock":
        return

    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    files = OsFileSystem()
    monkeypatch.setattr(files, operation, fail)
    device = lab.device([lab.recording(1, (10_000,))])
    before = descriptors()
    with pytest.raises(DestinationError) as caught:
        lab.run(device, files, tmp_path)
    assert why in caught.value.rule and advice in caught.value.advice
    assert ("no locks" in caught.value.rule) == (number == errno.ENOLCK)
    assert descriptors() == before
    monkeypatch.undo()
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete  # the next attempt works


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ESTALE, errno.ENOENT, errno.EXDEV])
def test_what_storing_fails_by_is_told_as_what_it_is(lab, tmp_path: Path, number: int) -> None:
    def fail(self: OsFileSystem, *_: Any) -> int:
        raise OSError(number, os.strerror(number))

    files = type("Failing", (OsFileSystem,), {"truncate": fail, "drop_cache": fail})()
    device = lab.device([lab.recording(1, (10_000,))])
    result, _ = lab.run(device, files, tmp_path)
    error = result.outcomes[0].error
    assert isinstance(error, DestinationError) and error.advice
    assert "does not exist" not in error.rule and "no locks" not in error.rule


def test_a_full_file_system_names_inodes_when_it_is_they_that_ran_out(lab, tmp_path: Path) -> None:
    class Crowded(OsFileSystem):
        left = 3

        def free_files(self, directory: int) -> int | None:
            return self.left

        def create(self, directory: int, name: str) -> int:
            if self.left < 4 and name == "room-probe":
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().create(directory, name)

    device = lab.device([lab.recording(1, (10_000,))])
    with pytest.raises(DestinationFull, match="no inodes left") as caught:
        lab.run(device, Crowded(), tmp_path)
    assert device.sent == 0 and "df -i" in caught.value.advice
    files = Crowded()
    files.left = 4
    assert lab.run(device, files, tmp_path)[0].complete
    files.left = 0
    assert lab.run(device, files, tmp_path)[0].complete  # nothing more is needed


def test_a_count_of_files_that_is_invented_keeps_nothing_from_being_stored(lab, tmp_path: Path) -> None:
    """rclone says that none of a thousand million are free."""

    class Inventive(OsFileSystem):
        def free_files(self, directory: int) -> int | None:
            return 0

    assert lab.run(lab.device([lab.recording(1, (10_000,))]), Inventive(), tmp_path)[0].complete
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock-probe"]


def test_a_link_for_which_there_is_no_room_is_a_renaming(lab, tmp_path: Path) -> None:
    """On tmpfs every name takes an inode."""

    class Tight(OsFileSystem):
        def link(self, file: int, directory: int, name: str, to: int, to_name: str) -> bool:
            if not to_name.startswith("."):
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().link(file, directory, name, to, to_name)

    class Tighter(Tight):
        def rename(self, *_: Any) -> None:
            raise CannotRename(errno.EINVAL, "Invalid argument")

    device = lab.device([lab.recording(1, (10_000,))])
    result, _ = lab.run(device, Tighter(), tmp_path)
    assert isinstance(result.outcomes[0].error, DestinationFull)
    assert lab.run(device, Tight(), tmp_path)[0].complete
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock-probe"]


def test_inodes_that_run_out_on_the_way_are_named(lab, tmp_path: Path) -> None:
    class Crowded(OsFileSystem):
        asked = 0

        def free_files(self, directory: int) -> int | None:
            self.asked += 1
            return 99 if self.asked < 3 else 0

        def create(self, directory: int, name: str) -> int:
            if name.endswith(".table"):
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().create(directory, name)

    result, _ = lab.run(lab.device([lab.recording(1, (10_000,))]), Crowded(), tmp_path)
    assert "no inodes left" in result.outcomes[0].reason


def statvfs(**values: int) -> Callable[[int], Any]:
    zeros = dict.fromkeys(("f_blocks", "f_frsize", "f_bavail", "f_files", "f_favail"), 0)
    return lambda handle: SimpleNamespace(**{**zeros, **values})


def test_a_file_system_that_counts_nothing_is_not_full(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fstatvfs", statvfs())
    assert lab.run(lab.device([lab.recording(1, (10_000,))]), OsFileSystem(), tmp_path)[0].complete
    monkeypatch.setattr(os, "fstatvfs", statvfs(f_blocks=9, f_frsize=4096))
    with pytest.raises(DestinationFull):
        lab.run(lab.device([lab.recording(2, (10_000,))]), OsFileSystem(), tmp_path)
    monkeypatch.setattr(os, "fstatvfs", statvfs(f_blocks=9, f_frsize=4096, f_bavail=9, f_files=9))
    handle = os.open(tmp_path, os.O_RDONLY)
    assert OsFileSystem().free_files(handle) == 0
    monkeypatch.setattr(os, "fstatvfs", statvfs(f_blocks=9, f_frsize=4096, f_bavail=9))
    assert OsFileSystem().free_files(handle) is None  # btrfs counts none
    os.close(handle)


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_limit_of_this_process_is_not_taken_for_one_of_the_file_system(
    lab, tmp_path: Path, file_size_limit: Callable[[int], None]
) -> None:
    device = lab.device([lab.recording(1, (100_000,)), lab.recording(2, (1_000,))])
    file_size_limit(50_000)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    file_size_limit(resource.RLIM_INFINITY)
    assert isinstance(result.outcomes[0], StillOnCamera)
    error = result.outcomes[0].error
    assert "this process may write no file beyond" in error.rule and "ulimit -f" in error.advice
    assert device.sent == 1_000  # told before a byte of it came


@pytest.mark.parametrize(
    ("limit", "why"),
    [(None, "not FAT"), (1 << 40, "not FAT"), (1 << 20, "ulimit -f"), (1 << 31, "ulimit -f")],
)
def test_a_file_that_grows_too_large_is_blamed_on_what_can_be_the_cause(
    monkeypatch: pytest.MonkeyPatch, limit: int | None, why: str
) -> None:
    monkeypatch.setattr("bwc_sdk.destination.faults.largest_file", lambda: limit)
    error = destination_error(OSError(errno.EFBIG, "File too large"), "storing x", Path("/d"))
    assert why in error.advice


def test_a_file_system_that_cannot_hold_the_segment_is_told_before_a_byte_comes(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.lseek

    def lseek(file: int, position: int, how: int) -> int:
        if position > 50_000:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(file, position, how)

    monkeypatch.setattr(os, "lseek", lseek)
    device = lab.device([lab.recording(1, (100_000,))])
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert "cannot hold a file of that size" in result.outcomes[0].reason
    assert "FAT" in result.outcomes[0].error.advice
    assert device.sent == 0


def test_a_lock_that_needs_a_descriptor_for_writing_gets_one(lab, tmp_path: Path) -> None:
    """As NFS does; and what may not be written is locked as it can be."""

    class Network(OsFileSystem):
        def lock(self, file: int) -> bool:
            if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return super().lock(file)

    class Unwritable(OsFileSystem):
        def reopen(self, directory: int, name: str, *, write: bool) -> int:
            if write and name.endswith(".mp4"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return super().reopen(directory, name, write=write)

    device = lab.device([lab.recording(1, (10_000,))])
    for files in (Network(), Network(), Unwritable()):
        assert lab.run(device, files, tmp_path)[0].complete
    both = type("Both", (Unwritable, Network), {})()
    result, _ = lab.run(device, both, tmp_path)
    assert "locks only files that this user may write" in result.outcomes[0].reason


def test_directories_that_cannot_be_synced_are_said_in_the_custody_record(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112 - a descriptor has no better path
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(handle)

    assert lab.run(lab.device([lab.recording(1, (100,))]), OsFileSystem(), tmp_path)[0].complete
    monkeypatch.setattr(os, "fsync", fsync)
    assert lab.run(lab.device([lab.recording(1, (200,))]), OsFileSystem(), tmp_path)[0].complete
    said = {
        record["size_bytes"]: record["names_synced"]
        for record in (json.loads(path.read_text()) for path in tmp_path.glob("*.custody.json"))
    }
    assert said == {100: True, 200: False}


# Errors of the medium


@pytest.mark.parametrize("attempts", [0, 3])
def test_an_error_of_a_write_that_comes_with_a_lost_cable_is_not_forgotten(lab, attempts: int) -> None:
    disk = lab.disk()
    device = lab.device([lab.recording(1, (10 * lab.chunk,))], piece=lab.chunk, cut_at=[3 * lab.chunk])

    def fail(step: int, operation: str) -> None:
        if operation == "write" and device.sent == 3 * lab.chunk and not failed:
            failed.append(step)
            raise OSError(errno.EIO, "injected")

    failed: list[int] = []
    policy = OffloadPolicy(attempts=attempts, reserve_bytes=0)
    result, _ = lab.run(device, lab.files(disk, fail), policy=policy)
    assert failed
    if attempts:
        assert result.complete
        assert [asked[2] for asked in device.asked] == [0, 0]  # all of it, into a new file
    else:
        assert not [
            name for name, inode in disk.live[".incoming"].items() if name.endswith(".part") and inode.live
        ], device.asked


@pytest.mark.rule("REC-014")
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ENXIO])
def test_after_any_error_of_a_sync_the_part_file_is_gone(lab, number: int) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))])

    def fail(step: int, operation: str) -> None:
        if operation == "sync" and device.sent >= 10 * lab.chunk:
            raise OSError(number, "injected")

    result, _ = lab.run(device, lab.files(disk, fail))
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert not [name for name in disk.live[".incoming"] if name.endswith(".part")]
    sent = device.sent
    assert lab.run(device, lab.files(disk))[0].complete
    assert device.sent == sent + 10 * lab.chunk


def test_a_file_with_a_fault_is_neither_settled_nor_published_whoever_asks(lab, tmp_path: Path) -> None:
    (facts,) = lab.recording(1, (100,)).manifest.segments
    destination = Destination.open(OsFileSystem(), tmp_path)
    file = SegmentFile(destination, "x", facts)
    file.acquire()
    file.fault = OSError(errno.EIO, "of a write")
    with pytest.raises(OSError, match="of a write"):
        file.settle()
    with pytest.raises(OSError, match="of a write"):
        file.publish([])
    file.release()
    destination.close()
    assert [path.name for path in tmp_path.rglob("*.*")] == [".incoming"]


@pytest.mark.parametrize(
    ("number", "kept"), [(errno.EIO, True), (errno.ENXIO, True), (errno.ENOSPC, False), (errno.EDQUOT, False)]
)
def test_an_error_of_a_write_is_kept_unless_it_is_want_of_room(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kept: bool
) -> None:
    recording = lab.recording(1, (100,))
    destination = Destination.open(OsFileSystem(), tmp_path)
    file = SegmentFile(destination, "x", recording.manifest.segments[0])
    file.acquire()
    monkeypatch.setattr(destination.files, "write", says(number))
    with pytest.raises(OSError):
        file.store(memoryview(recording.footage[0]), 0, recording.tables[0])
    assert (file.fault is not None) == kept
    file.release()
    destination.close()
    assert bool(list((tmp_path / ".incoming").glob("*.part"))) == (not kept)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_want_of_room_costs_nothing_of_what_came(lab, number: int) -> None:
    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk,))], piece=lab.chunk)

    def fail(step: int, operation: str) -> None:
        if operation == "write" and device.sent >= 6 * lab.chunk:
            raise OSError(number, "injected")

    result, _ = lab.run(device, lab.files(disk, fail))
    assert isinstance(result.outcomes[0], StillOnCamera)
    result, _ = lab.run(device, lab.files(disk))
    assert result.complete and result.bytes_kept >= 5 * lab.chunk


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT])
def test_an_error_on_closing_is_typed_and_comes_before_stored(lab, tmp_path: Path, number: int) -> None:
    """NFS and quotas report what they could not write when a file is closed."""

    class Closing(OsFileSystem):
        closed = 0
        failing = 0

        def close(self, handle: int) -> None:
            super().close(handle)
            self.closed += 1
            if self.closed == self.failing:
                raise OSError(number, os.strerror(number))

    counted = Closing()
    (tmp_path / "0").mkdir()
    assert lab.run(lab.device([lab.recording(1, (10_000,))]), counted, tmp_path / "0")[0].complete
    stored = 0
    for failing in range(1, counted.closed + 1):
        files, store = Closing(), tmp_path / str(failing)
        files.failing = failing
        store.mkdir()
        device = lab.device([lab.recording(1, (10_000,))])
        try:
            result, _ = lab.run(device, files, store)
        except DestinationError as error:
            assert device.connections == 0 and error.advice
        else:
            stored += result.complete
            assert result.complete or isinstance(result.outcomes[0].error, DestinationError)
        assert lab.run(device, OsFileSystem(), store)[0].complete
    assert stored < counted.closed / 2


# Room that is reserved


def test_room_is_reserved_in_stretches_and_given_back(lab, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0

    class Watched(lab.files):
        def preallocate(self, file: int, offset: int, size: int) -> None:
            nonlocal most
            most = max(most, offset + size - len(self._handles[file].live))
            super().preallocate(file, offset, size)

    monkeypatch.setattr("bwc_sdk.destination.segment_file.RESERVE_BYTES", 8 * lab.chunk)
    disk = lab.disk()
    device = lab.device([lab.recording(1, (50 * lab.chunk,))], piece=lab.chunk, cut_at=[12 * lab.chunk])
    lab.run(device, Watched(disk), policy=ONCE)
    assert 0 < most <= 9 * lab.chunk  # and what is just being written
    (part,) = (inode for name, inode in disk.live[".incoming"].items() if name.endswith(".part"))
    assert 0 < part.reserved <= len(part.live)


def test_the_stretch_is_small_beside_a_disk() -> None:
    assert RESERVE_BYTES == 64 << 20


def test_as_it_arrives_the_next_stretch_is_reserved(lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.destination.segment_file.RESERVE_BYTES", 4 * lab.chunk)
    asked: list[tuple[int, int]] = []

    class Watched(lab.files):
        def preallocate(self, file: int, offset: int, size: int) -> None:
            asked.append((offset // lab.chunk, size))
            super().preallocate(file, offset, size)

    disk, device = lab.disk(), lab.device([lab.recording(1, (10 * lab.chunk + 7,))])
    assert lab.run(device, Watched(disk))[0].complete
    assert asked == [(0, 4 * lab.chunk), (4, 4 * lab.chunk), (8, 2 * lab.chunk + 7)]


# The custody record


def custody_of(store: Path) -> Path:
    (path,) = store.glob("*.custody.json")
    return path


@pytest.mark.rule("REC-015")
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"\0" * len(whole),
        lambda whole: b"[" * 16_000,
        lambda whole: b"[]",
        lambda whole: whole.replace(b'"segment": 0', b'"segment": 1'),
        lambda whole: whole.replace(b'"segment": 0', b'"segment": false'),
        lambda whole: whole.replace(b'"size_bytes": 10000', b'"size_bytes": 10001'),
        lambda whole: whole.replace(b'"version": 1', b'"version": 0'),
        lambda whole: whole.replace(b'"version": 1', b'"version": true'),
        lambda whole: whole.replace(b"CAM-0001", b"CAM-0002"),
        lambda whole: whole + b" " * 20_000,
        lambda whole: whole.replace(b'"sequence": 1', b'"sequence": ' + b"9" * 5_000),
    ],
)
def test_a_custody_record_that_is_there_is_read_and_judged(
    lab, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (100,))])
    lab.run(device, OsFileSystem(), tmp_path, recordings=[1])
    path = custody_of(tmp_path)
    wrong = damage(path.read_bytes())
    assert wrong != path.read_bytes()
    path.write_bytes(wrong)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused) and path.name in result.outcomes[0].reason
    assert path.read_bytes() == wrong
    assert not isinstance(result.outcomes[1], Refused)


def test_a_custody_record_of_the_same_stands_whatever_else_it_says(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    lab.run(device, OsFileSystem(), tmp_path)
    path = custody_of(tmp_path)
    document = json.loads(path.read_text())
    document |= {"version": 2, "sdk": "9.9", "stored_utc_ns": 1, "later": ["more"], "bytes_kept": 7}
    path.write_text(json.dumps(document))
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
    assert json.loads(path.read_text()) == document


def test_another_process_at_the_same_recording_is_waited_for_not_called_a_fault(lab, tmp_path: Path) -> None:
    recordings = [lab.recording(1, (50 * lab.chunk,))]
    first, second = lab.device(recordings, piece=lab.chunk), lab.device(recordings)
    first.stall_at = 20 * lab.chunk

    async def main() -> Any:
        slow = lab.job(first, OsFileSystem(), tmp_path)
        async for _ in slow:
            if first.sent:
                break
        busy = await lab.job(second, OsFileSystem(), tmp_path).run()
        await slow.aclose()
        return busy

    assert isinstance(run_virtual(main()).outcomes[0].error, DestinationBusy)

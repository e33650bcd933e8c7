"""The operating system's file system, as the engine relies on it."""

import errno
import os
from pathlib import Path

import pytest

from bwc_sdk.host import system_calls
from bwc_sdk.host.filesystem import OsFileSystem, read_upto, write_all


@pytest.fixture
def files() -> OsFileSystem:
    return OsFileSystem()


@pytest.fixture
def here(files: OsFileSystem, tmp_path: Path):
    directory = files.open_directory(tmp_path)
    yield directory
    files.close(directory)


def test_a_new_file_is_the_owners_alone_and_never_an_existing_one(files, here, tmp_path: Path) -> None:
    file = files.create(here, "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.create(here, "a")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        files.create(here, "link")
    files.close(file)


def test_links_pipes_and_directories_are_not_opened_as_files(files, here, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dir", "pipe"):
        for write in (False, True):
            with pytest.raises(OSError):
                files.reopen(here, name, write=write)
        with pytest.raises(OSError):
            files.size_of(here, name)


def test_what_becomes_a_pipe_between_the_look_and_the_opening_is_not_opened_as_a_file(
    files, here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    real, opened = os.open, []

    def swapped(*arguments, **options) -> int:
        (tmp_path / "a").unlink()
        os.mkfifo(tmp_path / "a")
        opened.append(real(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(OSError, match="not a regular file"):
        files.reopen(here, "a", write=True)
    with pytest.raises(OSError):
        os.fstat(opened[0])  # and it is closed again


def test_the_way_to_a_directory_ends_where_its_file_system_does(
    files, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = Path("/dev/shm")
    if not mounted.is_dir() or mounted.stat().st_dev == mounted.parent.stat().st_dev:
        pytest.skip("nothing is mounted there")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    handle = files.open_directory(mounted)
    files.sync_way_to(handle)
    assert synced == []  # what is mounted at a name is not under it on the medium
    files.close(handle)


def test_a_file_as_large_as_the_limit_can_be_written(files, here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.host.filesystem.largest_file", lambda: 1000)
    file = files.create(here, "a")
    files.check_size(file, 1000)
    with pytest.raises(OSError) as caught:
        files.check_size(file, 1001)
    assert caught.value.errno == errno.EFBIG
    files.close(file)


def test_a_directory_that_was_replaced_by_a_link_is_not_entered(files, here, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".incoming").symlink_to(elsewhere)
    with pytest.raises(OSError):
        files.open_inside(here, ".incoming")


def test_a_directory_inside_is_made_for_the_owner_alone(files, here, tmp_path: Path) -> None:
    files.close(files.open_inside(here, ".incoming"))
    files.close(files.open_inside(here, ".incoming"))
    assert (tmp_path / ".incoming").stat().st_mode & 0o777 == 0o700


def test_a_lock_has_one_holder_and_ends_with_it(files, here) -> None:
    first = files.create(here, "a")
    second = files.reopen(here, "a", write=True)
    assert files.lock(first)
    assert not files.lock(second)
    files.close(first)
    assert files.lock(second)
    files.close(second)


def test_a_file_that_was_renamed_or_removed_is_known_to_be_another(files, here) -> None:
    file = files.create(here, "a")
    assert files.is_named(file, here, "a")
    files.rename(here, "a", here, "b")
    assert not files.is_named(file, here, "a")
    assert files.is_named(file, here, "b")
    os.symlink("b", "a", dir_fd=here)
    assert not files.is_named(file, here, "a")  # a link to it is no name of it
    files.remove(here, "a")
    files.close(files.create(here, "a"))
    assert not files.is_named(file, here, "a")
    files.close(file)


def test_a_rename_never_replaces(files, here, tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        files.rename(here, "a", here, "b")
    assert (tmp_path / "b").read_bytes() == b"b"
    files.rename(here, "a", here, "c")
    assert (tmp_path / "c").read_bytes() == b"a" and not (tmp_path / "a").exists()


@pytest.mark.parametrize("by_descriptor", [True, False])
def test_a_link_is_of_the_open_file_and_never_replaces(
    files, here, tmp_path, by_descriptor: bool, monkeypatch
) -> None:
    if not by_descriptor:
        monkeypatch.setattr(os.path, "lexists", lambda path: False)
    file = files.create(here, "a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        files.link(file, here, "a", here, "b")
    assert files.link(file, here, "a", here, "c")
    assert files.is_named(file, here, "c") and files.is_named(file, here, "a")
    files.remove(here, "a")
    (tmp_path / "a").write_bytes(b"of somebody else")
    assert files.link(file, here, "a", here, "d")
    assert files.is_named(file, here, "d") == by_descriptor  # by name the caller has to look
    files.close(file)


def test_a_file_without_a_name_gets_none(files, here) -> None:
    file = files.create(here, "a")
    files.remove(here, "a")
    with pytest.raises(FileNotFoundError):
        files.link(file, here, "a", here, "b")
    files.close(file)


def test_room_that_is_reserved_does_not_change_the_size_and_counts_as_taken(files, here) -> None:
    file = files.create(here, "a")
    files.preallocate(file, 0, 1 << 20)
    assert files.size(file) == 0
    if files.taken_by(here, "a"):  # a file system without reservations takes nothing
        assert files.taken_by(here, "a") >= 1 << 20
    files.close(file)
    assert files.taken_by(here, "missing") == 0
    assert files.size_of(here, "missing") is None


def test_bytes_are_written_and_read_where_they_belong(files, here) -> None:
    file = files.create(here, "a")
    data = memoryview(bytes(range(256)) * 16)
    write_all(files, file, data, 1000)
    files.start_write_back(file, 0, 5096)
    files.sync(file)
    files.drop_cache(file)
    into = memoryview(bytearray(8192))
    assert read_upto(files, file, into, 0) == 1000 + len(data)
    assert into[1000 : 1000 + len(data)] == data
    files.truncate(file, 10)
    assert files.size(file) == 10
    files.close(file)


def test_a_cache_is_dropped_before_it_is_looked_at(files, here, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda file, offset, size, advice: told.append(advice))
    file = files.create(here, "a")
    files.drop_cache(file)
    assert told == [os.POSIX_FADV_DONTNEED, os.POSIX_FADV_SEQUENTIAL]
    files.close(file)


def test_a_file_system_that_takes_no_advice_is_not_read_from_the_medium_for_certain(
    files, here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", refuses)
    file = files.create(here, "a")
    assert not files.drop_cache(file)
    files.close(file)


def test_a_path_that_leads_nowhere_is_told_from_one_that_cannot_be_looked_up(
    files, here, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert files.identity_at(tmp_path) == files.identity(here)
    assert files.identity_at(tmp_path / "missing") is None
    assert files.identity_at(tmp_path / "a" / "b") is None
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError):
        files.identity_at(tmp_path / "loop")


@pytest.mark.parametrize("counts", [True, False])
def test_a_dropped_cache_is_told_from_one_that_stays(
    files, here, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not counts:
        monkeypatch.setattr(system_calls, "pages_in_memory", lambda file, size: None)
    file = files.create(here, "a")
    write_all(files, file, memoryview(bytes(1 << 20)), 0)
    files.sync(file)
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: None)
    assert not files.drop_cache(file)
    files.close(file)


def test_one_page_that_stays_is_found_wherever_it_is(files, here, monkeypatch: pytest.MonkeyPatch) -> None:
    file = files.create(here, "a")
    write_all(files, file, memoryview(bytes(8 << 20)), 0)
    files.sync(file)
    if not files.drop_cache(file) or system_calls.pages_in_memory(file, 8 << 20) is None:
        pytest.skip("the system drops or counts nothing")
    files.read(file, memoryview(bytearray(1)), (8 << 20) - 1)
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: None)
    assert not files.drop_cache(file)
    files.close(file)


def test_an_error_of_a_c_call_keeps_its_number(files, here, monkeypatch: pytest.MonkeyPatch) -> None:
    file = files.create(here, "a")
    files.close(file)
    with pytest.raises(OSError) as caught:
        files.rename(here, "missing", here, "b")
    assert caught.value.errno == errno.ENOENT


def test_a_descriptor_on_the_way_up_is_closed_once_also_where_closing_it_fails(
    files, here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed a second time it may be the descriptor of another thread."""
    closed: list[int] = []
    real = os.close

    def close(handle: int) -> None:
        closed.append(handle)
        real(handle)
        if len(closed) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "close", close)
    with pytest.raises(OSError) as caught:
        files.sync_way_to(here)
    assert caught.value.errno == errno.EIO and len(set(closed)) == len(closed) == 2

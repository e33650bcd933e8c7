"""What is called through ctypes, on the C libraries that there are."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.host import system_calls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls of Linux")


class Library:
    """The real C library without some names."""

    def __init__(self, *lacking: str) -> None:
        self._real = ctypes.CDLL(None, use_errno=True)
        self._lacking = lacking

    def __getattr__(self, name: str) -> Any:
        if name in self._lacking:
            raise AttributeError(name)
        return getattr(self._real, name)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[int]:
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield directory
    os.close(directory)


GLIBC = Library()
OLD = Library("renameat2")
MUSL = Library("renameat2", "fallocate64", "renameatx_np")


@pytest.mark.parametrize("library", [GLIBC, OLD, MUSL])
def test_a_rename_never_replaces_on_any_c_library(
    here: int, tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_calls, "_libc", lambda: library)
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with pytest.raises(FileExistsError):
        system_calls.rename_noreplace(here, "a", here, "b")
    system_calls.rename_noreplace(here, "a", here, "c")
    assert (tmp_path / "b").read_text() == "b" and (tmp_path / "c").read_text() == "a"
    with pytest.raises(FileNotFoundError):
        system_calls.rename_noreplace(here, "a", here, "d")


@pytest.mark.parametrize("library", [GLIBC, MUSL])
def test_room_far_beyond_two_gibibytes_is_reserved_where_it_was_asked(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_calls, "_libc", lambda: library)
    file = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    try:
        system_calls.reserve(file, 5 << 32, 1 << 16)
        assert os.fstat(file).st_size == 0
        taken = os.fstat(file).st_blocks * 512
        assert taken >= 1 << 16
        os.ftruncate(
            file, 5 << 32
        )  # it does not lie before this, where 32 bits of the offset would have put it
        os.ftruncate(file, (5 << 32) - 1)
        assert os.fstat(file).st_blocks * 512 < taken
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
    finally:
        os.close(file)


def test_without_a_library_or_a_number_it_is_a_call_that_is_lacking(
    here: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in (None, Library("renameat2", "syscall"), Library("fallocate", "fallocate64", "renameat2")):
        monkeypatch.setattr(system_calls, "_libc", lambda library=library: library)
        if isinstance(library, Library) and "fallocate" in library._lacking:
            monkeypatch.setattr("platform.machine", lambda: "vax")
        with pytest.raises(OSError) as caught:
            system_calls.rename_noreplace(here, "a", here, "b")
        assert caught.value.errno == errno.ENOSYS
    with pytest.raises(OSError) as caught:
        system_calls.reserve(here, 0, 1)
    assert caught.value.errno == errno.ENOSYS
    monkeypatch.setattr(system_calls, "_libc", lambda: None)
    system_calls.start_write_back(here, 0, 1)


def test_pages_in_memory_are_counted_where_the_system_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(file, bytes(1 << 16), 0)
        pages = (1 << 16) // os.sysconf("SC_PAGE_SIZE")
        assert system_calls.pages_in_memory(file, 1 << 16) in (pages, None)  # None: an older system
        assert system_calls.pages_in_memory(file, 0) is None
        monkeypatch.setattr(system_calls, "_libc", lambda: None)
        assert system_calls.pages_in_memory(file, 1 << 16) is None
        monkeypatch.undo()
        monkeypatch.setattr("platform.machine", lambda: "alpha")  # where the number is another call's
        assert system_calls.pages_in_memory(file, 1 << 16) is None
    finally:
        os.close(file)
    monkeypatch.undo()
    assert system_calls.pages_in_memory(file, 1 << 16) is None  # an error counts nothing


class Interrupted:
    """A C library whose calls are interrupted by signals."""

    def __init__(self, times: int, then: int) -> None:
        self.times, self.then = times, then

    def __getattr__(self, name: str) -> Callable[..., int]:
        if name != "fallocate64":
            raise AttributeError(name)

        def fallocate(*_: Any) -> int:
            self.times -= 1
            ctypes.set_errno(errno.EINTR if self.times >= 0 else self.then)
            return -1 if self.times >= 0 or self.then else 0

        return fallocate


def test_a_call_that_a_signal_interrupted_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted = Interrupted(5, 0)
    monkeypatch.setattr(system_calls, "_libc", lambda: interrupted)
    system_calls.reserve(3, 0, 1)
    assert interrupted.times == -1
    interrupted.times, interrupted.then = 2, errno.ENOSPC
    with pytest.raises(OSError) as caught:
        system_calls.reserve(3, 0, 1)
    assert caught.value.errno == errno.ENOSPC
    interrupted.times = 10_000
    with pytest.raises(InterruptedError):
        system_calls.reserve(3, 0, 1)
    assert interrupted.times == 10_000 - system_calls.INTERRUPTIONS_MAX


def test_a_thirty_two_bit_process_has_numbers_of_its_own() -> None:
    numbers = system_calls._RENAMEAT2
    assert numbers["x86_64", True] == 316 and numbers["x86_64", False] == numbers["i686", False] == 353
    assert numbers["aarch64", True] == 276 and numbers["aarch64", False] == numbers["armv7l", False] == 382

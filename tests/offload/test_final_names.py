"""Names that are given by several threads at the same time, over one open directory."""

import errno
import threading
from pathlib import Path

import pytest

from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.final_names import Move
from bwc_sdk.host.filesystem import OsFileSystem
from tools.testkit.model_disk import ModelDisk, ModelFiles


class OneHearsOfIt(ModelFiles):
    """The first sync of the destination fails after a second one, begun meanwhile, was told that all is well."""

    armed = False

    def __init__(self, disk: ModelDisk) -> None:
        super().__init__(disk)
        self.began, self.second_synced = threading.Event(), threading.Event()

    def sync_directory(self, directory: int) -> bool:
        if not self.armed or self._handles[directory]:
            return super().sync_directory(directory)
        if not self.began.is_set():
            self.began.set()
            assert self.second_synced.wait(60)
            raise OSError(errno.EIO, "the medium")
        self.disk.forget_names("")  # the kernel has them for written
        synced = super().sync_directory(directory)
        self.second_synced.set()
        return synced


def test_a_sync_that_failed_fails_all_whose_names_were_given_before() -> None:
    files = OneHearsOfIt(ModelDisk())
    destination = Destination.open(files, Path("/store"))
    files.armed = True
    failed: dict[str, OSError] = {}

    def place(name: str) -> None:
        file = destination.keep_small(name, name.encode())
        try:
            destination.names.place([Move(file, name, name)])
        except OSError as error:
            failed[name] = error

    first = threading.Thread(target=place, args=("first",))
    first.start()
    assert files.began.wait(60)
    second = threading.Thread(target=place, args=("second",))
    second.start()
    first.join(60)
    second.join(60)
    assert {name: error.errno for name, error in failed.items()} == {
        "first": errno.EIO,
        "second": errno.EIO,
    }
    assert not files.disk.live[""], "taken back, so that they are given and synced anew"


@pytest.mark.parametrize("name", ["one", "another"])
def test_what_is_given_after_a_sync_that_failed_counts_by_its_own(name: str) -> None:
    fails = [OSError(errno.EIO, "the medium")]

    def before(step: int, operation: str) -> None:
        if operation == "sync_directory" and fails:
            raise fails.pop()

    files = ModelFiles(ModelDisk())
    destination = Destination.open(files, Path("/store"))
    files.before = before
    file = destination.keep_small("one", b"one")
    with pytest.raises(OSError):
        destination.names.place([Move(file, "one", "one")])
    file = file if name == "one" else destination.keep_small(name, b"more")
    destination.names.place([Move(file, name, name)])
    assert list(files.disk.durable[""]) == [name]


@pytest.mark.parametrize("links", [True, False])
def test_what_cannot_be_taken_back_keeps_what_was_placed_before_it(links: bool) -> None:
    """Footage that stands under its final name is found with its table, also where a medium fails again and again."""
    fail: list[str] = []

    def before(step: int, operation: str) -> None:
        if fail and operation == fail[0]:
            fail.pop(0)
            raise OSError(errno.EIO, "the medium")

    files = ModelFiles(ModelDisk(), before, links=links)
    destination = Destination.open(files, Path("/store"))
    moves = [Move(destination.keep_small(name, name.encode()), name, name) for name in ("table", "footage")]
    fail += ["sync_directory", "is_named"]
    with pytest.raises(OSError):
        destination.names.place(moves)
    assert set(files.disk.live[""]) == {"table", "footage"}


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("call", range(1, 5))
def test_a_name_in_doubt_is_taken_back_as_well(links: bool, call: int) -> None:
    """The medium fails as it is asked which file has the name that was just given: all of them, or none."""
    asked = 0

    def before(step: int, operation: str) -> None:
        nonlocal asked
        asked += operation == "is_named"
        if operation == "is_named" and asked == call:
            raise OSError(errno.EIO, "the medium")

    files = ModelFiles(ModelDisk(), links=links)
    destination = Destination.open(files, Path("/store"))
    moves = [Move(destination.keep_small(name, name.encode()), name, name) for name in ("table", "footage")]
    files.before = before
    with pytest.raises(OSError):
        destination.names.place(moves)
    assert not files.disk.live[""]
    destination.names.place(moves)
    assert set(files.disk.live[""]) == {"table", "footage"}


def test_a_small_file_that_an_earlier_attempt_left_is_replaced(tmp_path: Path) -> None:
    destination = Destination.open(OsFileSystem(), tmp_path)
    (tmp_path / ".incoming" / "one").write_bytes(b"half of what was to be written, and more than that")
    file = destination.keep_small("one", b"whole")
    assert destination.names.read(file, 100) == b"whole"
    assert (tmp_path / ".incoming" / "one").read_bytes() == b"whole"
    destination.files.close(file)
    destination.close()

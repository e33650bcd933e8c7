"""Names change hands: what is published, removed or called stored is the file that was verified, where it was meant to
be, whoever renames, cleans up or mounts meanwhile."""

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.final_names import FinalNames, Move
from bwc_sdk.destination.segment_file import RACES_MAX
from bwc_sdk.errors import DestinationMoved
from bwc_sdk.host.filesystem import CannotRename, OsFileSystem
from bwc_sdk.offload import OffloadPolicy, Refused, StillOnCamera, StoredVerified

pytestmark = pytest.mark.usefixtures("small_slabs")


class Meanwhile(OsFileSystem):
    """Somebody else does something before calls of one kind, told the name that the call is about."""

    def __init__(
        self, operation: str, act: Callable[[int, tuple[Any, ...]], None], *, links: bool = True
    ) -> None:
        self._operation, self._act, self._links = operation, act, links
        self._calls = 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name != self._operation:
            return found

        def called(*arguments: Any, **options: Any) -> Any:
            self._calls += 1
            self._act(self._calls, arguments)
            return found(*arguments, **options)

        return called

    def link(self, *arguments: Any) -> bool:
        return super().link(*arguments) if self._links else False


@pytest.mark.parametrize(
    ("operation", "links"),
    [
        *product(("sync", "drop_cache", "is_named", "link"), (True, False)),
        ("rename", False),  # of a file system that has links nothing is renamed
    ],
)
def test_a_part_file_that_somebody_replaces_is_never_published(
    lab, tmp_path: Path, operation: str, links: bool
) -> None:
    """A clean-up job removed it, and another process began a new one under the same name."""
    replaced: list[Path] = []

    def replace(call: int, arguments: tuple[Any, ...]) -> None:
        parts = list((tmp_path / ".incoming").glob("*.part"))
        if parts and parts[0].stat().st_size == 10 * lab.chunk and not replaced:
            parts[0].unlink()
            parts[0].write_bytes(b"3 of 48 MiB")
            replaced.append(parts[0])

    device = lab.device([lab.recording(1, (10 * lab.chunk,))])
    result, _ = lab.run(device, Meanwhile(operation, replace, links=links), tmp_path)
    assert replaced, "it makes this call"
    for path in tmp_path.glob("*.mp4*"):
        assert path.read_bytes() == device.recordings[0].footage[0]
    if not result.complete:
        assert "removed or replaced" in result.outcomes[0].reason
        assert "program" in result.outcomes[0].error.advice
        assert replaced[0].read_bytes() == b"3 of 48 MiB"  # it is somebody's
        assert not list(tmp_path.glob("*.mp4*"))
    else:
        assert not links or list(tmp_path.glob("*.mp4*"))


def test_a_part_file_that_is_gone_is_not_called_stored(lab, tmp_path: Path) -> None:
    def remove(call: int, arguments: tuple[Any, ...]) -> None:
        shutil.rmtree(tmp_path / ".incoming", ignore_errors=True) if call == 1 else None

    device = lab.device([lab.recording(1, (10 * lab.chunk,))])
    result, _ = lab.run(device, Meanwhile("drop_cache", remove), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert not list(tmp_path.glob("*.mp4*"))


def test_a_file_that_is_given_up_does_not_take_another_processs_file_with_it(lab, tmp_path: Path) -> None:
    """Its medium failed; under its name there is a new file by now."""
    theirs: list[Path] = []

    def fail(call: int, arguments: tuple[Any, ...]) -> None:
        parts = list((tmp_path / ".incoming").glob("*.part"))
        if parts and parts[0].stat().st_size and not theirs:
            parts[0].unlink()
            parts[0].write_bytes(b"theirs")
            theirs.append(parts[0])
            raise OSError(errno.EIO, "injected")

    device = lab.device([lab.recording(1, (10 * lab.chunk,))])
    lab.run(device, Meanwhile("sync", fail), tmp_path)
    assert theirs


def put(directory: Path, name: str, content: bytes) -> None:
    (directory / name).write_bytes(content)


@pytest.fixture
def names(tmp_path: Path):
    destination = Destination.open(OsFileSystem(), tmp_path)
    yield destination.names
    destination.close()


def test_names_are_compared_before_and_after(names: FinalNames, tmp_path: Path) -> None:
    incoming = tmp_path / ".incoming"
    put(incoming, "a", b"ours")
    ours = names.files.reopen(names.incoming, "a", write=True)
    (incoming / "a").unlink()
    put(incoming, "a", b"theirs")
    with pytest.raises(OSError, match="removed or replaced"):
        names.place([Move(ours, "a", "final")])
    names.drop(ours, "a")
    assert (incoming / "a").read_bytes() == b"theirs" and not (tmp_path / "final").exists()
    names.files.close(ours)


@pytest.mark.parametrize("way", ["link by name", "rename"])
def test_what_was_renamed_in_the_moment_between_is_put_back(
    names: FinalNames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    incoming = tmp_path / ".incoming"
    put(incoming, "a", b"ours")
    ours = names.files.reopen(names.incoming, "a", write=True)
    real_link, real_rename = OsFileSystem.link, OsFileSystem.rename

    def swap() -> None:
        (incoming / "a").unlink()
        put(incoming, "a", b"theirs")

    def link(self: OsFileSystem, *arguments: Any) -> bool:
        if way == "rename":
            return False
        monkeypatch.setattr("os.path.lexists", lambda path: False)
        swap()
        return real_link(self, *arguments)

    def rename(self: OsFileSystem, directory: int, name: str, *to: Any) -> None:
        if name == "a":
            swap()
        real_rename(self, directory, name, *to)

    monkeypatch.setattr(OsFileSystem, "link", link)
    monkeypatch.setattr(OsFileSystem, "rename", rename)
    with pytest.raises(OSError, match="removed or replaced"):
        names.place([Move(ours, "a", "final")])
    assert (incoming / "a").read_bytes() == b"theirs" and not (tmp_path / "final").exists()
    names.files.close(ours)


def test_what_came_under_a_final_name_in_the_moment_after_is_not_touched(
    names: FinalNames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / ".incoming", "a", b"ours")
    ours = names.files.reopen(names.incoming, "a", write=True)
    real = OsFileSystem.link

    def link(self: OsFileSystem, *arguments: Any) -> bool:
        real(self, *arguments)
        (tmp_path / "final").unlink()
        put(tmp_path, "final", b"theirs")
        return True

    monkeypatch.setattr(OsFileSystem, "link", link)
    with pytest.raises(OSError, match="removed or replaced"):
        names.place([Move(ours, "a", "final")])
    assert (tmp_path / "final").read_bytes() == b"theirs"
    assert (tmp_path / ".incoming" / "a").read_bytes() == b"ours"
    names.files.close(ours)


@pytest.mark.parametrize("error", [FileExistsError(errno.EEXIST, "x"), FileNotFoundError(errno.ENOENT, "x")])
def test_an_answer_to_a_call_that_was_done_before_is_no_failure(
    names: FinalNames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """Network file systems send a call again whose answer was lost."""
    put(tmp_path / ".incoming", "a", b"ours")
    ours = names.files.reopen(names.incoming, "a", write=True)
    real = OsFileSystem.link

    def link(self: OsFileSystem, *arguments: Any) -> bool:
        real(self, *arguments)
        raise error

    monkeypatch.setattr(OsFileSystem, "link", link)
    names.place([Move(ours, "a", "final")])
    assert (tmp_path / "final").read_bytes() == b"ours" and not (tmp_path / ".incoming" / "a").exists()
    names.files.close(ours)


@pytest.mark.parametrize("suffix", [".mp4", ".table", ".manifest", ".custody.json"])
def test_a_name_that_is_said_to_exist_where_nothing_is_stores_nothing(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    real = OsFileSystem.link

    def link(self: OsFileSystem, file: int, directory: int, name: str, to: int, to_name: str) -> bool:
        if to_name.endswith(suffix):
            raise FileExistsError(errno.EEXIST, "File exists")
        return real(self, file, directory, name, to, to_name)

    monkeypatch.setattr(OsFileSystem, "link", link)
    device = lab.device([lab.recording(1, (10_000,))])
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert "exists where nothing is found" in result.outcomes[0].reason
    if suffix != ".custody.json":
        assert [path.name for path in tmp_path.iterdir()] == [
            ".incoming"
        ]  # neither the names that came before it
    monkeypatch.undo()
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete


@pytest.mark.parametrize("suffix", [".table", ".manifest", ".custody.json"])
def test_another_sidecar_that_was_there_first_is_refused_when_the_footage_has_come(
    lab, tmp_path: Path, suffix: str
) -> None:
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (10_000,))])
    (tmp_path / "trial").mkdir()
    lab.run(device, OsFileSystem(), tmp_path / "trial", recordings=[1])
    name = next((tmp_path / "trial").glob("*" + suffix)).name
    (tmp_path / "store").mkdir()
    foreign = tmp_path / "store" / name
    foreign.write_bytes(b"another")
    result, _ = lab.run(device, OsFileSystem(), tmp_path / "store")
    assert isinstance(result.outcomes[0], Refused) and name in result.outcomes[0].reason
    assert isinstance(result.outcomes[1], StoredVerified)
    assert foreign.read_bytes() == b"another"
    assert len(list((tmp_path / "store").glob("*.mp4*"))) == (2 if suffix == ".custody.json" else 1)


# The destination's own path


@pytest.mark.parametrize("replaced", [False, True])
def test_a_destination_that_was_moved_away_stores_nothing_at_its_path(
    lab, tmp_path: Path, replaced: bool
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    device = lab.device(
        [lab.recording(1, (10_000,)), lab.recording(2, (10_000,)), lab.recording(3, (10_000,))]
    )

    def move(call: int, arguments: tuple[Any, ...]) -> None:
        if not (tmp_path / "away").exists() and device.sent > 12_000:
            store.rename(tmp_path / "away")
            if replaced:
                store.mkdir()  # the empty directory under a mount point

    result, _ = lab.run(device, Meanwhile("write", move), store)
    kinds = [type(outcome) for outcome in result.outcomes]
    assert kinds[1:] == [StillOnCamera, StillOnCamera]
    assert not result.complete
    error = result.outcomes[1].error
    assert (
        isinstance(error, DestinationMoved)
        and "not at its path" in error.rule
        and "bring it back" in error.advice
    )
    for outcome in result.outcomes:
        if isinstance(outcome, StoredVerified):
            assert outcome.segments[0].path.exists()
    assert not replaced or not list(store.iterdir())
    sent = device.sent
    result, _ = lab.run(device, OsFileSystem(), tmp_path / "away")
    assert result.complete
    assert device.sent - sent <= 20_000


def test_another_directory_than_was_expected_is_not_opened(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = Destination.open(OsFileSystem(), tmp_path / "one")
    with pytest.raises(DestinationMoved):
        Destination.open(OsFileSystem(), tmp_path / "other", one.identity)
    assert not list((tmp_path / "other").iterdir())
    Destination.open(OsFileSystem(), tmp_path / "one", one.identity).close()
    one.close()


# One name is one recording's affair


@pytest.mark.parametrize("thing", ["pipe", "directory", "link", "dead link", "socket"])
@pytest.mark.parametrize("suffix", [".mp4", ".table", ".manifest", ".custody.json", ".part", "kept .table"])
def test_something_else_under_one_name_concerns_that_recording_alone(
    lab, tmp_path: Path, suffix: str, thing: str
) -> None:
    recordings = [lab.recording(number, (10_000,)) for number in (1, 2, 3)]
    device = lab.device(recordings)
    trial = tmp_path / "trial"
    trial.mkdir()
    result, _ = lab.run(lab.device(recordings), OsFileSystem(), trial, recordings=[2])
    stem = result.outcomes[0].segments[0].path.name.removesuffix(".mp4")
    if suffix == ".manifest":
        stem = next(trial.glob("*.manifest")).name.removesuffix(".manifest")
    store = tmp_path / "store"
    (store / ".incoming").mkdir(parents=True)
    inside = suffix == ".part" or suffix.startswith("kept")
    path = (store / ".incoming" if inside else store) / (stem + suffix.removeprefix("kept "))
    make(path, thing)
    (tmp_path / "target").write_bytes(b"untouched")
    result, _ = lab.run(device, OsFileSystem(), store)
    kinds = [type(outcome) for outcome in result.outcomes]
    assert kinds[0] is kinds[2] is StoredVerified
    assert kinds[1] is (StillOnCamera if inside else Refused)
    assert path.name in result.outcomes[1].reason
    assert (tmp_path / "target").read_bytes() == b"untouched"
    assert path.is_symlink() or path.exists()


def make(path: Path, thing: str) -> None:
    match thing:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to("../target")
        case "dead link":
            path.symlink_to("nowhere")
        case "socket":
            here = Path.cwd()
            os.chdir(path.parent)  # the name of a socket is short
            try:
                with socket.socket(socket.AF_UNIX) as one:
                    one.bind(path.name[-100:])
                    Path(path.name[-100:]).rename(path.name)
            finally:
                os.chdir(here)


# What was left


def test_bytes_beyond_the_end_of_a_segment_are_never_published(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (20 * lab.chunk,))], piece=lab.chunk, cut_at=[12 * lab.chunk])
    once = OffloadPolicy(attempts=0, reserve_bytes=0)
    lab.run(device, OsFileSystem(), tmp_path, policy=once)
    (part,) = (tmp_path / ".incoming").glob("*.part")
    with part.open("ab") as file:
        file.write(bytes(30 * lab.chunk))
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert result.outcomes[0].segments[0].path.read_bytes() == device.recordings[0].footage[0]


@pytest.mark.parametrize("torn", [b"", b"\0" * 640, b"x" * 100])
def test_a_table_that_was_torn_is_asked_for_again(lab, tmp_path: Path, torn: bytes) -> None:
    device = lab.device([lab.recording(1, (20 * lab.chunk,))], piece=lab.chunk, cut_at=[12 * lab.chunk])
    once = OffloadPolicy(attempts=0, reserve_bytes=0)
    lab.run(device, OsFileSystem(), tmp_path, policy=once)
    (table,) = (tmp_path / ".incoming").glob("*.table")
    table.write_bytes(torn)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.bytes_kept >= 9 * lab.chunk
    assert next(tmp_path.glob("*.table")).read_bytes() == device.recordings[0].tables[0]


def test_a_part_file_that_another_process_has_stays_beside_what_is_stored(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    part = tmp_path / ".incoming" / result.outcomes[0].segments[0].path.with_suffix(".part").name
    part.write_bytes(b"theirs")
    held = os.open(part, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
    assert part.read_bytes() == b"theirs"
    os.close(held)
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete
    assert not part.exists()


# Others at work


def test_a_directory_that_somebody_plays_with_is_given_up(lab, tmp_path: Path) -> None:
    """The part file is removed between each opening and its lock."""
    opened: list[int] = []

    class Playful(OsFileSystem):
        most = 99

        def create(self, directory: int, name: str) -> int:
            file = super().create(directory, name)
            if name.endswith(".part"):
                opened.append(file)
                if len(opened) <= self.most:
                    (tmp_path / ".incoming" / name).unlink()
            return file

    device = lab.device([lab.recording(1, (10_000,))])
    files = Playful()
    result, _ = lab.run(device, files, tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert "changes all the time" in result.outcomes[0].reason and result.outcomes[0].error.advice
    assert opened and len(opened) % RACES_MAX == 0
    opened.clear()
    files.most = 3  # others that end just then, one after the other
    assert lab.run(device, files, tmp_path)[0].complete
    assert len(opened) == 4
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete


def test_a_rename_that_the_system_lacks_is_told_from_one_that_fails(
    names: FinalNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("bwc_sdk.host.system_calls.rename_noreplace", lacking)
    with pytest.raises(CannotRename):
        names.files.rename(names.incoming, "a", names.incoming, "b")

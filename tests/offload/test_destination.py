"""What a destination must be, told before anything is copied."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.errors import DestinationError, DestinationFull
from bwc_sdk.evidence.custody import Custody
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import OffloadPolicy, Refused, StillOnCamera, StoredVerified
from bwc_sdk.offload.pipeline import AHEAD
from bwc_sdk.offload.sidecars import Sidecars
from firmware_sim.virtual_time import run_virtual


def refused(lab, path: Path, files: object = None) -> str:
    device = lab.device([lab.recording(1, (10_000,))])
    with pytest.raises(DestinationError) as caught:
        lab.run(device, files or OsFileSystem(), path)
    assert device.connections == 0
    assert str(path) in str(caught.value)
    return caught.value.rule


def test_it_must_exist_and_be_a_directory(lab, tmp_path: Path) -> None:
    assert "does not exist" in refused(lab, tmp_path / "missing")
    (tmp_path / "file").write_bytes(b"")
    assert "not a directory" in refused(lab, tmp_path / "file")


def test_it_must_be_writable(lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.mkdir

    def mkdir(name: str, *arguments: object, **options: object) -> None:
        if name == ".incoming":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        real(name, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert "read-only" in refused(lab, tmp_path)


@pytest.mark.rule("REC-012")
def test_its_file_system_must_have_locks(lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert "no locks" in refused(lab, tmp_path)


def test_its_locks_must_exclude(lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert "two holders" in refused(lab, tmp_path)


def test_a_link_in_place_of_the_incoming_directory_is_refused(lab, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / ".incoming").symlink_to(tmp_path / "elsewhere")
    refused(lab, tmp_path / "store")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_link_in_place_of_a_part_file_leaves_the_recording_on_the_camera(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    device.cut_at = [5_000]
    lab.run(device, OsFileSystem(), tmp_path, policy=OffloadPolicy(attempts=0, reserve_bytes=0))
    (part,) = (tmp_path / ".incoming").glob("*.part")
    part.unlink()
    (tmp_path / "victim").write_bytes(b"untouched")
    part.symlink_to(tmp_path / "victim")
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert (tmp_path / "victim").read_bytes() == b"untouched"


def test_two_offloads_at_once_do_not_touch_each_others_files(lab, tmp_path: Path) -> None:
    small = range(2, AHEAD + 4)
    recordings = [lab.recording(1, (50 * lab.chunk,)), *(lab.recording(n, (3 * lab.chunk,)) for n in small)]
    first, second = lab.device(recordings, piece=lab.chunk), lab.device(recordings, piece=lab.chunk)
    first.stall_at = 20 * lab.chunk

    async def main():
        slow = lab.job(first, OsFileSystem(), tmp_path)
        async for _ in slow:
            if first.sent:
                break
        busy = await lab.job(second, OsFileSystem(), tmp_path).run()
        first.stall_at = -1
        return await slow.run(), busy

    slow, busy = run_virtual(main())
    assert slow.complete
    held, free = busy.outcomes[: 1 + AHEAD], busy.outcomes[1 + AHEAD :]  # what is prepared is held, too
    assert all(isinstance(one, StillOnCamera) and "another process" in one.reason for one in held)
    assert free and all(isinstance(one, StoredVerified) for one in free)
    assert [one.already_there for one in slow.outcomes] == [False] * len(held) + [True] * len(free)
    assert len(list(tmp_path.glob("*.mp4*"))) == len(recordings)


def test_two_cameras_with_the_same_recording_id_keep_both(lab, tmp_path: Path) -> None:
    one = lab.recording(1, (10_000,))
    other = lab.recording(1, (12_000,), serial="CAM-0002")
    object.__setattr__(other.manifest, "recording_id", one.manifest.recording_id)
    for device in (lab.device([one]), lab.device([other], identity="CAM-0002")):
        result, _ = lab.run(device, OsFileSystem(), tmp_path)
        assert result.complete and not any(isinstance(o, Refused) for o in result.outcomes)
    assert {p.read_bytes() for p in tmp_path.glob("*.mp4*")} == {one.footage[0], other.footage[0]}


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_small_file_that_cannot_be_kept_leaves_nothing_behind(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """The custody record comes last: on a full disk the footage stands, and no empty record beside it."""
    device = lab.device([lab.recording(1, (10_000,))])
    files = OsFileSystem()
    full = False

    def custody(self: Sidecars, record: Custody) -> None:
        nonlocal full
        full = True
        write_custody(self, record)

    def fails(*_: object) -> int:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*_)

    write_custody, real = Sidecars.record, getattr(files, operation)
    monkeypatch.setattr(Sidecars, "record", custody)
    monkeypatch.setattr(files, operation, fails)
    result, _ = lab.run(device, files, tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert isinstance(result.outcomes[0].error, DestinationFull)
    assert not list((tmp_path / ".incoming").glob("*custody*"))
    monkeypatch.undo()
    assert lab.run(device, OsFileSystem(), tmp_path)[0].complete


def test_a_medium_that_fails_while_it_is_proved_is_not_said_to_replace_files(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.link, 0

    def link(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(*arguments, **options)

    monkeypatch.setattr(os, "link", link)
    result, _ = lab.run(lab.device([lab.recording(1, (lab.chunk,))]), OsFileSystem(), tmp_path)
    assert result.complete

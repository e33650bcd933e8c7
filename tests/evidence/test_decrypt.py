"""Footage that is opened is the recording of its manifest, and what is not is found, named, and under no final name."""

from __future__ import annotations

import hashlib
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bwc_protocol.evidence import Circumstances, Manifest, sealing
from bwc_protocol.lab.agency import LabAgency
from bwc_sdk.errors import BwcError, EvidenceMismatch, HostFileError, IdentityMissing, InvalidValue
from bwc_sdk.evidence.decrypt import NotEncrypted, NotOpened, Opened, RecipientKey, Result, decrypt
from bwc_sdk.evidence.naming import recording_name, segment_name
from bwc_sdk.host.filesystem import OsFileSystem
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.storage.storage import StoredRecording

CHUNK = 4_096
LAB = LabAgency.make(secrets.token_bytes)
KEYS = (RecipientKey("lab evidence", LAB.recipient().key),)


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


@dataclass(frozen=True, slots=True)
class Kept:
    """A store with three recordings, and where it is decrypted to."""

    store: Path
    out: Path
    recordings: tuple[StoredRecording, ...]

    def run(self, *paths: Path, keys: tuple[RecipientKey, ...] = KEYS) -> list[Result]:
        return list(decrypt(paths or (self.store,), self.out, keys))

    def file(self, which: int, suffix: str = ".mp4.sealed") -> Path:
        manifest = self.recordings[which].manifest
        name = segment_name(manifest.camera, manifest.recording_id, 0, manifest.sha256)
        return self.store / f"{name}{suffix}"

    def manifest(self, which: int) -> Path:
        found = self.recordings[which].manifest
        return self.store / f"{recording_name(found.camera, found.recording_id, found.sha256)}.manifest"

    def filmed(self, which: int) -> bytes:
        blob = self.recordings[which].blobs[0]
        plain = blob.plain
        return bytes(plain.read(0, plain.size_bytes))

    def error_of(self, which: int) -> BwcError:
        """The one thing that is wrong; the other recordings are opened all the same."""
        found = self.run()
        (failed,) = (one for one in found if isinstance(one, NotOpened))
        assert len([one for one in found if isinstance(one, Opened)]) == len(self.recordings) - 1
        final = self.file(which, ".mp4").name
        assert sorted(names(self.out)) == sorted(
            self.file(at, ".mp4").name for at in range(len(self.recordings)) if at != which
        ), final
        return failed.error


def stored(where: Path, recordings: tuple[StoredRecording, ...]) -> None:
    for recording in recordings:
        manifest = recording.manifest
        name = recording_name(manifest.camera, manifest.recording_id, manifest.sha256)
        (where / f"{name}.manifest").write_bytes(recording.manifest_bytes)
        for number, (table, blob) in enumerate(zip(recording.tables, recording.blobs, strict=True)):
            of = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
            (where / f"{of}.table").write_bytes(table)
            suffix = ".mp4" if manifest.protection is None else ".mp4.sealed"
            (where / f"{of}{suffix}").write_bytes(blob.read(0, blob.size_bytes))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    camera = make_camera(seed=4, recordings=3, footage=Footage.SYNTHETIC, agency=LAB, chunk_bytes=CHUNK)
    recordings = tuple(camera.listing(0, 9))
    (tmp_path / "store").mkdir()
    (tmp_path / "out").mkdir()
    stored(tmp_path / "store", recordings)
    return Kept(tmp_path / "store", tmp_path / "out", recordings)


@pytest.mark.rule("REC-051")
def test_what_was_filmed_comes_back_readable_by_its_owner_alone(kept: Kept) -> None:
    found = kept.run()
    assert len(found) == 3 and all(isinstance(one, Opened) and not one.already_there for one in found)
    for which in range(3):
        file = kept.out / kept.file(which, ".mp4").name
        assert file.read_bytes() == kept.filmed(which)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(names(kept.out)) == 3
    again = kept.run()
    assert all(isinstance(one, Opened) and one.already_there for one in again)


def test_one_segment_or_one_manifest_can_be_named(kept: Kept) -> None:
    (one,) = kept.run(kept.file(1))
    assert isinstance(one, Opened) and one.path.name == kept.file(1, ".mp4").name
    (other,) = kept.run(kept.manifest(2))
    assert isinstance(other, Opened) and other.manifest == kept.recordings[2].manifest


# Tampering


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def swapped(data: bytes) -> bytes:
    return data[CHUNK : 2 * CHUNK] + data[:CHUNK] + data[2 * CHUNK :]


def replayed(data: bytes) -> bytes:
    return data[:CHUNK] + data[:CHUNK] + data[2 * CHUNK :]


def left_out(data: bytes) -> bytes:
    return data[: 3 * CHUNK] + data[4 * CHUNK :]


@pytest.mark.rule("REC-051")
@pytest.mark.parametrize(
    ("change", "chunk"),
    [
        (flipped(0), 0),
        (flipped(CHUNK - 1), 0),
        (flipped(2 * CHUNK + 77), 2),
        (swapped, 0),
        (replayed, 1),
        (left_out, 3),
        (lambda data: data[: 5 * CHUNK], 5),
        (lambda data: data[: 5 * CHUNK + 9], 5),
        (lambda _data: b"", 0),
    ],
)
def test_stored_bytes_that_were_changed_are_found_and_the_chunk_is_named(
    kept: Kept, change: Callable[[bytes], bytes], chunk: int
) -> None:
    file = kept.file(1)
    file.write_bytes(change(file.read_bytes()))
    error = kept.error_of(1)
    assert isinstance(error, EvidenceMismatch) and f"chunk {chunk} of segment 0" in error.rule


@pytest.mark.rule("REC-051")
def test_every_chunk_of_another_recording_is_found(kept: Kept) -> None:
    """The same place in another recording of the same camera: whole files, and their tables with them."""
    for suffix in (".mp4.sealed", ".table"):
        kept.file(1, suffix).write_bytes(kept.file(2, suffix).read_bytes())
    error = kept.error_of(1)
    assert isinstance(error, EvidenceMismatch) and "table-" in error.rule


@pytest.mark.rule("REC-051")
def test_what_a_recipient_sealed_anew_is_not_what_the_camera_stored(kept: Kept) -> None:
    """Whoever can open a recording has its key, and could seal other footage with it: the table tells."""
    manifest = kept.recordings[1].manifest
    assert manifest.protection is not None
    key = sealing.unwrap_key(manifest.protection, LAB.recipient().key, manifest.recording_id)
    data = kept.file(1).read_bytes()
    other = sealing.Sealer(key).seal_chunk(0, 2, bytes(CHUNK - 16))
    kept.file(1).write_bytes(data[: 2 * CHUNK] + other + data[3 * CHUNK :])
    assert "chunk 2 of segment 0 is not what the camera stored" in kept.error_of(1).rule


def test_what_follows_the_last_chunk_is_found(kept: Kept) -> None:
    with kept.file(0).open("ab") as file:
        file.write(b"more")
    assert "goes on behind chunk" in kept.error_of(0).rule


def forged(kept: Kept, which: int, data: bytes) -> tuple[Manifest, Path]:
    """A manifest, a table and a segment that agree with each other about other bytes: what only the key tells."""
    manifest = kept.recordings[which].manifest
    table = b"".join(hashlib.sha256(data[at : at + CHUNK]).digest() for at in range(0, len(data), CHUNK))
    segment = replace(manifest.segments[0], size_bytes=len(data), table_sha256=hashlib.sha256(table).digest())
    made = replace(manifest, segments=(segment,))
    of = segment_name(made.camera, made.recording_id, 0, made.sha256)
    path = kept.store / f"{recording_name(made.camera, made.recording_id, made.sha256)}.manifest"
    path.write_bytes(made.encode())
    (kept.store / f"{of}.table").write_bytes(table)
    (kept.store / f"{of}.mp4.sealed").write_bytes(data)
    return made, path


@pytest.mark.rule("REC-051")
@pytest.mark.parametrize(
    ("change", "chunk"), [(flipped(CHUNK + 5), 1), (swapped, 0), (replayed, 1), (left_out, 3)]
)
def test_where_tables_and_manifest_were_forged_too_the_key_tells(
    kept: Kept, change: Callable[[bytes], bytes], chunk: int
) -> None:
    _, path = forged(kept, 0, change(kept.file(0).read_bytes()))
    (found,) = kept.run(path)
    assert isinstance(found, NotOpened) and isinstance(found.error, EvidenceMismatch)
    assert f"chunk {chunk} of segment 0 does not open" in found.error.rule and not names(kept.out)


def test_a_manifest_under_another_name_is_not_taken(kept: Kept) -> None:
    kept.manifest(1).write_bytes(kept.manifest(0).read_bytes())
    assert "is not the manifest that it is named for" in kept.error_of(1).rule


def test_a_damaged_wrap_is_found(kept: Kept) -> None:
    manifest = kept.recordings[0].manifest
    assert manifest.protection is not None
    (wrap,) = manifest.protection.wraps
    spoilt = replace(wrap, sealed=flipped(80)(wrap.sealed))
    made = replace(manifest, protection=replace(manifest.protection, wraps=(spoilt,)))
    path = kept.store / f"{recording_name(made.camera, made.recording_id, made.sha256)}.manifest"
    path.write_bytes(made.encode())
    (found,) = kept.run(path)
    assert isinstance(found, NotOpened) and isinstance(found.error, EvidenceMismatch)
    assert "content key of recording 1 does not open" in found.error.rule


# Keys


def test_without_its_key_nothing_opens_and_the_recipients_are_named(kept: Kept) -> None:
    other = RecipientKey("another lab", LabAgency.make(secrets.token_bytes).recipient().key)
    for keys in ((), (other,)):
        found = kept.run(keys=keys)
        assert len(found) == 3 and not names(kept.out)
        for one in found:
            assert isinstance(one, NotOpened) and isinstance(one.error, IdentityMissing)
            assert sealing.recipient_id(LAB.recipient().key.public_key()).hex()[:16] in one.error.rule
            assert ("another lab" in one.error.rule) == bool(keys) and "--key" in one.error.advice


def test_of_several_keys_the_right_one_is_taken(kept: Kept) -> None:
    other = RecipientKey("another lab", LabAgency.make(secrets.token_bytes).recipient().key)
    assert {one.recipient for one in kept.run(keys=(other, *KEYS)) if isinstance(one, Opened)} == {
        "lab evidence"
    }


# What is no encrypted recording


def test_recordings_that_are_not_encrypted_are_passed_over(tmp_path: Path) -> None:
    camera = make_camera(seed=4, recordings=1, footage=Footage.SYNTHETIC)
    stored(tmp_path, tuple(camera.listing(0, 9)))
    (tmp_path / "out").mkdir()
    (found,) = decrypt((tmp_path,), tmp_path / "out", KEYS)
    assert isinstance(found, NotEncrypted) and not names(tmp_path / "out")


def test_what_is_no_store_and_no_file_of_one_is_said(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    for path in (tmp_path / "film.mp4", kept.out):
        with pytest.raises(InvalidValue):
            kept.run(path)
    with pytest.raises(HostFileError):
        kept.run(tmp_path / "nowhere")


# The host


def test_nothing_is_replaced(kept: Kept) -> None:
    theirs = kept.out / kept.file(0, ".mp4").name
    theirs.write_bytes(b"theirs")
    (failed,) = (one for one in kept.run() if isinstance(one, NotOpened))
    assert isinstance(failed.error, EvidenceMismatch) and "is there already" in failed.error.rule
    assert theirs.read_bytes() == b"theirs"


def test_a_link_is_not_followed(kept: Kept, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    kept.file(0).rename(elsewhere)
    kept.file(0).symlink_to(elsewhere)
    assert isinstance(kept.error_of(0), HostFileError)


@pytest.mark.rule("REC-051")
def test_a_film_has_its_name_only_after_all_of_it_is_on_the_medium(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = OsFileSystem.sync, OsFileSystem.rename

    def told_sync(files: OsFileSystem, file: int) -> None:
        steps.append(f"sync {files.size(file)}")
        sync(files, file)

    def told_rename(files: OsFileSystem, directory: int, name: str, to: int, to_name: str) -> None:
        steps.append(f"rename {to_name}")
        rename(files, directory, name, to, to_name)

    monkeypatch.setattr(OsFileSystem, "sync", told_sync)
    monkeypatch.setattr(OsFileSystem, "rename", told_rename)
    kept.run(kept.file(0))
    assert steps == [f"sync {len(kept.filmed(0))}", f"rename {kept.file(0, '.mp4').name}"]


def test_what_a_killed_run_left_is_written_anew(kept: Kept) -> None:
    left = kept.out / f".{kept.file(0, '.mp4').name}.part"
    left.write_bytes(b"x" * (1 << 20))
    kept.run(kept.file(0))
    assert (kept.out / kept.file(0, ".mp4").name).read_bytes() == kept.filmed(0) and not left.exists()


def test_a_disk_that_is_full_leaves_nothing_behind(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_files: OsFileSystem, _file: int, _data: memoryview, offset: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(OsFileSystem, "write", full)
    found = kept.run()
    assert all(isinstance(one, NotOpened) and isinstance(one.error, HostFileError) for one in found)
    assert not names(kept.out)


# Names


def named(kept: Kept, key: bytes | None = None) -> Kept:
    """The first recording, with an encrypted name; under another key than its own, if one is given."""
    first = kept.recordings[0]
    manifest = first.manifest
    assert manifest.protection is not None
    own = sealing.unwrap_key(manifest.protection, KEYS[0].key, manifest.recording_id)
    said = Circumstances(
        holder="p-00", pseudonym=True, sealed_name=sealing.Sealer(key or own).seal_name("K1 north")
    )
    made = replace(manifest, circumstances=said)
    changed = replace(first, manifest=made, manifest_bytes=made.encode(), manifest_sha256=made.sha256)
    for path in kept.store.iterdir():
        path.unlink()
    stored(kept.store, (changed,))
    return replace(kept, recordings=(changed,))


@pytest.mark.rule("REC-090")
def test_who_carried_the_camera_is_told_with_what_was_filmed(kept: Kept) -> None:
    (opened,) = named(kept).run()
    assert isinstance(opened, Opened) and opened.carried_by == "K1 north"


def test_a_name_that_does_not_open_is_told_and_the_film_is_none_the_worse(kept: Kept) -> None:
    kept = named(kept, key=bytes(32))
    failed, opened = kept.run()
    assert isinstance(failed, NotOpened) and isinstance(failed.error, EvidenceMismatch)
    assert "the name of who carried the camera does not open" in str(failed.error)
    assert isinstance(opened, Opened) and opened.carried_by == ""
    assert opened.path.read_bytes() == kept.filmed(0)


def test_recordings_without_a_name_tell_none(kept: Kept) -> None:
    assert {one.carried_by for one in kept.run() if isinstance(one, Opened)} == {""}

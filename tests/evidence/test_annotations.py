"""What was said of a recording leaves the camera with its footage, signed, and is found in the store alone."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents import annotation_head
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.annotation_head import verify_annotation_head
from bwc_protocol.lab.directory import open_lab
from bwc_sdk import connect
from bwc_sdk.offload import OffloadResult, Refused, offload
from firmware_sim.storage.storage import Storage


@pytest.fixture
def camera(tmp_path: Path) -> str:
    """A camera that stays the same from docking to docking."""
    return f"sim:?seed=5&recordings=2&mib=1&state={tmp_path / 'camera'}"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    path.mkdir()
    return path


def hold(uri: str, name: str) -> None:
    async def run() -> None:
        async with await connect(uri, lab=True, role=Role.RECORDS) as camera:
            entry = (await camera.recordings.list())[0]
            await camera.recordings.hold(
                recording=entry.recording,
                manifest_sha256=entry.manifest_sha256,
                reason="court",
                hold=name,
                case="2026-17",
                authority="DA",
            )

    asyncio.run(run())


def store_it(uri: str, path: Path) -> OffloadResult:
    async def run() -> OffloadResult:
        async with offload(uri, path, lab=True) as job:
            return await job.run()

    return asyncio.run(run())


def paths(path: Path) -> list[Path]:
    """Files of the recording that is held."""
    return [one for one in path.glob("*.annotations") if any(said.hold for said in read(one).said())]


def read(path: Path) -> AnnotationFile:
    return AnnotationFile.decode(path.read_bytes())


def files(path: Path) -> list[AnnotationFile]:
    """The same, by how much was said."""
    return sorted(map(read, paths(path)), key=lambda file: len(file.records))


@pytest.mark.rule("REC-036")
@pytest.mark.rule("REC-037")
def test_why_it_is_held_can_be_read_from_the_store_alone(camera: str, place: Path) -> None:
    hold(camera, "h-1")
    assert store_it(camera, place).complete
    (file,) = files(place)
    (said,) = (one for one in file.said() if one.hold)
    assert (said.hold, said.case, said.authority, said.text) == ("h-1", "2026-17", "DA", "court")
    lab = open_lab().agency
    signer = verify_annotation_head(file.signed_head(lab.id), file.signature, lab.anchors)
    assert signer.name == file.camera
    (path,) = paths(place)
    assert path.name.endswith(f"_{file.head.hex()[:16]}.annotations")


def test_one_file_is_stored_of_each_recording_of_which_something_was_said(camera: str, place: Path) -> None:
    result = store_it(camera, place)
    said = {one.entry.recording for one in result.outcomes if one.entry.annotations}
    assert {read(path).recording_id for path in place.glob("*.annotations")} == said


def test_what_is_said_later_is_stored_beside_what_was(camera: str, place: Path) -> None:
    hold(camera, "h-1")
    store_it(camera, place)
    hold(camera, "h-2")
    assert store_it(camera, place).complete
    older, newer = files(place)
    assert newer.heads()[len(older.records)] == older.head and len(newer.records) == len(older.records) + 1
    assert store_it(camera, place).complete and len(files(place)) == 2


def test_another_statement_under_the_same_head_is_not_replaced(camera: str, place: Path) -> None:
    hold(camera, "h-1")
    store_it(camera, place)
    (path,) = paths(place)
    path.chmod(0o600)
    path.write_bytes(b"something else")
    held = store_it(camera, place).outcomes[0]
    assert isinstance(held, Refused) and "something else than the camera" in held.reason
    assert path.read_bytes() == b"something else"


@pytest.mark.rule("REC-038")
@pytest.mark.parametrize("checked", [True, False])
def test_statements_that_the_camera_did_not_sign_are_not_kept(
    camera: str, place: Path, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """And they would be, if nobody looked."""

    def other(self: Storage, *_: object) -> bytes:
        return self._signing.sign(lambda _: b"something else")

    right: Callable[..., bytes] = Storage._sign_head
    monkeypatch.setattr(Storage, "_sign_head", other)
    monkeypatch.setattr("firmware_sim.device.trust.own_statements.OwnStatements.check", lambda *_: None)
    hold(camera, "h-1")
    monkeypatch.setattr(Storage, "_sign_head", right)
    if not checked:
        monkeypatch.setattr(annotation_head, "verify_annotation_head", lambda *_: None)
    held = store_it(camera, place).outcomes[0]
    assert isinstance(held, Refused) is checked
    assert bool(files(place)) is not checked
    if checked:
        assert isinstance(held, Refused) and "not signed by this camera" in held.reason

"""The page on verifying shows how a camera's signature is verified by OpenSSL and a CBOR reader: it is done so here."""

import asyncio
from pathlib import Path

import pytest
from sybil import Example

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.evidence.naming import MANIFEST_SUFFIX, SIGNATURE_SUFFIX, recording_name
from tests.docs import program
from tests.docs.pages import ROOT, examples_of, remark_on
from tests.docs.shell import Shell, commands_of

PAGE = ROOT / "docs" / "verifying.md"
HERE = Path(__file__).relative_to(ROOT).as_posix()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests of a camera of the lab, with its signatures beside them."""
    store = tmp_path / "evidence"
    store.mkdir()

    async def run() -> None:
        camera = "sim:?seed=7&recordings=2&mib=1"
        async with bwc_sdk.connect(camera, lab=True, role=Role.DOCK_OFFLOAD) as client:
            for entry in await client.recordings.list():
                given = await client.recordings.manifest(recording=entry.recording)
                name = recording_name(client.name, entry.recording, entry.manifest_sha256)
                (store / f"{name}{MANIFEST_SUFFIX}").write_bytes(given.manifest)
                (store / f"{name}{SIGNATURE_SUFFIX}").write_bytes(given.signature)

    asyncio.run(run())
    return tmp_path


def follow_the_page(folder: Path, elsewhere: str = HERE) -> None:
    """Does what the page shows that is tried out in a test's file, as a reader would."""
    shell = Shell(folder)

    def evaluate(example: Example) -> None:
        if remark_on(example.document, example.start) != ("elsewhere", elsewhere):
            return
        if "$ " in example.parsed[:2]:
            for command in commands_of(example.parsed):
                shell.try_out(command)
        else:
            program.run(program.write(example.parsed, folder, f"example_{example.line}.py"))

    try:
        for example in examples_of(PAGE, evaluate):
            example.evaluate()
    finally:
        shell.close()


def test_a_cameras_signature_is_verified_without_us(folder: Path) -> None:
    follow_the_page(folder)
    assert len(list((folder / "signed").glob("*.signature"))) == 2


@pytest.mark.parametrize("ending", [MANIFEST_SUFFIX, SIGNATURE_SUFFIX])
def test_one_changed_bit_is_seen_there_too(
    folder: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.shell.LATE_S", 0.2)  # nothing runs on behind these commands
    path = min((folder / "evidence").glob(f"*{ending}"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(AssertionError, match="Verif"):
        follow_the_page(folder)

"""The directory of an offload: made on request, durably, and named in every advice that is about it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.arguments.destination import make_missing
from bwc_sdk.errors import DestinationError
from bwc_sdk.host.filesystem import OsFileSystem

Bwc = Callable[..., Any]


def test_mkdir_makes_what_is_missing_for_this_user_alone(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    where = tmp_path / "a" / "b c"
    assert bwc("offload", str(where), device=sim).code == 9 and not where.parent.exists()
    assert bwc("offload", str(where), "--mkdir", device=sim).code == 0
    assert len(list(where.glob("*.mp4*"))) == 3 and where.stat().st_mode & 0o777 == 0o700
    assert bwc("offload", str(where), "--mkdir", device=sim).code == 0


def test_a_wrong_command_line_makes_no_directory(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    for argv in (["--limit", "5"], ["--expect", "x", "--also", "sim:"]):
        assert bwc("offload", str(tmp_path / "new"), "--mkdir", *argv, device=sim).code == 2
    assert bwc("offload", str(tmp_path / "new"), "--mkdir").code == 2  # no device
    assert bwc("dock", "watch", str(tmp_path / "new"), "--mkdir").code == 2
    assert not list(tmp_path.iterdir())


def test_names_that_were_made_are_on_the_medium_before_anything_is_stored_below_them(
    bwc: Bwc, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    sync = OsFileSystem.sync_directory

    def watched(self: OsFileSystem, directory: int) -> bool:
        synced.append(self.identity(directory))
        return sync(self, directory)

    monkeypatch.setattr(OsFileSystem, "sync_directory", watched)
    where = tmp_path / "a" / "b"
    assert bwc("offload", str(where), "--mkdir", device=sim).code == 0
    above = [(one.stat().st_dev, one.stat().st_ino) for one in (where, where.parent, tmp_path)]
    assert set(above) <= set(synced[:8])  # before the first recording


@pytest.mark.parametrize("there", ["file", "file/below", "link/below"])
def test_what_cannot_be_made_is_an_error_of_the_destination(tmp_path: Path, there: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DestinationError):
        make_missing(OsFileSystem(), tmp_path / there)


def test_what_is_advised_can_be_typed_as_it_stands(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    where = tmp_path / "my footage"
    ran = bwc("offload", str(where), device=sim)
    assert f"mkdir -p '{where}'" in ran.err and "--mkdir" in ran.err
    where.mkdir()
    ran = bwc("offload", str(where), device=f"{sim}&station=2")
    assert f"bwc offload '{where}' --station '{sim}&station=2'" in ran.err
    ran = bwc("dock", "watch", str(where), device=sim)
    assert f"bwc offload '{where}' --device '{sim}'" in ran.err


def test_no_message_names_a_placeholder() -> None:
    import bwc_sdk.cli

    for file in Path(bwc_sdk.cli.__file__).parent.rglob("*.py"):
        said = re.findall(r'"[^"\n]*\bDEST\b[^"\n]*"', file.read_text(encoding="utf-8"))
        assert [one for one in said if one != '"DEST"' and "`" not in one] == [], file.name

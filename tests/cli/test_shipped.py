"""What comes with the package for others than Python: `bwc udev`, `bwc spec`."""

import json
from pathlib import Path

import pytest

from bwc_sdk.errors import HostFileError
from bwc_sdk.shipped import write_new
from tests.cli.conftest import Bwc

ROOT = Path(__file__).parents[2]


def test_the_udev_rule_is_printed_as_a_file_to_install(bwc: Bwc) -> None:
    ran = bwc("udev")
    assert ran.code == 0 and not ran.err
    assert ran.out.rstrip("\n") + "\n" == (ROOT / "bwc_sdk/shipped/70-bwc.rules").read_text(encoding="utf-8")
    assert bwc("udev", "--json").document["udev"]["text"] == ran.out


def test_its_help_has_the_line_that_installs_it_and_so_has_the_file(bwc: Bwc) -> None:
    line = "bwc udev | sudo tee /etc/udev/rules.d/70-bwc.rules && sudo udevadm control --reload"
    assert line in " ".join(bwc("udev", "--help").out.split())
    assert line in bwc("udev").out


def test_the_specification_is_printed_whole(bwc: Bwc) -> None:
    text = (ROOT / "protocol/README.md").read_text(encoding="utf-8")
    assert bwc("spec").out.rstrip("\n") == text.rstrip("\n")
    assert bwc("spec", "--json").document["specification"]["text"] == text


def test_the_specification_is_written_with_every_golden_vector(bwc: Bwc, tmp_path: Path) -> None:
    ran = bwc("spec", "--to", str(tmp_path / "new"))
    assert ran.code == 0
    for ours in (ROOT / "protocol/vectors").glob("*.json"):
        there = tmp_path / "new" / "vectors" / ours.name
        assert there.read_bytes() == ours.read_bytes() and json.loads(there.read_text(encoding="utf-8"))
        assert str(there) in ran.out
    assert (tmp_path / "new/README.md").read_bytes() == (ROOT / "protocol/README.md").read_bytes()


@pytest.mark.parametrize(("verb", "name"), [("udev", "70-bwc.rules"), ("spec", "README.md")])
def test_what_is_written_replaces_nothing(bwc: Bwc, tmp_path: Path, verb: str, name: str) -> None:
    theirs = tmp_path / name
    theirs.write_text("my own")
    ran = bwc(verb, "--to", str(tmp_path))
    assert ran.code == 9 and "is another one" in ran.err and "name a new folder" in ran.err
    assert theirs.read_text() == "my own"
    theirs.unlink()
    assert bwc(verb, "--to", str(tmp_path)).code == bwc(verb, "--to", str(tmp_path)).code == 0, (
        "again: the same"
    )


def test_a_folder_that_cannot_be_made_is_a_file_error_of_this_host(bwc: Bwc, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = bwc("udev", "--to", str(tmp_path / "file" / "folder"))
    assert ran.code == 9 and "cannot write" in ran.err and "may write to" in ran.err
    with pytest.raises(HostFileError):
        write_new(tmp_path, {"file/below": ""})

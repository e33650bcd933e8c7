"""`bwc evidence derive`, as whoever redacts footage runs it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli import test_evidence

Bwc = Callable[..., Any]
store = test_evidence.store


def test_a_redacted_copy_is_registered_verified_and_shown(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    film = tmp_path / "redacted.mp4"
    film.write_bytes(b"film")
    source = min(store.glob("*.manifest"))
    words = ("--copy", str(film), "--tool", "blur 2.1", "--reason", "faces", "--by", "kim")
    ran = bwc("evidence", "derive", str(source), *words, "--json")
    assert ran.code == 0 and ran.document["fresh"] and ran.document["copy"]["size_bytes"] == 4
    assert bwc("evidence", "verify", str(store), "--lab", "--quick").code == 0
    shown = bwc("evidence", "show", ran.document["record"], "--json").document
    assert [one["tool"] for one in shown["derivations"]] == ["blur 2.1"]
    assert "blur 2.1\tfaces\tkim" in bwc("evidence", "show", str(source)).out
    again = bwc("evidence", "derive", str(source), *words)
    assert again.code == 0 and "registered before" in again.err
    other = bwc("evidence", "derive", str(source), *words[:-3], "noise", "--by", "kim")
    assert other.code == 2 and "try:" in other.err


def test_who_does_it_is_the_user_unless_he_says_otherwise(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    import getpass

    film = tmp_path / "film"
    film.write_bytes(b"film")
    source = str(min(store.glob("*.manifest")))
    ran = bwc("evidence", "derive", source, "--copy", str(film), "--tool", "t", "--reason", "r", "--json")
    assert ran.document["by"] == getpass.getuser()

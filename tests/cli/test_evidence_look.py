"""`bwc evidence show|find|index`: who recorded what, and why it is held, as whoever keeps a store asks it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.messages.recordings import AnnotationKind
from bwc_sdk.cli.verbs.evidence.index import csv_line
from tests.cli import test_evidence
from tests.evidence.test_catalogue import HELD, note, say

Bwc = Callable[..., Any]
offloaded = test_evidence.store


@pytest.fixture
def store(offloaded: Path) -> Path:
    """A store of before: nothing that was said of its recordings left their camera."""
    for path in offloaded.glob("*.annotations"):
        path.unlink()
    return offloaded


def test_an_index_has_a_line_for_each_recording_and_the_same_bytes_each_time(bwc: Bwc, store: Path) -> None:
    say(store, 2, *HELD)
    ran = bwc("evidence", "index", str(store))
    first, second = csv.DictReader(io.StringIO(ran.out))
    assert (first["sequence"], first["held"]) == ("1", "")
    assert (second["sequence"], second["held"], second["cases"]) == ("2", "true", "24-1; 24-7")
    assert bwc("evidence", "index", str(store), "--csv").out == ran.out
    document = bwc("evidence", "index", str(store), "--json").document
    assert [list(one) for one in document["recordings"]] == [list(first)] * 2
    assert document["recordings"][1]["holds"] == ["h1"]


def test_no_text_of_a_store_is_a_formula_or_a_line_of_its_own(bwc: Bwc, store: Path) -> None:
    say(
        store,
        1,
        note(AnnotationKind.CATEGORY, text='=HYPERLINK("x")'),
        note(AnnotationKind.CASE, case='24, "7"'),
    )
    ran = bwc("evidence", "index", str(store))
    first = next(csv.DictReader(io.StringIO(ran.out)))
    assert first["category"] == '\'=HYPERLINK("x")'
    assert first["cases"] == '24, "7"'
    assert csv_line(["a\nb\x1b[2J", "\u202e"]) == "a\\x0ab\\x1b[2J,\\u202e"
    assert csv_line([None, True, -3, ["-1", "b"]]) == ",true,-3,'-1; b"


def test_an_empty_store_has_an_index_without_recordings(bwc: Bwc, tmp_path: Path) -> None:
    assert len(bwc("evidence", "index", str(tmp_path)).out.splitlines()) == 1
    assert bwc("evidence", "index", str(tmp_path), "--json").document == {"recordings": []}


def test_a_store_is_searched(bwc: Bwc, store: Path) -> None:
    say(store, 2, *HELD)
    (found,) = bwc("evidence", "find", str(store), "--held", "--json").document["recordings"]
    assert (found["sequence"], found["store"], found["category"]) == (2, str(store), "theft")
    ran = bwc("evidence", "find", str(store), "--held")
    assert "of 1 nothing is here that was said of them" in ran.err
    assert not bwc("evidence", "find", str(store), "--event", "warrant", "--json").document["recordings"]
    (found,) = bwc("evidence", "find", str(store), "--case", "24-7", "--officer", "K1", "--json").document[
        "recordings"
    ]
    assert found["sequence"] == 2
    assert not bwc("evidence", "find", str(store), "--to", "2000-01-01", "--json").document["recordings"]


@pytest.mark.parametrize("wrong", [("--from", "soon"), ("--event", "party"), ("--event", "127")])
def test_a_question_that_nobody_understands_is_refused(bwc: Bwc, store: Path, wrong: tuple[str, str]) -> None:
    ran = bwc("evidence", "find", str(store), *wrong)
    assert ran.code == 2 and "try:" in ran.err


def test_one_recording_is_shown_by_number_or_by_any_of_its_files(bwc: Bwc, store: Path) -> None:
    stored = say(store, 2, *HELD)
    shown = bwc("evidence", "show", str(store), "2", "--json").document
    assert shown["recording"]["sequence"] == 2 and shown["manifest"]["sequence"] == 2
    assert [one["kind"] for one in shown["annotations"]][:2] == ["category", "held"]
    assert shown["custody"][0]["secure_session"] is True
    assert bwc("evidence", "show", str(stored), "--json").document == shown
    text = bwc("evidence", "show", str(store), "2").out
    assert "hold.0\th1\t24-7\tcourt\tasked for" in text and "clock_state\t" in text
    assert "hold.0" not in bwc("evidence", "show", str(store), "1").out


@pytest.mark.parametrize("words", [(), ("7",), ("zz",)])
def test_who_names_no_recording_is_told_how(bwc: Bwc, store: Path, words: tuple[str, ...]) -> None:
    ran = bwc("evidence", "show", str(store), *words)
    assert ran.code == 2 and "try:" in ran.err and not ran.out


def test_what_cannot_be_read_is_told_beside_the_rest(bwc: Bwc, store: Path) -> None:
    path = min(store.glob("*.custody.json"))
    path.chmod(0o600)
    path.write_bytes(b"{")
    ran = bwc("evidence", "show", str(path))
    assert ran.code == 0 and f"{path.name} cannot be read" in ran.err

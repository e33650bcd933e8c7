"""Tables on terminals of any width: no word is broken where there is room for it, and nothing is lost where not."""

from collections.abc import Callable
from typing import Any

import pytest

from bwc_sdk.cli.printing.facts import Fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows

Bwc = Callable[..., Any]

VERBS = [
    ["info"],
    ["battery"],
    ["storage"],
    ["self-test"],
    ["clock", "show"],
    ["config", "show"],
    ["assign"],
    ["recordings", "list"],
    ["recordings", "show", "2"],
    ["audit"],
    ["raw"],
    ["doctor"],
    ["version"],
]


@pytest.fixture
def on_terminal(bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    monkeypatch.setenv("TERM", "dumb")

    def run(width: int, *argv: str, device: str = sim) -> list[str]:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(width))
        ran = bwc(*argv, device=device)
        assert ran.code == 0, ran.err
        return [line.rstrip() for line in ran.out.splitlines()]

    return run


@pytest.mark.parametrize("argv", VERBS, ids=" ".join)
@pytest.mark.parametrize("width", [120, 80, 40, 20])
def test_every_verb_fits_the_terminal_and_says_all_of_it(
    on_terminal: Callable[..., list[str]], argv: list[str], width: int
) -> None:
    wide, narrow = on_terminal(400, *argv), on_terminal(width, *argv)
    assert max(map(len, narrow)) <= width
    if argv[0] in ("info", "clock", "storage", "battery"):
        return  # times have gone on between the two
    words = {word.strip(";:,") for line in wide for word in line.split() if word.strip("─━ ")}
    seen = "".join("".join(narrow).split())
    assert not [word for word in words if word not in seen]


@pytest.mark.parametrize("argv", VERBS, ids=" ".join)
def test_at_80_columns_no_word_of_28_letters_is_broken(
    on_terminal: Callable[..., list[str]], argv: list[str]
) -> None:
    if argv[0] in ("info", "clock", "storage", "battery"):
        return
    wide = {word.strip(";:,") for line in on_terminal(400, *argv) for word in line.split()}
    told = " ".join(on_terminal(80, *argv))
    broken = [word for word in wide if len(word) <= 28 and word.strip("─━") and word not in told]
    assert not broken


def test_what_does_not_fit_beside_stands_below_its_row(on_terminal: Callable[..., list[str]]) -> None:
    lines = on_terminal(80, "recordings", "list")
    assert lines[0].split() == ["sequence", "started", "duration", "size", "trigger", "marks"]
    assert lines[1].startswith("1 ") and lines[2].startswith("    category: ") and "; id: " in lines[2]
    assert len(lines) == 7
    assert on_terminal(20, "recordings", "list").count("sequence") == 1


def test_a_docking_station_is_readable_too(on_terminal: Callable[..., list[str]]) -> None:
    for width in (80, 20):
        lines = on_terminal(width, "station", "bays", device="sim:?station=3&seed=9990&recordings=0&mib=1")
        told = " ".join(lines)
        assert "current" in told
        assert max(map(len, lines)) <= width and "quarantine" not in told
        assert all(str(bay) in told for bay in (1, 2, 3)) and "°C" in told


@pytest.mark.parametrize("width", [1, 2, 5, 9, 20, 33, 80])
def test_wide_letters_and_long_words_fit_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    output = Output(as_json=False, terminal=True)
    text = "警察署 " + "x" * 50 + " 第5分署"
    output.show(
        {},
        Rows("名前", ["番号", "what", "where"], [["1", text, text], ["2", "-", ""]]),
        Facts("t", [Fact("a", text, "名前", text)]),
    )
    said = capsys.readouterr().out
    assert all(cell_len(line) <= max(width, 2) for line in said.splitlines())
    assert "".join(said.split()).count("x" * min(50, 1)) >= 50


def test_an_empty_cell_takes_no_line_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    Output(as_json=False, terminal=True).show(
        {}, Rows("", ["a", "b", "c"], [["1", "", "-"], ["2", "x" * 30, ""]])
    )
    assert [line.strip() for line in capsys.readouterr().out.splitlines()][:2] == ["a", "1"]


def test_what_zero_stands_for_is_told_in_words_and_sizes_have_a_unit(
    on_terminal: Callable[..., list[str]],
) -> None:
    told = {tuple(line.rsplit(maxsplit=1)) for line in on_terminal(120, "info") if len(line.split()) > 1}
    assert ("  max request", "any") in {(name.rstrip(), value) for name, value in told}
    shown = "\n".join(on_terminal(200, "recordings", "show", "1"))
    assert "1.0 MiB" in shown and "1048576" not in shown

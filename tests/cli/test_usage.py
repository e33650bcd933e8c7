"""What the command line says of itself, and of what it does not take."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.app import VERBS, load
from bwc_sdk.cli.running.options import COMMON
from bwc_sdk.cli.running.usage import _OTHER_NAMES
from bwc_sdk.host.file_advice import file_advice

Bwc = Callable[..., Any]


def _paths(name: str, command: Any) -> Iterator[tuple[str, ...]]:
    yield tuple(name.split())
    for below, one in getattr(command, "commands", {}).items():
        yield from _paths(f"{name} {below}", one)


EVERY = [path for name in VERBS for path in _paths(name, load(name))]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_a_verb_explains_its_own_options_and_only_names_those_of_every_verb(
    bwc: Bwc, path: tuple[str, ...]
) -> None:
    ran = bwc(*path, "--help")
    assert ran.code == 0
    for technical in ("<int", "<str", "<path", "<list", "<float", "<=", ">=", "{", "COMMAND [ARGS]"):
        assert technical not in ran.out
    assert "Speak without any protection" not in ran.out
    if not (VERBS[path[0]].extra):
        assert ran.out.count("--allow-insecure") == 1 and "'bwc --help' explains them" in ran.out
    assert "..." not in ran.out.partition("Verbs:")[2]  # nothing of a verb's line is cut off


def test_the_overview_explains_what_every_verb_takes(bwc: Bwc) -> None:
    said = bwc("--help").out
    assert "Options of every verb, before it or after it:" in said
    assert all(
        f"--{flag}" in said
        for flag in ("device", "json", "role", "timeout", "capture", "identity", "lab", "verbose")
    )
    assert len(COMMON) == 9 and "[0.05 to 3600]" in said


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["battery", "--timeout", "x"], "--timeout: takes a number from 0.05 to 3600, not 'x'"),
        (["battery", "--timeout", "0"], "--timeout: takes a number from 0.05 to 3600, not '0'"),
        (["battery", "--timeout", "nan"], "--timeout: takes a number from 0.05 to 3600, not 'nan'"),
        (["audit", "--after", "-1"], "--after: takes a number of at least 0, not '-1'"),
        (["station", "bay", "x"], "BAY: takes a whole number from 1 to 64, not 'x'"),
        (["station", "bay", "9" * 5_000], "BAY: takes a whole number from 1 to 64, not '999"),
        (["station", "bay", "3", "x"], "ACTION: 'x' is not one of 'power', 'data', 'identify', 'release'"),
        (["config", "show", "--view", "x"], "--view: 'x' is not one of 'effective', 'pending', 'staged'"),
        (
            ["offload"],
            "DEST is missing\n  try: bwc offload [OPTIONS] DEST [RECORDING...]; 'bwc offload --help'",
        ),
        (["offload", "/tmp", "a"], "RECORDING: takes a whole number, not 'a'"),
        (["offload", "/tmp", "--limit", "5"], "'5' is no bandwidth: write for example"),
        (["config", "set"], "KEY=VALUE is missing\n  try: bwc config set [OPTIONS] KEY=VALUE...;"),
        (["batery"], "there is no verb 'batery'. Did you mean 'battery'?\n  try: bwc [OPTIONS] VERB ...;"),
        (["config", "sohw"], "there is no verb 'sohw'. Did you mean 'show'?"),
        (["-v"], "a verb is missing"),
        (["battery", "--jsn"], "there is no option --jsn; did you mean --json?"),
        (["battery", "-x"], "there is no option -x"),
        (["info", "a", "b"], "got unexpected extra argument"),
        (["battery", "--role"], "option '--role' requires an argument"),
        (["reboot"], "name the device, as 'bwc info' shows it, or give --yes"),
        (["sim", "--recordings", "x"], "--recordings: takes a whole number from 0 to 100000, not 'x'"),
        (["sim", "--faults", "melt=1"], "melt=1"),
        (["sim", "--set", "recording.pre_event_s=x"], "takes a whole number, not 'x'"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong_in_our_words_and_what_to_do(
    bwc: Bwc, argv: list[str], told: str
) -> None:
    ran = bwc(*argv)
    assert ran.code == 2 and ran.out == ""
    assert ran.err.startswith("error: command line: ") and "\n  try: " in ran.err
    assert told in ran.err
    for foreign in ("Input should", "Value error", "Invalid value", "pydantic", "invalid literal"):
        assert foreign not in ran.err


@pytest.mark.parametrize("argv", [["battery", "--timeout", "x"], ["batery"], ["offload"], ["info", "--nope"]])
def test_a_wrong_command_line_is_told_as_json_where_that_is_asked_for(bwc: Bwc, argv: list[str]) -> None:
    ran = bwc("--json", *argv)
    assert (ran.error["class"], ran.error["exit_code"], ran.code) == ("UsageError", 2, 2)
    assert ran.error["rule"] and ran.error["advice"]


@pytest.mark.parametrize(
    "argv",
    [
        ["battery", "-d", "sim:", "-d", "sim:?seed=2"],
        ["battery", "--device", "sim:", "--device=sim:?seed=2"],
        ["offload", "/tmp", "--station", "sim:?station=1", "--station", "sim:?station=2"],
        ["offload", "/tmp", "-d", "sim:", "--expect", "A", "--expect", "B"],
        ["bridge", "-d", "sim:", "--listen", "nowhere", "--listen", "nowhere"],
        ["sim", "--state", "a", "--state", "b", "--faults", "melt=1"],
        ["battery", "-d", "sim:", "--capture", "a", "--capture", "b"],
    ],
    ids=" ".join,
)
def test_an_option_that_takes_one_value_is_refused_twice(bwc: Bwc, argv: list[str]) -> None:
    ran = bwc(*argv)
    assert ran.code == 2 and "is given twice, and takes one value" in ran.err


def test_what_may_come_more_than_once_still_may(bwc: Bwc, sim: str) -> None:
    assert bwc("battery", "-v", "-v", "--json", "--json", device=sim).code == 0


@pytest.mark.parametrize(
    "argv",
    [
        ["config", "apply", "PATH"],
        ["config", "diff", "PATH"],
        ["decode", "PATH"],
        ["offload", "PATH"],
        ["dock", "watch", "PATH"],
        ["incoming", "list", "PATH"],
        ["incoming", "clean", "PATH", "--yes"],
        ["battery", "--capture", "PATH"],
        ["udev", "--to", "PATH"],
        ["spec", "--to", "PATH"],
        ["sim", "--state", "PATH", "--listen", "nowhere"],
    ],
    ids=" ".join,
)
def test_whether_a_path_can_be_read_is_told_by_whoever_opens_it(
    bwc: Bwc, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    """Not by the library that reads the command line: it knows neither the exit code nor the next step."""
    (tmp_path / "path").touch()
    monkeypatch.setattr(
        os, "access", lambda *_, **__: False
    )  # root may read everything, and the tests may be root
    ran = bwc(*(str(tmp_path / "path") if word == "PATH" else word for word in argv), device=sim)
    assert "is not readable" not in ran.err
    assert ran.code != 2 or argv[0] == "sim"  # which is refused for "nowhere"


@pytest.mark.parametrize("verb", [["config", "apply"], ["decode"], ["battery", "--capture"]], ids=" ".join)
@pytest.mark.parametrize(
    ("place", "step"),
    [
        ("", "name a file: this is a directory"),
        ("none/x", "is the path right?"),
        ("file/x", "is no directory"),
    ],
)
def test_a_file_that_cannot_be_opened_says_what_is_in_the_way(
    bwc: Bwc, tmp_path: Path, sim: str, verb: list[str], place: str, step: str
) -> None:
    (tmp_path / "file").touch()
    ran = bwc(*verb, str(tmp_path / place), device=sim)
    assert ran.code == 9 and step in ran.err.splitlines()[-1]


def test_who_may_not_open_a_file_is_not_asked_whether_its_path_is_right() -> None:
    for why in (errno.EACCES, errno.EPERM):
        assert "the right to it" in file_advice(OSError(why, os.strerror(why)))


@pytest.mark.parametrize(("typed", "meant"), _OTHER_NAMES.items(), ids=_OTHER_NAMES)
def test_a_verb_by_the_habit_of_another_program_is_answered_with_ours(
    bwc: Bwc, typed: str, meant: str
) -> None:
    ran = bwc(typed)
    assert ran.code == 2 and f"did you mean 'bwc {meant}'?" in ran.err
    assert bwc(*meant.split(), "--help").code == 0

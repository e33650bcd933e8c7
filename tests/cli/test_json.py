"""Standard output under --json: one document, or one line an event; errors go to standard error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Bwc = Callable[..., Any]

READING = [
    ["info"],
    ["self-test"],
    ["battery"],
    ["storage"],
    ["clock", "show"],
    ["config", "show"],
    ["config", "get", "recording.segment_s"],
    ["assign"],
    ["recordings", "list"],
    ["recordings", "show", "1"],
    ["audit"],
    ["raw", "clock.read"],
]
CHANGING = [
    ["clock", "sync", "--source", "operator"],
    ["config", "set", "recording.pre_event_s=45"],
    ["assign", "O-17", "--unit", "North"],
    ["assign", "--clear"],
    ["recordings", "mark", "1"],
    ["recordings", "hold", "1", "--reason", "case 7"],
    ["reboot", "--yes"],
]
HERE = [["devices"], ["doctor"], ["version"], ["raw"]]


@pytest.mark.parametrize("argv", READING + CHANGING, ids=" ".join)
def test_a_verb_on_a_device_gives_one_document_that_says_what_it_is_of(
    bwc: Bwc, sim: str, argv: list[str]
) -> None:
    ran = bwc(*argv, "--json", device=sim)
    assert ran.code == 0, ran.err
    device = ran.document["device"]
    assert device["identity"].startswith("SIM-")
    assert (device["simulator"], device["secure"]) == (True, True)
    assert ran.err == ""


@pytest.mark.parametrize("argv", HERE, ids=" ".join)
def test_a_verb_on_this_host_gives_one_document(bwc: Bwc, argv: list[str]) -> None:
    assert isinstance(bwc(*argv, "--json").document, dict)


@pytest.mark.parametrize("argv", READING, ids=" ".join)
def test_a_pipe_gets_plain_lines_without_control_characters(bwc: Bwc, sim: str, argv: list[str]) -> None:
    ran = bwc(*argv, device=sim)
    assert ran.code == 0
    assert ran.out.endswith("\n")
    assert all(line.replace("\t", "").isprintable() for line in ran.out.splitlines())
    assert "is a simulator; this session is protected" in ran.err  # the report is marked as a simulator's


def test_an_error_leaves_standard_output_empty(bwc: Bwc, sim: str) -> None:
    ran = bwc("raw", "battery.status", "cell=9", "--json", device=sim)
    assert ran.out == ""
    assert ran.error["layer"] == "command"
    assert ran.error["command"] == "battery.status"
    assert ran.error["exit_code"] == ran.code == 6
    assert ran.error["advice"]


def test_a_wrong_value_is_told_as_json_too(bwc: Bwc, sim: str) -> None:
    ran = bwc("raw", "battery.status", "cel=0", "--json", device=sim)
    assert ran.out == "" and ran.error["exit_code"] == ran.code == 2


def test_a_configuration_error_lists_each_problem(bwc: Bwc, sim: str) -> None:
    ran = bwc("config", "set", "a=1", "recording.pre_event_s=x", "--json", device=sim)
    assert len(ran.error["problems"]) == 2


def test_an_offload_gives_a_line_an_event_and_last_the_result(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    ran = bwc("offload", str(tmp_path), "--json", device=sim)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    names = [line["event"] for line in lines]
    assert names[:2] == ["connected", "planned"]
    assert names.count("segment_stored") == 3
    for line in lines:
        if line["event"] in ("recording_started", "progress", "segment_stored", "recording_finished"):
            assert line["sequence"] in (1, 2, 3), line  # by the same name in every event
    result = lines[-1]
    assert result["event"] == "result" and result["complete"] is True
    for recording in result["recordings"]:
        assert recording["outcome"] == "stored"
        for segment in recording["segments"]:
            assert Path(segment["path"]).stat().st_size == segment["size_bytes"]
            assert len(bytes.fromhex(segment["table_sha256"])) == 32


def test_what_is_not_stored_says_why(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    ran = bwc("offload", str(tmp_path), "--json", device=f"{sim}&faults=bad=1")
    result = json.loads(ran.out.splitlines()[-1])
    assert result["complete"] is False
    outcomes = {recording["outcome"] for recording in result["recordings"]}
    assert outcomes == {"stored", "on_camera"} or outcomes == {"stored", "refused"}
    assert all(recording["reason"] for recording in result["recordings"] if recording["outcome"] != "stored")

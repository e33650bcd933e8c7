"""Captures come back in the specification's words, and a damaged one is named by its line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.capture.decoding import Decoded, decode_file
from bwc_sdk.capture.entries import LINE_MAX
from bwc_sdk.capture.file import CaptureError

Bwc = Callable[..., Any]


@pytest.fixture
def capture(bwc: Bwc, sim: str, tmp_path: Path) -> Path:
    file = tmp_path / "cap"
    assert bwc("raw", "battery.status", "cell=9", "--capture", str(file), device=sim).code == 6
    return file


def test_a_conversation_is_told_by_name(capture: Path) -> None:
    found = list(decode_file(capture))
    frames = [one.name for one in found if one.layer == "frame"]
    messages = [(one.sender, one.name) for one in found if one.layer == "message"]
    assert frames[:2] == ["HELLO", "HELLO_ACK"]
    assert ("host", "battery.status request") in messages
    assert ("device", "battery.status error") in messages
    error = next(one for one in found if one.name == "battery.status error")
    assert error.fields["code"] == "not-found"
    assert not any(one.problem for one in found)


def test_the_verb_prints_lines_or_one_document(bwc: Bwc, capture: Path) -> None:
    assert "-> message battery.status request request=1 cell=9" in bwc("decode", str(capture)).out
    document = bwc("decode", str(capture), "--messages", "--json").document
    head, *passed = document["capture"]
    assert head["layer"] == "capture" and {one["layer"] for one in passed} == {"message"}
    assert bwc("decode", "/dev/null", "--json").document == {"capture": [], "ends_inside_line": None}


def test_a_capture_is_told_with_the_device_that_it_is_of(bwc: Bwc, sim: str, capture: Path) -> None:
    first = next(decode_file(capture))
    assert (first.layer, first.name, first.fields["device"]) == ("capture", "begins", sim)
    assert isinstance(first.fields["utc_ns"], int)
    for more in ((), ("--messages",)):
        assert (
            bwc("decode", str(capture), *more)
            .out.splitlines()[0]
            .split(maxsplit=1)[1]
            .startswith(f'capture begins device="{sim}" utc_ns=')
        )
    assert bwc("decode", str(capture), "--json").document["capture"][0]["fields"]["device"] == sim


def test_a_capture_is_told_with_the_bay_that_it_is_of(tmp_path: Path) -> None:
    one = _one(tmp_path, {"t": 0.0, "device": "usb:1-4?bay=3", "channel": 3})
    assert (one.channel, one.fields) == (3, {"device": "usb:1-4?bay=3", "utc_ns": None})


def test_a_capture_that_does_not_say_what_it_is_of_is_read_as_before(bwc: Bwc, capture: Path) -> None:
    with_head = list(decode_file(capture))
    capture.write_bytes(capture.read_bytes().split(b"\n", 1)[1])
    assert list(decode_file(capture)) == with_head[1:]
    assert bwc("decode", str(capture)).code == 0


def _one(tmp_path: Path, line: dict[str, Any]) -> Decoded:
    file = tmp_path / "cap"
    file.write_text(json.dumps(line) + "\n")
    return next(decode_file(file))


def _message(opcode: int, flags: int = 0, body: str = "") -> dict[str, Any]:
    return {
        "t": 0,
        "dir": "device",
        "message": {"opcode": opcode, "flags": flags, "request": 1, "body": body},
    }


def test_what_breaks_the_specification_is_marked_and_kept(tmp_path: Path) -> None:
    one = _one(tmp_path, _message(0x0201, 1, "50"))
    assert one.name == "battery.status reply" and "ends inside" in one.problem
    assert one.fields["body"] == "50"
    unknown = _one(tmp_path, _message(0x7777, 1, "aa"))
    assert unknown.name == "0x7777 reply" and "another version" in unknown.problem
    assert "flags" in _one(tmp_path, _message(0x0201, 0x80)).name


@pytest.mark.parametrize(
    "line",
    [
        "garbage",
        "[]",
        "{}",
        '{"t": 0, "dir": "host"}',
        '{"t": 0, "dir": "nobody", "frame": ""}',
        '{"t": 0, "dir": "host", "frame": "00"}',
        '{"t": 0, "dir": "host", "frame": 7}',
        '{"t": 0, "dir": "host", "message": {"opcode": "x"}}',
        '{"t": 0, "dir": "host", "message": {"opcode": 1, "flags": 0, "request": 0, "body": "zz"}}',
        "[" * 50_000,
        '{"t": 1%s, "dir": "host", "bad": ""}' % ("0" * 400),
        '{"t": 0, "dir": "host", "message": "text"}',
        '{"t": 0, "device": "sim:", "utc_ns": "x"}',
        '{"t": 0, "device": "sim:", "channel": []}',
        '{"t": 0, "dir": "host", "message": {"opcode": 1e999, "flags": 0, "request": 0, "body": ""}}',
    ],
)
def test_a_line_that_is_none_is_named(bwc: Bwc, tmp_path: Path, line: str) -> None:
    file = tmp_path / "cap"
    file.write_text('{"t": 0, "dir": "host", "bad": "00"}\n' + line + "\n")
    with pytest.raises(CaptureError, match="line 2") as told:
        list(decode_file(file))
    assert "indices" not in str(told.value) and "recursion" not in str(told.value), (
        "in words, not in Python's"
    )
    ran = bwc("decode", str(file))
    assert ran.code == 9 and "Traceback" not in ran.err


def test_an_endless_line_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "cap"
    file.write_text('"' + "x" * (2 * LINE_MAX))
    with pytest.raises(CaptureError, match="longer than"):
        list(decode_file(file))


def test_a_capture_whose_writer_was_killed_ends_at_its_last_whole_line(bwc: Bwc, capture: Path) -> None:
    whole = capture.read_bytes()
    lines = whole.count(b"\n")
    for torn in (1, 10):  # without its line end a line is whole; without more it is not
        capture.write_bytes(whole[:-torn])
        assert len(list(decode_file(capture))) == lines - (torn > 1)
    ran = bwc("decode", str(capture))
    assert ran.code == 0 and ran.out.count("\n") == lines - 1
    assert f"ends inside line {lines}" in ran.err
    assert bwc("decode", str(capture), "--json").document["ends_inside_line"] == lines


def test_a_file_of_one_line_that_is_no_capture_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    (tmp_path / "cap").write_text("hello")
    with pytest.raises(CaptureError, match="line 1"):
        list(decode_file(tmp_path / "cap"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 100])
def test_a_file_that_is_no_capture_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cap").write_bytes(content + b"\n")
    with pytest.raises(CaptureError):
        list(decode_file(tmp_path / "cap"))
    with pytest.raises(CaptureError):
        list(decode_file(tmp_path / "missing"))

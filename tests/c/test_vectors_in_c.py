"""The device in C decodes, encodes and behaves as the vectors say (spec: Vectors), under ASan and UBSan."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.conversation.message import HEADER, Flag
from bwc_protocol.crc import CHECK
from bwc_protocol.frame import Frame, FrameParser, FrameType, HelloAck, Reset, ResetReason
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.session.preamble import SIZE

VECTORS = Path("protocol/vectors")
Played = Callable[[list[str]], list[str]]


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def played(build: Callable[[str], Path]) -> Played:
    """Says lines to the replay, and gives what it answers."""
    program = build("replay")

    def play(lines: list[str]) -> list[str]:
        done = subprocess.run(
            [program],
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return play


def test_checksums_and_frames(played: Played) -> None:
    assert played([f"crc {b'123456789'.hex()}"]) == [f"{CHECK:08x}"]
    frames = [
        one for one in read("frames")["frames"] if not one["header"]["sack"]
    ]  # of one slot it has none to report
    assert len(frames) > 15
    said = [
        "frame {type} {channel} {link} {epoch} {window} {seq} {ack}".format(**one["header"])
        + f" {one['payload']}"
        for one in frames
    ]
    assert played(said) == [one["hex"] for one in frames]


@pytest.mark.parametrize("cut", [1, 7, 1_000_000])
def test_frames_are_found_among_damage(played: Played, cut: int) -> None:
    streams = read("frames")["streams"]
    found = iter(played([f"stream {one['max_payload']} {cut} {one['hex']}" for one in streams]))
    for one in streams:
        assert list(iter(found.__next__, ".")) == one["frames"], one["about"]


# Messages


def flat(fields: Any, types: list[dict[str, Any]], records: dict[str, Any]) -> list[Any]:
    """Values as the replay shows them: numbers as numbers, all else in hexadecimal."""
    return [value(fields[one["field"]], one, records) for one in types]


def value(of: Any, kind: dict[str, Any], records: dict[str, Any]) -> Any:
    if "record" in kind:
        return [flat(item, records[kind["record"]], records) for item in of]
    match kind["type"]:
        case "text":
            return of.encode().hex()
        case "blob" | "bytes":
            return of
        case _:
            return int(kind["not_known"] if of is None else of)


def cases() -> list[tuple[str, str, list[dict[str, Any]], dict[str, Any]]]:
    """Name, side, types and case of every message that there is."""
    vectors, found = read("messages"), []
    for command in vectors["commands"]:
        for side in ("request", "reply"):
            plural = "replies" if side == "reply" else "requests"
            found += [(command["name"], side, command[f"{side}_types"], case) for case in command[plural]]
    for side in ("event", "control"):
        for one in vectors[f"{side}s"]:
            found += [(one["name"], side, one["types"], case) for case in one["cases"]]
    found += [("error", "control", vectors["error_types"], case) for case in vectors["errors"]]
    return found


def test_every_message_decodes_to_its_values_and_encodes_to_its_bytes(played: Played) -> None:
    records = read("messages")["types"]["records"]
    all_of_them = cases()
    answers = played([f"message {name} {side} {case['body']}" for name, side, _, case in all_of_them])
    assert len(answers) == len(all_of_them) > 200
    for (name, side, types, case), answer in zip(all_of_them, answers, strict=True):
        shown, _, encoded = answer.partition(" ")
        assert json.loads(shown) == flat(case["fields"], types, records), (name, side)
        if not case.get("decode_only"):
            assert encoded == case["body"], (name, side)


def test_surplus_is_skipped_and_what_is_malformed_is_refused(played: Played) -> None:
    vectors = read("messages")
    types = {
        (one["name"], side): one[f"{side}_types"]
        for one in vectors["commands"]
        for side in ("request", "reply")
    }
    surplus, malformed = vectors["surplus"], vectors["malformed"]
    answers = played([f"message {one['name']} {one['of']} {one['body']}" for one in surplus + malformed])
    for one, answer in zip(surplus, answers, strict=False):
        shown = json.loads(answer.partition(" ")[0])
        assert shown == flat(one["fields"], types[one["name"], one["of"]], vectors["types"]["records"])
    assert answers[len(surplus) :] == ["malformed"] * len(malformed)


# Behaviour

GIVEN = read("behaviour")["given"]
SCRIPTS = [script for script in read("behaviour")["scripts"] if script["under_test"] == "device"]
HELD = "order, duplicates, gaps, the window"
"""Of this script it drops what comes behind a gap: beyond its window, which is of one frame."""


def said(frames: list[bytes]) -> tuple[list[tuple[Any, ...]], dict[tuple[int, int], bytes]]:
    """What frames say, for an end that acknowledges at other times and has one frame under way (spec: Vectors): the
    answers to what came, in order, and the bytes of each life of a channel."""
    words: list[tuple[Any, ...]] = []
    channels: dict[tuple[int, int], dict[int, bytes]] = {}
    for data in frames:
        (frame,) = FrameParser(65_535).feed(data, 0.0)
        if frame.type is FrameType.DATA:
            first = channels.setdefault((frame.channel, frame.epoch), {}).setdefault(frame.seq, frame.payload)
            if first != frame.payload:
                words.append((frame.type, frame.channel, frame.link, frame.epoch, frame.seq, frame.payload))
        elif frame.type is not FrameType.ACK and not repeats(frame):
            payload = frame.payload
            if frame.type is FrameType.HELLO_ACK:
                ack = HelloAck.decode(payload)  # its window is 1, and it was built to take more than is given
                payload = replace(
                    ack, max_payload=min(ack.max_payload, GIVEN["max_payload"]), window=1
                ).encode()
            words.append((frame.type, frame.channel, frame.link, frame.epoch, frame.seq, payload))
    return words, {
        life: without_details(b"".join(pieces[seq] for seq in sorted(pieces)))
        for life, pieces in channels.items()
    }


def without_details(stream: bytes) -> list[bytes]:
    """The device's bytes of a channel as preamble and records, one message a record; errors without what is for a log
    alone."""
    found, at = [stream[:SIZE]], SIZE
    while at < len(stream):
        kind, size = stream[at], int.from_bytes(stream[at + 1 : at + 4], "little")
        body = stream[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == RecordType.DATA and (flags := HEADER.unpack_from(body)[2]) == Flag.ERROR:
            body = body[4 : HEADER.size + 1] + bytes([flags])
        found.append(bytes([kind]) + body)
    return found


def repeats(frame: Frame) -> bool:
    """A PING of its own timer on a channel that is open: when is its own affair."""
    return frame.type is FrameType.PING and frame.epoch != 255


def without_copies(words: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """A RESET that is repeated until it is answered counts once."""
    found: list[tuple[Any, ...]] = []
    for word in words:
        reset = word[0] is FrameType.RESET and Reset.decode(word[-1]).reason is not ResetReason.ANSWER
        if not (reset and word in found):
            found.append(word)
    return found


def differs(script: dict[str, Any], lines: list[str]) -> bool:
    """Whether the device said something else than the script has it say."""
    answers = [line.split() for line in lines if line != "."]
    ours = said([bytes.fromhex(hexed) for _, _, hexed in answers])
    theirs = said([bytes.fromhex(step["out"]) for step in script["steps"] if "out" in step])
    words = [without_copies(one) for one in (ours[0], theirs[0])]
    if (
        "CHN-024" in script["rules"]
    ):  # the end of its retries is its own, and what comes before and after it is not
        words = [sorted(one) for one in words]
    lives = theirs[1] if script["name"] != HELD else {}
    exact = [float(step["at_ms"]) for step in script["steps"] if "out" in step]
    times = [float(at) for _, at, _ in answers]
    late = script["layer"] == "link" and times != exact  # which has no timers but those of the specification
    return words[0] != words[1] or ours[1] != lives or late


def lines_of(script: dict[str, Any]) -> list[str]:
    """What is said to the replay."""
    steps = script["steps"]
    came = [f"at {step['at_ms']} {step['in']}" for step in steps if "in" in step]
    return ["boot", *came, f"at {steps[-1]['at_ms']}"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: f"{one['layer']}: {one['name']}")
def test_it_behaves_as_the_script_says(played: Played, script: dict[str, Any]) -> None:
    assert not differs(script, played(lines_of(script)))


DEFECTS = re.findall(r'X\((\w+), "(\w+)-', Path("protocol/c/core/defects.h").read_text(encoding="utf-8"))
SHOWN_ELSEWHERE = {
    "ACKS_AHEAD": "acknowledgements are compared nowhere here: by raw tests",
    "DELIVERS_TWICE": "the duplicate of the script is no message",
    "SILENT_ON_DUPLICATES": "as ACKS_AHEAD",
    "IGNORES_WINDOW": "no script closes the window",
}


def damaged_streams_differ(played: Played, name: str) -> bool:
    """Whether a parser with the defect finds other frames."""
    streams = read("frames")["streams"]
    found = iter(
        played([f"defect {name}", *(f"stream {s['max_payload']} 1000000 {s['hex']}" for s in streams)])
    )
    return any(list(iter(found.__next__, ".")) != one["frames"] for one in streams)


@pytest.mark.parametrize("name", [name for name, layer in DEFECTS if layer in ("FRM", "LNK", "CHN", "SES")])
def test_a_defect_of_link_channel_or_session_shows_in_the_vectors(played: Played, name: str) -> None:
    shown = damaged_streams_differ(played, name) or any(
        differs(script, played([f"defect {name}", *lines_of(script)])) for script in SCRIPTS
    )
    assert shown is (name not in SHOWN_ELSEWHERE)

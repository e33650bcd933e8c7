"""The vectors of behaviour hold: bytes and times in, bytes and times out, in both roles (spec: Vectors)."""

import json
from typing import Any

import pytest

from bwc_protocol.conversation import FailReason
from bwc_protocol.conversation.endings import BY_PEER, ENDINGS, LINGER_S
from bwc_protocol.frame import Frame, FrameParser, FrameType, Reset
from bwc_protocol.link import LinkRole
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.session.interface import Alert
from bwc_protocol.versions import NEWEST
from tools.generate import spec_tables, write_vectors
from tools.testkit import released_replay
from tools.testkit.behaviour import Player, record

BEHAVIOUR = json.loads((write_vectors.FOLDER / "behaviour.json").read_text(encoding="utf-8"))
SCRIPTS: list[dict[str, Any]] = BEHAVIOUR["scripts"]
Script = dict[str, Any]


def named(script: Script) -> str:
    return f"{script['layer']}, {script['under_test']}: {script['name']}"


def replayed(script: Script) -> Player:
    return released_replay.replayed(script, NEWEST)


@pytest.mark.rule("SES-018")
@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_an_end_does_what_the_script_says(script: Script) -> None:
    assert [step for step in replayed(script).steps if "out" in step] == [
        step for step in script["steps"] if "out" in step
    ]


def test_each_layer_has_scripts_in_both_roles_and_names_rules_that_exist() -> None:
    text = spec_tables.SPECIFICATION.read_text(encoding="utf-8")
    assert len({named(script) for script in SCRIPTS}) == len(SCRIPTS)
    assert {(s["layer"], s["under_test"]) for s in SCRIPTS} == {
        (layer, role.value) for layer in ("link", "channel", "session") for role in LinkRole
    }
    for script in SCRIPTS:
        assert script["rules"] and all(f"**{rule}**" in text for rule in script["rules"]), named(script)


def frames(script: Script) -> list[tuple[float, Frame]]:
    """What the end says, with the time."""
    found = []
    for step in script["steps"]:
        if "out" in step:
            found += [
                (step["at_ms"], frame) for frame in FrameParser(244).feed(bytes.fromhex(step["out"]), 0.0)
            ]
    return found


ENDS = [script for script in SCRIPTS if script["name"].startswith("ends: ")]


@pytest.mark.rule("SES-018")
@pytest.mark.rule("SES-005")
@pytest.mark.parametrize("script", ENDS, ids=named)
def test_each_end_says_what_the_table_says(script: Script) -> None:
    player = replayed(script)
    assert len(player.ended) == 1
    by_peer = "an alert: " in script["name"] or "an alert without" in script["name"]
    ending = BY_PEER if by_peer else ENDINGS[FailReason[player.ended[0]]]
    said = frames(script)
    alerts = [
        (at, frame) for at, frame in said if frame.type is FrameType.DATA and frame.payload[:1] == b"\x03"
    ]
    resets = [(at, frame) for at, frame in said if frame.type is FrameType.RESET]
    first_at, reset = resets[0]
    assert Reset.decode(reset.payload).reason is ending.reset
    assert {frame.payload for _, frame in alerts} == (
        set() if ending.alert is None else {record(RecordType.ALERT, bytes([ending.alert]))}
    )
    coming = [step for step in script["steps"] if "in" in step]
    if "for 10 s" in script["name"]:
        opened = next(s["at_ms"] for s in script["steps"] if "DATA" in s.get("is", ""))
        assert first_at == opened + 10_000
    elif "never acknowledged" in script["name"]:
        assert first_at == alerts[0][0] + LINGER_S * 1000
    elif ending.alert is not None:
        assert first_at == coming[-2]["at_ms"] > alerts[0][0], (
            "with the acknowledgement of the alert, and not before"
        )
    else:
        assert first_at == coming[-2]["at_ms"], "at once"


def test_every_alert_and_every_reason_of_a_failure_has_a_script_that_ends_by_it() -> None:
    ended = {reason for script in SCRIPTS for reason in replayed(script).ended}
    unscripted = {FailReason.OVERFLOW, FailReason.LIMIT}  # too many bytes, and a day, for a file
    assert ended == {reason.name for reason in FailReason if reason not in unscripted} | {"CLOSED"}
    assert {Alert.REFUSED, Alert.MALFORMED} <= {e.alert for e in ENDINGS.values()}

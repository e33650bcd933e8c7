"""The transition tables in the specification are what the code does, cell by cell (spec: Link, Channel, Session)."""

import re

import pytest

from bwc_protocol.conversation import State
from bwc_protocol.link import LinkState
from tools.generate import spec_tables
from tools.generate.spec import transitions as spec_transitions

TEXT = spec_tables.SPECIFICATION.read_text(encoding="utf-8")


def cells(name: str) -> dict[tuple[str, str], str]:
    """The cells of a table in the document, by event and state."""
    found = re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end", TEXT, re.DOTALL)
    assert found is not None
    head, _, *rows = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in found[1].strip().split("\n")]
    return {(row[0], state): cell for row in rows for state, cell in zip(head[1:], row[1:], strict=True)}


@pytest.mark.parametrize("name", list(spec_transitions.TABLES))
def test_a_table_in_the_document_is_what_the_code_does(name: str) -> None:
    assert f"{spec_transitions.TABLES[name]()}\n<!-- end: {name} -->" in TEXT, (
        "run python -m tools.generate.spec_tables"
    )


def test_every_state_of_the_code_has_a_column() -> None:
    host = {state for _, state in cells("transitions-link-host")}
    device = {state.split(",")[0] for _, state in cells("transitions-link-device")}
    assert host | device == {state.name for state in LinkState}
    for role in ("host", "device"):
        conversation = {state for _, state in cells(f"transitions-conversation-{role}")}
        assert conversation == {state.name for state in State} - {"OVER"}


@pytest.mark.rule("LNK-003")
@pytest.mark.rule("LNK-007")
@pytest.mark.rule("LNK-021")
@pytest.mark.rule("CHN-003")
@pytest.mark.rule("CHN-007")
@pytest.mark.rule("SES-009")
@pytest.mark.rule("SES-017")
def test_the_cells_that_rules_speak_of() -> None:
    """Written by hand from the rules, so that the table cannot follow the code into a fault."""
    link, device = cells("transitions-link-host"), cells("transitions-link-device")
    assert link["HELLO_ACK with its host nonce", "LIVE"] == "–"
    assert link["BYE(UNKNOWN_LINK) of that link", "CHECKING"] == "→ CALLING, HELLO"
    assert link["HELLO_ACK beyond its offer", "CALLING"] == "→ CLOSED, BYE(PROTOCOL)"
    assert device["HELLO of another", "LIVE"] == "→ LIVE, candidate, HELLO_ACK"
    assert device["first PING with the candidate's nonce", "LIVE, candidate"] == "→ LIVE, PONG"
    assert device["BYE(NORMAL) with the candidate's nonce", "LIVE, candidate"] == "→ LIVE"
    ours, theirs = cells("transitions-channel-host"), cells("transitions-channel-device")
    assert ours["its owner opens it", "CLOSED(0)"] == "→ OPEN(1), DATA(1)"
    assert "DATA" not in ours["its owner opens it", "RESETTING(0)"]
    assert theirs["RESET(1, NORMAL)", "CLOSED(0)"] == "→ CLOSED(1), RESET(1, ANSWER)"
    assert theirs["DATA(1), `seq` 0", "OPEN(0)"] == "–"
    for role in (ours, theirs):
        assert role["RESET(0, NORMAL)", "CLOSED(0)"] == "RESET(0, ANSWER)"
        assert role["RESET(0, ANSWER)", "CLOSED(0)"] == "–"
    host, camera = cells("transitions-conversation-host"), cells("transitions-conversation-device")
    broken = "→ OVER, alert MALFORMED, RESET(PROTOCOL)"
    assert host["READY", "INFO"] == host["READY", "READY"] == camera["READY", "READY"] == broken
    assert camera["READY", "INFO"] == broken, "before SESSION_INFO"
    assert camera["a request", "INFO"] == "error NOT_READY"
    assert camera["an event", "READY"] == camera["an answer that nobody waits for", "READY"] == broken
    assert host["an answer that nobody waits for", "READY"] == "–"
    assert camera["preamble without a common version", "PREAMBLE"] == "preamble"
    for role in (host, camera):
        assert role["alert REFUSED", "READY"] == "→ OVER, RESET(PROTOCOL)"
        assert role["10 s since the opening", "INFO"] == "→ OVER, RESET(PROTOCOL)"

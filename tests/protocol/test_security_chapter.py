"""What the specification's chapter on security says of roles and attackers follows from the declarations."""

import re

import pytest

from bwc_protocol import messages
from bwc_protocol.declare import ANYONE, COMMANDS, Effect, Request, Role, StreamDirection
from tools.generate import spec_tables

TEXT = spec_tables.SPECIFICATION.read_text(encoding="utf-8")
CHAPTER = TEXT[TEXT.index("\n## Security\n") : TEXT.index("\n## Worked example\n")]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table behind a heading, without its head."""
    lines = CHAPTER[CHAPTER.index(f"### {heading}\n") :].split("\n")
    first = next(n for n, line in enumerate(lines) if line.startswith("|"))
    table = lines[first + 2 : next(n for n in range(first, len(lines)) if not lines[n].startswith("|"))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def commands(role: Role) -> list[type[Request]]:
    """What a host of this role may ask, apart from documents, whose signatures are what counts."""
    assert messages.SUBJECTS, "every declaration is loaded"
    return [
        command for _, command in sorted(COMMANDS.items()) if role in command.roles and not command.signed
    ]


def changing(role: Role) -> set[str]:
    return {command.name for command in commands(role) if command.effect is not Effect.READS}


def test_every_attacker_has_a_row_and_every_row_says_something_of_everything() -> None:
    who = [row[0] for row in rows("Who attacks")]
    against = rows("Against whom what is protected")
    for attacker in who:
        assert any(row[0].startswith(attacker) for row in against), attacker
    assert len({len(row) for row in against}) == 1
    assert all(cell for row in against for cell in row)


def test_nobody_alters_footage_by_a_command() -> None:
    assert messages.SUBJECTS, "every declaration is loaded"
    into = {c.name for c in COMMANDS.values() if c.stream is StreamDirection.TO_DEVICE}
    assert not {name for name in into if name.startswith("recordings.")}


def test_a_dock_delivers_and_never_authors() -> None:
    authored = {
        name for name in changing(Role.DOCK_OFFLOAD) if name.split(".")[0] in ("config", "assignment")
    }
    assert not authored
    assert "recordings.open" in {command.name for command in commands(Role.DOCK_OFFLOAD)}


def test_a_hold_is_lifted_by_the_records_office_and_on_a_bench_alone() -> None:
    names = {command.name for command in commands(Role.DOCK_OFFLOAD)}
    assert "recordings.lift" not in names and "recordings.hold" in names
    assert "recordings.lift" in changing(Role.RECORDS)
    assert not {
        name for name in changing(Role.RECORDS) if name.split(".")[0] in ("config", "assignment", "clock")
    }


def test_a_technician_never_reads_footage() -> None:
    names = {command.name for command in commands(Role.TECHNICIAN)}
    assert not names & {"recordings.open", "recordings.table"}


@pytest.mark.parametrize("role", [Role.AUDITOR])
def test_an_auditor_changes_nothing(role: Role) -> None:
    assert not changing(role)


def test_who_has_no_agency_may_only_enrol() -> None:
    names = {command.name for command in commands(Role.ENROLLER)}
    assert {name for name in names if not name.startswith("trust.")} <= {"device.identify"}


def test_a_recipient_of_evidence_asks_nothing() -> None:
    assert not commands(Role.EVIDENCE_RECIPIENT)
    assert Role.EVIDENCE_RECIPIENT not in ANYONE and Role.ENROLLER not in ANYONE

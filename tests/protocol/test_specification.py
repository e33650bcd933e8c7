"""The specification says what the code does: its tables are the declarations, its rules have numbers."""

import ast
import re
from pathlib import Path

import pytest

from bwc_protocol.conversation.message import STREAM_DATA
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS
from bwc_protocol.session import insecure, interface
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import spec_tables
from tools.generate.spec.layouts import LAYOUTS, field_names

ROOT = Path(__file__).parents[2]
TEXT = spec_tables.SPECIFICATION.read_text(encoding="utf-8")
RULES = re.findall(r"^- \*\*([A-Z]{3}-\d{3})\*\* (.*)$", TEXT, re.MULTILINE)
FAMILIES = (
    "FRM",
    "LNK",
    "CHN",
    "STA",
    "TRN",
    "USB",
    "BLE",
    "SES",
    "CER",
    "MSG",
    "STR",
    "REC",
    "DOC",
    "TRU",
    "CLK",
    "CFG",
    "AUD",
    "ROL",
    "BEN",
)


def headings() -> list[str]:
    outside = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    return [title.replace("`", "") for title in re.findall(r"^#+ (.*)$", outside, re.MULTILINE)]


def anchor(title: str) -> str:
    """How the common renderers name a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_generated_parts_are_fresh() -> None:
    assert spec_tables.render(TEXT) == TEXT, "stale: run python -m tools.generate.spec_tables"


def test_every_generated_part_stands_in_the_document_once() -> None:
    assert sorted(spec_tables.markers(TEXT)) == sorted(spec_tables.SECTIONS)
    assert TEXT.count("<!-- generated: ") == TEXT.count("<!-- end: ") == len(spec_tables.SECTIONS)


@pytest.mark.parametrize("cls", [*COMMANDS.values(), *EVENTS.values()], ids=lambda cls: cls.name)
def test_every_command_and_event_has_a_row_and_a_table(cls: type) -> None:
    assert f"| `{cls.opcode:#06x}` | [`{cls.name}`]" in TEXT
    assert cls.name in headings()


def test_every_control_message_has_a_table() -> None:
    for opcode, cls in CONTROLS.items():
        assert f"#### `{cls.name}`" in TEXT and f"opcode `{opcode:#04x}`" in TEXT
    assert f"opcode `{STREAM_DATA:#04x}`" in TEXT


def test_every_error_code_says_when_it_is_given() -> None:
    for code in ErrorCode:
        assert re.search(rf"^\| {int(code)} \| `{code.name}` \| .{{10,}} \|$", TEXT, re.MULTILINE), code


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_every_field_of_a_layout_has_a_meaning(name: str) -> None:
    _, meanings = LAYOUTS[name]
    assert set(field_names(name)) == set(meanings)


IN_BLOCKS = {"REC": range(36, 90)}
"""Numbers that sections of the specification were given in blocks: not all of a block is used."""


def test_rules_are_numbered_once_without_gaps() -> None:
    assert len(RULES) > 100
    numbers = [number for number, _ in RULES]
    assert len(set(numbers)) == len(numbers)
    assert {number[:3] for number in numbers} == set(FAMILIES)
    for family in FAMILIES:
        own = [int(number[4:]) for number in numbers if number.startswith(family)]
        missing = set(range(1, max(own) + 1)) - set(own)
        assert missing <= set(IN_BLOCKS.get(family, ())), family


def test_every_rule_is_one_sentence_with_a_must() -> None:
    for number, rule in RULES:
        assert "MUST" in rule, number
        assert rule.rstrip(" °").endswith("."), number


FIRMWARE_ONLY: dict[str, str] = {}
"""Rules that nothing in this repository can break, with the reason. A device has to be shown to keep them."""


def guarded_rules() -> dict[str, list[str]]:
    """The tests that name each rule: in their mark `rule`, or in their own name."""
    found: dict[str, list[str]] = {}
    for path in sorted([*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "hil_tests").rglob("test_*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                named = [
                    number
                    for mark in marks
                    if mark.startswith("pytest.mark.rule(")
                    for number in re.findall(r"[A-Z]{3}-\d{3}", mark)
                ]
                named += [
                    f"{family.upper()}-{n}"
                    for family, n in re.findall(r"_([a-z]{3})_(\d{3})_", node.name)
                    if family.upper() in FAMILIES
                ]
                for number in named:
                    found.setdefault(number, []).append(f"{path.name}::{node.name}")
    return found


def test_every_rule_is_named_by_a_test_that_guards_it() -> None:
    guarded = guarded_rules()
    assert set(guarded) <= set(dict(RULES)), "a test names a rule that does not exist"
    missing = [number for number, _ in RULES if number not in guarded and number not in FIRMWARE_ONLY]
    assert not missing
    assert not set(FIRMWARE_ONLY) & set(guarded), "it can be tested after all"


def test_every_rule_with_a_counter_example_is_explained() -> None:
    rationale = TEXT[TEXT.index("## Rationale") :]
    for number, rule in RULES:
        if rule.endswith("°"):
            assert number in rationale, f"{number} is marked ° and not explained"
    for number in re.findall(r"[A-Z]{3}-\d{3}", rationale):
        assert number in dict(RULES), number


def test_every_link_inside_the_document_leads_somewhere() -> None:
    known = {anchor(title) for title in headings()}
    assert len(known) == len(headings()), "two headings share a name"
    for target in re.findall(r"\]\(#([^)]*)\)", TEXT):
        assert target in known, target


def test_every_diagram_is_closed_and_of_a_known_kind() -> None:
    diagrams = re.findall(r"^```mermaid\n([\w-]+)\n.*?^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert set(diagrams) == {"stateDiagram-v2", "sequenceDiagram"}
    assert diagrams.count("stateDiagram-v2") == 5, "host, device, channel at both, conversation"
    assert TEXT.count("```") % 2 == 0


def test_code_that_cites_the_specification_cites_a_section_that_exists() -> None:
    known = set(headings())
    cited: dict[str, str] = {}
    for folder in ("protocol", "bwc_sdk", "firmware_sim", "hil_tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for reference in re.findall(
                r"\(spec: ((?!FieldSpec)[A-Z][^)]*)\)", path.read_text(encoding="utf-8")
            ):
                for title in re.split(r", ", reference):
                    if not re.fullmatch(r"0x[0-9a-f]{2}xx", title):
                        cited[title.strip('"')] = path.name
    missing = {title: where for title, where in cited.items() if title not in known}
    assert not missing


def test_a_stale_table_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(TEXT.replace("| `charge_pct` |", "| `charge` |"), encoding="utf-8")
    monkeypatch.setattr(spec_tables, "SPECIFICATION", copy)
    assert spec_tables.main(["--check"]) == 1
    assert spec_tables.main([]) == 0
    assert copy.read_text(encoding="utf-8") == TEXT
    assert spec_tables.main(["--check"]) == 0


def test_the_numbers_in_the_prose_are_the_numbers_of_the_code() -> None:
    """Prose cannot be generated; these are the places where a limit stands in it."""
    from bwc_protocol.conversation import machine, message, stream
    from bwc_protocol.evidence import cbor
    from bwc_protocol.evidence import vocabulary as evidence
    from bwc_protocol.frame import CONTROL_MAX, MIN_PAYLOAD, PARTIAL_S
    from bwc_protocol.link import LinkParams
    from bwc_protocol.messages import identity, recordings
    from bwc_protocol.session import preamble

    rules, params = dict(RULES), LinkParams()
    assert f"{int(PARTIAL_S * 1000)} ms" in rules["FRM-004"]
    assert f"at most {CONTROL_MAX} bytes" in TEXT
    assert f"{params.ping_after_s:g} s" in rules["LNK-013"]
    assert f"{params.dead_after_s:g} s" in rules["LNK-015"]
    assert f"{params.connect_within_s:g} s" in rules["LNK-016"]
    assert f"{MIN_PAYLOAD} bytes" in rules["LNK-017"]
    assert f"every {params.ack_every}th frame, after {params.ack_after_s * 1000:g} ms" in rules["CHN-016"]
    assert f"{params.probe_max_s:g} s" in rules["CHN-018"]
    assert f"below {preamble.MIN_PLAINTEXT}" in rules["SES-002"]
    assert f"{machine.HANDSHAKE_S:g} s" in rules["SES-005"]
    assert f"{insecure.HANDSHAKE_MAX:,} bytes" in rules["SES-012"]
    assert f"{interface.RECORD_MAX:,} bytes" in rules["SES-014"]
    assert f"{message.BODY_MAX:,}" in rules["MSG-004"]
    assert f"beyond {machine.MAX_REQUESTS} " in rules["MSG-005"]
    assert f"more than {stream.MAX_STREAMS} streams" in rules["STR-008"]
    assert f"1 to {evidence.MAX_SEGMENTS} **segments**" in TEXT
    assert f"{evidence.CHUNK_SIZE:,} bytes" in TEXT and f"at least {evidence.MIN_CHUNK_SIZE:,}" in TEXT
    assert f"at most {evidence.MANIFEST_MAX:,} bytes" in TEXT
    costs = TEXT[TEXT.index("### What it costs") : TEXT.index("### Minimal host")]
    longest = max(
        c.codec.size_max for c in COMMANDS.values() if c.codec.size_max <= identity.SMALLEST_REQUEST
    )
    assert f"{longest} bytes, without `config.stage` and `recordings.receipt`" in costs
    assert f"{2 + recordings.RecordingEntry.codec.size_max} bytes | pages may be short" in costs
    assert f"{insecure.RECORD_HEADER.sizeof() + insecure._Hello.codec.size_max} bytes are enough" in costs
    assert f"{evidence.DIGEST_SIZE} bytes a chunk" in costs
    assert "`max_request` that it states" in rules["MSG-020"]
    assert f"at least {identity.SMALLEST_REQUEST}" in rules["MSG-019"]
    assert f"more than {machine.MAX_REQUESTS} requests" in rules["MSG-022"]
    assert f"{cbor.MAX_DEPTH} levels" in rules["REC-022"].replace("six", "6")
    assert f"{evidence.MAX_CHUNKS:,} chunks" in rules["REC-028"]

"""Packs as files: what is refused and how it is told, what the hash covers, and the packs that are shipped."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from bwc_protocol.evidence import VOCABULARY_VERSION
from bwc_protocol.evidence.vocabulary import POLICY_MAX
from bwc_sdk.errors import HostFileError, PolicyError
from bwc_sdk.policy.catalogue import RULES
from bwc_sdk.policy.check import Kind
from bwc_sdk.policy.demands import AnyDemand
from bwc_sdk.policy.figures import Figures
from bwc_sdk.policy.pack import Pack, Status, pack_schema
from bwc_sdk.policy.reading import (
    PACK_MAX,
    Library,
    named_pack,
    parse_pack,
    read_pack,
    shipped_ids,
    shipped_pack,
    shipped_text,
)
from bwc_sdk.policy.vocabulary import WORDS, Alternative, Circumstance
from tests.policy.packs import against, answers, pack, rule, write

HEAD = 'pack = 1\nid = "x"\ntitle = "t"\nlevel = "agency"\nvocabulary = 1\n'
PRE_EVENT = """
[[rules]]
id = "record.pre_event_s"
demand = { kind = "at_least", value = 30 }
status = "verified"
citation = { source = "somewhere" }
"""


def problems(text: str) -> str:
    """What is told of a file."""
    with pytest.raises(PolicyError) as told:
        parse_pack(text.encode(), "x.toml")
    return "\n".join(told.value.problems)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not TOML"),
        ("", "Field required"),
        (HEAD + 'motto = "x"\n', "motto: there is no such key"),
        (HEAD.replace("vocabulary = 1", "vocabulary = 99"), "vocabulary"),
        (
            HEAD + PRE_EVENT.replace("record.pre_event_s", "record.pre_evnt_s"),
            "did you mean record.pre_event_s?",
        ),
        (HEAD + PRE_EVENT.replace("at_least", "at_most"), "is of the kind at_least, not at_most"),
        (HEAD + PRE_EVENT.replace("30", "-1"), "record.pre_event_s"),
        (HEAD + PRE_EVENT.replace("30", "true"), "record.pre_event_s"),
        (HEAD + PRE_EVENT.replace("30", "9_999_999"), "record.pre_event_s"),
        (HEAD + PRE_EVENT.replace("verified", "sure"), "'verified', 'paraphrase' or 'recalled'"),
        (HEAD + PRE_EVENT.replace('citation = { source = "somewhere" }', ""), "citation: Field required"),
        (HEAD + PRE_EVENT + PRE_EVENT, "stands there twice"),
        (HEAD + PRE_EVENT + "effective_from = 2026-02-01\neffective_to = 2026-01-01\n", "is before"),
        (HEAD + 'parent_sha256 = "' + "0" * 64 + '"\n', "without a parent"),
        (HEAD + "[settings]\n'x y' = 1\n", "settings"),
        (HEAD + "[settings]\nx = [1]\n", "settings"),
    ],
)
def test_what_is_no_pack_is_told_by_rule_and_field(text: str, said: str) -> None:
    assert said in problems(text) and "x.toml" in problems(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = HEAD + PRE_EVENT.replace("verified", "sure").replace("30", '"30s"')
    with pytest.raises(PolicyError) as told:
        parse_pack(text.encode(), "x.toml")
    assert len(told.value.problems) == 2


WHOLE = """
pack = 1
id = "x"
title = "x"
level = "agncy"
vocabulary = 1
efective_from = 2026-01-01
effective_from = 2026-02-01
effective_to = 2026-01-01
parent_sha256 = "{zeros}"
default_category = "trafic"

[[categories]]
name = "traffic"

[[categories]]
name = "traffic"

[[own_words]]
family = "events"
number = 130
nmae = "a patrol by horse"

[[rules]]
id = "record.activate_on"
demand = {{ kind = "must_include", values = ["arest", "130", "131"] }}
status = "sure"
citation = {{ sorce = "somewhere" }}

[[rules]]
id = "record.pre_evnt_s"
demand = {{ kind = "at_least", value = 30 }}
citation = {{ source = "somewhere" }}

[[rules]]
id = "record.post_event_s"
demand = {{ kind = "at_most", valu = 30 }}
status = "verified"
citation = {{ source = "somewhere" }}

[[rules]]
id = "record.endurance_h"
demand = {{ kind = "at_leest", value = 8 }}
status = "verified"
citation = {{ source = "somewhere" }}

[[rules]]
id = "record.activate_on"
demand = {{ kind = "must_include", values = ["arrest"] }}
status = "verified"
citation = {{ source = "somewhere" }}
""".format(zeros="0" * 64)
ALL_OF_IT = [
    "level: Input should be 'department', 'agency', 'unit', 'law' or 'model'; did you mean agency?",
    "own_words.number 1.name: Field required",
    "own_words.number 1.nmae: there is no such key; did you mean name?",
    "record.activate_on.status: Input should be 'verified', 'paraphrase' or 'recalled'",
    "record.activate_on.citation.source: Field required",
    "record.activate_on.citation.sorce: there is no such key; did you mean source?",
    "record.pre_evnt_s.status: Field required",
    "record.post_event_s.at_most.value: Field required",
    "record.post_event_s.at_most.valu: there is no such key; did you mean value?",
    "record.endurance_h: Input tag 'at_leest' found using 'kind' does not match any of the expected tags",
    "efective_from: there is no such key; did you mean effective_from?",
    "parent_sha256: parent_sha256 without a parent",
    "effective_to: 2026-01-01 is before effective_from 2026-02-01",
    "record.pre_evnt_s: no such rule: record.pre_evnt_s; did you mean record.pre_event_s?",
    "record.activate_on: 'arest' is no word of events; did you mean arrest?",
    "record.activate_on: '131' is no word of events, and [[own_words]] does not say what it is",
    "record.activate_on: stands there twice for the same days",
    "categories: a category stands there twice",
    "default_category: 'trafic' is none of the categories; did you mean traffic?",
]


def test_words_and_what_does_not_go_together_are_told_whatever_else_is_wrong() -> None:
    with pytest.raises(PolicyError) as told:
        parse_pack(WHOLE.encode(), "x.toml")
    lines = [one.removeprefix("x.toml: ") for one in told.value.problems]
    for line, expected in zip(lines, ALL_OF_IT, strict=True):
        assert line.startswith(expected), (line, expected)
    assert "did you mean at_least?" in lines[9]


def test_mending_one_thing_takes_just_that_line_away() -> None:
    with pytest.raises(PolicyError) as told:
        parse_pack(WHOLE.encode(), "x.toml")
    for wrong, right, fewer in (
        ('"arest"', '"arrest"', 1),
        ('"agncy"', '"agency"', 1),
        ("sorce", "source", 2),
    ):
        with pytest.raises(PolicyError) as less:
            parse_pack(WHOLE.replace(wrong, right).encode(), "x.toml")
        assert set(less.value.problems) < set(told.value.problems)
        assert len(less.value.problems) == len(told.value.problems) - fewer


def test_of_a_file_with_everything_wrong_the_first_are_told_and_how_many_more_there_are() -> None:
    words = ", ".join(f'"no-{number}"' for number in range(100))
    text = HEAD + PRE_EVENT.replace("record.pre_event_s", "record.activate_on").replace(
        'kind = "at_least", value = 30', f'kind = "must_include", values = [{words}]'
    )
    with pytest.raises(PolicyError) as told:
        parse_pack(text.encode(), "x.toml")
    assert len(told.value.problems) == 41 and told.value.problems[-1] == "x.toml: and 60 more"


@pytest.mark.parametrize("word", ["arest", "not-given", "storage-full", "256", "127", "128"])
def test_a_word_that_the_vocabulary_has_not_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="is no word of events"):
        pack("x", rule("record.activate_on", "must_include", values=[word]))


@pytest.mark.parametrize("word", ["power-lost", "continued", "not-given"])
def test_nobody_permits_what_the_camera_does_by_itself(word: str) -> None:
    with pytest.raises(ValueError, match="is no word of reasons"):
        pack("x", rule("record.may_stop_for", "only_from", values=[word]))


def test_an_agencys_own_event_counts_as_what_it_maps_to_or_is_additional() -> None:
    def own(number: int, maps_to: str = "") -> dict[str, object]:
        return {"family": "events", "number": number, "name": "x", "maps_to": maps_to}

    department = pack("department", rule("record.activate_on", "must_include", values=["arrest"]))
    asks = rule("record.activate_on", "must_include", values=["130"])
    mapped = pack("agency", asks, own_words=[own(130, "arrest")])
    additional = pack("agency", asks, own_words=[own(130)])
    other = pack("other", asks, own_words=[own(130)])
    assert answers(against(mapped, department)) == {"record.activate_on": "equal"}
    assert answers(against(additional, department)) == {"record.activate_on": "incomparable"}
    assert answers(against(additional, other)) == {"record.activate_on": "incomparable"}, (
        "130 of another agency"
    )
    borrowed = pack("unit", asks, own_words=[own(130, "agency/130")])
    assert answers(against(borrowed, additional)) == {"record.activate_on": "equal"}


def test_the_ordinary_end_of_an_event_is_no_reason_that_counts() -> None:
    with_it = pack("a", rule("record.may_stop_for", "only_from", values=["event-over", "privacy"]))
    without = pack("b", rule("record.may_stop_for", "only_from", values=["privacy"]))
    assert answers(against(with_it, without)) == {"record.may_stop_for": "equal"}


def test_the_hash_is_of_what_a_pack_says_and_not_of_how_it_is_written() -> None:
    first = parse_pack((HEAD + PRE_EVENT).encode(), "x")
    spaced = parse_pack(("\n# a remark\n" + PRE_EVENT.join([HEAD, ""])).replace(" = ", "=").encode(), "x")
    assert first.sha256 == spaced.sha256 and len(first.sha256) == 64
    two = [rule("record.activate_on", "must_include", values=words) for words in (["arrest", "search"],)]
    turned = [rule("record.activate_on", "must_include", values=["search", "arrest"])]
    assert pack("x", *two).sha256 == pack("x", *turned).sha256
    other = rule("record.endurance_h", "at_least", value=3)
    assert pack("x", other, *two).sha256 == pack("x", *two, other).sha256
    assert parse_pack((HEAD + PRE_EVENT.replace("30", "31")).encode(), "x").sha256 != first.sha256


def test_settings_are_the_same_with_and_without_quotes() -> None:
    quoted, bare = (
        parse_pack((HEAD + f"[settings]\n{text}\n").encode(), "x")
        for text in ('"mute.allowed" = true\n"audio.gain_db" = 3', "mute.allowed = true\naudio.gain_db = 3")
    )
    assert bare.settings == {"mute.allowed": True, "audio.gain_db": 3} and bare.sha256 == quoted.sha256
    for text in ("a = {}", "a.b = [1]", "'a.b' = 1\na.b = 2", "a." * 200 + "b = 1"):
        with pytest.raises(PolicyError, match="settings"):
            parse_pack((HEAD + f"[settings]\n{text}\n").encode(), "x")


def test_the_hash_of_a_pack_never_changes() -> None:
    """Manifests name it for as long as footage is kept: whatever a later version adds, this one stays."""
    found = parse_pack((HEAD + PRE_EVENT).encode(), "x")
    assert found.canonical == (
        b'{"catalogue":1,"id":"x","level":"agency","pack":1,"rules":[{"citation":{"source":"somewhere"},'
        b'"demand":{"kind":"at_least","value":30},"id":"record.pre_event_s","status":"verified"}],"title":"t",'
        b'"vocabulary":1}'
    )
    assert found.sha256 == hashlib.sha256(found.canonical).hexdigest()


@pytest.mark.parametrize(("one", "other"), [("at_least", "at_most"), ("must_include", "forbidden")])
def test_two_kinds_of_the_same_value_never_have_one_hash(one: str, other: str) -> None:
    whole = {
        "at_least": rule("retention.days", "at_least", value=5),
        "at_most": rule("retention.days", "at_most", value=5),
        "must_include": rule("record.activate_on", "must_include", values=[]),
        "forbidden": rule("use.forbidden", "forbidden", values=[]),
    }
    assert pack("x", whole[one]).sha256 != pack("x", whole[other]).sha256


def test_to_permit_nothing_has_another_hash_than_to_say_nothing() -> None:
    nothing = pack("x", rule("record.mute", "only_from", values=[]), settings={"recording.event": ""})
    assert b'"values":[]' in nothing.canonical and b'"recording.event":""' in nothing.canonical


def test_rules_hold_on_their_days() -> None:
    early = rule("record.pre_event_s", "at_least", value=30, dates={"effective_to": "2024-12-31"})
    late = rule("record.pre_event_s", "at_least", value=60, dates={"effective_from": "2025-01-01"})
    both = pack("x", early, late, effective_to="2025-12-31")
    for day, value in (("2020-01-01", 30), ("2024-12-31", 30), ("2025-01-01", 60)):
        found = both.rules_on(datetime.date.fromisoformat(day))["record.pre_event_s"].demand
        assert found.model_dump()["value"] == value
    assert both.rules_on(datetime.date(2026, 1, 1)) == {}


def test_a_file_is_read_within_bounds(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (PACK_MAX + 1))
    with pytest.raises(PolicyError, match="larger than"):
        read_pack(large)
    with pytest.raises(HostFileError):
        read_pack(tmp_path / "none.toml")
    with pytest.raises(PolicyError, match="not UTF-8"):
        parse_pack(b"\xff\xfe", "x")
    marked = b"\xef\xbb\xbf" + (HEAD + PRE_EVENT).encode()
    assert parse_pack(marked, "x").id == "x", "as an editor of Windows writes it"


def test_a_parent_is_found_by_id_and_by_hash(tmp_path: Path) -> None:
    write(tmp_path / "one.toml", HEAD)
    write(tmp_path / "profile.toml", "recording.pre_event_s = 30\n")
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")  # nobody waits for one who would write into it
    library = Library([], [tmp_path])
    found = library.find("x")
    assert library.find("x", found.sha256) == found
    with pytest.raises(PolicyError, match="no pack of that id here has the hash"):
        library.find("x", "0" * 64)
    with pytest.raises(PolicyError) as told:
        library.find("y")
    assert "--packs" in told.value.advice
    write(tmp_path / "two.toml", HEAD.replace('"t"', '"another"'))
    with pytest.raises(PolicyError, match="several packs"):
        Library([], [tmp_path]).find("x")


def test_what_is_given_goes_before_what_lies_about(tmp_path: Path) -> None:
    mine = pack("us-dhs-2023", rule("record.endurance_h", "at_least", value=8), level="department")
    assert Library([mine]).find("us-dhs-2023") == mine
    assert Library().find("us-dhs-2023") == shipped_pack("us-dhs-2023")
    shipped = shipped_pack("us-dhs-2023").sha256
    assert Library([mine]).find("us-dhs-2023", shipped).sha256 == shipped, "the hash has the last word"


def test_no_class_is_called_default() -> None:
    with pytest.raises(ValueError, match="cannot be called 'default'"):
        pack("x", rule("retention.days", "per_class", default={"low": 9}, classes={"default": {"low": 1}}))


def test_a_file_goes_before_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named_pack("us-dhs-2023")[1] is None
    with pytest.raises(PolicyError, match="did you mean us-dhs-2023"):
        named_pack("us-dhs-2022")
    with pytest.raises(HostFileError):
        named_pack("us-dhs-2023.toml")


@pytest.mark.parametrize("name", shipped_ids())
def test_a_shipped_pack_is_one_and_says_where_each_rule_stands(name: str) -> None:
    found = shipped_pack(name)
    assert found.id == name and len(name) <= POLICY_MAX and found.vocabulary <= VOCABULARY_VERSION
    assert found.rules
    for one in found.rules:
        assert one.citation.source and (one.citation.place or one.note)


def test_the_departments_pack_claims_no_more_than_its_announcement_says() -> None:
    found = shipped_pack("us-dhs-2023")
    status = {one.id: one.status for one in found.rules}
    assert Status.VERIFIED not in status.values(), "its text was not at hand"
    assert status["training.max_age_d"] is Status.RECALLED, "the announcement gives no number"
    assert b"rescinded" in shipped_text("us-dhs-2023")


def test_the_shipped_packs_cover_who_they_are_for() -> None:
    levels = {one: str(shipped_pack(one).level) for one in shipped_ids()}
    assert sorted(levels.values()).count("law") == 2 and "department" in levels.values()
    assert {"us-cbp-example", "us-ice-example", "us-usss-example", "model-iacp-2014"} <= set(levels)


def test_the_schema_names_every_rule_kind_and_field() -> None:
    schema = pack_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert "record.pre_event_s" in json.dumps(schema) and "at_least_per" in json.dumps(schema)
    assert set(schema["properties"]) == set(Pack.model_fields)
    for name in shipped_ids():
        assert set(tomllib.loads(shipped_text(name).decode())) <= set(schema["properties"])


def test_the_page_has_every_rule_with_its_kind_and_every_word() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    for name, info in RULES.items():
        (line,) = (one for one in page.splitlines() if one.startswith(f"| `{name}` |"))
        assert f"`{info.kind}`" in line and all(str(place) in line for place in info.acts)
        assert info.unit in line and str(info.words or "") in line
    for word in (*(one for words in WORDS.values() for one in words), *Circumstance, *Alternative):
        assert f"`{word}`" in page, word
    for kind in Kind:
        assert f"`{kind}`" in page, kind


def test_the_examples_of_the_page_are_what_a_pack_has() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    head, first, own = blocks[:3]
    whole = parse_pack((head + first + own).encode(), "page")
    assert whole.parent == "us-dhs-2023" and len(whole.rules) == len(whole.own_words) == 1
    demands = [line for block in blocks for line in block.splitlines() if line.startswith("demand = ")]
    assert len(demands) >= 8
    for line in demands:
        TypeAdapter(AnyDemand).validate_python(tomllib.loads(line)["demand"])
    figures = next(block for block in blocks if "figures = 1" in block)
    assert Figures.model_validate(tomllib.loads(figures)).training is not None

"""The verdict, what blocks and what warns, and the documents: same inputs, same bytes."""

from __future__ import annotations

import datetime
from html.parser import HTMLParser

import pytest
from tinyhtml5.parser import HTMLParser as TinyParser

from bwc_sdk.policy.comparison import Verdict, document
from bwc_sdk.policy.comparison_page import page
from bwc_sdk.policy.page import Page, Table, Tone, to_html, to_json, to_markdown
from tests.policy.packs import against, pack, rule

ASKED = rule("record.pre_event_s", "at_least", value=30)
HEARSAY = rule("record.pre_event_s", "at_least", value=30, status="recalled")


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([ASKED], [ASKED], Verdict.MEETS),
        ([], [], Verdict.MEETS),
        ([rule("record.pre_event_s", "at_least", value=31)], [ASKED], Verdict.EXCEEDS),
        ([ASKED], [], Verdict.EXCEEDS),
        ([], [ASKED], Verdict.FALLS_SHORT),
        ([], [HEARSAY], Verdict.MEETS),
        ([HEARSAY], [ASKED], Verdict.MEETS),
        ([rule("record.pre_event_s", "at_least", value=3, status="recalled")], [ASKED], Verdict.FALLS_SHORT),
    ],
)
def test_the_verdict(
    ours: list[dict[str, object]], theirs: list[dict[str, object]], verdict: Verdict
) -> None:
    found = against(pack("ours", *ours), pack("theirs", *theirs))
    assert found.verdict is verdict and found.meets is (verdict is not Verdict.FALLS_SHORT)


def test_what_is_only_recalled_warns_on_either_side() -> None:
    (row,) = against(pack("ours"), pack("theirs", HEARSAY)).rows
    assert row.short and row.warns and not row.blocks
    (row,) = against(pack("ours", HEARSAY), pack("theirs", ASKED)).rows
    assert row.warns and not row.short


STRICTER = rule("record.post_event_s", "at_least", value=9)


@pytest.mark.parametrize(
    ("ours", "theirs", "headline"),
    [
        ([STRICTER], [], "Meets or exceeds: every rule is the same or stricter"),
        (
            [STRICTER],
            [HEARSAY],
            "Meets, with a warning: 1 rule short of what is only recalled",
        ),
        ([], [HEARSAY], "Meets, with a warning: 1 rule short of what is only recalled"),
        (
            [],
            [HEARSAY, {**STRICTER, "status": "recalled"}],
            "Meets, with a warning: 2 rules short of what is only recalled",
        ),
        ([], [ASKED], "Falls short"),
    ],
)
def test_the_headline_counts_what_is_weaker_and_only_warns(
    ours: list[dict[str, object]], theirs: list[dict[str, object]], headline: str
) -> None:
    shown = page(against(pack("ours", *ours), pack("theirs", *theirs)))
    assert shown.verdict == headline
    found = against(pack("ours", *ours), pack("theirs", *theirs))
    assert (found.verdict is Verdict.EXCEEDS) is headline.startswith("Meets or exceeds")
    warned = "only recalled" in headline
    assert shown.tone is (Tone.WARNS if warned else Tone.BAD if headline == "Falls short" else Tone.GOOD)
    weaker = next(bar for bar in shown.plots[0].bars if bar.label == "weaker")
    assert weaker.tone is (Tone.WARNS if warned else Tone.BAD)


def test_each_row_has_both_values_both_sources_and_a_sentence() -> None:
    told = document(
        against(pack("ours", HEARSAY), pack("theirs", rule("record.pre_event_s", "at_least", value=60)))
    )
    (row,) = told["rules"]
    assert (
        row["agency"]["value"] == {"kind": "at_least", "value": 30}
        and row["agency"]["text"] == "at least 30 s"
    )
    assert row["department"]["citations"] == ["a test, 1"] and row["agency"]["status"] == "recalled"
    assert "ours" in row["sentence"] and "at least 60 s" in row["sentence"] and "weaker" in row["sentence"]


def test_the_same_inputs_give_the_same_bytes_and_another_day_says_so() -> None:
    ours, theirs = pack("ours", ASKED), pack("theirs", HEARSAY)
    one, other = against(ours, theirs), against(ours, theirs)
    for render in (to_html, to_markdown):
        assert render(page(one)) == render(page(other))
    assert to_json(document(one)) == to_json(document(other))
    later = document(against(ours, theirs, on=datetime.date(2027, 1, 1)))
    assert later["query"] == {"name": "policy-diff", "version": 2, "on": "2027-01-01"}
    changed = document(against(pack("ours", HEARSAY), theirs))
    assert changed["inputs_sha256"] != document(one)["inputs_sha256"]
    assert document(one)["inputs"][0] == {"role": "agency", "pack": "ours", "sha256": ours.sha256}


def test_the_day_from_which_it_has_to_be_met() -> None:
    theirs = pack("theirs", ASKED, comply_within_d=180, effective_from="2023-05-22")
    assert against(pack("ours"), theirs).due == datetime.date(2023, 11, 18)


class _Looked(HTMLParser):
    """What a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "onclick", "onload")]


def test_the_page_has_plots_and_nothing_from_elsewhere_and_whatever_a_pack_says_is_text() -> None:
    evil = "<script>alert(1)</script> | `x` [a](javascript:b) \u202e\x1b[31m"
    found = against(pack("ours", ASKED, note=evil), pack("theirs", ASKED))
    html, markdown = to_html(page(found)), to_markdown(page(found))
    looked = _Looked()
    looked.feed(html)
    assert "svg" in looked.tags and "table" in looked.tags
    assert "script" not in looked.tags and not looked.links and "img" not in looked.tags
    assert "<script>" not in html and "<script>" not in markdown and "\x1b" not in html + markdown
    assert "\u202e" not in html + markdown
    assert "url(" not in html and "@import" not in html


def test_a_page_without_rows_says_so() -> None:
    empty = Page("t", "v", Tone.GOOD, [], tables=[Table("nothing here", ["a"], [])])
    assert "Nothing." in to_html(empty) and "Nothing." in to_markdown(empty)


def test_the_page_is_html_that_a_strict_reader_takes() -> None:
    rendered = to_html(page(against(pack("ours", ASKED), pack("theirs", HEARSAY))))
    reader = TinyParser(namespace_html_elements=False)
    reader.parse(rendered)
    assert not reader.errors, reader.errors[:5]


def test_what_falls_short_stands_on_top_of_the_page() -> None:
    ours = pack(
        "ours",
        rule("record.pre_event_s", "at_least", value=60),
        rule("record.endurance_h", "at_least", value=8),
        rule("retention.days", "within", low=90),
        rule("training.max_age_d", "at_most", value=400),
    )
    theirs = pack(
        "theirs",
        rule("record.pre_event_s", "at_least", value=30),
        rule("record.endurance_h", "at_least", value=8),
        rule("retention.days", "within", high=180),
        rule("training.max_age_d", "at_most", value=365),
    )
    (rules, *_) = page(against(ours, theirs)).tables
    assert [row[0] for row in rules.rows] == ["weaker", "incomparable", "stricter", "equal"] or [
        row[0] for row in rules.rows
    ] == ["weaker", "incomparable", "equal", "stricter"]
    assert [str(one) for one in rules.tones] == ["bad", "bad", "good", "good"]

"""The linter: what audits and incidents have shown, each found where it is and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from bwc_protocol.messages.config import SettingType
from bwc_sdk.clients.known_settings import NUMBERS, SETTINGS, TEXTS
from bwc_sdk.policy.inheritance import effective
from bwc_sdk.policy.linter import lint
from bwc_sdk.policy.pack import Pack
from bwc_sdk.policy.policy_fault import PolicyFault, Severity
from bwc_sdk.policy.policy_page import lint_page
from bwc_sdk.policy.reading import Library, shipped_ids, shipped_pack
from firmware_sim.camera.setting_rules import RULES
from tests.policy.packs import DAY, pack, rule


def faults(one: Pack, *others: Pack) -> list[PolicyFault]:
    """All findings of a pack."""
    return list(lint(effective(one, DAY, Library([one, *others]))))


def codes(one: Pack, *others: Pack, severity: Severity | None = None) -> set[str]:
    """The codes of the findings, of one severity or of all."""
    return {found.code for found in faults(one, *others) if severity in (None, found.severity)}


PRE_EVENT = rule("record.pre_event_s", "at_least", value=30)
KEPT = rule(
    "retention.days",
    "per_class",
    default={"low": 60},
    classes={"flagged": {"low": 730}, "short": {"low": 30}},
)
CATEGORIES = [
    {"name": "non-evidence", "retention_class": "short"},
    {"name": "incident", "retention_class": "flagged"},
]

PLANTED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "Axon: asleep it has no buffer",
        "sleep-loses-pre-event",
        {"rules": [PRE_EVENT], "settings": {"power.sleep_after_s": 900}},
        {"rules": [PRE_EVENT], "settings": {"power.sleep_after_s": 0}},
    ),
    (
        "Kansas City, San Diego: non-evidence was the default and deleted first",
        "default-category-shortest",
        {"rules": [KEPT], "categories": CATEGORIES, "default_category": "non-evidence"},
        {
            "rules": [KEPT],
            "categories": [*CATEGORIES, {"name": "unclassified", "retention_class": "flagged"}],
            "default_category": "unclassified",
        },
    ),
    (
        "a drawn weapon is to be recorded, and the holster may start nothing",
        "activation-without-trigger",
        {
            "rules": [
                rule("record.activate_on", "must_include", values=["weapon-drawn"]),
                rule("record.start_by", "only_from", values=["officer-button"]),
            ]
        },
        {
            "rules": [
                rule("record.activate_on", "must_include", values=["weapon-drawn"]),
                rule("record.start_by", "only_from", values=["officer-button", "holster"]),
            ]
        },
    ),
    (
        "an emergency drive without the vehicle's trigger",
        "activation-without-trigger",
        {
            "rules": [
                rule("record.activate_on", "must_include", values=["emergency-drive"]),
                rule("record.start_by", "only_from", values=["officer-button"]),
            ]
        },
        {"rules": [rule("record.activate_on", "must_include", values=["emergency-drive"])]},
    ),
    (
        "the holster's trigger is switched off beside its event",
        "setting-against-rule",
        {
            "rules": [rule("record.activate_on", "must_include", values=["weapon-drawn"])],
            "settings": {"trigger.holster": False},
        },
        {
            "rules": [rule("record.activate_on", "must_include", values=["weapon-drawn"])],
            "settings": {"trigger.holster": True},
        },
    ),
    (
        "First Amendment as a purpose",
        "first-amendment-purpose",
        {"settings": {"recording.purpose": "first-amendment-only"}},
        {"settings": {"recording.purpose": "law-enforcement"}},
    ),
    (
        "First Amendment as a category",
        "first-amendment-purpose",
        {"categories": [{"name": "First Amendment activity"}]},
        {"categories": [{"name": "first aid"}]},
    ),
    (
        "First Amendment as an event of one's own",
        "first-amendment-purpose",
        {"own_words": [{"family": "events", "number": 130, "name": "1st amendment only"}]},
        {"own_words": [{"family": "events", "number": 130, "name": "march"}]},
    ),
    (
        "mute without end",
        "mute-without-reasons",
        {"settings": {"mute.allowed": True}},
        {"settings": {"mute.allowed": True}, "rules": [rule("record.mute", "only_from", values=["privacy"])]},
    ),
    (
        "never muted, and the setting lets it",
        "setting-against-rule",
        {"settings": {"mute.allowed": True}, "rules": [rule("record.mute", "only_from", values=[])]},
        {"settings": {"mute.allowed": False}, "rules": [rule("record.mute", "only_from", values=[])]},
    ),
    (
        "sound off where the recording may not end",
        "mute-wider-than-stop",
        {
            "rules": [
                rule("record.mute", "only_from", values=["tactics"]),
                rule("record.may_stop_for", "only_from", values=["privacy"]),
            ]
        },
        {
            "rules": [
                rule("record.mute", "only_from", values=["privacy"]),
                rule("record.may_stop_for", "only_from", values=["privacy", "tactics"]),
            ]
        },
    ),
    (
        "started from elsewhere, and no rule says so",
        "remote-start-unruled",
        {"settings": {"remote_activation": True}},
        {
            "settings": {"remote_activation": True},
            "rules": [rule("record.start_by", "only_from", values=["officer-button", "remote"])],
        },
    ),
    (
        "a setting below its rule",
        "setting-against-rule",
        {"rules": [PRE_EVENT], "settings": {"recording.pre_event_s": 15}},
        {"rules": [PRE_EVENT], "settings": {"recording.pre_event_s": 60}},
    ),
    (
        "more than any camera has",
        "pre-event-beyond-cameras",
        {"rules": [rule("record.pre_event_s", "at_least", value=601)]},
        {"rules": [rule("record.pre_event_s", "at_least", value=120)]},
    ),
    (
        "a default event says of each recording what nobody said",
        "default-event-hides",
        {"settings": {"recording.event": "traffic-stop"}},
        {"settings": {"recording.event": "not-given"}},
    ),
    (
        "Durham, Austin: which ones nobody categorised could not be told",
        "default-category-hides",
        {"rules": [rule("category.required", "required")], "default_category": "incident"},
        {"rules": [rule("category.required", "required")], "default_category": "unclassified"},
    ),
    (
        "a class that has no days",
        "class-without-days",
        {"rules": [KEPT], "categories": [{"name": "a", "retention_class": "flaged"}]},
        {"rules": [KEPT], "categories": [{"name": "a", "retention_class": "flagged"}]},
    ),
    (
        "a class that nothing is of",
        "class-without-category",
        {"rules": [KEPT], "categories": [{"name": "a", "retention_class": "flagged"}]},
        {"rules": [KEPT], "categories": CATEGORIES},
    ),
    (
        "gone before it has to be stored",
        "gone-before-stored",
        {
            "rules": [
                rule("retention.days", "within", low=0, high=1),
                rule("upload.deadline", "at_most", value=72),
            ]
        },
        {
            "rules": [
                rule("retention.days", "within", low=0, high=3),
                rule("upload.deadline", "at_most", value=72),
            ]
        },
    ),
    (
        "gone before it is released",
        "gone-before-released",
        {
            "rules": [
                rule("retention.days", "at_least", value=30),
                rule("release.expedited_d", "at_most", value=45),
            ]
        },
        {
            "rules": [
                rule("retention.days", "at_least", value=45),
                rule("release.expedited_d", "at_most", value=45),
            ]
        },
    ),
    (
        "an exercise as an event",
        "exercise-as-event",
        {"rules": [rule("record.activate_on", "must_include", values=["training", "arrest"])]},
        {"rules": [rule("record.activate_on", "must_include", values=["arrest"])]},
    ),
    (
        "nothing may start a recording",
        "nothing-starts",
        {"rules": [rule("record.start_by", "only_from", values=[])]},
        {"rules": [rule("record.start_by", "only_from", values=["officer-button"])]},
    ),
    (
        "nobody looked it up",
        "recalled",
        {"rules": [rule("record.endurance_h", "at_least", value=8, status="recalled")]},
        {"rules": [rule("record.endurance_h", "at_least", value=8)]},
    ),
    (
        "Durham: 3 % are never uploaded",
        "no-upload-deadline",
        {},
        {"rules": [rule("upload.deadline", "at_most", value=24)]},
    ),
    (
        "the Interior's auditors: no review",
        "no-review",
        {},
        {"rules": [rule("review.sample", "at_least_per", count=1, period_d=1)]},
    ),
    (
        "the Interior's auditors: no check before a shift",
        "no-preshift-check",
        {},
        {"rules": [rule("equipment.preshift_check", "required")]},
    ),
    (
        "no reason of a stop",
        "no-stop-reason",
        {},
        {"rules": [rule("record.stop_requires_reason", "required")]},
    ),
    ("no event", "no-event", {}, {"rules": [rule("record.event_required", "required")]}),
    ("no category", "no-category", {}, {"rules": [rule("category.required", "required")]}),
    ("no retention", "no-retention", {}, {"rules": [KEPT]}),
    (
        "no First Amendment rule",
        "no-first-amendment-rule",
        {"rules": [rule("use.forbidden", "forbidden", values=["breaks"])]},
        {"rules": [rule("use.forbidden", "forbidden", values=["first-amendment-only"])]},
    ),
    (
        "any reason will do",
        "stop-for-any-reason",
        {"rules": [rule("record.stop_requires_reason", "required")]},
        {
            "rules": [
                rule("record.stop_requires_reason", "required"),
                rule("record.may_stop_for", "only_from", values=["privacy"]),
            ]
        },
    ),
    (
        "the yearly training that nobody followed up",
        "training-never-ends",
        {"rules": [rule("training.required", "required")]},
        {"rules": [rule("training.required", "required"), rule("training.max_age_d", "at_most", value=365)]},
    ),
    (
        "a word that no rule names",
        "own-word-unused",
        {"own_words": [{"family": "events", "number": 130, "name": "march"}]},
        {
            "own_words": [{"family": "events", "number": 130, "name": "march"}],
            "rules": [rule("record.activate_on", "must_include", values=["130"])],
        },
    ),
]


def made(given: dict[str, Any]) -> Pack:
    """An agency's pack of these parts."""
    parts = dict(given)
    return pack("x", *parts.pop("rules", ()), **parts)


@pytest.mark.parametrize(("what", "code", "wrong", "right"), PLANTED, ids=[one[0] for one in PLANTED])
def test_what_is_wrong_is_found_and_what_is_right_is_not(
    what: str, code: str, wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    assert code in codes(made(wrong)), what
    assert code not in codes(made(right)), what


def test_every_finding_says_what_follows_and_what_to_do() -> None:
    for _, _, wrong, _ in PLANTED:
        for found in faults(made(wrong)):
            assert found.sentence.endswith((".", ")"))
            assert found.todo and not found.todo.endswith(".")


def test_what_rests_on_a_rule_that_is_only_recalled_is_no_error() -> None:
    recalled = rule("record.pre_event_s", "at_least", value=30, status="recalled")
    found = codes(pack("x", recalled, settings={"power.sleep_after_s": 900}), severity=Severity.ERROR)
    assert found == set()


def test_what_is_only_recalled_above_a_rule_that_was_read_hides_nothing_of_it() -> None:
    read = pack("read", PRE_EVENT, level="department")
    more = rule("record.pre_event_s", "at_least", value=60, status="recalled")
    child = pack("x", more, parent="read", settings={"power.sleep_after_s": 900})
    assert codes(child, read, severity=Severity.ERROR) == {"sleep-loses-pre-event"}


def test_a_finding_about_a_parent_is_one_of_the_pack() -> None:
    parent = pack("p", PRE_EVENT, level="department")
    child = pack("x", parent="p", settings={"power.sleep_after_s": 60})
    assert {"sleep-loses-pre-event"} == codes(child, parent, severity=Severity.ERROR)
    assert "parent-not-pinned" in codes(child, parent)
    pinned = pack("x", parent="p", parent_sha256=parent.sha256)
    assert "parent-not-pinned" not in codes(pinned, parent)
    weaker = pack("x", rule("record.pre_event_s", "at_least", value=3), parent="p")
    assert codes(weaker, parent, severity=Severity.ERROR) == {"loosens"}


@pytest.mark.parametrize("name", shipped_ids())
def test_no_shipped_pack_has_an_error(name: str) -> None:
    found = effective(shipped_pack(name), DAY, Library())
    assert [one for one in lint(found) if one.severity is Severity.ERROR] == []


def test_what_an_announcement_or_a_law_leaves_out_is_no_fault_of_it() -> None:
    assert not any(code.startswith("no-") for code in codes(shipped_pack("us-dhs-2023")))


@pytest.mark.parametrize(
    ("errors", "headline"),
    [
        (0, "0 errors, 0 warnings, 0 notes"),
        (1, "1 error, 0 warnings, 0 notes"),
        (2, "2 errors, 0 warnings, 0 notes"),
    ],
)
def test_the_headline_counts_in_good_english(errors: int, headline: str) -> None:
    one = PolicyFault("a", Severity.ERROR, "", "b", "c")
    policy = effective(shipped_pack("example-agency"), DAY, Library())
    assert lint_page(policy, [one] * errors).verdict == headline


def test_what_is_known_of_settings_is_what_a_camera_declares() -> None:
    declared = RULES
    assert set(SETTINGS) == set(declared)
    numbers = {key: (one.low, one.high) for key, one in declared.items() if one.type is SettingType.INT}
    texts = {key for key, one in declared.items() if one.type in (SettingType.TEXT, SettingType.CHOICE)}
    assert numbers == NUMBERS and texts == TEXTS


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"alarm.batery_low_pct": 20}, "setting-misspelt", "did you mean alarm.battery_low_pct?"),
        (
            {"alarm.battery_low_pct": 2000},
            "setting-not-taken",
            "2000, and cameras take a number from 5 to 50",
        ),
        ({"alarm.battery_low_pct": True}, "setting-not-taken", "true, and cameras take a number"),
        ({"overlay.identity": 1}, "setting-not-taken", "1, and cameras take true or false"),
        ({"recording.purpose": 3}, "setting-not-taken", "3, and cameras take a text"),
    ],
)
def test_a_setting_that_no_camera_takes_is_an_error(settings: dict[str, Any], code: str, said: str) -> None:
    (found,) = [one for one in faults(pack("north", settings=settings)) if one.code.startswith("setting-")]
    assert (found.code, found.severity) == (code, Severity.ERROR) and said in found.sentence


def test_a_setting_of_another_maker_is_a_warning_and_a_known_one_is_none() -> None:
    assert "setting-not-known" in codes(pack("x", settings={"maker.colour": 1}), severity=Severity.WARNING)
    both = pack("x", settings={"alarm.battery_low_pct": 20, "alarm.batery_low_pct": 20})
    assert "setting-misspelt" not in codes(both)
    assert not any(one.startswith("setting-") for one in codes(pack("x", settings={"audio.gain_db": -12})))


@pytest.mark.parametrize(
    "wrong",
    [
        rule("upload.deadline", "deadline", hours=0, alternatives=["end-of-shift"]),
        rule("upload.deadline", "at_most", value=0),
        rule("training.max_age_d", "at_most", value=0),
        rule("retention.days", "within", low=0, high=0),
        rule("retention.days", "per_class", default={"low": 90}, classes={"flagged": {"high": 0}}),
    ],
)
def test_a_rule_that_nobody_can_keep_is_an_error(wrong: dict[str, Any]) -> None:
    assert "nobody-can-keep" in codes(pack("north", wrong), severity=Severity.ERROR)
    recalled = {**wrong, "status": "recalled"}
    assert "nobody-can-keep" in codes(pack("north", recalled), severity=Severity.WARNING)


@pytest.mark.parametrize(
    "idle",
    [
        rule("record.pre_event_s", "at_least", value=0),
        rule("record.activate_on", "must_include", values=[]),
        rule("use.forbidden", "forbidden", values=[]),
        rule("review.sample", "at_least_per", count=0, period_d=7),
    ],
)
def test_a_rule_that_asks_for_nothing_is_a_warning(idle: dict[str, Any]) -> None:
    assert "asks-for-nothing" in codes(pack("north", idle), severity=Severity.WARNING)
    assert "asks-for-nothing" not in codes(pack("north", rule("category.required", "required", value=False)))

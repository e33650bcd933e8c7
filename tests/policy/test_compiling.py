"""What follows from a policy: a profile that a camera takes and that keeps the rules, and what no device can hold."""

from __future__ import annotations

import pytest

from bwc_sdk.errors import PolicyError
from bwc_sdk.policy.asked_settings import asked_of
from bwc_sdk.policy.compiling import Compiled, compile_policy, document
from bwc_sdk.policy.inheritance import effective
from bwc_sdk.policy.pack import Pack
from bwc_sdk.policy.page import to_json
from bwc_sdk.policy.reading import Library, shipped_pack
from tests.policy.packs import DAY, pack, rule


def compiled(one: Pack) -> Compiled:
    """What follows from it."""
    return compile_policy(effective(one, DAY, Library([one])))


def test_the_example_follows_through() -> None:
    found = compiled(shipped_pack("example-agency"))
    assert found.profile == {
        "alarm.battery_low_pct": 20,
        "category.default": "unclassified",
        "mute.allowed": True,
        "overlay.timestamp": True,
        "policy.id": "example-agency",
        "policy.sha256": shipped_pack("example-agency").sha256,
        "power.sleep_after_s": 0,
        "recording.event": "not-given",
        "recording.pre_event_s": 60,
        "remote_activation": False,
        "trigger.holster": True,
        "trigger.peer": False,
    }
    assert ("incident", "flagged", "at least 730 d") in found.categories
    assert ("traffic", "default", "at least 90 d") in found.categories
    assert {one.rule for one in found.deadlines} == {"upload.deadline", "review.sample"}
    assert {"record.endurance_h", "training.max_age_d"} <= {one.rule for one in found.gate}
    assert {"use.forbidden", "record.activate_on", "officer.duties"} <= {one.rule for one in found.by_people}
    assert "record.may_stop_for" in {one.rule for one in found.afterwards}
    (age,) = (one for one in found.by_people if one.rule == "training.max_age_d")
    assert "until when training is valid, not when it was" in age.how, "a roster has no more"


def test_each_rule_in_force_is_held_somewhere_or_said_to_be_nobodys() -> None:
    found = compiled(shipped_pack("example-agency"))
    held = {
        one.rule for part in (found.gate, found.afterwards, found.by_people, found.deadlines) for one in part
    }
    held |= {rule for rules in found.because.values() for rule in rules.split(", ")}
    assert set(found.policy.rules) <= held


def test_every_rule_of_the_catalogue_is_held_somewhere() -> None:
    from bwc_sdk.policy.catalogue import RULES

    assert all(info.acts for info in RULES.values())


def test_the_profile_keeps_what_its_rules_ask() -> None:
    found = compiled(shipped_pack("example-agency"))
    assert asked_of(found.policy)
    for asked in asked_of(found.policy):
        assert asked.kept_by(found.profile[asked.key]), asked


def test_a_setting_that_is_stricter_stands() -> None:
    asks = rule("record.pre_event_s", "at_least", value=30)
    assert (
        compiled(pack("x", asks, settings={"recording.pre_event_s": 90})).profile["recording.pre_event_s"]
        == 90
    )
    assert compiled(pack("x", asks)).profile["recording.pre_event_s"] == 30


@pytest.mark.parametrize(
    ("asks", "key", "value"),
    [
        (rule("record.mute", "only_from", values=[]), "mute.allowed", False),
        (rule("record.mute", "only_from", values=["privacy"]), "mute.allowed", True),
        (rule("record.start_by", "only_from", values=["remote"]), "remote_activation", True),
        (rule("record.start_by", "only_from", values=["remote"]), "trigger.peer", False),
        (rule("record.post_event_s", "at_least", value=10), "recording.post_event_s", 10),
        (rule("notice.persons", "required"), "stealth.allowed", False),
        (rule("notice.persons", "required"), "indicator.front_led", True),
        (rule("record.start_by", "only_from", values=["officer-button"]), "trigger.holster", False),
        (rule("record.start_by", "only_from", values=["officer-button"]), "remote_activation", False),
        (rule("record.activate_on", "must_include", values=["weapon-drawn"]), "trigger.holster", True),
    ],
)
def test_what_a_rule_sets(asks: dict[str, object], key: str, value: object) -> None:
    assert compiled(pack("x", asks)).profile[key] == value


def test_notice_unless_unsafe_leaves_the_wearer_the_dark() -> None:
    unless = rule("notice.persons", "conditional", when=["routine"], demand={"kind": "required"})
    profile = compiled(pack("x", unless)).profile
    assert profile["indicator.front_led"] is True and "stealth.allowed" not in profile


def test_nothing_follows_from_rules_that_undo_one_another() -> None:
    wrong = pack("x", rule("record.pre_event_s", "at_least", value=30), settings={"power.sleep_after_s": 9})
    with pytest.raises(PolicyError, match="asleep") as told:
        compiled(wrong)
    assert "policy lint" in told.value.advice


def test_the_same_pack_gives_the_same_bytes() -> None:
    first, second = (to_json(document(compiled(shipped_pack("example-agency")))) for _ in range(2))
    assert first == second and '"version":2' in first

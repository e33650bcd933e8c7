"""Cameras and recordings against their policy: each planted fault is found, and nothing else is."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    ActivationEvent,
    ClockState,
    GivenBy,
    Purpose,
    StopReason,
    TriggerReason,
)
from bwc_sdk.errors import HostFileError
from bwc_sdk.policy.check import (
    Checked,
    Found,
    Kind,
    check_configuration,
    check_recordings,
    document,
    inputs_sha256,
)
from bwc_sdk.policy.check_page import page
from bwc_sdk.policy.compiling import compile_policy
from bwc_sdk.policy.inheritance import effective
from bwc_sdk.policy.page import to_html, to_json, to_markdown
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.seen import Seen, Unreadable, once
from bwc_sdk.policy.shift_times import ShiftTimes
from bwc_sdk.policy.whole_check import check_all
from tests.policy.packs import DAY, pack, rule
from tests.policy.recordings import (
    HOUR_NS,
    NOON_NS,
    PACK,
    POLICY,
    circumstances,
    ended,
    manifest,
    muted,
    seen,
)


def found(*recordings: Seen, now_ns: int | None = None) -> list[tuple[int, str]]:
    """What is found that counts: number and kind."""
    told = check_recordings(POLICY, recordings, now_ns=now_ns)
    return [(one.sequence, str(one.kind)) for one in told if one.counts]


def notes(*recordings: Seen) -> list[str]:
    """What does not count."""
    return [str(one.kind) for one in check_recordings(POLICY, recordings, now_ns=None) if not one.counts]


def test_what_keeps_to_the_policy_is_not_found() -> None:
    clean = [seen(manifest(number)) for number in range(1, 6)]
    assert found(*clean) == [] and notes(*clean) == []


PLANTED: list[tuple[Kind, dict[str, Any], dict[str, Any]]] = [
    (
        Kind.NO_EVENT,
        {"circumstances": circumstances(event=ActivationEvent.NOT_GIVEN, event_by=GivenBy.NOBODY)},
        {},
    ),
    (
        Kind.NO_STOP_REASON,
        {"circumstances": circumstances(ending=StopReason.NOT_GIVEN, ending_by=GivenBy.NOBODY)},
        {},
    ),
    (Kind.EARLY_STOP, {"circumstances": ended(StopReason.TACTICS)}, {}),
    (Kind.EARLY_STOP, {"circumstances": ended(Unknown(129))}, {}),
    (Kind.EARLY_STOP, {"circumstances": ended(Unknown(40))}, {}),
    (Kind.SWITCHED_OFF, {"circumstances": ended(StopReason.SWITCHED_OFF)}, {}),
    (
        Kind.WENT_OFF,
        {"circumstances": circumstances(ending=StopReason.SWITCHED_OFF, ending_by=GivenBy.CAMERA)},
        {},
    ),
    (Kind.POWER_LOST, {"circumstances": ended(StopReason.POWER_LOST), "cut": True}, {}),
    (Kind.STORAGE_FULL, {"circumstances": ended(StopReason.STORAGE_FULL)}, {}),
    (Kind.STARTED_BY_ANOTHER, {"trigger": TriggerReason.REMOTE}, {}),
    (Kind.STARTED_BY_ANOTHER, {"trigger": TriggerReason.SIGNAL_PEER}, {}),
    (Kind.START_NOT_PERMITTED, {"trigger": TriggerReason.VEHICLE}, {}),
    (Kind.START_NOT_PERMITTED, {"trigger": TriggerReason.BENCH}, {}),
    (Kind.MUTE_REASON, {"mute": muted(StopReason.TACTICS)}, {}),
    (Kind.MUTE_REASON, {"mute": muted(StopReason.NOT_GIVEN)}, {}),
    (Kind.PRE_EVENT_SHORT, {"pre_event_achieved_ms": 29_999}, {}),
    (Kind.LATE_OFFLOAD, {}, {"stored_h": 24.01}),
    (Kind.NO_CATEGORY, {}, {"category": ""}),
    (Kind.NO_CATEGORY, {}, {"category": "unclassified"}),
    (Kind.FIRST_AMENDMENT, {}, {"category": "First Amendment activity"}),
    (Kind.FIRST_AMENDMENT, {"circumstances": circumstances(purpose=Purpose.FIRST_AMENDMENT_ONLY)}, {}),
]


@pytest.mark.parametrize(
    ("kind", "changed", "stored"), PLANTED, ids=[f"{n}-{p[0]}" for n, p in enumerate(PLANTED)]
)
def test_a_planted_fault_is_found_and_nothing_else(
    kind: Kind, changed: dict[str, Any], stored: dict[str, Any]
) -> None:
    bad = seen(manifest(2, **changed), **stored)
    assert found(seen(manifest(1)), bad, seen(manifest(3))) == [(2, str(kind))]


@pytest.mark.parametrize(
    ("changed", "stored"),
    [
        ({"circumstances": ended(StopReason.PRIVACY)}, {}),
        ({"circumstances": ended(Unknown(128))}, {}),
        ({"trigger": TriggerReason.HOLSTER}, {}),
        ({"mute": muted(StopReason.PRIVILEGED)}, {}),
        ({"pre_event_requested_s": 60, "pre_event_achieved_ms": 60_000}, {}),
        ({}, {"stored_h": 24}),
        ({}, {"stored_h": None}),
    ],
)
def test_what_is_permitted_is_not_found(changed: dict[str, Any], stored: dict[str, Any]) -> None:
    assert found(seen(manifest(**changed), **stored)) == []


def test_all_that_was_planted_is_found_in_one_go() -> None:
    recordings = [seen(manifest(n, **p[1]), **p[2]) for n, p in enumerate(PLANTED, 1)]
    assert found(*recordings) == [(n, str(p[0])) for n, p in enumerate(PLANTED, 1)]


def test_a_recording_that_says_nothing_of_its_circumstances() -> None:
    assert found(seen(manifest(circumstances=None))) == [(1, "no-event"), (1, "no-stop-reason")]


def test_a_camera_that_was_asked_for_less_than_the_policy_asks_for() -> None:
    less = manifest(pre_event_requested_s=15, pre_event_achieved_ms=15_000)
    assert found(seen(less)) == [(1, "pre-event-asked-short"), (1, "pre-event-short")]


@pytest.mark.parametrize("asked_s", [15, 30, 60])
def test_a_short_pre_event_says_who_asked_for_how_much(asked_s: int) -> None:
    short = seen(manifest(pre_event_requested_s=asked_s, pre_event_achieved_ms=12_000))
    told = [one for one in check_recordings(POLICY, [short], now_ns=None) if one.kind is Kind.PRE_EVENT_SHORT]
    assert [one.sentence for one in told] == [
        f"12.0 s of pre-event footage are there: the policy asks for 30 s, the camera was asked for {asked_s} s."
    ]


def test_below_what_the_camera_was_asked_for_counts_also_above_the_policy() -> None:
    assert found(seen(manifest(pre_event_requested_s=60, pre_event_achieved_ms=45_000))) == [
        (1, "pre-event-short")
    ]


def test_what_the_recording_before_has_is_not_missing() -> None:
    first = manifest(1)
    soon = manifest(2, start_ns=first.ended_utc_ns + 10_000_000_000, pre_event_achieved_ms=5_000)
    assert found(seen(first), seen(soon)) == []
    later = manifest(2, start_ns=first.ended_utc_ns + 40_000_000_000, pre_event_achieved_ms=5_000)
    assert found(seen(first), seen(later)) == [(2, "pre-event-short")]
    other = replace(soon, camera="CAM-2")
    assert found(seen(first), seen(other)) == [(2, "pre-event-short")]


def test_times_of_two_clocks_hide_no_short_pre_event() -> None:
    first = manifest(1)
    lost: dict[str, Any] = {
        "clock_state": ClockState.UNSET,
        "clock_revision": 2,
        "pre_event_achieved_ms": 5_000,
    }
    assert found(seen(first), seen(manifest(2, start_ns=HOUR_NS, **lost))) == [(2, "pre-event-short")]
    one = manifest(1, start_ns=HOUR_NS, **{**lost, "pre_event_achieved_ms": 30_000})
    assert found(seen(one), seen(manifest(2, start_ns=one.ended_utc_ns, **lost))) == [], "by one clock"
    again = manifest(2, start_ns=one.ended_utc_ns, **{**lost, "clock_revision": 3})
    assert found(seen(one), seen(again)) == [(2, "pre-event-short")], "it lost its time twice"
    back = manifest(2, start_ns=first.ended_utc_ns - 60_000_000_000, pre_event_achieved_ms=5_000)
    assert found(seen(first), seen(back)) == [(2, "pre-event-short")], "it was set back by a minute"


def test_what_goes_on_without_a_gap_needs_no_pre_event() -> None:
    first = manifest(1, circumstances=ended(StopReason.CONTINUED))
    second = manifest(2, start_ns=first.ended_utc_ns + 60_000_000_000, pre_event_achieved_ms=0)
    assert found(seen(first), seen(second)) == []


def test_what_is_not_stored_yet_is_late_from_the_deadline_on() -> None:
    one = seen(manifest(), stored_h=None)
    due = one.manifest.ended_utc_ns + 24 * HOUR_NS
    assert found(one, now_ns=due) == []
    sure = due + 20_000_000  # by which the camera's clock may be off
    assert found(one, now_ns=sure) == [] and found(one, now_ns=sure + 1) == [(1, "late-offload")]


def test_a_clock_that_was_not_set_tells_no_lateness() -> None:
    one = seen(manifest(clock_state=ClockState.UNSET), stored_h=1000)
    assert found(one) == [] and notes(one) == ["cannot-tell"]


def test_late_by_less_than_the_clock_may_be_off_cannot_be_told() -> None:
    one = seen(manifest(clock_uncertainty_ms=3_600_000), stored_h=24.5)
    assert found(one) == [] and notes(one) == ["cannot-tell"]
    assert found(replace(one, manifest=manifest(clock_uncertainty_ms=1_000))) == [(1, "late-offload")]


def test_what_is_only_recalled_above_a_rule_that_was_read_hides_nothing_of_it() -> None:
    read = pack("read", rule("record.pre_event_s", "at_least", value=30), level="department")
    more = rule("record.pre_event_s", "at_least", value=60, status="recalled")
    child = pack("child", more, parent="read")
    policy = effective(child, DAY, Library([child, read]))

    def counted(seconds: int) -> list[str]:
        one = manifest(
            pre_event_requested_s=seconds,
            pre_event_achieved_ms=seconds * 1000,
            policy_sha256=bytes.fromhex(child.sha256),
        )
        return [str(f.kind) for f in check_recordings(policy, [seen(one)], now_ns=None) if f.counts]

    assert counted(45) == [] and counted(20) == ["pre-event-asked-short", "pre-event-short"]
    values = {**compile_policy(policy).profile, "recording.pre_event_s": 45}
    assert [f.counts for f in check_configuration(policy, values, "CAM-1")] == [False]
    values["recording.pre_event_s"] = 20
    assert [f.counts for f in check_configuration(policy, values, "CAM-1")] == [True]


def test_where_nothing_is_here_that_was_said_of_it_the_category_cannot_be_told() -> None:
    assert found(seen(manifest(), category=None)) == [] and notes(seen(manifest(), category=None)) == [
        "cannot-tell"
    ]


@pytest.mark.parametrize(
    ("named", "sha256", "said"),
    [
        ("", bytes(32), "no policy, not north of"),
        ("old", b"\x01" * 32, "old, not north of"),
        ("north", b"\x01" * 32, f"north and another version of it, {'01' * 8}, not {PACK.sha256[:16]}."),
        ("north", bytes(32), "north and no version of it, not"),
    ],
)
def test_another_policy_or_another_version_of_it_is_told(named: str, sha256: bytes, said: str) -> None:
    one = seen(manifest(policy_id=named, policy_sha256=sha256))
    (note,) = check_recordings(POLICY, [one], now_ns=None)
    assert said in note.sentence
    values = {**compile_policy(POLICY).profile, "policy.id": named, "policy.sha256": sha256.hex()}
    (found,) = check_configuration(POLICY, values, "CAM-1")
    assert said in found.sentence


def test_a_recording_of_before_this_policy_is_noted() -> None:
    old = seen(manifest(policy_id="old", policy_sha256=bytes(32)))
    assert found(old) == [] and notes(old) == ["not-this-policy"]


def test_without_a_rule_nothing_is_found_but_starts_by_another_are_noted() -> None:
    bare = pack("bare", rule("use.forbidden", "forbidden", values=["first-amendment-only"]))
    policy = effective(bare, DAY, Library([bare]))
    one = seen(
        manifest(trigger=TriggerReason.REMOTE, circumstances=None, policy_sha256=bytes.fromhex(bare.sha256))
    )
    told = check_recordings(policy, [one], now_ns=None)
    assert [(str(f.kind), f.counts) for f in told] == [("no-event", False), ("started-by-another", False)]


def test_a_rule_that_is_only_recalled_never_counts() -> None:
    hearsay = pack("h", rule("record.event_required", "required", status="recalled"))
    policy = effective(hearsay, DAY, Library([hearsay]))
    told = check_recordings(policy, [seen(manifest(circumstances=None))], now_ns=None)
    assert [str(one.kind) for one in told if one.kind is Kind.NO_EVENT] == ["no-event"]
    assert not any(one.counts for one in told)


def test_an_unreadable_recording_is_found() -> None:
    told = check_recordings(
        POLICY, [], [Unreadable("store", "CAM-1_x", "its manifest is missing")], now_ns=None
    )
    assert [one.kind for one in told] == [Kind.UNREADABLE] and told[0].counts


def test_a_recording_of_several_stores_is_looked_at_once_as_it_was_stored_first() -> None:
    one = manifest()
    late, early = seen(one, stored_h=30), seen(one, stored_h=1)
    for order in ((late, early), (early, late)):
        assert once(order) == [early]
    kept = seen(one, category=None, stored_h=1)
    assert once([kept, late]) == [early], "stored at the first, and categorised in the other"


def test_a_category_that_was_given_after_the_offload_counts() -> None:
    stored = replace(seen(manifest(), category="unclassified"), statements=1)
    on_camera = replace(seen(manifest(), category="traffic", stored_h=None), statements=2)
    for order in ([stored, on_camera], [on_camera, stored]):
        (one,) = once(order)
        assert found(one, now_ns=NOON_NS + 99 * HOUR_NS) == [], "neither late nor without a category"
    taken_back = replace(on_camera, category="unclassified", statements=3)
    assert found(*once([replace(stored, category="traffic"), taken_back])) == [(1, "no-category")]


def test_a_policy_that_is_not_in_force_keeps_nobody() -> None:
    later = PACK.model_copy(update={"effective_from": DAY + datetime.timedelta(days=1)})
    told = check_all(effective(later, DAY, Library([later])), [])
    assert not told.keeps and [(one.kind, one.counts) for one in told.found] == [(Kind.NOT_IN_FORCE, True)]
    assert told.found[0].sentence == f"north is not in force on {DAY}. None of its rules was looked at."
    above = pack("above", rule("category.required", "required"), effective_from=later.effective_from)
    below = pack("below", rule("record.event_required", "required"), parent="above")
    told = check_all(effective(below, DAY, Library([above, below])), [])
    assert not told.keeps and "above is not in force" in told.found[0].sentence
    assert check_all(POLICY, []).found == ()


def test_a_battery_that_ran_out_is_told_as_no_deed() -> None:
    itself = circumstances(ending=StopReason.SWITCHED_OFF, ending_by=GivenBy.CAMERA)
    for given, sentence in (
        (itself, "by the camera itself: its battery ran out"),
        (ended(StopReason.SWITCHED_OFF), "The camera was switched off while it recorded."),
    ):
        (one,) = check_recordings(POLICY, [seen(manifest(1, circumstances=given))], now_ns=None)
        assert sentence in one.sentence and one.rule == "record.may_stop_for"


def test_where_nothing_was_judged_nothing_keeps(tmp_path: Path) -> None:
    with pytest.raises(HostFileError, match="no store"):
        check_all(POLICY, [tmp_path])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(HostFileError, match="no store"):
        check_all(POLICY, [tmp_path])
    (tmp_path / ".incoming").mkdir()
    told = check_all(POLICY, [tmp_path])
    assert not told.judged and not told.keeps and document(told)["judged"] is False
    assert page(told).verdict.startswith("Nothing to judge")
    assert check_all(POLICY, [tmp_path], {"CAM-1": {}}).judged, "a camera was"


def test_a_camera_that_records_in_its_dock_is_found_where_a_stop_needs_a_reason() -> None:
    told = check_all(POLICY, [], recording_still=["CAM-2", "CAM-1"])
    assert [(one.kind, one.rule, one.camera, one.counts) for one in told.found] == [
        (Kind.RECORDS_STILL, "record.stop_requires_reason", camera, True) for camera in ("CAM-1", "CAM-2")
    ]
    assert told.inputs_sha256 != check_all(POLICY, []).inputs_sha256
    bare = pack("bare", rule("record.event_required", "required"))
    (note,) = check_all(effective(bare, DAY, Library([bare])), [], recording_still=["CAM-1"]).found
    assert (note.rule, note.counts) == ("", False)


def test_an_error_of_the_linter_is_noted_beside_what_was_found() -> None:
    wrong = PACK.model_copy(update={"settings": {"power.sleep_after_s": 60}})
    policy = effective(wrong, DAY, Library([wrong]))
    told = check_all(policy, [])
    assert [(one.kind, one.rule, one.counts) for one in told.found] == [
        (Kind.PACK_ERROR, "record.pre_event_s", False)
    ]
    assert "sleep-loses-pre-event of 'bwc policy lint'" in told.found[0].sentence


def test_no_finding_names_a_person() -> None:
    told = check_recordings(
        POLICY, [seen(manifest(n, **p[1]), **p[2]) for n, p in enumerate(PLANTED, 1)], now_ns=None
    )
    assert "K1234" not in repr(told)


# Configuration


def test_the_profile_that_follows_from_a_policy_keeps_it() -> None:
    assert check_configuration(POLICY, compile_policy(POLICY).profile, "CAM-1") == ()


@pytest.mark.parametrize(
    ("key", "value", "kind", "rule_id"),
    [
        ("recording.pre_event_s", 29, Kind.SETTING, "record.pre_event_s"),
        ("recording.pre_event_s", None, Kind.SETTING_ABSENT, "record.pre_event_s"),
        ("power.sleep_after_s", 900, Kind.SETTING, "record.pre_event_s"),
        ("remote_activation", True, Kind.SETTING, "record.start_by"),
        ("remote_activation", 0, Kind.SETTING, "record.start_by"),
        ("recording.event", "arrest", Kind.SETTING, "record.event_required"),
        ("mute.allowed", 1, Kind.SETTING, "record.mute"),
        ("alarm.battery_low_pct", 15, Kind.DRIFT, ""),
        ("policy.sha256", "", Kind.NOT_THIS_POLICY, ""),
        ("policy.id", "south", Kind.NOT_THIS_POLICY, ""),
    ],
)
def test_a_setting_that_is_not_as_asked_is_found(key: str, value: Any, kind: Kind, rule_id: str) -> None:
    values = {**compile_policy(POLICY).profile, key: value}
    (told,) = check_configuration(POLICY, {k: v for k, v in values.items() if v is not None}, "CAM-1")
    assert (told.kind, told.rule, told.camera, told.counts) == (kind, rule_id, "CAM-1", True)


@pytest.mark.parametrize("value", [False, None])
@pytest.mark.parametrize("key", ["mute.allowed", "trigger.holster"])
def test_what_a_rule_permits_a_camera_need_not_do(key: str, value: bool | None) -> None:
    values = {**compile_policy(POLICY).profile, key: value}
    assert check_configuration(POLICY, {k: v for k, v in values.items() if v is not None}, "CAM-1") == ()


@pytest.mark.parametrize(
    ("sets", "has"),
    [
        ({"recording.pre_event_s": 60}, 45),
        ({"mute.allowed": False}, True),
        ({"trigger.holster": False}, True),
    ],
)
def test_what_the_pack_sets_more_strictly_than_its_rules_is_drift(sets: dict[str, Any], has: Any) -> None:
    (key,) = sets
    strict = PACK.model_copy(update={"settings": sets})
    policy = effective(strict, DAY, Library([strict]))
    profile = compile_policy(policy).profile
    assert profile[key] == sets[key] and check_configuration(policy, profile, "CAM-1") == ()
    (told,) = check_configuration(policy, {**profile, key: has}, "CAM-1")
    assert (told.kind, told.counts) == (Kind.DRIFT, True) and "not in effect yet" not in told.sentence
    (told,) = check_configuration(policy, {**profile, key: has}, "CAM-1", {key: sets[key]})
    assert told.sentence.endswith("applied, and not in effect yet: undock or restart the camera.")


def test_a_camera_is_set_as_the_profile_says_where_a_rule_overrules_what_the_pack_sets() -> None:
    hearsay = rule("record.pre_event_s", "at_least", value=30, status="recalled")
    one = pack("x", hearsay, settings={"power.sleep_after_s": 60})
    policy = effective(one, DAY, Library([one]))
    assert check_configuration(policy, compile_policy(policy).profile, "CAM-1") == ()


def test_more_pre_event_than_asked_for_is_as_asked() -> None:
    values = {**compile_policy(POLICY).profile, "recording.pre_event_s": 120, "audio.gain_db": 3}
    assert check_configuration(POLICY, values, "CAM-1") == ()


# The report


def checked(*told: Found, recordings: int = 4) -> Checked:
    """A check that came to this."""
    return Checked(POLICY, told, recordings, ("CAM-1",), 1, "0" * 64)


def test_the_report_counts_and_is_the_same_each_time() -> None:
    told = check_recordings(
        POLICY, [seen(manifest(n, **p[1]), **p[2]) for n, p in enumerate(PLANTED, 1)], now_ns=None
    )
    one = checked(*told)
    assert not one.keeps and one.tally["mute-reason"] == 2 and sum(one.tally.values()) == len(PLANTED)
    for render in (to_html, to_markdown):
        assert render(page(one)) == render(page(checked(*told)))
    assert '"version":3' in to_json(document(one)) and PACK.sha256 in to_json(document(one))
    assert checked().keeps


def test_a_report_says_until_when_what_is_not_stored_was_waited_for() -> None:
    waits = seen(manifest(), stored_h=None)
    first, again, later = (
        check_all(POLICY, [], on_cameras=[waits], now_ns=NOON_NS + hours * HOUR_NS) for hours in (30, 30, 40)
    )
    assert to_json(document(first)) == to_json(document(again))
    assert document(first)["query"]["until_utc_ns"] == NOON_NS + 30 * HOUR_NS
    assert first.found != later.found and first.inputs_sha256 != later.inputs_sha256
    assert "until_utc_ns" not in document(check_all(POLICY, []))["query"]


def test_the_hash_of_the_inputs_changes_with_each_of_them() -> None:
    one = seen(manifest())
    hashes = {
        inputs_sha256(POLICY, [one], {}),
        inputs_sha256(POLICY, [replace(one, category="x")], {}),
        inputs_sha256(POLICY, [replace(one, stored_ns=NOON_NS)], {}),
        inputs_sha256(POLICY, [], {}),
        inputs_sha256(POLICY, [one], {"CAM-1": {"a": 1}}),
        inputs_sha256(POLICY, [one], {}, ShiftTimes(shifts=1, changes=("06:00",))),
    }
    assert len(hashes) == 6

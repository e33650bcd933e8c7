"""The configuration store: all or nothing, and what is applied is not what is effective."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.declare import Unknown
from bwc_protocol.messages.config import ConfigView, Setting, SettingType, TakesEffect
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.setting_rules import RULES, SettingRule
from firmware_sim.camera.settings import Settings
from firmware_sim.device.refusal import Refusal
from firmware_sim.flash.flash import StateError
from firmware_sim.state.directory import StateDirectory


def number(key: str, value: int) -> Setting:
    return Setting(key=key, type=SettingType.INT, number=value)


def text(key: str, value: str) -> Setting:
    return Setting(key=key, type=RULES[key].type, text=value)


def values(settings: Settings, view: ConfigView) -> dict[str, object]:
    return {s.key: s.text or s.number for s in settings.view(view)}


PRE = "recording.pre_event_s"
RATE = "recording.bitrate_kbps"
BLE = "radio.ble_docked"


def test_a_value_that_takes_effect_at_once_is_effective_after_the_apply() -> None:
    settings = Settings()
    settings.stage(1, [number(PRE, 90)])
    assert settings.number(PRE) == 30, "staged is not applied"
    assert settings.commit(1)
    assert settings.number(PRE) == 90
    assert settings.state().effective_revision == settings.revision == 2


@pytest.mark.parametrize(
    ("change", "moment"),
    [(number(RATE, 4_000), TakesEffect.ON_UNDOCK), (text(BLE, "full"), TakesEffect.ON_REBOOT)],
)
def test_a_value_that_takes_effect_later_is_pending_until_its_moment(
    change: Setting, moment: TakesEffect
) -> None:
    settings = Settings()
    before = settings[change.key]
    settings.stage(1, [change])
    settings.commit(1)
    assert settings[change.key] == before
    assert settings.state().pending == 1
    assert settings.state().effective_revision == 1
    others = [other for other in TakesEffect if other is not moment]
    assert not settings.take_effect(*others)
    assert settings.take_effect(moment)
    assert settings[change.key] == (change.text or change.number)
    assert settings.state().effective_revision == settings.revision == 2


def test_a_pending_value_that_is_set_back_is_no_longer_pending() -> None:
    settings = Settings()
    settings.stage(1, [number(RATE, 4_000)])
    settings.commit(1)
    settings.stage(2, [number(RATE, 6_000)])
    settings.commit(2)
    assert settings.state().pending == 0
    assert settings.state().effective_revision == 3


@pytest.mark.rule("CFG-001", "CFG-002", "CFG-008", "MSG-009")
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (number("no.such.key", 1), ErrorCode.UNKNOWN_SETTING),
        (number("mute.allowed", 1), ErrorCode.WRONG_TYPE),
        (Setting(key=PRE, type=Unknown(9), number=1), ErrorCode.WRONG_TYPE),
        (number(PRE, 121), ErrorCode.OUT_OF_RANGE),
        (number(PRE, -1), ErrorCode.OUT_OF_RANGE),
        (Setting(key="mute.allowed", type=SettingType.BOOL, number=2), ErrorCode.OUT_OF_RANGE),
        (text("recording.resolution", "8k"), ErrorCode.OUT_OF_RANGE),
        (text("policy.id", "p" * 65), ErrorCode.OUT_OF_RANGE),
        (text("policy.sha256", "x" * 64), ErrorCode.OUT_OF_RANGE),
        (number(RATE, 5_000), ErrorCode.MALFORMED),
    ],
)
def test_one_bad_value_keeps_all_good_ones_out(bad: Setting, code: ErrorCode) -> None:
    settings = Settings()
    with pytest.raises(Refusal) as refusal:
        settings.stage(1, [number("recording.post_event_s", 5), number(RATE, 4_000), bad])
    assert refusal.value.code is code
    assert settings.view(ConfigView.STAGED) == []


@pytest.mark.rule("CFG-004")
def test_a_stale_revision_is_a_conflict_and_an_apply_cannot_take_effect_twice() -> None:
    settings = Settings()
    settings.stage(1, [number(PRE, 60)])
    settings.commit(1)
    for attempt in (lambda: settings.commit(1), lambda: settings.stage(1, [number(PRE, 90)])):
        with pytest.raises(Refusal) as refusal:
            attempt()
        assert refusal.value.code is ErrorCode.CONFLICT
    assert settings.number(PRE) == 60


def test_an_apply_of_nothing_changes_nothing() -> None:
    settings = Settings()
    assert not settings.commit(1)
    assert settings.revision == 1


def test_abort_drops_what_is_staged() -> None:
    settings = Settings()
    settings.stage(1, [number(PRE, 60)])
    settings.abort()
    assert not settings.commit(1)


@pytest.mark.rule("CFG-006")
def test_what_was_applied_outlives_the_run_and_what_was_staged_does_not(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    settings = Settings(directory=directory)
    settings.stage(1, [number(PRE, 60), text(BLE, "full")])
    settings.commit(1)
    settings.stage(2, [number(PRE, 90)])
    again = Settings(directory=directory)
    assert again.revision == 2
    assert again.number(PRE) == 60
    assert values(again, ConfigView.PENDING)[BLE] == "full"
    assert again.text(BLE) == "off"
    assert again.view(ConfigView.STAGED) == []
    directory.close()


@pytest.mark.rule("CFG-003")
def test_an_apply_that_cannot_be_kept_does_not_take_effect(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    settings = Settings(directory=directory)
    settings.stage(1, [number(PRE, 60)])
    (tmp_path / "settings.json").mkdir()  # the atomic rename onto it fails
    with pytest.raises(OSError):
        settings.commit(1)
    assert settings.number(PRE) == 30
    assert settings.revision == 1
    directory.close()


def test_kept_values_that_no_longer_fit_are_dropped_and_damage_is_an_error(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    kept = {"revision": 7, "effective_revision": 7, "effective": {PRE: 999, "gone": 1, RATE: 4_000}}
    directory.save("settings", kept | {"pending": {}})
    settings = Settings(directory=directory)
    assert (settings.number(PRE), settings.number(RATE), settings.revision) == (30, 4_000, 7)
    directory.save("settings", {"revision": "many"})
    with pytest.raises(StateError):
        Settings(directory=directory)
    directory.close()


def test_every_rule_allows_its_own_default_and_fits_the_wire() -> None:
    assert list(RULES) == sorted(RULES)
    assert 20 <= len(RULES) <= 64, "a realistic schema, in one page of values"
    for rule in RULES.values():
        assert rule.accept(rule.to_wire(rule.default)) == rule.default
        rule.schema().codec.encode(rule.schema())
    assert RULES["category.default"].default == "unclassified"
    assert RULES["remote_activation"].default is False
    assert RULES["radio.ble_undocked"].default == "off"


@given(st.sampled_from(list(RULES.values())), st.integers(-(2**63), 2**63 - 1), st.text(max_size=80))
def test_whatever_is_accepted_reads_back_the_same(rule: SettingRule, figure: int, words: str) -> None:
    setting = Setting(key=rule.key, type=rule.type, number=figure, text=words)
    settings = Settings()
    try:
        settings.stage(1, [setting])
    except Refusal:
        return
    settings.commit(1)
    pending = next(s for s in settings.view(ConfigView.PENDING) if s.key == rule.key)
    if isinstance(rule.default, str):
        assert pending.text == words
    else:
        assert pending.number == figure

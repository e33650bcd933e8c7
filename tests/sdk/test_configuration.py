"""A configuration is checked against the device's own schema before anything is sent (spec: Configuration)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bwc_sdk
from bwc_protocol.declare import Unknown
from bwc_protocol.messages.config import (
    ConfigPage,
    ReadConfig,
    Setting,
    SettingSchema,
    SettingType,
    TakesEffect,
)
from bwc_sdk.clients.configuration import (
    FILE_MAX,
    Value,
    default_of,
    fit,
    parse_value,
    read_file,
    to_settings,
    to_toml,
    value_of,
)
from bwc_sdk.errors import ConfigError, HostFileError, ProtocolViolation
from firmware_sim.handlers import CAMERA
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual


def schema(key: str, kind: SettingType | Unknown, **facts: object) -> SettingSchema:
    known: dict[str, object] = {
        "low": 0,
        "high": 0,
        "unit": "",
        "choices": "",
        "default_number": 0,
        "default_text": "",
        "takes_effect": TakesEffect.AT_ONCE,
        "doc": "",
    }
    return SettingSchema(key=key, type=kind, **(known | facts))


SCHEMA = (
    schema("recording.pre_event_s", SettingType.INT, high=120, unit="s", default_number=30),
    schema("mute.allowed", SettingType.BOOL, default_number=1),
    schema("recording.resolution", SettingType.CHOICE, choices="720p|1080p", default_text="1080p"),
    schema("policy.id", SettingType.TEXT, low=1, high=8, default_text="none"),
    schema("future.curve", Unknown(9)),
)

GOOD: dict[str, Value] = {
    "recording.pre_event_s": 120,
    "mute.allowed": False,
    "recording.resolution": "720p",
    "policy.id": "éé",
}


def test_values_that_fit_pass() -> None:
    assert fit(SCHEMA, GOOD) == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("recording.pre_event_s", 121, "0 to 120 s"),
        ("recording.pre_event_s", -1, "0 to 120 s"),
        ("recording.pre_event_s", "30", "whole number"),
        ("recording.pre_event_s", True, "whole number"),
        ("mute.allowed", 1, "true or false"),
        ("mute.allowed", "true", "true or false"),
        ("recording.resolution", "4k", "720p, 1080p"),
        ("policy.id", "", "1 to 8"),
        ("policy.id", "ééééé", "1 to 8"),
        ("policy.id", 3, "text"),
        ("future.curve", 1, "update"),
        ("recording.pre_event", 30, "did you mean recording.pre_event_s"),
        ("wholly.other", 30, "no such setting"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_would(key: str, value: Value, said: str) -> None:
    (problem,) = fit(SCHEMA, {key: value})
    assert problem.startswith(key)
    assert said in problem


def test_all_problems_are_told_at_once_and_nothing_is_made_of_the_good_rest() -> None:
    with pytest.raises(ConfigError) as caught:
        to_settings(SCHEMA, GOOD | {"recording.pre_event_s": 121, "nonsense": 1}, device="sim:")
    assert len(caught.value.problems) == 2
    assert caught.value.device == "sim:"


def test_values_survive_the_way_to_the_wire_and_back() -> None:
    settings = to_settings(SCHEMA, GOOD)
    assert [s.key for s in settings] == sorted(GOOD)
    assert {s.key: value_of(s) for s in settings} == GOOD


def test_a_bool_is_true_whatever_number_but_zero_the_device_sends() -> None:
    assert value_of(Setting(key="mute.allowed", type=SettingType.BOOL, number=2)) is True


def test_defaults_have_the_type_of_their_setting() -> None:
    assert [default_of(s) for s in SCHEMA[:4]] == [30, True, "1080p", "none"]


@pytest.mark.parametrize(
    ("at", "text", "value"),
    [(0, "60", 60), (0, "0x10", 16), (1, "off", False), (1, "YES", True), (2, "720p", "720p"), (3, "7", "7")],
)
def test_what_a_person_types_is_read_by_the_type_of_the_setting(at: int, text: str, value: Value) -> None:
    assert parse_value(SCHEMA[at], text) == value
    assert type(parse_value(SCHEMA[at], text)) is type(value)


@pytest.mark.parametrize(("at", "text"), [(0, "thirty"), (0, "1e2"), (1, "perhaps"), (2, "4k"), (3, "")])
def test_what_a_person_mistypes_is_refused(at: int, text: str) -> None:
    with pytest.raises(ConfigError):
        parse_value(SCHEMA[at], text)


# Files


def write(folder: Path, text: str) -> Path:
    path = folder / "camera.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_tables_and_dotted_keys_of_a_file_name_the_same_settings(tmp_path: Path) -> None:
    nested = read_file(write(tmp_path, "[recording]\npre_event_s = 60\n[mute]\nallowed = false\n"))
    dotted = read_file(write(tmp_path, "recording.pre_event_s = 60\nmute.allowed = false\n"))
    assert nested == dotted == {"recording.pre_event_s": 60, "mute.allowed": False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recording = [1, 2]", "recording: takes"),
        ("a.b.c = 1.5", "a.b.c: takes"),
        ("when = 2026-01-01", "when: takes"),
        ("recording.pre_event_s = ", "not TOML"),
        ("a = 1\na = 2", "not TOML"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_the_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read_file(write(tmp_path, text))


def test_a_file_of_other_bytes_or_of_any_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "camera.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        read_file(path)
    path.write_bytes(b"#" * (FILE_MAX + 1))
    with pytest.raises(ConfigError, match="larger"):
        read_file(path)
    path.write_text(".".join("a" * 2_000) + " = 1")
    with pytest.raises(ConfigError, match="without end"):
        read_file(path)


def test_a_file_that_cannot_be_read_is_no_fault_of_the_configuration(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(HostFileError, match=path.name) as caught:
            read_file(path)
        assert not isinstance(caught.value, ConfigError)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 2026-01-31", "not the date or time 2026-01-31$"),
        ("a = 07:30:00", "not the date or time 07:30:00$"),
        ("a = 1.5", "not 1.5$"),
        ("a = [1]", "not a list$"),
    ],
)
def test_a_value_that_no_setting_takes_is_named_in_the_words_of_toml(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read_file(write(tmp_path, text))


def test_what_the_device_has_already_is_checked_and_not_sent() -> None:
    async def main() -> None:
        device = make_camera(seed=3, recordings=0, footage=Footage.SYNTHETIC)
        async with bwc_sdk.connect(MemoryTransport(device), allow_insecure=True) as camera:
            first = await camera.config.apply({"recording.pre_event_s": 45})
            assert await camera.config.apply({"recording.pre_event_s": 45}) == first
            later = await camera.config.apply({"radio.ble_docked": "full"})  # pending until the next boot
            assert await camera.config.apply({"radio.ble_docked": "full"}) == later
            assert later.revision == first.revision + 1
            with pytest.raises(ConfigError):
                await camera.config.apply({"recording.pre_event_s": 45, "no.such": 1})
        device.close()

    run_virtual(main())


@pytest.mark.rule("CFG-005")
@pytest.mark.parametrize(("changes", "ends"), [(1, True), (3, True), (1_000, False)])
def test_values_of_two_revisions_are_never_mixed(
    changes: int, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody applies a configuration between two pages: all is read again, but not for ever."""
    left = changes

    def interfere(page: ConfigPage, settings: Any) -> ConfigPage:
        nonlocal left
        left -= 1
        other = Setting(key="recording.pre_event_s", type=SettingType.INT, number=31 + left % 60)
        settings.stage(page.revision, [other])
        settings.commit(page.revision)
        return page

    async def main() -> None:
        device = make_camera(seed=3, recordings=0, footage=Footage.SYNTHETIC)
        real = CAMERA.by_opcode[ReadConfig.opcode]

        def paged(session: Any, request: ReadConfig) -> ConfigPage:
            page = real(session, request)
            half = len(device.settings.rules) // 2
            if not request.start:
                page = replace(page, settings=page.settings[:half], next=half)
                return interfere(page, device.settings) if left > 0 else page
            return page

        monkeypatch.setitem(CAMERA.by_opcode, ReadConfig.opcode, paged)
        async with bwc_sdk.connect(MemoryTransport(device), allow_insecure=True) as camera:
            if ends:
                values = await camera.config.values()
                assert len(values) == len(device.settings.rules)
                assert values["recording.pre_event_s"] == device.settings.number("recording.pre_event_s")
            else:
                with pytest.raises(ProtocolViolation, match="never"):
                    await camera.config.values()
        device.close()

    run_virtual(main())


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(\.[a-z_ =]{1,8}){1,2}", fullmatch=True),
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=32),
        max_size=8,
    )
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Value]
) -> None:
    if any(other.startswith(f"{key}.") for key in values for other in values):
        return  # one key is a table of another: no device's schema has that
    path = tmp_path_factory.getbasetemp() / "camera.toml"
    path.write_text(to_toml(values), encoding="utf-8")
    read = read_file(path)
    assert read == values
    assert {key: type(value) for key, value in read.items()} == {k: type(v) for k, v in values.items()}

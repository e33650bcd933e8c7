"""Shell completion knows devices, settings and commands; it opens nothing, and bash may cut words as it likes."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from bwc_sdk.cli.running.completion import OFFERED_MAX
from bwc_sdk.clients.known_settings import SETTINGS
from bwc_sdk.discovery.slots import Slot
from firmware_sim.camera.setting_rules import RULES

Bwc = Callable[..., Any]
Complete = Callable[..., list[str]]


@pytest.fixture
def complete(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What bash is offered for the last of these words, as bash cuts them."""
    found = (
        Slot("usb:1-4", "1-4", "1209:0001", "camera", True, ("serial:/dev/ttyACM0",)),
        Slot("serial:/dev/ttyACM1", "1-5", "1209:0001", "camera", True),
    )
    monkeypatch.setattr("bwc_sdk.discovery.slots.slots", lambda: found)

    def nobody(*argv: object, **options: object) -> None:
        raise AssertionError("a device was opened for a completion")

    monkeypatch.setattr("bwc_sdk.clients.connecting.transport_for", nobody)

    def run(*words: str) -> list[str]:
        monkeypatch.setenv("_BWC_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(("bwc", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        ran = bwc()
        assert ran.code == 0 and ran.err == ""
        return str(ran.out).split()

    return run


def test_settings_are_those_that_cameras_have_had() -> None:
    assert tuple(RULES) == SETTINGS


def test_settings_and_commands_are_offered_by_name(complete: Complete) -> None:
    assert complete("config", "get", "recording.pre") == ["recording.pre_event_s"]
    assert complete("config", "set", "overlay.") == ["overlay.identity=", "overlay.timestamp="]
    assert complete("config", "set", "overlay.identity", "=", "true", "over") == [
        "overlay.identity=",
        "overlay.timestamp=",
    ]
    assert len(complete("config", "get", "")) == len(SETTINGS)
    assert "battery.status" in complete("raw", "batt") and len(complete("raw", "")) > 30


@pytest.mark.parametrize(
    "before",
    [
        ("info", "-d"),
        ("-d",),
        ("dock", "watch", "--device"),
        ("offload", "x", "--station"),
        ("offload", "x", "--also"),
    ],
)
def test_devices_are_offered_wherever_one_is_named(complete: Complete, before: tuple[str, ...]) -> None:
    assert complete(*before, "") == ["usb:1-4", "serial:/dev/ttyACM0", "serial:/dev/ttyACM1"]
    assert complete(*before, "ser") == ["serial:/dev/ttyACM0", "serial:/dev/ttyACM1"]


def test_what_bash_cut_at_a_colon_is_one_word_and_only_its_last_piece_is_answered(complete: Complete) -> None:
    assert complete("info", "-d", "serial", ":") == ["/dev/ttyACM0", "/dev/ttyACM1"]
    assert complete("info", "-d", "serial", ":", "/dev/ttyACM1") == ["/dev/ttyACM1"]
    assert complete("info", "--device", "=", "usb", ":", "1") == ["1-4"]
    assert complete("info", "--device", "=", "us") == ["usb:1-4"]
    assert complete("-d", "serial", ":", "/dev/ttyACM0", "batt") == ["battery"]
    assert complete("-d", "serial", ":", "/dev/ttyACM0", "config", "get", "policy.i") == ["policy.id"]


def test_what_is_offered_is_bounded(complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(Slot(f"usb:1-{number}", "", "", "", True) for number in range(1_000))
    monkeypatch.setattr("bwc_sdk.discovery.slots.slots", lambda: many)
    assert len(complete("info", "-d", "usb")) == OFFERED_MAX


@pytest.mark.parametrize("at", ["", "x", "99", "-1", "9" * 5_000])
def test_a_shell_that_asks_nonsense_gets_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    from bwc_sdk.cli.running.completion import join_words

    monkeypatch.setenv("COMP_WORDS", "bwc ba")
    monkeypatch.setenv("COMP_CWORD", at)
    assert join_words() == ""


def test_a_completion_of_verbs_loads_no_protocol(complete: Complete) -> None:
    assert complete("bat") == ["battery"] and "bwc_sdk.cli.running.completion" in sys.modules

"""Switches say what they cut, in a bench's words; a button is let go; both over labgrid's own output to a file."""

from pathlib import Path

import pytest
from labgrid import Target
from labgrid.driver import FileDigitalOutputDriver, ManualPowerDriver
from labgrid.protocol import PowerProtocol, ResetProtocol

from bwc_sdk.labgrid import BWCButtonDriver, BWCDockPowerDriver
from bwc_sdk.labgrid.power import CUTS, WORDS
from hil_tests.actuators.actuator import ENTIRE_SUPPLY, SWITCHES, Cut


@pytest.fixture
def line(tmp_path: Path) -> Path:
    path = tmp_path / "value"
    path.write_text("0\n")
    return path


@pytest.fixture
def target(line: Path) -> Target:
    target = Target("main")
    FileDigitalOutputDriver(target, "line", filepath=str(line))
    return target


def switch(target: Target, **said: object) -> BWCDockPowerDriver:
    made = BWCDockPowerDriver(target, None, **said)
    target.activate(made)
    return made


def test_its_words_are_those_of_a_bench_file() -> None:
    assert {name: {Cut(one) for one in cuts} for name, cuts in CUTS.items()} == SWITCHES
    assert {*WORDS} == {*Cut}


@pytest.mark.parametrize(("closed", "on", "off"), [(True, "1\n", "0\n"), (False, "0\n", "1\n")])
def test_it_lets_pass_and_cuts(target: Target, line: Path, closed: bool, on: str, off: str) -> None:
    relay = switch(target, closed=closed)
    relay.on()
    assert line.read_text() == on
    relay.off()
    assert line.read_text() == off


def test_after_a_cycle_it_is_on_whatever_happens(
    target: Target, line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = switch(target, delay=0)
    relay.cycle()
    assert line.read_text() == "1\n"

    def interrupted(seconds: float) -> None:
        assert line.read_text() == "0\n"
        raise KeyboardInterrupt

    monkeypatch.setattr("bwc_sdk.labgrid.power.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        relay.cycle()
    assert line.read_text() == "1\n"


def test_a_relay_in_a_cable_is_no_loss_of_power_and_no_reset(target: Target) -> None:
    relay = switch(target)
    assert isinstance(relay, PowerProtocol) and not isinstance(relay, ResetProtocol)
    assert not relay.is_loss_of_power and str(relay) == "vbus_relay (cuts vbus)"


def test_what_cuts_everything_says_so(target: Target) -> None:
    relay = switch(target, actuator="battery_cut", cuts=["battery", "vbus"])
    assert relay.is_loss_of_power and relay.what_it_cuts == ENTIRE_SUPPLY


def test_another_power_driver_cannot_know_what_it_cuts() -> None:
    target, other = Target("main"), Target("other")
    ManualPowerDriver(target, None)
    ManualPowerDriver(other, None)
    with pytest.raises(ValueError, match="many hubs that do cut the data alone"):
        BWCDockPowerDriver(target, "undeclared")
    assert BWCDockPowerDriver(other, "hub", cuts=["data"]).what_it_cuts == {"data"}


def test_a_button_is_let_go(target: Target, line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    button = BWCButtonDriver(target, None)
    target.activate(button)
    held = []

    def hold(seconds: float) -> None:
        held.append((seconds, line.read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr("bwc_sdk.labgrid.power.time.sleep", hold)
    with pytest.raises(KeyboardInterrupt):
        button.press()
    assert held == [(0.2, "1\n")] and line.read_text() == "0\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"actuator": "relay"}, "none of data_switch"),
        ({"cuts": ["supply"]}, "cuts is no list of data, vbus, battery"),
        ({"cuts": []}, "cuts is no list"),
        ({"delay": 3600}, "no seconds up to 60"),
        ({"delay": "2"}, "no seconds up to 60"),
    ],
)
def test_what_is_no_switch_is_said(target: Target, said: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        switch(target, **said)

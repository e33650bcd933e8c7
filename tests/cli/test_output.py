"""What people see: units, unknown values, and hostile text that cannot steer a terminal."""

import dataclasses
import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.messages.battery import Battery, BatteryStatus, ChargeState
from bwc_protocol.messages.identity import Device, DeviceCapabilities
from bwc_protocol.messages.recordings import Mark
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.facts import Fact, facts, show
from bwc_sdk.cli.printing.output import Facts, Output, Rows, rows_of

HOSTILE = "[red]a[/red]\x1b[31m\r\n\tb\u202ec\u200bd\u2028e :smile: https://x"


@pytest.mark.parametrize("terminal", [True, False])
def test_hostile_text_reaches_nobody_as_control_characters_or_markup(
    capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    output = Output(as_json=False, terminal=terminal)
    output.show(
        {},
        Facts(HOSTILE if terminal else "t", [Fact("name", HOSTILE, HOSTILE, HOSTILE)]),
        Rows("", ["h"], [[HOSTILE]]),
    )
    output.note(HOSTILE)
    said = capsys.readouterr()
    for stream in (said.out, said.err):
        assert all(line.replace("\t", "").isprintable() for line in stream.split("\n"))
        assert "\\x1b" in stream
    assert "[red]a[/red]" in said.out.replace("\n", "") and ":smile:" in said.out


def test_a_tab_or_line_end_in_a_value_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False, terminal=False).show({}, Rows("", ["a", "b"], [["x\ty\nz", 1]]))
    assert capsys.readouterr().out == "x\\x09y\\x0az\t1\n"


def test_json_is_ascii_so_that_no_terminal_is_steered(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True, terminal=True).show({"text": HOSTILE})
    assert capsys.readouterr().out.isascii()


def test_text_that_the_terminal_cannot_show_does_not_end_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from bwc_sdk.cli.app import run

    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stdout)
    assert run(["--version"]) == 0
    stdout.write("°")  # would raise, were the stream still strict
    assert raw.getvalue().endswith(b"\\xb0")


def test_an_empty_table_says_so_on_a_terminal_and_nothing_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output(as_json=False, terminal=True).show({}, rows_of("", [], empty="no recordings"))
    assert capsys.readouterr().out == "no recordings\n"
    Output(as_json=False, terminal=False).show({}, rows_of("", [], empty="no recordings"))
    assert capsys.readouterr().out == ""


STATUS = BatteryStatus(
    charge_pct=87,
    state=ChargeState.DISCHARGING,
    voltage_mv=3925,
    current_ma=-210,
    temperature_dc=-55,
    cycles=12,
    health_pct=99,
    time_left_s=None,
)


def test_units_come_from_the_declaration() -> None:
    shown = {one.label: one.shown for one in facts(STATUS)}
    assert shown == {
        "charge": "87 %",
        "state": "discharging",
        "voltage": "3.925 V",
        "current": "-210 mA",
        "temperature": "-5.5 °C",
        "cycles": "12",
        "health": "99 %",
        "time left": "unknown",
    }


def test_what_is_not_known_is_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("state", Unknown(77), "") == "unknown(77)"
    assert show("marks", Mark(0), "") == "none"
    Output(as_json=False, terminal=False).show({}, Facts("", list(facts(STATUS))))
    assert "time_left_s\tunknown\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        ["info"],
        ["battery"],
        ["storage"],
        ["clock", "show"],
        ["clock", "sync", "--source", "operator"],
        ["recordings", "show", "1"],
        ["assign"],
    ],
    ids=" ".join,
)
def test_in_a_pipe_no_key_comes_twice(bwc: Callable[..., Any], sim: str, argv: list[str]) -> None:
    bwc("recordings", "mark", "1", device=sim)
    bwc("recordings", "mark", "1", "--remove", device=sim)
    keys = [line.split("\t")[0] for line in bwc(*argv, device=sim).out.splitlines()]
    assert keys and len(set(keys)) == len(keys)
    if argv == ["clock", "show"]:
        assert {"uncertainty_ns", "measured.uncertainty_ns"} <= set(keys)
    if "show" in argv and "1" in argv:
        assert {"segment.0", "annotation.0", "annotation.1", "manifest.sequence"} <= set(keys)


def test_a_second_cell_has_keys_of_its_own(
    bwc: Callable[..., Any], sim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    capabilities, status = Device.capabilities, Battery.status

    async def two_cells(self: Device) -> DeviceCapabilities:
        return dataclasses.replace(await capabilities(self), battery_cells=2)

    async def any_cell(self: Battery, *, cell: int) -> BatteryStatus:
        return await status(self, cell=0)

    monkeypatch.setattr(Device, "capabilities", two_cells)
    monkeypatch.setattr(Battery, "status", any_cell)
    keys = [line.split("\t")[0] for line in bwc("battery", device=sim).out.splitlines()]
    assert {"charge_pct", "cell.1.charge_pct"} <= set(keys) and len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (1.5, "1.5 s"), (61, "1 min 01 s"), (3_720, "1 h 02 min"), (200_000, "2 d 7 h")],
)
def test_lengths_of_time_as_a_person_says_them(seconds: float, said: str) -> None:
    assert text.duration(seconds) == said


def test_times_and_sizes_of_any_value_have_a_form() -> None:
    assert text.utc(1_700_000_000_000_000_000) == "2023-11-14T22:13:20Z"
    assert text.utc(1_700_000_000_250_000_000) == "2023-11-14T22:13:20.250Z"
    assert text.utc(-1) == "-1 ns since 1970"
    assert text.utc(2**63 - 1) == "2262-04-11T23:47:16.854Z"
    assert text.size(1023) == "1023 B"
    assert text.size(2**64 - 1) == "16777216.0 TiB"
    assert text.small_time(-1_500_000) == "-1.500 ms"

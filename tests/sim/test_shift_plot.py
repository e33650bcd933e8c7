"""`bwc sim plot`: a simulated day, and its picture."""

import sys
from pathlib import Path

import pytest

from bwc_sdk.__main__ import main
from firmware_sim import shift_plot
from firmware_sim.shift_plot import (
    BEGINS_MIN,
    DAY_MIN,
    DOCKED,
    RECORDING,
    WORN,
    Shift,
    picture_of,
    play_shift,
)


@pytest.fixture(scope="module")
def shift() -> Shift:
    return play_shift(seed=3, hours=2, recordings=2, lengths_min=(1, 1))


def test_a_day_is_docked_worn_and_docked_again(shift: Shift) -> None:
    ends = BEGINS_MIN + 120
    assert shift.identity == "SIM-00000003" and len(shift.minutes) == DAY_MIN + 1
    assert [what for _, _, what in shift.spans] == [DOCKED, WORN, DOCKED, RECORDING, RECORDING]
    charge = [one or 0.0 for one in shift.charge_pct]
    assert charge[ends] < charge[BEGINS_MIN] < charge[-1] + 3 and charge[-1] > charge[ends]
    used = [one or 0.0 for one in shift.used_gb]
    assert used[BEGINS_MIN] == 0 < used[ends] == used[-1] and shift.recordings == 2
    assert used == sorted(used)


def test_the_dock_sets_the_clock_and_it_drifts_in_between(shift: Shift) -> None:
    error = [abs(one or 0.0) for one in shift.clock_error_ms]
    for minute in (BEGINS_MIN, BEGINS_MIN + 120):
        assert error[minute] < 0.001 < error[minute + 60] < error[minute + 119]
        assert error[minute - 1] > error[minute]


def test_recording_warms_the_cell(shift: Shift) -> None:
    begin, end, _ = next(span for span in shift.spans if span[2] == RECORDING)
    warmth = [one or 0.0 for one in shift.temperature_c]
    assert max(warmth[begin : end + 5]) > warmth[begin]


def test_the_same_seed_draws_the_same_day() -> None:
    presses = [shift_plot._presses(7, 8, 6, (2, 8)) for _ in range(2)]
    assert presses[0] == presses[1] != shift_plot._presses(8, 8, 6, (2, 8))
    assert list(presses[0].values()) == [True, False] * 6, "each ends before the next begins"
    assert list(presses[0]) == sorted(presses[0])


def test_the_picture_has_what_was_asked_for(shift: Shift) -> None:
    picture = picture_of(shift, 3)
    assert [panel.title.split(":")[0] for panel in picture.panels] == [
        "Charge",
        "Temperature of the cell",
        "Storage used",
        "Clock",
    ]
    assert "SIMULATOR" in picture.title and picture.x[-1] == 24


def test_the_command_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shift: Shift
) -> None:
    monkeypatch.setattr(shift_plot, "play_shift", lambda **_: shift)
    out = tmp_path / "shift.png"
    assert main(["sim", "plot", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert out.read_bytes().startswith(b"\x89PNG") and out.stat().st_size > 20_000
    assert main(["sim", "plot", "--out", str(tmp_path / "no" / "shift.png")]) == 9
    assert "cannot be written" in capsys.readouterr().err
    assert main(["sim", "--seed", "3", "plot"]) == 2
    assert "--seed says nothing to 'plot'" in capsys.readouterr().err
    assert main(["sim", "--help"]) == 0
    assert "plot  Draw a day" in capsys.readouterr().out


def test_without_the_plot_library_it_says_so_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["sim", "plot", "--out", str(tmp_path / "shift.png")]) == 11
    assert "bwc-sdk[plot]" in capsys.readouterr().err
    assert not (tmp_path / "shift.png").exists()

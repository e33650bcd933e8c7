"""An offload on a terminal: a line a camera with bar, rate and what is left, and one for the whole with its end."""

import asyncio
import io
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from bwc_protocol.evidence import TriggerReason
from bwc_protocol.messages.recordings import Mark, RecordingEntry
from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.cli.printing.transfer import SAMPLES_MAX, WINDOW_S, Board, Rate
from bwc_sdk.cli.printing.transfer_view import Row, TransferView, line_of
from bwc_sdk.errors import DeviceLost
from bwc_sdk.offload import (
    BayJudged,
    CameraEvent,
    CameraFailed,
    Connected,
    ConnectionLost,
    Finished,
    Interrupted,
    OffloadResult,
    Planned,
    Progress,
    Reconnected,
    RecordingFinished,
    RecordingPostponed,
    RecordingStarted,
    Resumed,
    StationBack,
    StillOnCamera,
    StoredVerified,
)
from firmware_sim.virtual_time import run_virtual

MIB = 1 << 20


def entry(sequence: int, size: int = 10 * MIB) -> RecordingEntry:
    return RecordingEntry(
        sequence=sequence,
        recording=bytes(16),
        manifest_sha256=bytes(32),
        size_bytes=size,
        segments=1,
        started_utc_ns=0,
        duration_ms=0,
        trigger=TriggerReason.OFFICER_BUTTON,
        marks=Mark(0),
        category="",
        annotations=0,
    )


class Told:
    """A board whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.board = Board(lambda: self.now)

    def tell(self, slot: str, *events: Any, bay: int | None = None) -> None:
        for event in events:
            self.board.tell(CameraEvent(slot, event, bay))

    def begin(self, slot: str, recordings: int = 2, bay: int | None = None) -> None:
        plan = tuple(entry(number) for number in range(1, recordings + 1))
        self.tell(
            slot,
            Connected(f"SIM-{slot}", True, False),
            Planned(plan, sum(one.size_bytes for one in plan)),
            bay=bay,
        )


def test_what_is_done_is_left_and_how_fast_is_counted_over_the_recordings_of_a_camera() -> None:
    told = Told()
    told.begin("bay 3")
    one = told.board.cameras["bay 3"]
    told.tell("bay 3", RecordingStarted(entry(1)))
    for second in range(1, 6):
        told.now = float(second)
        told.tell("bay 3", Progress(1, 0, second * MIB, 10 * MIB))
    assert (one.done, one.coming) == (5 * MIB, 15 * MIB)
    assert one.rate.per_s(told.now) == pytest.approx(5 * MIB / 4)
    told.tell("bay 3", RecordingFinished(StoredVerified(entry(1), (), False)))
    assert (one.done, one.coming) == (10 * MIB, 10 * MIB)
    left = StillOnCamera(entry(2), "x")
    told.tell("bay 3", RecordingFinished(left))
    assert (one.done, one.coming) == (10 * MIB, 0)
    told.tell("bay 3", Finished(OffloadResult("SIM", (left,), 0, 0, 0)))
    assert (one.coming, one.over, one.state) == (0, True, "NOT complete")
    assert (told.board.done(), told.board.planned()) == (10 * MIB, 20 * MIB)  # never called all of it


def test_what_the_light_of_a_bay_says_stands_behind_what_became_of_its_camera() -> None:
    told = Told()
    told.tell("bay 3", BayJudged(BayVerdict.BUSY), bay=3)
    told.begin("bay 3", recordings=1, bay=3)
    one = told.board.cameras["bay 3"]
    told.tell("bay 3", Finished(OffloadResult("SIM", (StoredVerified(entry(1), (), False),), 0, 0, 0)))
    for verdict, state in (
        (BayVerdict.BUSY, "stored, busy"),
        (BayVerdict.TAKE_ME, "stored, take-me"),
        (BayVerdict.NONE, "stored"),
    ):
        told.tell("bay 3", BayJudged(verdict))
        assert one.state == state


def test_what_was_there_before_is_done_and_is_no_speed() -> None:
    told = Told()
    told.begin("a", recordings=1)
    told.tell("a", RecordingStarted(entry(1)), Resumed(1, 0, 6 * MIB))
    told.now = 1.0
    told.tell("a", Progress(1, 0, 7 * MIB, 10 * MIB))
    assert told.board.cameras["a"].done == 7 * MIB
    told.now = 2.0
    told.tell("a", Progress(1, 0, 8 * MIB, 10 * MIB))
    assert told.board.per_s() <= 2 * MIB


def test_a_recording_that_makes_way_is_not_among_what_comes_now() -> None:
    told = Told()
    told.begin("a")
    told.tell("a", RecordingStarted(entry(1)), Progress(1, 0, 4 * MIB, 10 * MIB))
    told.tell("a", RecordingPostponed(1, DeviceLost("x"), 7))
    assert told.board.cameras["a"].current == {} and told.board.cameras["a"].coming == 20 * MIB


def test_the_lines_are_drawn_by_the_loop_that_changes_them_and_by_no_thread() -> None:
    async def main() -> None:
        before = threading.active_count()
        with TransferView(asyncio.get_running_loop().time, lambda: 0) as view:
            view._console.file = io.StringIO()
            view.tell(CameraEvent("a", Connected("SIM", True, False)))
            assert threading.active_count() == before
            await asyncio.sleep(1.0)
            assert view._tick is not None

    run_virtual(main())


def test_a_rate_forgets_what_is_long_past_and_is_bounded() -> None:
    rate = Rate()
    assert rate.per_s(5.0) == 0.0
    for step in range(4 * SAMPLES_MAX):
        rate.add(step * 0.01, 100)
    assert rate.per_s(4 * SAMPLES_MAX * 0.01) == pytest.approx(10_000, rel=0.02)
    assert rate.per_s(4 * SAMPLES_MAX * 0.01 + WINDOW_S) == 0.0


def test_a_camera_that_is_lost_taken_out_or_fails_says_so_and_keeps_nobody_waiting() -> None:
    told = Told()
    for slot in ("a", "b", "c"):
        told.begin(slot)
    told.tell("a", ConnectionLost(DeviceLost("gone"), 1, 4.0))
    assert told.board.cameras["a"].state == "lost, again in 4 s"
    told.tell("a", Reconnected())
    told.tell("b", Interrupted("SIM"))
    told.tell("c", CameraFailed(DeviceLost("gone")))
    told.tell("d", CameraFailed(DeviceLost("never there")))
    told.tell("station", StationBack())
    states = {slot: one.state for slot, one in told.board.cameras.items()}
    assert states == {"a": "", "b": "taken out", "c": "FAILED", "d": "FAILED"}
    assert (told.board.coming(), told.board.done(), told.board.planned()) == (20 * MIB, 0, 60 * MIB)


@pytest.mark.parametrize("width", [80, 60, 40, 20, 10, 4])
def test_a_line_fits_the_terminal_and_says_as_much_as_it_has_room_for(width: int) -> None:
    row = Row("bay 3", 62 * MIB, 100 * MIB, 11.2 * MIB, "")
    line = line_of(row, min(5, max(4, width // 3)), width)
    assert cell_len(line) <= width
    if width >= 20:
        assert "62 %" in line
    if width >= 40:
        assert "11.2 MiB/s" in line and "38.0 MiB left" in line
    assert ("█" in line) is (width >= 60)
    assert "62 %" in line_of(Row("警察署の三番目のベイ", 62, 100, 0.0, ""), 8, max(width, 20))


def test_the_line_for_the_whole_says_when_it_ends_and_bars_stand_below_each_other() -> None:
    rows = [
        Row("bay 3", 62 * MIB, 100 * MIB, 11.2 * MIB, ""),
        Row("bay 4", 100 * MIB, 100 * MIB, 0.0, "stored"),
        Row("bay 5", 0, 0, 0.0, "connecting"),
        Row("all", 162 * MIB, 200 * MIB, 11.2 * MIB, "", "until 23:41:10Z"),
    ]
    lines = [line_of(row, 5, 80) for row in rows]
    assert len({re.sub("[█]", "░", line).rindex("░") for line in lines}) == 1
    assert lines[-1].endswith("38.0 MiB left  until 23:41:10Z")
    assert "until 23:41:10Z" in line_of(rows[-1], 5, 50)
    assert line_of(rows[0], 5, 80, "#.").count("#") > 0


def _drawn(cameras: int, width: int, height: int) -> list[str]:
    shown = io.StringIO()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        view = TransferView(loop.time, lambda: 1_795_906_864 * 10**9)
        view._console = Console(file=shown, width=width, height=height, force_terminal=False)
        told = Told()
        for bay in range(cameras, 0, -1):
            told.begin(f"bay {bay}", bay=bay)
        told.now = 1.0
        told.tell("bay 1", RecordingStarted(entry(1)), Progress(1, 0, MIB, 10 * MIB))
        told.now = 2.0
        view._board = told.board
        view._console.print(view._drawn())

    run_virtual(main())
    return shown.getvalue().splitlines()


def test_bays_stand_in_their_order_and_sixty_four_fit_a_small_terminal() -> None:
    lines = _drawn(3, 80, 24)
    assert [line.split()[:2] for line in lines[:3]] == [["bay", "1"], ["bay", "2"], ["bay", "3"]]
    assert lines[-1].startswith("all") and "until " in lines[-1]
    many = _drawn(64, 80, 24)
    assert len(many) <= 24 and many[0].startswith("bay 1") and "and 44 more" in many[-2]
    assert all(cell_len(line) <= 20 for line in _drawn(8, 20, 24))


def test_bars_are_drawn_in_the_loop_and_gone_at_the_end(
    bwc: Any, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    ran = bwc("offload", str(tmp_path), "--station", f"{sim}&station=3")
    assert ran.code == 0 and "3 of 3 cameras stored and verified" in ran.err
    assert ran.err.count("all  ") >= 1 and "Traceback" not in ran.err
    rows = [line.split() for line in ran.out.splitlines() if line.strip().startswith("bay")]
    assert [row[:2] for row in rows] == [["bay", "1"], ["bay", "2"], ["bay", "3"]]
    assert all("complete" in row and "3.0" in row for row in rows)


def test_a_log_and_bars_do_not_write_over_each_other(
    bwc: Any, sim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    ran = bwc("offload", str(tmp_path), "-v", device=sim)
    assert ran.code == 0 and "all  " not in ran.err and "3.0 MiB received" in ran.out
    assert any(line.startswith("planned  3 recordings  3.0 MiB  ") for line in ran.out.splitlines())


@pytest.mark.parametrize("width", [20, 40, 80, 100])
def test_lines_leave_room_for_the_echo_of_ctrl_c_so_that_what_is_erased_is_where_it_was(width: int) -> None:
    assert all(cell_len(line) + len("^C") <= width for line in _drawn(8, width, 24))

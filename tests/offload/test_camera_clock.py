"""The camera's clock is measured once a connection, for the custody records; footage is stored whatever comes of it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import ClockReading, TimeSource
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.errors import (
    ClockUnsteady,
    CommandError,
    CommandTimeout,
    DeviceLost,
    ProtocolViolation,
)
from bwc_sdk.evidence.custody import custody_agrees, custody_subject
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.host.host_clock import Stamp
from bwc_sdk.offload.camera_clock import KEPT_MAX, LIMIT_S, ROUNDS
from firmware_sim.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("small_slabs")

AT_NS = 1_700_000_000_000_000_000


@dataclass
class Clock:
    """A clock that is three seconds behind; `revisions` are what it is at, one an answer, the last for ever."""

    revisions: list[int] = field(default_factory=lambda: [4])
    error: Exception | None = None
    hangs: bool = False
    state: ClockState = ClockState.HOLDOVER
    asked: int = 0

    def _revision(self) -> int:
        return self.revisions.pop(0) if len(self.revisions) > 1 else self.revisions[0]

    async def measure(self, rounds: int) -> Measurement:
        assert rounds == ROUNDS
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        offset_ns = 3_000_000_000 + self.asked
        return Measurement(offset_ns, 500, 1_000, self._revision(), rounds, 0, Stamp(AT_NS, 1, 2))

    async def read(self) -> ClockReading:
        return ClockReading(
            utc_ns=0,
            state=self.state,
            uncertainty_ns=700,
            source=TimeSource.NTP,
            last_set_utc_ns=0,
            revision=self._revision(),
        )


def records(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(one.read_bytes()) for one in path.glob("*.custody.json")]
    return sorted(found, key=lambda one: (one["sequence"], one["segment"]))


def by(lab: Any, number: int, size: int, revision: int) -> Any:
    """A recording that was made by this revision of the clock."""
    made = lab.recording(number, (size,))
    made.manifest = dataclasses.replace(made.manifest, clock_revision=revision)
    return made


def clocks(found: Iterable[dict[str, Any]]) -> list[Any]:
    return [one["camera_clock"] for one in found]


@pytest.mark.rule("REC-093")
def test_it_is_measured_once_for_all_recordings_of_a_connection(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(number, (5_000, 300)) for number in (1, 2, 3)])
    device.clock = clock = Clock()
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and clock.asked == 1
    found = records(tmp_path)
    assert len(found) == 6
    first = found[0]["camera_clock"]
    assert {key: first[key] for key in ("offset_ns", "uncertainty_ns", "revision", "state")} == {
        "offset_ns": 3_000_000_001,
        "uncertainty_ns": 500,
        "revision": 4,
        "state": "holdover",
    }
    assert (first["measured_utc_ns"], first["measured_by"]) == (AT_NS, "dock-7")
    assert first["stated_uncertainty_ns"] == 700 and set(first["host_clock"]) == {
        "synchronised",
        "max_error_ns",
        "said_by",
    }
    assert clocks(found) == [first] * 6 and {one["camera_clock_unknown"] for one in found} == {None}


@pytest.mark.rule("REC-093")
def test_it_is_measured_again_after_a_reconnection(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (20_000,)), lab.recording(2, (20_000,))])
    device.clock = clock = Clock()
    device.cut_at = [30_000]
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.reconnections == 1 and clock.asked == 2
    assert clocks(records(tmp_path))[-1]["offset_ns"] == 3_000_000_002


def test_what_was_measured_stands_where_a_reconnection_brings_nothing_better(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (20_000,)), lab.recording(2, (20_000,))])
    device.clock = clock = Clock()
    device.cut_at = [30_000]

    def no_more() -> None:
        clock.error = CommandTimeout("no reply", device="fake:")

    device.before_open = no_more
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.reconnections == 1 and clock.asked == 2
    assert [one["offset_ns"] for one in clocks(records(tmp_path))] == [3_000_000_001] * 2


@pytest.mark.rule("REC-093")
def test_a_recording_has_what_was_measured_before_somebody_set_its_clock(lab, tmp_path: Path) -> None:
    device = lab.device([by(lab, 1, 20_000, 4), by(lab, 2, 20_000, 5), by(lab, 3, 9, 3)])
    device.clock = Clock(revisions=[4, 4, 5, 5])
    device.cut_at = [10_000]
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.reconnections == 1
    assert [one["revision"] for one in clocks(records(tmp_path))] == [4, 5, 5]


def test_revisions_that_are_kept_are_bounded(lab, tmp_path: Path) -> None:
    device = lab.device([by(lab, 1, 200_000, 1), by(lab, 2, 9, 3)])
    device.clock = Clock(revisions=[n for n in range(1, KEPT_MAX + 3) for _ in range(2)])
    device.cut_at = [10_000 * n for n in range(1, KEPT_MAX + 2)]
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.reconnections == KEPT_MAX + 1
    assert [one["revision"] for one in clocks(records(tmp_path))] == [KEPT_MAX + 2, 3]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (CommandError("clock.exchange", ErrorCode.UNSUPPORTED, ""), "unsupported"),
        (CommandError("clock.exchange", ErrorCode.BUSY, ""), "refused"),
        (ClockUnsteady("it jumps", device="fake:"), "unsteady"),
        (ProtocolViolation("impossible stamps", device="fake:"), "unsteady"),
        (CommandTimeout("no reply", device="fake:"), "no-answer"),
        (DeviceLost("the cable slipped"), "no-answer"),
        (None, "no-answer"),
    ],
    ids=["unsupported", "refused", "unsteady", "impossible", "timeout", "lost", "hangs"],
)
def test_what_cannot_be_measured_is_told_and_keeps_no_recording(
    lab, tmp_path: Path, error: Exception | None, word: str
) -> None:
    device = lab.device([lab.recording(1, (5_000,))])
    device.clock = Clock(error=error, hangs=error is None)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    (found,) = records(tmp_path)
    assert found["camera_clock"] is None and found["camera_clock_unknown"] == word


def test_a_camera_that_does_not_answer_costs_a_bounded_time(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (5_000,))])
    device.clock = Clock(hangs=True)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        job = lab.job(device, OsFileSystem(), tmp_path)
        begun_s = loop.time()
        assert (await job.run()).complete
        return loop.time() - begun_s

    assert LIMIT_S <= run_virtual(main()) < LIMIT_S + 1


def test_a_clock_that_is_set_just_then_is_measured_once_more(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (5_000,))])
    device.clock = clock = Clock(revisions=[4, 5])
    lab.run(device, OsFileSystem(), tmp_path)
    (found,) = records(tmp_path)
    assert found["camera_clock"]["revision"] == 5 and clock.asked == 2


def test_a_clock_that_is_set_all_the_time_is_not_measured(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (5_000,))])
    device.clock = Clock(revisions=[4, 5, 6, 7, 8])
    lab.run(device, OsFileSystem(), tmp_path)
    (found,) = records(tmp_path)
    assert found["camera_clock_unknown"] == "unsteady"


def test_of_a_clock_that_is_not_set_no_bound_is_written(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (5_000,))])
    device.clock = Clock(state=ClockState.UNSET)
    lab.run(device, OsFileSystem(), tmp_path)
    (found,) = records(tmp_path)
    assert found["camera_clock"]["state"] == "unset"
    assert found["camera_clock"]["stated_uncertainty_ns"] is None


def test_a_record_of_before_is_as_good_and_stays_as_it_is(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (5_000,))])
    device.clock = Clock()
    lab.run(device, OsFileSystem(), tmp_path)
    (path,) = tmp_path.glob("*.custody.json")
    before = json.loads(path.read_bytes())
    del before["camera_clock"], before["camera_clock_unknown"]
    path.chmod(0o600)
    path.write_bytes(json.dumps(before).encode())
    manifest = device.recordings[0].manifest
    assert custody_agrees(path.read_bytes(), custody_subject(manifest, 0, before["file"]))
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and json.loads(path.read_bytes()) == before

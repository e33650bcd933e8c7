"""Steps of a dock: taken in the one session that the offload has, told when they fail, and never footage's trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import TimeSource
from bwc_protocol.messages.station import BayVerdict
from bwc_sdk import Camera
from bwc_sdk.cli.arguments.dock_steps import steps_of
from bwc_sdk.cli.arguments.host_time_word import SourceName
from bwc_sdk.cli.printing.offload_events import offload_document, values_of
from bwc_sdk.errors import CommandTimeout, DeviceLost, InvalidValue, ProgramFault
from bwc_sdk.fitness import Limits
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import (
    Check,
    Connected,
    Finished,
    Found,
    OffloadPolicy,
    Planned,
    RecordingFinished,
    SetClock,
    StepDone,
    StepFailed,
    offload,
)
from bwc_sdk.offload.step_taking import STEP_S
from firmware_sim import LoneCameraHands, make_camera
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400_000_000_000
KEPT = HostTime(synchronised=True, max_error_ns=2_000_000, said_by="chrony")


@dataclass
class Step:
    """One of a test's own."""

    act: Callable[[Camera], Awaitable[Any]]
    name: str = "own"
    taken: int = 0

    async def do(self, camera: Camera) -> Found:
        self.taken += 1
        found = await self.act(camera)
        return found if isinstance(found, Found) else Found("done")


@dataclass
class Docked:
    """A camera, and what an offload of it told."""

    camera: SimCamera
    store: Path
    events: list[Any] = field(default_factory=list)
    transports: list[Any] = field(default_factory=list)

    def offload(self, host_time: HostTime = KEPT, **policy: Any) -> Any:
        """Runs one; its result."""
        world = World(
            utc_ns=self.camera.true_utc_ns,
            entropy=lambda n: b"\x5a" * n,
            workers=InlineWorkers(),
            host_time=lambda: host_time,
        )

        async def connect() -> Camera:
            self.transports.append(MemoryTransport(self.camera))
            return await bwc_sdk.connect(
                self.transports[-1], role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
            )

        async def run() -> Any:
            job = offload(connect, self.store, world=world, policy=OffloadPolicy(**policy))
            self.events = [event async for event in job]
            return job.result

        return run_virtual(run())

    def steps(self) -> list[tuple[str, bool]]:
        return [
            (one.step, isinstance(one, StepDone) and one.good)
            for one in self.events
            if isinstance(one, StepDone | StepFailed)
        ]


@pytest.fixture
def docked(tmp_path: Path) -> Any:
    camera = make_camera(seed=1, mib=1, recordings=2, utc_ns=NOON_NS)
    LoneCameraHands(camera).battery_charge(95)
    yield Docked(camera, tmp_path)
    camera.close()


def test_the_clock_is_set_and_the_camera_checked_in_the_session_of_the_offload(docked: Docked) -> None:
    LoneCameraHands(docked.camera).clock_step(30)
    result = docked.offload(after=(SetClock(), Check()))
    assert result.complete and docked.steps() == [("clock", True), ("check", True)]
    assert abs(docked.camera.clock.utc_ns() - docked.camera.true_utc_ns()) < 10_000_000
    assert len(docked.transports) == 1, "one connection"
    done = [one for one in docked.events if isinstance(one, StepDone)]
    assert done[0].detail.startswith("set by -") and "(synced)" in done[1].detail


def test_a_clock_an_hour_off_is_not_good_where_the_host_keeps_no_time_either(docked: Docked) -> None:
    LoneCameraHands(docked.camera).clock_step(3_600)
    result = docked.offload(HostTime(False, 0, "kernel"), after=(Check(),))
    assert result.complete and docked.steps() == [("check", False)]
    (done,) = (one for one in docked.events if isinstance(one, StepDone))
    assert "one of the two clocks is wrong" in done.detail


def test_steps_come_before_the_footage_is_listed_and_after_it_is_stored(docked: Docked) -> None:
    seen: list[str] = []

    async def before(camera: Camera) -> None:
        seen.append("before")

    async def after(camera: Camera) -> None:
        seen.append("after")

    docked.offload(before=(Step(before, "one"),), after=(Step(after, "two"), Step(after, "three")))
    assert seen == ["before", "after", "after"]
    order = [
        one.step if isinstance(one, StepDone) else type(one)
        for one in docked.events
        if isinstance(one, Connected | StepDone | Planned | RecordingFinished | Finished)
    ]
    stored = [RecordingFinished] * 2
    assert order == [Connected, "one", Planned, *stored, "two", "three", Finished]


async def refuses(camera: Camera) -> None:
    raise InvalidValue("not today")


async def is_wrong(camera: Camera) -> None:
    raise KeyError("a slip")


async def hangs(camera: Camera) -> None:
    await asyncio.sleep(10 * STEP_S)


async def closes(camera: Camera) -> None:
    await camera.close()
    await camera.battery.status()


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(
    ("act", "error"),
    [(refuses, InvalidValue), (is_wrong, ProgramFault), (hangs, CommandTimeout), (closes, DeviceLost)],
)
def test_a_step_that_fails_is_told_and_no_footage_stays_behind(
    docked: Docked, place: str, act: Any, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    other = Step(lambda camera: camera.battery.status(), "other")
    result = docked.offload(**{place: (Step(act), other)})
    assert result.complete and len(list(docked.store.glob("*.mp4"))) == 2
    failed = [one for one in docked.events if isinstance(one, StepFailed)]
    assert failed[0].step == "own" and isinstance(failed[0].error, error)
    if act in (refuses, is_wrong):
        assert docked.steps() == [("own", False), ("other", True)] and len(docked.transports) == 1
    else:  # the connection is gone: no camera is called back for a step
        assert docked.steps() == [("own", False), ("other", False)] and not other.taken
        assert len(docked.transports) == (2 if place == "before" else 1), "but for its footage"


def test_a_camera_that_is_taken_out_in_the_middle_of_a_step_is_told(docked: Docked) -> None:
    async def taken_out(camera: Camera) -> None:
        docked.transports[-1].unplug()
        await camera.battery.status()

    result = docked.offload(after=(Step(taken_out),))
    assert result.complete
    (failed,) = [one for one in docked.events if isinstance(one, StepFailed)]
    assert isinstance(failed.error, DeviceLost)


def test_a_host_that_does_not_know_its_time_sets_no_clock(docked: Docked) -> None:
    LoneCameraHands(docked.camera).clock_step(30)
    before = docked.camera.clock.revision
    result = docked.offload(HostTime(synchronised=False, max_error_ns=0), after=(SetClock(),))
    assert result.complete and docked.steps() == [("clock", False)]
    assert docked.camera.clock.revision == before
    (failed,) = [one for one in docked.events if isinstance(one, StepFailed)]
    assert values_of(failed)[0] == "clock FAILED"
    said = str(values_of(failed)[-1])
    assert said.startswith("try: start a time service") and "operator" not in said, (
        "nobody stands beside a dock"
    )


def test_a_clock_that_lost_its_time_is_set_for_the_first_time(docked: Docked) -> None:
    LoneCameraHands(docked.camera).clock_lose()
    docked.offload(after=(SetClock(), Check()))
    assert docked.steps() == [("clock", True), ("check", True)]


def test_a_dock_whose_time_is_kept_otherwise_says_so(docked: Docked) -> None:
    ptp = SetClock(source=TimeSource.PTP, host_uncertainty_ns=1_000_000)
    docked.offload(HostTime(synchronised=None, max_error_ns=0), after=(ptp,))
    assert docked.steps() == [("clock", True)] and docked.camera.clock.source is TimeSource.PTP


@pytest.mark.parametrize(
    ("spoil", "said", "verdict"),
    [
        (lambda hands: hands.battery_charge(40), "40 % charged", BayVerdict.BUSY),
        (lambda hands: hands.clock_lose(), "clock: ", BayVerdict.DO_NOT_USE),
        (lambda hands: hands.record_start(), "it records", BayVerdict.NEEDS_ATTENTION),
        (
            lambda hands: setattr(hands.camera.report, "storage_error", True),
            "storage error",
            BayVerdict.DO_NOT_USE,
        ),
    ],
)
def test_a_check_says_why_a_camera_is_not_fit_to_be_taken(
    docked: Docked, spoil: Any, said: str, verdict: BayVerdict
) -> None:
    spoil(LoneCameraHands(docked.camera))
    docked.offload(after=(Check(),))
    (found,) = [one for one in docked.events if isinstance(one, StepDone)]
    assert not found.good and said in found.detail.replace("-", " ").replace("_", " ").lower()
    assert values_of(found) == ("check NOT GOOD", found.detail)
    assert offload_document(found) == {
        "event": "step_done",
        "step": "check",
        "good": False,
        "detail": found.detail,
        "verdict": str(verdict),
    }


def test_a_check_asks_for_as_much_as_it_is_told(docked: Docked) -> None:
    LoneCameraHands(docked.camera).battery_charge(40)
    docked.offload(after=(Check(limits=Limits(hours=3, assigned=False)),))
    assert docked.steps() == [("check", True)]


def test_the_clock_is_measured_before_it_is_set(docked: Docked) -> None:
    """The relation that recordings need is of the clock that they were made by."""
    LoneCameraHands(docked.camera).clock_step(30)
    revision = docked.camera.clock.revision
    docked.offload(after=(SetClock(),))
    records = [path.read_text("utf-8") for path in docked.store.glob("*custody*")] or [
        path.read_text("utf-8", "replace")
        for path in docked.store.rglob("*")
        if path.suffix in (".json", ".jsonl")
    ]
    assert docked.camera.clock.revision == revision + 1 and docked.camera.clock.state is ClockState.SYNCED
    assert any("offset" in text for text in records)


# The command line


def test_steps_are_named_in_any_order_and_taken_in_theirs(tmp_path: Path) -> None:
    assert [one.name for one in steps_of("check, clock", None)] == ["clock", "check"]
    assert [one.name for one in steps_of("clock,desired,check", tmp_path)] == ["clock", "check"]
    assert steps_of(None, None) == steps_of("desired", tmp_path) == ()
    assert steps_of("clock", None, SourceName.PTP, "1ms") == (
        SetClock(source=TimeSource.PTP, host_uncertainty_ns=1_000_000),
    )


def test_what_is_said_of_the_hosts_time_is_for_a_clock_and_not_a_persons() -> None:
    with pytest.raises(typer.BadParameter, match="for --steps clock"):
        steps_of("check", None, SourceName.PTP, "1ms")
    with pytest.raises(typer.BadParameter, match="--source operator is for one moment"):
        steps_of("clock", None, SourceName.OPERATOR)


@pytest.mark.parametrize(
    ("text", "said"), [("clock,wash", "no step 'wash'"), ("desired", "--desired DIR"), ("", "no step ''")]
)
def test_a_step_that_there_is_not_is_a_usage_error(text: str, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        steps_of(text, None)


def test_a_camera_that_records_in_its_dock_is_unfit_by_the_same_words_everywhere(docked: Docked) -> None:
    LoneCameraHands(docked.camera).record_start()
    docked.offload(after=(Check(),))
    (done,) = (one for one in docked.events if isinstance(one, StepDone))
    assert (done.good, done.detail.count("it records"), done.verdict) == (
        False,
        1,
        BayVerdict.NEEDS_ATTENTION,
    )


def test_one_that_records_is_not_to_be_taken_whatever_it_says_of_its_dock(docked: Docked) -> None:
    docked.camera.undock()  # as on a cable that is no dock
    LoneCameraHands(docked.camera).record_start()
    docked.offload(after=(Check(),))
    (done,) = (one for one in docked.events if isinstance(one, StepDone))
    assert not done.good and "it records" in done.detail
    assert done.verdict is BayVerdict.NEEDS_ATTENTION


def test_a_clock_that_was_not_set_is_not_told_as_an_offset_of_centuries(docked: Docked) -> None:
    LoneCameraHands(docked.camera).clock_lose()
    docked.offload(after=(SetClock(),))
    (done,) = (one for one in docked.events if isinstance(one, StepDone))
    assert done.detail.startswith("it was not set; set within ")


def test_a_persons_word_is_refused_with_the_options_that_do(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="--source ptp --uncertainty 1ms, or leave --source out"):
        steps_of("clock", None, SourceName.OPERATOR)

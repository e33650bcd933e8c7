"""What the lights of a station say while a dock watches it, and after it died (spec: Station)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import BayVerdict, LedMeaning
from bwc_sdk import Camera
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.desired import desired_path
from bwc_sdk.offload import (
    BayJudged,
    Check,
    Connected,
    DockWatch,
    Finished,
    Found,
    OffloadPolicy,
    OffloadResult,
    StationBack,
    StepDone,
    dock_watch,
)
from bwc_sdk.offload.bay_lights import LEASE_S, TAKE_BACK_S, BayLights
from bwc_sdk.offload.dock_watch import LOOK_S
from bwc_sdk.offload.second_look import AGAIN_S
from firmware_sim import LoneCameraHands
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation

NOON_NS = 1_800_014_400 * 1_000_000_000
KEPT = HostTime(synchronised=True, max_error_ns=2_000_000, said_by="chrony")
NONE, GREEN, BUSY = BayVerdict.NONE, BayVerdict.TAKE_ME, BayVerdict.BUSY
ATTENTION, RED = BayVerdict.NEEDS_ATTENTION, BayVerdict.DO_NOT_USE
CHECK_S, SHIFT_S = 120.0, 300.0
"""Shorter than they are: an hour of a station and its links takes seconds."""
BY_ITSELF = (LedMeaning.READY, LedMeaning.CHARGING)
CHECKING = OffloadPolicy(after=(Check(),))

Watching = Callable[..., DockWatch]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("bwc_sdk.offload.dock_watch")
    monkeypatch.setattr(module, "CHECK_S", CHECK_S)
    monkeypatch.setattr(module, "SHIFT_S", SHIFT_S)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what happens to a camera has it checked again."""
    monkeypatch.setattr(import_module("bwc_sdk.offload.dock_watch"), "SHIFT_S", 86_400.0)


@pytest.fixture
def world() -> World:
    """The host's UTC is that of the cameras, and passes as the loop's time does."""
    return World(
        workers=InlineWorkers(),
        utc_ns=lambda: NOON_NS + round(asyncio.get_running_loop().time() * 1e9),
        host_time=lambda: KEPT,
    )


@pytest.fixture
def station(new_station: Callable[..., SimStation]) -> SimStation:
    """A station of two bays, the first with a camera that is charged."""
    made = new_station(2, docked=1)
    LoneCameraHands(made.bays[1].camera).battery_charge(100)
    return made


@pytest.fixture
def watching(station: SimStation, host: Any, world: World, store: Any) -> Watching:
    """Watches the station."""

    def watch(policy: OffloadPolicy = CHECKING, connect: Any = None) -> DockWatch:
        return dock_watch(connect or host(station), store, world=world, policy=policy)

    return watch


class Reading:
    """A watch whose events are read all the time."""

    def __init__(self, watch: DockWatch) -> None:
        self.watch = watch
        self.events: list[Any] = []
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    @property
    def verdicts(self) -> list[BayVerdict]:
        """All that came to be said."""
        return [event.verdict for event in self.events if isinstance(event, BayJudged)]

    @property
    def results(self) -> list[OffloadResult]:
        """Of all that was stored."""
        return [event.result for event in self.events if isinstance(event, Finished)]

    async def until(self, *verdicts: BayVerdict, within_s: float = 86_400, anyhow: bool = False) -> None:
        """Until these were said, and nothing else, in this order or `anyhow`."""
        async with asyncio.timeout(within_s):
            while len(self.verdicts) < len(verdicts):
                self._more.clear()
                await self._more.wait()
        said = self.verdicts
        assert (sorted(said) == sorted(verdicts)) if anyhow else said == list(verdicts), said

    async def _read(self) -> None:
        async for tagged in self.watch:
            self.events.append(tagged.event)
            self._more.set()

    async def __aenter__(self) -> Reading:
        return self

    async def __aexit__(self, *ended: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.watch.aclose()


@pytest.mark.rule("STA-019")
def test_a_camera_is_busy_before_anything_is_asked_of_it_and_can_be_taken_once_it_passed(
    station, watching, play
) -> None:
    bay = station.bays[1]

    async def scenario() -> None:
        seen: list[Any] = []
        async with watching() as watch:
            async for tagged in watch:
                seen.append((type(tagged.event), bay.verdict))
                if tagged.event == BayJudged(GREEN):
                    break
            assert seen[0] == (BayJudged, BUSY)
            assert all(verdict is BUSY for _, verdict in seen[:-1])
            assert (Connected, BUSY) in seen and (StepDone, BUSY) in seen
            assert bay.led is LedMeaning.TAKE_ME

    play(scenario())


@pytest.mark.rule("STA-015")
def test_it_is_said_again_for_as_long_as_the_watch_runs(station, watching, play) -> None:
    bay = station.bays[1]

    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            for _ in range(int(SHIFT_S / 2 / LOOK_S)):
                await asyncio.sleep(LOOK_S)
                assert bay.led is LedMeaning.TAKE_ME and bay.verdict_lease_s > LEASE_S - 2 * LOOK_S
            await watch.until(BUSY, GREEN)

    play(scenario())


@pytest.mark.rule("STA-019")
def test_without_a_check_nothing_is_said_once_the_footage_is_stored(station, watching, play) -> None:
    async def scenario() -> None:
        async with Reading(watching(OffloadPolicy())) as watch:
            await watch.until(BUSY, NONE)
            assert station.bays[1].led in BY_ITSELF
            await asyncio.sleep(SHIFT_S + LOOK_S)
            await watch.until(BUSY, NONE)

    play(scenario())


def test_what_a_program_says_itself_is_not_taken_back(station, watching, play) -> None:
    async def scenario() -> None:
        async with Reading(watching(OffloadPolicy())) as watch:
            await watch.until(BUSY, NONE)
            lent = await watch.watch.station()
            await lent.bays.verdict(bay=1, docking=1, verdict=ATTENTION, seconds=600)
            await asyncio.sleep(3 * LOOK_S)
            assert station.bays[1].led is LedMeaning.NEEDS_ATTENTION
            await watch.until(BUSY, NONE)

    play(scenario())


@pytest.mark.rule("STA-018")
def test_a_station_without_lights_is_asked_for_none(station, watching, play) -> None:
    station.profile.capabilities &= ~Capability.BAY_LIGHTS

    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await asyncio.sleep(SHIFT_S + LOOK_S)
            assert station.bays[1].verdict is NONE and not watch.verdicts
            assert sum(isinstance(event, Finished) for event in watch.events) == 1

    play(scenario())


def test_a_station_of_before_is_asked_for_none(new_station, host, world, store, play) -> None:
    older = new_station(1, speaks=(1, 1))

    async def scenario() -> None:
        async with Reading(dock_watch(host(older), store, world=world, policy=CHECKING)) as watch:
            await asyncio.sleep(LOOK_S)
            assert not watch.verdicts and sum(isinstance(one, Finished) for one in watch.events) == 1

    play(scenario())


@pytest.mark.rule("STA-015")
def test_a_dock_that_is_killed_leaves_a_light_that_says_what_the_station_knows(
    station, watching, world, play
) -> None:
    bay = station.bays[1]
    transport = MemoryTransport(station)

    async def connect() -> DockingStation:
        return await bwc_sdk.connect_station(
            transport, role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
        )

    def silent(*data: Any) -> int:
        return 0

    async def scenario() -> None:
        async with Reading(watching(connect=connect)) as watch:
            await watch.until(BUSY, GREEN)
            await asyncio.sleep(SHIFT_S / 2)
            transport.write = silent  # as by kill -9: nothing more is said, no goodbye either
            transport.room = silent
        left_s = bay.verdict_lease_s
        assert 0 < left_s <= LEASE_S and bay.led is LedMeaning.TAKE_ME
        await asyncio.sleep(left_s - 1)
        assert bay.led is LedMeaning.TAKE_ME
        await asyncio.sleep(1)
        assert bay.led in BY_ITSELF and bay.verdict is NONE

    play(scenario())


@pytest.mark.rule("STA-019")
def test_what_has_to_be_charged_is_left_in_peace_and_can_be_taken_when_it_is(station, watching, play) -> None:
    hands = LoneCameraHands(station.bays[1].camera)
    hands.battery_charge(77)
    checks: list[bool] = []

    async def scenario() -> None:
        async with watching() as watch:
            async for tagged in watch:
                match tagged.event:
                    case StepDone(good=good):
                        checks.append(good)
                    case BayJudged(verdict=verdict):
                        assert verdict is not ATTENTION and (verdict is BUSY) is not (True in checks)
                        if verdict is GREEN:
                            break
        assert len(checks) > 1 and checks[-1] and not any(checks[:-1])
        assert asyncio.get_running_loop().time() >= CHECK_S

    play(scenario())


@pytest.mark.rule("STA-019")
def test_what_a_camera_recorded_since_is_stored_before_it_can_be_taken_again(
    station, watching, play, patient
) -> None:
    hands = LoneCameraHands(station.bays[1].camera)

    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            hands.record_start()
            await asyncio.sleep(60)
            hands.record_stop()
            await asyncio.sleep(CHECK_S + 2 * AGAIN_S)
            results = [event.result for event in watch.events if isinstance(event, Finished)]
            stored = [[one.entry.sequence for one in result.outcomes] for result in results]
            assert stored == [[1], [2]], "what was stored before is not read again"
            assert all(result.complete for result in results)

    play(scenario())


def test_a_clock_that_is_not_set_is_no_evidence(station, watching, play) -> None:
    LoneCameraHands(station.bays[1].camera).clock_lose()

    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, RED)
            assert station.bays[1].led is LedMeaning.DO_NOT_USE

    play(scenario())


def test_a_step_of_a_programs_own_has_its_say(station, watching, play) -> None:
    class Lens:
        name = "lens"

        async def do(self, camera: Camera) -> Found:
            return Found("scratched", good=False)

    policy = OffloadPolicy(before=(Lens(),), after=(Check(),))

    async def scenario() -> None:
        async with Reading(watching(policy)) as watch:
            await watch.until(BUSY, ATTENTION)

    play(scenario())


def test_another_docking_is_another_camera_until_it_is_checked(station, watching, play) -> None:
    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            station.dock(2, station.undock(1))
            assert station.bays[2].led in BY_ITSELF
            await watch.until(BUSY, GREEN, BUSY, GREEN)
            assert station.bays[2].led is LedMeaning.TAKE_ME and station.bays[1].led is LedMeaning.EMPTY

    play(scenario())


def test_a_station_that_restarts_is_told_again(station, watching, play) -> None:
    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            station.crash()
            assert station.bays[1].verdict is NONE
            await watch.until(BUSY, GREEN, BUSY, GREEN)
            assert any(isinstance(event, StationBack) for event in watch.events)

    play(scenario())


def test_a_bay_that_got_hot_says_nothing_else_than_that(station, watching, play) -> None:
    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            station.bays[1].heat_dc = 700
            await asyncio.sleep(SHIFT_S / 2)
            await watch.until(BUSY, GREEN)
            assert station.bays[1].led is LedMeaning.QUARANTINE

    play(scenario())


# What happens to a camera that can be taken


def _starts_to_record(hands: LoneCameraHands) -> None:
    hands.record_start()


def _has_recorded(hands: LoneCameraHands) -> None:
    hands.record_start()
    asyncio.get_running_loop().call_later(3, hands.record_stop)


def _loses_its_time(hands: LoneCameraHands) -> None:
    hands.clock_lose()


def _runs_down(hands: LoneCameraHands) -> None:
    hands.battery_charge(10)


@pytest.mark.rule("STA-019")
@pytest.mark.parametrize(
    ("what", "worse"),
    [
        (_starts_to_record, (BUSY, ATTENTION)),
        (_has_recorded, (BUSY, GREEN)),
        (_loses_its_time, (BUSY, RED)),
        (_runs_down, (BUSY,)),
    ],
)
def test_what_is_no_longer_so_takes_the_light_away_soon_and_is_dealt_with(
    station, watching, play, patient, what, worse
) -> None:
    bay = station.bays[1]
    hands = LoneCameraHands(bay.camera)

    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            await asyncio.sleep(2 * AGAIN_S)
            await watch.until(BUSY, GREEN)
            what(hands)
            await watch.until(BUSY, GREEN, *worse, within_s=2 * AGAIN_S)
            await asyncio.sleep(5)
            assert (bay.led is LedMeaning.TAKE_ME) is (GREEN in worse)
            stored = [outcome.entry.sequence for outcome in watch.results[-1].outcomes]
            assert stored == ([2] if what is _has_recorded else [])

    play(scenario())


@pytest.mark.rule("STA-019")
@pytest.mark.rule("STA-020")
@pytest.mark.parametrize("what", ["crash", "power_cut"])
def test_a_camera_that_was_gone_for_a_moment_is_not_to_be_taken_until_it_is_checked_again(
    station, watching, play, patient, what
) -> None:
    bay = station.bays[1]
    hands = LoneCameraHands(bay.camera)

    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            await asyncio.sleep(LOOK_S / 2)
            hands.record_start()
            await asyncio.sleep(5)
            getattr(hands, what)()
            await watch.until(BUSY, GREEN, NONE, BUSY, GREEN, within_s=AGAIN_S)
            assert [len(result.outcomes) for result in watch.results] == [1, 1], (
                "it had recorded, and lost power"
            )
            assert bay.led is LedMeaning.TAKE_ME

    play(scenario())


@pytest.mark.rule("STA-020")
def test_a_camera_that_a_program_talked_to_is_checked_again(station, watching, play, patient) -> None:
    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            lent = await watch.watch.station()
            async with lent.camera(1):
                assert station.bays[1].verdict is NONE
            await watch.until(BUSY, GREEN, BUSY, GREEN, within_s=AGAIN_S / 2)

    play(scenario())


@pytest.mark.rule("STA-019")
def test_a_worse_word_of_a_program_is_not_overruled(station, watching, play, patient) -> None:
    async def scenario() -> None:
        async with Reading(watching()) as watch:
            await watch.until(BUSY, GREEN)
            lent = await watch.watch.station()
            await lent.bays.verdict(bay=1, docking=1, verdict=RED, seconds=150)
            for _ in range(int(150 / LOOK_S) - 1):
                await asyncio.sleep(LOOK_S)
                assert station.bays[1].led is LedMeaning.DO_NOT_USE
            await watch.until(BUSY, GREEN)
            await watch.until(BUSY, GREEN, BUSY, GREEN, within_s=4 * LOOK_S)

    play(scenario())


@pytest.mark.rule("STA-019")
def test_looking_again_is_for_one_after_the_other_and_four_at_once(
    new_station, host, world, store, play, patient, monkeypatch
) -> None:
    station = new_station(6)
    for bay in station.bays.values():
        LoneCameraHands(bay.camera).battery_charge(100)
    at_once = 0

    async def scenario() -> None:
        nonlocal at_once
        async with Reading(dock_watch(host(station), store, world=world, policy=CHECKING)) as watch:
            await watch.until(*([BUSY] * 6), *([GREEN] * 6), anyhow=True)
            opened: list[tuple[float, int]] = []
            real = type(station.bays[1]).opened

            def count(bay: Any) -> None:
                nonlocal at_once
                real(bay)
                opened.append((asyncio.get_running_loop().time(), bay.number))
                at_once = max(at_once, sum(station.relay.spliced(one) for one in station.bays) + 1)

            monkeypatch.setattr(type(station.bays[1]), "opened", count)
            await asyncio.sleep(2 * AGAIN_S)
            assert {number for _, number in opened} == set(range(1, 7))
            assert len({when for when, _ in opened}) > 4 and at_once <= 4
            assert len(watch.verdicts) == 12

    play(scenario())


@pytest.mark.rule("STA-019")
def test_a_watch_that_ends_in_order_takes_back_what_it_said_and_nothing_else(
    new_station, host, world, store, play, patient
) -> None:
    station = new_station(3)
    for bay in station.bays.values():
        LoneCameraHands(bay.camera).battery_charge(100)

    async def scenario() -> None:
        async with Reading(dock_watch(host(station), store, world=world, policy=CHECKING)) as watch:
            await watch.until(*([BUSY] * 3), *([GREEN] * 3), anyhow=True)
            lent = await watch.watch.station()
            await lent.bays.verdict(bay=2, docking=1, verdict=RED, seconds=600)
            await asyncio.sleep(5)
        assert [bay.verdict for bay in station.bays.values()] == [NONE, RED, NONE]

    play(scenario())


@pytest.mark.rule("STA-019")
def test_a_desired_state_that_comes_to_lie_ready_is_dealt_with_before_a_camera_can_be_taken_again(
    station, watching, play, patient, tmp_path_factory
) -> None:
    outbox = tmp_path_factory.mktemp("outbox")

    async def scenario() -> None:
        async with Reading(watching(OffloadPolicy(deliver_from=outbox, after=(Check(),)))) as watch:
            await watch.until(BUSY, GREEN)
            desired_path(outbox, station.bays[1].camera.serial).write_bytes(b"garbage")
            await watch.until(BUSY, GREEN, BUSY, ATTENTION, within_s=2 * AGAIN_S)

    play(scenario())


@pytest.mark.rule("STA-019")
def test_a_station_that_does_not_answer_holds_no_program_that_ends(station, world, play) -> None:
    async def silence() -> None:
        await asyncio.sleep(3600)

    silent: Any = SimpleNamespace(bays=SimpleNamespace(list=silence))

    async def scenario() -> None:
        lights = BayLights(silent)
        lights._said[1] = (1, GREEN)
        began = asyncio.get_running_loop().time()
        await lights.take_back()
        assert asyncio.get_running_loop().time() - began == TAKE_BACK_S

    play(scenario())

"""From a camera whose clock is wrong to the store: its recordings are found by true time, or it is said that nobody
knows it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import MIN_CHUNK_SIZE, ClockState
from bwc_protocol.messages.clock import ClockReason, TimeAssurance, TimeSource
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.evidence.catalogue import Described, catalogue
from bwc_sdk.evidence.corrected_time import Correction, NotKnown
from bwc_sdk.evidence.findings import FindingKind, Report, Severity, Verdict
from bwc_sdk.evidence.search import Wanted
from bwc_sdk.evidence.store import Store
from bwc_sdk.evidence.verify import verify_stores
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, offload
from bwc_sdk.offload.steps import DockStep, SetClock
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual

S = 1_000_000_000
NOON_NS = 1_800_014_400 * S
HOURS_3 = 3 * 3_600 * S
STATED_NS = 12_000_000
KEPT = HostTime(True, 1_000_000, "chrony")


@dataclass
class Site:
    """One camera, one host whose clock is right, and a store."""

    path: Path
    known: HostTime = KEPT
    camera: SimCamera = field(init=False)
    world: World = field(init=False)
    true_ns: list[int] = field(default_factory=list)
    """When each recording truly began."""

    def __post_init__(self) -> None:
        self.camera = make_camera(
            seed=4, footage=Footage.SYNTHETIC, utc_ns=NOON_NS, chunk_bytes=MIN_CHUNK_SIZE
        )
        self.world = World(
            utc_ns=self.camera.true_utc_ns,
            entropy=random.Random(5).randbytes,
            workers=InlineWorkers(),
            host_time=lambda: self.known,
        )

    def set_off(self, by_ns: int) -> None:
        """Has its clock so far ahead, as somebody set it who had a wrong time."""
        self.camera.clock.set_utc_ns(self.camera.true_utc_ns() + by_ns, STATED_NS, TimeSource.OPERATOR)
        self.camera.save_if_possible()

    async def record(self) -> None:
        self.camera.undock()
        await asyncio.sleep(1)
        assert self.camera.wearer.start()
        pre_event_ms = self.camera.recorder.elapsed_ms
        self.true_ns.append(self.camera.true_utc_ns() - pre_event_ms * 1_000_000)
        await asyncio.sleep(2)
        self.camera.wearer.stop()
        self.camera.dock()
        await asyncio.sleep(600)

    async def connect(self, role: Role = Role.DOCK_OFFLOAD) -> Camera:
        return await connect(MemoryTransport(self.camera), role=role, world=self.world, allow_insecure=True)

    async def set_right(self, reason: ClockReason) -> None:
        async with await self.connect(Role.BENCH) as client:
            await client.clock.sync(reason=reason)

    async def offload(self, *before: DockStep) -> None:
        policy = OffloadPolicy(before=before)
        job = offload(self.connect, self.path, world=self.world, policy=policy, allow_insecure=True)
        assert (await job.run()).complete

    def run(self, day: Callable[[], Awaitable[None]]) -> list[Described]:
        async def main() -> None:
            self.camera.time.follow(asyncio.get_running_loop())
            await day()

        run_virtual(main(), limit_s=86_400)
        self.camera.close()
        with Store.open(self.path) as store:
            return list(catalogue(store))

    def verified(self) -> Report:
        return verify_stores([self.path], workers=1)

    def corrected(self, found: Described, number: int = 0) -> Correction:
        """Its correction, which leads to the true begin within its bound."""
        known = found.correction
        assert isinstance(known, Correction) and found.manifest is not None
        begin, _ = known.span_ns(found.manifest)
        assert abs(begin - self.true_ns[number]) <= known.uncertainty_ns < 2 * S
        return known


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    one.camera.close()


def clock_findings(report: Report) -> list[tuple[FindingKind, Severity]]:
    return [(one.kind, one.severity) for one in report.findings if one.kind.startswith("clock-")]


def around(ns: int) -> Wanted:
    return Wanted(from_ns=ns - 300 * S, to_ns=ns + 300 * S)


@pytest.mark.rule("REC-092", "REC-093")
@pytest.mark.parametrize("off_ns", [-HOURS_3, HOURS_3])
def test_a_recording_that_is_off_by_three_hours_is_found_by_true_time(site: Site, off_ns: int) -> None:
    async def day() -> None:
        site.set_off(off_ns)
        await site.record()
        await site.offload()

    (found,) = site.run(day)
    known = site.corrected(found)
    assert abs(known.offset_ns + off_ns) < S
    (true_ns,) = site.true_ns
    assert found.manifest is not None and abs(found.manifest.started_utc_ns - true_ns - off_ns) < S
    assert around(true_ns).is_it(found) and not around(true_ns + off_ns).is_it(found)
    by_camera = Wanted(from_ns=true_ns + off_ns - S, to_ns=true_ns + off_ns + S, by_camera=True)
    assert by_camera.is_it(found)
    report = site.verified()
    assert clock_findings(report) == [(FindingKind.CLOCK_OFF, Severity.WARNING)]
    assert report.verdict is Verdict.HASHES_ONLY  # time off is no altered footage


def test_of_a_clock_that_is_right_nothing_is_told(site: Site) -> None:
    async def day() -> None:
        site.set_off(0)
        await site.record()
        await site.offload()

    (found,) = site.run(day)
    assert abs(site.corrected(found).offset_ns) < S
    assert clock_findings(site.verified()) == []


@pytest.mark.rule("REC-094")
def test_a_clock_that_was_set_right_before_the_offload_corrects_nothing(site: Site) -> None:
    async def day() -> None:
        site.set_off(-HOURS_3)
        await site.record()
        await site.set_right(ClockReason.CORRECTION)
        await site.offload()

    (found,) = site.run(day)
    assert found.correction is NotKnown.SET_SINCE
    assert around(site.true_ns[0] - HOURS_3).is_it(found)  # by the camera's time, which is all that there is
    assert clock_findings(site.verified()) == [(FindingKind.CLOCK_OFFSET_UNKNOWN, Severity.NOTE)]


def test_a_dock_that_sets_the_clock_in_the_same_session_measured_it_before(site: Site) -> None:
    async def day() -> None:
        site.set_off(-100 * S)
        await site.record()
        await site.offload(SetClock())
        assert abs(site.camera.clock.utc_ns() - site.camera.true_utc_ns()) < S

    (found,) = site.run(day)
    assert abs(site.corrected(found).offset_ns - 100 * S) < S


@pytest.mark.rule("REC-092", "REC-094")
def test_of_two_recordings_between_which_the_clock_was_stepped_the_later_is_corrected(site: Site) -> None:
    async def day() -> None:
        site.set_off(0)
        await site.record()
        site.set_off(HOURS_3)
        await site.record()
        await site.offload()

    first, second = site.run(day)
    assert first.correction is NotKnown.SET_SINCE
    assert abs(site.corrected(second, 1).offset_ns + HOURS_3) < S
    assert clock_findings(site.verified()) == [
        (FindingKind.CLOCK_OFFSET_UNKNOWN, Severity.NOTE),
        (FindingKind.CLOCK_OFF, Severity.WARNING),
    ]


@pytest.mark.rule("REC-092")
def test_a_clock_that_is_set_while_it_records_is_another_one_afterwards(site: Site) -> None:
    async def day() -> None:
        site.set_off(HOURS_3)
        site.camera.undock()
        assert site.camera.wearer.start()
        await asyncio.sleep(1)
        site.set_off(0)
        await asyncio.sleep(1)
        site.camera.wearer.stop()
        site.camera.dock()
        await site.offload()

    (found,) = site.run(day)
    assert found.correction is NotKnown.SET_SINCE


@pytest.mark.rule("REC-092")
def test_what_was_recorded_without_a_time_gets_one_while_the_clock_runs_on(site: Site) -> None:
    async def day() -> None:
        site.camera.clock.reset()
        await site.record()
        await site.offload()

    (found,) = site.run(day)
    assert found.manifest is not None and found.manifest.clock_state is ClockState.UNSET
    site.corrected(found)
    assert around(site.true_ns[0]).is_it(found)
    assert clock_findings(site.verified()) == [(FindingKind.CLOCK_UNSET, Severity.NOTE)]


@pytest.mark.parametrize("then", ["set", "lost-again"])
def test_what_was_recorded_without_a_time_has_none_once_that_clock_is_gone(site: Site, then: str) -> None:
    async def day() -> None:
        site.camera.clock.reset()
        await site.record()
        if then == "set":
            await site.set_right(ClockReason.FIRST_SET)
        else:
            site.camera.clock.reset()
        await site.offload()

    (found,) = site.run(day)
    assert found.correction is NotKnown.SET_SINCE
    asked = around(site.true_ns[0])
    assert not asked.is_it(found) and asked.is_it_but_for_time(found)
    assert clock_findings(site.verified()) == [(FindingKind.CLOCK_UNSET, Severity.WARNING)]


def test_a_clock_that_lost_its_time_since_says_nothing_of_what_was_before(site: Site) -> None:
    async def day() -> None:
        site.set_off(-HOURS_3)
        await site.record()
        site.camera.clock.reset()
        await site.offload()

    (found,) = site.run(day)
    assert found.correction is NotKnown.SET_SINCE


@pytest.mark.rule("REC-092")
def test_the_revision_of_a_recording_outlives_a_loss_of_power(site: Site) -> None:
    async def day() -> None:
        site.set_off(HOURS_3)
        site.camera.undock()
        assert site.camera.wearer.start()
        await asyncio.sleep(5)
        site.camera.settle()  # the journal is brought up
        site.camera.crash()
        site.camera.dock()
        await asyncio.sleep(60)
        await site.offload()

    (found,) = site.run(day)
    assert found.manifest is not None and found.manifest.cut
    known = found.correction
    assert isinstance(known, Correction) and abs(known.offset_ns + HOURS_3) < S


def test_a_host_that_is_not_synchronised_says_so_and_leaves_both_times(tmp_path: Path) -> None:
    site = Site(tmp_path, HostTime(False, 0, "kernel"))

    async def day() -> None:
        site.set_off(-HOURS_3)
        await site.record()
        await site.offload()

    (found,) = site.run(day)
    assert site.corrected(found).host_synchronised is False
    assert around(site.true_ns[0]).is_it(found) and around(site.true_ns[0] - HOURS_3).is_it(found)
    assert clock_findings(site.verified()) == [(FindingKind.CLOCK_OFF, Severity.NOTE)]


def test_measuring_sets_nothing(site: Site) -> None:
    async def day() -> None:
        site.set_off(HOURS_3)
        site.camera.clock.assurance = TimeAssurance.UNVERIFIED
        before = site.camera.clock.revision
        await site.record()
        await site.offload()
        assert site.camera.clock.revision == before
        assert abs(site.camera.clock.utc_ns() - site.camera.true_utc_ns() - HOURS_3) < S

    site.run(day)

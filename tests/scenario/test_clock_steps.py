"""Whenever the host's clock is touched while a camera's is set, the camera is right, untouched, or it is told."""

import asyncio
import random
from collections.abc import Callable

import pytest

import bwc_sdk
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ClockExchange, TimeAssurance, TimeSource
from bwc_sdk.errors import ClockImplausible, ClockNotVerified, ClockUnsteady
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.camera.camera import CameraOptions, SimCamera
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.tiers import seeds

NOON_UTC_NS = 1_800_014_400 * 1_000_000_000
S = 1_000_000_000
MS = 1_000_000
KEPT = HostTime(True, MS, "chrony")
LINK_MAX_NS = 2 * MS
"""More than the way to a camera in memory takes in virtual time, with all that the host allows for."""
READINGS = 2 * 16 + 1 + 4
"""Of the host's UTC in one set: two a round, before and after it, and one in between; and a few beyond."""


class HostUtc:
    """The host's UTC: right, until it is stepped at its `at`th reading."""

    def __init__(self, camera: SimCamera, at: int = -1, step_ns: int = 0) -> None:
        self.camera, self.at, self.step_ns = camera, at, step_ns
        self.readings, self.off_ns = 0, 0

    def __call__(self) -> int:
        if self.readings == self.at:
            self.off_ns += self.step_ns
        self.readings += 1
        return self.camera.true_utc_ns() + self.off_ns


def world_of(utc: Callable[[], int], known: HostTime = KEPT) -> World:
    entropy = random.Random(5).randbytes
    return World(utc_ns=utc, entropy=entropy, workers=InlineWorkers(), host_time=lambda: known)


@pytest.mark.parametrize("step_ns", [-200 * S, 100 * S, -2 * MS, 2 * MS, 150_000])
def test_at_whichever_reading_the_host_is_stepped(step_ns: int) -> None:
    outcomes = set()
    for at in range(READINGS):
        camera = SimCamera(CameraOptions(seed=5, footage=SyntheticFootage()), utc_ns=NOON_UTC_NS)
        utc = HostUtc(camera)

        async def scenario(camera: SimCamera = camera, utc: HostUtc = utc, at: int = at) -> str:
            async with bwc_sdk.connect(
                MemoryTransport(camera), world=world_of(utc), allow_insecure=True
            ) as client:
                utc.at, utc.step_ns = utc.readings + at, step_ns
                revision = camera.clock.revision
                try:
                    found = await client.clock.sync()
                except ClockUnsteady:
                    assert camera.clock.revision == revision, "nothing was set"
                    return "unsteady"
                except ClockNotVerified as error:
                    assert error.done.revision == camera.clock.revision == revision + 1
                    return "told"
                off_ns = camera.true_utc_ns() + utc.off_ns - camera.clock.utc_ns()
                assert found.before.round_trip_ns >= 0
                assert abs(off_ns) <= found.uncertainty_ns - found.word.uncertainty_ns <= LINK_MAX_NS
                return "right"

        outcomes.add(run_virtual(scenario()))
        camera.close()
    assert "right" in outcomes
    if abs(step_ns) > MS:
        assert outcomes == {"right", "unsteady", "told"}


def on_camera(known: HostTime, **wish: object) -> tuple[SimCamera, object]:
    """A camera after a set by a host of which that is known, and what came of it."""
    camera = SimCamera(CameraOptions(seed=5, footage=SyntheticFootage()), utc_ns=NOON_UTC_NS)

    async def scenario() -> object:
        line = MemoryTransport(camera)
        async with bwc_sdk.connect(
            line, world=world_of(HostUtc(camera), known), allow_insecure=True
        ) as client:
            try:
                return await client.clock.sync(**wish)
            except ClockImplausible as error:
                return error

    return camera, run_virtual(scenario())


@pytest.mark.rule("CLK-010", "CLK-012")
@pytest.mark.parametrize(
    ("known", "wish", "source", "assurance", "at_least_ns"),
    [
        (HostTime(True, 3 * MS, "chrony"), {}, TimeSource.NTP, TimeAssurance.VERIFIED, 3 * MS),
        (
            HostTime(False, 0, "kernel"),
            {"source": TimeSource.PTP, "host_uncertainty_ns": MS},
            TimeSource.PTP,
            TimeAssurance.UNVERIFIED,
            MS,
        ),
        (
            HostTime(None, 0),
            {"source": TimeSource.OPERATOR},
            TimeSource.OPERATOR,
            TimeAssurance.UNVERIFIED,
            5 * S,
        ),
    ],
)
def test_the_camera_has_on_record_what_the_word_was_worth(
    known: HostTime,
    wish: dict[str, object],
    source: TimeSource,
    assurance: TimeAssurance,
    at_least_ns: int,
) -> None:
    camera, _ = on_camera(known, **wish)
    assert (camera.clock.source, camera.clock.assurance) == (source, assurance)
    assert at_least_ns < camera.clock.uncertainty_ns() < at_least_ns + LINK_MAX_NS
    last, _ = camera.audit.head()
    (logged,) = [e.detail for e in camera.audit.read(0, last).entries if e.kind is AuditKind.CLOCK_SET]
    assert f"source {source} ({assurance})" in logged
    camera.close()


@pytest.mark.parametrize("source", [None, TimeSource.NTP, TimeSource.NTS, TimeSource.UNSYNCHRONISED])
def test_a_host_that_denies_sets_no_camera_by_ntp(source: TimeSource | None) -> None:
    camera, error = on_camera(HostTime(False, 0, "kernel"), source=source)
    assert isinstance(error, ClockImplausible)
    assert camera.clock.revision == 1
    camera.close()


@pytest.mark.parametrize("seed", seeds(40))
def test_whatever_happens_to_the_hosts_clock_over_a_slow_and_lopsided_line(seed: int) -> None:
    rng = random.Random(seed)
    camera = SimCamera(CameraOptions(seed=5, footage=SyntheticFootage()), utc_ns=NOON_UTC_NS)
    began_ns = camera.true_utc_ns()
    there_s, back_s = rng.choice([(0.0, 0.0), (0.05, 0.01), (0.2, 0.4), (0.002, 0.1)])
    touches = [
        (rng.uniform(0, 4), rng.random() < 0.5, rng.choice([-1, 1]) * 10 ** rng.uniform(3.5, 11))
        for _ in range(rng.choice([1, 1, 2, 3]))
    ]

    def utc_ns() -> int:
        now_ns = camera.true_utc_ns()
        for at_s, is_step, step_ns in touches:
            since_s = (now_ns - began_ns) / 1e9 - at_s
            if since_s >= 0:  # a step, or a second of slew by 5 % or -3 %
                slewed_ns = min(since_s, 1.0) * (5e7 if step_ns > 0 else -3e7)
                now_ns += round(step_ns if is_step else slewed_ns)
        return now_ns

    async def scenario() -> None:
        async with bwc_sdk.connect(
            MemoryTransport(camera), world=world_of(utc_ns), allow_insecure=True
        ) as client:
            exchange = client.clock.exchange

            async def late(*, host_sent_ns: int) -> ClockExchange:
                await asyncio.sleep(there_s * rng.uniform(0.2, 1))
                reply = await exchange(host_sent_ns=host_sent_ns)
                await asyncio.sleep(back_s * rng.uniform(0.2, 1))
                return reply

            client.clock.exchange = late
            revision = camera.clock.revision
            try:
                found = await client.clock.sync(rounds=rng.choice([1, 2, 8, 16]))
            except ClockImplausible:
                assert camera.clock.revision == revision, "nothing was set"
            except ClockNotVerified:
                assert camera.clock.revision == revision + 1, "and it is told"
            else:
                off_ns = abs(utc_ns() - camera.clock.utc_ns())
                assert off_ns <= found.uncertainty_ns - found.word.uncertainty_ns

    run_virtual(scenario())
    camera.close()

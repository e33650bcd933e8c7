"""A camera loses power at any operation of its flash while one host offloads it and another one annotates.

Either it alone does, and the offload goes on when it is up again; or the whole site does, and another run ends it. What
a host was told is true afterwards, and nothing stands at the destination that the camera did not record.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.messages.recordings import AnnotationKind, AnnotationState
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, OffloadResult, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.flash import PowerLost
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.sim.camera_life import CHUNK, NOON_NS, RATE, STEPS, Day, S
from tests.sim.conftest import Desk
from tests.tiers import Tier, chosen, seeds
from tools.testkit.model_disk import ModelDisk, ModelFiles

DOCKED_NS = NOON_NS + 3_600 * S
WORN = ("configure", "undock", "buffer", "start", "record", "mark", "stop", "after the event")
"""Then a second recording, so that one is read while the other one is stored."""
ASKED = [AnnotationKind.CATEGORY, AnnotationKind.HELD, AnnotationKind.CASE, AnnotationKind.LIFTED]


def made(flash: MemoryFlash, utc_ns: int = NOON_NS) -> SimCamera:
    """The camera that lives on this flash: with development firmware, since what its sessions are does not matter."""
    options = CameraOptions(seed=5, footage=SyntheticFootage(RATE), chunk_size=CHUNK, state=flash)
    return SimCamera(options, utc_ns=utc_ns)


@pytest.fixture(scope="module")
def worn() -> MemoryFlash:
    """The flash of a camera that comes back from a shift, with two recordings on it."""
    flash = MemoryFlash()
    camera = made(flash)
    day = Day(camera, Desk(camera))
    for step in (*WORN, "start again", "record again", "stop", "after the event", "go down"):
        STEPS[step](day)
    flash.sync_all()
    return flash


class Site:
    """A camera in a dock, the dock's disk, and a host with a radio. `cuts` count operations of the flash; with
    `whole_site` all of them go dark together."""

    def __init__(
        self, flash: MemoryFlash, cuts: tuple[int, ...] = (), seed: int = 0, *, whole_site: bool = False
    ) -> None:
        self.rng = random.Random(f"{seed}/{cuts}")
        self.cuts = list(cuts)
        self.whole_site = whole_site
        self.disk = ModelDisk()
        self.told: list[tuple[int, bytes]] = []
        """How many annotations there are, and the head, after each request that was answered."""
        self.operations = 0
        self._lines: list[MemoryTransport] = []
        self._line: Camera | None = None
        self._all_dark = asyncio.Event()
        self._steps: list[Callable[..., Awaitable[AnnotationState]]] = [
            lambda recordings, names: recordings.categorise(**names, category="theft"),
            lambda recordings, names: recordings.hold(**names, reason="asked for", hold="h", case="24-7"),
            lambda recordings, names: recordings.case(**names, case="24-7"),
            lambda recordings, names: recordings.lift(**names, reason="over", hold="h"),
        ]
        self._starts = 0
        self._flash = flash.copy()
        self._dark = self._copied = False
        self._starting = True
        self.camera = self._up()

    def _up(self) -> SimCamera:
        """The camera, when it is up: power may go again while it starts."""
        while True:
            flash = self._flash
            self._starts += 1
            self._starting = True
            flash.before = partial(self._before, flash)
            try:
                camera = made(flash, DOCKED_NS + self._starts * 60 * S)
            except PowerLost:
                flash.before = None
                flash.lose_power(self.rng)
                continue
            self._starting = False
            return camera

    def _before(self, flash: MemoryFlash, number: int, operation: str, name: str) -> None:
        at, self.operations = self.operations, self.operations + 1
        if not self.cuts or at != self.cuts[0]:
            return
        del self.cuts[0]
        if self._starting:
            raise PowerLost
        # What is done from here on is done on a flash, a disk and a line that nobody looks at.
        flash.before = None
        if self.whole_site:
            self.disk = copy.deepcopy(self.disk)
            self.disk.power_cut(self.rng)
            self._all_dark.set()
        self._flash, self._dark = flash.copy(), True
        for line in self._lines:  # before anything that is sent from now on arrives
            asyncio.get_running_loop().call_soon(line.unplug)

    def restart(self) -> None:
        """The power is on again."""
        self._dark = False
        self._flash.before = None
        self._flash.lose_power(self.rng)
        self.camera = self._up()

    @property
    def world(self) -> World:
        files = ModelFiles(self.disk)
        return World(
            utc_ns=lambda: DOCKED_NS, entropy=random.Random(3).randbytes, files=files, workers=InlineWorkers()
        )

    async def connect(self) -> Camera:
        if self._all_dark.is_set():
            await asyncio.Event().wait()  # nobody is there to do anything
        if self._dark:
            self.restart()
        line = MemoryTransport(self.camera)
        self._lines.append(line)
        self._line = await connect(line, role=Role.BENCH, world=self.world, allow_insecure=True)
        return self._line

    async def offloaded(self) -> OffloadResult:
        policy = OffloadPolicy(reserve_bytes=0)
        job = offload(self.connect, Path("/store"), world=self.world, policy=policy, allow_insecure=True)
        return await job.run()

    async def annotated(self) -> None:
        """What is asked beside the footage: until it is answered, however often that takes."""
        steps = self._steps
        while steps:
            try:
                if self._line is None and not self._copied:
                    await asyncio.sleep(0.001)  # the offload connects
                    continue
                recordings = (self._line or await self.connect()).recordings
                first = (await recordings.page(limit=1)).recordings[0]
                names = {"recording": first.recording, "manifest_sha256": first.manifest_sha256}
                while steps:
                    state = await steps[0](recordings, names)
                    self.told.append((state.annotations, state.annotations_sha256))
                    del steps[0]
            except BwcError:
                await asyncio.sleep(1)
                self._line = None if self._copied else self._line

    async def until_dark(self) -> OffloadResult | None:
        """What came of it, unless the whole site went dark."""
        self._all_dark = asyncio.Event()
        working, dark = asyncio.create_task(self.docked()), asyncio.create_task(self._all_dark.wait())
        await asyncio.wait((working, dark), return_when=asyncio.FIRST_COMPLETED)
        went_dark = self._all_dark.is_set()
        working.cancel() if went_dark else dark.cancel()
        await asyncio.wait((working, dark))
        return None if went_dark else working.result()

    async def docked(self) -> OffloadResult:
        self._line, self._copied = None, False
        annotating = asyncio.create_task(self.annotated())
        try:
            result = await self.offloaded()
            self._copied = True
            await annotating
        finally:
            annotating.cancel()
        return result


def run(site: Site) -> OffloadResult:
    """Both hosts, until both are done; where the whole site goes dark they begin anew."""
    while True:
        result = run_virtual(site.until_dark(), limit_s=86_400)
        if result is not None:
            return result
        site.restart()


def check(site: Site, worn: MemoryFlash) -> None:
    """The camera has what it recorded, the destination has it too, and nothing else; what was told is so."""
    recorded, camera = made(worn.copy(), DOCKED_NS), site.camera
    assert camera.storage.damaged == () and camera.missing() == []
    final = site.disk.final()
    footage = {content for name, content in final.items() if name.endswith(".mp4")}
    said = set()
    for before, now in zip(recorded.listing(0, 99), camera.listing(0, 99), strict=True):
        assert now.manifest == before.manifest and now.manifest_bytes in final.values()
        for number, facts in enumerate(now.manifest.segments):
            said.add(bytes(camera.storage.read(now.recording_id, number, 0, facts.size_bytes)))
    assert footage == said
    first = camera.listing(0, 99)[0]
    worn_with = recorded.listing(0, 99)[0].annotations
    assert first.annotations[: len(worn_with)] == worn_with
    kinds = [note.kind for note in first.annotations[len(worn_with) :]]
    assert kinds == ASKED, "each once, however often it was asked"
    counts = [count for count, _ in site.told]
    assert counts == sorted(counts) and site.told[-1] == (len(first.annotations), first.annotations_sha256)


def operations_of_a_quiet_docking(worn: MemoryFlash) -> tuple[int, int]:
    """Up to where it starts, and up to its end."""
    site = Site(worn)
    begun = site.operations
    assert run(site).complete
    check(site, worn)
    return begun, site.operations


@pytest.mark.rule("REC-012")
@pytest.mark.parametrize("whole_site", [False, True])
@pytest.mark.parametrize("seed", seeds(1))
def test_power_may_go_at_any_operation_of_a_camera_that_is_offloaded(
    worn: MemoryFlash, whole_site: bool, seed: int
) -> None:
    begun, end = operations_of_a_quiet_docking(worn)
    assert end - begun > 20
    for at in range(begun, end):
        site = Site(worn, (at,), seed, whole_site=whole_site)
        assert run(site).complete, at
        check(site, worn)
        assert not site.cuts, "the power went"


@pytest.mark.ci
@pytest.mark.timeout(300)
@pytest.mark.parametrize("whole_site", [False, True])
@pytest.mark.parametrize("block", range(4))
def test_and_again_at_any_operation_after_that(worn: MemoryFlash, whole_site: bool, block: int) -> None:
    """All pairs at night, a sample of them in `ci`."""
    begun, end = operations_of_a_quiet_docking(worn)
    pairs = [(at, at + more) for at in range(begun, end) for more in range(1, end)][block::4]
    if chosen() is not Tier.NIGHT:
        pairs = random.Random(block).sample(pairs, 40)
    for pair in pairs:
        site = Site(worn, pair, block, whole_site=whole_site)
        assert run(site).complete, pair
        check(site, worn)

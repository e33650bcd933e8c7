"""A camera, a dock and a destination, from the first second of a recording to its tombstone, and a cut anywhere.

Every operation of the camera's flash, and of the disk that the dock and the destination write to, is a place where
power goes or a program is killed. What was done from there on was done on a flash, a disk and a line that nobody looks
at.
"""

from __future__ import annotations

import asyncio
import copy
import enum
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Final, NamedTuple

from bwc_protocol.declare import Role
from bwc_protocol.messages.recordings import CategoriseRecording, HoldRecording, LiftHold
from bwc_protocol.session.tls import KeyCredentials
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.destination.receipt_signing import Signing, sign_receipts
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.offload import OffloadEvent, OffloadPolicy, OffloadResult, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.flash import PowerLost
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.sim.camera_life import CHUNK, NOON_NS, RATE, STEPS, Day, S
from tests.sim.conftest import Desk
from tools.testkit import agencies
from tools.testkit.model_disk import ModelDisk, ModelFiles, PowerCut

DOCKED_NS: Final = NOON_NS + 3_600 * S
STORE: Final = Path("/store")
SETTLES_IN: Final = 6
"""Runs of one step in which it has to come to its end, once nothing more is cut."""


class Goes(enum.Enum):
    """What a cut takes."""

    POWER = "the power of whichever was at work, the camera or the host"
    PROGRAM = "the program of the host: what it wrote is still seen"
    SITE = "the power of everything"


class Cut(NamedTuple):
    """Before this operation of the whole day this goes."""

    at: int
    goes: Goes


class Place(NamedTuple):
    """An operation of a quiet day."""

    step: str
    whose: str
    operation: str


class Dark(Exception):
    """Something was cut in this step."""


@cache
def host(name: str, role: Role) -> HostIdentity:
    """A host of the agency, or a destination."""
    made = agencies.real().host(name, role)
    return HostIdentity.of(KeyCredentials(made.chain, made.key), agencies.real().anchors)


def up(flash: MemoryFlash, utc_ns: int) -> SimCamera:
    """The camera that lives on this flash."""
    options = CameraOptions(
        seed=5, footage=SyntheticFootage(RATE), chunk_size=CHUNK, state=flash, agency=agencies.real()
    )
    return SimCamera(options, utc_ns=utc_ns)


@cache
def worn() -> MemoryFlash:
    """The flash of a camera that comes back from a shift with one recording; to be copied."""
    flash = MemoryFlash()
    camera = up(flash, NOON_NS)
    day = Day(camera, Desk(camera))
    for step in ("configure", "undock", "buffer", "start", "record", "mark", "stop", "after the event"):
        STEPS[step](day)
    STEPS["go down"](day)
    flash.sync_all()
    return flash


@dataclass
class Told:
    """What somebody was told, and which has to be true from then on."""

    runs: list[tuple[OffloadResult, list[OffloadEvent]]] = field(default_factory=list)
    """Offloads that came to their end, with their events."""
    events: list[OffloadEvent] = field(default_factory=list)
    """All, also of those that did not."""
    receipts: list[Signing] = field(default_factory=list)
    """What a destination by itself signed."""
    annotated: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    """Count and head of the annotations, by recording."""


class WholeSite:
    """One day, with cuts."""

    def __init__(self, cuts: Sequence[Cut] = (), seed: int = 0) -> None:
        self.rng = random.Random(f"{seed}/{cuts}")
        self.cuts = list(cuts)
        self.disk = ModelDisk()
        self.told = Told()
        self.places: list[Place] = []
        self.step = "start"
        self.last: Callable[[WholeSite], None] = lambda site: None
        """The step that was taken last."""
        self.clock_ns = DOCKED_NS
        """What the host's clock reads; nobody promises that it is right."""
        self.checks: Callable[[WholeSite], None] = lambda site: None
        """Called whenever something was cut, and is up again."""
        self._lines: list[MemoryTransport] = []
        self._all_dark: asyncio.Event | None = None
        self._camera_dark = False
        self._starting = False
        self._starts = 0
        self._flash = worn().copy()
        self.camera = self._up()

    @property
    def flash(self) -> MemoryFlash:
        """What the camera lives on."""
        return self._flash

    # What is cut

    def _due(self, whose: str, operation: str) -> Goes | None:
        at = len(self.places)
        self.places.append(Place(self.step, whose, operation))
        if not self.cuts or self.cuts[0].at != at:
            return None
        return self.cuts.pop(0).goes

    def _before_flash(self, flash: MemoryFlash, number: int, operation: str, name: str) -> None:
        goes = self._due("camera", operation)
        if goes is None:
            return
        if self._starting or self._all_dark is None:
            if goes is Goes.SITE:
                self.disk.power_cut(self.rng)
            raise PowerLost
        self._go_dark(camera=True, host=goes if goes is Goes.SITE else None)

    def _before_disk(self, disk: ModelDisk, number: int, operation: str) -> None:
        if disk is not self.disk:
            return  # of a host that is no more
        goes = self._due("host", operation)
        if goes is None:
            return
        if self._all_dark is None:
            self._cut_disk(goes)
            self._camera_dark |= goes is Goes.SITE
            raise PowerCut
        self._go_dark(camera=goes is Goes.SITE, host=goes)

    def _go_dark(self, *, camera: bool, host: Goes | None) -> None:
        """In the middle of a docking: what goes on is on copies that nobody looks at."""
        if camera:
            self._flash.before = None
            self._flash, self._camera_dark = self._flash.copy(), True
        if host is not None:
            self.disk = copy.deepcopy(self.disk)
            self._cut_disk(host)
            assert self._all_dark is not None
            self._all_dark.set()
        for line in self._lines:  # before anything that is sent from now on arrives
            asyncio.get_running_loop().call_soon(line.unplug)

    def _cut_disk(self, goes: Goes) -> None:
        self.disk.kill()
        if goes is not Goes.PROGRAM:
            self.disk.power_cut(self.rng)
        self.clock_ns += self.rng.choice((0, 3_600, -3_600)) * S

    # What is up again

    def _up(self) -> SimCamera:
        while True:
            flash = self._flash
            self._starts += 1
            self._starting = True
            flash.before = partial(self._before_flash, flash)
            try:
                camera = up(flash, DOCKED_NS + self._starts * 60 * S)
            except PowerLost:
                flash.before = None
                flash.lose_power(self.rng)
                continue
            self._starting = False
            return camera

    def restart(self) -> None:
        """The camera's power is on again."""
        self._camera_dark = False
        self._flash.before = None
        self._flash.lose_power(self.rng)
        self.camera = self._up()

    def world(self) -> World:
        """Of a program on the host that starts now."""
        disk = self.disk
        return World(
            utc_ns=lambda: self.clock_ns,
            entropy=random.Random(len(self.places)).randbytes,
            files=ModelFiles(disk, partial(self._before_disk, disk)),
            workers=InlineWorkers(),
            host_id=lambda: b"the dock",
        )

    # Steps

    def take(self, name: str, act: Callable[[WholeSite], None]) -> None:
        """One step, again until nothing is cut in it."""
        for _ in range(SETTLES_IN):
            self.step, self.last = name, act
            done = False
            try:
                act(self)
                done = True
            except Dark:
                pass
            except PowerLost:
                self._camera_dark = True
            if self._camera_dark:  # which nobody may have noticed
                self.restart()
            if done:
                return
            self.checks(self)
        raise AssertionError(f"{name!r} does not come to its end")

    def ask(self, act: Callable[[Day], object]) -> None:
        """Something at the camera itself, whose power may go."""
        act(Day(self.camera, Desk(self.camera)))

    def sign(self) -> None:
        """The destination's own program signs for what is there."""
        if self._camera_dark:
            self.restart()
        try:
            for one in sign_receipts(STORE, host("archive", Role.DESTINATION), world=self.world()):
                self.told.receipts.append(one)
        except PowerCut:
            raise Dark from None

    def dock(self, policy: OffloadPolicy) -> None:
        """The camera is docked until all is done that the dock does."""
        if run_virtual(self._until_dark(policy), limit_s=86_400) is None:
            raise Dark

    async def _until_dark(self, policy: OffloadPolicy) -> OffloadResult | None:
        self._all_dark = asyncio.Event()
        try:
            working = asyncio.create_task(self._offloaded(policy, self._all_dark))
            dark = asyncio.create_task(self._all_dark.wait())
            await asyncio.wait((working, dark), return_when=asyncio.FIRST_COMPLETED)
            went_dark = self._all_dark.is_set()
            working.cancel() if went_dark else dark.cancel()
            await asyncio.wait((working, dark))
            return None if went_dark else working.result()
        finally:
            for line in self._lines:
                line.unplug()
            self._lines.clear()
            await asyncio.sleep(0)
            self._all_dark = None

    async def _offloaded(self, policy: OffloadPolicy, all_dark: asyncio.Event) -> OffloadResult:
        world = self.world()

        async def connecting() -> Camera:
            if all_dark.is_set():
                await asyncio.Event().wait()  # nobody is there to do anything
            if self._camera_dark:
                self.restart()
                self.checks(self)
            line = MemoryTransport(self.camera)
            self._lines.append(line)
            return await connect(
                line, role=Role.DOCK_OFFLOAD, identity=host("dock-1", Role.DOCK_OFFLOAD), world=world
            )

        events: list[OffloadEvent] = []
        job = offload(connecting, STORE, world=world, policy=policy)
        async for event in job:
            if all_dark.is_set():
                break  # nobody reads it
            events.append(event)
            self.told.events.append(event)
        result = job.result
        self.told.runs.append((result, events))
        return result


def _recorded(site: WholeSite) -> None:
    def act(day: Day) -> None:
        for step in ("undock", "buffer", "start", "record", "stop", "after the event"):
            STEPS[step](day)

    site.ask(act)
    site.camera.dock()


def _said(site: WholeSite) -> None:
    """What is said twice adds nothing: it is asked until it is answered."""
    for number in range(len(site.camera.listing(0, 99))):
        found = site.camera.listing(0, 99)[number]
        of = {"recording": found.recording_id, "manifest_sha256": found.manifest_sha256}
        requests = (
            HoldRecording(**of, reason="asked for", hold="h", case="24-7"),
            CategoriseRecording(**of, category="theft"),
            LiftHold(**of, reason="over", hold="h"),
        )
        if found.category == "theft" and "h" in found.lifted:
            continue
        for request in requests:
            state = Desk(site.camera).ask(request)
            site.told.annotated[found.recording_id] = (state.annotations, state.annotations_sha256)


def _signed_perhaps(site: WholeSite) -> None:
    """What is cut here is not done again before a dock delivers what lies there."""
    try:
        site.sign()
    except Dark:
        site.checks(site)


ONE_SITE: Final = OffloadPolicy(
    reserve_bytes=0, sign_by=host("store-1", Role.DESTINATION), erase=True, first_wait_s=0.01
)
STORES: Final = OffloadPolicy(reserve_bytes=0, first_wait_s=0.01)
DELIVERS: Final = OffloadPolicy(reserve_bytes=0, receipts_from=STORE, erase=True, first_wait_s=0.01)

Plan = tuple[tuple[str, Callable[[WholeSite], None]], ...]
PLANS: Final[dict[str, Plan]] = {
    "one site": (
        ("record", _recorded),
        ("annotate", _said),
        ("offload, sign, deliver, erase", lambda site: site.dock(ONE_SITE)),
    ),
    "a destination by itself": (
        ("offload", lambda site: site.dock(STORES)),
        ("annotate", _said),
        ("sign for what was said before", WholeSite.sign),
        ("deliver, and offload what was said", lambda site: site.dock(DELIVERS)),
        ("sign", WholeSite.sign),
        ("deliver and erase", lambda site: site.dock(DELIVERS)),
    ),
    "receipts that lie half-done": (
        ("offload", lambda site: site.dock(STORES)),
        ("sign, if nothing comes in between", _signed_perhaps),
        ("deliver what lies there", lambda site: site.dock(DELIVERS)),
        ("sign", WholeSite.sign),
        ("deliver and erase", lambda site: site.dock(DELIVERS)),
    ),
}


def lived(
    plan: str,
    cuts: Sequence[Cut] = (),
    seed: int = 0,
    checks: Callable[[WholeSite], None] = lambda site: None,
) -> WholeSite:
    """A whole day; `checks` are called after each cut and at the end of each step."""
    site = WholeSite(cuts, seed)
    site.checks = checks
    for name, act in PLANS[plan]:
        site.take(name, act)
        checks(site)
    return site

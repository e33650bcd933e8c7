"""What docking-station software does all day: whoever puts a camera into a bay has it offloaded.

Which camera stands where is looked up whenever the station says that something changed, and now and then without
that, so that no event has to arrive. A docking is known by its number (spec: Station commands): a camera that was
taken out and put back between two looks is a new visit.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bwc_protocol.declare import Role, Unknown
from bwc_protocol.messages.station import BayState, BayStatus, BayVerdict
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.destination.destination import Destination, moved
from bwc_sdk.destination.faults import destination_error
from bwc_sdk.destination.free_room import Room
from bwc_sdk.errors import (
    BwcError,
    DestinationError,
    InvalidUri,
    MissingExtra,
    SessionRefused,
    VersionMismatch,
    WrongDevice,
)
from bwc_sdk.host.filesystem import Identity
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.offload.bay_lights import BayLights
from bwc_sdk.offload.bay_verdict import Course
from bwc_sdk.offload.budget import Budget
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.offload.events import Connected, Finished, FollowUpFailed, OffloadEvent
from bwc_sdk.offload.fleet import station_by
from bwc_sdk.offload.fleet_events import (
    DESTINATION,
    STATION,
    BayJudged,
    BayRecovered,
    BayTroubled,
    CameraEvent,
    CameraFailed,
    DestinationBack,
    DestinationLost,
    Interrupted,
    StationBack,
    StationLost,
    bay_slot,
)
from bwc_sdk.offload.fleet_stream import FleetStream, stop
from bwc_sdk.offload.job import OffloadJob
from bwc_sdk.offload.policy import OffloadPolicy
from bwc_sdk.offload.precedence import Precedence
from bwc_sdk.offload.second_look import AT_ONCE, pause_s, still_good
from bwc_sdk.offload.station_link import ConnectStation, StationLink
from bwc_sdk.offload.waiting import opened, settled

log = logging.getLogger(__name__)

LOOK_S: Final = 30.0
"""Longest time between two looks at the bays: what an event that was lost would have told is found then."""
LOOK_LEAST_S: Final = 1.0
"""Shortest, unless the station says that something changed: cameras that are due for a look are looked at together."""
RETRY_S: Final = 60.0
"""After this a camera that still stands in its bay, and is not wholly stored or went out of reach before its
recordings were dealt with, is tried again."""
CHECK_S: Final = 900.0
"""After this a camera that is stored, and did not pass its check, is checked again: most have to be charged first."""
SHIFT_S: Final = 43_200.0
"""After this a camera that passed its check is checked again: nobody is told to take one of which nothing has been
heard for longer than a shift."""

_MISTAKES: Final = (InvalidUri, MissingExtra, SessionRefused, VersionMismatch, WrongDevice)
"""What time does not mend, when it comes before the station was ever met: a camera's URI, say."""
BayEvent = CameraFailed | Interrupted | BayTroubled | BayRecovered | BayJudged
"""What is reported about one bay beside the events of its offload."""

HAPPENED: Final = "something happened to it since it was checked"
_ANSWERING: Final = (BayState.LINKED, BayState.IDENTIFIED)
_TROUBLED: Final = (BayState.FAULT, BayState.QUARANTINE)


@dataclass(slots=True)
class _Visit:
    """One stay of one camera in one bay."""

    docking: int
    task: asyncio.Task[None]
    identity: str = ""
    done: bool = False
    """Nothing more is to be had by another offload."""
    cut_short: bool = False
    """The camera went out of reach before its recordings were dealt with to the end."""
    ended_s: float = 0.0
    course: Course = field(default_factory=Course)
    stored: int | None = None
    """The number up to which all its recordings are stored, once they are: a further visit stores what comes after it,
    and takes the steps."""
    shown: bool = False
    """Whether the light was made to say TAKE_ME since it was looked at last."""
    stale: bool = False
    """Something happened to it since, or it is no longer as it was: nobody is told to take it."""
    look: asyncio.Task[None] | None = None
    """That looks at it again."""
    look_at_s: float = 0.0

    def notice(self, bay: BayStatus) -> None:
        """Takes what the station says: it ends TAKE_ME by itself when something happens to the camera (STA-020)."""
        self.stale |= self.shown and bay.verdict is BayVerdict.NONE

    async def end_look(self) -> None:
        """Leaves off looking."""
        if self.look is not None:
            await stop(self.look)

    def wait_s(self, lights: BayLights) -> float:
        """How long after its end the camera is visited again, unless it is taken out."""
        if self.stale:
            return 0.0
        if not self.done:
            return RETRY_S
        if self.stored is None or not lights.there or self.course.verdict is BayVerdict.NONE:
            return math.inf
        return SHIFT_S if self.course.verdict is BayVerdict.TAKE_ME else CHECK_S


class DockWatch(FleetStream):
    """Offloads every camera that comes to the station, for ever: iterate it for the events.

    The iteration raises `DestinationError` when the destination cannot be used at the beginning, and `InvalidUri`,
    `MissingExtra`, `SessionRefused`, `VersionMismatch` or `WrongDevice` when there never was a station. One that is
    lost is reported as `StationLost`, connected to again, and then reported as `StationBack`; a bay that is in fault
    or in quarantine is reported as `BayTroubled`. A destination that was moved, unmounted or mounted over is reported
    as `DestinationLost`, waited for, and then reported as `DestinationBack`.
    """

    def __init__(
        self,
        connect: ConnectStation,
        destination: str | Path,
        *,
        world: World | None = None,
        policy: OffloadPolicy | None = None,
        limit_bytes_per_s: float | None = None,
    ) -> None:
        super().__init__()
        self._link = StationLink(connect)
        self._path = Path(destination)
        self._world = world or World()
        self._policy = policy or OffloadPolicy()
        self._budget = Budget(limit_bytes_per_s) if limit_bytes_per_s is not None else Precedence()
        self._room = Room()
        self._visits: dict[int, _Visit] = {}  # at most one a bay
        self._troubles: dict[int, tuple[BayState, int]] = {}  # state and incident, as they were reported last
        self._lost = False  # as it was reported last
        self._identity: Identity | None = None  # of the destination, whatever its path leads to later
        self._destination_lost = False  # as it was reported last
        self._changed = asyncio.Event()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def station(self) -> DockingStation:
        """The station, over the link that the watch has: for lights, power, data lines and leases meanwhile.

        The link stays the watch's, which makes it anew when it is lost: ask again for each use, and do not close it.
        Raises what `connect_station` raises while it is lost, `RuntimeError` when the watch does not run.
        """
        if self._task is None or self._task.done():
            raise RuntimeError("the watch does not run: it begins with its iteration, and ends with it")
        return await self._link.station()

    async def _main(self) -> None:
        opening = self._world.workers.wait(Destination.open, self._world.files, self._path)
        destination = await opened(opening, Destination.close)  # reported once, not by every camera
        self._identity = destination.identity
        destination.close()
        attempt, met = 0, False
        try:
            while True:
                try:
                    station = await self._link.station()
                    attempt, met = 0, True
                    await self._attend(station)
                except BwcError as error:
                    if isinstance(error, _MISTAKES) and not met:
                        raise
                    attempt += 1
                    wait_s = self._policy.wait_s(attempt, self._world.entropy)
                    log.info("%s; the station is tried again in %.1f s", error, wait_s)
                    self._lost = True
                    await self._link.tidy()
                    await self._emit(CameraEvent(STATION, StationLost(error, wait_s)))
                    await asyncio.sleep(wait_s)
        finally:
            try:
                await stop(*(visit.task for visit in self._visits.values()))
            finally:
                await self._link.close()

    # The station

    async def _attend(self, station: DockingStation) -> None:
        """Follows the bays over one link. Raises what ends it."""
        # While the link was down anything may have stood in a bay, and a station that booted counts anew.
        self._visits = {bay: visit for bay, visit in self._visits.items() if not visit.task.done()}
        lights = BayLights(station)
        listener = asyncio.create_task(self._listen(station))
        try:
            while not listener.done():
                self._changed.clear()
                bays = await station.bays.list()
                await self._emit_back()
                await self._look(bays, lights)
                try:
                    async with asyncio.timeout(self._pause_s()):
                        await self._changed.wait()
                except TimeoutError:
                    pass
            listener.result()
        except asyncio.CancelledError:
            await lights.take_back()
            raise
        finally:
            for visit in self._visits.values():
                await visit.end_look()
            await stop(listener)

    def _pause_s(self) -> float:
        """Until the bays are looked at again, unless something changes."""
        now = asyncio.get_running_loop().time()
        due = [visit.look_at_s - now for visit in self._visits.values() if visit.shown]
        return max(LOOK_LEAST_S, min([LOOK_S, *due]))

    async def _emit_back(self) -> None:
        """Tells that the station answers, if it was told as lost."""
        if self._lost:
            self._lost = False
            await self._emit(CameraEvent(STATION, StationBack()))

    async def _listen(self, station: DockingStation) -> None:
        try:
            async for _ in station.events():
                self._changed.set()
        finally:
            self._changed.set()

    async def _look(self, bays: tuple[BayStatus, ...], lights: BayLights) -> None:
        gone = {
            number: visit
            for number, visit in self._visits.items()
            if not any(bay.bay == number and bay.present and bay.docking == visit.docking for bay in bays)
        }
        await self._end(gone)  # before any begins: a camera that moved must find its files free
        for bay in bays:
            await self._emit_trouble(bay)
        there = await self._destination_there()
        now = asyncio.get_running_loop().time()
        for bay in bays:
            visit = self._visits.get(bay.bay)
            if visit is not None:
                visit.notice(bay)
            if there and bay.state in _ANSWERING and self._due(bay.bay, now, lights):
                await self._say(lights, bay, BayVerdict.BUSY)  # before anything is asked of it (STA-019)
                self._begin(bay)
            elif visit is not None:
                await self._shine(lights, bay, visit, now)

    async def _shine(self, lights: BayLights, bay: BayStatus, visit: _Visit, now_s: float) -> None:
        """Says what is known of a camera that nothing has to be done with now, or looks at it again."""
        verdict = visit.course.verdict
        if verdict is not BayVerdict.TAKE_ME or visit.stale:
            if visit.stale:
                await self._say(lights, bay, BayVerdict.NONE, HAPPENED)
            else:
                await self._say(lights, bay, verdict, visit.course.reason)
        elif visit.look is not None or (visit.shown and bay.verdict is not BayVerdict.TAKE_ME):
            pass  # it is being looked at; or a program says worse of it
        elif visit.shown and now_s >= visit.look_at_s:
            visit.shown = False  # a station ends TAKE_ME when its channel is opened
            visit.look = asyncio.create_task(self._look_again(bay.bay, visit))
        elif lights.there:
            if not visit.shown:
                visit.shown, visit.look_at_s = True, now_s + pause_s(bay.bay)
            await self._say(lights, bay, verdict)

    async def _look_again(self, bay: int, visit: _Visit) -> None:
        connect = partial(self._link.camera, bay)
        good = await still_good(connect, self._policy, visit.stored or 0, self._turn, self._world)
        visit.stale, visit.look = not good, None
        self._changed.set()

    async def _say(self, lights: BayLights, bay: BayStatus, verdict: BayVerdict, reason: str = "") -> None:
        if await lights.say(bay, verdict):
            await self._emit_of(bay.bay, BayJudged(verdict, reason))

    async def _destination_there(self) -> bool:
        """Whether the path leads to the destination; tells when that changes."""
        lost = await settled(self._world.workers.wait(self._destination_error))
        if lost is None and self._destination_lost:
            await self._emit(CameraEvent(DESTINATION, DestinationBack()))
        if lost is not None and not self._destination_lost:
            await self._emit(CameraEvent(DESTINATION, DestinationLost(lost)))
        self._destination_lost = lost is not None
        return lost is None

    def _destination_error(self) -> DestinationError | None:
        try:
            if self._world.files.identity_at(self._path) == self._identity:
                return None
        except OSError as error:
            return destination_error(error, "looking at it", self._path)
        lost = moved(self._path)
        lost.advice = "bring it back, and the watch goes on; for another directory, start the watch anew"
        return lost

    async def _emit_trouble(self, bay: BayStatus) -> None:
        """Tells of a bay that cannot be used, once, and when it can be used again."""
        if isinstance(bay.state, Unknown) or bay.state not in _TROUBLED:
            if self._troubles.pop(bay.bay, None) is not None:
                await self._emit_of(bay.bay, BayRecovered())
            return
        trouble = (bay.state, bay.incident)
        if self._troubles.get(bay.bay) != trouble:
            self._troubles[bay.bay] = trouble
            told = BayTroubled(bay.state, bay.alarms, bay.temperature_dc, bay.incident)
            await self._emit_of(bay.bay, told)

    def _due(self, bay: int, now_s: float, lights: BayLights) -> bool:
        visit = self._visits.get(bay)
        if visit is None:
            return True
        return visit.task.done() and visit.look is None and now_s >= visit.ended_s + visit.wait_s(lights)

    async def _emit_of(self, bay: int, event: OffloadEvent | BayEvent) -> None:
        await self._emit(CameraEvent(bay_slot(bay), event, bay))

    # The visits

    def _begin(self, bay: BayStatus) -> None:
        before = self._visits.get(bay.bay)
        stored = before.stored if before is not None else None
        job = OffloadJob(
            partial(self._link.camera, bay.bay),
            self._path,
            recordings=None,
            world=self._world,
            policy=self._policy,
            budget=self._budget,
            room=self._room,
            expected=self._identity,
            after=stored or 0,
        )
        run = self._offload(bay.bay, job)
        again = stored is not None
        self._visits[bay.bay] = _Visit(bay.docking, asyncio.create_task(run), done=again, stored=stored)

    async def _offload(self, bay: int, job: OffloadJob) -> None:
        visit = self._visits[bay]
        try:
            async with job:
                async for event in job:
                    if isinstance(event, Connected):
                        visit.identity = event.identity
                    if isinstance(event, FollowUpFailed):
                        visit.cut_short |= event.cut_short
                    visit.course = visit.course.then(event)
                    if isinstance(event, Finished):
                        visit.done = not (event.result.worth_repeating or visit.cut_short)
                        stored = event.result.last_stored(visit.stored or 0)
                        visit.stored = stored if visit.done else None
                    await self._emit_of(bay, event)
        except Exception as error:
            failed = CameraFailed(failure_of(error, bay_slot(bay)))
            visit.course = visit.course.then(failed)
            await self._emit_of(bay, failed)
        finally:
            visit.ended_s = asyncio.get_running_loop().time()
            self._changed.set()  # its light

    async def _end(self, gone: dict[int, _Visit]) -> None:
        running = {bay: visit for bay, visit in gone.items() if not visit.task.done()}
        await stop(*(visit.task for visit in running.values()))
        for visit in gone.values():
            await visit.end_look()
        for bay in gone:
            del self._visits[bay]
        for bay, visit in running.items():
            if not visit.done:
                await self._emit_of(bay, Interrupted(visit.identity))


def dock_watch(
    station: str | ConnectStation,
    destination: str | Path,
    *,
    world: World | None = None,
    policy: OffloadPolicy | None = None,
    limit_bytes_per_s: float | None = None,
    role: Role = Role.DOCK_OFFLOAD,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    allow_insecure: bool = False,
) -> DockWatch:
    """Offloads every camera that is put into a bay of a docking station, for ever; see `DockWatch`.

    Arguments are those of `offload_station`. A camera that is taken out is reported as `Interrupted`, and goes on with
    what is good on disk in whatever bay it comes back to; one that stands there and could not be stored, or was out of
    reach before its recordings were dealt with, is tried again every minute.
    """
    world = world or World()
    connect = station_by(
        station, role=role, identity=identity, lab=lab, allow_insecure=allow_insecure, world=world
    )
    return DockWatch(connect, destination, world=world, policy=policy, limit_bytes_per_s=limit_bytes_per_s)

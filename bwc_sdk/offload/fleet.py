"""The offload of many cameras at once into one directory.

Each camera has an offload of its own, on a connection of its own; bays of a station share the station's link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from bwc_protocol.declare import Role
from bwc_sdk.clients.connecting import connect, connect_station
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.free_room import Room
from bwc_sdk.errors import BwcError
from bwc_sdk.host.filesystem import Identity
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.offload.budget import Budget
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.offload.events import Finished
from bwc_sdk.offload.fleet_events import CameraEvent, CameraFailed, FleetResult, bay_slot
from bwc_sdk.offload.fleet_stream import FleetStream, stop
from bwc_sdk.offload.job import OffloadJob
from bwc_sdk.offload.outcome import OffloadResult
from bwc_sdk.offload.policy import OffloadPolicy
from bwc_sdk.offload.precedence import Precedence
from bwc_sdk.offload.reconnect import Connect
from bwc_sdk.offload.station_link import ConnectStation, StationLink
from bwc_sdk.offload.waiting import opened

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.clients.station import DockingStation


class FleetJob(FleetStream):
    """An offload of many cameras: iterate it for the events of all, then look at `result`.

    A camera that fails is reported as `CameraFailed`, and the others are finished. The iteration raises only what
    concerns all of them: `DestinationError`, and with a station what `connect_station` raises at the beginning.
    """

    def __init__(
        self,
        cameras: Mapping[str, Connect] | ConnectStation,
        destination: str | Path,
        *,
        world: World | None = None,
        policy: OffloadPolicy | None = None,
        limit_bytes_per_s: float | None = None,
    ) -> None:
        super().__init__()
        self._cameras = cameras
        self._path = Path(destination)
        self._world = world or World()
        self._policy = policy or OffloadPolicy()
        self._budget = Budget(limit_bytes_per_s) if limit_bytes_per_s is not None else Precedence()
        self._room = Room()
        self._identity: Identity | None = None  # of the destination
        self._results: dict[str, OffloadResult | BwcError] = {}
        self._bays: dict[str, int] = {}  # numbers of the slots that are bays

    @property
    def result(self) -> FleetResult:
        """What became of every camera. Raises `RuntimeError` before the iteration has ended."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            raise RuntimeError("the offload has not come to its end")
        self._task.result()
        bays = {bay: self._results[slot] for slot, bay in self._bays.items()}
        return FleetResult(self._results, bays)

    async def run(self) -> FleetResult:
        """Runs it to its end for a caller who does not want the events."""
        async for _ in self:
            pass
        return self.result

    async def _main(self) -> None:
        opening = self._world.workers.wait(Destination.open, self._world.files, self._path)
        destination = await opened(opening, Destination.close)  # reported once, not by every camera
        self._identity = destination.identity
        destination.close()
        if isinstance(self._cameras, Mapping):
            await self._offload_all(self._cameras)
            return
        link = StationLink(self._cameras)
        try:
            bays = await (await link.station()).bays.list()
            self._bays = {bay_slot(bay.bay): bay.bay for bay in bays if bay.present}
            await self._offload_all({slot: partial(link.camera, bay) for slot, bay in self._bays.items()})
        finally:
            await link.close()

    async def _offload_all(self, cameras: Mapping[str, Connect]) -> None:
        tasks = [asyncio.create_task(self._offload(slot, connect)) for slot, connect in cameras.items()]
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            await stop(*tasks)
        for task in tasks:
            task.result()
        self._results = {
            slot: self._results[slot] for slot in cameras
        }  # in their order, not in that of their ends

    async def _offload(self, slot: str, connect: Connect) -> None:
        bay = self._bays.get(slot)
        job = OffloadJob(
            connect,
            self._path,
            recordings=None,
            world=self._world,
            policy=self._policy,
            budget=self._budget,
            room=self._room,
            expected=self._identity,
        )
        try:
            async with job:
                async for event in job:
                    if isinstance(event, Finished):
                        self._results[slot] = event.result
                    await self._emit(CameraEvent(slot, event, bay))
        except Exception as error:
            failed = failure_of(error, slot)
            self._results[slot] = failed
            await self._emit(CameraEvent(slot, CameraFailed(failed), bay))


def offload_many(
    devices: Mapping[str, Connect] | Iterable[str],
    destination: str | Path,
    *,
    world: World | None = None,
    policy: OffloadPolicy | None = None,
    limit_bytes_per_s: float | None = None,
    role: Role = Role.DOCK_OFFLOAD,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    allow_insecure: bool = False,
) -> FleetJob:
    """Copies all recordings of several cameras at once into a directory, verified; see `FleetJob`.

    `devices` are URIs, which are then the slots, or functions that connect by slot (then `role`, `identity`,
    `lab` and `allow_insecure` are their own affair). `limit_bytes_per_s` bounds the footage of all together.
    """
    world = world or World()
    if not isinstance(devices, Mapping):
        access = partial(
            _camera, role=role, identity=identity, lab=lab, allow_insecure=allow_insecure, world=world
        )
        devices = {uri: partial(access, uri) for uri in devices}
    return FleetJob(devices, destination, world=world, policy=policy, limit_bytes_per_s=limit_bytes_per_s)


def offload_station(
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
) -> FleetJob:
    """Copies all recordings of the cameras that stand in a station's bays when it begins, verified; see `FleetJob`.

    `station` is a URI or a function that connects (called anew when the link to the station is lost).
    """
    world = world or World()
    connect = station_by(
        station, role=role, identity=identity, lab=lab, allow_insecure=allow_insecure, world=world
    )
    return FleetJob(connect, destination, world=world, policy=policy, limit_bytes_per_s=limit_bytes_per_s)


def station_by(
    station: str | ConnectStation,
    *,
    role: Role,
    identity: HostIdentity | IdentitySet | Path | None,
    lab: bool,
    allow_insecure: bool,
    world: World,
) -> ConnectStation:
    """The function that connects to a station, from its URI or from itself."""
    if not isinstance(station, str):
        return station
    return partial(
        _station, station, role=role, identity=identity, lab=lab, allow_insecure=allow_insecure, world=world
    )


class _Access(TypedDict):
    """What `connect` and `connect_station` take alike."""

    role: Role
    identity: HostIdentity | IdentitySet | Path | None
    lab: bool
    allow_insecure: bool
    world: World


async def _camera(uri: str, **access: Unpack[_Access]) -> Camera:
    return await connect(uri, **access)


async def _station(uri: str, **access: Unpack[_Access]) -> DockingStation:
    return await connect_station(uri, **access)

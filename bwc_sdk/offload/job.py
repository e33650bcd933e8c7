"""The offload of one camera into one directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability
from bwc_sdk.clients.connecting import connect
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.faults import destination_error
from bwc_sdk.destination.free_room import Room
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.host.filesystem import Identity
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.offload.account import Account, stated_by
from bwc_sdk.offload.budget import Budget
from bwc_sdk.offload.camera_clock import SessionClock
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.events import (
    Connected,
    Finished,
    FollowUp,
    FollowUpFailed,
    OffloadEvent,
    Planned,
    RecordingsMissing,
)
from bwc_sdk.offload.feed import Feed
from bwc_sdk.offload.link_speed import check_link_speed
from bwc_sdk.offload.listing import Listing, Plan
from bwc_sdk.offload.outcome import OffloadResult
from bwc_sdk.offload.pipeline import Pipeline
from bwc_sdk.offload.plan import check_room, choose
from bwc_sdk.offload.policy import OffloadPolicy
from bwc_sdk.offload.reconnect import Connect, Reconnector, Unreached
from bwc_sdk.offload.tombstones import erased_by, keep_tombstones
from bwc_sdk.offload.waiting import all_settled, opened

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.offload.steps import DockStep


LOOKS: Final = 2
"""Listings that are read before something counts as missing."""


class OffloadJob(AsyncIterator[OffloadEvent]):
    """An offload: iterate it for its events, then look at `result`. It begins with the first iteration.

    The iteration raises before anything is copied when the destination cannot be used (`DestinationError`),
    the camera cannot be reached (what `connect` raises) or only by a link that is not meant for footage
    (`SlowLink`), or its list cannot be had. From `Planned` on, what
    goes wrong is an outcome of the recordings that it concerns. An iteration that is cancelled or closed
    leaves a destination on which the next offload goes on: no lock, no final name that is not verified.
    """

    def __init__(
        self,
        connect: Connect,
        destination: str | Path,
        *,
        recordings: Collection[int] | None,
        world: World,
        policy: OffloadPolicy,
        budget: Budget | None = None,
        room: Room | None = None,
        expected: Identity | None = None,
        after: int = 0,
    ) -> None:
        self._path = Path(destination)
        self._expected = (
            expected  # what the path has to lead to: of many offloads, all into the same directory
        )
        self._wanted = recordings
        self._after = after  # the number up to which an earlier offload has stored all of them
        self._world = world
        self._policy = policy
        self._share = budget.share() if budget is not None else None
        self._room = room
        self._feed = Feed()
        self._clock = SessionClock(world)
        self._reconnector = Reconnector(connect, policy, world.entropy, self._feed.emit, self._clock.measure)
        self._task: asyncio.Task[OffloadResult] | None = None

    @property
    def result(self) -> OffloadResult:
        """What became of every recording. Raises `RuntimeError` before the iteration has ended."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            raise RuntimeError("the offload has not come to its end")
        return self._task.result()

    async def run(self) -> OffloadResult:
        """Runs it to its end for a caller who does not want the events."""
        async for _ in self:
            pass
        return self.result

    # Iteration

    async def __anext__(self) -> OffloadEvent:
        if self._task is None:
            self._task = asyncio.create_task(self._main())
            self._task.add_done_callback(lambda _: self._feed.end())
        try:
            event = await self._feed.next()
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if event is None:
            if not self._task.cancelled():
                self._task.result()  # raises what ended it
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Stops it where it is; what arrived stays for the next offload."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await all_settled((self._task,))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # The work

    async def _main(self) -> OffloadResult:
        opening = self._world.workers.wait(Destination.open, self._world.files, self._path, self._expected)
        destination = await opened(opening, Destination.close)
        try:
            result = await self._offload(await self._reconnector.first(), destination)
        finally:
            try:
                await self._reconnector.close()
            finally:
                destination.close()
        self._feed.emit(Finished(result))  # now that the camera is free, and the result to be had
        return result

    async def _offload(self, camera: Camera, destination: Destination) -> OffloadResult:
        context = OffloadContext(
            world=self._world,
            destination=destination,
            policy=self._policy,
            emit=self._feed.emit,
            identity=camera.identity,
            simulator=bool(camera.peer.capabilities & Capability.SIMULATOR),
            secure=camera.peer.secure,
            verify_by=camera.connection.identity if camera.peer.secure else None,
            share=self._share,
            room=self._room,
            clock=self._clock,
        )
        context.emit(Connected(context.identity, context.simulator, context.secure, camera.notices))
        await self._take(self._policy.before)
        listing, account = await self._list(context)
        context.follows = account.follows
        plan = await self._plan(camera, context, listing, account)
        context.emit(Planned(plan, plan.bytes_total))
        for missing in account.missing:
            context.emit(RecordingsMissing(missing))
        account.emit = lambda missing: context.emit(RecordingsMissing(missing))
        outcomes = await Pipeline(context, self._reconnector, self._feed, plan).run()
        if self._policy.receipts_from is not None or self._policy.sign_by is not None or self._policy.erase:
            from bwc_sdk.offload.whole_way import WholeWay  # most offloads end here

            await WholeWay(context, self._reconnector).go(outcomes)
        if self._policy.deliver_from is not None:
            from bwc_sdk.offload.delivery import deliver  # most offloads deliver nothing

            await deliver(self._reconnector, self._policy.deliver_from, self._world, context.emit)
        await self._take(self._policy.after)
        return OffloadResult(
            identity=context.identity,
            outcomes=outcomes,
            bytes_received=context.tally.received,
            bytes_kept=context.tally.kept,
            reconnections=self._reconnector.reconnections,
            counters=self._reconnector.counters,
            missing=account.missing,
        )

    async def _take(self, steps: tuple[DockStep, ...]) -> None:
        if steps:
            from bwc_sdk.offload.step_taking import take  # most offloads take none

            await take(steps, self._reconnector, self._feed.emit)

    async def _list(self, context: OffloadContext) -> tuple[Listing, Account]:
        """What the camera lists, and the account of what it does not. What seems to be missing is looked for twice:
        a recording may be closed, or go, between two questions."""
        for look in range(LOOKS):
            try:
                stated = await self._reconnector.keep(stated_by)
                said = await self._reconnector.keep(erased_by)
                listing = await self._reconnector.keep(Listing.read)
            except Unreached as unreached:
                raise unreached.error from unreached.__cause__
            erased = () if isinstance(said, EvidenceMismatch) else said
            account = Account(listing, stated, erased)
            if not account.missing or look == LOOKS - 1:
                break
        if isinstance(said, EvidenceMismatch):
            context.emit(FollowUpFailed(FollowUp.TOMBSTONES, None, said))
        try:
            await context.blocking(partial(keep_tombstones, context.destination, erased))
        except OSError as error:
            raise destination_error(error, "keeping tombstones", self._path) from error
        return listing, account

    async def _plan(
        self, camera: Camera, context: OffloadContext, listing: Listing, account: Account
    ) -> Plan:
        plan = choose(listing, self._wanted, account.missing, device=context.identity, after=self._after)
        room = partial(check_room, context.destination, context.identity, plan, self._policy.reserve_bytes)
        try:
            await context.blocking(room)
            await check_link_speed(camera, context, plan)
        except OSError as error:
            raise destination_error(error, "looking for room", self._path) from error
        return plan


def offload(
    device: str | Connect,
    destination: str | Path,
    *,
    recordings: Collection[int] | None = None,
    world: World | None = None,
    policy: OffloadPolicy | None = None,
    budget: Budget | None = None,
    role: Role = Role.DOCK_OFFLOAD,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    expect: str | None = None,
    allow_insecure: bool = False,
    capture: Path | None = None,
) -> OffloadJob:
    """Copies recordings of a camera into a directory, verified; see `OffloadJob`.

    `device` is a URI, or a function that connects (called anew for each reconnection; then `role`, `identity`, `lab`,
    `expect`, `allow_insecure` and `capture` are its own affair). `recordings` are sequence numbers, None for all.
    `budget` bounds the bandwidth, together with all offloads that are given the same one.
    """
    world = world or World()
    if isinstance(device, str):
        device = partial(
            _connect,
            device,
            role=role,
            identity=identity,
            lab=lab,
            expect=expect,
            allow_insecure=allow_insecure,
            capture=capture,
            world=world,
        )
    policy = policy or OffloadPolicy()
    return OffloadJob(device, destination, recordings=recordings, world=world, policy=policy, budget=budget)


async def _connect(
    uri: str,
    *,
    role: Role,
    identity: HostIdentity | IdentitySet | Path | None,
    lab: bool,
    expect: str | None,
    allow_insecure: bool,
    capture: Path | None,
    world: World,
) -> Camera:
    return await connect(
        uri,
        role=role,
        identity=identity,
        lab=lab,
        expect=expect,
        allow_insecure=allow_insecure,
        capture=capture,
        world=world,
    )

"""The recordings of a plan on their way: prepared ahead, received one after the other, finished beside the next ones.

The link carries one recording at a time, in the order of the queue. What does not need it all is done meanwhile: of
the next recordings the manifest, the table and the file are got ready; of the former ones what was received is
synced, read back and published. A file is read back only when nothing writes to it any more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.destination.free_room import LARGE
from bwc_sdk.errors import BwcError
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.offload.events import RecordingFinished, RecordingPostponed
from bwc_sdk.offload.feed import Feed
from bwc_sdk.offload.outcome import Outcome, StillOnCamera
from bwc_sdk.offload.queue import Queue, Turn
from bwc_sdk.offload.reconnect import Failed, GaveUp, Reconnector
from bwc_sdk.offload.recording import RecordingCopy
from bwc_sdk.offload.waiting import all_settled

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

AHEAD: Final = 4
"""Recordings that are prepared while another one is received: of small ones the syncs of what stands beside them take
longer than their footage."""
FINISHING_MAX: Final = 6
"""Recordings that are finished at the same time: their syncs share what the file system writes for all."""


class Pipeline:
    """One run over a plan."""

    def __init__(
        self, context: OffloadContext, reconnector: Reconnector, feed: Feed, plan: Sequence[RecordingEntry]
    ) -> None:
        self._context = context
        self._reconnector = reconnector
        self._feed = feed
        self._queue = Queue(RecordingCopy(context, entry) for entry in plan)
        self._turn: Turn | None = None
        """Whose turn it is, out of every queue: whoever stops the run finds it here."""
        self._near: deque[Turn] = deque()
        """The next to be received, in order."""
        self._finishing: dict[asyncio.Task[None], Turn] = {}
        self._outcomes: dict[int, Outcome] = {}
        """By place in the plan."""
        self._free: int | None = None
        """What was free when it was asked last, and what was received until then."""
        self._lost: BwcError | None = None
        """Why the camera is out of reach."""

    async def run(self) -> tuple[Outcome, ...]:
        """The outcomes, in the order of the plan, when nothing is under way any more."""
        if self._context.room is not None:
            self._context.room.begin(self)
        try:
            while True:
                await self._feed.room()
                self._turn = turn = self._next() if len(self._finishing) < FINISHING_MAX else None
                if turn is not None:
                    if not await self._makes_way(turn):
                        await self._receive(turn)
                    self._turn = None
                elif self._finishing:
                    await asyncio.wait(self._finishing, return_when=asyncio.FIRST_COMPLETED)
                else:
                    break
                self._forget_finished()
        finally:
            try:
                await self._release()
            finally:
                if self._context.room is not None:
                    self._context.room.end(self)
        return tuple(self._outcomes[number] for number in range(len(self._outcomes)))

    def _next(self) -> Turn | None:
        while len(self._near) <= AHEAD and (turn := self._queue.next()) is not None:
            self._near.append(turn)
        return self._near.popleft() if self._near else None

    async def _makes_way(self, turn: Turn) -> bool:
        """Whether a recording that would take most of what is free goes behind the others; of other cameras, too."""
        room, copy = self._context.room, turn.copy
        if room is None or copy.begun or self._lost is not None:
            return False
        if not turn.makes_way:
            free = await self._free_bytes(copy.entry.size_bytes)
            if free is None or copy.entry.size_bytes <= LARGE * free:
                return False
            turn.makes_way = True
            await copy.release()
            self._queue.postpone(turn)
            return True
        await room.makes_way(self)
        return False

    async def _free_bytes(self, size_bytes: int) -> int | None:
        """What is free, asked again only when `size_bytes` may be much of it."""
        if self._free is None or size_bytes > LARGE * (self._free - self._context.tally.received):
            try:
                self._free = await self._context.blocking(self._context.destination.free_bytes)
            except OSError:
                return None  # which shows when it is written to
            if self._free is not None:
                self._free += self._context.tally.received
        return None if self._free is None else self._free - self._context.tally.received

    async def _receive(self, turn: Turn) -> None:
        """Receives a recording as far as the camera gives it; what becomes of it may show later."""
        copy, verified = turn.copy, self._context.tally.verified
        copy.begin()
        outcome: Outcome | None
        try:
            outcome = await self._receive_now(turn)
        except Failed as failed:
            fruitless = self._context.tally.verified == verified
            most = self._context.policy.attempts
            if failed.passing and turn.failed(fruitless=fruitless, most=most):
                await self._again(turn, failed, most - turn.fruitless)
                return
            outcome = StillOnCamera(copy.entry, failed.error.rule, failed.error)
        except GaveUp as failed:
            outcome = _out_of_reach(copy.entry, failed.error)
            self._lost = failed.error
        except Exception as error:
            await self._reconnector.close()  # whatever is under way on it
            outcome = self._defect(turn, error)
        if outcome is None:
            self._finishing[asyncio.create_task(self._finish(turn))] = turn
        else:
            await self._over(turn, outcome)

    async def _receive_now(self, turn: Turn) -> Outcome | None:
        if self._lost is not None:
            return _out_of_reach(turn.copy.entry, self._lost)
        return await self._reconnector.attempt(
            lambda camera: self._receive_from(camera, turn.copy), turn.fruitless
        )

    async def _receive_from(self, camera: Camera, copy: RecordingCopy) -> Outcome | None:
        for later in self._near:
            later.copy.prepare(camera)
        return await copy.receive(camera)

    async def _again(self, turn: Turn, failed: Failed, attempts_left: int) -> None:
        """Another turn: after all others for one that stalled, else at once, with a new connection."""
        if not failed.stalled:
            self._near.appendleft(turn)
            return
        self._context.emit(RecordingPostponed(turn.copy.entry.sequence, failed.error, attempts_left))
        if not self._queue.postpone(turn):
            await turn.copy.release()

    async def _finish(self, turn: Turn) -> None:
        try:
            outcome = await turn.copy.finish()
        except Exception as error:
            outcome = self._defect(turn, error)
        if outcome is None:  # the medium did not give back all of it
            self._near.appendleft(turn)
        else:
            await self._over(turn, outcome)

    def _defect(self, turn: Turn, error: Exception) -> StillOnCamera:
        entry = turn.copy.entry
        fault = failure_of(error, f"recording {entry.sequence} of {self._context.identity}")
        return StillOnCamera(entry, fault.rule, fault)

    def _forget_finished(self) -> None:
        """Raises what nobody expected a recording to end with."""
        for task in [task for task in self._finishing if task.done()]:
            task.result()
            del self._finishing[task]

    async def _over(self, turn: Turn, outcome: Outcome) -> None:
        await turn.copy.release()
        self._outcomes[turn.number] = outcome
        self._context.emit(RecordingFinished(outcome))

    async def _release(self) -> None:
        for task in self._finishing:
            task.cancel()
        try:
            await all_settled(self._finishing)
        finally:
            held = {*self._finishing.values(), *self._near, *self._queue.postponed()}
            if self._turn is not None:
                held.add(self._turn)
            # All of them, however often the run is cancelled meanwhile: a lock that stays is nobody's until the
            # process ends.
            releases = [asyncio.ensure_future(turn.copy.release()) for turn in held]
            await all_settled(releases)
            for release in releases:
                release.result()


def _out_of_reach(entry: RecordingEntry, error: BwcError) -> StillOnCamera:
    return StillOnCamera(entry, f"the camera is out of reach: {error.rule}", error)

"""The recordings of a plan on their way: prepared ahead, received one after the other, finished beside the next ones.

The link carries one recording at a time, in the order of the plan. What does not need it all is done meanwhile: of
the next recordings the manifest, the table and the file are got ready; of the former ones what was received is
synced, read back and published. A file is read back only when nothing writes to it any more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.errors import BwcError
from bwc_sdk.offload.events import RecordingFinished, RecordingStarted
from bwc_sdk.offload.feed import Feed
from bwc_sdk.offload.outcome import Outcome, StillOnCamera
from bwc_sdk.offload.reach import Fruitless, GaveUp, Reach
from bwc_sdk.offload.recording import RecordingCopy
from bwc_sdk.offload.waiting import all_settled
from bwc_sdk.offload.work import Work

if TYPE_CHECKING:
    from bwc_sdk.camera import Camera

AHEAD: Final = 4
"""Recordings that are prepared while another one is received: of small ones the syncs of what stands beside them take
longer than their footage."""
FINISHING_MAX: Final = 6
"""Recordings that are finished at the same time: their syncs share what the file system writes for all."""
FRUITLESS_MAX: Final = 3
"""Recordings in a row that cannot be copied although the camera answers: one may be at fault, and must not keep
the others from being copied; with three it is the line."""


class Pipeline:
    """One run over a plan."""

    def __init__(self, work: Work, reach: Reach, feed: Feed, plan: Sequence[RecordingEntry]) -> None:
        self._work = work
        self._reach = reach
        self._feed = feed
        self._plan = plan
        self._far = deque(plan)
        self._near: deque[RecordingCopy] = deque()
        """The next to be received, in order."""
        self._finishing: dict[asyncio.Task[None], RecordingCopy] = {}
        self._outcomes: dict[int, Outcome] = {}
        """By sequence number."""
        self._fruitless = 0
        self._lost: BwcError | None = None
        """Why the camera is out of reach."""

    async def run(self) -> tuple[Outcome, ...]:
        """The outcomes, in the order of the plan, when nothing is under way any more."""
        try:
            while True:
                await self._feed.room()
                if (self._far or self._near) and len(self._finishing) < FINISHING_MAX:
                    await self._receive(self._next())
                elif self._finishing:
                    await asyncio.wait(self._finishing, return_when=asyncio.FIRST_COMPLETED)
                else:
                    break
                self._forget_finished()
        finally:
            await self._release()
        return tuple(self._outcomes[entry.sequence] for entry in self._plan)

    def _next(self) -> RecordingCopy:
        while self._far and len(self._near) <= AHEAD:
            self._near.append(RecordingCopy(self._work, self._far.popleft()))
        return self._near.popleft()

    async def _receive(self, copy: RecordingCopy) -> None:
        """Receives a recording as far as the camera gives it; what becomes of it may show later."""
        if not copy.begun:
            copy.begun = True
            self._work.tell(RecordingStarted(copy.entry))
        outcome: Outcome | None = None
        if self._lost is not None:
            outcome = _out_of_reach(copy.entry, self._lost)
        else:
            try:
                outcome = await self._reach.keep(
                    lambda camera: self._receive_from(camera, copy), lambda: self._work.tally.verified
                )
                self._fruitless = 0
            except Fruitless as failed:
                outcome = StillOnCamera(copy.entry, failed.error.rule, failed.error)
                self._fruitless += 1
                self._lost = failed.error if self._fruitless == FRUITLESS_MAX else None
            except GaveUp as failed:
                outcome = _out_of_reach(copy.entry, failed.error)
                self._lost = failed.error
            except BaseException:
                await copy.release()
                raise
        if outcome is None:
            self._finishing[asyncio.create_task(self._finish(copy))] = copy
        else:
            await self._over(copy, outcome)

    async def _receive_from(self, camera: Camera, copy: RecordingCopy) -> Outcome | None:
        for later in self._near:
            later.prepare(camera)
        return await copy.receive(camera)

    async def _finish(self, copy: RecordingCopy) -> None:
        outcome = await copy.finish()
        if outcome is None:  # the medium did not give back all of it
            self._near.appendleft(copy)
        else:
            await self._over(copy, outcome)

    def _forget_finished(self) -> None:
        """Raises what nobody expected a recording to end with."""
        for task in [task for task in self._finishing if task.done()]:
            task.result()
            del self._finishing[task]

    async def _over(self, copy: RecordingCopy, outcome: Outcome) -> None:
        await copy.release()
        self._outcomes[copy.entry.sequence] = outcome
        self._work.tell(RecordingFinished(outcome))

    async def _release(self) -> None:
        for task in self._finishing:
            task.cancel()
        try:
            await all_settled(self._finishing)
        finally:
            for copy in (*self._finishing.values(), *self._near):
                await copy.release()


def _out_of_reach(entry: RecordingEntry, error: BwcError) -> StillOnCamera:
    return StillOnCamera(entry, f"the camera is out of reach: {error.rule}", error)

"""One stream of events from many offloads to one reader, who may be slow."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Self

from bwc_sdk.offload.fleet_events import CameraEvent
from bwc_sdk.offload.waiting import all_settled

FULL: Final = 256
"""Events that wait for a reader. Beyond, each camera's own queue takes over, which keeps only the latest progress and
in the end halts its offload."""


class FleetStream(AsyncIterator[CameraEvent], ABC):
    """Iterate it for the events of all cameras; the work begins with the first iteration and ends with the last.

    Cancelling or closing it stops all offloads where they are; what arrived stays for the next one.
    """

    def __init__(self) -> None:
        self._events: deque[CameraEvent] = deque()
        self._news = asyncio.Event()
        self._read = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def _main(self) -> None:
        """The work; what it raises ends the iteration."""

    async def _emit(self, event: CameraEvent) -> None:
        while len(self._events) >= FULL:
            self._read.clear()
            await self._read.wait()
        self._events.append(event)
        self._news.set()

    async def __anext__(self) -> CameraEvent:
        if self._task is None:
            self._task = asyncio.create_task(self._main())
            self._task.add_done_callback(lambda _: self._news.set())
        try:
            while not self._events:
                if self._task.done():
                    if not self._task.cancelled():
                        self._task.result()  # raises what ended it
                    raise StopAsyncIteration
                self._news.clear()
                await self._news.wait()
        except asyncio.CancelledError:
            await self.aclose()
            raise
        self._read.set()
        return self._events.popleft()

    async def aclose(self) -> None:
        """Stops everything; idempotent."""
        if self._task is not None:
            await stop(self._task)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks and waits until they have ended."""
    for task in tasks:
        task.cancel()
    await all_settled(tasks)

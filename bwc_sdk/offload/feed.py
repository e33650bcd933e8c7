"""From the engine, which must not wait for its reader, to the reader, who may be slow."""

import asyncio
from collections import deque
from typing import Final

from bwc_sdk.offload.events import OffloadEvent, Progress

FULL: Final = 1_024
"""Events that wait for a reader before the engine pauses between segments: hundreds of recordings' worth."""


class Feed:
    """A queue in which only the latest progress waits."""

    def __init__(self) -> None:
        self._events: deque[OffloadEvent] = deque()
        self._changed = asyncio.Event()
        self._read = asyncio.Event()
        self._over = False

    def emit(self, event: OffloadEvent) -> None:
        """Appends an event; never waits."""
        if isinstance(event, Progress) and self._events and isinstance(self._events[-1], Progress):
            self._events.pop()
        self._events.append(event)
        self._changed.set()

    async def room(self) -> None:
        """Waits while too much is unread, so that a reader who went away bounds the memory."""
        while len(self._events) >= FULL:
            self._read.clear()
            await self._read.wait()

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._changed.set()

    async def next(self) -> OffloadEvent | None:
        """The next event, or None after the last."""
        while not self._events:
            if self._over:
                return None
            self._changed.clear()
            await self._changed.wait()
        event = self._events.popleft()
        self._read.set()
        return event

"""The free room of a destination, among the cameras that are offloaded into it at once.

A recording that by its stated size would take more than half of what is free makes way: it is begun when the other
cameras are done with what fits beside each other, and one such recording at a time. So one camera that has, or only
states, a recording as large as the room does not leave the others without any. What is really free is asked of the
file system, so that nothing is lost with a camera that goes away.
"""

from __future__ import annotations

import asyncio
from typing import Final

LARGE: Final = 0.5
"""Share of the free room beyond which a recording makes way."""
MAKES_WAY_S: Final = 600.0
"""For how long, in a dock to which cameras come without end; then it has waited as long as a shift takes to come in."""


class Room:
    """Who is at work on what fits beside others, and who waits with what does not. It lives on one event loop."""

    def __init__(self) -> None:
        self._at_work: set[object] = set()
        self._large: object | None = None
        self._waiting: list[object] = []
        self._changed = asyncio.Event()

    def begin(self, camera: object) -> None:
        """`camera` has recordings to bring."""
        self._at_work.add(camera)

    def end(self, camera: object) -> None:
        """… and has none any more."""
        self._at_work.discard(camera)
        if self._large is camera:
            self._large = None
        self._notify()

    async def makes_way(self, camera: object) -> None:
        """Waits with a large recording, the only kind that `camera` has left. Its turn lasts until its `end`.

        Those that wait have it in the order in which they came.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time() + MAKES_WAY_S
        self._at_work.discard(camera)
        self._waiting.append(camera)
        self._notify()
        try:
            while not self._is_turn_of(camera) and loop.time() < due_s:
                try:
                    async with asyncio.timeout_at(due_s):
                        await self._changed.wait()
                except TimeoutError:
                    pass  # its time has come
            self._large = camera
        finally:
            self._waiting.remove(camera)

    def _is_turn_of(self, camera: object) -> bool:
        if self._large is not None:
            return self._large is camera
        return not self._at_work and self._waiting[0] is camera

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

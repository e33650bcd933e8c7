"""The custody chain of a destination, for tasks that run at once: one appends after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from bwc_sdk.destination.custody_log import ChainHeld, CustodyLog, Fact
from bwc_sdk.destination.destination import Destination
from bwc_sdk.errors import DestinationBusy
from bwc_sdk.host.world import World
from bwc_sdk.offload.waiting import settled

HELD_S: Final = 0.02
"""Between two looks at a chain to which another process appends: about what its sync takes."""
HELD_LOOKS: Final = 1_500
"""Half a minute: nobody holds it longer than a sync takes, unless his medium hangs."""


class Chain:
    """This host's chain in a destination."""

    def __init__(self, world: World, destination: Destination) -> None:
        self._world = world
        self._destination = destination
        self._log = CustodyLog(destination, world)
        self._turn = asyncio.Lock()

    async def append(self, facts: Sequence[Fact]) -> None:
        """Names files in the chain, durable when it returns. Raises `DestinationError` and its kinds."""
        if not facts:
            return
        async with self._turn:
            for _ in range(HELD_LOOKS):
                try:
                    await settled(self._world.workers.wait(partial(self._append, facts)))
                    return
                except ChainHeld:
                    await asyncio.sleep(HELD_S)
        raise DestinationBusy(
            "another process of this host holds the custody chain", device=str(self._destination.path)
        )

    def _append(self, facts: Sequence[Fact]) -> None:
        try:
            self._log.append(facts)
        except OSError as error:
            raise self._destination.error(error, "appending to the custody chain") from error

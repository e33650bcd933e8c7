"""The one link to a docking station that the offloads of all its bays share, made again when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.clients.station import DockingStation

ConnectStation = Callable[[], Awaitable["DockingStation"]]


class StationLink:
    """Connects when it is first asked, and again when it is asked after a loss; one attempt at a time."""

    def __init__(self, connect: ConnectStation) -> None:
        self._connect = connect
        self._station: DockingStation | None = None
        self._lock = asyncio.Lock()

    async def station(self) -> DockingStation:
        """The station, connected. Raises what `connect_station` raises."""
        async with self._lock:
            await self._drop_lost()
            if self._station is None:
                self._station = await self._connect()
            return self._station

    async def camera(self, bay: int) -> Camera:
        """The camera in a bay, connected. Raises what `connect_station` and `DockingStation.camera` raise."""
        return await (await self.station()).camera(bay)

    async def tidy(self) -> None:
        """Closes a link that was lost, so that what follows finds its port free; one that is live is left alone."""
        async with self._lock:
            await self._drop_lost()

    async def _drop_lost(self) -> None:
        if self._station is not None and self._station.connection.error is not None:
            await self._drop()

    async def _drop(self) -> None:
        station, self._station = self._station, None
        if station is not None:
            await station.close()

    async def close(self) -> None:
        """Ends it; idempotent."""
        async with self._lock:
            await self._drop()

"""Keeps the light of each bay saying what is known of its camera, as long as this program lives (spec: Station).

A verdict is said for a minute and a half, and again every half minute. When this program dies its word ends by itself,
and the light says no more than the station knows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import BayState, BayStatus, BayVerdict
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.errors import BwcError, CommandError

log = logging.getLogger(__name__)

LEASE_S: Final = 90
"""Three looks at the bays: one that comes late, or one that is lost, does not put a light out."""
AGAIN_S: Final = 60
"""A verdict of which less is left is said again."""
TAKE_BACK_S: Final = 5.0
"""A program that ends does not wait longer for its station."""


class BayLights:
    """What was said at the bays of one station, over one link."""

    def __init__(self, station: DockingStation) -> None:
        self._station = station
        self._said: dict[int, tuple[int, BayVerdict]] = {}  # docking and verdict, of each bay

    @property
    def there(self) -> bool:
        """Whether the station has lights that a host can speak by."""
        return bool(self._station.peer.capabilities & Capability.BAY_LIGHTS)

    async def say(self, bay: BayStatus, verdict: BayVerdict) -> bool:
        """Has the light of a bay say it of the camera that is in it, and go on saying it; whether that is new. What
        this program did not say it does not take back. Raises what a lost station raises."""
        if not self.there or bay.state is BayState.QUARANTINE:
            return False
        now, before = (bay.docking, verdict), self._said.get(bay.bay, (bay.docking, BayVerdict.NONE))
        kept = bay.verdict is verdict and (bay.verdict_lease_s > AGAIN_S or verdict is BayVerdict.NONE)
        if now == before and (kept or verdict is BayVerdict.NONE):
            return False
        seconds = 0 if verdict is BayVerdict.NONE else LEASE_S
        try:
            await self._station.bays.verdict(
                bay=bay.bay, docking=bay.docking, verdict=verdict, seconds=seconds
            )
        except CommandError as error:  # it was taken out meanwhile, or got hot: the next look tells
            log.info("bay %d says nothing: %s", bay.bay, error)
            return False
        self._said[bay.bay] = now
        return now != before

    async def take_back(self) -> None:
        """Says nothing any more of what this program said and is still said, before it ends. Raises nothing that a
        station raises: what cannot be taken back ends with its lease."""
        try:
            async with asyncio.timeout(TAKE_BACK_S):
                for bay in await self._station.bays.list() if self._said else ():
                    said = self._said.get(bay.bay)
                    if said == (bay.docking, bay.verdict) and bay.verdict is not BayVerdict.NONE:
                        await self.say(bay, BayVerdict.NONE)
        except (BwcError, TimeoutError) as error:
            log.info("the lights end by themselves within %d s: %s", LEASE_S, error)

"""Checks many cameras at once: one that cannot be reached is told, and keeps no other one waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bwc_sdk.clients.closed_bay import why_closed
from bwc_sdk.errors import BwcError
from bwc_sdk.fitness.asking import ask
from bwc_sdk.fitness.facts import Facts
from bwc_sdk.fitness.judging import judge
from bwc_sdk.fitness.limits import Limits
from bwc_sdk.fitness.verdict import Verdict

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.clients.station import DockingStation

Connect = Callable[[], AbstractAsyncContextManager["Camera"]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A camera that was reached."""

    facts: Facts
    verdict: Verdict
    checked_by: str
    """How this host is called in the session."""


async def check(camera: Camera, limits: Limits, *, self_test: bool = True) -> Checked:
    """Checks a connected camera. Raises what ended the connection."""
    facts = await ask(camera, self_test=self_test)
    return Checked(facts, judge(facts, limits), camera.host_name)


async def check_many(
    cameras: Mapping[str, Connect], limits: Limits, *, self_test: bool = True
) -> dict[str, Checked | BwcError]:
    """What becomes of each camera, by its slot: all are asked at once."""

    async def one(connect: Connect) -> Checked | BwcError:
        try:
            async with connect() as camera:
                return await check(camera, limits, self_test=self_test)
        except BwcError as error:
            return error

    found = await asyncio.gather(*(one(connect) for connect in cameras.values()))
    return dict(zip(cameras, found, strict=True))


async def check_station(
    station: DockingStation, limits: Limits, *, self_test: bool = True
) -> dict[str, Checked | BwcError]:
    """The same for every camera that stands in a bay of a station. Raises what the station answers with."""
    bays = [bay for bay in await station.bays.list() if bay.present]
    closed = {bay.bay: why_closed(station.connection.driver.transport, bay) for bay in bays}
    cameras = {f"bay {bay}": partial(station.camera, bay) for bay, error in closed.items() if error is None}
    found = await check_many(cameras, limits, self_test=self_test)
    return {f"bay {bay}": found[f"bay {bay}"] if error is None else error for bay, error in closed.items()}

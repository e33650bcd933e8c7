"""Asks a connected camera what its fitness is judged by. Changes nothing on it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bwc_sdk.clients.waiting_settings import waiting_of
from bwc_sdk.connection.validity import days_left
from bwc_sdk.errors import BwcError
from bwc_sdk.fitness.facts import Facts

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

T = TypeVar("T")

ROUNDS: Final = 4
"""Of the exchange of time stamps: the clock has to be right to seconds, and the check is to be over soon."""
SELF_TEST_S: Final = 60.0
"""A camera writes and reads storage, and records a second of sound: longer than a reply usually takes."""


async def ask(camera: Camera, *, self_test: bool = True) -> Facts:
    """The facts of one camera, in a few round trips: all is asked at once, but the clock, which is measured while the
    link is idle. Raises what ended the connection; what the camera refuses stands in the facts."""
    world = camera.world
    host_time = await world.workers.wait(world.host_time)
    offset = await _said(camera, camera.clock.measure(ROUNDS))
    battery, storage, status, clock, assignment, settings, waiting, report = await asyncio.gather(
        _said(camera, camera.battery.status()),
        _said(camera, camera.storage.status()),
        _said(camera, camera.device.status()),
        _said(camera, camera.clock.read()),
        _said(camera, camera.assignment.read()),
        _said(camera, camera.config.values()),
        _said(camera, waiting_of(camera.config)),
        _tested(camera) if self_test else _nothing(),
    )
    utc_s = world.utc_ns() / 1e9
    certificate = camera.peer.certificate
    return Facts(
        identity=camera.identity,
        utc_s=utc_s,
        host_time=host_time,
        battery=battery,
        storage=storage,
        status=status,
        clock=clock,
        offset=offset,
        assignment=assignment,
        settings=settings,
        waiting=waiting,
        self_test=report,
        certificate_days=None if certificate is None else days_left(certificate, utc_s),
    )


async def _tested(camera: Camera) -> Any:
    connection = camera.connection
    connection.call_timeout_s = max(connection.call_timeout_s, SELF_TEST_S)
    return await _said(camera, camera.device.self_test())


async def _nothing() -> None:
    return None


async def _said(camera: Camera, asked: Coroutine[Any, Any, T]) -> T | BwcError:
    try:
        return await asked
    except BwcError as error:
        if camera.error is not None:
            raise camera.error from error
        return error

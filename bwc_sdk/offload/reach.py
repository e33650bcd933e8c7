"""Keeps a camera within reach: connects again, in bounded attempts, and only to the same one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    CommandTimeout,
    DeviceBusy,
    LinkError,
    ProtocolViolation,
    SessionError,
    SessionRefused,
    TransportError,
    VersionMismatch,
    WrongDevice,
)
from bwc_sdk.offload.events import ConnectionLost, OffloadEvent, Reconnected
from bwc_sdk.offload.policy import OffloadPolicy

if TYPE_CHECKING:
    from bwc_sdk.camera import Camera

T = TypeVar("T")
log = logging.getLogger(__name__)

Connect = Callable[[], Awaitable["Camera"]]

TROUBLE: Final = (TransportError, LinkError, SessionError, ProtocolViolation, CommandTimeout)
"""What a new connection may mend."""
_FINAL: Final = (WrongDevice, VersionMismatch, SessionRefused)
"""What it does not."""


class GaveUp(Exception):
    """The camera is out of reach for good; `error` says why."""

    def __init__(self, error: BwcError) -> None:
        super().__init__(str(error))
        self.error = error


def is_trouble(error: BwcError) -> bool:
    """Whether it is worth connecting again."""
    if isinstance(error, CommandError):
        return error.code is ErrorCode.BUSY
    return isinstance(error, TROUBLE) and not isinstance(error, _FINAL)


class Reach:
    """The camera, and how to get it back."""

    def __init__(
        self,
        connect: Connect,
        policy: OffloadPolicy,
        entropy: Callable[[int], bytes],
        tell: Callable[[OffloadEvent], None],
    ) -> None:
        self._connect = connect
        self._policy = policy
        self._entropy = entropy
        self._tell = tell
        self._camera: Camera | None = None
        self._identity = ""
        self._attempt = 0
        self._progress_seen = 0
        self.reconnections = 0

    async def first(self) -> Camera:
        """Connects. Raises what `connect` raises: a wrong cable is told at once, not after minutes."""
        self._camera = await self._connect()
        self._identity = self._camera.identity
        return self._camera

    async def keep(self, act: Callable[[Camera], Awaitable[T]], progress: Callable[[], int]) -> T:
        """The result of `act`, begun again with a new connection whenever the old one ends.

        `progress` is any number that grows when something was achieved. Raises `GaveUp` after
        `policy.attempts` connections in a row that achieved nothing, and the errors of `act` that no new
        connection mends.
        """
        while True:
            try:
                assert self._camera is not None
                return await act(self._camera)
            except BwcError as error:
                if not is_trouble(error):
                    raise
                await self._again(error, progress())

    async def _again(self, error: BwcError, progress: int) -> None:
        await self.close()
        if progress != self._progress_seen:
            self._progress_seen, self._attempt = progress, 0
        while is_trouble(error) and self._attempt < self._policy.attempts:
            self._attempt += 1
            wait_s = self._policy.wait_s(self._attempt, self._entropy)
            if isinstance(error, DeviceBusy | CommandError):
                wait_s = min(max(wait_s, error.retry_after_s), self._policy.longest_wait_s)
            log.info("%s; attempt %d in %.1f s", error, self._attempt, wait_s)
            self._tell(ConnectionLost(error, self._attempt, wait_s))
            await asyncio.sleep(wait_s)
            try:
                await self._same_camera()
                return
            except BwcError as failed:
                error = failed
        raise GaveUp(error)

    async def _same_camera(self) -> None:
        camera = self._camera = await self._connect()
        if camera.identity != self._identity:
            await self.close()
            rule = f"it is {camera.identity!r} now, and was {self._identity!r}"
            raise WrongDevice(rule, device=camera.name)
        self.reconnections += 1
        self._tell(Reconnected())

    async def close(self) -> None:
        """Ends the connection, if there is one."""
        camera, self._camera = self._camera, None
        if camera is not None:
            await camera.close()

"""Keeps a camera within reach: connects again, in bounded attempts, and only to the same one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.connection.counters import Counters
from bwc_sdk.errors import (
    BwcError,
    CertificateExpired,
    CommandError,
    CommandTimeout,
    DeviceBusy,
    DeviceLost,
    LinkError,
    OutcomeUnknown,
    ProtectionMismatch,
    ProtocolViolation,
    SessionError,
    SessionRefused,
    StreamStalled,
    TransportError,
    VersionMismatch,
    WrongDevice,
)
from bwc_sdk.offload.events import ConnectionLost, OffloadEvent, Reconnected
from bwc_sdk.offload.policy import OffloadPolicy

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

T = TypeVar("T")
log = logging.getLogger(__name__)

Connect = Callable[[], Awaitable["Camera"]]

_PASSING: Final = (TransportError, LinkError, SessionError, CommandTimeout)
"""What a new connection may mend."""
_LASTING: Final = (WrongDevice, VersionMismatch, ProtectionMismatch, SessionRefused, CertificateExpired)
"""What it does not, although it is of those kinds."""


class Unreached(Exception):
    """What was to be done with the camera was not done; `error` says why."""

    def __init__(self, error: BwcError) -> None:
        super().__init__(str(error))
        self.error = error


class GaveUp(Unreached):
    """The camera cannot be connected to any more, or it is another one."""


class Failed(Unreached):
    """The camera was reached, and this attempt failed."""

    @property
    def passing(self) -> bool:
        """Whether another attempt may succeed."""
        return _passes(self.error)

    @property
    def stalled(self) -> bool:
        """Whether the camera was in no hurry with this, and may well give something else."""
        return isinstance(self.error, StreamStalled | CommandTimeout)


def _passes(error: BwcError) -> bool:
    if isinstance(error, CommandError):
        return error.code is ErrorCode.BUSY
    if isinstance(error, OutcomeUnknown):
        return error.safe_to_repeat  # a receipt, an erasure: asked again, the answer tells
    return isinstance(error, _PASSING) and not isinstance(error, _LASTING)


class Reconnector:
    """The camera, and how to get it back."""

    def __init__(
        self,
        connect: Connect,
        policy: OffloadPolicy,
        entropy: Callable[[int], bytes],
        emit: Callable[[OffloadEvent], None],
        greet: Callable[[Camera], Awaitable[None]],
    ) -> None:
        """`greet` is called with each new connection, before anything else is asked of it; it raises nothing."""
        self._connect = connect
        self._policy = policy
        self._entropy = entropy
        self._emit = emit
        self._greet = greet
        self._camera: Camera | None = None
        self._identity = ""
        self._error: BwcError = DeviceLost("not connected")
        self.reconnections = 0
        self._counted = Counters()  # by connections that have ended

    async def first(self) -> Camera:
        """Connects. Raises what `connect` raises: a wrong cable is reported at once, not after minutes."""
        self._camera = await self._connect()
        self._identity = self._camera.identity
        await self._greet(self._camera)
        return self._camera

    async def attempt(self, act: Callable[[Camera], Awaitable[T]], fruitless: int = 0) -> T:
        """The result of `act`, with a new connection if the old one ended.

        The more attempts in a row were `fruitless` before, the longer the camera is given. Raises `Failed` when `act`
        raises an error, which ends the connection, and `GaveUp` when none comes about in `policy.attempts`.
        """
        camera = self._camera or await self._regain(fruitless)
        try:
            return await act(camera)
        except BwcError as error:
            await self.close()
            self._error = error
            raise Failed(error) from error

    async def keep(self, act: Callable[[Camera], Awaitable[T]]) -> T:
        """The result of `act`, tried again while it may succeed, `policy.attempts` times. Raises `Unreached`."""
        for fruitless in range(self._policy.attempts):
            try:
                return await self.attempt(act, fruitless)
            except Failed as failed:
                if not failed.passing:
                    raise
        return await self.attempt(act, self._policy.attempts)

    async def _regain(self, before: int) -> Camera:
        for attempt in range(before + 1, before + self._policy.attempts + 1):
            wait_s = self._policy.wait_s(attempt, self._entropy)
            if isinstance(self._error, DeviceBusy | CommandError):
                wait_s = min(max(wait_s, self._error.retry_after_s), self._policy.longest_wait_s)
            log.info("%s; attempt %d in %.1f s", self._error, attempt, wait_s)
            self._emit(ConnectionLost(self._error, attempt, wait_s))
            await asyncio.sleep(wait_s)
            try:
                return await self._same_camera()
            except BwcError as error:
                self._error = error
                if not _passes(error) and not isinstance(error, ProtocolViolation):
                    break  # what a device sends while it boots may look like anything
        raise GaveUp(self._error)

    async def _same_camera(self) -> Camera:
        camera = self._camera = await self._connect()
        if camera.identity != self._identity:
            await self.close()
            rule = f"it is {camera.identity!r} now, and was {self._identity!r}"
            raise WrongDevice(rule, device=camera.name)
        self.reconnections += 1
        self._emit(Reconnected())
        await self._greet(camera)
        return camera

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._camera is not None and self._camera.error is None

    @property
    def error(self) -> BwcError:
        """Why there is none, or what the last one ended with."""
        return (self._camera.error if self._camera is not None else None) or self._error

    @property
    def counters(self) -> Counters:
        """What all connections counted until now."""
        return self._counted if self._camera is None else self._counted + self._camera.counters

    async def close(self) -> None:
        """Ends the connection, if there is one."""
        camera, self._camera = self._camera, None
        if camera is not None:
            try:
                await camera.close()
            finally:
                self._counted += camera.counters

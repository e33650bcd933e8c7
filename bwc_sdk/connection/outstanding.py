"""Requests of a connection whose replies are still to come: each is answered once, or has waited too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from bwc_protocol.declare import Request
from bwc_sdk.errors import BwcError


class Asked(NamedTuple):
    """A request on its way."""

    request: Request[Any]
    reply: asyncio.Future[Any]
    due: float
    """When it is given up."""


class Outstanding:
    """What was asked and not answered. `no_reply` says what a request that has waited too long ends with."""

    def __init__(self, no_reply: Callable[[Request[Any]], BwcError]) -> None:
        self._no_reply = no_reply
        self._replies: dict[int, Asked] = {}
        self._watch: asyncio.TimerHandle | None = None  # when the first of them has waited too long

    def __len__(self) -> int:
        return len(self._replies)

    def add(self, request_id: int, request: Request[Any], timeout_s: float) -> asyncio.Future[Any]:
        """A request that was sent now; gives what becomes of it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        due = loop.time() + timeout_s
        self._replies[request_id] = Asked(request, future, due)
        if self._watch is None or due < self._watch.when():
            self._watch_until(due)
        return future

    def get(self, request_id: int) -> Asked | None:
        """The request of that number, unless nobody waits for it."""
        return self._replies.get(request_id)

    def remove(self, request_id: int) -> None:
        """Nobody waits for it any more."""
        del self._replies[request_id]

    def settle(self, request_id: int, reply: Any, error: BwcError | None) -> None:
        """A reply has come, or an error instead of one."""
        asked = self._replies.get(request_id)
        if asked is None or asked.reply.done():
            return
        if error is not None:
            asked.reply.set_exception(error)
        else:
            asked.reply.set_result(reply)

    def end(self) -> list[Asked]:
        """The connection is over: what still waits, for whoever says what becomes of it."""
        self._watch_until(None)
        return [asked for asked in self._replies.values() if not asked.reply.done()]

    def _watch_until(self, due: float | None) -> None:
        """One timer for all that is asked: one a request would cost more than the request."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = None
        if due is not None:
            self._watch = asyncio.get_running_loop().call_at(due, self._look_at_watch)

    def _look_at_watch(self) -> None:
        now = asyncio.get_running_loop().time()
        for asked in list(self._replies.values()):
            if asked.due <= now and not asked.reply.done():
                asked.reply.set_exception(self._no_reply(asked.request))
        waiting = [asked.due for asked in self._replies.values() if not asked.reply.done()]
        self._watch_until(min(waiting, default=None))

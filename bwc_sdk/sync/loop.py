"""The one loop thread behind the blocking twin (spec of behaviour: README, "Blocking programs").

Started on first use, one a process. Ctrl-C in the calling thread cancels the operation; calling from the loop
thread raises instead of waiting for itself; after a fork the handles of the parent are dead.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Final, Generic, TypeVar

from bwc_sdk.errors import BwcError

T = TypeVar("T")
CANCEL_S: Final = 5.0
"""How long a cancelled operation may take to end: a farewell and the closing of a port."""


class CallTimeout(BwcError):
    """Raised when a blocking call did not end within the `timeout` that its caller gave; it was cancelled."""

    layer = "sdk"


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="bwc-loop", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """The result of `work`, waited for. Raises `CallTimeout` after `timeout` seconds."""
        if os.getpid() != self.pid:
            work.close()
            raise RuntimeError(
                "this handle belongs to the process that was forked; connect again in this one"
            )
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a blocking call in the loop's own thread would wait for itself for ever")
        operation = _Operation(self.loop, work, timeout)
        try:
            self.loop.call_soon_threadsafe(operation.start)
            return operation.outcome.result()
        except BaseException:
            # Ctrl-C lands here, in the caller's thread, wherever it was: end the work, and wait until it has
            # ended. If it does not, the loop is stuck in somebody's callback; nothing more can be done from here.
            if not operation.outcome.done():
                self.loop.call_soon_threadsafe(operation.give_up)
                operation.ended.wait(CANCEL_S)
            raise


class _Operation(Generic[T]):
    """One call of another thread: a task on the loop that can be given up at any point of its life."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], timeout: float | None
    ) -> None:
        self.outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.ended = threading.Event()
        self._loop = loop
        self._work = work
        self._timeout = timeout
        self._task: asyncio.Task[T] | None = None

    # On the loop

    def start(self) -> None:
        self._task = self._loop.create_task(_bounded(self._work, self._timeout))
        self._task.add_done_callback(self._finished)

    def give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self._work.close()
            self.ended.set()

    def _finished(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.outcome.cancel()
        elif error := task.exception():
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())
        self.ended.set()


async def _bounded(work: Coroutine[Any, Any, T], timeout: float | None) -> T:
    if timeout is None:
        return await work
    try:
        async with asyncio.timeout(timeout) as scope:
            return await work
    except TimeoutError as error:
        if scope.expired():
            raise CallTimeout(f"not done after {timeout:g} s") from error
        raise


_lock = threading.Lock()
_threads: dict[int, LoopThread] = {}


def loop_thread() -> LoopThread:
    """This process's loop thread; a forked child gets its own."""
    with _lock:
        pid = os.getpid()
        if pid not in _threads:
            _threads.clear()
            _threads[pid] = LoopThread()
        return _threads[pid]


class BlockingIterator(Generic[T], Iterator[T]):
    """An async iterator, one item at a time. An iterator that is abandoned is closed."""

    def __init__(self, thread: LoopThread, items: AsyncIterator[T], timeout: float | None = None) -> None:
        self._thread = thread
        self._items = items
        self._timeout = timeout

    def __iter__(self) -> BlockingIterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return self._thread.run(_next(self._items), self._timeout)
        except _Ended:
            raise StopIteration from None

    def close(self) -> None:
        """Ends the iteration; what it holds is released."""
        close = getattr(self._items, "aclose", None)
        if close is not None:
            self._thread.run(close())

    def __del__(self) -> None:
        close = getattr(self._items, "aclose", None)
        if close is not None and os.getpid() == self._thread.pid and self._thread.loop.is_running():
            asyncio.run_coroutine_threadsafe(close(), self._thread.loop)


async def _next(items: AsyncIterator[T]) -> T:
    try:
        return await anext(items)
    except StopAsyncIteration as error:
        raise _Ended from error


class _Ended(Exception):
    """A coroutine cannot raise StopAsyncIteration through a future."""

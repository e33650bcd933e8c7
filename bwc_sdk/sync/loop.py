"""The one loop thread behind the blocking twin (spec of behaviour: docs/dock-programs.md).

Started on first use, one a process. Ctrl-C in the calling thread cancels the operation; calling from the loop
thread raises instead of waiting for itself; after a fork the handles of the parent are dead.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import warnings
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from bwc_sdk.errors import BwcError, ForkedHandle
from bwc_sdk.host.exhaustion import lack_of
from bwc_sdk.host.forking import in_child

T = TypeVar("T")
CANCEL_S: Final = 5.0
"""How long a cancelled operation may take to end: a farewell and the closing of a port."""

LOOK_S: Final = 1.0
"""How often a caller that waits looks for signals. One that comes just before a wait begins does not end it."""


class CallTimeout(BwcError):
    """Raised when a blocking call did not end within the `timeout` that its caller gave: the call was cancelled.

    From an iteration it says only that nothing came for so long: the iteration goes on with the next `next()`.
    """

    layer = "sdk"


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        try:
            self.loop = asyncio.new_event_loop()
        except OSError as error:
            raise lack_of(error) from error
        self._thread = threading.Thread(target=self._main, name="bwc-loop", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self.loop.close()
            raise lack_of(error) from error

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """The result of `work`, waited for. Raises `CallTimeout` after `timeout` seconds."""
        if os.getpid() != self.pid:
            work.close()
            raise ForkedHandle(
                "this handle belongs to the process that was forked",
                advice="connect again in this process, or start it by spawn",
            )
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a blocking call in the loop's own thread would wait for itself for ever")
        operation = _Operation(self.loop, work, timeout)
        try:
            self.loop.call_soon_threadsafe(operation.start)
            while not operation.outcome.done():
                with suppress(TimeoutError, concurrent.futures.CancelledError):
                    operation.outcome.exception(LOOK_S)
            return operation.outcome.result()
        except BaseException:
            # Ctrl-C lands here, in the caller's thread, wherever it was: end the work, and wait until it has
            # ended. If it does not, the loop is stuck in somebody's callback; nothing more can be done from here.
            if not operation.outcome.done():
                self.loop.call_soon_threadsafe(operation.give_up)
                operation.ended.wait(CANCEL_S)
            raise
        finally:
            # It holds the error, whose traceback holds this frame and what the caller let go of.
            del operation


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
_of_parents: list[LoopThread] = []
"""Kept for ever: a loop that is let go of closes itself, and with it what the parent watches."""


def _renew() -> None:
    global _lock
    _lock = threading.Lock()
    _of_parents.extend(_threads.values())
    _threads.clear()


in_child(_renew)


def loop_thread() -> LoopThread:
    """This process's loop thread; a forked child gets its own."""
    with _lock:
        pid = os.getpid()
        if pid not in _threads:
            _threads[pid] = LoopThread()
        return _threads[pid]


class Droppable(Protocol):
    """A connection, as far as it matters when its handle is gone."""

    name: str

    @property
    def error(self) -> BwcError | None: ...

    def dropped(self) -> None: ...


def drop(thread: LoopThread, connection: Droppable) -> None:
    """Warns of a handle that nobody has any more and that was not closed."""
    if os.getpid() == thread.pid and thread.loop.is_running() and connection.error is None:
        connection.dropped()
        warnings.warn(f"unclosed connection to {connection.name}: use 'with'", ResourceWarning, stacklevel=2)


class BlockingIterator(Generic[T], Iterator[T]):
    """An async iterator, one item at a time, as a context manager too.

    It ends with its last item, with an error, with `close` or Ctrl-C, and when it is abandoned; everything that it
    holds is then released. A `CallTimeout` does not end it: the item that was waited for, and all after it, come with
    the next calls. Threads may share it: each item goes to one of them.
    """

    def __init__(self, thread: LoopThread, items: AsyncIterator[T], timeout: float | None = None) -> None:
        self._thread = thread
        self._items = items
        self._timeout = timeout
        self._pending: asyncio.Task[T] | None = None  # the next item, from its request until it is taken
        self._releasing: asyncio.Task[None] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """The next item. Raises `CallTimeout` when none came within `timeout` seconds; it may be called again."""
        try:
            return self._thread.run(self._take())
        except _Ended:
            raise StopIteration from None
        except KeyboardInterrupt:
            # In any case: it may have come in the moment in which the item did, and taken it along.
            ending = asyncio.run_coroutine_threadsafe(self._end(), self._thread.loop)
            concurrent.futures.wait((ending,), CANCEL_S)
            raise

    def close(self) -> None:
        """Ends the iteration; what it holds is released. Idempotent."""
        self._thread.run(self._end())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        alive = os.getpid() == self._thread.pid and self._thread.loop.is_running()
        if alive and self._releasing is None:
            asyncio.run_coroutine_threadsafe(_release(self._pending, self._items), self._thread.loop)

    # On the loop

    async def _take(self) -> T:
        loop = asyncio.get_running_loop()
        until = None if self._timeout is None else loop.time() + self._timeout
        while self._releasing is None:
            if self._pending is None:
                self._pending = asyncio.create_task(_next(self._items))
            item = self._pending
            try:
                # Unlike `wait_for`, this leaves alone what it waits for: a generator that is cancelled is at its end.
                await asyncio.wait((item,), timeout=None if until is None else max(0.0, until - loop.time()))
                if not item.done():
                    raise CallTimeout(f"nothing came within {self._timeout:g} s")
                if item is self._pending:  # else another thread has taken it
                    self._pending = None
                    return item.result()
            finally:
                del item  # its error holds this frame, and would be held by it
        raise _Ended

    async def _end(self) -> None:
        if self._releasing is None:
            pending, self._pending = self._pending, None
            self._releasing = asyncio.create_task(_release(pending, self._items))
        await asyncio.wait((self._releasing,))
        self._releasing.result()


async def _release(pending: asyncio.Task[T] | None, items: AsyncIterator[T]) -> None:
    """Ends an iteration, also in the middle of waiting for an item."""
    if pending is not None:
        pending.cancel()  # of one that failed it says that nobody asks for its error any more
        await asyncio.wait((pending,))
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()


async def _next(items: AsyncIterator[T]) -> T:
    try:
        return await anext(items)
    except StopAsyncIteration as error:
        raise _Ended from error


class _Ended(Exception):
    """A coroutine cannot raise StopAsyncIteration through a future."""

"""Blocking work beside the event loop: hashing, writing, fsync.

Not `concurrent.futures`: a hand-over there costs the loop two futures, three locks and a waking byte, 50 us where
this takes 15 (35 and 26 while others want both cores), for every megabyte that is received; and each is a moment in
which the interpreter lock changes hands.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar

from bwc_sdk.host.exhaustion import lack_of
from bwc_sdk.host.forking import in_child

T = TypeVar("T")

WAITERS: Final = 8
"""Threads for work that waits for the medium. A file system writes its journal once for all that wait at the same
time; more threads gain little."""


class Workers(Protocol):
    """Runs blocking work beside the event loop."""

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work(*args)`. Work that has begun goes on when the caller is cancelled."""

    async def wait(self, work: Callable[..., T], *args: Any) -> T:
        """The same for work that mostly waits, as a sync does: it keeps nobody's hashing waiting."""


class ThreadWorkers:
    """Two small pools of threads: one about as large as there are cores, since hashing and writing release the
    interpreter lock, and one for work that waits for the medium.

    Were they one, the syncs of a few files would take all threads of it, and everything that arrives meanwhile from
    other cameras would wait for them. The threads are daemons and serve every event loop of the process.
    """

    def __init__(self, threads: int | None = None, waiters: int = WAITERS) -> None:
        self._busy = _Threads("bwc-worker", threads or max(2, os.cpu_count() or 2))
        self._waiting = _Threads("bwc-waiter", waiters)

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        return await self._busy.run(work, *args)

    async def wait(self, work: Callable[..., T], *args: Any) -> T:
        return await self._waiting.run(work, *args)


class InlineWorkers:
    """Runs the work at once, on the loop: for virtual time, where a thread would break determinism."""

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        return work(*args)

    async def wait(self, work: Callable[..., T], *args: Any) -> T:
        return work(*args)


class _Threads:
    """At most `limit` threads, begun as they are needed. Raises `HostExhausted` where not even one can be had."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self.renew()
        _pools.add(self)

    def renew(self) -> None:
        """Begins without threads and without work, as a forked child has to: the threads are its parent's."""
        self._started = 0
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = (
            weakref.WeakKeyDictionary()
        )

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            mailbox = self._mailboxes[loop] = _Mailbox(loop)
        if self._started < self._limit:
            self._start()
        job = _Job(work, args, loop.create_future(), mailbox)
        self._jobs.put(job)
        result: T = await job.future
        return result

    def _start(self) -> None:
        with self._lock:
            if self._started >= self._limit:
                return
            name = f"{self._name}-{self._started + 1}"
            try:
                threading.Thread(target=self._work, args=(self._jobs,), name=name, daemon=True).start()
            except RuntimeError as error:
                if not self._started:
                    raise lack_of(error) from error
                return  # those that there are do it all, more slowly
            self._started += 1

    @staticmethod
    def _work(jobs: SimpleQueue[_Job]) -> None:
        while True:
            job = jobs.get()
            try:
                job.result = job.work(*job.args)
            except BaseException as error:
                job.error = error
            job.mailbox.put(job)
            del job  # whatever it holds is not held until the next one comes


_pools: Final[weakref.WeakSet[_Threads]] = weakref.WeakSet()


def _renew_all() -> None:
    for pool in list(_pools):
        pool.renew()


in_child(_renew_all)


class _Job:
    """One piece of work, and who waits for it."""

    __slots__ = ("args", "error", "future", "mailbox", "result", "work")

    def __init__(
        self, work: Callable[..., Any], args: tuple[Any, ...], future: asyncio.Future[Any], mailbox: _Mailbox
    ) -> None:
        self.work = work
        self.args = args
        self.future = future
        self.mailbox = mailbox
        self.result: Any = None
        self.error: BaseException | None = None


class _Mailbox:
    """Jobs that are done, on their way back to one loop, which is woken once for all that wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._done: deque[_Job] = deque()
        self._woken = False

    def put(self, job: _Job) -> None:
        """From a worker. Append, then look: whoever empties the box first says that the next one has to wake."""
        self._done.append(job)
        loop = self._loop()
        if not self._woken and loop is not None:
            self._woken = True
            try:
                loop.call_soon_threadsafe(self._empty)
            except RuntimeError:
                pass  # the loop has ended; nobody is left to be told

    def _empty(self) -> None:
        self._woken = False
        while self._done:
            job = self._done.popleft()
            if job.future.done():
                continue  # its waiter was cancelled
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

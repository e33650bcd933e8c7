"""Waiting for work in threads, which nobody can interrupt.

A thread goes on whatever happens on the loop; the file that it writes may be closed only after it. So a waiter
that is cancelled waits on, starts nothing new, and raises the cancellation afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(work: Awaitable[T]) -> T:
    """The result of `work`, waited for even if the waiter is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    await all_settled((task,))
    return task.result()


async def opened(work: Awaitable[T], close: Callable[[T], None]) -> T:
    """The same for something that is opened: a waiter that is cancelled meanwhile would never close it."""
    task = asyncio.ensure_future(work)
    try:
        await all_settled((task,))
    except asyncio.CancelledError:
        if not task.cancelled() and task.exception() is None:
            close(task.result())
        raise
    return task.result()


async def all_settled(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Waits until all of `tasks` are done; their results are looked at by whoever wants them."""
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen
    if cancelled is not None:
        raise cancelled


async def spread(jobs: Iterable[Callable[[], Awaitable[None]]], width: int) -> None:
    """Does `jobs`, at most `width` at once. After the first error, or a cancellation, none is begun."""
    running: set[asyncio.Future[None]] = set()
    try:
        for job in jobs:
            running.add(asyncio.ensure_future(job()))
            if len(running) == width:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in running if task.done()]:
                    running.remove(task)
                    task.result()
        await all_settled(running)
        for task in running:
            task.result()
    finally:
        await all_settled(running)

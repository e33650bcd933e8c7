"""A thread cannot be interrupted: whoever is cancelled waits for it, and begins nothing new."""

import asyncio
import threading

import pytest

from bwc_sdk.host.world import ThreadWorkers
from bwc_sdk.offload.waiting import settled, spread


def test_a_cancelled_waiter_ends_only_after_the_thread() -> None:
    begun, finish = threading.Event(), threading.Event()
    ended: list[str] = []

    def write() -> None:
        begun.set()
        assert finish.wait(10)
        ended.append("thread")

    async def main() -> None:
        workers = ThreadWorkers(1)
        waiter = asyncio.create_task(settled(workers.run(write)))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(3):  # however impatient
            waiter.cancel()
            await asyncio.sleep(0)
        assert not waiter.done()
        finish.set()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        ended.append("waiter")

    asyncio.run(main())
    assert ended == ["thread", "waiter"]


def test_jobs_run_at_once_only_as_many_as_allowed_and_stop_at_the_first_error() -> None:
    async def main() -> tuple[int, int]:
        running = most = begun = 0

        async def job(number: int) -> None:
            nonlocal running, most, begun
            begun += 1
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            if number == 7:
                raise OSError("injected")

        with pytest.raises(OSError):
            await spread((lambda number=number: job(number) for number in range(100)), 3)
        assert running == 0
        return most, begun

    most, begun = asyncio.run(main())
    assert most == 3
    assert begun <= 10

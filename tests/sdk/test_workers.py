"""Blocking work beside the loop: each piece is answered once, on its own loop, whatever becomes of its caller."""

import asyncio
import threading

import pytest

from bwc_sdk.host.workers import ThreadWorkers


def test_results_and_errors_come_back_to_the_caller() -> None:
    async def main() -> None:
        workers = ThreadWorkers(2)
        results = await asyncio.gather(*(workers.run(pow, n, 2) for n in range(500)))
        assert results == [n * n for n in range(500)]
        with pytest.raises(ZeroDivisionError):
            await workers.run(divmod, 1, 0)
        assert await workers.run(len, b"next") == 4  # the thread has survived the error

    asyncio.run(main())


def test_the_loop_goes_on_while_a_worker_blocks() -> None:
    async def main() -> None:
        workers, gate = ThreadWorkers(1), threading.Event()
        blocked = asyncio.ensure_future(workers.run(gate.wait, 30))
        await asyncio.sleep(0)
        assert not blocked.done()
        gate.set()
        assert await blocked

    asyncio.run(main())


def test_no_more_threads_than_asked_for() -> None:
    async def main() -> None:
        workers = ThreadWorkers(2)
        names = await asyncio.gather(
            *(workers.run(lambda: threading.current_thread().name) for _ in range(200))
        )
        assert len(set(names)) <= 2

    asyncio.run(main())


def test_work_goes_on_when_its_caller_is_cancelled() -> None:
    async def main() -> None:
        workers, gate, done = ThreadWorkers(1), threading.Event(), threading.Event()

        def work() -> None:
            gate.wait(30)
            done.set()

        task = asyncio.ensure_future(workers.run(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        assert await workers.run(done.is_set)  # its late result disturbed nobody

    asyncio.run(main())


def test_one_pool_serves_loop_after_loop() -> None:
    workers = ThreadWorkers(1)
    assert asyncio.run(workers.run(len, b"one")) == 3
    assert asyncio.run(workers.run(len, b"three")) == 5


def test_a_loop_that_has_ended_harms_no_worker() -> None:
    workers, gate = ThreadWorkers(1), threading.Event()

    async def leave() -> None:
        left = asyncio.ensure_future(workers.run(gate.wait, 30))
        await asyncio.sleep(0)
        assert not left.done()

    asyncio.run(leave())
    gate.set()
    assert asyncio.run(workers.run(len, b"alive")) == 5

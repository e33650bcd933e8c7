"""Virtual time: nothing waits, nothing is skipped, and a run that cannot end says so."""

import asyncio
import socket
import threading

import pytest

from firmware_sim.virtual_time import Deadlock, TimeLimit, VirtualTimeLoop, run_virtual


def loop() -> VirtualTimeLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    return running


def test_hours_pass_at_once_and_timers_fire_in_order_at_their_time() -> None:
    fired: list[tuple[str, float]] = []

    async def wait(name: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        fired.append((name, loop().time()))

    async def main() -> float:
        await asyncio.gather(wait("late", 36_000), wait("early", 0.005), wait("middle", 60))
        return loop().time()

    assert run_virtual(main(), start_s=100.0) == pytest.approx(36_100.0)
    assert [name for name, _ in fired] == ["early", "middle", "late"]
    assert [at for _, at in fired] == pytest.approx([100.005, 160.0, 36_100.0])


def test_a_timeout_expires_only_at_its_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return loop().time()

    assert run_virtual(main()) == pytest.approx(5.0)


def test_ready_callbacks_run_before_time_moves() -> None:
    async def main() -> float:
        timer = asyncio.ensure_future(asyncio.sleep(1))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not timer.done()
        return loop().time()

    assert run_virtual(main()) == 0.0


def test_time_stands_still_while_a_job_is_in_an_executor_and_then_goes_on() -> None:
    release = threading.Event()

    async def main() -> float:
        job = loop().run_in_executor(None, release.wait, 20)
        timer = asyncio.ensure_future(asyncio.sleep(0.001))
        await asyncio.sleep(0)
        assert not timer.done()
        release.set()
        assert await job
        assert not timer.done() and loop().time() == 0.0
        await timer
        return loop().time()

    assert run_virtual(main()) == pytest.approx(0.001)


def test_time_stands_still_under_a_hold() -> None:
    async def main() -> float:
        arrived = loop().create_future()
        timer = asyncio.ensure_future(asyncio.sleep(1))
        with loop().hold():
            threading.Thread(target=loop().call_soon_threadsafe, args=(arrived.set_result, None)).start()
            await arrived
        assert not timer.done() and loop().time() == 0.0
        await timer
        return loop().time()

    assert run_virtual(main()) == pytest.approx(1.0)


def test_real_sockets_are_served_before_time_moves() -> None:
    async def main() -> float:
        near, far = socket.socketpair()
        reader, near_writer = await asyncio.open_connection(sock=near)
        _, writer = await asyncio.open_connection(sock=far)
        writer.write(b"hello")
        async with asyncio.timeout(1):
            assert await reader.readexactly(5) == b"hello"
        for each in (writer, near_writer):
            each.close()
            await each.wait_closed()
        return loop().time()

    assert run_virtual(main()) == 0.0


def test_a_program_that_would_wait_for_ever_is_told_where() -> None:
    async def waits_for_nobody() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(waits_for_nobody(), name="the-one-that-waits")

    with pytest.raises(Deadlock, match=r"the-one-that-waits \(.*waits_for_nobody"):
        run_virtual(main())


def test_a_timer_that_rearms_for_ever_reaches_the_limit() -> None:
    async def main() -> None:
        def rearm() -> None:
            loop().call_later(10, rearm)

        rearm()
        await asyncio.Event().wait()

    with pytest.raises(TimeLimit):
        run_virtual(main(), limit_s=3600)

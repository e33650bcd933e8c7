"""The blocking twin does what the async clients do, from any thread, and can always be interrupted."""

import _thread
import asyncio
import gc
import inspect
import os
import re
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bwc_protocol.declare import Role
from bwc_sdk import sync
from bwc_sdk.discovery.slots import Slot
from bwc_sdk.discovery.watching import Arrived, Departed, Sighting
from bwc_sdk.errors import BwcError, DeviceBusy, DeviceLost, InvalidUri, PortBusy
from bwc_sdk.offload import Finished, Progress, StoredVerified
from bwc_sdk.sync import generated
from bwc_sdk.sync.loop import BlockingIterator, CallTimeout, LoopThread, drop, loop_thread
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import forget_sims, open_sim
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.station.station import SimStation
from tools.generate import sync_twin
from tools.testkit.stores import camera_clocks

DEVICE = "sim:?seed=21&recordings=2&mib=1"
STATION = "sim:?seed=25&station=2&recordings=1&mib=1"
BOUND_S = 30.0
"""What would never come is found by it; a busy machine takes its time."""


@pytest.fixture
def camera() -> Iterator[sync.SyncCamera]:
    with sync.connect(DEVICE, role=Role.BENCH) as connected:
        yield connected
    forget_sims()


@pytest.fixture
def thread() -> LoopThread:
    return loop_thread()


class Work:
    """Something that takes for ever, and says when it began and that it was ended in order."""

    def __init__(self) -> None:
        self.ended = False

    async def run(self, began: signal.Signals | None = None) -> None:
        try:
            if began is not None:
                signal.pthread_kill(threading.main_thread().ident or 0, began)
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)  # closing takes a few turns of the loop
            self.ended = True


@contextmanager
def interrupting() -> Iterator[signal.Signals]:
    """A signal that raises KeyboardInterrupt in the main thread, as Ctrl-C does."""
    previous = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        yield signal.SIGUSR1
    finally:
        signal.signal(signal.SIGUSR1, previous)


T = TypeVar("T")


def ticking(items: Iterator[T]) -> Iterator[T]:
    """The items of an iterator with a timeout, for a program that only notes the ticks."""
    while True:
        try:
            yield next(items)
        except CallTimeout:
            continue
        except StopIteration:
            return


def on_loop(act: Callable[..., T], *given: object) -> T:
    """Does something to a simulated device on the loop that serves it."""

    async def work() -> T:
        return act(*given)

    return loop_thread().run(work())


def simulated_station(uri: str) -> SimStation:
    """The station that a `sim:` URI names in this process."""
    made = open_sim(DeviceUri.parse(uri)).camera
    assert isinstance(made, SimStation)
    return made


# The same as the async clients


def test_the_twin_is_not_stale() -> None:
    assert sync_twin.TARGET.read_text(encoding="utf-8") == sync_twin.generate(), (
        "run python -m tools.generate.sync_twin"
    )


CLIENTS = {cls.__name__: cls for cls in (*sync_twin.CAMERA.values(), *sync_twin.STATION.values())}


@pytest.mark.parametrize("cls", CLIENTS.values(), ids=CLIENTS.keys())
def test_every_method_of_an_async_client_has_its_twin_with_the_same_arguments(cls: type[object]) -> None:
    twin = getattr(generated, f"Sync{cls.__name__}")
    for name, member in inspect.getmembers(cls, inspect.isfunction):
        if name.startswith("_") or f"{cls.__name__}.{name}" in sync_twin.ASYNC_ONLY:
            continue
        parameters = inspect.signature(getattr(twin, name)).parameters
        assert "timeout" in parameters, f"{name} cannot be given a timeout"
        if not hasattr(member, "request"):
            assert set(inspect.signature(member).parameters) <= set(parameters), name


def test_a_camera_works_as_it_does_with_await(camera: sync.SyncCamera) -> None:
    assert camera.identity == camera.device.identify().serial == "SIM-00000015"
    assert [entry.sequence for entry in camera.recordings.iterate()] == [1, 2]
    assert len(camera.recordings.list()) == 2
    assert camera.config.values()["mute.allowed"] is False


def test_an_offload_is_a_plain_iteration(tmp_path: Path) -> None:
    job = sync.offload(DEVICE, tmp_path, role=Role.DOCK_OFFLOAD)
    with pytest.raises(RuntimeError):
        _ = job.result
    events = list(job)
    assert events
    assert job.result.complete
    assert all(isinstance(outcome, StoredVerified) for outcome in job.result.outcomes)
    assert len(camera_clocks(tmp_path)) == len(job.result.outcomes)


def test_a_whole_station_is_offloaded_by_a_plain_iteration(tmp_path: Path) -> None:
    with sync.offload_station(STATION, tmp_path, limit_bytes_per_s=1e9) as job:
        slots = {tagged.slot for tagged in job}
        assert slots == {"bay 1", "bay 2"} == set(job.result.cameras)
        assert job.result.complete


def test_several_cameras_are_offloaded_by_one_call(tmp_path: Path) -> None:
    cameras = [DEVICE, DEVICE.replace("21", "23")]
    result = sync.offload_many(cameras, tmp_path).run()
    assert result.complete and list(result.cameras) == cameras


def test_a_dock_is_watched_by_a_plain_loop_which_can_be_left(tmp_path: Path) -> None:
    finished = set()
    with sync.dock_watch(STATION, tmp_path) as watch:
        for tagged in watch:
            if isinstance(tagged.event, Finished):
                assert tagged.event.result.complete
                finished.add(tagged.slot)
                if len(finished) == 2:
                    break
    assert list(watch) == []
    with sync.connect_station(STATION) as station:
        station.device.status()  # the watch let go of it


def test_a_watch_lends_the_station_that_it_has(tmp_path: Path) -> None:
    watch = sync.dock_watch(STATION, tmp_path)
    with pytest.raises(RuntimeError, match="does not run"):
        watch.station()
    with watch:
        next(watch)
        assert watch.station().bays.bay(bay=1).present
    with pytest.raises(RuntimeError, match="does not run"):
        watch.station()


def test_a_dock_watch_to_which_nothing_comes_gives_its_program_a_tick_and_goes_on(tmp_path: Path) -> None:
    uri = "sim:?seed=27&station=1&recordings=1&mib=1"
    told: list[object] = []
    ticks = 0
    station = simulated_station(uri)
    with sync.dock_watch(uri, tmp_path, timeout=0.2) as watch:
        while ticks < 3:
            try:
                told.append(next(watch).event)
            except CallTimeout:
                ticks += any(isinstance(event, Finished) for event in told)  # nothing comes any more
        assert [event.result.complete for event in told if isinstance(event, Finished)] == [True]
        camera = on_loop(station.undock, 1)
        assert camera is not None
        on_loop(station.dock, 1, camera)
        assert any(isinstance(tagged.event, Finished) for tagged in ticking(watch)), (
            "it was there all the time"
        )
    assert list(watch) == [], "closing ends it"


def test_an_offload_that_is_polled_tells_the_same_events_as_one_that_is_waited_for(tmp_path: Path) -> None:
    def kinds(events: Iterator[object]) -> list[str]:
        return [type(event).__name__ for event in events if not isinstance(event, Progress)]

    waited = sync.offload(DEVICE, tmp_path / "waited", role=Role.DOCK_OFFLOAD)
    polled = sync.offload(DEVICE, tmp_path / "polled", role=Role.DOCK_OFFLOAD, timeout=0.0)
    (tmp_path / "waited").mkdir()
    (tmp_path / "polled").mkdir()
    by_polling, by_waiting = kinds(ticking(polled)), kinds(waited)
    # Of recordings that are copied and read back side by side it is open which comes first.
    assert sorted(by_polling) == sorted(by_waiting) and by_polling[-1] == by_waiting[-1] == "Finished"
    assert polled.result.complete


def test_a_job_that_is_run_with_a_timeout_goes_on_behind_it(tmp_path: Path) -> None:
    job = sync.offload(DEVICE, tmp_path, role=Role.DOCK_OFFLOAD, timeout=0.0)
    while True:
        try:
            assert job.run().complete
            break
        except CallTimeout:
            continue


def test_a_watch_of_ports_goes_on_after_a_timeout() -> None:
    plugged = [Sighting(Slot("serial:/dev/ttyX0", "1-1", "1209:0001", "a port", True))]
    with sync.watch(look=lambda: list(plugged), timeout=0.05) as changes:
        assert isinstance(next(ticking(changes)), Arrived)
        with pytest.raises(CallTimeout, match=r"nothing came within 0\.05 s"):
            next(changes)
        plugged.clear()
        assert isinstance(next(ticking(changes)), Departed)


@pytest.mark.parametrize("function", sync_twin.OFFLOADS, ids=lambda function: function.__name__)
def test_what_begins_an_offload_has_its_twin_with_the_same_arguments(function: Callable[..., object]) -> None:
    twin = getattr(sync, function.__name__)
    wanted = {name: one.default for name, one in inspect.signature(function).parameters.items()}
    assert {name: one.default for name, one in inspect.signature(twin).parameters.items()} == {
        **wanted,
        "timeout": None,
    }


def test_errors_are_the_same_ones() -> None:
    with pytest.raises(InvalidUri):
        sync.connect("not a uri")


def test_what_is_closed_says_so(camera: sync.SyncCamera) -> None:
    camera.close()
    camera.close()
    with pytest.raises(DeviceLost):
        camera.device.status()


# Interrupting


def test_ctrl_c_cancels_the_operation_and_waits_until_it_has_ended(thread: LoopThread) -> None:
    work = Work()
    with interrupting() as began, pytest.raises(KeyboardInterrupt):
        thread.run(work.run(began))
    assert work.ended


def test_ctrl_c_that_comes_right_before_the_waiting_is_heard_all_the_same(thread: LoopThread) -> None:
    """Python has looked for signals, and the wait has not begun that one would end: nothing wakes it."""
    work = Work()

    async def struck() -> None:
        caller = threading.main_thread().ident or 0
        while sys._current_frames()[caller].f_code.co_name != "wait":  # noqa: ASYNC110  # looks at another thread
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        _thread.interrupt_main(signal.SIGUSR1)  # marks the signal, and interrupts no wait
        await work.run()

    with interrupting(), pytest.raises(KeyboardInterrupt):
        thread.run(struck())
    assert work.ended


def test_a_camera_is_usable_after_ctrl_c(camera: sync.SyncCamera) -> None:
    work = Work()
    with interrupting() as began, pytest.raises(KeyboardInterrupt):
        loop_thread().run(work.run(began))
    camera.device.status()


def test_a_timeout_cancels_the_operation_and_is_told_from_its_own(thread: LoopThread) -> None:
    work = Work()
    with pytest.raises(CallTimeout, match=r"0\.01 s"):
        thread.run(work.run(), timeout=0.01)
    assert work.ended

    async def times_out() -> None:
        raise TimeoutError("the work's own")

    with pytest.raises(TimeoutError, match="own"):
        thread.run(times_out(), timeout=60)


# Threads and processes


def test_a_call_from_the_loops_own_thread_raises_instead_of_waiting_for_itself(
    camera: sync.SyncCamera, thread: LoopThread
) -> None:
    async def careless() -> None:
        camera.device.status()

    with pytest.raises(RuntimeError, match="own thread"):
        thread.run(careless())


def test_a_handle_may_be_shared_by_threads(camera: sync.SyncCamera) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: camera.device.identify().serial, range(64)))
    assert set(found) == {camera.identity}


def test_there_is_one_loop_thread_a_process() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({id(found) for found in pool.map(lambda _: loop_thread(), range(64))}) == 1


def test_a_handle_is_dead_after_a_fork_and_the_child_gets_a_loop_of_its_own(
    camera: sync.SyncCamera,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of what is tested here
        child = os.fork()
    if child == 0:
        code = 1
        try:
            camera.device.status()
        except RuntimeError as error:
            code = 0 if "forked" in str(error) and loop_thread().run(asyncio.sleep(0, 7)) == 7 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    camera.device.status()


# Iterators


class Numbers:
    """An async generator that says when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    async def count(self) -> AsyncIterator[int]:
        try:
            for number in range(3):
                yield number
            await asyncio.Event().wait()
        finally:
            self.closed.set()


def test_an_iterator_that_is_abandoned_is_closed(thread: LoopThread) -> None:
    numbers = Numbers()
    items = BlockingIterator(thread, numbers.count())
    assert next(items) == 0
    del items
    gc.collect()
    assert numbers.closed.wait(BOUND_S)


def test_an_iterator_can_be_closed_and_then_ends(thread: LoopThread) -> None:
    numbers = Numbers()
    items = BlockingIterator(thread, numbers.count())
    assert next(items) == 0
    items.close()
    assert numbers.closed.is_set()
    assert list(items) == []


def test_an_iteration_ends_with_the_block_that_it_is_entered_for(thread: LoopThread) -> None:
    numbers = Numbers()
    with BlockingIterator(thread, numbers.count()) as items:
        assert next(items) == 0
    assert numbers.closed.is_set()


class Fed:
    """An async generator of what is fed to it from the test's thread; it fails at a negative number."""

    def __init__(self, thread: LoopThread) -> None:
        self.closed = threading.Event()
        self._thread = thread
        self._queue: asyncio.Queue[int] = asyncio.Queue()

    def feed(self, *items: int) -> None:
        async def put() -> None:
            for item in items:
                self._queue.put_nowait(item)

        self._thread.run(put())

    async def items(self) -> AsyncIterator[int]:
        try:
            while True:
                item = await self._queue.get()
                if item < 0:
                    raise DeviceLost("it went away")
                yield item
        finally:
            self.closed.set()


def running(thread: LoopThread) -> int:
    """How many tasks the loop has, besides the one that counts them."""

    async def count() -> int:
        for _ in range(10):
            await asyncio.sleep(0)  # what is ending has its turns
        return len(asyncio.all_tasks()) - 1

    return thread.run(count())


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Without the collector of rings, which a program that mostly waits hardly ever runs."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_timeout_ends_the_waiting_for_an_item_and_not_the_iteration(thread: LoopThread) -> None:
    fed = Fed(thread)
    items = BlockingIterator(thread, fed.items(), timeout=0.02)
    for number in range(3):
        for _ in range(2):
            with pytest.raises(CallTimeout, match=r"nothing came within 0\.02 s"):
                next(items)
        fed.feed(number)
        assert next(ticking(items)) == number
    assert not fed.closed.is_set()
    items.close()


def test_no_item_is_lost_or_told_twice_whenever_the_timeout_falls(thread: LoopThread) -> None:
    async def turns() -> AsyncIterator[int]:
        for number in range(200):
            for _ in range(number % 4):
                await asyncio.sleep(0)
            yield number

    assert list(ticking(BlockingIterator(thread, turns(), timeout=0.0))) == list(range(200))


def test_an_error_after_a_timeout_is_told_to_the_next_call(thread: LoopThread) -> None:
    fed = Fed(thread)
    items = BlockingIterator(thread, fed.items(), timeout=0.02)
    with pytest.raises(CallTimeout):
        next(items)
    fed.feed(-1)
    with pytest.raises(DeviceLost, match="went away"):
        next(ticking(items))
    assert list(items) == []


def test_an_iteration_that_is_closed_after_a_timeout_leaves_nothing_running(thread: LoopThread) -> None:
    before, fed = running(thread), Fed(thread)
    items = BlockingIterator(thread, fed.items(), timeout=0.02)
    with pytest.raises(CallTimeout):
        next(items)
    assert running(thread) == before + 1, "the item that it waits for"
    items.close()
    items.close()
    assert fed.closed.is_set() and running(thread) == before
    assert list(items) == []


@pytest.mark.parametrize("failed", [False, True], ids=["waiting", "failed"])
def test_an_iteration_that_is_dropped_after_a_timeout_leaves_nothing_running(
    thread: LoopThread, uncollected: None, caplog: pytest.LogCaptureFixture, failed: bool
) -> None:
    before, threads, fed = running(thread), set(threading.enumerate()), Fed(thread)
    items = BlockingIterator(thread, fed.items(), timeout=0.02)
    try:
        next(items)
    except CallTimeout:
        pass
    if failed:
        fed.feed(-1)
    del items
    assert fed.closed.wait(BOUND_S), "without the collector, which is off"
    assert running(thread) == before and set(threading.enumerate()) <= threads
    gc.collect()
    assert running(thread) == before
    assert caplog.text == "", "an error that nobody asked for is no fault of the program"


def test_a_station_is_free_again_when_its_watch_is_dropped_after_a_timeout(
    tmp_path: Path, uncollected: None
) -> None:
    uri = "sim:?seed=28&station=1&recordings=0"
    watch = sync.dock_watch(uri, tmp_path, timeout=0.3)
    try:
        for _ in watch:
            pass
    except CallTimeout:
        pass
    del watch
    end = time.monotonic() + BOUND_S
    while True:
        try:
            sync.connect_station(uri).close()
            return
        except DeviceBusy:
            assert time.monotonic() < end, "the watch still has it"
            loop_thread().run(asyncio.sleep(0.02))


def test_threads_that_share_an_iterator_get_each_item_once(thread: LoopThread) -> None:
    async def turns() -> AsyncIterator[int]:
        for number in range(200):
            await asyncio.sleep(0)
            yield number

    items = BlockingIterator(thread, turns(), timeout=60)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: list(items), range(4)))
    assert sorted(number for part in found for number in part) == list(range(200))


def test_an_iterator_that_another_thread_closes_is_at_its_end(thread: LoopThread) -> None:
    fed = Fed(thread)
    items = BlockingIterator(thread, fed.items())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(items))
        fed.feed(1)
        items.close()
        assert waiting.result(BOUND_S) in ([], [1])


def test_ctrl_c_ends_an_iteration_before_it_reaches_the_program(thread: LoopThread) -> None:
    ended = threading.Event()

    async def endless(began: signal.Signals) -> AsyncIterator[int]:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, began)
            await asyncio.Event().wait()
            yield 0
        finally:
            ended.set()

    before = running(thread)
    with interrupting() as began:
        items = BlockingIterator(thread, endless(began))
        with pytest.raises(KeyboardInterrupt):
            next(items)
    assert ended.is_set() and running(thread) == before
    assert list(items) == []


def test_ctrl_c_in_the_moment_of_an_item_ends_the_iteration_that_would_go_on_without_it(
    thread: LoopThread,
) -> None:
    numbers = Numbers()

    class Interrupted(LoopThread):
        def __init__(self) -> None:
            vars(self).update(vars(thread))

        def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
            result = thread.run(work, timeout)
            if result == 1:
                raise KeyboardInterrupt
            return result

    items = BlockingIterator(Interrupted(), numbers.count())
    assert next(items) == 0
    with pytest.raises(KeyboardInterrupt):
        next(items)
    assert numbers.closed.is_set() and list(items) == []


def test_an_error_of_an_iteration_is_let_go_of_with_what_its_program_drops(
    thread: LoopThread, uncollected: None
) -> None:
    fed = Fed(thread)
    items = BlockingIterator(thread, fed.items())
    fed.feed(-1)
    try:
        next(items)
    except DeviceLost:
        pass
    dropped = weakref.ref(items)
    del items
    running(thread)
    assert dropped() is None


# Handles that are never closed


def forgotten(uri: str) -> None:
    camera = sync.connect(uri, allow_insecure=True)
    camera.device.status()


@pytest.mark.parametrize("kind", ["tcp", "pty"])
def test_a_camera_that_was_never_closed_warns_and_is_named_by_the_next_connect(kind: str) -> None:
    made = make_camera(seed=3, recordings=0, mib=1, footage=Footage.SYNTHETIC)

    async def listen() -> Any:
        return PtyPort(made) if kind == "pty" else TcpPort(made)

    async def close() -> None:
        port.close()

    port = loop_thread().run(listen())
    try:
        kept = sync.connect(port.uri, allow_insecure=True)
        with pytest.raises((DeviceBusy, PortBusy), match="this program has it open already") as error:
            sync.connect(port.uri, allow_insecure=True)
        assert "'with'" in error.value.advice
        kept.close()
        with pytest.warns(ResourceWarning, match=f"unclosed connection to {re.escape(port.uri)}"):
            forgotten(port.uri)
            gc.collect()
        with pytest.raises((DeviceBusy, PortBusy), match="never closed") as error:
            sync.connect(port.uri, allow_insecure=True)
        assert "connect again" in error.value.advice
        while True:
            try:
                with sync.connect(port.uri, allow_insecure=True) as camera:
                    camera.device.status()
                break
            except (DeviceBusy, PortBusy):
                pass  # the earlier one has its farewell
    finally:
        loop_thread().run(close())
        made.close()


def test_a_camera_that_was_closed_or_lost_warns_of_nothing(camera: sync.SyncCamera) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        drop(loop_thread(), DroppedConnection(DeviceLost("gone")))
    with pytest.warns(ResourceWarning):
        drop(loop_thread(), DroppedConnection(None))


class DroppedConnection:
    name = "test:"

    def __init__(self, error: BwcError | None) -> None:
        self.error = error

    def dropped(self) -> None: ...

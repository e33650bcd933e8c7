"""The blocking twin does what the async clients do, from any thread, and can always be interrupted."""

import asyncio
import gc
import inspect
import os
import signal
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_sdk import sync
from bwc_sdk.errors import DeviceLost, InvalidUri
from bwc_sdk.offload import Finished, StoredVerified
from bwc_sdk.sync import generated
from bwc_sdk.sync.loop import BlockingIterator, CallTimeout, LoopThread, loop_thread
from firmware_sim.ports.memory import forget_sims
from tools import sync_twin

DEVICE = "sim:?seed=21&recordings=2&mib=1"
STATION = "sim:?seed=25&station=2&recordings=1&mib=1"


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


# The same as the async clients


def test_the_twin_is_not_stale() -> None:
    assert sync_twin.TARGET.read_text(encoding="utf-8") == sync_twin.generate(), (
        "run python -m tools.sync_twin"
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


def test_a_watch_to_which_nothing_comes_can_be_given_a_timeout(tmp_path: Path) -> None:
    with (
        sync.dock_watch("sim:?seed=27&station=1&recordings=0", tmp_path, timeout=0.5) as watch,
        pytest.raises(CallTimeout),
    ):
        for _ in watch:
            pass


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
    assert numbers.closed.wait(5)


def test_an_iterator_can_be_closed_and_then_ends(thread: LoopThread) -> None:
    numbers = Numbers()
    items = BlockingIterator(thread, numbers.count())
    assert next(items) == 0
    items.close()
    assert numbers.closed.is_set()
    assert list(items) == []


def test_an_iterator_that_waits_for_ever_can_be_given_a_timeout(thread: LoopThread) -> None:
    items = BlockingIterator(thread, Numbers().count(), timeout=0.05)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(CallTimeout):
        next(items)


def test_ctrl_c_ends_an_iteration(thread: LoopThread) -> None:
    ended = threading.Event()

    async def endless(began: signal.Signals) -> AsyncIterator[int]:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, began)
            await asyncio.Event().wait()
            yield 0
        finally:
            ended.set()

    with interrupting() as began, pytest.raises(KeyboardInterrupt):
        for _ in BlockingIterator(thread, endless(began)):
            pass
    assert ended.wait(5)

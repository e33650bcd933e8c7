"""What many offloads at once have in memory is bounded, and none of them waits for credit that nobody gives."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.host.workers import ThreadWorkers
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.offload.chunk_sink import WINDOW_BYTES
from bwc_sdk.offload.slabs import FURTHER_BYTES, SHARED, SLAB_BYTES, SPARE_MAX, SlabPool
from firmware_sim.virtual_time import run_virtual


@pytest.mark.parametrize("streams", [1, 2, 4, 5, 16, 31, 33, 64])
def test_each_further_stream_adds_about_a_megabyte_to_the_windows_of_all(streams: int) -> None:
    pool = SlabPool()
    for stream in range(streams):
        pool.join(stream)
    window = pool.window_bytes(WINDOW_BYTES)
    assert SLAB_BYTES <= window <= WINDOW_BYTES
    assert streams * window <= WINDOW_BYTES + (streams - 1) * FURTHER_BYTES
    for stream in range(streams):
        pool.leave(stream)
    assert pool.window_bytes(WINDOW_BYTES) == WINDOW_BYTES


def test_slabs_are_used_again_and_what_is_spare_is_released() -> None:
    pool = SlabPool()
    stream = object()
    pool.join(stream)
    slabs = [pool.take() for _ in range(64)]
    for slab in slabs:
        pool.give(slab)
    assert pool.take() is slabs[-1]  # the one that is still in the cache
    pool.give(slabs[-1])
    pool.leave(stream)
    again = [pool.take() for _ in range(SPARE_MAX + 1)]
    assert sum(any(slab is old for old in slabs) for slab in again) == SPARE_MAX


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no child processes of this kind")
def test_a_child_process_changes_no_slab_of_its_parent() -> None:
    slab = SlabPool().take()
    slab[:5] = b"ours!"
    child = os.fork()
    if not child:
        slab[:5] = b"child"
        os._exit(0)
    os.waitpid(child, 0)
    assert slab[:5] == b"ours!" and len(slab) == SLAB_BYTES


class _Count(SlabPool):
    """A pool that knows how many of its slabs are out."""

    def __init__(self) -> None:
        super().__init__()
        self.out = self.most = 0
        self.lock = threading.Lock()

    def take(self) -> memoryview:
        with self.lock:
            self.out += 1
            self.most = max(self.most, self.out)
        return super().take()

    def give(self, slab: memoryview) -> None:
        with self.lock:
            self.out -= 1
        super().give(slab)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> _Count:
    counting = _Count()
    monkeypatch.setattr("bwc_sdk.offload.context.SHARED", counting)
    return counting


def test_sixty_four_cameras_take_a_slab_each_and_give_all_back(lab, tmp_path: Path, pool: _Count) -> None:
    recording = lab.recording(1, (2 * SLAB_BYTES + 77,))
    devices = [lab.device([recording]) for _ in range(64)]

    async def main() -> bool:
        places = [tmp_path / str(number) for number in range(64)]
        for place in places:
            place.mkdir()
        jobs = [lab.job(device, OsFileSystem(), place) for device, place in zip(devices, places, strict=True)]
        return all(result.complete for result in await asyncio.gather(*(job.run() for job in jobs)))

    assert run_virtual(main())
    assert pool.most <= 64 + 1  # what is read back takes one for each worker, not for each file
    assert pool.out == 0
    assert max(device.granted_ahead for device in devices) <= SLAB_BYTES + 77


def test_a_window_that_shrinks_in_the_middle_of_a_slab_stops_no_stream(
    lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = iter([SLAB_BYTES * 3 // 2 + 1])
    monkeypatch.setattr(SlabPool, "window_bytes", lambda _, most: next(windows, SLAB_BYTES))
    device = lab.device([lab.recording(1, (5 * SLAB_BYTES,))])
    result = run_virtual(asyncio.wait_for(lab.job(device, OsFileSystem(), tmp_path).run(), 600))
    assert result.complete


def test_a_stream_that_breaks_off_gives_its_place_and_its_slab_back(
    lab, tmp_path: Path, pool: _Count
) -> None:
    device = lab.device([lab.recording(1, (5 * SLAB_BYTES,))], piece=lab.chunk)

    async def main() -> None:
        job = lab.job(device, OsFileSystem(), tmp_path)
        await anext(job)
        await asyncio.sleep(0.01)
        await job.aclose()

    run_virtual(main())
    assert pool.out == 0
    assert not pool._streams


def test_no_sync_keeps_a_hashing_thread(lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing: list[str] = []
    run, sync = InlineWorkers.run, OsFileSystem.sync

    async def counted(self, work, *args):
        hashing.append(work.__name__)
        try:
            return await run(self, work, *args)
        finally:
            hashing.clear()

    def looked_at(self, file: int) -> None:
        assert not hashing, f"{hashing} waits for the medium"
        sync(self, file)

    monkeypatch.setattr(InlineWorkers, "run", counted)
    monkeypatch.setattr(OsFileSystem, "sync", looked_at)
    result, _ = lab.run(lab.device([lab.recording(1, (300_000,))]), OsFileSystem(), tmp_path)
    assert result.complete


def test_work_that_waits_keeps_no_other_work_waiting() -> None:
    async def main() -> None:
        workers, gate = ThreadWorkers(1, waiters=1), threading.Event()
        waiting = asyncio.ensure_future(workers.wait(gate.wait, 30))
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(10):
                assert await workers.run(len, b"hash") == 4
            assert not waiting.done()
        finally:
            gate.set()
        assert await waiting

    asyncio.run(main())


def test_offloads_share_one_pool(lab, tmp_path: Path) -> None:
    before = len(SHARED._free)
    result, _ = lab.run(lab.device([lab.recording(1, (3 * SLAB_BYTES,))]), OsFileSystem(), tmp_path)
    assert result.complete
    assert max(1, before) <= len(SHARED._free) <= SPARE_MAX

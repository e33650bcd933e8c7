"""The sink of a stream by itself: what comes when it is over, and what is paid for and never comes."""

import asyncio
import errno
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_sdk.errors import DeviceLost
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.offload.chunk_sink import ChunkSink
from bwc_sdk.offload.slabs import SlabPool
from firmware_sim.virtual_time import run_virtual

CHUNK = 4096


class File:
    """A segment's file that keeps nothing: all of it is good."""

    chunk_size = CHUNK
    size_bytes = 1000 * CHUNK

    def __init__(self) -> None:
        self.stored: list[tuple[int, int]] = []

    def store(self, data: memoryview, first: int, table: bytes) -> list[int]:
        self.stored.append((first, len(data)))
        return []


class Share:
    """A share of a budget that says what was asked for and given back."""

    ahead_bytes = 64 * 1024

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.given_back = 0

    def limits(self, urgent: bool) -> bool:
        return True

    def arrived(self, size: int, now_s: float) -> None:
        """Not of interest here."""

    def ask(self, size: int, urgent: bool, paid: Any) -> None:
        self.asked.append((size, paid))

    def withdraw(self) -> None:
        """A request that was paid for meanwhile is paid for all the same."""

    def give_back(self, size: int) -> None:
        self.given_back += size


def intake(file: File, slabs: SlabPool, share: Share | None = None, silence_s: float = 30.0) -> Any:
    chunks: list[range] = []
    made = ChunkSink(
        file,
        b"",
        range(1000),
        workers=InlineWorkers(),
        slabs=slabs,
        on_chunks=lambda came, bad: chunks.append(came),
        share=share,
    )
    stream = SimpleNamespace(limits=[], cancelled=0, length=file.size_bytes)
    stream.grant = stream.limits.append

    def cancel() -> None:
        stream.cancelled += 1

    stream.cancel = cancel
    return made, stream, asyncio.ensure_future(made.run(stream, silence_s, 1024))


def test_what_comes_when_it_is_over_is_dropped_and_takes_no_memory() -> None:
    async def main() -> None:
        file, slabs = File(), SlabPool()
        made, stream, running = intake(file, slabs)
        await asyncio.sleep(0)
        made.data(0, bytes(3 * CHUNK + 5))
        made.ended(DeviceLost("unplugged"))
        made.data(3 * CHUNK + 5, bytes(CHUNK))
        with pytest.raises(DeviceLost):
            await running
        made.data(3 * CHUNK + 5, bytes(CHUNK))
        made.ended(None)
        await asyncio.sleep(1)
        assert file.stored == [(0, 3 * CHUNK)] and made.received == 3 * CHUNK + 5
        assert stream.cancelled and len(slabs._free) == 1 and not slabs._streams

    run_virtual(main())


def test_a_stream_whose_end_never_comes_is_not_left_open() -> None:
    async def main() -> None:
        file, slabs = File(), SlabPool()
        made, stream, running = intake(file, slabs)
        await asyncio.sleep(0)
        while made.received < made.length:
            made.data(made.received, bytes(min(100_000, made.length - made.received)))
            await asyncio.sleep(0)
        await running
        assert stream.cancelled == 1

    run_virtual(main())


def test_what_was_paid_for_and_did_not_come_is_given_back() -> None:
    async def main() -> None:
        share = Share()
        made, stream, running = intake(File(), SlabPool(), share)
        await asyncio.sleep(0)
        ((size, paid),) = share.asked
        paid(size)
        assert stream.limits == [size] and size == Share.ahead_bytes
        made.data(0, bytes(10_000))
        made.ended(DeviceLost("unplugged"))
        with pytest.raises(DeviceLost):
            await running
        assert share.given_back == size - 10_000
        (_, late) = share.asked[-1]
        late(5_000)
        assert share.given_back == size - 10_000 + 5_000 and stream.limits == [size], "paid when it was over"

    run_virtual(main())


def test_time_without_credit_is_not_the_cameras() -> None:
    async def main() -> None:
        share = Share()
        made, _, running = intake(File(), SlabPool(), share)
        await asyncio.sleep(1000)
        (size, paid) = share.asked[-1]
        paid(size)
        await asyncio.sleep(29)
        made.data(0, bytes(size))
        await asyncio.sleep(1000)
        assert not running.done(), "it waits for credit, not for the camera"
        (size, paid) = share.asked[-1]
        paid(size)
        await asyncio.sleep(29)
        assert not running.done(), "its time began with the credit"
        await asyncio.sleep(2)
        assert running.done()
        with pytest.raises(DeviceLost):
            await running

    run_virtual(main())


def test_an_error_of_the_medium_is_told_also_when_the_cable_goes_at_the_same_time() -> None:
    class Broken(File):
        def store(self, data: memoryview, first: int, table: bytes) -> list[int]:
            raise OSError(errno.EIO, "the disk")

    async def main() -> None:
        for lost_first in (False, True):
            made, _, running = intake(Broken(), SlabPool())
            await asyncio.sleep(0)
            made.data(0, bytes(300 * CHUNK))  # a slab, and a part of one
            if not lost_first:
                await asyncio.sleep(1)
            made.ended(DeviceLost("unplugged"))
            with pytest.raises(OSError, match="the disk"):
                await running

    run_virtual(main())

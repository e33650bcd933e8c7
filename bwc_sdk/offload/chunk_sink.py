"""Takes a run of chunks from a stream into the segment's file (spec: Streams).

Bytes go into slabs on the event loop; a full slab goes to a worker, which hashes and writes it. Credit follows
the workers, so that what is in memory is at most the window, however large the recording and slow the disk. The
window is smaller while many streams run, so that all of them together stay bounded, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bwc_sdk.connection.trickle import Trickle
from bwc_sdk.destination.segment_file import SegmentFile
from bwc_sdk.errors import BwcError, DeviceLost
from bwc_sdk.host.world import Workers
from bwc_sdk.offload.budget import Share
from bwc_sdk.offload.slabs import SLAB_BYTES, SlabPool, chunks_a_slab
from bwc_sdk.offload.waiting import all_settled

if TYPE_CHECKING:
    from bwc_sdk.connection.streams import IncomingStream

WINDOW_BYTES: Final = 8 * 1024 * 1024
"""Credit: at 1 GB/s it lasts for 8 ms, several times what the workers need to hash and write a slab."""
CREDIT_STEP_BYTES: Final = 2 * 1024 * 1024
"""Credit is given in steps, as a message for every chunk would be waste."""
BAD_MAX: Final = 32
"""Bad chunks after which a run is given up: what follows is no better, and asking one by one finds out."""

OnChunks = Callable[[range, list[int]], None]
"""Told of chunks that arrived, and which of them were bad."""


class ChunkSink:
    """The sink of one stream: the chunks `run` of a segment, from the first to the last.

    With a `share` of a budget, credit is paid for before it is granted where that limits it, first for what is
    `urgent`.
    """

    def __init__(
        self,
        file: SegmentFile,
        table: bytes,
        run: range,
        *,
        workers: Workers,
        slabs: SlabPool,
        on_chunks: OnChunks,
        share: Share | None = None,
        urgent: bool = False,
    ) -> None:
        self.offset = run.start * file.chunk_size
        self.length = min(run.stop * file.chunk_size, file.size_bytes) - self.offset
        self._file = file
        self._table = table
        self._next_chunk = run.start
        self._workers = workers
        self._slabs = slabs
        self._on_chunks = on_chunks
        self._share = share
        self._urgent = urgent
        self._asked = False
        self._slab_bytes = chunks_a_slab(file.chunk_size) * file.chunk_size
        self._slab: memoryview | None = None
        self._fill = 0
        self.received = 0
        """Bytes that came, whatever became of them."""
        self._stored = 0
        self._granted = 0
        self._bad = 0
        self._jobs: set[asyncio.Task[None]] = set()
        self._stream: IncomingStream | None = None
        self._loop = asyncio.get_running_loop()
        self._trickle: Trickle | None = None
        self._over = asyncio.Event()
        self._error: BaseException | None = None
        self._write_error: BaseException | None = None

    # The stream's side, on the event loop

    def data(self, offset: int, data: bytes | memoryview) -> None:
        """The next bytes."""
        if self._over.is_set():
            return
        now_s = self._loop.time()
        view = memoryview(data)
        self.received += len(view)
        if self._trickle is not None:
            self._trickle.came(self.received, now_s)
        while view:
            if self._slab is None:
                self._slab, self._fill = self._slabs.take(), 0
            size = min(len(view), self._slab_bytes - self._fill)
            self._slab[self._fill : self._fill + size] = view[:size]
            self._fill += size
            view = view[size:]
            if self._fill == self._slab_bytes or (not view and self.received == self.length):
                self._hand_over(self._fill)
        if self._share is not None:
            if self._urgent:
                self._share.arrived(len(data), now_s)
            self._grant()

    def ended(self, error: BwcError | None) -> None:
        """Everything came, or nothing more will. Of what came, the whole chunks are judged by their hashes."""
        if error is None and self.received < self.length:
            error = DeviceLost(f"a stream of {self.length} bytes ended after {self.received}")
        if error is not None:
            self._break_off(error)

    def _break_off(self, error: BwcError) -> None:
        if self._over.is_set():
            return
        whole = self._fill - self._fill % self._file.chunk_size if self._slab is not None else 0
        if whole:
            self._hand_over(whole)
        self._end(error)

    def _end(self, error: BwcError | None) -> None:
        if not self._over.is_set():
            self._error = error
            self._over.set()

    # The workers' side

    def _hand_over(self, size: int) -> None:
        assert self._slab is not None
        slab, self._slab = self._slab, None
        chunks = range(self._next_chunk, self._next_chunk - (-size // self._file.chunk_size))
        self._next_chunk = chunks.stop
        job = asyncio.ensure_future(self._store(slab, size, chunks))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _store(self, slab: memoryview, size: int, chunks: range) -> None:
        try:
            bad = await self._workers.run(self._file.store, slab[:size], chunks.start, self._table)
        except BaseException as error:  # `run` raises it, whatever it is
            self._write_error = self._write_error or error
            self._over.set()
            return
        finally:
            self._slabs.give(slab)
        self._stored += size
        self._bad += len(bad)
        self._on_chunks(chunks, bad)
        if self._stored == self.length or self._bad > BAD_MAX:
            self._end(None)
        else:
            self._grant()

    def _grant(self) -> None:
        # A slab first: those that begin together must not each be given the window of one that is alone.
        window = self._slabs.window_bytes(WINDOW_BYTES if self._stored else min(WINDOW_BYTES, SLAB_BYTES))
        limit = min(self.length, self._stored + window)
        if self._stream is None or self._over.is_set() or limit <= self._granted:
            return
        if self._share is not None and self._share.limits(self._urgent):
            ahead = min(limit, self.received + self._share.ahead_bytes) - self._granted
            if ahead > 0 and not self._asked:
                self._asked = True
                self._share.ask(ahead, self._urgent, self._paid)
        elif (
            limit == self.length
            or limit - self._granted >= min(CREDIT_STEP_BYTES, window // 2)
            or self._granted - self._stored < self._slab_bytes  # no slab would fill, and no worker ask again
        ):
            self._grant_to(limit)

    def _paid(self, size: int) -> None:
        assert self._share is not None
        self._asked = False
        if self._stream is None or self._over.is_set():
            self._share.give_back(size)
            return
        self._grant_to(self._granted + size)
        self._grant()

    def _grant_to(self, limit: int) -> None:
        assert self._stream is not None
        if self.received == self._granted and self._trickle is not None:
            self._trickle.begin(self.received, self._loop.time())  # the silence until here was ours
        self._granted = limit
        self._stream.grant(limit)

    # The engine's side

    async def run(self, stream: IncomingStream, silence_s: float, least_bytes: int) -> None:
        """Lets the bytes come and waits until they are all handled.

        Returns early after too many bad chunks. Raises what ended the stream before all had come, `StreamStalled`
        when fewer than `least_bytes` came in `silence_s`, or the `OSError` of a write, which goes before the others.
        How a stream ends of which all has come is of no interest: its bytes are judged by their hashes. When it has
        returned or raised, no worker uses the file.
        """
        self._stream = stream
        self._trickle = Trickle(least_bytes, silence_s, self._loop.time())
        self._slabs.join(self)
        try:
            self._grant()
            await self._wait(self._trickle)
        finally:
            self._over.set()
            if self._share is not None:
                self._share.withdraw()
                self._share.give_back(max(0, self._granted - self.received))
            stream.cancel()  # without effect once it has ended; a device that forgets to end it must not keep it open
            self._stream = None
            if self._slab is not None:
                self._slabs.give(self._slab)
                self._slab = None
            try:
                await all_settled(tuple(self._jobs))
            finally:
                self._slabs.leave(self)
        if self._write_error is not None:
            raise self._write_error
        if self._error is not None and self._stored < self.length:
            raise self._error

    async def _wait(self, trickle: Trickle) -> None:
        while not self._over.is_set():
            waits_for_bytes = self.received < self._granted
            left_s = trickle.left_s(self._loop.time()) if waits_for_bytes else trickle.window_s
            if left_s <= 0:
                self._break_off(trickle.stalled("a stream"))
                return
            try:
                async with asyncio.timeout(left_s):
                    await self._over.wait()
            except TimeoutError:
                pass  # bytes may have come meanwhile

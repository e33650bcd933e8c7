"""Brings one segment from the camera to its final name (spec: Recording, "Write path").

lock → table → what is there already → fetch what is not → sync, drop caches, read all of it back → sidecars →
rename without replacing → sync the directory → custody record → unlock.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import chunk_span
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.destination.custody_log import Fact
from bwc_sdk.destination.final_names import NameTaken
from bwc_sdk.destination.segment_file import Found, SegmentFile
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    CommandTimeout,
    DestinationError,
    EvidenceMismatch,
    ProtocolViolation,
)
from bwc_sdk.evidence.custody import Custody
from bwc_sdk.offload.chunk_sink import ChunkSink
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.events import ChunkRejected, SegmentStored
from bwc_sdk.offload.listing import URGENT
from bwc_sdk.offload.outcome import StoredSegment
from bwc_sdk.offload.sidecars import Sidecars
from bwc_sdk.offload.signature import CheckedSignature
from bwc_sdk.offload.slabs import chunks_a_slab
from bwc_sdk.offload.waiting import spread

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

log = logging.getLogger(__name__)

READERS: Final = 3
"""Slabs that are read and hashed at once: one more than a small machine has cores."""
READ_BACK_ROUNDS: Final = 2
"""A medium that twice gives back other bytes than were written is not to be trusted with evidence."""


class ChunkDamaged(Exception):
    """The camera's copy of a chunk does not hash to its table, however often it is asked for."""

    def __init__(self, chunk: int, attempts: int) -> None:
        super().__init__(f"chunk {chunk} came damaged {attempts} times")


class SegmentCopy:
    """One segment under way. It outlives the connection: `receive` goes on where another camera object ended."""

    def __init__(
        self,
        context: OffloadContext,
        entry: RecordingEntry,
        signature: CheckedSignature,
        segment: int,
        on_progress: Callable[[int], None],
        on_kept: Callable[[int], None],
        naming: asyncio.Lock,
    ) -> None:
        self._context = context
        self._entry = entry
        self._manifest = manifest = signature.found.manifest
        self._signed = signature.signed
        self._segment = segment
        self._on_progress = on_progress
        self._on_kept = on_kept
        self._naming = naming
        self._sidecars = Sidecars(context.destination, manifest, segment, signature)
        self._file = SegmentFile(context.destination, self._sidecars.name, manifest.segments[segment])
        self._table = b""
        self._found = Found.NOTHING
        self._missing: set[int] = set()
        self._good_bytes = 0
        self._rejected: Counter[int] = Counter()
        self._damaged: int | None = None
        self._from_medium = True
        self._kept = 0
        self._files_tried = 0
        self._ready = False
        self._read_back_rounds = 0
        self._recorded: Fact | None = None

    async def prepare(self, camera: Camera) -> None:
        """Takes the file, looks what is there of it, and gets its table. Raises what `receive` raises, and `OSError`;
        `receive` then tries it again."""
        if self._ready:
            return
        await self.release()  # what an attempt that failed half-way holds
        try:
            await self._open(camera)
        except NameTaken as error:
            raise self._taken(error) from error
        self._ready = True

    async def receive(self, camera: Camera) -> None:
        """Gets all that is missing of the segment from the camera; then `finish` it.

        Raises what ends the connection (call it again with a new one), `CommandError`, `ChunkDamaged`,
        `EvidenceMismatch` (the camera's table is not the manifest's), `DestinationError` and its kinds.
        """
        waited = self._ready
        while True:
            try:
                await self.prepare(camera)
                if self._file.fault is not None:
                    raise self._file.fault  # of a write, and the connection ended at the same moment
                if self._found is Found.FINAL and not waited:
                    return
                in_place = await self._context.blocking(self._take_up)
                if waited and not in_place:
                    waited = False  # its name went before its turn came: nothing of it would ever be stored
                    await self.release()
                    continue
                if self._found is Found.FINAL:
                    return
                while self._missing:
                    for run in _runs(self._missing, apart=self._rejected):
                        await self._fetch(camera, run)
                return
            except OSError as error:
                await self._medium_failed(error)

    async def finish(self) -> StoredSegment | None:
        """Reads what was received back from the medium and gives it its name; None when some of it, or all, has to be
        received again. The camera is not needed.

        Raises `EvidenceMismatch` (another content stands under its name), `DestinationError` and its kinds.
        """
        try:
            if self._found is Found.FINAL:
                await self._verify_final()
            elif not await self._reads_back():
                return None
        except OSError as error:
            await self._medium_failed(error)
            return None
        try:
            return await self._publish()
        except NameTaken as error:
            raise self._taken(error) from error
        except OSError as error:
            raise await self._typed(error, "publishing") from error

    async def release(self) -> None:
        """Gives the file back; a part file stays, for the next attempt to go on. Nothing was said of it yet, so that
        an error is only logged."""
        self._ready = False
        if not self._file.is_open:
            return
        try:
            await self._context.blocking(self._close)
        except OSError as error:
            log.warning("closing %s: %s", self._file.part, error)

    def _close(self) -> None:
        try:
            self._sidecars.release()
        finally:
            self._file.release()

    @property
    def already_there(self) -> bool:
        """Whether the final file stood there before."""
        return self._found is Found.FINAL

    @property
    def recorded(self) -> Fact:
        """Its custody record, once it is stored."""
        assert self._recorded is not None
        return self._recorded

    async def _typed(self, error: OSError, what: str) -> DestinationError:
        destination = self._context.destination
        return await self._context.blocking(partial(destination.error, error, f"{what} {self._file.final}"))

    def _taken(self, error: NameTaken) -> EvidenceMismatch:
        rule = f"{error} is there with another content; it was not touched"
        return EvidenceMismatch(rule, device=str(self._context.destination.path))

    async def _medium_failed(self, error: OSError) -> None:
        """An I/O error is final for this file: it goes, and all of it is fetched again into a new one."""
        if error.errno != errno.EIO or self._found is Found.FINAL or not self._file.is_open:
            raise await self._typed(error, "storing") from error
        self._files_tried += 1
        self._ready = False
        self._read_back_rounds = 0
        try:
            await self._context.blocking(self._discard)
        except OSError as again:
            raise await self._typed(again, "removing") from error
        if self._files_tried >= self._context.policy.file_attempts:
            raise await self._typed(error, "storing") from error

    def _discard(self) -> None:
        try:
            self._file.discard()
        finally:
            self._sidecars.release()

    # What is there

    async def _open(self, camera: Camera) -> None:
        self._missing = set(range(self._file.chunks))
        self._good_bytes = self._kept = 0
        try:
            kept = await self._context.blocking(self._take)
            self._table = kept or await self._ask_table(camera)
        except BwcError:
            await self.release()  # the table comes first: the next attempt begins anew
            raise
        if self._found is Found.PART:
            await self._look_through()
        if self._found is not Found.FINAL:
            await self._context.blocking(self._keep)

    def _take(self) -> bytes | None:
        """Takes the file; the table that an earlier attempt left."""
        self._found = self._file.acquire()
        return self._sidecars.kept_table()

    def _take_up(self) -> bool:
        """Whether what was prepared still has its name; then room is reserved: not before, as others came first."""
        if not self._file.in_place():
            return False
        if self._found is not Found.FINAL and not self._read_back_rounds:
            self._file.reserve()
        return True

    def _keep(self) -> None:
        """Makes durable what has to stand before the first byte of footage."""
        self._sidecars.keep(self._table)
        self._file.settle_part_name()

    async def _ask_table(self, camera: Camera) -> bytes:
        try:
            return await camera.recordings.read_table(self._entry, self._manifest, self._segment)
        except TimeoutError as error:  # which is an OSError, and would be taken for one of the medium
            raise CommandTimeout("the chunk table did not come", device=camera.name) from error

    async def _look_through(self) -> None:
        """Finds what an earlier attempt left that is good, on the medium."""
        await self._context.blocking(self._file.cut)
        await self._context.blocking(self._file.settle)
        self._missing = await self._bad_chunks()
        self._kept = self._good_bytes = self._file.size_bytes - sum(map(self._size, self._missing))
        self._on_kept(self._kept)

    async def _bad_chunks(self) -> set[int]:
        """Reads the whole file and gives the chunks that do not hash to the table."""
        bad: set[int] = set()
        step = chunks_a_slab(self._file.chunk_size)

        async def read(first: int) -> None:
            bad.update(await self._context.world.workers.run(self._check_slab, first))

        await spread((partial(read, first) for first in range(0, self._file.chunks, step)), READERS)
        return bad

    def _check_slab(self, first: int) -> list[int]:
        """The bad ones of as many chunks from number `first` as a slab holds."""
        # Taken by the worker: as many slabs as there are workers, however many files wait for one.
        slab = self._context.slabs.take()
        try:
            count = min(chunks_a_slab(self._file.chunk_size), self._file.chunks - first)
            return self._file.check(slab, first, count, self._table)
        finally:
            self._context.slabs.give(slab)

    def _size(self, chunk: int) -> int:
        return chunk_span(chunk, self._file.size_bytes, self._file.chunk_size)[1]

    async def _verify_final(self) -> None:
        self._from_medium = await self._context.blocking(self._file.settle)
        whole = await self._context.blocking(self._file.right_size)
        if not whole or await self._bad_chunks():
            rule = f"{self._file.final} is there with another content; it was not touched"
            raise EvidenceMismatch(rule, device=str(self._context.destination.path))
        self._kept = self._file.size_bytes
        self._on_progress(self._kept)

    async def _reads_back(self) -> bool:
        """Whether the medium gives back what was received; what it does not is missing again."""
        if self._file.chunks <= chunks_a_slab(
            self._file.chunk_size
        ):  # a hand-over less, of a few for each file
            self._missing = set(await self._context.blocking(self._settle_and_check))
        else:
            self._from_medium = await self._context.blocking(self._file.settle)
            self._missing = await self._bad_chunks()
        self._good_bytes -= sum(map(self._size, self._missing))
        self._read_back_rounds += 1
        if self._missing and self._read_back_rounds >= READ_BACK_ROUNDS:
            rule = f"the destination gives back other bytes than were written: {self._file.part}"
            raise DestinationError(rule, device=str(self._context.destination.path))
        return not self._missing

    def _settle_and_check(self) -> list[int]:
        self._from_medium = self._file.settle()
        return self._check_slab(0)

    # What is fetched

    async def _fetch(self, camera: Camera, run: range) -> None:
        sink = ChunkSink(
            self._file,
            self._table,
            run,
            workers=self._context.world.workers,
            slabs=self._context.slabs,
            on_chunks=self._arrived,
            share=self._context.share,
            urgent=bool(self._entry.marks & URGENT),
        )
        where = {"offset": sink.offset, "length": sink.length}
        try:
            stream = await camera.recordings.open(self._entry, self._segment, sink, **where)
            if stream.length != sink.length:
                stream.cancel()
                rule = f"opened {stream.length} bytes of a segment, asked for {sink.length}"
                raise ProtocolViolation(rule, device=camera.name)
            await sink.run(stream, self._context.policy.silence_s, self._context.policy.least_bytes)
        except CommandError as error:
            if error.code is not ErrorCode.STORAGE_FAULT:
                raise
            # Where the camera could not read on; of chunks before it some may be bad, which is counted already.
            self._reject((sink.offset + sink.received) // self._file.chunk_size)
            if self._damaged is not None:
                raise
        finally:
            self._context.tally.received += sink.received
        if self._damaged is not None:
            raise ChunkDamaged(self._damaged, self._context.policy.chunk_attempts)

    def _arrived(self, chunks: range, bad: list[int]) -> None:
        good = [chunk for chunk in chunks if chunk not in bad]
        size = sum(map(self._size, good))
        self._missing.difference_update(good)
        self._good_bytes += size
        self._context.tally.verified += size
        for chunk in bad:
            self._reject(chunk)
            self._context.emit(ChunkRejected(self._entry.sequence, self._segment, chunk))
        self._on_progress(self._good_bytes)

    def _reject(self, chunk: int) -> None:
        self._rejected[chunk] += 1
        if self._rejected[chunk] >= self._context.policy.chunk_attempts:
            self._damaged = chunk

    # Its name

    async def _publish(self) -> StoredSegment:
        # One segment of a recording after the other: a manifest that one gave its name, and takes back as the rest
        # fails, must not have been enough for another.
        async with self._naming:
            await self._context.blocking(self._take_names)
        facts = self._manifest.segments[self._segment]
        path = self._context.destination.path / self._file.final
        stored = StoredSegment(path, facts.size_bytes, facts.table_sha256)
        self._context.emit(
            SegmentStored(self._entry.sequence, self._segment, path, facts.size_bytes, facts.table_sha256)
        )
        return stored

    def _take_names(self) -> None:
        """All that has to succeed before the segment counts as stored; an error on closing belongs to it."""
        sidecars = self._sidecars.moves(self._table)
        if self._found is Found.FINAL:
            self._file.settle_names(sidecars)
            self._file.forget_part()
        else:
            self._file.publish(sidecars)
        self._recorded = self._sidecars.record(self._custody())
        self._file.confirm()
        self._close()
        self._context.destination.confirm()

    def _custody(self) -> Custody:
        return Custody(
            manifest=self._manifest,
            segment=self._segment,
            file=self._file.final,
            simulator=self._context.simulator,
            secure=self._context.secure,
            manifest_signed=self._signed,
            bytes_kept=self._kept,
            from_medium=self._from_medium,
            names_synced=self._context.destination.names_synced,
            stored_utc_ns=self._context.world.utc_ns(),
            host_time=self._context.world.host_time(),
            camera_clock=self._context.clock.of(self._manifest),
        )


def _runs(chunks: set[int], *, apart: Collection[int] = ()) -> list[range]:
    """The chunks as runs without a gap, in order: each is one stream. Those in `apart` are asked for by themselves.

    So a camera that reads ahead, and fails at a chunk behind it, still gives the one that it was asked for.
    """
    runs: list[range] = []
    for chunk in sorted(chunks):
        if runs and runs[-1].stop == chunk and not (chunk in apart or runs[-1].start in apart):
            runs[-1] = range(runs[-1].start, chunk + 1)
        else:
            runs.append(range(chunk, chunk + 1))
    return runs

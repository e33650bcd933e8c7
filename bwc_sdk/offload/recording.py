"""Brings one recording to the destination and decides what became of it."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import Manifest
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.destination.custody_log import Fact
from bwc_sdk.destination.faults import destination_error
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    DestinationError,
    EvidenceMismatch,
)
from bwc_sdk.offload.annotations import keep_annotations, said_of
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.events import OffloadEvent, Progress, RecordingStarted, Resumed
from bwc_sdk.offload.outcome import Outcome, Refused, StillOnCamera, StoredSegment, StoredVerified
from bwc_sdk.offload.plan import check_room
from bwc_sdk.offload.segment import ChunkDamaged, SegmentCopy
from bwc_sdk.offload.signature import CheckedSignature
from bwc_sdk.offload.waiting import all_settled, settled

if TYPE_CHECKING:
    from bwc_protocol.documents.annotation_file import AnnotationFile
    from bwc_sdk.clients.camera import Camera

log = logging.getLogger(__name__)


FINISHING_MAX: Final = 2
"""Segments that are read back while the next one arrives: each holds a file open, and two keep a medium busy."""


class RecordingCopy:
    """One recording under way. It outlives the connection, as its segments do.

    `prepare` it (if there is time), `receive` it, and `finish` it; the last needs no camera any more, so that the next
    recording arrives meanwhile.
    """

    def __init__(self, context: OffloadContext, entry: RecordingEntry) -> None:
        self.entry = entry
        self.begun = False
        """Whether a reader of the events has been told of it."""
        self._context = context
        self._manifest: CheckedSignature | None = None
        self._said: AnnotationFile | None = None
        self._segments: dict[int, SegmentCopy] = {}
        self._preparing: asyncio.Task[None] | None = None
        self._finishing: dict[int, asyncio.Task[StoredSegment | None]] = {}
        self._stored: dict[int, StoredSegment] = {}
        self._recorded: dict[int, Fact] = {}
        """Custody records of what is stored."""
        self._copied = False
        self._listed_again = False
        self._untold: list[OffloadEvent] = []
        self._kept: dict[int, int] = {}
        self._naming = asyncio.Lock()

    def begin(self) -> None:
        """Its turn has come: tells of its start, and then of what was found when it was prepared. Idempotent."""
        if not self.begun:
            self.begun = True
            self._context.emit(RecordingStarted(self.entry))
            untold, self._untold = self._untold, []
            for event in untold:
                self._context.emit(event)

    def prepare(self, camera: Camera) -> None:
        """Begins to get what comes before the footage, beside whatever else the camera is asked; waits for nothing.

        What fails is left to `receive`, which tries it again.
        """
        if self._preparing is None and self._manifest is None:
            self._preparing = asyncio.create_task(self._prepare(camera))

    async def receive(self, camera: Camera) -> Outcome | None:
        """Receives all that is missing; then its outcome if that is known, or None: then `finish` it.

        Raises only what ends the connection, and `CommandError` with BUSY: then call it again.
        """
        while True:
            try:
                return await self._receive(camera)
            except CommandError as error:
                if error.code is ErrorCode.BUSY:
                    raise
                if error.code not in (ErrorCode.CONFLICT, ErrorCode.NOT_FOUND):
                    return await self._over(
                        StillOnCamera(self.entry, f"the camera refused: {error.rule}", error)
                    )
                if self._listed_again:
                    reason = "it changed on the camera, again and again"
                    return await self._over(StillOnCamera(self.entry, reason, error))
                if await self._list_again(camera):
                    return Refused(self.entry, "the camera has it no longer", error)
            except ChunkDamaged as error:
                reason = f"the camera's copy is damaged: {error}"
                return await self._over(StillOnCamera(self.entry, reason))
            except EvidenceMismatch as error:
                if self._manifest is not None or self._listed_again:
                    return await self._over(Refused(self.entry, error.rule, error))
                if await self._list_again(camera):
                    return Refused(self.entry, "the camera has it no longer", error)
            except (DestinationError, OSError) as error:
                return await self._over(self._not_stored(error))

    async def finish(self) -> Outcome | None:
        """Reads back and publishes what was received; its outcome, or None: then `receive` what is missing again."""
        try:
            while self._finishing:
                await asyncio.wait(self._finishing.values())
                self._collect()
        except EvidenceMismatch as error:
            return await self._over(Refused(self.entry, error.rule, error))
        except (DestinationError, OSError) as error:
            return await self._over(self._not_stored(error))
        assert self._manifest is not None
        numbers = range(len(self._manifest.found.manifest.segments))
        if any(number not in self._stored for number in numbers):
            return None
        stored = tuple(self._stored[number] for number in numbers)
        try:
            facts = [self._recorded[number] for number in numbers]
            if self._said is not None:
                said = partial(keep_annotations, self._context.destination, self._said)
                facts.append(await self._context.blocking(said))
            # All of the recording at once: a sync for each segment would cost more than its custody record.
            await self._context.name_in_chain(facts)
        except EvidenceMismatch as error:
            return Refused(self.entry, error.rule, error)
        except (DestinationError, OSError) as error:
            return self._not_stored(error)
        return StoredVerified(
            self.entry, stored, already_there=not self._copied, manifest_signed=self._manifest.signed
        )

    async def release(self) -> None:
        """Gives up what is held, memory too; what arrived, and what is stored, stays for the next attempt."""
        tasks = [task for task in (self._preparing, *self._finishing.values()) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            await all_settled(tasks)
        finally:
            self._preparing = self._manifest = self._said = None
            self._untold.clear()  # it is looked through again
            self._finishing.clear()
            while self._segments:
                await self._segments.popitem()[1].release()

    async def _over(self, outcome: Outcome) -> Outcome:
        """`outcome`, when the segments that are good so far have their names."""
        await all_settled(self._finishing.values())
        self._finishing.clear()
        return outcome

    def _not_stored(self, error: DestinationError | OSError) -> StillOnCamera:
        if isinstance(error, OSError):
            error = destination_error(error, "looking for room", self._context.destination.path)
        return StillOnCamera(self.entry, error.rule, error)

    # What comes before the footage

    async def _prepare(self, camera: Camera) -> None:
        try:
            await self._segment(await self._begin(camera), 0).prepare(camera)
        except (BwcError, OSError) as error:
            log.debug("recording %d was not prepared: %s", self.entry.sequence, error)

    async def _begin(self, camera: Camera) -> CheckedSignature:
        if self._manifest is None:
            found = await camera.recordings.read_signed_manifest(self.entry)
            self._check_manifest(found.manifest)
            checked = CheckedSignature.check(found, self._context.verify_by)
            self._said = await said_of(camera, self.entry, self._context.verify_by)
            self._context.follows(found.manifest)
            self._manifest = checked
        return self._manifest

    # The footage

    async def _receive(self, camera: Camera) -> Outcome | None:
        if self._preparing is not None:
            await settled(self._preparing)
            self._preparing = None
        manifest = await self._begin(camera)
        await self._context.blocking(self._check_room)
        for number in range(len(manifest.found.manifest.segments)):
            if number not in self._stored and number not in self._finishing:
                segment = self._segment(manifest, number)
                await segment.receive(camera)
                self._finishing[number] = asyncio.create_task(segment.finish())
                while len(self._finishing) > FINISHING_MAX:
                    await asyncio.wait(self._finishing.values(), return_when=asyncio.FIRST_COMPLETED)
                    self._collect()
        return None

    def _check_room(self) -> None:
        self._context.destination.confirm()
        reserve_bytes = self._context.policy.reserve_bytes
        check_room(self._context.destination, self._context.identity, (self.entry,), reserve_bytes)

    def _collect(self) -> None:
        """Takes what is finished. Raises what a segment failed with."""
        for number in [number for number, task in self._finishing.items() if task.done()]:
            stored = self._finishing.pop(number).result()
            if stored is not None:
                segment = self._segments.pop(number)
                self._copied = self._copied or not segment.already_there
                self._stored[number] = stored
                self._recorded.setdefault(number, segment.recorded)

    def _segment(self, signature: CheckedSignature, number: int) -> SegmentCopy:
        if number not in self._segments:
            manifest = signature.found.manifest
            before = sum(facts.size_bytes for facts in manifest.segments[:number])

            def progress(good_bytes: int) -> None:
                done = before + good_bytes
                self._emit(Progress(self.entry.sequence, number, done, manifest.size_bytes))

            def kept(good_bytes: int) -> None:
                if number not in self._kept:  # taken up again, it may be what this offload brought
                    self._kept[number] = good_bytes
                    self._context.tally.kept += good_bytes
                if good_bytes:
                    self._emit(Resumed(self.entry.sequence, number, good_bytes))
                    progress(good_bytes)

            self._segments[number] = SegmentCopy(
                self._context, self.entry, signature, number, progress, kept, self._naming
            )
        return self._segments[number]

    def _emit(self, event: OffloadEvent) -> None:
        """Nothing is told of a recording before its start; of one that is prepared, two events a segment at most."""
        if self.begun:
            self._context.emit(event)
        else:
            self._untold.append(event)

    def _check_manifest(self, manifest: Manifest) -> None:
        """Its hash is the listed one; whose it is, and what it says, is checked here."""
        entry = self.entry
        for what, stated, expected in (
            ("camera", manifest.camera, self._context.identity),
            ("recording", manifest.recording_id, entry.recording),
            ("sequence number", manifest.sequence, entry.sequence),
            ("size", manifest.size_bytes, entry.size_bytes),
            ("number of segments", len(manifest.segments), entry.segments),
        ):
            if stated != expected:
                rule = f"the manifest is of another {what} than was listed"
                raise EvidenceMismatch(rule, device=self._context.identity)

    async def _list_again(self, camera: Camera) -> bool:
        """Takes the recording as the camera lists it now, once; whether it is gone."""
        await self.release()
        async for entry in camera.recordings.iterate():
            if entry.recording == self.entry.recording:
                self.entry = entry
                self._manifest = None
                self._stored.clear()
                self._recorded.clear()
                self._listed_again = True
                return False
        return True

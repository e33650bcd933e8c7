"""Brings one recording to the destination and decides what became of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bwc_protocol.evidence import Manifest
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import (
    CommandError,
    DestinationError,
    EvidenceMismatch,
)
from bwc_sdk.offload.destination import destination_error
from bwc_sdk.offload.events import Progress
from bwc_sdk.offload.outcome import Outcome, Refused, StillOnCamera, StoredSegment, StoredVerified
from bwc_sdk.offload.plan import check_room
from bwc_sdk.offload.segment import ChunkDamaged, SegmentCopy
from bwc_sdk.offload.work import Work

if TYPE_CHECKING:
    from bwc_sdk.camera import Camera


class RecordingCopy:
    """One recording under way. It outlives the connection, as its segments do."""

    def __init__(self, work: Work, entry: RecordingEntry) -> None:
        self.entry = entry
        self._work = work
        self._manifest: Manifest | None = None
        self._stored: list[StoredSegment] = []
        self._current: SegmentCopy | None = None
        self._copied = False
        self._listed_again = False

    async def run(self, camera: Camera) -> Outcome:
        """Stores all segments and gives the outcome.

        Raises only what ends the connection, and `CommandError` with BUSY: then call it again.
        """
        while True:
            try:
                return await self._store(camera)
            except CommandError as error:
                if error.code is ErrorCode.BUSY:
                    raise
                if error.code not in (ErrorCode.CONFLICT, ErrorCode.NOT_FOUND):
                    return StillOnCamera(self.entry, f"the camera refused: {error.rule}", error)
                if self._listed_again:
                    return StillOnCamera(self.entry, "it changed on the camera, again and again", error)
                gone = await self._list_again(camera)
                if gone:
                    return Refused(self.entry, "the camera has it no longer", error)
            except ChunkDamaged as error:
                return StillOnCamera(self.entry, f"the camera's copy is damaged: {error}")
            except EvidenceMismatch as error:
                if self._manifest is not None or self._listed_again:
                    return Refused(self.entry, error.rule, error)
                if await self._list_again(camera):
                    return Refused(self.entry, "the camera has it no longer", error)
            except DestinationError as error:
                return StillOnCamera(self.entry, error.rule, error)
            except OSError as error:
                typed = destination_error(error, "looking for room", self._work.destination.path)
                return StillOnCamera(self.entry, typed.rule, typed)

    async def release(self) -> None:
        """Gives up what is held; what arrived stays for the next attempt."""
        current, self._current = self._current, None
        if current is not None:
            await current.release()

    async def _store(self, camera: Camera) -> Outcome:
        if self._manifest is None:
            manifest = await camera.recordings.read_manifest(self.entry)
            self._check_manifest(manifest)
            destination, reserve_bytes = self._work.destination, self._work.policy.reserve_bytes
            room = partial(check_room, destination, self._work.identity, (self.entry,), reserve_bytes)
            await self._work.blocking(room)
            self._manifest = manifest
        while len(self._stored) < len(self._manifest.segments):
            if self._current is None:
                self._current = self._segment(self._manifest)
            segment = await self._current.run(camera)
            self._copied = self._copied or not self._current.already_there
            self._stored.append(segment)
            self._current = None
        return StoredVerified(self.entry, tuple(self._stored), already_there=not self._copied)

    def _segment(self, manifest: Manifest) -> SegmentCopy:
        segment = len(self._stored)
        before = sum(stored.size_bytes for stored in self._stored)

        def progress(good_bytes: int) -> None:
            self._work.tell(Progress(self.entry.sequence, segment, before + good_bytes, manifest.size_bytes))

        return SegmentCopy(self._work, self.entry, manifest, segment, progress)

    def _check_manifest(self, manifest: Manifest) -> None:
        """Its hash is the listed one; whose it is, and what it says, is checked here."""
        entry = self.entry
        for what, stated, expected in (
            ("camera", manifest.camera, self._work.identity),
            ("recording", manifest.recording_id, entry.recording),
            ("sequence number", manifest.sequence, entry.sequence),
            ("size", manifest.size_bytes, entry.size_bytes),
            ("number of segments", len(manifest.segments), entry.segments),
        ):
            if stated != expected:
                rule = f"the manifest is of another {what} than was listed"
                raise EvidenceMismatch(rule, device=self._work.identity)

    async def _list_again(self, camera: Camera) -> bool:
        """Takes the recording as the camera lists it now, once; whether it is gone."""
        await self.release()
        async for entry in camera.recordings.iterate():
            if entry.recording == self.entry.recording:
                self.entry = entry
                self._manifest = None
                self._stored = []
                self._listed_again = True
                return False
        return True

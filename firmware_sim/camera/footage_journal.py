"""Writes the footage of a recording in progress to the flash, chunk by chunk, and journals the chunks."""

from bwc_protocol.evidence import DIGEST_SIZE, chunk_count
from firmware_sim.camera.open_recording import OpenRecording
from firmware_sim.footage.source import FootageSource
from firmware_sim.storage.blobs import Blob, chunk_hashes, synthetic_of
from firmware_sim.storage.open_footage import OpenFootage, Progress


class FootageJournal:
    """Of one recorder. The bytes of a chunk are durable before its hash is journalled: what is journalled is there."""

    def __init__(self, flash: OpenFootage, footage: FootageSource, camera: str) -> None:
        self._flash = flash
        self._footage = footage
        self._camera = camera
        self.begin()

    def begin(self) -> None:
        """Another recording has begun."""
        self._segment = 0
        self._hashes = b""
        """Of the chunks of that segment that were journalled."""

    def bring_up(self, recording: OpenRecording, elapsed_ms: int) -> None:
        """Writes what has closed since the last call. Raises `OSError`; what was not written is written by the next."""
        until_ms = sum(one.facts.duration_ms for one in recording.segments[: self._segment])
        for closed in recording.segments[self._segment :]:
            until_ms += closed.facts.duration_ms
            self._bring_up(closed.blob, closed.facts.duration_ms, until_ms, recording, ended=True)
            self._segment, self._hashes = self._segment + 1, b""
        open_ms = elapsed_ms - until_ms
        if open_ms > 0:
            grows = self._footage.grows
            blob = recording.film(self._footage, self._camera, until_ms, open_ms) if grows else None
            self._bring_up(blob, open_ms, elapsed_ms, recording, ended=False)

    def _bring_up(
        self, blob: Blob | None, length_ms: int, elapsed_ms: int, recording: OpenRecording, *, ended: bool
    ) -> None:
        made_from = synthetic_of(blob) if blob is not None else None
        if blob is None or made_from is None:
            size = blob.size_bytes if blob is not None else 0
            self._flash.journal(Progress(self._segment, elapsed_ms, length_ms, size, ""))
            return
        chunk_size, size = recording.settings.chunk_size, blob.size_bytes
        chunks = chunk_count(size, chunk_size) if ended else size // chunk_size
        known = len(self._hashes) // DIGEST_SIZE
        hashes = chunk_hashes(blob, chunk_size, known, chunks)
        if hashes:
            self._flash.write(self._segment, made_from, known * chunk_size, min(size, chunks * chunk_size))
        self._flash.journal(Progress(self._segment, elapsed_ms, length_ms, size, hashes.hex()))
        self._hashes += hashes

    def table(self, blob: Blob, recording: OpenRecording) -> bytes:
        """The chunk table of the segment that ends now: what was hashed already is not hashed again."""
        chunk_size = recording.settings.chunk_size
        grown = self._footage.grows and self._segment == len(recording.segments)
        known = self._hashes if grown else b""
        count = chunk_count(blob.size_bytes, chunk_size)
        return known + chunk_hashes(blob, chunk_size, len(known) // DIGEST_SIZE, count)

"""What a power cut leaves of a recording, and how the next boot closes it (spec: Recording).

Chunk hashes are journalled as chunks close. After the reboot each chunk is hashed again: the recording ends
before the first that is not what was journalled, or with the last whole chunk.
"""

from dataclasses import dataclass
from typing import Any

from bwc_protocol.evidence import DIGEST_SIZE, chunk_count
from firmware_sim.camera.open_recording import OpenRecording
from firmware_sim.footage.source import FootageSource
from firmware_sim.storage.blobs import Blob, Rotten, chunk_table, first_bytes
from firmware_sim.storage.storage import Storage


@dataclass(frozen=True, slots=True)
class _Image:
    """One segment as it stands on the flash, and what the journal says of it."""

    blob: Blob
    hashes: bytes
    duration_ms: int


def leave_on_flash(
    recording: OpenRecording,
    elapsed_ms: int,
    storage: Storage,
    footage: FootageSource,
    camera: str,
    torn_chunks: int = 0,
) -> None:
    """Leaves in the storage what is on the flash after `elapsed_ms`; the last chunks may be torn."""
    images = _images(recording, elapsed_ms, footage, camera)
    blobs = [image.blob for image in images]
    if torn_chunks and blobs:
        blobs[-1] = _torn(blobs[-1], recording.settings.chunk_size, torn_chunks)
    journal = recording.to_journal(elapsed_ms)
    journal["flash"] = [[image.hashes.hex(), image.duration_ms] for image in images]
    storage.leave_journal(journal, tuple(blobs))
    storage.pending_bytes = 0


def recover(storage: Storage, footage: FootageSource, camera: str) -> tuple[OpenRecording, int] | None:
    """The interrupted recording with the segments that hold, and how long it had been; None without one.

    When the simulator itself was killed, its flash is made again from the journal: the same facts give the
    same footage. Raises `StateError` for a journal that is none.
    """
    journal = storage.journal()
    if journal is None:
        return None
    recording = OpenRecording.from_journal(journal)
    if recording.recording_id in storage:  # it was stored, and the cut came before the journal was cleared
        storage.forget_journal()
        return None
    elapsed_ms = int(journal["elapsed_ms"])
    for image in _found(recording, journal, storage, footage, camera):
        table = _verified(image, recording.settings.chunk_size)
        chunks = len(table) // DIGEST_SIZE
        size = min(image.blob.size_bytes, chunks * recording.settings.chunk_size)
        if size:
            duration_ms = image.duration_ms * size // image.blob.size_bytes
            recording.close_segment(first_bytes(image.blob, size), duration_ms, table)
        if size < image.blob.size_bytes:
            break
    return recording, elapsed_ms


def _found(
    recording: OpenRecording, journal: dict[str, Any], storage: Storage, footage: FootageSource, camera: str
) -> list[_Image]:
    if not storage.interrupted:
        return _images(recording, int(journal["elapsed_ms"]), footage, camera)
    return [
        _Image(blob, bytes.fromhex(hashes), duration_ms)
        for blob, (hashes, duration_ms) in zip(storage.interrupted, journal["flash"], strict=True)
    ]


def _images(recording: OpenRecording, elapsed_ms: int, footage: FootageSource, camera: str) -> list[_Image]:
    """Segments that are complete, and the whole chunks of the one that was open."""
    images = [_Image(s.blob, s.table, s.facts.duration_ms) for s in recording.segments]
    chunk_size, segment_ms = recording.settings.chunk_size, recording.settings.segment_s * 1000
    begin_ms = recording.closed_ms
    while begin_ms < elapsed_ms:
        duration_ms = min(segment_ms, elapsed_ms - begin_ms)
        blob = recording.film(footage, camera, begin_ms, duration_ms)
        if duration_ms < segment_ms:
            size = blob.size_bytes // chunk_size * chunk_size
            kept_ms = duration_ms * size // blob.size_bytes
            blob = first_bytes(blob, size)
        else:
            kept_ms = duration_ms
        if blob.size_bytes:
            images.append(_Image(blob, chunk_table(blob, chunk_size), kept_ms))
        begin_ms += duration_ms
    return images


def _verified(image: _Image, chunk_size: int) -> bytes:
    """Hashes of the chunks up to the first that is not what was journalled."""
    found = chunk_table(image.blob, chunk_size)
    good = 0
    while good < len(found) and found[good : good + DIGEST_SIZE] == image.hashes[good : good + DIGEST_SIZE]:
        good += DIGEST_SIZE
    return found[:good]


def _torn(blob: Blob, chunk_size: int, chunks: int) -> Blob:
    """The blob with its last chunks written badly."""
    count = chunk_count(blob.size_bytes, chunk_size)
    rotten = Rotten(blob)
    for index in range(max(0, count - chunks), count):
        rotten.flips[index * chunk_size] = 0xFF
    return rotten

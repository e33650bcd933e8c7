"""What a loss of power left of a recording, and how the next boot closes it (spec: Recording).

Chunks are written and their hashes journalled as they close. After the reboot each chunk is hashed again: the recording
ends before the first that is not what was journalled, or with the last whole chunk.
"""

from dataclasses import dataclass
from typing import Any

from firmware_sim.camera.open_recording import OpenRecording
from firmware_sim.footage.source import FootageSource
from firmware_sim.storage.blobs import chunk_table, first_bytes
from firmware_sim.storage.open_footage import OpenSegment
from firmware_sim.storage.storage import Storage, StoredRecording


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was left of a recording that a power cut interrupted."""

    recording: StoredRecording | None
    """The closed recording; None when not one whole chunk had been written."""
    lost_ms: int
    """Footage that was journalled, and is gone."""


def recover(storage: Storage, footage: FootageSource, camera: str) -> tuple[OpenRecording, int] | None:
    """The interrupted recording with the segments that hold, and how long it had been; None without one.

    Raises `StateError` for a journal that is none.
    """
    journal = storage.journal()
    if journal is None:
        return None
    recording = OpenRecording.from_journal(journal)
    if recording.recording_id in storage:  # it was stored, and the cut came before the journal was cleared
        storage.forget_journal()
        return None
    segments = storage.open_footage.read(recording.recording_id, recording.stored)
    for segment in segments:
        if not _take_up(recording, segment, footage, camera):
            break
    return recording, _elapsed_ms(journal, segments)


def _elapsed_ms(journal: dict[str, Any], segments: list[OpenSegment]) -> int:
    return max(int(journal["elapsed_ms"]), *(segment.last.elapsed_ms for segment in segments), 0)


def _take_up(recording: OpenRecording, segment: OpenSegment, footage: FootageSource, camera: str) -> bool:
    """Appends what is sound of a segment; returns whether that is all of it."""
    chunk_size, last = recording.settings.chunk_size, segment.last
    blob, filmed_bytes = segment.blob, last.segment_bytes
    if segment.hashes:
        size, table = segment.sound(chunk_size)
    else:
        # Real footage is made when its segment ends: what is left of it is made again, from the same facts.
        blob = recording.film(footage, camera, recording.closed_ms, last.segment_ms)
        size = blob.size_bytes if last.segment_bytes else blob.size_bytes // chunk_size * chunk_size
        filmed_bytes, table = blob.size_bytes, chunk_table(first_bytes(blob, size), chunk_size)
    if blob is None or not size:
        return False
    recording.close_segment(first_bytes(blob, size), last.segment_ms * size // filmed_bytes, table)
    return size == filmed_bytes

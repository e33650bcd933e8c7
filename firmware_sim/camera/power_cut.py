"""What a loss of power left of a recording, and how the next boot closes it (spec: Recording).

Chunks are written and their hashes journalled as they close. After the reboot each chunk is hashed again: the recording
ends before the first that is not what was journalled, or with the last whole chunk.
"""

from typing import Any

from firmware_sim.camera.open_recording import OpenRecording
from firmware_sim.footage.source import FootageSource
from firmware_sim.storage.blobs import chunk_table, first_bytes
from firmware_sim.storage.open_footage import OpenSegment
from firmware_sim.storage.storage import Storage


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
    segments = storage.open_footage.read(recording.recording_id)
    for segment in segments:
        if not _take_up(recording, segment, footage, camera):
            break
    return recording, _elapsed_ms(journal, segments)


def _elapsed_ms(journal: dict[str, Any], segments: list[OpenSegment]) -> int:
    return max(int(journal["elapsed_ms"]), *(segment.last.elapsed_ms for segment in segments), 0)


def _take_up(recording: OpenRecording, segment: OpenSegment, footage: FootageSource, camera: str) -> bool:
    """Appends what is sound of a segment; returns whether that is all of it."""
    chunk_size, length_ms = recording.settings.chunk_size, segment.last.segment_ms
    if not footage.grows:
        # Real footage is made when its segment ends: what is left of it is made again, from the same facts.
        blob = recording.film(footage, camera, recording.closed_ms, length_ms)
        ended = segment.last.segment_bytes > 0
        size = blob.size_bytes if ended else blob.size_bytes // chunk_size * chunk_size
        left = first_bytes(blob, size)
        table = chunk_table(left, chunk_size)
    else:
        size, table = segment.sound(chunk_size)
        if not size:
            return False
        assert segment.blob is not None
        blob, left = segment.blob, first_bytes(segment.blob, size)
    whole_size = segment.last.segment_bytes or blob.size_bytes
    if size:
        recording.close_segment(left, length_ms * size // whole_size, table)
    return size == whole_size

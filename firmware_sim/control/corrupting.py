"""Damage to what a simulated camera has stored: one bit each, so that whoever is to find it has to look."""

from __future__ import annotations

from typing import Final

from bwc_protocol.evidence import chunk_count, chunk_span
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.errors import Refused
from firmware_sim.device.audit_log import NAME as LOG
from firmware_sim.storage.open_footage import CHUNKS
from firmware_sim.storage.recording_files import MANIFEST, ROOM
from firmware_sim.storage.storage import StoredRecording

BIT: Final = 0x01


def chunk(camera: SimCamera, recording: StoredRecording, index: int, segment: int) -> None:
    """A bit in the middle of a chunk. Raises `Refused` for one that there is not."""
    segments = recording.manifest.segments
    if segment >= len(segments):
        raise Refused(f"recording {recording.sequence} has segments 0 to {len(segments) - 1}")
    facts = segments[segment]
    chunks = chunk_count(facts.size_bytes, facts.chunk_size)
    if index >= chunks:
        raise Refused(f"segment {segment} of recording {recording.sequence} has chunks 0 to {chunks - 1}")
    offset, size = chunk_span(index, facts.size_bytes, facts.chunk_size)
    camera.storage.rot(recording.recording_id, segment, flip_at=offset + size // 2)


def manifest(camera: SimCamera, recording: StoredRecording) -> None:
    """A bit of its last byte, which is of a hash: it still reads as a manifest, and is another."""
    data = bytearray(recording.manifest_bytes)
    data[-1] ^= BIT
    recording.manifest_bytes = bytes(data)
    name = f"{ROOM}/{recording.sequence:08}-{recording.recording_id.hex()}/{MANIFEST}"
    _flip(camera, name, -1)


def log(camera: SimCamera) -> None:
    """A bit of a letter of the newest entry."""
    _flip(camera, LOG, -20)


def journal(camera: SimCamera) -> None:
    """A bit of a hash of a chunk, or of what else the newest line says. Raises `Refused` without one."""
    if not camera.running or camera.recorder.recording_id is None:
        raise Refused("nothing is recorded")
    _flip(camera, CHUNKS, -10)


def _flip(camera: SimCamera, name: str, at: int) -> None:
    """Flips a bit of a file as rot does: beneath the operations that the firmware counts."""
    flash = camera.flash
    size = flash.size(name)
    if size is None or size < -at:
        raise Refused(f"there is no {name} that could be damaged")
    old = flash.read(name, size + at, 1)
    before, flash.before = flash.before, None
    try:
        flash.write(name, size + at, bytes([old[0] ^ BIT]))
        flash.sync(name)
    finally:
        flash.before = before

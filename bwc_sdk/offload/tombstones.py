"""Tombstones of a camera: read before its recordings are counted, and kept in the store beside what it has of them
(spec: Tombstones)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bwc_protocol.evidence import MANIFEST_MAX
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.tombstones import ErasedRecording
from bwc_sdk.destination.final_names import Move, NameTaken
from bwc_sdk.errors import CommandError, EvidenceMismatch
from bwc_sdk.evidence.naming import MANIFEST_SUFFIX, TOMBSTONE_SUFFIX, recording_name

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.destination.destination import Destination


async def erased_by(camera: Camera) -> tuple[ErasedRecording, ...] | EvidenceMismatch:
    """What the camera erased, verified; nothing of one that knows no tombstones.

    Of one whose tombstones do not verify, what is wrong with them: then what it does not list is missing, and its
    footage is copied all the same.
    """
    try:
        return await camera.recordings.read_tombstones()
    except CommandError as error:
        if error.code is ErrorCode.UNSUPPORTED:
            return ()
        raise
    except EvidenceMismatch as error:
        return error


def keep_tombstones(destination: Destination, erased: Sequence[ErasedRecording]) -> int:
    """Stores the tombstones of recordings that the store has, and says how many were new; blocks.

    One that is there already stays: its signature may be another, and what it says is the same. Raises `OSError`.
    """
    kept = 0
    for one in erased:
        tombstone = one.tombstone
        name = recording_name(tombstone.camera, tombstone.recording_id, tombstone.manifest_sha256)
        if destination.read_final(name + TOMBSTONE_SUFFIX, 0) is not None:
            continue
        if destination.read_final(name + MANIFEST_SUFFIX, MANIFEST_MAX) is None:
            continue
        kept += _keep(destination, name + TOMBSTONE_SUFFIX, one.document)
    return kept


def _keep(destination: Destination, name: str, document: bytes) -> bool:
    file = destination.keep_small(name, document)
    try:
        destination.names.place([Move(file, name, name, lambda there: bool(there), len(document))])
    except NameTaken:
        with contextlib.suppress(OSError):
            destination.names.drop(file, name)
        return False
    finally:
        destination.files.close(file)
    return True

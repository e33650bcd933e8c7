"""Which recordings are offloaded, in what order, and whether there is room for them."""

from collections.abc import Collection, Iterable
from typing import Final

from bwc_protocol.evidence import MAX_SEGMENTS
from bwc_protocol.messages.recordings import Mark, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError, DestinationFull
from bwc_sdk.offload.destination import Destination
from bwc_sdk.offload.destination_faults import no_files_left
from bwc_sdk.offload.naming import segment_name
from bwc_sdk.quantity import size

FILES_A_SEGMENT: Final = 4
"""The segment, its table, the custody record, the manifest."""
URGENT = Mark.MARKED | Mark.HELD


def choose(
    listed: Iterable[RecordingEntry], wanted: Collection[int] | None, *, device: str
) -> tuple[RecordingEntry, ...]:
    """The recordings to copy: marked or held ones first, then the oldest, as the camera counts them.

    `wanted` are sequence numbers, None for all. Raises `CommandError` (NOT_FOUND) for one that is not listed:
    an offload that cannot store what was asked for must not end as complete.
    """
    chosen = [entry for entry in listed if wanted is None or entry.sequence in wanted]
    missing = set(wanted or ()) - {entry.sequence for entry in chosen}
    if missing:
        detail = f"recording {', '.join(map(str, sorted(missing)))} is not on the camera"
        raise CommandError("offload", ErrorCode.NOT_FOUND, detail, device=device)
    return tuple(sorted(chosen, key=lambda entry: (not entry.marks & URGENT, entry.sequence)))


def bytes_needed(destination: Destination, identity: str, entry: RecordingEntry) -> int:
    """Bytes that are still to be stored of a recording. Blocks; raises `OSError`."""
    there = sum(
        destination.bytes_there(segment_name(identity, entry.recording, segment, entry.manifest_sha256))
        for segment in range(min(entry.segments, MAX_SEGMENTS))
    )
    return max(0, entry.size_bytes - there)


def check_room(
    destination: Destination, identity: str, plan: Collection[RecordingEntry], reserve_bytes: int
) -> None:
    """Raises `DestinationFull` when there is no room for even one of the recordings in `plan`.

    Where some fit, those are stored, and the others stay on the camera; where the file system does not tell, it is
    found out. Blocks; raises `OSError`.
    """
    room, files = destination.free_bytes(), destination.free_files()
    scarce = files is not None and files < FILES_A_SEGMENT and not destination.takes_a_file()
    free = None if room is None else room - reserve_bytes
    if not plan or (not scarce and (free is None or sum(entry.size_bytes for entry in plan) <= free)):
        return
    needed = [bytes_needed(destination, identity, entry) for entry in plan]
    least = min(needed)
    if scarce and least:
        raise no_files_left("looking for room", destination.path)
    if free is not None and least > max(0, free):
        of_which = f"; the smallest recording alone needs {size(least)}" if len(plan) > 1 else ""
        raise DestinationFull(
            f"the destination has room for {size(max(0, free))} of footage ({size(reserve_bytes)} are kept free), "
            f"and {size(sum(needed))} are to come{of_which}",
            device=str(destination.path),
        )

"""Which recordings are offloaded, in what order, and whether there is room for them."""

from collections.abc import Collection, Iterable
from typing import Final

from bwc_protocol.evidence import MAX_SEGMENTS
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.faults import no_files_left
from bwc_sdk.errors import DestinationFull, NoSuchRecording
from bwc_sdk.evidence.naming import segment_name
from bwc_sdk.offload.listing import Listing, Plan
from bwc_sdk.offload.outcome import Missing
from bwc_sdk.quantity import size

FILES_A_SEGMENT: Final = 4
"""The segment, its table, the custody record, the manifest."""
NAMED_MAX: Final = 10
"""Numbers in one message; all of them are in the error."""


def choose(
    listing: Listing,
    wanted: Collection[int] | None,
    missing: Iterable[Missing] = (),
    *,
    device: str,
    after: int = 0,
) -> Plan:
    """The recordings to copy: marked or held ones first, then the oldest, as the camera counts them.

    `wanted` are sequence numbers, None for all `after` one that an earlier offload came to. Raises `NoSuchRecording`
    for one that is neither listed nor known to be `missing`: an offload that cannot store what was asked for must not
    end as complete.
    """
    numbers = listing.numbers
    asked = set(wanted) if wanted is not None else None
    places = [
        place
        for place, number in enumerate(numbers)
        if (number > after if asked is None else number in asked)
    ]
    unknown = (asked or set()) - {numbers[place] for place in places}
    unknown = {number for number in unknown if not any(one.first <= number <= one.last for one in missing)}
    if unknown:
        listed = ", ".join(map(str, sorted(unknown)[:NAMED_MAX])) + (
            ", …" if len(unknown) > NAMED_MAX else ""
        )
        rule = f"recording {listed} is not on the camera"
        raise NoSuchRecording(rule, numbers=sorted(unknown), device=device)
    return Plan(listing, sorted(places, key=lambda place: (not listing.urgent(place), place)))


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
    stated = plan.bytes_total if isinstance(plan, Plan) else sum(entry.size_bytes for entry in plan)
    if not plan or (not scarce and (free is None or stated <= free)):
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

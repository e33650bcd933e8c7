"""Offload: recordings from a camera into a directory, verified and durable, or said to be neither.

job = offload("serial:/dev/ttyACM0", Path("/srv/evidence"))
async for event in job:
    ...
if not job.result.complete:
    ...
"""

from bwc_sdk.offload.events import (
    ChunkRejected,
    Connected,
    ConnectionLost,
    Finished,
    OffloadEvent,
    Planned,
    Progress,
    Reconnected,
    RecordingFinished,
    RecordingStarted,
    Resumed,
    SegmentStored,
)
from bwc_sdk.offload.job import OffloadJob, offload
from bwc_sdk.offload.outcome import (
    OffloadResult,
    Outcome,
    Refused,
    StillOnCamera,
    StoredSegment,
    StoredVerified,
    outcome_word,
)
from bwc_sdk.offload.policy import OffloadPolicy

__all__ = [
    "ChunkRejected",
    "Connected",
    "ConnectionLost",
    "Finished",
    "OffloadEvent",
    "OffloadJob",
    "OffloadPolicy",
    "OffloadResult",
    "Outcome",
    "Planned",
    "Progress",
    "Reconnected",
    "RecordingFinished",
    "RecordingStarted",
    "Refused",
    "Resumed",
    "SegmentStored",
    "StillOnCamera",
    "StoredSegment",
    "StoredVerified",
    "offload",
    "outcome_word",
]

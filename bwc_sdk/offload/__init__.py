"""Offload: recordings from a camera into a directory, verified and durable, or said to be neither.

    job = offload("serial:/dev/ttyACM0", Path("/srv/evidence"))
    async for event in job:
        ...
    if not job.result.complete:
        ...

`offload_many`, `offload_station` and `dock_watch` are the same for many cameras.
"""

from bwc_sdk.destination.incoming import Unfinished, remove_unfinished, unfinished
from bwc_sdk.offload.budget import Budget
from bwc_sdk.offload.dock_watch import DockWatch, dock_watch
from bwc_sdk.offload.events import (
    ChunkRejected,
    Connected,
    ConnectionLost,
    DesiredStateDelivered,
    DesiredStateRefused,
    Erased,
    Finished,
    FollowUp,
    FollowUpFailed,
    NotErased,
    OffloadEvent,
    Planned,
    Progress,
    ReceiptDelivered,
    ReceiptNotDelivered,
    ReceiptNotSigned,
    ReceiptSigned,
    Reconnected,
    RecordingFinished,
    RecordingPostponed,
    RecordingsMissing,
    RecordingStarted,
    Resumed,
    SegmentStored,
    StepDone,
    StepFailed,
)
from bwc_sdk.offload.fleet import FleetJob, offload_many, offload_station
from bwc_sdk.offload.fleet_events import (
    BayJudged,
    BayRecovered,
    BayTroubled,
    CameraEvent,
    CameraFailed,
    DestinationBack,
    DestinationLost,
    FleetResult,
    Interrupted,
    StationBack,
    StationLost,
)
from bwc_sdk.offload.job import OffloadJob, offload
from bwc_sdk.offload.outcome import (
    Missing,
    OffloadResult,
    Outcome,
    Refused,
    StillOnCamera,
    StoredSegment,
    StoredVerified,
    outcome_word,
)
from bwc_sdk.offload.policy import OffloadPolicy
from bwc_sdk.offload.steps import Check, DockStep, Found, SetClock

__all__ = [
    "BayJudged",
    "BayRecovered",
    "BayTroubled",
    "Budget",
    "CameraEvent",
    "CameraFailed",
    "Check",
    "ChunkRejected",
    "Connected",
    "ConnectionLost",
    "DesiredStateDelivered",
    "DesiredStateRefused",
    "DestinationBack",
    "DestinationLost",
    "DockStep",
    "DockWatch",
    "Erased",
    "Finished",
    "FleetJob",
    "FleetResult",
    "FollowUp",
    "FollowUpFailed",
    "Found",
    "Interrupted",
    "Missing",
    "NotErased",
    "OffloadEvent",
    "OffloadJob",
    "OffloadPolicy",
    "OffloadResult",
    "Outcome",
    "Planned",
    "Progress",
    "ReceiptDelivered",
    "ReceiptNotDelivered",
    "ReceiptNotSigned",
    "ReceiptSigned",
    "Reconnected",
    "RecordingFinished",
    "RecordingPostponed",
    "RecordingStarted",
    "RecordingsMissing",
    "Refused",
    "Resumed",
    "SegmentStored",
    "SetClock",
    "StationBack",
    "StationLost",
    "StepDone",
    "StepFailed",
    "StillOnCamera",
    "StoredSegment",
    "StoredVerified",
    "Unfinished",
    "dock_watch",
    "offload",
    "offload_many",
    "offload_station",
    "outcome_word",
    "remove_unfinished",
    "unfinished",
]

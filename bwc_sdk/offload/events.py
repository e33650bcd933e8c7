"""The events of an offload. A recording is named by its sequence number on the camera."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.errors import BwcError
from bwc_sdk.offload.outcome import Missing, OffloadResult, Outcome


@dataclass(frozen=True, slots=True)
class Connected:
    """The camera answers."""

    identity: str
    simulator: bool
    secure: bool
    """False: the session protects nothing, which only a simulator may do."""
    notices: tuple[str, ...] = ()
    """What is to be said of the certificates of this host and of the camera, such as one that ends soon."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What will be copied, in this order. The entries are made as they are looked at: there may be very many."""

    recordings: Sequence[RecordingEntry]
    bytes_total: int


@dataclass(frozen=True, slots=True)
class RecordingsMissing:
    """The camera closed these and does not list them; told when it shows, which may be while others are copied."""

    missing: Missing


@dataclass(frozen=True, slots=True)
class DesiredStateDelivered:
    """The camera took the settings and the assignment that a technician signed for it."""

    counter: int
    """Which one it is, of that camera's."""
    later: str = ""
    """Which of its settings are not in effect yet, and what makes them; "" = all are, or the camera does not tell."""


@dataclass(frozen=True, slots=True)
class DesiredStateRefused:
    """The camera did not take them, or they cannot be read; its footage is not concerned."""

    error: BwcError


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step of the dock was taken (`steps`)."""

    step: str
    good: bool
    """False: it found something that whoever takes the camera should know."""
    detail: str
    verdict: BayVerdict = BayVerdict.NONE
    """What the step makes of the camera, for whoever stands before its bay; NONE: it leaves that to others."""


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step of the dock could not be taken; footage, and the steps after it, are not concerned."""

    step: str
    error: BwcError


@dataclass(frozen=True, slots=True)
class ReceiptSigned:
    """This host signed a receipt for a recording in its store, or had signed it before."""

    recording: int
    destination: str
    path: Path
    sha256: bytes
    one_site: bool
    """The host that signed it is the dock, too: nobody else has seen the copy."""
    fresh: bool
    """Whether it was signed now."""
    passed_by: tuple[str, ...] = ()
    """Names under which something else stands; it was not touched, and somebody should look."""


@dataclass(frozen=True, slots=True)
class ReceiptNotSigned:
    """A recording got no receipt; it is stored all the same."""

    recording: int
    reason: str
    error: BwcError | None = None
    """Why it could not be signed; None where the copy in the store is not whole."""


@dataclass(frozen=True, slots=True)
class ReceiptDelivered:
    """The camera keeps a receipt."""

    recording: int
    destination: str
    sha256: bytes
    one_site: bool


@dataclass(frozen=True, slots=True)
class ReceiptNotDelivered:
    """The camera did not take a receipt that lay ready for it, or what lies there is none."""

    recording: int
    path: Path
    error: BwcError


@dataclass(frozen=True, slots=True)
class Erased:
    """The camera said that it has erased a recording, and that its tombstone is kept."""

    recording: int
    recording_id: bytes
    manifest_sha256: bytes


@dataclass(frozen=True, slots=True)
class NotErased:
    """The camera did not say that it has erased a recording that is stored, though that was asked for: what holds it,
    or what came in between. Each stored recording is told to be erased, or not to be."""

    recording: int
    reason: str
    error: BwcError | None = None
    """What came in between, or what the camera answered; None where the recording is not released."""


class FollowUp(enum.StrEnum):
    """What an offload does for stored recordings where it is told to go on."""

    LISTING = "listing"
    """The camera is asked for them once more: more may have been said of them."""
    ANNOTATIONS = "annotations"
    """What was said since is stored."""
    SIGNING = "signing"
    """Receipts are signed."""
    RECEIPTS = "receipts"
    """The receipts that lie ready are looked through."""
    DELIVERY = "delivery"
    """The camera is given them."""
    ERASING = "erasing"
    """The camera is asked to erase what is released."""
    TOMBSTONES = "tombstones"
    """What it says of the erased ones is stored beside their footage; told also where that does not verify."""


@dataclass(frozen=True, slots=True)
class FollowUpFailed:
    """Something between a recording's storing and its tombstone was not done. What is stored is stored; the next
    docking goes on."""

    step: FollowUp
    recording: int | None
    """None where it is about all of them."""
    error: BwcError

    @property
    def cut_short(self) -> bool:
        """Whether nothing came after it, so that it is worth another attempt while the camera is there."""
        return self.recording is None and self.step not in (FollowUp.RECEIPTS, FollowUp.TOMBSTONES)


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """A recording is begun."""

    entry: RecordingEntry


@dataclass(frozen=True, slots=True)
class RecordingPostponed:
    """A recording that stalls makes way for the others; it has its turn again when they are done."""

    recording: int
    error: BwcError
    attempts_left: int
    """Further attempts that may bring nothing before it is left on the camera."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of the whole recording that are verified so far. A reader who is slow gets only the latest."""

    recording: int
    segment: int
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """An earlier attempt left bytes of this segment that are good; they are not fetched again."""

    recording: int
    segment: int
    bytes_kept: int


@dataclass(frozen=True, slots=True)
class ChunkRejected:
    """A chunk did not hash to what the camera stated; it is asked for again."""

    recording: int
    segment: int
    chunk: int


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The camera went away, or cannot be reached; it is tried again in `wait_s` seconds."""

    error: BwcError
    attempt: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The same camera answers again."""


@dataclass(frozen=True, slots=True)
class SegmentStored:
    """A segment is durable under its final name, and verified there."""

    recording: int
    segment: int
    path: Path
    size_bytes: int
    table_sha256: bytes


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """What became of a recording."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event."""

    result: OffloadResult


OffloadEvent = (
    Connected
    | Planned
    | RecordingsMissing
    | RecordingStarted
    | RecordingPostponed
    | Progress
    | Resumed
    | ChunkRejected
    | ConnectionLost
    | Reconnected
    | SegmentStored
    | RecordingFinished
    | DesiredStateDelivered
    | DesiredStateRefused
    | StepDone
    | StepFailed
    | ReceiptSigned
    | ReceiptNotSigned
    | ReceiptDelivered
    | ReceiptNotDelivered
    | Erased
    | NotErased
    | FollowUpFailed
    | Finished
)

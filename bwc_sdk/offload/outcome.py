"""What became of each recording: exactly one of three outcomes, and nothing else is success; and which are missing."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.connection.counters import Counters
from bwc_sdk.errors import BwcError
from bwc_sdk.evidence.signed_manifest import ManifestSigned


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment under its final name, read back from the medium and found to be what the camera stated."""

    path: Path
    size_bytes: int
    table_sha256: bytes
    """SHA-256 of its chunk table, as the manifest has it."""


@dataclass(frozen=True, slots=True)
class StoredVerified:
    """All segments are stored and verified."""

    entry: RecordingEntry
    segments: tuple[StoredSegment, ...]
    already_there: bool
    """Nothing had to be copied: all was stored before, and was verified again."""
    manifest_signed: ManifestSigned = ManifestSigned.NOT_CHECKED
    """Whether the camera signed what the footage was checked against."""


@dataclass(frozen=True, slots=True)
class StillOnCamera:
    """It could not be stored now; another attempt may. What arrived of it is kept for that."""

    entry: RecordingEntry
    reason: str
    error: BwcError | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What the camera gives, or what the destination holds under that name, is not what it should be.

    Trying again does not help; somebody has to look.
    """

    entry: RecordingEntry
    reason: str
    error: BwcError | None = None


Outcome = StoredVerified | StillOnCamera | Refused


@dataclass(frozen=True, slots=True)
class Missing:
    """Recordings that the camera closed, by all that it states, and that it does not list: they cannot be copied.

    Somebody has to look at the camera. It is never reported as complete, whichever recordings were asked for.
    """

    first: int
    """Sequence number of the first of them; 0 where it is not known."""
    last: int
    reason: str

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class OffloadResult:
    """The end of an offload: one outcome for each recording that was planned, in the order of the plan."""

    identity: str
    outcomes: tuple[Outcome, ...]
    bytes_received: int
    """Footage that came over the link, chunks that were rejected included."""
    bytes_kept: int
    """Footage that an earlier attempt had left and that was found good."""
    reconnections: int
    counters: Counters = field(default_factory=Counters)
    """What the connections of this offload counted, all together."""
    missing: tuple[Missing, ...] = ()
    """What the camera closed and does not list, whether it was asked for or not."""

    @property
    def complete(self) -> bool:
        """Whether every recording of the plan is stored and verified, and none that the camera closed is missing."""
        return not self.missing and all(isinstance(outcome, StoredVerified) for outcome in self.outcomes)

    def last_stored(self, before: int = 0) -> int | None:
        """The number up to which all that the camera closed is stored, if it is; `before` was left out of the plan."""
        if not self.complete:
            return None
        return max((before, *(outcome.entry.sequence for outcome in self.outcomes)))

    @property
    def worth_repeating(self) -> bool:
        """Whether another offload may store more: something is still on the camera."""
        return any(isinstance(outcome, StillOnCamera) for outcome in self.outcomes)


def outcome_word(outcome: Outcome) -> str:
    """The outcome in one word, for logs and machine-readable output."""
    match outcome:
        case StoredVerified():
            return "stored"
        case StillOnCamera():
            return "on_camera"
        case Refused():
            return "refused"
        case _:
            assert_never(outcome)

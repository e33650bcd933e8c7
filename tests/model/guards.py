"""What keeps a recording from being lost between camera and destination: each guard can be taken away in the model."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Guard(enum.Enum):
    """One safety step of receipts, releasing and erasing; the value says it in a sentence."""

    # Of the camera
    RELEASE_IS_DERIVED = "whether a recording is released is worked out each time, and stored nowhere"
    CHECKED_AS_IT_IS_WRITTEN = "nothing comes between the check of release and the tombstone"
    PRESENT_HEAD = "a receipt of an older head of the annotations does not count"
    HELD_STAYS = "a recording with a hold is not released"
    HOLDS_SINGLY = "each hold is lifted by itself"
    DOCKS_LIFT_NOTHING = "a dock may place a hold and not lift one"
    TOMBSTONE_FIRST = "the tombstone is durable before the blocks are freed"
    TOMBSTONE_CLOSES = "from its tombstone on a recording takes no annotation"
    FREEING_GOES_ON = "what a loss of power left of a recording with a tombstone is freed at the next start"
    DURABLE_BEFORE_READ = "an annotation is durable before anybody can read it"
    REPEATING_ADDS_NOTHING = "an annotation that says what is so already is not added"
    CLOCK_STAYS_OUT = "a correction of the clock is no annotation"
    ERASE_NAMES_THE_HEAD = "a request to erase names the head that it is about"
    ANSWER_AFTER_TOMBSTONE = "a request to erase is answered when the tombstone is durable"
    THIS_RECORDING = "a receipt counts for the recording that it names"
    ROLE_ALONE = "a receipt counts if its signer is a destination and nothing else"
    BY_ID = "destinations are told apart by their ids, and not by certificates"
    HOURS = "nothing is freed before its powered hours are over, while there is room"
    ROOM_GOES_FIRST = "for want of room a released recording is freed before its hours are over"
    ROOM_FREES_RELEASED = "for want of room nothing is freed that is not released"
    OPENED = "nothing is freed when nobody has shown for long that he can open what is stored"
    # Of docks
    DOCK_VERIFIES = "a dock reads its copy back before it passes it on"
    DONE_HAS_THE_HEAD = "a dock is done with a recording at a head, and fetches annotations that are new"
    # On the way into the destination
    CREATED_IF_ABSENT = "what stands at the destination is not written over"
    HEAD_IN_THE_NAME = "the object of the annotations has their head in its name"
    PASSED_BY = "an object that does not verify is passed by, under the next attempt's name"
    # Of the destination
    SYNCED = "what is signed for was synced before"
    FOOTAGE_READ_BACK = "what is signed for was read back"
    NOTES_READ_BACK = "the annotations that are signed for were read back, too"
    ALL_SEGMENTS = "a receipt is signed when all segments are there"


@dataclass(frozen=True)
class Scope:
    """How much there is of everything. Faults are without number, apart from those that use something up: of each
    object all attempts but the last may be torn."""

    docks: int = 2
    destinations: int = 1
    needed: int = 1
    """Receipts of different destinations that release a recording."""
    segments: int = 1
    attempts: int = 2
    notes: tuple[str, ...] = ("theft", "hold a", "lift a")
    """What may be annotated, by anybody at any time."""
    chain_max: int = 1
    renewed: bool = False
    """Whether a destination signs with a new certificate, too."""
    keep_hours: bool = False
    proof: bool = False
    undocks: bool = False
    """Whether the destination is far: what it signs, it signs while the camera is away."""
    loses_destinations: int = 0
    """How many destinations may be lost after they signed."""
    without: frozenset[Guard] = field(default=frozenset())
    """Guards that are taken away."""

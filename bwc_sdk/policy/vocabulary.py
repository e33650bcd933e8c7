"""The closed vocabularies that rules speak in: that of recordings, and a few beside it, which have its version.

A word that is not here is refused. Numbers from `AGENCY_FIRST` to 255 are an agency's own, where recordings have such.
"""

from __future__ import annotations

import enum
from typing import Final

from bwc_protocol.evidence import (
    AGENCY_FIRST,
    VOCABULARY_VERSION,
    ActivationEvent,
    Purpose,
    StopReason,
    TriggerReason,
)
from bwc_protocol.word import Word

OWN_MAX: Final = 255
"""The last number that is free for an agency: events, reasons and purposes are one byte."""
_BY_THE_CAMERA: Final = 64
"""Stop reasons from here on, and below the agencies' own, are what a camera says of itself: nobody permits them."""


class Family(enum.StrEnum):
    """Which vocabulary the words of a rule are of."""

    EVENTS = "events"
    """What a recording is begun for."""
    REASONS = "reasons"
    """Why it was ended, or its sound switched off."""
    TRIGGERS = "triggers"
    """What started it."""
    USES = "uses"
    """What cameras must not be used for, and where."""
    DUTIES = "duties"
    """What an agency, or an officer, has to see to."""


def _words(of: type[Word], *but: Word) -> tuple[str, ...]:
    return tuple(str(one) for one in of if one not in but)


EVENTS: Final = _words(ActivationEvent, ActivationEvent.NOT_GIVEN)
REASONS: Final = tuple(
    str(one) for one in StopReason if StopReason.EVENT_OVER <= one < _BY_THE_CAMERA
)  # nobody permits what a camera does by itself
TRIGGERS: Final = _words(TriggerReason, TriggerReason.BENCH)
PURPOSES: Final = _words(Purpose, Purpose.NOT_GIVEN)
USES: Final = (
    "first-amendment-only",
    "breaks",
    "restrooms",
    "counselling",
    "automated-analytics",
    "evidence-collection",
    "interviews",
    "statements",
)
DUTIES: Final = (
    "carry",
    "operate",
    "maintain",
    "secure",
    "proper-use",
    "activation-and-deactivation",
    "storage-and-care",
)
WORDS: Final[dict[Family, tuple[str, ...]]] = {
    Family.EVENTS: EVENTS,
    Family.REASONS: REASONS,
    Family.TRIGGERS: TRIGGERS,
    Family.USES: USES,
    Family.DUTIES: DUTIES,
}
OWN_WORDS: Final = frozenset({Family.EVENTS, Family.REASONS, Family.USES})
"""The vocabularies that have a range free for agencies."""


class Circumstance(enum.StrEnum):
    """When a rule applies: a finite vocabulary; one that applies in all of them has no condition."""

    ROUTINE = "routine"
    """None of the others."""
    UNSAFE = "unsafe"
    """To do what the rule asks would endanger somebody."""
    CRITICAL_INCIDENT = "critical-incident"
    """Serious injury, death, or a shot fired."""


class Alternative(enum.StrEnum):
    """What a deadline is counted by."""

    HOURS = "hours"
    """Hours, and nothing else."""
    END_OF_SHIFT = "end-of-shift"
    END_OF_NEXT_SHIFT = "end-of-next-shift"
    NEXT_BUSINESS_DAY = "next-business-day"
    """Its end."""
    NEXT_SCHEDULED_DAY_OFF = "next-scheduled-day-off"


def is_own(word: str) -> bool:
    """Whether a word is a number of the range that is free for agencies."""
    return word.isascii() and word.isdecimal() and len(word) <= 3 and AGENCY_FIRST <= int(word) <= OWN_MAX


__all__ = [
    "AGENCY_FIRST",
    "DUTIES",
    "EVENTS",
    "OWN_WORDS",
    "PURPOSES",
    "REASONS",
    "TRIGGERS",
    "USES",
    "VOCABULARY_VERSION",
    "WORDS",
    "Alternative",
    "Circumstance",
    "Family",
    "is_own",
]

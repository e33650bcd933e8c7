"""What a check can find: a closed list, and one finding of it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bwc_sdk.policy.inheritance import Effective


class Kind(enum.StrEnum):
    """What can be found. The list is closed."""

    SETTING = "setting"
    """A camera's setting is not what a rule asks for."""
    SETTING_ABSENT = "setting-absent"
    """A camera has no such setting."""
    DRIFT = "drift"
    """A setting that the pack fixes beside its rules is another one."""
    NOT_THIS_POLICY = "not-this-policy"
    """The camera, or a recording, names another policy than this one, or none."""
    NO_EVENT = "no-event"
    NO_STOP_REASON = "no-stop-reason"
    EARLY_STOP = "early-stop"
    """It ended before its event did, for a reason that is not permitted."""
    SWITCHED_OFF = "switched-off"
    """Somebody switched the camera off while it recorded."""
    WENT_OFF = "went-off"
    """By its own word the camera went off while it recorded: nobody's deed is told."""
    POWER_LOST = "power-lost"
    STORAGE_FULL = "storage-full"
    STARTED_BY_ANOTHER = "started-by-another"
    """By remote, or by another camera."""
    START_NOT_PERMITTED = "start-not-permitted"
    MUTE_REASON = "mute-reason"
    """Sound was off without a reason, or for one that is not permitted."""
    PRE_EVENT_SHORT = "pre-event-short"
    """There is less pre-event footage than was asked for."""
    PRE_EVENT_ASKED_SHORT = "pre-event-asked-short"
    """The camera was asked for less pre-event footage than the policy asks for."""
    LATE_OFFLOAD = "late-offload"
    NO_CATEGORY = "no-category"
    FIRST_AMENDMENT = "first-amendment"
    CANNOT_TELL = "cannot-tell"
    """What is here does not say whether the rule was kept."""
    UNREADABLE = "unreadable"
    RECORDS_STILL = "records-still"
    """The camera stands in its dock and records: nobody stopped it, and what it records is not to be had."""
    NOT_IN_FORCE = "not-in-force"
    """The policy, or one above it, does not hold on that day: none of its rules was looked at."""
    PACK_ERROR = "pack-error"
    """The linter finds an error in the policy: what was found here may not be what it means."""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding."""

    kind: Kind
    rule: str
    sentence: str
    camera: str = ""
    sequence: int = 0
    recording: str = ""
    counts: bool = True

    def plain(self) -> dict[str, Any]:
        """As a document has it."""
        return {
            "kind": str(self.kind),
            "rule": self.rule,
            "camera": self.camera,
            "sequence": self.sequence,
            "recording": self.recording,
            "counts": self.counts,
            "sentence": self.sentence,
        }


def weighed(told: Sequence[Found], firm: Sequence[Found]) -> tuple[Found, ...]:
    """What is not found by the rules that somebody looked up is a note."""
    sure = {_same(one) for one in firm}
    return tuple(one if _same(one) in sure else replace(one, counts=False) for one in told)


def _same(one: Found) -> tuple[object, ...]:
    return one.kind, one.rule, one.camera, one.recording, one.counts


def other_policy(policy: Effective, named: str, sha256: str) -> str:
    """What was named in the place of this policy, and that it is not this one."""
    pack = policy.pack
    if named != pack.id:
        return f"{named or 'no policy'}, not {pack.id} of {pack.sha256[:16]}"
    other = f"another version of it, {sha256[:16]}" if sha256.strip("0") else "no version of it"
    return f"{named} and {other}, not {pack.sha256[:16]}"

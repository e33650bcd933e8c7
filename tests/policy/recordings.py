"""Recordings for checks: one that keeps to the policy of these tests, and what is changed of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from bwc_protocol.evidence import (
    ActivationEvent,
    Circumstances,
    ClockState,
    GivenBy,
    Interval,
    Manifest,
    Purpose,
    SegmentFacts,
    StopReason,
    TriggerReason,
)
from bwc_sdk.policy.inheritance import Effective, effective
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.seen import Seen
from tests.policy.packs import DAY, pack, rule

NOON_NS = 1_796_040_000 * 1_000_000_000
HOUR_NS = 3600 * 1_000_000_000
PACK = pack(
    "north",
    rule("record.pre_event_s", "at_least", value=30),
    rule("record.endurance_h", "at_least", value=8),
    rule("record.event_required", "required"),
    rule("record.stop_requires_reason", "required"),
    rule("record.may_stop_for", "only_from", values=["privacy", "128"]),
    rule("record.start_by", "only_from", values=["officer-button", "holster"]),
    rule("record.mute", "only_from", values=["privileged"]),
    rule("upload.deadline", "at_most", value=24),
    rule("category.required", "required"),
    rule("use.forbidden", "forbidden", values=["first-amendment-only"]),
    own_words=[{"family": "reasons", "number": 128, "name": "an unrelated assignment"}],
    settings={"alarm.battery_low_pct": 20},
)
POLICY: Effective = effective(PACK, DAY, Library([PACK]))


def circumstances(**changed: Any) -> Circumstances:
    """What a recording that keeps to the policy says."""
    found = Circumstances(
        event=ActivationEvent.TRAFFIC_STOP,
        event_by=GivenBy.BUTTON,
        ending=StopReason.EVENT_OVER,
        ending_by=GivenBy.BUTTON,
        purpose=Purpose.LAW_ENFORCEMENT,
        holder="K1234",
    )
    return replace(found, **changed)


def ended(reason: Any) -> Circumstances:
    """One that ended for this."""
    return circumstances(ending=reason, ending_by=GivenBy.BUTTON)


def manifest(number: int = 1, *, start_ns: int | None = None, **changed: Any) -> Manifest:
    """A recording of ten minutes, the first at noon and each an hour later."""
    begins = NOON_NS + (number - 1) * HOUR_NS if start_ns is None else start_ns
    whole = Manifest(
        camera="CAM-1",
        recording_id=hashlib.sha256(str(number).encode()).digest()[:16],
        sequence=number,
        previous_sha256=bytes(32),
        trigger=TriggerReason.OFFICER_BUTTON,
        started_utc_ns=begins,
        ended_utc_ns=begins + 600 * 1_000_000_000,
        boot_counter=1,
        pre_event_requested_s=30,
        pre_event_achieved_ms=30_000,
        clock_state=ClockState.SYNCED,
        clock_uncertainty_ms=20,
        policy_id=PACK.id,
        policy_sha256=bytes.fromhex(PACK.sha256),
        firmware_sha256=bytes(32),
        segments=(
            SegmentFacts(size_bytes=1, table_sha256=bytes(32), started_utc_ns=begins, duration_ms=600_000),
        ),
        circumstances=circumstances(),
    )
    return replace(whole, **changed)


def seen(one: Manifest, *, category: str | None = "traffic", stored_h: float | None = 2) -> Seen:
    """As it lies in a store."""
    stored = None if stored_h is None else one.ended_utc_ns + round(stored_h * HOUR_NS)
    return Seen(one, category, stored, "store")


def muted(reason: StopReason, seconds: int = 5) -> tuple[Interval, ...]:
    """Sound off once."""
    return (Interval(start_ms=60_000, end_ms=60_000 + seconds * 1000, reason=reason),)

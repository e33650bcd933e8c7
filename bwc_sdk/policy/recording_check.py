"""Recordings held to a policy, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    ActivationEvent,
    ClockState,
    GivenBy,
    Interval,
    Purpose,
    StopReason,
    TriggerReason,
    is_first_amendment_only,
)
from bwc_protocol.word import Word
from bwc_sdk.policy.asked_settings import UNCLASSIFIED, plain, wants
from bwc_sdk.policy.demands import AtLeast, Deadline, Forbidden, OnlyFrom
from bwc_sdk.policy.findings import Found, Kind, other_policy, weighed
from bwc_sdk.policy.inheritance import Effective, resolved_word
from bwc_sdk.policy.seen import Seen, Unreadable
from bwc_sdk.policy.shift_times import ShiftTimes, by_shifts
from bwc_sdk.policy.vocabulary import Family

_S: Final = 1_000_000_000
_BY_THE_CAMERA: Final = range(64, 128)
"""Stop reasons that a camera gives by itself."""
_ANOTHER: Final = frozenset({TriggerReason.REMOTE, TriggerReason.SIGNAL_PEER})


def check_recordings(
    policy: Effective,
    recordings: Sequence[Seen],
    unreadable: Iterable[Unreadable] = (),
    *,
    now_ns: int | None,
    shifts: ShiftTimes | None = None,
) -> tuple[Found, ...]:
    """The findings of recordings in their order. `now_ns` says until when what is not stored yet may be waited for;
    None waits for ever. `shifts` says when shifts change; without, a deadline by them is looked at by its hours."""
    lost = tuple(Found(Kind.UNREADABLE, "", f"{one.name}: {one.why}.") for one in unreadable)
    told, firm = (list(_looked(each, recordings, now_ns, shifts)) for each in (policy, policy.firm))
    return lost + _by_hours_alone(policy, recordings, shifts) + weighed(told, firm)


def _by_hours_alone(
    policy: Effective, recordings: Sequence[Seen], shifts: ShiftTimes | None
) -> tuple[Found, ...]:
    demand = plain(policy.demand("upload.deadline"))
    if not recordings or shifts is not None or not isinstance(demand, Deadline) or not by_shifts(demand):
        return ()
    ways = ", ".join(map(str, demand.alternatives))
    said = (
        f"The deadline is by {ways}: without --shifts only its longest way, {demand.hours} h, is looked at."
    )
    return (Found(Kind.CANNOT_TELL, "upload.deadline", said, counts=False),)


def _looked(
    policy: Effective, recordings: Sequence[Seen], now_ns: int | None, shifts: ShiftTimes | None
) -> Iterator[Found]:
    before: Seen | None = None
    for one in recordings:
        earlier = before if before is not None and before.camera == one.camera else None
        yield from _Look(policy, one, earlier, now_ns, shifts).findings()
        before = one


@dataclass(frozen=True, slots=True)
class _Look:
    """One recording, held to each rule."""

    policy: Effective
    seen: Seen
    before: Seen | None
    """The recording before it, of the same camera."""
    now_ns: int | None
    shifts: ShiftTimes | None

    def findings(self) -> Iterator[Found]:
        yield from self._event()
        yield from self._stop()
        yield from self._start()
        yield from self._mute()
        yield from self._pre_event()
        yield from self._stored()
        yield from self._category()
        yield from self._first_amendment()
        yield from self._named_policy()

    def _found(self, kind: Kind, rule: str, sentence: str, *, counts: bool = True) -> Found:
        manifest = self.seen.manifest
        return Found(
            kind,
            rule,
            sentence,
            manifest.camera,
            manifest.sequence,
            manifest.recording_id.hex(),
            counts,
        )

    def _event(self) -> Iterator[Found]:
        rule = next(
            (one for one in ("record.event_required", "use.forbidden") if one in self.policy.rules), None
        )
        said = self.seen.manifest.circumstances
        if rule is not None and (said is None or int(said.event) == ActivationEvent.NOT_GIVEN):
            strict = rule == "record.event_required" and wants(self.policy, rule)
            yield self._found(Kind.NO_EVENT, rule, "It does not say what it was begun for.", counts=strict)

    def _ending(self) -> StopReason | Unknown | None:
        said = self.seen.manifest.circumstances
        return None if said is None or int(said.ending) == StopReason.NOT_GIVEN else said.ending

    def _stop(self) -> Iterator[Found]:
        ending = self._ending()
        if ending is None:
            if wants(self.policy, "record.stop_requires_reason"):
                yield self._found(
                    Kind.NO_STOP_REASON, "record.stop_requires_reason", "It does not say why it ended."
                )
            return
        demand = plain(self.policy.demand("record.may_stop_for"))
        if int(ending) in _BY_THE_CAMERA:
            yield from self._stop_by_the_camera(ending)
        elif (
            isinstance(demand, OnlyFrom)
            and int(ending) != StopReason.EVENT_OVER
            and _word(self.policy, Family.REASONS, ending) not in demand.values
        ):
            said = f"It ended for {_text(ending)}, which is none of the reasons for which it may."
            yield self._found(Kind.EARLY_STOP, "record.may_stop_for", said)

    def _stop_by_the_camera(self, ending: StopReason | Unknown) -> Iterator[Found]:
        kinds = {
            StopReason.SWITCHED_OFF: (
                Kind.SWITCHED_OFF,
                "The camera was switched off while it recorded.",
            ),
            StopReason.STORAGE_FULL: (Kind.STORAGE_FULL, "No room was left."),
            StopReason.POWER_LOST: (Kind.POWER_LOST, "The camera lost its power while it recorded."),
        }
        if isinstance(ending, Unknown) or ending not in kinds:
            return  # it goes on in the next one, or is of a camera that is newer than this
        kind, said = kinds[ending]
        if kind is Kind.SWITCHED_OFF and self._ended_by_itself():
            kind = Kind.WENT_OFF
            said = (
                "The camera went off while it recorded, by the camera itself: its battery ran out, it was restarted, "
                "or it was switched off; its manifest names nobody."
            )
        first = "record.endurance_h" if kind is Kind.POWER_LOST else "record.may_stop_for"
        rule = next((one for one in (first, "record.may_stop_for") if one in self.policy.rules), None)
        if rule is not None:
            yield self._found(kind, rule, said)

    def _ended_by_itself(self) -> bool:
        said = self.seen.manifest.circumstances
        return said is not None and int(said.ending_by) in (GivenBy.CAMERA, GivenBy.NOBODY)

    def _start(self) -> Iterator[Found]:
        trigger = self.seen.manifest.trigger
        demand = plain(self.policy.demand("record.start_by"))
        if isinstance(demand, OnlyFrom):
            if str(trigger) not in demand.values:
                kind = Kind.STARTED_BY_ANOTHER if trigger in _ANOTHER else Kind.START_NOT_PERMITTED
                said = f"It was started by {_text(trigger)}, which may not start a recording."
                yield self._found(kind, "record.start_by", said)
        elif trigger in _ANOTHER and "use.forbidden" in self.policy.rules:
            said = f"It was started by {_text(trigger)}, not by its wearer."
            yield self._found(Kind.STARTED_BY_ANOTHER, "use.forbidden", said, counts=False)

    def _mute(self) -> Iterator[Found]:
        demand = plain(self.policy.demand("record.mute"))
        if not isinstance(demand, OnlyFrom):
            return
        wrong: dict[str, int] = {}
        for one in self.seen.manifest.mute:
            word = _word(self.policy, Family.REASONS, one.reason)
            if int(one.reason) == StopReason.NOT_GIVEN or word not in demand.values:
                named = "no reason" if int(one.reason) == StopReason.NOT_GIVEN else _text(one.reason)
                wrong[named] = wrong.get(named, 0) + _length(one)
        for named, length_ms in sorted(wrong.items()):
            said = f"Sound was off for {length_ms / 1000:.1f} s for {named}, which is not permitted."
            yield self._found(Kind.MUTE_REASON, "record.mute", said)

    def _pre_event(self) -> Iterator[Found]:
        rule = "record.pre_event_s"
        demand = plain(self.policy.demand(rule))
        manifest = self.seen.manifest
        if not isinstance(demand, AtLeast) or not demand.value or self._goes_on():
            return
        if manifest.pre_event_requested_s < demand.value:
            said = f"The camera was asked for {manifest.pre_event_requested_s} s, the policy for {demand.value} s."
            yield self._found(Kind.PRE_EVENT_ASKED_SHORT, rule, said)
        wanted_ms = max(demand.value, manifest.pre_event_requested_s) * 1000
        if manifest.pre_event_achieved_ms < wanted_ms and not self._filmed_before(wanted_ms):
            said = (
                f"{manifest.pre_event_achieved_ms / 1000:.1f} s of pre-event footage are there: the policy asks for "
                f"{demand.value} s, the camera was asked for {manifest.pre_event_requested_s} s."
            )
            yield self._found(Kind.PRE_EVENT_SHORT, rule, said)

    def _goes_on(self) -> bool:
        """Whether it continues the one before without a gap: a manifest holds no more than its segments."""
        if self.before is None or self.before.manifest.sequence + 1 != self.seen.manifest.sequence:
            return False
        said = self.before.manifest.circumstances
        return said is not None and int(said.ending) == StopReason.CONTINUED

    def _filmed_before(self, wanted_ms: int) -> bool:
        """Whether the recording before reaches into that time: its footage is in there. Times of two clocks, of which
        one was not set, say nothing of that."""
        if self.before is None:
            return False
        manifest, before = self.seen.manifest, self.before.manifest
        unset = ClockState.UNSET in (manifest.clock_state, before.clock_state)
        if unset and manifest.clock_revision != before.clock_revision:
            return False
        pressed_ns = manifest.started_utc_ns + manifest.pre_event_achieved_ms * 1_000_000
        return pressed_ns - wanted_ms * 1_000_000 < before.ended_utc_ns <= pressed_ns

    def _stored(self) -> Iterator[Found]:
        rule = "upload.deadline"
        demand = plain(self.policy.demand(rule))
        if not isinstance(demand, Deadline):
            return
        manifest = self.seen.manifest
        if manifest.clock_state == ClockState.UNSET:
            said = "The camera's clock was not set: how late it was stored cannot be told."
            yield self._found(Kind.CANNOT_TELL, rule, said, counts=False)
            return
        until_ns = self.seen.stored_ns if self.seen.stored_ns is not None else self.now_ns
        if until_ns is None:
            return
        hours = (until_ns - manifest.ended_utc_ns) / (3600 * _S)
        due_ns = None if self.shifts is None else self.shifts.due_ns(manifest.ended_utc_ns, demand)
        allowed_ns = demand.hours * 3600 * _S if due_ns is None else due_ns - manifest.ended_utc_ns
        beyond_ns = until_ns - manifest.ended_utc_ns - allowed_ns
        if 0 < beyond_ns <= manifest.clock_uncertainty_ms * 1_000_000:
            said = "It was stored late by less than the camera's clock may be off: whether it was cannot be told."
            yield self._found(Kind.CANNOT_TELL, rule, said, counts=False)
        elif beyond_ns > 0:
            by = "" if due_ns is None else f" ({', '.join(map(str, demand.alternatives))})"
            how = "was stored" if self.seen.stored_ns is not None else "is not stored yet"
            allowed_h = f"{allowed_ns / (3600 * _S):.3g}"
            said = f"It {how} {hours:.1f} h after it ended, and at most {allowed_h} h are allowed{by}."
            yield self._found(Kind.LATE_OFFLOAD, rule, said)

    def _category(self) -> Iterator[Found]:
        rule = "category.required"
        if not wants(self.policy, rule):
            return
        if self.seen.category is None:
            said = "What was said of it is not here: whether it has a category cannot be told."
            yield self._found(Kind.CANNOT_TELL, rule, said, counts=False)
        elif self.seen.category in ("", UNCLASSIFIED):
            yield self._found(Kind.NO_CATEGORY, rule, "Nobody gave it a category.")

    def _first_amendment(self) -> Iterator[Found]:
        demand = plain(self.policy.demand("use.forbidden"))
        if not isinstance(demand, Forbidden) or "first-amendment-only" not in demand.values:
            return
        said = self.seen.manifest.circumstances
        purpose = said is not None and int(said.purpose) == Purpose.FIRST_AMENDMENT_ONLY
        if purpose or is_first_amendment_only(self.seen.category or ""):
            told = "It says of itself that it holds nothing but First Amendment activity."
            yield self._found(Kind.FIRST_AMENDMENT, "use.forbidden", told)

    def _named_policy(self) -> Iterator[Found]:
        manifest = self.seen.manifest
        if manifest.policy_sha256.hex() != self.policy.pack.sha256:
            said = f"It names {other_policy(self.policy, manifest.policy_id, manifest.policy_sha256.hex())}."
            yield self._found(Kind.NOT_THIS_POLICY, "", said, counts=False)


def _length(one: Interval) -> int:
    return one.end_ms - one.start_ms


def _text(word: Word | Unknown) -> str:
    return str(word) if isinstance(word, Word) else f"number {int(word)}"


def _word(policy: Effective, family: Family, word: Word | Unknown) -> str:
    """A word of a recording as the policy's rules have it: an agency's own number is the nearest pack's."""
    if isinstance(word, Word):
        return str(word)
    for pack in policy.packs:
        if any(own.family is family and own.number == int(word) for own in pack.own_words):
            return resolved_word(f"{pack.id}/{int(word)}", family, policy.packs)
    return f"{policy.pack.id}/{int(word)}"

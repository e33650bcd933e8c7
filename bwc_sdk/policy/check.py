"""Whether a camera is configured as its policy asks, and whether the recordings that were made keep to it.

A finding names camera and recording, never a person. What rests on a rule that is only recalled, or cannot be told from
what is here, is a note: it does not count.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    ActivationEvent,
    ClockState,
    Interval,
    Purpose,
    StopReason,
    TriggerReason,
    is_first_amendment_only,
)
from bwc_protocol.word import Word
from bwc_sdk.policy.asked_settings import UNCLASSIFIED, How, Value, asked_of, plain, profile_of, wants
from bwc_sdk.policy.demands import AtLeast, Deadline, Forbidden, OnlyFrom
from bwc_sdk.policy.inheritance import Effective, Trouble, resolved_word
from bwc_sdk.policy.linter import Severity, lint
from bwc_sdk.policy.pack import canonical_json
from bwc_sdk.policy.seen import Seen, Unreadable
from bwc_sdk.policy.shift_times import ShiftTimes, by_shifts
from bwc_sdk.policy.vocabulary import Family

QUERY_VERSION: Final = 2
"""Raised when the same inputs give other findings than before."""
_S: Final = 1_000_000_000
_BY_THE_CAMERA: Final = range(64, 128)
"""Stop reasons that a camera gives by itself."""
_ANOTHER: Final = frozenset({TriggerReason.REMOTE, TriggerReason.SIGNAL_PEER})


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
    """The camera was switched off while it recorded."""
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


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check comes to."""

    policy: Effective
    found: tuple[Found, ...]
    recordings: int
    cameras: tuple[str, ...]
    late: int
    inputs_sha256: str

    @property
    def keeps(self) -> bool:
        """Whether nothing that counts was found."""
        return not any(one.counts for one in self.found)

    @property
    def tally(self) -> dict[str, int]:
        """How many findings that count there are of each kind."""
        counted = Counter(str(one.kind) for one in self.found if one.counts)
        return {str(kind): counted[str(kind)] for kind in Kind if counted[str(kind)]}


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
    return lost + _by_hours_alone(policy, recordings, shifts) + _weighed(told, firm)


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


def check_policy(policy: Effective) -> tuple[Found, ...]:
    """What is wrong with the policy itself, so that less is looked at than somebody thinks, or something else."""
    told = []
    for one in lint(policy):
        if one.severity is not Severity.ERROR:
            continue
        absent = one.code == str(Trouble.NOT_IN_FORCE)
        kind = Kind.NOT_IN_FORCE if absent else Kind.PACK_ERROR
        more = " None of its rules was looked at." if absent else f" ({one.code} of 'bwc policy lint')"
        told.append(Found(kind, one.rule, f"{one.sentence}{more}", counts=absent))
    return tuple(told)


def check_still_recording(policy: Effective, cameras: Iterable[str]) -> tuple[Found, ...]:
    """The findings of cameras that record in their docks."""
    rule = "record.stop_requires_reason"
    said = "It stands in its dock and records: nobody stopped it, and what it records cannot be stored yet."
    counts = wants(policy.firm, rule)
    named = rule if wants(policy, rule) else ""
    return tuple(Found(Kind.RECORDS_STILL, named, said, one, counts=counts) for one in sorted(cameras))


def check_configuration(
    policy: Effective, values: Mapping[str, Value], camera: str, applied: Mapping[str, Value] | None = None
) -> tuple[Found, ...]:
    """The findings of a camera's effective configuration. What is `applied`, and takes effect when it is undocked or
    restarted, is told beside them: until then the camera does not keep to it."""
    told, firm = (list(_configured(each, values, camera, applied or {})) for each in (policy, policy.firm))
    return _weighed(told, firm)


def _configured(
    policy: Effective, values: Mapping[str, Value], camera: str, applied: Mapping[str, Value]
) -> Iterator[Found]:
    told = set()
    for asked in asked_of(policy):
        value = values.get(asked.key)
        if value is None and asked.how is How.PERMITTED:
            continue  # what it has not it does not do
        if value is None or not asked.kept_by(value):
            told.add(asked.key)
        if value is None:
            absent = f"The camera has no setting {asked.key}, and {asked.rule} asks for {asked}."
            yield Found(Kind.SETTING_ABSENT, asked.rule, absent, camera)
        elif not asked.kept_by(value):
            said = f"{asked.key} is {_shown(value)}, and {asked.rule} asks for {asked}."
            waits = applied.get(asked.key)
            if waits is not None and asked.kept_by(waits):
                said += " The right value is applied, and not in effect yet: undock or restart the camera."
            yield Found(Kind.SETTING, asked.rule, said, camera)
    profile, _ = profile_of(policy)
    for key in sorted(policy.settings):
        value = profile[key]
        if key not in told and values.get(key) != value:
            said = f"{key} is {_shown(values.get(key))}, and the pack sets {_shown(value)}."
            yield Found(Kind.DRIFT, "", said, camera)
    if values.get("policy.sha256") != policy.pack.sha256 or values.get("policy.id") != policy.pack.id:
        named = str(values.get("policy.id") or ""), str(values.get("policy.sha256") or "")
        said = f"The camera names {_not_this(policy, *named)}."
        yield Found(Kind.NOT_THIS_POLICY, "", said, camera)


def _shown(value: object) -> str:
    return "absent" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _weighed(told: Sequence[Found], firm: Sequence[Found]) -> tuple[Found, ...]:
    """What is not found by the rules that somebody looked up is a note."""
    sure = {_same(one) for one in firm}
    return tuple(one if _same(one) in sure else replace(one, counts=False) for one in told)


def _same(one: Found) -> tuple[object, ...]:
    return one.kind, one.rule, one.camera, one.recording, one.counts


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
                "The camera was switched off, or its battery was empty, while it recorded.",
            ),
            StopReason.STORAGE_FULL: (Kind.STORAGE_FULL, "No room was left."),
            StopReason.POWER_LOST: (Kind.POWER_LOST, "The camera lost its power while it recorded."),
        }
        if isinstance(ending, Unknown) or ending not in kinds:
            return  # it goes on in the next one, or is of a camera that is newer than this
        kind, said = kinds[ending]
        first = "record.endurance_h" if kind is Kind.POWER_LOST else "record.may_stop_for"
        rule = next((one for one in (first, "record.may_stop_for") if one in self.policy.rules), None)
        if rule is not None:
            yield self._found(kind, rule, said)

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
            said = f"It names {_not_this(self.policy, manifest.policy_id, manifest.policy_sha256.hex())}."
            yield self._found(Kind.NOT_THIS_POLICY, "", said, counts=False)


def _not_this(policy: Effective, named: str, sha256: str) -> str:
    pack = policy.pack
    if named != pack.id:
        return f"{named or 'no policy'}, not {pack.id} of {pack.sha256[:16]}"
    other = f"another version of it, {sha256[:16]}" if sha256.strip("0") else "no version of it"
    return f"{named} and {other}, not {pack.sha256[:16]}"


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


def inputs_sha256(
    policy: Effective,
    recordings: Iterable[Seen],
    configurations: Mapping[str, Mapping[str, Value]],
    shifts: ShiftTimes | None = None,
    recording_still: Iterable[str] = (),
) -> str:
    """What a check was made of: packs, recordings, how they were stored, configurations, times of shifts, and which
    cameras record in their docks."""
    made_of = {
        "packs": [[one.id, one.sha256] for one in policy.packs],
        "on": policy.on.isoformat(),
        "recordings": [[one.manifest.sha256.hex(), one.category, one.stored_ns] for one in recordings],
        "configurations": {name: dict(values) for name, values in configurations.items()},
    }
    if shifts is not None:
        made_of["shifts"] = shifts.model_dump(mode="json")
    if still := sorted(recording_still):
        made_of["recording_still"] = still
    return hashlib.sha256(canonical_json(made_of)).hexdigest()


def document(found: Checked) -> dict[str, Any]:
    """For machines: the same for the same inputs."""
    return {
        "query": {"name": "policy-check", "version": QUERY_VERSION, "on": found.policy.on.isoformat()},
        "pack": found.policy.pack.id,
        "sha256": found.policy.pack.sha256,
        "inputs_sha256": found.inputs_sha256,
        "keeps": found.keeps,
        "recordings": found.recordings,
        "late": found.late,
        "cameras": list(found.cameras),
        "tally": found.tally,
        "findings": [one.plain() for one in found.found],
    }

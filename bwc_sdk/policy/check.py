"""Whether a camera is configured as its policy asks, and whether the recordings that were made keep to it.

A finding names camera and recording, never a person. What rests on a rule that is only recalled, or cannot be told from
what is here, is a note: it does not count.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bwc_sdk.clients.waiting_settings import NOT_YET, UNDOCK_OR_RESTART
from bwc_sdk.policy.asked_settings import How, Value, asked_of, profile_of, wants
from bwc_sdk.policy.findings import Found as Found
from bwc_sdk.policy.findings import Kind as Kind
from bwc_sdk.policy.findings import other_policy, weighed
from bwc_sdk.policy.inheritance import Effective, Trouble
from bwc_sdk.policy.linter import lint
from bwc_sdk.policy.pack import canonical_json
from bwc_sdk.policy.policy_fault import Severity
from bwc_sdk.policy.recording_check import check_recordings as check_recordings
from bwc_sdk.policy.seen import Seen
from bwc_sdk.policy.shift_times import ShiftTimes

NOT_IN_EFFECT: Final = f" The right value is {NOT_YET}: {UNDOCK_OR_RESTART}."
QUERY_VERSION: Final = 3
"""Raised when the same inputs give other findings than before."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check comes to."""

    policy: Effective
    found: tuple[Found, ...]
    recordings: int
    cameras: tuple[str, ...]
    late: int
    inputs_sha256: str
    until_ns: int | None = None
    """Until when what is not stored yet was waited for; None = it was not looked at."""

    @property
    def judged(self) -> bool:
        """Whether there was anything to judge: a recording, a camera, or a finding that counts without either."""
        return bool(self.recordings or self.cameras) or any(one.counts for one in self.found)

    @property
    def keeps(self) -> bool:
        """Whether nothing that counts was found, where there was something to judge."""
        return self.judged and not any(one.counts for one in self.found)

    @property
    def tally(self) -> dict[str, int]:
        """How many findings that count there are of each kind."""
        counted = Counter(str(one.kind) for one in self.found if one.counts)
        return {str(kind): counted[str(kind)] for kind in Kind if counted[str(kind)]}


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
    return weighed(told, firm)


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
                said += NOT_IN_EFFECT
            yield Found(Kind.SETTING, asked.rule, said, camera)
    profile, _ = profile_of(policy)
    for key in sorted(policy.settings):
        value = profile[key]
        if key not in told and values.get(key) != value:
            said = f"{key} is {_shown(values.get(key))}, and the pack sets {_shown(value)}."
            if applied.get(key) == value:
                said += NOT_IN_EFFECT
            yield Found(Kind.DRIFT, "", said, camera)
    if values.get("policy.sha256") != policy.pack.sha256 or values.get("policy.id") != policy.pack.id:
        named = str(values.get("policy.id") or ""), str(values.get("policy.sha256") or "")
        said = f"The camera names {other_policy(policy, *named)}."
        yield Found(Kind.NOT_THIS_POLICY, "", said, camera)


def _shown(value: object) -> str:
    return "absent" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def inputs_sha256(
    policy: Effective,
    recordings: Iterable[Seen],
    configurations: Mapping[str, Mapping[str, Value]],
    shifts: ShiftTimes | None = None,
    recording_still: Iterable[str] = (),
    now_ns: int | None = None,
) -> str:
    """What a check was made of: packs, recordings, how they were stored, configurations, times of shifts, which cameras
    record in their docks, and until when what is not stored yet was waited for."""
    made_of: dict[str, Any] = {
        "packs": [[one.id, one.sha256] for one in policy.packs],
        "on": policy.on.isoformat(),
        "recordings": [[one.manifest.sha256.hex(), one.category, one.stored_ns] for one in recordings],
        "configurations": {name: dict(values) for name, values in configurations.items()},
    }
    if shifts is not None:
        made_of["shifts"] = shifts.model_dump(mode="json")
    if still := sorted(recording_still):
        made_of["recording_still"] = still
    if now_ns is not None:
        made_of["until_ns"] = now_ns
    return hashlib.sha256(canonical_json(made_of)).hexdigest()


def document(found: Checked) -> dict[str, Any]:
    """For machines: the same for the same inputs."""
    query: dict[str, Any] = {
        "name": "policy-check",
        "version": QUERY_VERSION,
        "on": found.policy.on.isoformat(),
    }
    if found.until_ns is not None:
        query["until_utc_ns"] = found.until_ns
    return {
        "query": query,
        "pack": found.policy.pack.id,
        "sha256": found.policy.pack.sha256,
        "inputs_sha256": found.inputs_sha256,
        "judged": found.judged,
        "keeps": found.keeps,
        "recordings": found.recordings,
        "late": found.late,
        "cameras": list(found.cameras),
        "tally": found.tally,
        "findings": [one.plain() for one in found.found],
    }

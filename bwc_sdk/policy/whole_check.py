"""A check of several stores, and of what cameras still have, as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bwc_sdk.policy.asked_settings import Value
from bwc_sdk.policy.check import (
    Checked,
    Kind,
    check_configuration,
    check_policy,
    check_recordings,
    check_still_recording,
    inputs_sha256,
)
from bwc_sdk.policy.inheritance import Effective
from bwc_sdk.policy.seen import Seen, Unreadable, once, seen_in_store
from bwc_sdk.policy.shift_times import ShiftTimes


def check_all(
    policy: Effective,
    stores: Sequence[Path],
    configurations: Mapping[str, Mapping[str, Value]] | None = None,
    on_cameras: Sequence[Seen] = (),
    *,
    applied: Mapping[str, Mapping[str, Value]] | None = None,
    now_ns: int | None = None,
    shifts: ShiftTimes | None = None,
    recording_still: Collection[str] = (),
) -> Checked:
    """`configurations` are effective ones, by the identity of their cameras, `applied` what is to come; `now_ns` is
    until when what is not stored yet may be waited for, `shifts` when shifts change, `recording_still` are cameras that
    record in their docks. Raises `HostFileError`."""
    found = [one for path in stores for one in seen_in_store(path)]
    recordings = once([*(one for one in found if isinstance(one, Seen)), *on_cameras])
    unreadable = [one for one in found if isinstance(one, Unreadable)]
    given = configurations or {}
    told = list(check_policy(policy))
    told += [
        one
        for camera, values in sorted(given.items())
        for one in check_configuration(policy, values, camera, (applied or {}).get(camera))
    ]
    told += check_still_recording(policy, recording_still)
    told += check_recordings(policy, recordings, unreadable, now_ns=now_ns, shifts=shifts)
    return Checked(
        policy,
        tuple(told),
        len(recordings),
        tuple(sorted({one.camera for one in recordings} | set(given))),
        sum(one.kind is Kind.LATE_OFFLOAD for one in told),
        inputs_sha256(policy, recordings, given, shifts, recording_still, now_ns),
        now_ns,
    )

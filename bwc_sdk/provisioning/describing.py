"""What a record says of a camera that was provisioned: as it was found, what was done, and as it said itself to be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bwc_protocol.declare import to_plain
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.clients.waiting_settings import not_yet
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning.one_camera import Done, Found
from bwc_sdk.provisioning.profile import Profile
from bwc_sdk.provisioning.records import VERSION, Record
from bwc_sdk.provisioning.roster import Member
from bwc_sdk.version import __version__


def describe(
    done: Done,
    *,
    place: str,
    profile: Profile,
    member: Member | None,
    identity: HostIdentity,
    utc_ns: int,
    number: int,
    before: Record | None,
    interrupted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record, ready for JSON. `number` is its place among those of its camera, `before` the one before it.
    `interrupted` is how a run that did not come to its record had found the camera: what that changed is no difference
    any more."""
    camera, assignment, clock = done.found.identity, done.assignment, done.clock
    return {
        "bwc_provisioning": VERSION,
        "made_utc": utc_text(utc_ns // 1_000_000_000),
        "made_with": f"bwc-sdk {__version__}",
        "by": identity.name,
        "lab": identity.lab,
        "place": place,
        "number": number,
        "earlier_record": "" if before is None else before.path.name,
        "earlier_record_sha256": "" if before is None else before.sha256,
        "this_run_changed": _deeds(done),
        "camera": {
            "serial_number": camera.serial,
            "manufacturer": camera.manufacturer,
            "model": camera.model,
            "hardware": camera.hardware,
            "firmware": camera.firmware,
            "firmware_sha256": camera.firmware_sha256.hex(),
            "simulator": camera.simulator,
            "certificate_until_utc": utc_text(done.certificate_until_s) if done.certificate_until_s else "",
        },
        "profile": {"name": profile.name, "sha256": profile.sha256},
        "settings": dict(sorted(done.settings.items())),
        "not_in_effect_yet": {one.key: one.plain() for one in done.waiting},
        "not_in_effect_yet_said": not_yet(done.waiting) if done.waiting else "",
        "changed": _changed(done.found),
        "interrupted": None if interrupted is None else dict(interrupted),
        "assignment": {
            "officer": assignment.officer,
            "unit": assignment.unit,
            "revision": assignment.revision,
            "earlier_officer": done.found.assignment.officer,
            "training_valid_until": str(member.training_until or "") if member else "",
        },
        "desired_counter": done.desired_counter,
        "recordings": done.found.recordings,
        "clock": {"before": _measured(done.found.clock), "after": None}
        if clock is None
        else {
            "before": _measured(clock.before),
            "after": _measured(clock.after),
            "source": to_plain(clock.word.source),
            "assurance": to_plain(clock.word.assurance),
            "uncertainty_ns": clock.uncertainty_ns,
        },
        "self_test": to_plain(done.self_test),
    }


def as_found(found: Found, utc_ns: int) -> dict[str, Any]:
    """A camera before anything was changed, for the record of a run that takes up where another ended."""
    return {
        "utc": utc_text(utc_ns // 1_000_000_000),
        "changed": _changed(found),
        "officer": found.assignment.officer,
        "clock": _measured(found.clock),
        "recordings": found.recordings,
    }


def _deeds(done: Done) -> list[str]:
    """What this run changed itself; empty = nothing."""
    return [
        *(["settings"] if done.found.differing else []),
        *(["assignment"] if done.assignment.revision != done.found.assignment.revision else []),
        *(["clock"] if done.clock is not None else []),
    ]


def _changed(found: Found) -> dict[str, Any]:
    return {key: {"from": was, "to": to} for key, (was, to) in found.differing.items()}


def utc_text(utc_s: int) -> str:
    """A time as RFC 3339 has it, to the second."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _measured(one: Measurement) -> dict[str, int]:
    return {"offset_ns": one.offset_ns, "uncertainty_ns": one.uncertainty_ns, "revision": one.revision}

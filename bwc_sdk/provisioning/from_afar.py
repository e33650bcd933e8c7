"""Provisions cameras that are not here: a desired state for each, which any dock delivers at its next docking."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bwc_sdk.identity.desired import desired_path, next_counter, same_generation, sign_desired
from bwc_sdk.identity.document_files import write_document
from bwc_sdk.identity.durable_files import telling_files
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning.choosing import why_not
from bwc_sdk.provisioning.profile import Profile
from bwc_sdk.provisioning.roster import Roster


@dataclass(frozen=True, slots=True)
class Signed:
    """A desired state that was signed."""

    officer: str
    serial_number: str
    path: Path


@dataclass(frozen=True, slots=True)
class NotSigned:
    """Somebody of the roster for whom none was, and why."""

    officer: str
    reason: str


def sign_desired_states(
    roster: Roster,
    profile: Profile,
    out: Path,
    *,
    held: Mapping[str, str],
    identity: HostIdentity,
    utc_s: int,
) -> tuple[tuple[Signed, ...], tuple[NotSigned, ...]]:
    """Signs settings and assignment for each camera that is known by its serial number: by the roster, or by `held`,
    which says who has which by an earlier run.

    Safe to repeat: a later document takes the place of the earlier, by its counter. Raises `InvalidValue` for what no
    camera can take, `DocumentError`, `IdentityError`, `HostFileError`.
    """
    on = datetime.datetime.fromtimestamp(utc_s, datetime.UTC).date()
    with telling_files(out):
        out.mkdir(mode=0o755, parents=True, exist_ok=True)  # docks read it, by whatever user
    signed, left = [], []
    for member in roster.members:
        serial = member.serial_number or held.get(member.officer, "")
        reason = why_not(member, on) or (
            "" if serial else "no serial number, in the roster or by an earlier run"
        )
        if reason:
            left.append(NotSigned(member.officer, reason))
            continue
        path = desired_path(out, serial)
        document = sign_desired(
            identity,
            camera=serial,
            counter=next_counter(out, serial),
            generation=same_generation(out, serial),
            utc_s=utc_s,
            settings=profile.settings,
            assignment=(member.officer, member.unit),
            profile=profile.name,
        )
        write_document(path, document, over=True)
        signed.append(Signed(member.officer, serial, path))
    return tuple(signed), tuple(left)

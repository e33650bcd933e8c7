"""Who is to carry which camera: by its serial number, by its slot, else in order of docking.

A camera that is somebody's of the roster already stays his or hers. Whoever has a camera by an earlier run does not get
another one, also when that camera is not here.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bwc_sdk.errors import RosterError
from bwc_sdk.provisioning.roster import Member, Roster

Choice = Member | RosterError
NAMED_MAX: Final = 5
"""People of a roster that one line names: a roster may be of the whole agency."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A camera that is there."""

    serial_number: str
    slots: frozenset[str]
    officer: str
    """Who carries it now; "" = nobody."""


def choose(
    candidates: Sequence[Candidate], roster: Roster, on: datetime.date, held: Mapping[str, str]
) -> tuple[Choice, ...]:
    """For each camera, in the order of docking, who is to carry it, or why nobody can.

    `held` says who has a camera by an earlier run: officer to serial number.
    """
    present = {one.serial_number for one in candidates}
    named = [_named(one, roster) for one in candidates]
    taken = {member.officer for member in named if member} | {
        officer for officer, serial in held.items() if serial not in present
    }
    kept: list[Member | None] = []
    for one, member in zip(candidates, named, strict=True):
        own = member or _own(one, roster, held, taken)
        if own:
            taken.add(own.officer)
        kept.append(own)
    waiting = iter([m for m in roster.members if _in_order(m, on) and m.officer not in taken])
    away = absent(candidates, roster, on)
    return tuple(
        _fit(member or next(waiting, None), one, roster, on, away)
        for one, member in zip(candidates, kept, strict=True)
    )


def absent(candidates: Sequence[Candidate], roster: Roster, on: datetime.date) -> tuple[Member, ...]:
    """Whose camera is named by the roster, and is not among those that are here."""
    here = {member.officer for one in candidates if (member := _named(one, roster))}
    return tuple(
        member
        for member in roster.members
        if (member.serial_number or member.slot) and member.active(on) and member.officer not in here
    )


def without_camera(roster: Roster, on: datetime.date, held: Mapping[str, str]) -> tuple[Member, ...]:
    """Who may carry a camera, has none, and waits for none by its number or slot."""
    return tuple(
        one
        for one in roster.members
        if _in_order(one, on) and one.officer not in held and not why_not(one, on)
    )


def elsewhere(
    candidates: Sequence[Candidate], roster: Roster, on: datetime.date, held: Mapping[str, str]
) -> tuple[Member, ...]:
    """Who has a camera by an earlier run that is not among those that are here, and is named by no number or slot."""
    present = {one.serial_number for one in candidates}
    return tuple(
        one
        for one in roster.members
        if _in_order(one, on) and held.get(one.officer, "") not in ("", *present)
    )


def _named(one: Candidate, roster: Roster) -> Member | None:
    """Whose the camera is by its serial number or its place."""
    return roster.of_camera(one.serial_number) or next(
        (member for slot in sorted(one.slots) if (member := roster.of_slot(slot))), None
    )


def _own(one: Candidate, roster: Roster, held: Mapping[str, str], taken: set[str]) -> Member | None:
    """Whose it is already: by an earlier run that may not have come to its end, or by what the camera itself says."""
    for officer in (next((o for o, serial in held.items() if serial == one.serial_number), ""), one.officer):
        member = roster.of_officer(officer) if officer else None
        if member and not (member.serial_number or member.slot) and officer not in taken:
            return member
    return None


def _in_order(member: Member, on: datetime.date) -> bool:
    return not (member.serial_number or member.slot) and member.active(on)


def _fit(
    member: Member | None, one: Candidate, roster: Roster, on: datetime.date, away: Sequence[Member]
) -> Choice:
    if member is None:
        waits = f"; {named_shortly(away)} wait for cameras that are not here" if away else ""
        asked = "is each slot and serial number of the roster right? Else " if away else ""
        return RosterError(
            (f"nobody of {roster.path.name} is left for {one.serial_number}{waits}",),
            advice=f"{asked}add a line, or take the camera away; the others are gone on with",
        )
    if reason := why_not(member, on):
        back = "'bwc return' takes the camera back; " if one.officer == member.officer else ""
        return RosterError(
            (f"line {member.line}: {reason}",),
            advice=f"{back}train again, or give it to somebody else by the roster",
        )
    return member


def named_shortly(members: Sequence[Member], held: Mapping[str, str] | None = None) -> str:
    """Some people of a roster, each with the camera that is meant, or that he or she has (`held`)."""
    told = []
    for one in members[:NAMED_MAX]:
        camera = f"slot {one.slot}" if one.slot else one.serial_number or (held or {}).get(one.officer, "")
        told.append(f"line {one.line} {one.officer}{f' ({camera})' if camera else ''}")
    more = len(members) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def why_not(member: Member, on: datetime.date) -> str:
    """Why somebody may carry no camera on a day; "" if he or she may."""
    if not member.active(on):
        return f"{member.officer} ended on {member.ended}"
    if member.training_until is not None and member.training_until < on:
        return f"the training of {member.officer} counted until {member.training_until}"
    return ""

"""`bwc check`: whether cameras are fit for the shift."""

from __future__ import annotations

import asyncio
import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.many import Also, Station, require_station_alone
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.event_document import plain
from bwc_sdk.cli.printing.facts import Fact, fact
from bwc_sdk.cli.printing.output import Output, rows_of
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import (
    connecting,
    connecting_station,
    identity_of,
    output_for,
    require_device,
    role_for,
)
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNCHANGED, local_verb, verbs
from bwc_sdk.clients.configuration import Value, read_file
from bwc_sdk.clients.connecting import connect
from bwc_sdk.clients.known_settings import require_spelt
from bwc_sdk.errors import BwcError, HostFileError
from bwc_sdk.fitness.limits import Limits, Officer
from bwc_sdk.fitness.many import Checked, check_many, check_station
from bwc_sdk.fitness.record import append, document_of, prepare, record_of
from bwc_sdk.fitness.verdict import Standing

if TYPE_CHECKING:
    from bwc_sdk.fitness.many import Connect

app = verbs()
DEFAULTS = Limits()


@app.command("check")
@local_verb
def check_verb(
    settings: Settings,
    output: Output,
    also: Also = None,
    station: Station = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            readable=False,
            metavar="FILE",
            help="Settings that it has to have, as 'bwc config show --toml' prints them.",
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            readable=False,
            metavar="FILE",
            help="Roster: CSV with the columns 'officer' and 'training valid until'.",
        ),
    ] = None,
    hours: Annotated[
        float,
        typer.Option(min=0.0, max=168.0, help="Recording that battery and storage have to be good for."),
    ] = DEFAULTS.hours,
    hours_when_new: Annotated[
        float,
        typer.Option(min=0.1, max=168.0, help="Hours for which a full, new battery of this model records."),
    ] = DEFAULTS.hours_when_new,
    pool: Annotated[bool, typer.Option("--pool", help="It may be assigned to nobody yet.")] = False,
    no_self_test: Annotated[bool, typer.Option("--no-self-test", help="Leave the self-test out.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            readable=False, metavar="DIR", help="Append what was found to checks.jsonl in this directory."
        ),
    ] = None,
) -> int:
    """Tell whether cameras are fit for the shift, and why not.

    What is looked at: battery, room, clock, configuration, certificate, assignment, training, self-test, faults, and
    footage that is still on it. Changes nothing. Many cameras, or all bays of a station, are checked at once. Exits
    with 24 unless every one is fit. What a camera does not tell keeps it back, too.
    """
    require_station_alone(settings, station, also)
    if also and settings.capture is not None:
        raise typer.BadParameter("--capture is about one link, not about many")
    limits = Limits(
        hours=hours,
        hours_when_new=hours_when_new,
        assigned=not pool,
        profile=None if profile is None else _settings_of(profile),
        officers=None if roster is None else _officers(roster),
    )
    if record is not None:
        prepare(record)
    if station is not None:
        work = _at_station(dataclasses.replace(settings, device=station), limits, self_test=not no_self_test)
    else:
        work = check_many(_cameras(settings, also or []), limits, self_test=not no_self_test)
    try:
        found = asyncio.run(work)
    except KeyboardInterrupt as stop:
        raise Interrupted(UNCHANGED) from stop
    if len(found) == 1 and station is None:
        (one,) = found.values()
        if isinstance(one, BwcError):
            raise one
    if record is not None:
        kept = [
            record_of(one.facts, one.verdict, checked_by=one.checked_by, slot=slot)
            for slot, one in found.items()
            if isinstance(one, Checked)
        ]
        try:
            append(record, kept)
        except HostFileError:
            _tell(output, found)  # what was found is told all the same
            raise
    return _tell(output, found)


def _settings_of(path: Path) -> dict[str, Value]:
    found = read_file(path)
    require_spelt(found, path)
    return found


def _officers(path: Path) -> dict[str, Officer]:
    from bwc_sdk.provisioning.roster import read_roster

    return {one.officer: Officer(one.training_until, one.ended) for one in read_roster(path).members}


def _cameras(settings: Settings, also: list[str]) -> dict[str, Connect]:
    first = require_device(settings)
    if not also:
        return {first: partial(_one, settings)}
    role = role_for(settings, Role.TECHNICIAN)
    choice = identity_of(settings, role)
    return {uri: partial(connect, uri, role=role, **choice) for uri in (first, *also)}


def _one(settings: Settings) -> Any:
    return connecting(settings, Role.TECHNICIAN)


async def _at_station(
    settings: Settings, limits: Limits, *, self_test: bool
) -> dict[str, Checked | BwcError]:
    async with connecting_station(settings, Role.TECHNICIAN) as station:
        output_for(settings, station)  # its note marks a session that is not protected
        return await check_station(station, limits, self_test=self_test)


def _tell(output: Output, found: dict[str, Checked | BwcError]) -> int:
    fit = bool(found) and all(isinstance(one, Checked) and one.verdict.fit for one in found.values())
    output.show(
        {"fit": fit, "cameras": [_document(slot, one) for slot, one in found.items()]},
        rows_of("", (_row(slot, one) for slot, one in found.items()), empty="no camera is there"),
        rows_of(
            "checks", (row for slot, one in found.items() for row in _checks(slot, one)), section="check"
        ),
    )
    for slot, one in found.items():
        if isinstance(one, BwcError):
            output.note(f"{slot}: {one.rule}" + (f"; try: {one.advice}" if one.advice else ""))
            continue
        for reason in one.verdict.reasons:
            advice = f"; try: {reason.advice}" if reason.advice else ""
            output.note(f"{slot}: not fit, {reason.check}: {reason.detail}{advice}")
    return ExitCode.SUCCESS if fit else ExitCode.NOT_FIT


def _document(slot: str, one: Checked | BwcError) -> dict[str, Any]:
    if isinstance(one, BwcError):
        return {"slot": slot, "identity": None, "fit": False, "checks": [], "error": plain(one)}
    return {"slot": slot, **document_of(one.verdict), "error": None}


def _row(slot: str, one: Checked | BwcError) -> list[Fact]:
    if isinstance(one, BwcError):
        return [
            fact("slot", slot),
            fact("identity", ""),
            fact("fit", False, "NOT REACHED"),
            fact("why", one.rule),
        ]
    verdict = one.verdict
    why = ", ".join(str(reason.check) for reason in verdict.reasons)
    return [
        fact("slot", slot),
        fact("identity", verdict.identity),
        fact("fit", verdict.fit, "fit" if verdict.fit else "NOT FIT"),
        fact("why", why),
    ]


def _checks(slot: str, one: Checked | BwcError) -> list[list[Fact]]:
    if isinstance(one, BwcError):
        return []
    return [
        [
            fact("slot", slot),
            fact("check", str(found.check)),
            fact("standing", str(found.standing)),
            fact("detail", found.detail),
        ]
        for found in one.verdict.findings
        if found.standing is not Standing.NOT_ASKED
    ]

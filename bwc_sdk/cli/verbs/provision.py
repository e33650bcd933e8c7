"""`bwc provision`: from a box of new cameras to a bench of ready ones."""

import asyncio
import contextlib
import dataclasses
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from bwc_protocol.declare import Role
from bwc_protocol.messages.clock import TimeSource
from bwc_sdk.cli.arguments.authority import AuthorityOptions, CaDir, authority_of
from bwc_sdk.cli.arguments.ca.options import Today
from bwc_sdk.cli.arguments.ca.passphrases import IssuingFile
from bwc_sdk.cli.arguments.host_time_word import Source, Uncertainty
from bwc_sdk.cli.arguments.many import Also, Station, named_devices, require_station_alone
from bwc_sdk.cli.arguments.technician import technician_of
from bwc_sdk.cli.arguments.time_span import span_ns
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.provisioning import ProvisioningTeller, show_left
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import connecting_station, identity_of, output_for
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.cli.verbs.enroll import NO_RECIPIENT, Serials, VendorRoot, lab_keys, tell, vendor_of
from bwc_sdk.clients.known_settings import not_known
from bwc_sdk.enrolment import enroll
from bwc_sdk.errors import NotEnrolled
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning import (
    NotProvisioned,
    Place,
    Profile,
    ProvisioningEvent,
    Records,
    Roster,
    TimeWord,
    place_at,
    places_of,
    provision,
    read_profile,
    read_roster,
    sign_desired_states,
)
from bwc_sdk.provisioning.choosing import named_shortly, without_camera

app = verbs()
STRANGE_MAX: Final = 20
"""Names of settings that one line has."""
CA_WANTED: Final = (
    "--enroll asks who certifies: --ca DIR, or --lab; a CA elsewhere by 'bwc enroll --csr-out' first"
)
STOPPED: Final = "what was told as provisioned is; the same command goes on with the others"


@dataclasses.dataclass(frozen=True, slots=True)
class _Run:
    """What was asked for, read and checked before any camera is."""

    profile: Profile
    roster: Roster | None
    folder: Path
    identity: HostIdentity
    word: TimeWord
    plan: bool


@app.command("provision")
@local_verb
def provision_verb(
    settings: Settings,
    output: Output,
    profile: Annotated[
        Path,
        typer.Argument(
            metavar="PROFILE",
            readable=False,
            help="Configuration file (TOML), as 'bwc config show --toml' or 'bwc policy compile' writes one.",
        ),
    ],
    records: Annotated[
        Path,
        typer.Option(
            "--records",
            metavar="DIR",
            readable=False,
            help="Where the signed record of each camera goes, and its page to print; made if it is missing.",
        ),
    ],
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster",
            metavar="CSV",
            readable=False,
            help="Who carries which camera: a table with the column 'officer', and as far as they are there 'unit', "
            "'serial number' or 'slot', 'training valid until', 'ended'. Without: assignments stay as they are.",
        ),
    ] = None,
    station: Station = None,
    also: Also = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            readable=False,
            help="Ask no camera: sign what each is to be, into this directory that docks deliver from.",
        ),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be done.")] = False,
    source: Source = None,
    uncertainty: Uncertainty = None,
    enrol: Annotated[
        bool,
        typer.Option("--enroll", help="First make new ones the agency's: says whose button is next."),
    ] = False,
    ca: CaDir = None,
    vendor_root: VendorRoot = None,
    serials: Serials = None,
    today: Today = None,
    passphrase_file: IssuingFile = None,
) -> int:
    """Configure, assign and test every camera that is there, by a profile and a roster: all at once.

    Their clocks are set, too. Each is read back, and gets a signed record with a page to print. Who gets which is
    known by serial number or slot, else by the order of docking; who has one keeps it. Safe to repeat: after anything
    at all the same command goes on. One that fails stops no other. Exits with 10 while any is left, and lists those.
    """
    require_station_alone(settings, station, also)
    if enrol and plan:
        raise typer.BadParameter("--plan changes nothing, and --enroll does")
    if out is not None:
        if station or also or settings.device or plan or enrol:
            raise typer.BadParameter(
                "--out asks no camera: without --station, --device, --also, --plan and --enroll"
            )
        if roster is None:
            raise typer.BadParameter("--out needs a --roster: it says which cameras there are")
        return _sign(settings, output, read_profile(profile), read_roster(roster), records, out)
    uris = [station] if station is not None else named_devices(settings, also)
    run = _Run(
        read_profile(profile),
        None if roster is None else read_roster(roster),
        records,
        technician_of(settings),
        TimeWord(
            None if source is None else TimeSource[source.name],
            None if uncertainty is None else span_ns(uncertainty),
        ),
        plan,
    )
    if strange := not_known(run.profile.settings):
        output.note(
            f"{profile}: only the cameras can say whether they have {', '.join(strange[:STRANGE_MAX])}"
        )
    if run.roster is not None and run.roster.ignored:
        output.note(f"{roster}: columns that mean nothing here: {', '.join(run.roster.ignored)}")
    if run.word.source is None and not World().host_time().synchronised:
        output.note(
            "this host does not know its time to be right, and sets no clock by it: --source says where from"
        )
    enrolling = None
    if enrol:
        if ca is None and not settings.lab:
            raise typer.BadParameter(CA_WANTED)
        given = AuthorityOptions(ca, None, None, None, passphrase_file, today)
        authority = authority_of(settings, given, run.identity)
        if not authority.parts().recipients:
            output.note(NO_RECIPIENT)
        enrolling = partial(
            enroll,
            authority=authority,
            vendor=vendor_of(settings, vendor_root, serials),
            identity=run.identity,
            proving=lab_keys() if settings.lab else (),
        )

    async def whole(kept: Records) -> list[NotProvisioned]:
        if enrolling is not None:
            for uri in uris:
                async for event in enrolling(uri):
                    tell(output, event)
        async with places(settings, station, uris) as there:
            events = provision(
                there,
                run.profile,
                roster=run.roster,
                records=kept,
                identity=run.identity,
                plan=run.plan,
                word=run.word,
            )
            left = await told(events, output, there, plan=run.plan)
        if run.roster is not None and not run.plan:
            _tell_who_waits(output, run.roster, kept)
        return left

    try:
        with Records.opened(run.folder) as kept:  # before a camera is asked, or a button pressed
            left = asyncio.run(whole(kept))
    except NotEnrolled as error:
        _to_enrol(error, settings, plan=plan, enrol=enrol)
        raise
    except KeyboardInterrupt as stop:
        raise Interrupted("nothing was changed" if plan else STOPPED) from stop
    for one in left:
        if isinstance(one.error, NotEnrolled):
            _to_enrol(one.error, settings, plan=plan, enrol=enrol)
    show_left(output, left)
    return ExitCode.INCOMPLETE if left else ExitCode.SUCCESS


def _tell_who_waits(output: Output, roster: Roster, kept: Records) -> None:
    """Who of a roster has no camera yet: there were fewer than people."""
    today = datetime.fromtimestamp(World().utc_ns() / 1e9, UTC).date()
    waiting = without_camera(roster, today, kept.held())
    if waiting:
        output.note(f"{len(waiting)} of {roster.path} have no camera yet: {named_shortly(waiting)}")


def _to_enrol(error: NotEnrolled, settings: Settings, *, plan: bool, enrol: bool) -> None:
    """Says what leads on from here: this command enrols, too."""
    if enrol:
        error.advice = "run the same command again, and press its button when it is asked for"
    else:
        with_it = "--enroll" if settings.lab else "--enroll --ca DIR --vendor-root FILE"
        instead = f"{with_it} instead of --plan" if plan else with_it
        error.advice = f"the same command with {instead}: it says when to press its enrolment button"


def _sign(
    settings: Settings, output: Output, profile: Profile, roster: Roster, records: Path, out: Path
) -> ExitCode:
    identity = technician_of(settings)
    with Records.opened(records) as kept:
        signed, left = sign_desired_states(
            roster, profile, out, held=kept.held(), identity=identity, utc_s=int(time.time())
        )
    names = ["officer", "camera", "file"]
    output.show(
        {
            "signed": [
                dict(zip(names, (s.officer, s.serial_number, str(s.path)), strict=True)) for s in signed
            ],
            "left": [{"officer": one.officer, "reason": one.reason} for one in left],
        },
        Rows("signed", names, [[s.officer, s.serial_number, str(s.path)] for s in signed]),
        *([Rows("left", ["officer", "why"], [[one.officer, one.reason] for one in left])] if left else []),
    )
    return ExitCode.INCOMPLETE if left else ExitCode.SUCCESS


@contextlib.asynccontextmanager
async def places(
    settings: Settings, station: str | None, uris: list[str]
) -> AsyncIterator[tuple[Place, ...]]:
    """Where cameras stand, for as long as the block runs."""
    if station is not None:
        at = dataclasses.replace(settings, device=station)
        async with connecting_station(at, Role.TECHNICIAN) as link:
            output_for(at, link)  # its note marks a session that is not protected, or a simulator
            yield await places_of(link)
    else:
        who = identity_of(settings, Role.TECHNICIAN)
        yield tuple(place_at(uri, **who) for uri in uris)


async def told(
    events: AsyncIterator[ProvisioningEvent], output: Output, at: Sequence[Place], *, plan: bool = False
) -> list[NotProvisioned]:
    """Tells all events; gives what is left."""
    left = []
    with contextlib.ExitStack() as stack:
        teller = ProvisioningTeller(output)
        if not output.as_json and not output.verbose and sys.stderr.isatty():
            from bwc_sdk.cli.printing.provisioning_view import ProvisioningView  # rich, only where it is seen

            teller.view = stack.enter_context(ProvisioningView([place.name for place in at]))
        async for event in events:
            teller.tell(event, plan=plan)
            if isinstance(event, NotProvisioned):
                left.append(event)
    if not at:
        output.note("no camera is there")
    order = {place.name: number for number, place in enumerate(at)}
    return sorted(left, key=lambda one: order[one.place])

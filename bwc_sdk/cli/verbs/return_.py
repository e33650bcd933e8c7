"""`bwc return`: footage first, then the camera goes back into the pool."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.destination import Dest, Mkdir, make_missing
from bwc_sdk.cli.arguments.many import Also, Station, named_devices, require_station_alone
from bwc_sdk.cli.arguments.technician import no_other_role, technician_of
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.provisioning import show_left
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import identity_of
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.cli.verbs.offload_fleet import fleet_job, run_fleet
from bwc_sdk.cli.verbs.provision import places, told
from bwc_sdk.host.world import World
from bwc_sdk.offload import OffloadPolicy, OffloadResult
from bwc_sdk.provisioning import NotProvisioned, Records, take_back

app = verbs()
STOPPED: Final = (
    "what is stored is; the same command goes on, and ends no assignment before its footage is stored"
)


@app.command("return")
@local_verb
def return_verb(
    settings: Settings,
    output: Output,
    destination: Dest,
    records: Annotated[
        Path,
        typer.Option(
            "--records",
            metavar="DIR",
            readable=False,
            help="Where the records of 'bwc provision' are: each camera's then says that nobody has it.",
        ),
    ],
    station: Station = None,
    also: Also = None,
    mkdir: Mkdir = False,
) -> int:
    """Take cameras back: their footage first, and when it is stored their assignments end.

    Stored and verified has to be all of it: a camera of which a recording is left keeps its holder. Nothing is erased:
    that takes receipts ('bwc offload --erase'), and emptying a camera for good an order of two people ('bwc order').
    Exits with 10 while any is left.
    """
    require_station_alone(settings, station, also)
    uris = [station] if station is not None else named_devices(settings, also)
    if settings.role is not None:
        raise typer.BadParameter("it copies as dock-offload and takes back as technician: leave --role out")
    identity = technician_of(settings)
    with no_other_role():
        identity_of(settings, Role.DOCK_OFFLOAD)
    world = World()
    if mkdir:
        make_missing(world.files, destination)
    job = fleet_job(
        settings,
        destination,
        station=station,
        devices=uris,
        policy=OffloadPolicy(),
        limit_bytes_per_s=None,
        world=world,
    )

    async def back(kept: Records, whole: set[str]) -> list[NotProvisioned]:
        async with places(settings, station, uris) as there:
            ready = tuple(place for place in there if place.name in whole)
            return await told(take_back(ready, records=kept, identity=identity), output, ready)

    with Records.opened(records) as kept:  # before hours of footage are copied
        stored = run_fleet(job, output, world, interrupted=STOPPED)
        whole = {
            slot
            for slot, one in job.result.cameras.items()
            if isinstance(one, OffloadResult) and one.complete
        }
        try:
            left = asyncio.run(back(kept, whole)) if whole else []
        except KeyboardInterrupt as stop:
            raise Interrupted(STOPPED) from stop
    show_left(output, left)
    return ExitCode.INCOMPLETE if left else stored

"""`bwc dock watch`: the loop that docking-station software runs."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from bwc_sdk.cli.fleet_output import FleetTeller
from bwc_sdk.cli.offload_fleet import StationConnect
from bwc_sdk.cli.on_camera import require_device
from bwc_sdk.cli.options import Settings
from bwc_sdk.cli.output import Output
from bwc_sdk.cli.rate import rate_of
from bwc_sdk.cli.verb import Interrupted, common_options, local_verb, verbs
from bwc_sdk.offload import dock_watch

STOPPED: Final = (
    "what is stored is verified; the rest is on the cameras, and half of a file in DEST/.incoming. "
    "Run the same command again to go on"
)

app = verbs(no_args_is_help=True, help="Offload every camera that comes to a docking station.")
common_options(app)


@app.command("watch")
@local_verb
def watch_verb(
    settings: Settings,
    output: Output,
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Directory; it has to exist.")],
    limit: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Bandwidth of all cameras together, such as 200Mbit/s."),
    ] = None,
) -> int | None:
    """Offload every camera that is put into a bay, until Ctrl-C.

    --device names the station. One line an event, with --json one object, with the bay as its slot. A camera that
    is taken out is told as interrupted, and goes on in whatever bay it comes back to; a bay in fault or quarantine is
    told once, and again when it has recovered. A station that is lost is tried again, and told when it is back.
    """
    watch = dock_watch(
        StationConnect(settings, require_device(settings)),
        destination,
        limit_bytes_per_s=rate_of(limit) if limit is not None else None,
    )

    async def whole() -> None:
        teller = FleetTeller(output)
        async with watch:
            async for event in watch:
                teller.tell(event)

    try:
        asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(STOPPED) from stop
    return None

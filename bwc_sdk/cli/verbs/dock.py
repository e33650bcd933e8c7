"""`bwc dock watch`: the loop that docking-station software runs."""

import asyncio
import contextlib
import signal
from typing import Annotated, Final

import typer

from bwc_protocol.messages.identity import Capability
from bwc_sdk.cli.arguments.destination import Deliver, Dest, Mkdir, make_missing, stopped
from bwc_sdk.cli.arguments.dock_steps import steps_of
from bwc_sdk.cli.arguments.host_time_word import Source, Uncertainty
from bwc_sdk.cli.arguments.rate import rate_of
from bwc_sdk.cli.arguments.whole_way import Erase, Receipts, Sign, whole_way
from bwc_sdk.cli.printing.fleet_output import FleetTeller
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.readable import Stamps
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import require_device
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.cli.verbs.offload_fleet import StationConnect, drawn
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import World
from bwc_sdk.offload import Check, Connected, OffloadPolicy, dock_watch

NO_LIGHTS: Final = (
    "the bays of this station have no lights that say what may be done with a camera: these lines do"
)

app = verbs(no_args_is_help=True, help="Offload every camera that comes to a docking station.")
common_options(app)


@app.command("watch")
@local_verb
def watch_verb(
    settings: Settings,
    output: Output,
    destination: Dest,
    limit: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Bandwidth of all cameras together, such as 200Mbit/s."),
    ] = None,
    deliver: Deliver = None,
    receipts: Receipts = None,
    sign: Sign = False,
    erase: Erase = False,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="STEPS",
            help="What else is done with each camera, such as clock,desired,check: its clock is set; it is given the "
            "desired state of --desired DIR; it is told whether it is fit to be taken.",
        ),
    ] = None,
    source: Source = None,
    uncertainty: Uncertainty = None,
    mkdir: Mkdir = False,
) -> int | None:
    """Offload every camera that is put into a bay, until Ctrl-C or SIGTERM.

    --device names the station. One line an event, with --json one object, with the bay as its slot. A camera that
    is taken out is reported as interrupted, and goes on in whatever bay it comes back to; a bay in fault or quarantine
    is reported once, and again when it has recovered. A station that is lost is tried again, and reported when it is
    back. With each camera, in this order: its clock is measured, its footage stored, receipts signed and delivered,
    released recordings erased, the desired state delivered, its clock set, and it is checked. What fails of that is
    told, and keeps nothing else from being done. The light of its bay, where the station has such lights, says busy
    meanwhile, and then what may be done with it: take-me only of what is stored and passed the step check.
    """
    taken = steps_of(steps, deliver, source, uncertainty)
    world, rate, station = World(), rate_of(limit) if limit is not None else None, require_device(settings)
    policy = whole_way(
        settings, OffloadPolicy(deliver_from=deliver, after=taken), receipts, sign=sign, erase=erase
    )
    if mkdir:
        make_missing(world.files, destination)
    watch = dock_watch(
        StationConnect(settings, station, destination),
        destination,
        world=world,
        policy=policy,
        limit_bytes_per_s=rate,
    )

    if output.terminal:
        output.note(f"whatever comes to {station} is offloaded into {destination}, until Ctrl-C")

    async def whole() -> None:
        _end_by_sigterm()
        with contextlib.ExitStack() as stack:
            view = drawn(output, world, stack)
            teller = FleetTeller(output, Stamps(world.utc_ns), view, without_end=True)
            async with watch:
                lights_seen = not any(isinstance(step, Check) for step in taken)
                async for event in watch:
                    teller.tell(event)
                    if not lights_seen and isinstance(event.event, Connected):
                        lights_seen = True
                        with contextlib.suppress(BwcError):  # it is lost, which is told
                            if not (await watch.station()).peer.capabilities & Capability.BAY_LIGHTS:
                                output.note(NO_LIGHTS)

    try:
        asyncio.run(whole())
    except (KeyboardInterrupt, asyncio.CancelledError) as stop:
        raise Interrupted(stopped(destination, "the cameras")) from stop
    return None


def _end_by_sigterm() -> None:
    """Has SIGTERM, by which service managers end a program, end this task in order, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    # Windows has no such handlers, and beside the main thread there are none.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

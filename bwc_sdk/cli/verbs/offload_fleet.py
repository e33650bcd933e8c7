"""`bwc offload` with many cameras: `--station`, or `--also` beside `--device`."""

import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.destination import command
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.fleet_output import FleetTeller, show_result
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.readable import Stamps
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import connecting_station, identity_of, output_for, role_for
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.errors import WrongDevice
from bwc_sdk.host.world import World
from bwc_sdk.offload import FleetJob, OffloadPolicy, offload_many, offload_station

if TYPE_CHECKING:
    from bwc_sdk.cli.printing.transfer_view import TransferView


def fleet_job(
    settings: Settings,
    destination: Path,
    *,
    station: str | None,
    devices: list[str],
    policy: OffloadPolicy,
    limit_bytes_per_s: float | None,
    world: World,
) -> FleetJob:
    """The offload of every bay of `station`, or else of `devices`."""
    if station is not None:
        return offload_station(
            StationConnect(settings, station, destination),
            destination,
            world=world,
            policy=policy,
            limit_bytes_per_s=limit_bytes_per_s,
        )
    role = role_for(settings, Role.DOCK_OFFLOAD)
    return offload_many(
        devices,
        destination,
        world=world,
        policy=policy,
        limit_bytes_per_s=limit_bytes_per_s,
        role=role,
        **identity_of(settings, role),
    )


class StationConnect:
    """Connects to a station by the common options, anew for each reconnection."""

    def __init__(self, settings: Settings, uri: str, destination: Path) -> None:
        self._single = command("offload", str(destination), "--device", uri)
        self._settings = dataclasses.replace(settings, device=uri)
        self._met = False

    async def __call__(self) -> DockingStation:
        settings = self._settings
        try:
            station = await connecting_station(settings, Role.DOCK_OFFLOAD)
        except WrongDevice as error:
            error.advice += f"; for a single camera: {self._single}"
            raise
        if settings.timeout_s is not None:
            station.connection.call_timeout_s = settings.timeout_s
        if not self._met:
            self._met = True
            output_for(settings, station)  # its note marks a session that is not protected
        return station


def drawn(
    output: Output, world: World, stack: contextlib.ExitStack, *, single: bool = False
) -> "TransferView | None":
    """The lines on standard error that renew themselves, where somebody sees them; to be called in the loop.

    None where a log goes there, too: each would write over the other.
    """
    if output.as_json or not sys.stderr.isatty() or output.verbose:
        return None
    from bwc_sdk.cli.printing.transfer_view import TransferView  # rich, only where it is seen

    now_s = asyncio.get_running_loop().time
    return stack.enter_context(TransferView(now_s, world.utc_ns, single=single))


def run_fleet(job: FleetJob, output: Output, world: World, *, interrupted: str) -> ExitCode:
    """Runs it, writes a line an event, and says at the end what became of each camera."""
    stamps = Stamps(world.utc_ns)

    async def whole() -> None:
        with contextlib.ExitStack() as stack:
            teller = FleetTeller(output, stamps, drawn(output, world, stack))
            async with job:
                async for event in job:
                    teller.tell(event)

    try:
        asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(interrupted) from stop
    show_result(output, job.result, stamps)
    return ExitCode.SUCCESS if job.result.complete else ExitCode.INCOMPLETE

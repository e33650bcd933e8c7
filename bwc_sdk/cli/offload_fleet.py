"""`bwc offload` with many cameras: `--station`, or `--also` beside `--device`."""

import asyncio
import dataclasses
from pathlib import Path

from bwc_protocol.declare import Role
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.fleet_output import FleetTeller, show_result
from bwc_sdk.cli.on_camera import connecting_station, output_for, role_of
from bwc_sdk.cli.options import Settings
from bwc_sdk.cli.output import Output
from bwc_sdk.cli.verb import Interrupted
from bwc_sdk.errors import WrongDevice
from bwc_sdk.offload import FleetJob, OffloadPolicy, offload_many, offload_station
from bwc_sdk.station import DockingStation


def fleet_job(
    settings: Settings,
    destination: Path,
    *,
    station: str | None,
    devices: list[str],
    policy: OffloadPolicy,
    limit_bytes_per_s: float | None,
) -> FleetJob:
    """The offload of every bay of `station`, or else of `devices`."""
    if station is not None:
        return offload_station(
            StationConnect(settings, station),
            destination,
            policy=policy,
            limit_bytes_per_s=limit_bytes_per_s,
        )
    return offload_many(
        devices,
        destination,
        policy=policy,
        limit_bytes_per_s=limit_bytes_per_s,
        role=role_of(settings.role) if settings.role else Role.DOCK_OFFLOAD,
        allow_insecure=settings.allow_insecure,
    )


class StationConnect:
    """Connects to a station by the common options, anew for each reconnection."""

    def __init__(self, settings: Settings, uri: str) -> None:
        self._settings = dataclasses.replace(settings, device=uri)
        self._met = False

    async def __call__(self) -> DockingStation:
        settings = self._settings
        try:
            station = await connecting_station(settings, Role.DOCK_OFFLOAD)
        except WrongDevice as error:
            error.advice += "; 'bwc offload DEST --device URI' is for a single camera"
            raise
        if settings.timeout_s is not None:
            station.connection.call_timeout_s = settings.timeout_s
        if not self._met:
            self._met = True
            output_for(settings, station)  # its note marks a session that is not protected
        return station


def run_fleet(job: FleetJob, output: Output, *, interrupted: str) -> ExitCode:
    """Runs it, writes a line an event, and says at the end what became of each camera."""

    async def whole() -> None:
        teller = FleetTeller(output)
        async with job:
            async for event in job:
                teller.tell(event)

    try:
        asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(interrupted) from stop
    show_result(output, job.result)
    return ExitCode.SUCCESS if job.result.complete else ExitCode.INCOMPLETE

"""`bwc offload` with many cameras: `--station`, or `--also` beside `--device`."""

import asyncio
from pathlib import Path

from bwc_protocol.declare import Role
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.fleet_output import FleetTeller, show_result
from bwc_sdk.cli.on_camera import role_of
from bwc_sdk.cli.options import Settings
from bwc_sdk.cli.output import Output
from bwc_sdk.cli.verb import Interrupted
from bwc_sdk.offload import FleetJob, OffloadPolicy, offload_many, offload_station


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
    role = role_of(settings.role) if settings.role else Role.DOCK_OFFLOAD
    insecure = settings.allow_insecure
    if station is not None:
        return offload_station(
            station,
            destination,
            policy=policy,
            limit_bytes_per_s=limit_bytes_per_s,
            role=role,
            allow_insecure=insecure,
        )
    return offload_many(
        devices,
        destination,
        policy=policy,
        limit_bytes_per_s=limit_bytes_per_s,
        role=role,
        allow_insecure=insecure,
    )


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

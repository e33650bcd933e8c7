"""`bwc offload`."""

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.destination import Deliver, Dest, Mkdir, command, make_missing, stopped
from bwc_sdk.cli.arguments.many import Also, Station, named_devices, require_station_alone
from bwc_sdk.cli.arguments.rate import rate_of
from bwc_sdk.cli.arguments.whole_way import Erase, Receipts, Sign, whole_way
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.offload_events import (
    in_bytes,
    missing_numbers,
    next_steps,
    offload_document,
    outcome_document,
    summary,
    values_of,
)
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.readable import Stamps, dumps
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.on_camera import connecting, output_for, require_device
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.cli.verbs.offload_fleet import drawn, fleet_job, run_fleet
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import WrongDevice
from bwc_sdk.host.world import World
from bwc_sdk.offload import (
    Budget,
    CameraEvent,
    Connected,
    Finished,
    OffloadEvent,
    OffloadPolicy,
    OffloadResult,
    Progress,
    RecordingStarted,
    SegmentStored,
    offload,
)

if TYPE_CHECKING:
    from bwc_sdk.cli.printing.transfer_view import TransferView

DEFAULTS: Final = OffloadPolicy()
PROGRESS_EVERY_S: Final = 0.5
"""Progress lines of JSON at most this often: a megabyte each would drown the rest."""

_IN_THE_VIEW: Final = (Connected, Progress, RecordingStarted, SegmentStored, Finished)
"""What the bars of a terminal, its first note, and the table at the end show."""

app = verbs()


@app.command("offload")
@local_verb
def offload_verb(
    settings: Settings,
    output: Output,
    destination: Dest,
    recordings: Annotated[
        list[int] | None,
        typer.Argument(metavar="RECORDING...", help="Sequence numbers; without them, all recordings."),
    ] = None,
    expect: Annotated[
        str | None, typer.Option(metavar="IDENTITY", help="Refuse any other device than this one.")
    ] = None,
    attempts: Annotated[
        int, typer.Option(min=0, max=1000, help="Reconnections in a row that may bring nothing.")
    ] = DEFAULTS.attempts,
    allow_slow: Annotated[
        bool,
        typer.Option("--allow-slow", help="Also over a link that is not meant for footage, such as BLE."),
    ] = False,
    station: Station = None,
    also: Also = None,
    limit: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Bandwidth of all cameras together, such as 200Mbit/s."),
    ] = None,
    deliver: Deliver = None,
    receipts: Receipts = None,
    sign: Sign = False,
    erase: Erase = False,
    mkdir: Mkdir = False,
) -> int:
    """Copy recordings off the device, verified, and resume where it stopped.

    Marked and held recordings come first. A lost connection is made again; after an interruption the same
    command goes on with what is good on disk. Exits with 10 unless every recording is stored and verified.
    With --json one line an event, the last one the result. With --station or --also many cameras are offloaded at
    once: each line begins with the camera's slot, and one camera that fails does not keep the others from being
    finished. Each line ends with the time; a terminal shows bars instead, and when all of it will be done.
    """
    rate = rate_of(limit) if limit is not None else None
    many = station is not None or bool(also)
    if many and (recordings or expect is not None):
        raise typer.BadParameter("RECORDING and --expect are about one camera, not about many")
    if also and settings.capture is not None:
        raise typer.BadParameter("--capture is about one link, not about many")
    require_station_alone(settings, station, also)
    devices = [] if station is not None else named_devices(settings, also)
    policy = dataclasses.replace(DEFAULTS, attempts=attempts, allow_slow=allow_slow, deliver_from=deliver)
    policy = whole_way(settings, policy, receipts, sign=sign, erase=erase)
    if settings.timeout_s is not None:
        policy = dataclasses.replace(policy, silence_s=settings.timeout_s)
    world = World()
    if mkdir:
        make_missing(world.files, destination)
    if many:
        fleet = fleet_job(
            settings,
            destination,
            station=station,
            devices=devices,
            policy=policy,
            limit_bytes_per_s=rate,
            world=world,
        )
        return run_fleet(fleet, output, world, interrupted=stopped(destination, "the cameras"))
    connect = _Connect(settings, expect, destination)
    budget = Budget(rate) if rate is not None else None
    job = offload(connect, destination, recordings=recordings, policy=policy, budget=budget, world=world)

    async def whole() -> OffloadResult:
        with contextlib.ExitStack() as stack:
            tell = _Teller(output, Stamps(world.utc_ns), drawn(output, world, stack, single=True)).tell
            async with job:
                async for event in job:
                    tell(event)
        return job.result

    try:
        result = asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(stopped(destination, "the camera")) from stop
    if output.terminal and not output.as_json:
        _table(output, result)
    for line in next_steps(result):
        output.note(line)
    return ExitCode.SUCCESS if result.complete else ExitCode.INCOMPLETE


class _Connect:
    """Connects by the common options, anew for each reconnection."""

    def __init__(self, settings: Settings, expect: str | None, destination: Path) -> None:
        self._bays = command("offload", str(destination), "--station", require_device(settings))
        self._settings = settings
        self._expect = expect
        self._met = False

    async def __call__(self) -> Camera:
        settings = self._settings
        try:
            camera = await connecting(settings, Role.DOCK_OFFLOAD, expect=self._expect)
        except WrongDevice as error:
            if self._expect is None:  # then it is a station
                error.advice += f"; for the cameras in all its bays: {self._bays}"
            raise
        if settings.timeout_s is not None:
            camera.connection.call_timeout_s = settings.timeout_s
        if not self._met:
            self._met = True
            output_for(settings, camera)  # its note marks a session that is not protected
        return camera


class _Teller:
    """Each event as it comes, but progress only every now and then."""

    def __init__(self, output: Output, stamps: Stamps, view: "TransferView | None") -> None:
        self._output = output
        self._stamps = stamps
        self._view = view
        self._told_at = float("-inf")

    def tell(self, event: OffloadEvent) -> None:
        if self._view is not None:
            self._view.tell(CameraEvent("", event))
            if not isinstance(event, _IN_THE_VIEW):
                self._view.remark(*values_of(event, text.size))
        if self._output.as_json:
            self._json_line(event)
        elif (self._view is None or not self._output.terminal) and (values := self._values(event)):
            self._output.line(*values, self._stamps.text())
            self._output.flush()

    def _values(self, event: OffloadEvent) -> tuple[object, ...]:
        return values_of(event, text.size if self._output.terminal else in_bytes)

    def _json_line(self, event: OffloadEvent) -> None:
        if isinstance(event, Progress):
            now = asyncio.get_running_loop().time()
            if now < self._told_at + PROGRESS_EVERY_S and event.bytes_done < event.bytes_total:
                return
            self._told_at = now
        self._output.write(dumps({**offload_document(event), **self._stamps.fields()}))
        self._output.flush()


def _table(output: Output, result: OffloadResult) -> None:
    documents = [outcome_document(outcome) for outcome in result.outcomes]
    output.show(
        {},
        Rows(
            title=f"{result.identity}: {summary(result)}",
            headings=["recording", "outcome", "files or reason"],
            plain=[
                [
                    one["sequence"],
                    one["outcome"],
                    one.get("reason") or "\n".join(Path(part["path"]).name for part in one["segments"]),
                ]
                for one in documents
            ]
            + [[missing_numbers(one), "MISSING", one.reason] for one in result.missing],
            empty="no recordings on the device",
        ),
    )

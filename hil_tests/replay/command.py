"""`bwc replay`: a wire log as a regression test, of a device or of a host."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.failure import NoDeviceNamed
from bwc_sdk.cli.running.on_camera import identity_of, role_of
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.errors import CommandTimeout
from bwc_sdk.quantity import size
from hil_tests.replay.recorded import Recorded, read

if TYPE_CHECKING:
    from bwc_sdk.clients.connecting import AnyDevice
    from bwc_sdk.connection.access import Connecting
    from hil_tests.replay.device_side import Visit
    from hil_tests.replay.host_side import Replayed

WAIT_S: Final = 600.0
"""How long a host is waited for, with --visits: whoever starts one by hand reads first what to do."""
VISITS_MAX: Final = 10_000

app = verbs()


@app.command("replay")
@local_verb
def replay(
    settings: Settings,
    output: Output,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            readable=False,
            help="What --capture wrote: of one connection, or of several in a row.",
        ),
    ],
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="tcp:HOST:PORT",
            help="Be the device, and answer whoever connects as recorded; port 0 takes any that is free.",
        ),
    ] = None,
    visits: Annotated[
        int | None,
        typer.Option(
            "--visits",
            min=1,
            max=VISITS_MAX,
            metavar="N",
            help="With --listen: end after so many hosts, not by Ctrl-C.",
        ),
    ] = None,
    channel: Annotated[
        int | None,
        typer.Option(
            "--channel",
            min=0,
            max=64,
            metavar="N",
            help="Of a docking station: 0 for itself, else the bay. Default: the first that has a session.",
        ),
    ] = None,
    expendable: Annotated[
        str | None,
        typer.Option(
            "--expendable",
            metavar="ID",
            help="The device of this serial number may be changed, simulator or not.",
        ),
    ] = None,
) -> int:
    """Make a regression test of a wire log.

    With --device the recorded requests are sent again, and each answer must be as recorded, but for what cannot be the
    same twice, such as times. With --listen a device answers as recorded, for a host that is tested. A capture holds no
    footage: bytes of streams are counted on a device, and are zeros of a replayed one. Exits with 0 if all was as
    recorded, 20 if not, 21 if something could not be tried. BWC_DEVICE is not looked at, so that no other device is
    asked by mistake.
    """
    if listen is not None and settings.device is not None:
        raise typer.BadParameter("--device asks one, and --listen is one: name one of them")
    if listen is None and settings.device is None:
        raise NoDeviceNamed(
            "neither a device is named nor where to listen",
            advice="--device URI asks one, --listen tcp:127.0.0.1:0 is one; BWC_DEVICE is not looked at",
        )
    if listen is None:
        if visits is not None:
            raise typer.BadParameter("--visits says nothing to --device")
        return _ask(settings, output, read(files, channel), expendable)
    for option, given in (
        ("--expendable", expendable),
        ("--role", settings.role),
        ("--timeout", settings.timeout_s),
        ("--capture", settings.capture),
        ("--identity", settings.identity),
    ):
        if given is not None:
            raise typer.BadParameter(f"{option} says nothing to --listen")
    return _be(settings, output, listen, read(files, channel), visits)


# Against a device


def _ask(settings: Settings, output: Output, recorded: Recorded, expendable: str | None) -> int:
    from bwc_sdk.clients.connecting import connect_device
    from hil_tests.replay.host_side import replay as say_again

    def connect(role: Role) -> Connecting[AnyDevice]:
        return connect_device(
            settings.device or "", role=role, **identity_of(settings, role), capture=settings.capture
        )

    _remarks(output, recorded)
    role = role_of(settings.role) if settings.role is not None else None
    found = asyncio.run(
        say_again(recorded, connect, role=role, expendable=expendable, timeout_s=settings.timeout_s)
    )
    _tell_answers(output, recorded, found)
    if found.differences:
        return ExitCode.NOT_CONFORMING
    return ExitCode.INCONCLUSIVE if found.not_sent else ExitCode.SUCCESS


def _tell_answers(output: Output, recorded: Recorded, found: Replayed) -> None:
    from hil_tests.replay.host_side import difference_lines

    varied = {nature.value: count for nature, count in sorted(found.varied.items(), key=lambda one: -one[1])}
    output.show(
        {
            "replay": {
                "files": [str(path) for path in recorded.files],
                "recorded": recorded.device,
                "identity": found.identity,
                "simulator": found.simulator,
                "as_recorded": not found.differences,
                "sent": found.sent,
                "compared": found.compared,
                "differences": [dataclasses.asdict(one) for one in found.differences],
                "not_sent": [dataclasses.asdict(one) for one in found.not_sent],
                "varied": varied,
                "events": found.events,
                "stream_bytes": found.stream_bytes,
            }
        }
    )
    if output.as_json:
        return
    for one in found.differences:
        for line in difference_lines(one):
            output.write(clean(line))
    for skipped in found.not_sent:
        output.write(clean(f"not sent: {skipped.request} ({skipped.where}): {skipped.why}"))
    verdict = "as recorded" if not found.differences else f"{len(found.differences)} differences"
    is_sim = ", a simulator" if found.simulator else ""
    may = ", ".join(f"{name} {count}" for name, count in varied.items())
    output.write(
        clean(
            f"{verdict}: {found.sent} requests sent to {found.identity}{is_sim}, "
            f"{found.compared} of its messages compared"
            + (f"; fields that may differ and do: {may}" if may else "")
        )
    )
    if found.stream_bytes:
        output.note(
            f"note: streams of {size(found.stream_bytes)} came; no capture holds footage to compare with it"
        )


# As a device


def _be(settings: Settings, output: Output, listen: str, recorded: Recorded, visits: int | None) -> int:
    from bwc_protocol.lab.directory import LabUnusable, open_lab
    from bwc_sdk.errors import IdentityError
    from hil_tests.conformance.listening import cannot_listen, listening_address
    from hil_tests.replay.device_side import ReplayDevice

    host, port = listening_address(listen)
    try:
        agency = None if settings.allow_insecure else open_lab().agency
    except LabUnusable as error:
        raise IdentityError(str(error)) from error
    _remarks(output, recorded)
    device = ReplayDevice(recorded, agency)

    async def serve() -> None:
        try:
            at = device.listen(host, port)
        except OSError as error:
            raise cannot_listen(listen, error) from error
        where = sys.stderr if output.as_json else sys.stdout  # JSON is one document, and comes at the end
        where.write(f"listening at {at.uri}\n")
        where.flush()
        try:
            if visits is None:
                await asyncio.get_running_loop().create_future()
            for number in range(1, (visits or 0) + 1):
                await asyncio.wait_for(device.wait_for(number), WAIT_S)
        except TimeoutError as error:
            raise CommandTimeout(f"no host came and went for {WAIT_S:g} s") from error
        finally:
            at.close()

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve())
    finally:
        device.close()
    _tell_visits(output, recorded, device.visits)
    if any(visit.unknown for visit in device.visits):
        return ExitCode.NOT_CONFORMING
    return ExitCode.SUCCESS if device.visits else ExitCode.INCONCLUSIVE


def _tell_visits(output: Output, recorded: Recorded, visits: list[Visit]) -> None:
    output.show(
        {
            "replay": {
                "files": [str(path) for path in recorded.files],
                "recorded": recorded.device,
                "visits": [dataclasses.asdict(visit) for visit in visits],
            }
        }
    )
    if output.as_json:
        return
    if not visits:
        output.write("no host came")
    for number, visit in enumerate(visits, 1):
        for line in _visit_lines(number, visit):
            output.write(clean(line))


def _visit_lines(number: int, visit: Visit) -> list[str]:
    again = f", {visit.again} of them more often than recorded" if visit.again else ""
    told = [f"{number}. {visit.host}: {visit.answered} requests answered as recorded{again}"]
    told += [f"  not recorded, and refused: {one[:UNKNOWN_SHOWN]}" for one in visit.unknown]
    if visit.never_asked:
        told.append(f"  recorded, and not asked: {', '.join(visit.never_asked)}")
    if visit.filler_bytes:
        told.append(f"  {size(visit.filler_bytes)} of zeros went out in the place of what no capture holds")
    return told


UNKNOWN_SHOWN: Final = 300


def _remarks(output: Output, recorded: Recorded) -> None:
    for torn in recorded.torn:
        output.note(f"note: {torn}: the capture ends inside it, as when its writer was killed")
    if recorded.left_out:
        others = ", ".join(map(str, recorded.left_out))
        output.note(
            f"note: channel {recorded.channel} is replayed; there are sessions on {others}, too (--channel)"
        )

"""`bwc assign`."""

from typing import Annotated

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.cli.printing.facts import facts
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.on_camera import run_on_camera
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNSURE, local_verb, verbs
from bwc_sdk.clients.camera import Camera

app = verbs()


@app.command("assign")
@local_verb
def assign(
    settings: Settings,
    output: Output,
    officer: Annotated[
        str | None, typer.Argument(help="Officer, by the agency's identifier; without one, show who it is.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Unit; without it the device's own is kept, '' takes it away.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the device back into the pool.")] = False,
) -> int | None:
    """Show or change who carries the device.

    Recordings from then on are the officer's. The unit stays as it was unless it is named. Refused when somebody else
    changed it meanwhile.
    """
    if clear and (officer or unit):
        raise typer.BadParameter("--clear takes neither an officer nor a unit")
    if officer == "":
        raise typer.BadParameter("an officer's identifier is not empty; --clear takes the device back")
    if unit is not None and not officer:
        raise typer.BadParameter("--unit needs an officer")

    async def work(camera: Camera, out: Output) -> None:
        state = await camera.assignment.read()
        if clear:
            state = await camera.assignment.clear(revision=state.revision)
        elif officer:
            if unit is None and state.unit:
                out.note(f"unit {state.unit!r} is kept; --unit '' takes it away")
            state = await camera.assignment.assign(officer=officer, unit=unit, revision=state.revision)
        out.show({"assignment": to_plain(state)}, Facts("assignment", list(facts(state))))

    return run_on_camera(settings, Role.TECHNICIAN, work, interrupted=UNSURE)

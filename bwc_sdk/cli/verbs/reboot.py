"""`bwc reboot`."""

from typing import Annotated

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.cli.printing.facts import facts
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.on_camera import run_on_device
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNSURE, local_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.errors import WrongDevice

app = verbs()


@app.command("reboot")
@local_verb
def reboot(
    settings: Settings,
    output: Output,
    serial: Annotated[
        str | None,
        typer.Argument(metavar="IDENTITY", help="The device's identity, so that the right one is rebooted."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Reboot whichever device answers.")] = False,
) -> int | None:
    """Reboot the device.

    Needs its identity (see 'bwc info') or --yes. Everything on its links ends; footage is safe. A docking station
    takes all cameras in its bays off the line until it is up again.
    """
    if serial is None and not yes:
        raise typer.BadParameter("name the device, as 'bwc info' shows it, or give --yes")

    async def work(device: AnyDevice, out: Output) -> None:
        if serial is not None and serial != device.identity:
            raise WrongDevice(
                f"it is {device.identity!r}, not {serial!r}; it was not rebooted",
                device=device.name,
                advice="'bwc info' says who is at a URI, 'bwc devices --identify' who is plugged in where",
            )
        status = await device.device.status()
        accepted = await device.device.reboot(boot_counter=status.boot_counter)
        out.show({"reboot": to_plain(accepted)}, Facts("rebooting", list(facts(accepted))))

    return run_on_device(settings, Role.TECHNICIAN, work, interrupted=UNSURE)

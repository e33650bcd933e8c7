"""`bwc devices`."""

from typing import Annotated

import typer

from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.slot_document import document
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.discovery.slots import Slot, slots

app = verbs()


@app.command("devices")
@local_verb
def devices(
    settings: Settings,
    output: Output,
    every: Annotated[bool, typer.Option("--all", help="Also UARTs that are not on USB.")] = False,
    ble: Annotated[
        bool, typer.Option("--ble", help="Also cameras in radio reach; listens for four seconds.")
    ] = False,
    hci: Annotated[
        str,
        typer.Option(
            "--hci", metavar="SPEC", help="Listen with this controller, such as usb:0, not with the system's."
        ),
    ] = "",
    identify: Annotated[
        bool, typer.Option("--identify", help="Connect to each and ask who it is; changes nothing on it.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on with a line for each arrival and departure, until Ctrl-C.")
    ] = False,
) -> None:
    """List what is plugged in, by slot.

    A device shows no name before a session is up; --identify asks each one. With --watch --json one line a change.
    """
    if watch:
        if identify:
            raise typer.BadParameter("--watch opens nothing, and so cannot --identify")
        from bwc_sdk.cli.verbs.devices_watch import run_watch

        return run_watch(output, uarts=every, ble=ble, hci=hci)
    found = slots(uarts=every)
    if ble or hci:
        found += _nearby(hci)
    names = _identify(settings, found) if identify else {}
    output.show(
        {
            "devices": [
                document(slot) | ({"found": names[slot.uri]} if slot.uri in names else {}) for slot in found
            ]
        },
        Rows(
            title="",
            headings=[
                "device",
                "USB port",
                "USB id",
                "description",
                "may open",
                *(["found"] if identify else []),
            ],
            plain=[
                [
                    slot.uri,
                    slot.port_path or "-",
                    slot.usb_id or "-",
                    slot.description or "-",
                    "yes" if slot.accessible else "no",
                    *([names[slot.uri]] if identify else []),
                ]
                for slot in found
            ],
            empty="no device is found",
        ),
    )
    if not found:
        output.note("'bwc doctor' says what may be in the way")


def _nearby(hci: str) -> tuple[Slot, ...]:
    import asyncio

    from bwc_sdk.discovery.ble import nearby

    return asyncio.run(nearby(hci=hci))


def _identify(settings: Settings, found: tuple[Slot, ...]) -> dict[str, str]:
    from bwc_sdk.cli.verbs.devices_identify import identify_all

    return identify_all(settings, [slot.uri for slot in found])

"""`bwc devices`."""

from typing import Annotated

import typer

from bwc_sdk.cli.options import Settings
from bwc_sdk.cli.output import Output, Rows
from bwc_sdk.cli.verb import local_verb, verbs
from bwc_sdk.discover import Slot, slots

app = verbs()


@app.command("devices")
@local_verb
def devices(
    settings: Settings,
    output: Output,
    every: Annotated[bool, typer.Option("--all", help="Also UARTs that are not on USB.")] = False,
    identify: Annotated[
        bool, typer.Option("--identify", help="Connect to each and ask who it is; changes nothing on it.")
    ] = False,
) -> None:
    """List what is plugged in, by slot.

    A device shows no name before a session is up; --identify asks each one.
    """
    found = slots(uarts=every)
    names = _identify(settings, found) if identify else {}
    output.show(
        {
            "devices": [
                {
                    "uri": slot.uri,
                    "port_path": slot.port_path,
                    "usb_id": slot.usb_id,
                    "description": slot.description,
                    "accessible": slot.accessible,
                    **({"found": names[slot.uri]} if slot.uri in names else {}),
                }
                for slot in found
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
            empty="no device is plugged in",
        ),
    )
    if not found:
        output.note("'bwc doctor' says what may be in the way")


def _identify(settings: Settings, found: tuple[Slot, ...]) -> dict[str, str]:
    from bwc_sdk.cli.identify import identify_all

    return identify_all(settings, [slot.uri for slot in found])

"""`bwc devices --watch`: a line a change, until Ctrl-C."""

import asyncio

from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.readable import Stamps, dumps
from bwc_sdk.cli.printing.slot_document import document
from bwc_sdk.discovery.watching import Arrived, Change, watch
from bwc_sdk.host.world import World


def run_watch(output: Output, *, uarts: bool, ble: bool, hci: str) -> None:
    """Prints what is there, and then every arrival and departure."""

    stamps = Stamps(World().utc_ns)

    async def whole() -> None:
        async for change in watch(uarts=uarts, ble=ble, hci=hci):
            _show(output, change, stamps)
            output.flush()

    asyncio.run(whole())


def _show(output: Output, change: Change, stamps: Stamps) -> None:
    what = "arrived" if isinstance(change, Arrived) else "departed"
    slot = change.slot
    if output.as_json:
        output.write(dumps({"event": what, "slot": change.name, **document(slot), **stamps.fields()}))
        return
    may_open = "" if slot.accessible else "may not open"
    output.line(
        what, change.name, slot.uri, slot.usb_id or "-", slot.description or "-", may_open, stamps.text()
    )

"""`bwc bridge`."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_sdk.bridge import Bridge, BridgeEvent, ClientCame, ClientLeft, ClientRefused
from bwc_sdk.cli.printing.event_document import event_document
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.output_error import OutputError
from bwc_sdk.cli.printing.readable import Stamps
from bwc_sdk.cli.printing.text import size
from bwc_sdk.cli.running.on_camera import require_device
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.discovery.slots import slots
from bwc_sdk.host.world import World
from bwc_sdk.transport.registry import DESCRIPTORS
from bwc_sdk.transport.uri import DeviceUri

PORT_DIGITS: Final = 5
DEFAULT_LISTEN: Final = "tcp:127.0.0.1:0"

app = verbs()


@app.command("bridge")
@local_verb
def bridge(
    settings: Settings,
    output: Output,
    listen: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="tcp:HOST:PORT; port 0: any that is free. Beyond loopback only if it says so.",
        ),
    ] = DEFAULT_LISTEN,
) -> None:
    """Offer a local device to a remote bench as tcp:HOST:PORT.

    Copies bytes until interrupted and holds no keys. Serves one client at a time, a second one hears that the device
    is busy; the device is opened afresh for each, and left alone between them. Prints the URI as soon as it answers.
    With --json one line an event.
    """
    host, port = _where(listen)
    device = require_device(settings)
    offered = Bridge(device, host=host, port=port, on_event=_teller(output))
    if _absent(DeviceUri.parse(device)):
        output.note(f"warning: {device} is not there now; it is looked for again with each client")
    if not offered.local_only:
        output.note(
            f"warning: whoever reaches {listen} reaches the device: "
            "what protects the session protects it, the bridge does not"
        )
    asyncio.run(_serve(offered, output))


def _absent(uri: DeviceUri) -> bool:
    """Whether nothing is plugged in there now, as far as that shows without opening anything."""
    if uri.scheme == "serial" and DESCRIPTORS:
        return not Path(uri.address).exists()
    if uri.scheme == "serial" or (uri.scheme == "usb" and not uri.options):
        place = f"{uri.scheme}:{uri.address}"
        return all(place not in (slot.uri, *slot.others) for slot in slots(uarts=True))
    return False  # who answers at an address, or in the air, shows only by calling


def _where(word: str) -> tuple[str, int]:
    scheme, _, rest = word.partition(":")
    host, _, port = rest.rpartition(":")
    numeric = port.isascii() and port.isdecimal() and len(port) <= PORT_DIGITS
    if scheme != "tcp" or not host or "/" in host or not numeric or int(port) >= 65_536:
        raise typer.BadParameter(f"{word[:80]!r} is no place to listen: write tcp:127.0.0.1:0")
    return host.strip("[]"), int(port)


async def _serve(offered: Bridge, output: Output) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # loops of Windows have none: Ctrl-C interrupts there
            loop.add_signal_handler(number, ended.set)
    async with offered:
        output.show({"event": "listening", "uri": offered.uri, **Stamps(World().utc_ns).fields()})
        if not output.as_json:
            output.line(offered.uri)
        output.flush()
        await ended.wait()


def _teller(output: Output) -> Callable[[BridgeEvent], None]:
    """What tells people on stderr, or scripts on stdout, of clients."""

    stamps = Stamps(World().utc_ns)

    def tell(event: BridgeEvent) -> None:
        # A reader that is gone, or a log that is full, does not end the bridge.
        with contextlib.suppress(BrokenPipeError, OutputError):
            output.show({**_document(event), **stamps.fields()})
            output.note(f"{stamps.text()} {_sentence(event)}")
            output.flush()

    return tell


def _sentence(event: BridgeEvent) -> str:
    match event:
        case ClientCame(peer=peer):
            return f"{peer}: served"
        case ClientRefused(peer=peer):
            return f"{peer}: refused, another client has the device"
        case ClientLeft(peer=peer, bytes_to_device=to_device, bytes_to_client=to_client, error=error):
            why = f"closed, {error}" if error else "left"
            return f"{peer}: {why}; {size(to_device)} to the device, {size(to_client)} to the client"


def _document(event: BridgeEvent) -> dict[str, Any]:
    document = event_document(event)
    if isinstance(event, ClientLeft):
        document["error"] = str(event.error) if event.error else None
    return document

"""Where a camera is heard: `ble:WHERE`, in process, by a virtual adapter, or by a real one.

- `tcp-server:HOST:PORT`: hosts get virtual adapters by HCI over TCP, and hear the camera with them. Needs nothing.
- `vhci`: this machine gets a virtual adapter (Linux, root), and its own Bluetooth stack hears the camera.
- anything else is bumble's name of a controller, such as `usb:0`: the camera is in the air.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bumble.core import BaseBumbleError
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink, Transport

from bwc_protocol.bindings.ble import ROTATE_S
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount
from firmware_sim.ports.ble import BlePort
from firmware_sim.ports.ether import Adapter, AdapterServer, Ether

CAMERA_ADDRESS: Final = "F0:57:B3:FF:00:01"
"""Public address of the camera's virtual controller; never in the air."""
HOST_ADDRESS: Final = "F0:57:B3:FF:00:02"
VHCI: Final = "vhci"
TCP_SERVER: Final = "tcp-server:"


def in_ether(
    camera: SimCamera,
    ether: Ether,
    *,
    options: str = "",
    faults: FaultCount | None = None,
    rotate_s: float = ROTATE_S,
    moved: Callable[[str], None] = lambda uri: None,
    address: str = CAMERA_ADDRESS,
) -> BlePort:
    """The camera's port in an `Ether`, on a controller of its own; not started yet."""
    controller = Adapter("camera", ether, address)
    sink = AsyncPipeSink(controller)
    port = BlePort(camera, controller, sink, options=options, faults=faults, rotate_s=rotate_s, moved=moved)
    port.closing.append(controller.unplug)
    return port


async def listen(
    camera: SimCamera, where: str, faults: FaultCount | None, moved: Callable[[str], None]
) -> BlePort:
    """The camera's port, started. Raises `OSError` for what cannot be opened."""
    if where.startswith(TCP_SERVER):
        ether = Ether()
        server = AdapterServer(ether)
        await server.listen(*host_and_port(where))
        options = f"?hci=tcp-client:{server.address}"
        port = in_ether(camera, ether, options=options, faults=faults, moved=moved)
        port.closing.append(server.close)
    else:
        transport = await _open(where)
        if where.partition(":")[0] == VHCI:
            ether = Ether()
            adapter = Adapter("host", ether, HOST_ADDRESS, calm=True)
            adapter.host = transport.sink
            transport.source.set_packet_sink(adapter)
            port = in_ether(camera, ether, faults=faults, moved=moved)
        else:
            port = BlePort(camera, transport.source, transport.sink, faults=faults, moved=moved)
        port.closing.append(lambda: asyncio.ensure_future(transport.close()))
    await port.start()
    return port


def host_and_port(where: str) -> tuple[str, int]:
    """Of `tcp-server:HOST:PORT`. Raises `OSError`."""
    host, _, port = where.removeprefix(TCP_SERVER).rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise OSError(f"{where!r} names no host and port")
    return host.strip("[]"), int(port)


async def _open(where: str) -> Transport:
    try:
        return await open_transport(where)
    except (BaseBumbleError, ValueError, ImportError) as error:
        raise OSError(f"no Bluetooth controller at {where!r}: {error}") from error

"""A local device offered to a remote bench as `tcp:HOST:PORT` (docs/links.md).

    async with Bridge("serial:/dev/ttyACM0") as bridge:
        print(bridge.uri)
        await asyncio.Event().wait()

It copies bytes and holds no keys: what protects a session goes from the remote host to the device, through it.
"""

from bwc_sdk.bridge.events import BridgeEvent, ClientCame, ClientLeft, ClientRefused
from bwc_sdk.bridge.server import Bridge

__all__ = ["Bridge", "BridgeEvent", "ClientCame", "ClientLeft", "ClientRefused"]

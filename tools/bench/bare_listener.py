"""The bare receiver of the BLE benchmark: bleak's notifications, counted and thrown away.

python -m tools.bench.bare_listener URI MIB DIRECTORY
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import bleak  # noqa: F401 (imports are no part of the sample)  # imports are no part of the sample

import bwc_sdk.transport.bumble_backend  # noqa: F401 (imports are no part of the sample)
from bwc_protocol.bindings.ble import TO_HOST_UUID
from bwc_sdk.transport.bluetooth import Bluetooth
from bwc_sdk.transport.uri import DeviceUri
from tools.bench.process import measured

MIB: Final = 1_048_576
CONNECT_S: Final = 10.0


async def receive(text: str, size_bytes: int) -> None:
    """Connects, subscribes, and waits for the bytes."""
    uri = DeviceUri.parse(text)
    bluetooth = await Bluetooth.of("", uri.options["hci"])
    device = await bluetooth.find(uri.address, str(uri))
    left, whole = size_bytes, asyncio.Event()

    def came(_: Any, value: bytearray) -> None:
        nonlocal left
        left -= len(value)
        if left <= 0:
            whole.set()

    async with bluetooth.connection(device, lambda _: whole.set(), CONNECT_S) as client:
        await client.start_notify(TO_HOST_UUID, came)
        await whole.wait()
        if left:
            raise ValueError(f"{left} bytes are missing")
    await bluetooth.close()


if __name__ == "__main__":
    with measured():
        asyncio.run(receive(sys.argv[1], int(sys.argv[2]) * MIB))

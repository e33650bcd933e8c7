"""The bare side of the BLE benchmark: a peripheral that notifies bytes, as fast as its controller takes them.

    python -m tools.bench.bare_notifier MIB

Prints the URI at which hosts find it, on the same virtual Bluetooth as a simulated camera's.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from bumble import att
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, Service
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from bwc_protocol.bindings.ble import SERVICE_UUID, TO_HOST_UUID, VALUE_MAX, advertisement
from firmware_sim.ports.ble import ADVERTISE_MS, PACKETS_AHEAD
from firmware_sim.ports.ble_listen import CAMERA_ADDRESS
from firmware_sim.ports.ether import Adapter, AdapterServer, Ether

MIB: Final = 1_048_576


class Notifier:
    """Notifies `size_bytes` to whoever subscribes, in the longest values."""

    def __init__(self, ether: Ether, size_bytes: int) -> None:
        adapter = Adapter("notifier", ether, CAMERA_ADDRESS)
        config = DeviceConfiguration(
            name="",
            advertising_data=advertisement(),
            scan_response_data=b"",
            advertising_interval_min=ADVERTISE_MS,
            advertising_interval_max=ADVERTISE_MS,
        )
        self._size = size_bytes
        self._left = 0
        self._subscriber: Connection | None = None
        self._to_host: Characteristic[bytes] = Characteristic(
            TO_HOST_UUID, Characteristic.Properties.NOTIFY, Characteristic.Permissions(0)
        )
        self.device = Device(config=config, host=Host(adapter, AsyncPipeSink(adapter)))
        self.device.add_service(Service(SERVICE_UUID, [self._to_host]))
        self._to_host.on(Characteristic.EVENT_SUBSCRIPTION, self._subscribed)

    async def start(self) -> None:
        """Advertises, again after each connection."""
        await self.device.power_on()
        queue = self.device.host.le_acl_packet_queue
        assert queue is not None
        self._queue = queue
        queue.on("flow", self._send)
        await self.device.start_advertising(auto_restart=True)

    def _subscribed(self, bearer: att.Bearer, notify: bool, indicate: bool) -> None:
        if notify and isinstance(bearer, Connection):
            self._subscriber, self._left = bearer, self._size
            self._send()

    def _send(self) -> None:
        while self._left and self._subscriber is not None and self._queue.pending < PACKETS_AHEAD:
            value = bytes(min(self._left, VALUE_MAX))
            self._left -= len(value)
            pdu = att.ATT_Handle_Value_Notification(
                attribute_handle=self._to_host.handle, attribute_value=value
            )
            self.device.gatt_server.send_gatt_pdu(self._subscriber, bytes(pdu))


async def serve(size_bytes: int) -> None:
    """Until it is ended."""
    ether = Ether()
    server = AdapterServer(ether)
    await server.listen("127.0.0.1", 0)
    notifier = Notifier(ether, size_bytes)
    await notifier.start()
    address = notifier.device.random_address.to_string(with_type_qualifier=False)
    print(f"ble:{address}?hci=tcp-client:{server.address}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) * MIB))

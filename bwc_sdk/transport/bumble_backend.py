"""bleak on bumble: a Bluetooth host in this process, on any HCI controller, without the system's own stack.

`ble:?hci=SPEC` asks for it: `tcp-client:HOST:PORT` reaches the adapters of a simulator, `usb:0` a spare dongle
that no other program uses. What the SDK does with bleak is the same code as on the system's Bluetooth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, Final, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
)
from bumble import hci
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSink, TransportSource

T = TypeVar("T")

POWER_ON_S: Final = 5.0
MTU: Final = 517
"""The largest that ATT has a use for: a value of 512 bytes and what goes around it."""
PACKETS_AHEAD: Final = 24
"""Packets handed to the controller and not completed, before a writer waits."""

_UUID_LISTS: Final = (
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)


class Central:
    """A Bluetooth host, and the bleak backends that speak through it."""

    def __init__(self, source: TransportSource, sink: TransportSink) -> None:
        self.device = Device.with_hci("", hci.Address.ANY_RANDOM, source, sink)
        central = self.device
        self.scanner: type[BaseBleakScanner] = type("BumbleScanner", (_Scanner,), {"central": central})
        self.client: type[BaseBleakClient] = type("BumbleClient", (_Client,), {"central": central})
        self._transport: Transport | None = None

    @staticmethod
    async def open(spec: str) -> Central:
        """A host on the controller that `spec` names. Raises `BleakBluetoothNotAvailableError`."""
        try:
            transport = await open_transport(spec)
        except (BaseBumbleError, OSError, ValueError, ImportError) as error:
            raise _not_available(f"no HCI controller at {spec}: {error}") from error
        central = Central(transport.source, transport.sink)
        central._transport = transport
        try:
            await central.start()
        except BaseException:
            await transport.close()
            raise
        return central

    async def start(self) -> None:
        """Powers the controller up. Raises `BleakBluetoothNotAvailableError`."""
        try:
            async with asyncio.timeout(POWER_ON_S):
                await self.device.power_on()
        except (BaseBumbleError, TimeoutError) as error:
            raise _not_available(f"the controller does not answer: {error}") from error

    async def close(self) -> None:
        """Lets the controller go."""
        if self._transport is not None:
            await self._transport.close()


def _not_available(what: str) -> BleakBluetoothNotAvailableError:
    return BleakBluetoothNotAvailableError(what, BleakBluetoothNotAvailableReason.NO_BLUETOOTH)


class _Scanner(BaseBleakScanner):
    central: ClassVar[Device]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        self.seen_devices = {}
        self.central.on(Device.EVENT_ADVERTISEMENT, self._heard)
        await self.central.start_scanning(active=self._active)

    async def stop(self) -> None:
        self.central.remove_listener(Device.EVENT_ADVERTISEMENT, self._heard)
        await self.central.stop_scanning()

    def _heard(self, advertisement: Advertisement) -> None:
        uuids = [
            _text(uuid)
            for kind in _UUID_LISTS
            for found in advertisement.data.get_all(kind)
            for uuid in found
        ]
        if not self.is_allowed_uuid(uuids):
            return
        heard = AdvertisementData(
            local_name=advertisement.data.get(AdvertisingData.COMPLETE_LOCAL_NAME),
            manufacturer_data={},
            service_data={},
            service_uuids=uuids,
            tx_power=None,
            rssi=advertisement.rssi,
            platform_data=(advertisement,),
        )
        address = advertisement.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(
            address, address, heard.local_name, advertisement.address, heard
        )
        self.call_detection_callbacks(device, heard)


class _Client(BaseBleakClient):
    central: ClassVar[Device]

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        known = isinstance(address_or_ble_device, BLEDevice)
        self._peer_address: hci.Address = (
            address_or_ble_device.details if known else hci.Address(self.address)  # type: ignore[union-attr]  # `known` says which
        )
        self._connection: Connection | None = None
        self._peer: Peer | None = None

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return self._connection.att_mtu if self._connection is not None else 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        connecting = self.central.connect(self._peer_address, timeout=self._timeout)
        connection = self._connection = await _translated(connecting)
        connection.on(Connection.EVENT_DISCONNECTION, self._dropped)
        peer = self._peer = Peer(connection)
        try:
            self.services = await _translated(self._discover(peer))
        except BaseException:
            await self.disconnect()
            raise

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        await peer.request_mtu(MTU)
        found = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            known = BleakGATTService(service, service.handle, _text(service.uuid))
            found.add_service(known)
            for one in await service.discover_characteristics():
                characteristic = BleakGATTCharacteristic(
                    one, one.handle, _text(one.uuid), _properties(one), self._room, known
                )
                found.add_characteristic(characteristic)
                for descriptor in await one.discover_descriptors():
                    uuid = _text(descriptor.type)
                    found.add_descriptor(
                        BleakGATTDescriptor(descriptor, descriptor.handle, uuid, characteristic)
                    )
        return found

    def _room(self) -> int:
        return self.mtu_size - 3

    def _dropped(self, reason: int) -> None:
        self._connection = self._peer = None
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        if self._connection is not None:
            await _translated(self._connection.disconnect())

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        await _translated(self._connected().connection.pair())

    async def unpair(self) -> None:
        raise NotImplementedError("no bond is kept")

    def _connected(self) -> Peer:
        if self._peer is None:
            raise BleakError("Not connected")
        return self._peer

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return await self._read(characteristic.handle)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return await self._read(descriptor.handle)

    async def _read(self, handle: int) -> bytearray:
        return bytearray(await _translated(self._connected().gatt_client.read_value(handle)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        peer = self._connected()
        if not response:
            await self._taken()
        writing = peer.gatt_client.write_value(characteristic.handle, bytes(data), with_response=response)
        await _translated(writing)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        client = self._connected().gatt_client
        await _translated(client.write_value(descriptor.handle, bytes(data), with_response=True))

    async def _taken(self) -> None:
        """Waits until the controller has taken what it was given before."""
        queue = self.central.host.le_acl_packet_queue
        assert queue is not None
        while queue.pending >= PACKETS_AHEAD and self._connection is not None:
            flowed = asyncio.Event()
            queue.once("flow", flowed.set)
            self._connection.once(Connection.EVENT_DISCONNECTION, lambda reason, event=flowed: event.set())
            await flowed.wait()
        self._connected()

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        def told(value: bytes) -> None:
            callback(bytearray(value))

        await _translated(self._connected().gatt_client.subscribe(_proxy(characteristic), told))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        await _translated(self._connected().gatt_client.unsubscribe(_proxy(characteristic), force=True))


async def _translated(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. What bumble raises becomes bleak's error; so does its own way to end a request when
    the connection goes, which is to cancel it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait((task,))
        raise
    if task.cancelled():
        raise BleakError("the peer disconnected")
    try:
        return task.result()
    except (BaseBumbleError, TimeoutError) as error:
        raise BleakError(str(error)) from error


def _proxy(characteristic: BleakGATTCharacteristic) -> CharacteristicProxy[bytes]:
    proxy = characteristic.obj
    assert isinstance(proxy, CharacteristicProxy)
    return proxy


def _text(uuid: UUID) -> str:
    return (
        uuid.to_hex_str("-").lower()
        if len(uuid.uuid_bytes) == 16
        else f"{uuid.to_hex_str().lower():0>8}{_BASE}"
    )


_BASE: Final = "-0000-1000-8000-00805f9b34fb"


def _properties(characteristic: CharacteristicProxy[bytes]) -> list[CharacteristicPropertyName]:
    names: list[CharacteristicPropertyName] = [
        "broadcast",
        "read",
        "write-without-response",
        "write",
        "notify",
        "indicate",
        "authenticated-signed-writes",
        "extended-properties",
    ]
    return [name for bit, name in enumerate(names) if characteristic.properties & 1 << bit]

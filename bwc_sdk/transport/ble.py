"""`ble:ADDRESS[?adapter=hci1]`, or `ble:` for the only camera in reach: by bleak (spec: BLE).

A camera's address changes every quarter of an hour, and says nothing: who it is, the session tells.
`?hci=SPEC` uses a controller without the system's stack, such as the one of a simulator.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bwc_protocol.bindings.ble import (
    DEAD_AFTER_S,
    SERVICE_UUID,
    TO_DEVICE_UUID,
    TO_HOST_UUID,
    VALUE_MAX,
    VALUE_MIN,
    Packer,
    payload_for,
)
from bwc_sdk.errors import (
    BwcError,
    DeviceLost,
    InvalidUri,
    NotADevice,
    PortNotFound,
    ProtocolViolation,
)
from bwc_sdk.transport import Limits, Receiver
from bwc_sdk.transport.bluetooth import Bluetooth
from bwc_sdk.transport.uri import DeviceUri

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

log = logging.getLogger(__name__)
T = TypeVar("T")

OPEN_S: Final = 10.0
"""Scan, connection, discovery and subscription together; what is left of a connect's 15 s is for HELLO."""
ATTEMPT_S: Final = 5.0
"""One try to connect, discover and subscribe: pass marks of interoperability tests add up to 3 s."""
RETRY_S: Final = 0.4
"""Wait before the second try: BlueZ refuses one that comes within 0.3 s of the end of a connection."""
MTU_WAIT_S: Final = 0.5
"""How long a stack may take to say that values are longer than 20 bytes; some say so only after connecting."""
HIGH_WATER: Final = 4_096
"""Bytes that wait for the radio: more would hide from the link how slow it is."""
FLUSH_S: Final = 0.3
"""How long the farewell of the link may take to go out."""
HANG_UP_S: Final = 4.0
"""How long a stack may take to disconnect; BlueZ takes 2 s."""
FOOTAGE_RATE: Final = 44_000.0
"""Bytes/s of a good connection: the 0.35 Mbit/s that phones are measured at."""
ADDRESS: Final = re.compile(
    r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|"
)
"""An address, a UUID (Core Bluetooth does not tell addresses), or nothing."""


class BleTransport:
    """A byte pipe over two GATT characteristics. `bluetooth` takes the place of this machine's own."""

    def __init__(self, uri: DeviceUri, *, bluetooth: Bluetooth | None = None) -> None:
        uri.allow("adapter", "hci")
        if ADDRESS.fullmatch(uri.address) is None:
            raise InvalidUri(
                f"{uri} does not name a Bluetooth address", advice="write ble:AA:BB:CC:DD:EE:FF or ble:"
            )
        if "" in uri.options.values():
            raise InvalidUri(f"{uri} has an option without a value")
        self.name = f"ble:{uri.address}"
        self.limits = Limits(payload_for(VALUE_MAX), dead_after_s=DEAD_AFTER_S, footage_rate=FOOTAGE_RATE)
        self._uri = uri
        self._bluetooth = bluetooth
        self._receiver: Receiver | None = None
        self._client: BleakClient | None = None
        self._to_device: BleakGATTCharacteristic | None = None
        self._gone = asyncio.Event()
        self._came: list[bytearray] = []
        self._waiting = Packer()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._starved = False
        self._writer: asyncio.Task[None] | None = None
        self._fault: BwcError | None = None

    # Opening

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        try:
            async with asyncio.timeout(OPEN_S):
                await self._open()
        except TimeoutError as error:
            await self.close()
            raise PortNotFound(f"it does not answer within {OPEN_S:g} s", device=self.name) from error
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        if self._bluetooth is None:
            self._bluetooth = await Bluetooth.of(
                self._uri.options.get("adapter", ""), self._uri.options.get("hci", "")
            )
        device = await self._bluetooth.find(self._uri.address, self.name)
        try:
            await self._attempt(self._bluetooth, device)
        except DeviceLost as first:
            if self._fault is not None:
                raise self._fault from first
            # Every stack fails a first connection now and then, under a dozen names (le-connection-abort-by-local,
            # "failed to discover services", EBUSY after a disconnect). Connecting changes nothing: try once more.
            log.info("%s; once more", first)
            await self._hang_up()
            await asyncio.sleep(RETRY_S)
            await self._attempt(self._bluetooth, device)
        self._writer = asyncio.create_task(self._write_values())

    async def _attempt(self, bluetooth: Bluetooth, device: BLEDevice) -> None:
        """Connects, discovers, subscribes. Raises `DeviceLost` for what another try may mend, and `NotADevice`."""
        gone = self._gone = asyncio.Event()
        client = self._client = bluetooth.connection(device, lambda _: self._disconnected(gone), ATTEMPT_S)
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await self._while_there(client.connect())
                to_device, to_host = self._characteristics(client)
                await self._while_there(client.start_notify(to_host, self._notified))
                value_bytes = await self._value_bytes(to_device)
        except TimeoutError as error:
            raise DeviceLost(f"it does not answer within {ATTEMPT_S:g} s", device=self.name) from error
        self._to_device = to_device
        self.limits = Limits(payload_for(value_bytes), dead_after_s=DEAD_AFTER_S, footage_rate=FOOTAGE_RATE)

    def _characteristics(
        self, client: BleakClient
    ) -> tuple[BleakGATTCharacteristic, BleakGATTCharacteristic]:
        from bleak.exc import BleakError

        try:
            services = [one for one in client.services if one.uuid == SERVICE_UUID]
        except BleakError as error:  # gone already
            raise DeviceLost(f"the connection ended: {error}", device=self.name) from error
        if len(services) != 1:
            raise NotADevice(f"it has {len(services)} services {SERVICE_UUID}, not one", device=self.name)
        found = []
        for uuid, use in ((TO_DEVICE_UUID, "write-without-response"), (TO_HOST_UUID, "notify")):
            characteristics = [one for one in services[0].characteristics if one.uuid == uuid]
            if len(characteristics) != 1 or use not in characteristics[0].properties:
                rule = f"its service has no single characteristic {uuid} with {use}"
                raise NotADevice(rule, device=self.name)
            found.append(characteristics[0])
        return found[0], found[1]

    async def _value_bytes(self, to_device: BleakGATTCharacteristic) -> int:
        """Bytes of one value, once the stack knows."""
        until = asyncio.get_running_loop().time() + MTU_WAIT_S
        while to_device.max_write_without_response_size <= VALUE_MIN:
            if asyncio.get_running_loop().time() >= until:
                return VALUE_MIN
            await asyncio.sleep(MTU_WAIT_S / 10)
        return min(VALUE_MAX, to_device.max_write_without_response_size)

    async def _while_there(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, as long as the device is there: some stacks never end what it leaves behind."""
        from bleak.exc import BleakError

        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=HANG_UP_S)
        if not task.done() or task.cancelled():
            raise DeviceLost("the connection ended while it was being set up", device=self.name)
        try:
            return task.result()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            raise DeviceLost(f"the connection failed: {error}", device=self.name) from error

    # The pipe

    def room(self) -> int:
        room = HIGH_WATER - self._waiting.size if self._writer is not None else 0
        self._starved = room <= 0
        return max(0, room)

    def write(self, parts: list[bytes]) -> None:
        self._waiting.push(parts)
        self._idle.clear()
        self._work.set()

    async def _write_values(self) -> None:
        from bleak.exc import BleakError

        client, to_device = self._client, self._to_device
        assert client is not None and to_device is not None
        try:
            while True:
                # Asked each time: it may still grow.
                size = min(VALUE_MAX, max(VALUE_MIN, to_device.max_write_without_response_size))
                value = self._waiting.take(size)
                if not value:
                    self._idle.set()
                    self._work.clear()
                    await self._work.wait()
                    continue
                await client.write_gatt_char(to_device, value, response=False)
                if self._starved and self._receiver is not None:
                    self._starved = False
                    self._receiver.writable()
        except (BleakError, OSError, EOFError) as error:
            lost = DeviceLost(f"the connection failed: {error}", device=self.name, known=True)
            lost.__cause__ = error
            self._notify_lost(lost)

    def _notified(self, characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        if len(value) > VALUE_MAX:
            rule = f"it notified a value of {len(value)} bytes, at most {VALUE_MAX}"
            self._fault = ProtocolViolation(rule, device=self.name)
            self._notify_lost(self._fault)
            return
        if not self._came:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._came.append(value)

    def _hand_over(self) -> None:
        """What came in one turn of the loop at once: a value is short, and each call passes through all layers."""
        data, self._came = b"".join(self._came), []
        if self._receiver is not None and data:
            self._receiver.received(data)

    def _disconnected(self, gone: asyncio.Event) -> None:
        gone.set()
        if self._writer is not None and gone is self._gone:
            rule = "the connection ended: out of reach or switched off"
            self._notify_lost(DeviceLost(rule, device=self.name, known=True))

    def _notify_lost(self, error: BwcError) -> None:
        self._gone.set()
        writer, self._writer = self._writer, None
        if writer is None:
            return  # not open yet: `open` raises it
        self._hand_over()
        receiver, self._receiver = self._receiver, None
        if writer is not asyncio.current_task():
            writer.cancel()
        if receiver is not None:
            receiver.lost(error)

    # Closing

    async def close(self) -> None:
        self._receiver = None
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                async with asyncio.timeout(FLUSH_S):
                    await self._idle.wait()
            except TimeoutError:
                pass  # the device takes nothing more
            writer.cancel()
            await asyncio.wait((writer,), timeout=HANG_UP_S)
        await self._hang_up()
        bluetooth, self._bluetooth = self._bluetooth, None
        if bluetooth is not None:
            await bluetooth.close()

    async def _hang_up(self) -> None:
        """Disconnects, in bounded time, whatever the stack makes of it."""
        client, self._client = self._client, None
        if client is None:
            return
        task = asyncio.ensure_future(client.disconnect())
        await asyncio.wait((task,), timeout=HANG_UP_S)
        if not task.done():
            task.cancel()
            log.warning("%s: the system's Bluetooth does not disconnect", self.name)
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.debug("%s: disconnecting: %s", self.name, error)

"""A camera behind BLE: a bumble peripheral whose GATT service is a byte pipe (spec: BLE).

It advertises when the camera's radio may be heard and nobody is connected, under an address that is replaced in
time; a host that subscribes gets the pipe, and what ends the connection ends the pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from bumble import att, crypto, hci
from bumble.core import BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import TransportSink, TransportSource

from bwc_protocol.bindings.ble import (
    ROTATE_S,
    SERVICE_UUID,
    TO_DEVICE_UUID,
    TO_HOST_UUID,
    VALUE_MAX,
    Packer,
    advertisement,
    payload_for,
)
from bwc_protocol.messages.identity import Capability
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.pipe import LinkUser, PipeUser
from firmware_sim.faults.plan import FaultCount
from firmware_sim.serving.attach import attach

log = logging.getLogger(__name__)

ADVERTISE_MS: Final = 20.0
"""The shortest interval there is: whoever is to be found is found at once, and is so for two minutes or in a dock."""
HIGH_WATER: Final = 8_192
"""Bytes that wait for the radio: more would hide from the link how slow it is."""
PACKETS_AHEAD: Final = 24
"""Packets handed to the controller and not completed: enough for the busiest connection event."""
NOTIFY_HEADER: Final = 3
WITHOUT_LINK_S: Final = 20.0
"""Of a connection without a live link: a host has 10 s to connect and subscribe, 5 s to say HELLO. Nobody else can
connect meanwhile."""
HCI_S: Final = 5.0
"""A controller that takes longer for a command is broken."""


class BlePipe:
    """The pipe on one connection whose host has subscribed."""

    def __init__(self, port: BlePort, connection: Connection) -> None:
        self.value_bytes = min(VALUE_MAX, connection.att_mtu - NOTIFY_HEADER)
        self.max_payload = payload_for(self.value_bytes)
        if not port.camera.seen.bounded_values:
            self.value_bytes = VALUE_MAX + 1
        self.user: PipeUser | None = None
        self.connection = connection
        self._port = port
        self._waiting = Packer()
        self._starved = False
        self._ending = False
        queue = port.device.host.le_acl_packet_queue
        assert queue is not None
        self._queue = queue
        self._queue.on("flow", self._flush)

    # For the port

    def room(self) -> int:
        room = 0 if self._ending else HIGH_WATER - self._waiting.size
        self._starved = room <= 0
        return max(0, room)

    def write(self, parts: list[bytes]) -> None:
        if not self._ending:
            self._waiting.push(parts)
            self._flush()

    def restarted(self) -> None:
        """The device resets itself: its radio goes, and what it sent last still arrives."""
        self._ending = True
        self._flush()

    def pull(self) -> None:
        """The host goes out of range."""
        self._waiting.clear()
        self._ending = True
        self._flush()

    # For the peripheral

    def received(self, value: bytes) -> None:
        """The host wrote."""
        if self.user is not None and not self._ending:
            self.user.received(value)

    def lost(self) -> None:
        """The connection is over, or its host does not listen any more."""
        self._queue.remove_listener("flow", self._flush)
        self._waiting.clear()
        self._ending = True
        user, self.user = self.user, None
        if user is not None:
            user.lost()

    def _flush(self) -> None:
        while self._waiting.size and self._queue.pending < PACKETS_AHEAD:
            self._port.notify(self.connection, self._waiting.take(self.value_bytes))
        if self._waiting.size:
            return
        if self._ending:
            self._port.hang_up()
        elif self._starved and self.user is not None:
            self._starved = False
            self.user.writable()


class BlePort:
    """The camera's Bluetooth. `source` and `sink` are HCI to its controller; `start` brings it up.

    `options` are those that a host needs to get there, `rotate_s` is after how long an address is replaced at the
    latest, and `moved` is told the URI that has the new one.
    """

    def __init__(
        self,
        camera: SimCamera,
        source: TransportSource,
        sink: TransportSink,
        *,
        options: str = "",
        faults: FaultCount | None = None,
        rotate_s: float = ROTATE_S,
        moved: Callable[[str], None] = lambda uri: None,
    ) -> None:
        self.closing: list[Callable[[], object]] = []
        """What else ends with the port."""
        self.camera = camera
        self._options = options
        self._moved = moved
        self._faults = faults
        self._rotate_s = rotate_s
        self._loop = asyncio.get_running_loop()
        camera.time.follow(self._loop)
        camera.profile.capabilities |= Capability.BLE
        self._changed = asyncio.Event()
        self._irk = camera.entropy.randbytes(16)
        self._rotated_at: float | None = None
        self._advertising = False
        self._connection: Connection | None = None
        self._linked_at = 0.0  # when the connection was seen with a live link last, or made
        self._by_button = False
        self._hang_up = False
        self._pipe: BlePipe | None = None
        self._link: LinkUser | None = None  # who serves the pipe
        self._task: asyncio.Task[None] | None = None
        self._to_host: Characteristic[bytes] = Characteristic(
            TO_HOST_UUID, Characteristic.Properties.NOTIFY, Characteristic.Permissions(0)
        )
        self.device = self._peripheral(Host(source, sink))

    def _peripheral(self, host: Host) -> Device:
        # The GAP service must have a device name: an empty one tells nothing.
        config = DeviceConfiguration(
            name=self.camera.seen.name,
            advertising_data=self.camera.seen.advertisement or advertisement(),
            scan_response_data=b"",
            advertising_interval_min=ADVERTISE_MS,
            advertising_interval_max=ADVERTISE_MS,
        )
        device = Device(config=config, host=host)
        to_device: Characteristic[bytes] = Characteristic(
            TO_DEVICE_UUID,
            Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            Characteristic.Permissions.WRITEABLE,
            CharacteristicValue(write=self._written),
        )
        device.add_service(Service(SERVICE_UUID, [to_device, self._to_host]))
        # Pairing would hand out the key that resolves every later address, to whoever asks: Just Works proves
        # nothing. The session protects what is said here.
        device.pairing_config_factory = lambda connection: PairingConfig(delegate=_RefusesPairing())
        self._to_host.on(Characteristic.EVENT_SUBSCRIPTION, self._subscribed)
        device.on(Device.EVENT_CONNECTION, self._connected)
        return device

    # Life

    async def start(self) -> None:
        """Powers the controller up. Raises `OSError` when there is none that answers."""
        try:
            async with asyncio.timeout(HCI_S):
                await self.device.power_on()
                await self._rotate()
        except (BaseBumbleError, TimeoutError) as error:
            raise OSError(f"the Bluetooth controller does not answer: {error}") from error
        self.camera.radio.changed.append(self._changed.set)
        self._task = self._loop.create_task(self._run())

    def close(self) -> None:
        """Ends the port for good; who is connected sees the camera vanish."""
        if self._task is not None:
            self._task.cancel()
            self.camera.radio.changed.remove(self._changed.set)
        self._lose()
        for close in self.closing:
            close()

    def pull(self) -> None:
        """The host goes out of range; it may be back at once."""
        if self._pipe is not None:
            self._pipe.pull()
        else:
            self.hang_up()

    @property
    def uri(self) -> str:
        """The device URI, until the address is replaced."""
        return f"ble:{self.address}{self._options}"

    @property
    def address(self) -> str:
        """The address under which it advertises, or advertised last."""
        return str(self.device.random_address.to_string(with_type_qualifier=False))

    # What the radio does

    async def _run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # asked for: Python 3.11 loses a cancellation in bumble's `wait_for`
            self._changed.clear()
            try:
                async with asyncio.timeout(HCI_S):
                    await self._settle()
            except (BaseBumbleError, TimeoutError) as error:
                log.warning("%s: the controller failed: %s", self.uri, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    await self._changed.wait()

    def _wait_s(self) -> float | None:
        """Until something is due by itself."""
        camera = self.camera
        due = [camera.radio.deadline(), None if camera.running else camera.deadline()]
        waits = [at - camera.time() for at in due if at is not None]
        if self._connection is not None:
            waits.append(self._linked_at + WITHOUT_LINK_S - self._loop.time())
        if self._advertising and self._rotated_at is not None:
            waits.append(self._rotated_at + self._rotate_s - self._loop.time())
        return max(0.001, min(waits)) if waits else None

    async def _settle(self) -> None:
        """Brings the radio into the state in which the camera wants it."""
        radio = self.camera.radio
        self.camera.awake()
        if self._connection is not None:
            if radio.audible and not self.camera.seen.silent_when_connected and not self._advertising:
                self._advertising = True
                await self.device.start_advertising()
            elif self.camera.seen.silent_when_connected:
                await self._stop()
            if self._link is not None and self._link.live:
                self._linked_at = self._loop.time()
            elif self._loop.time() >= self._linked_at + WITHOUT_LINK_S:
                log.debug("%s: its host brings no link about", self.uri)
                self._hang_up = True
            if self._hang_up or not (radio.audible or (self._by_button and self.camera.running)):
                await self._connection.disconnect()
            return
        overdue = self._rotated_at is None or self._loop.time() >= self._rotated_at + self._rotate_s
        if self._advertising and (overdue or not radio.audible):
            await self._stop()
        if radio.audible and not self._advertising:
            if overdue:
                await self._rotate()
                self._moved(self.uri)
            self._advertising = True
            await self.device.start_advertising()

    async def _stop(self) -> None:
        if self._advertising:
            self._advertising = False
            await self.device.stop_advertising()

    async def _rotate(self) -> None:
        """Takes a new resolvable private address. Never while somebody is connected: it would be of no use."""
        random = bytearray(self.camera.entropy.randbytes(3))
        kind = (
            0x40 if self.camera.seen.resolvable else 0xC0
        )  # what marks the address as resolvable, or as static
        random[2] = random[2] & 0x3F | kind
        octets = crypto.ah(self._irk, bytes(random)) + bytes(random)
        address = hci.Address(octets, hci.Address.RANDOM_DEVICE_ADDRESS)
        await self.device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=address))
        self.device.random_address = address
        self._rotated_at = self._loop.time()

    # What hosts do

    def _connected(self, connection: Connection) -> None:
        self._advertising = False
        self._hang_up = False
        self._connection = connection
        self._linked_at = self._loop.time()
        self._by_button = self.camera.radio.window_open
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)
        log.debug("%s: a host connected", self.uri)
        self._changed.set()

    def _disconnected(self, reason: int) -> None:
        log.debug("%s: its host left: HCI error %#x", self.uri, reason)
        self._connection = None
        self._lose()
        self._changed.set()

    def _subscribed(self, bearer: att.Bearer, notify: bool, indicate: bool) -> None:
        self._lose()
        if notify and isinstance(bearer, Connection) and bearer is self._connection:
            pipe = self._pipe = BlePipe(self, bearer)
            reads_only = self.camera.radio.reads_only and not self._by_button
            pipe.user = self._link = attach(
                self.camera, pipe, self.uri, self._faults, reads_only=reads_only, by_radio=True
            )

    def _written(self, connection: Connection, value: bytes) -> None:
        if self._pipe is not None and self._pipe.connection is connection:
            self._pipe.received(value)

    # For the pipe

    def notify(self, connection: Connection, value: bytes) -> None:
        """Sends one value."""
        pdu = att.ATT_Handle_Value_Notification(attribute_handle=self._to_host.handle, attribute_value=value)
        self.device.gatt_server.send_gatt_pdu(connection, bytes(pdu))

    def hang_up(self) -> None:
        """Ends the connection."""
        self._hang_up = True
        self._changed.set()

    def _lose(self) -> None:
        pipe, self._pipe, self._link = self._pipe, None, None
        if pipe is not None:
            pipe.lost()


class _RefusesPairing(PairingDelegate):
    async def accept(self) -> bool:
        return False

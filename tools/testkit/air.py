"""Cameras and hosts in the air of one process: bleak on bumble, in virtual time, for tests of BLE."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from bumble import ll
from bumble.core import BaseBumbleError
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from bwc_protocol.bindings.ble import SERVICE_UUID, TO_DEVICE_UUID, TO_HOST_UUID, advertisement
from bwc_protocol.declare import Role
from bwc_sdk import World, connect
from bwc_sdk.clients.camera import Camera
from bwc_sdk.connection.access import Connecting
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.transport.ble import BleTransport
from bwc_sdk.transport.bluetooth import Bluetooth
from bwc_sdk.transport.bumble_backend import Central
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.camera.provisioning import provision
from firmware_sim.device.trust.kept import Agency
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.ble import BlePort
from firmware_sim.ports.ble_listen import in_ether
from firmware_sim.ports.ether import Adapter, Ether
from firmware_sim.virtual_time import run_virtual

T = TypeVar("T")
NOON_NS: Final = 1_800_014_400 * 1_000_000_000
FULL: Final[Mapping[str, str]] = {"radio.ble_docked": "full"}


class Sniffer(Adapter):
    """Hears everything that is advertised, and keeps it."""

    def __init__(self, ether: Ether) -> None:
        super().__init__("sniffer", ether, "F0:57:B3:EE:EE:EE")
        self.heard: list[ll.AdvInd] = []

    def on_ll_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, ll.AdvInd):
            self.heard.append(packet)

    def take(self) -> list[ll.AdvInd]:
        """What was heard since it was asked last."""
        heard, self.heard = self.heard, []
        return heard


class Air:
    """One place: a camera with its port, and as many hosts as a test wants."""

    def __init__(self) -> None:
        self.ether = Ether()
        self.sniffer = Sniffer(self.ether)
        self._hosts = 0
        self.adapters: list[Adapter] = []

    async def camera(
        self,
        *,
        settings: Mapping[str, str] = FULL,
        docked: bool = True,
        recordings: int = 1,
        segment_bytes: int = 20_000,
        seed: int = 5,
        rotate_s: float = 900.0,
        advertise_ms: float = 60.0,
        agency: Agency | None = None,
        enrolled: bool = True,
    ) -> BlePort:
        """A camera within reach, with its radio powered up."""
        source = SyntheticFootage(segment_bytes=segment_bytes)
        options = CameraOptions(seed=seed, footage=source, docked=docked, agency=agency, enrolled=enrolled)
        camera = SimCamera(options, utc_ns=NOON_NS)
        provision(camera, settings)
        for _ in range(recordings):
            camera.recorder.backfill(NOON_NS - 10**12, 5_000)
        port = in_ether(camera, self.ether, rotate_s=rotate_s, address=f"F0:57:B3:FF:00:{seed:02X}")
        port.device.advertising_interval_min = port.device.advertising_interval_max = advertise_ms
        await port.start()
        return port

    async def host(self) -> Bluetooth:
        """The Bluetooth of a host, on an adapter of its own."""
        self._hosts += 1
        adapter = Adapter(f"host {self._hosts}", self.ether, f"F0:57:B3:00:00:{self._hosts:02X}")
        self.adapters.append(adapter)
        central = Central(adapter, AsyncPipeSink(adapter))
        await central.start()
        return Bluetooth(scanner=central.scanner, client=central.client)

    async def connecting(self, uri: str = "ble:", *, role: Role = Role.BENCH) -> Connecting[Camera]:
        """A connection to be entered, from a new host."""
        return connecting(await self.host(), uri, role=role)

    async def pretender(self, *services: Service, mtu: int = 517, mute: bool = False) -> Pretender:
        """Something else that advertises as a camera; see `Pretender`."""
        adapter = Adapter("pretender", self.ether, "F0:57:B3:DD:DD:DD")
        made = Pretender(adapter, services=services, mtu=mtu, mute=mute)
        await made.start()
        return made


def connecting(bluetooth: Bluetooth, uri: str = "ble:", *, role: Role = Role.BENCH) -> Connecting[Camera]:
    """A connection to be entered."""
    transport = BleTransport(DeviceUri.parse(uri), bluetooth=bluetooth)
    return connect(transport, role=role, world=World(workers=InlineWorkers()), allow_insecure=True)


class Pretender:
    """A peripheral with the service's UUID in its advertisement, and behind it `services`: without any, the right
    one, whose values `answer` is told. A `mute` one accepts connections and answers nothing."""

    def __init__(
        self,
        adapter: Adapter,
        *,
        services: tuple[Service, ...],
        mtu: int,
        mute: bool,
    ) -> None:
        config = DeviceConfiguration(name="", advertising_data=advertisement(), scan_response_data=b"")
        self.device = Device(config=config, host=Host(adapter, AsyncPipeSink(adapter)))
        self.to_host: Characteristic[bytes] = to_host()
        self.written: list[bytes] = []
        self.answer: Callable[[bytes], None] = self.written.append
        taking = to_device(lambda value: self.answer(value))
        for service in services or (Service(SERVICE_UUID, [taking, self.to_host]),):
            self.device.add_service(service)
        self.device.gatt_server.max_mtu = mtu
        if mute:
            self.device.gatt_server.on_gatt_pdu = lambda bearer, att_pdu: None  # type: ignore[method-assign]  # a device that says nothing

    async def start(self) -> None:
        """Begins to advertise."""
        await self.device.power_on()
        await self.device.start_advertising(advertising_interval_min=20, advertising_interval_max=20)

    async def notify(self, value: bytes) -> None:
        """Tells `value` to whoever has subscribed."""
        for connection in self.device.connections.values():
            await self.device.notify_subscriber(connection, self.to_host, value)

    async def hang_up(self) -> None:
        """Ends every connection."""
        for connection in list(self.device.connections.values()):
            try:
                await connection.disconnect()
            except BaseBumbleError:
                pass  # the host was faster


def to_host(
    properties: Characteristic.Properties = Characteristic.Properties.NOTIFY,
) -> Characteristic[bytes]:
    """The characteristic that notifies, with other properties if wanted."""
    return Characteristic(TO_HOST_UUID, properties, Characteristic.Permissions.READABLE)


def to_device(
    taken: Callable[[bytes], object] = lambda value: None,
    properties: Characteristic.Properties = Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
) -> Characteristic[bytes]:
    """The characteristic that takes the host's bytes."""

    def write(connection: Any, value: bytes) -> None:
        taken(value)

    return Characteristic(
        TO_DEVICE_UUID, properties, Characteristic.Permissions.WRITEABLE, CharacteristicValue(write=write)
    )


def in_the_air(use: Callable[[Air], Awaitable[T]]) -> T:
    """Runs `use` in virtual time."""

    async def main() -> T:
        return await use(Air())

    return run_virtual(main())

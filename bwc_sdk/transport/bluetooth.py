"""A machine's Bluetooth by bleak: listening, finding, and its errors, translated once.

bleak talks to BlueZ, Core Bluetooth or WinRT; another backend may be put in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.bindings.ble import SERVICE_UUID
from bwc_sdk.errors import BwcError, PortForbidden, PortNotFound, TransportError
from bwc_sdk.host.required_packages import lacking_for, require

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

SCAN_S: Final = 4.0
"""A camera that may be heard says something every 100 ms; a busy adapter may miss most of it."""
OTHERS_S: Final = 1.0
"""How much longer to listen for a second camera when any will do."""
HEARD_MAX: Final = 1_024
"""Devices kept of one scan: anybody can send advertisements."""

_ADVICE: Final = (
    "plug a Bluetooth adapter in, switch it on and start the system's Bluetooth service; "
    "'bwc doctor' shows adapters"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A device that advertised the service."""

    device: BLEDevice
    """bleak's own object: a stack connects to what it heard, not to an address."""
    signal_dbm: int


@dataclass(frozen=True, slots=True)
class Bluetooth:
    """One adapter of this machine. `scanner` and `client` take the place of bleak's own backends."""

    adapter: str = ""
    """BlueZ only: such as hci1; "" = the system's default."""
    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None
    closing: Callable[[], Awaitable[None]] | None = None

    @staticmethod
    async def of(adapter: str, hci: str) -> Bluetooth:
        """The system's Bluetooth, or with `hci` a controller of one's own. Raises `MissingExtra`, `TransportError`."""
        require("bleak", "the transport ble:", "ble")
        if not hci:
            return Bluetooth(adapter)
        try:
            from bwc_sdk.transport.bumble_backend import Central
        except ImportError as error:
            raise lacking_for("sim", "the transport ble: with ?hci=") from error
        try:
            central = await Central.open(hci)
        except Exception as error:
            raise translated(error, "") from error
        return Bluetooth(scanner=central.scanner, client=central.client, closing=central.close)

    async def close(self) -> None:
        """Lets go what was opened for it."""
        if self.closing is not None:
            await self.closing()

    def connection(
        self, device: BLEDevice, gone: Callable[[BleakClient], None], timeout_s: float
    ) -> BleakClient:
        """A client for a device that was heard, not yet connected."""
        from bleak import BleakClient

        bluez: Any = {"adapter": self.adapter} if self.adapter else {}
        return BleakClient(
            device,
            disconnected_callback=gone,
            services=[SERVICE_UUID],
            timeout=timeout_s,
            bluez=bluez,
            backend=self.client,
        )

    async def find(self, address: str, name: str) -> BLEDevice:
        """The camera at `address`, or with "" the only one in reach; `name` is for messages.

        Raises `PortNotFound` when it is not heard within 4 s, or there are several; `TransportError` when this
        machine has no Bluetooth that works.
        """
        heard = await self.listen(SCAN_S, until=address, name=name)
        found = [one for one in heard if not address or same(one.device.address, address)]
        if len(found) == 1:
            return found[0].device
        if not found:
            raise PortNotFound(
                "no camera is heard there" if address else "no camera is heard",
                device=name,
                advice="press the camera's pairing button, or dock it where radio.ble_docked lets it be heard; "
                "its address changes every 15 minutes, 'bwc devices --ble' shows the present one",
            )
        addresses = ", ".join(sorted(one.device.address for one in found)[:8])
        raise PortNotFound(
            f"{len(found)} cameras are heard, and none is named: {addresses}",
            device=name,
            advice="name one: ble:ADDRESS",
        )

    async def listen(self, seconds: float, *, until: str | None = None, name: str = "ble:") -> list[Heard]:
        """The devices that advertise the service within `seconds`, strongest first.

        Ends as soon as address `until` is heard; with "", a second after anybody is. Raises `TransportError`.
        """
        found: dict[str, Heard] = {}
        enough = asyncio.Event()

        def heard(one: Heard) -> None:
            address = one.device.address
            wanted = bool(until) and same(address, until or "")
            if address not in found and len(found) >= HEARD_MAX and not wanted:
                return  # whoever is asked for is heard, however many others there are
            found[address] = one
            if wanted or until == "":
                enough.set()

        async with self.hearing(heard, name):
            try:
                async with asyncio.timeout(seconds):
                    await enough.wait()
                    if not until:
                        await asyncio.sleep(OTHERS_S)
            except TimeoutError:
                pass  # heard is what is heard
        return sorted(found.values(), key=lambda one: -one.signal_dbm)

    @asynccontextmanager
    async def hearing(self, heard: Callable[[Heard], None], name: str = "ble:") -> AsyncIterator[None]:
        """Inside, calls `heard` for every advertisement of the service. Raises `TransportError`."""
        from bleak import BleakScanner

        def advertised(device: BLEDevice, data: AdvertisementData) -> None:
            if SERVICE_UUID in data.service_uuids:
                heard(Heard(device, data.rssi))

        bluez: Any = {"adapter": self.adapter} if self.adapter else {}
        try:
            scanner = BleakScanner(
                advertised, service_uuids=[SERVICE_UUID], bluez=bluez, backend=self.scanner
            )
            await scanner.start()
        except Exception as error:
            raise translated(error, name) from error
        try:
            yield
        finally:
            try:
                await scanner.stop()
            except Exception as error:
                raise translated(error, name) from error


def same(one: str, other: str) -> bool:
    """Whether two addresses are the same: systems differ in their capitals."""
    return one.casefold() == other.casefold()


def translated(error: Exception, name: str) -> BwcError:
    """What to say of an error of bleak or of the system below it, before anything is connected."""
    from bleak.exc import (
        BleakBluetoothNotAvailableError,
        BleakBluetoothNotAvailableReason,
        BleakDBusError,
    )

    if isinstance(error, BwcError):
        return error
    reason = error.reason if isinstance(error, BleakBluetoothNotAvailableError) else None
    denied = {
        BleakBluetoothNotAvailableReason.DENIED_BY_USER,
        BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM,
        BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN,
    }
    if reason in denied or (isinstance(error, BleakDBusError) and "AccessDenied" in error.dbus_error):
        return PortForbidden(
            f"the system does not let this program use Bluetooth: {error}",
            device=name,
            advice="allow it in the system's privacy settings; on Linux join the group 'bluetooth'",
        )
    if isinstance(error, FileNotFoundError):  # of the system bus, without a word of what
        return TransportError("this machine has no Bluetooth service", device=name, advice=_ADVICE)
    said = error.args[0] if reason is not None else error
    return TransportError(f"Bluetooth cannot be used: {said}", device=name, advice=_ADVICE)

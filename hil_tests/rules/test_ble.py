"""What a device says in the air and in its attributes, before it has said a word in a session (spec: BLE)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

from bwc_protocol.bindings.ble import SERVICE_UUID, TO_DEVICE_UUID, TO_HOST_UUID, VALUE_MAX
from bwc_protocol.declare import Role
from bwc_protocol.frame import LINK_VERSION, Frame, FrameType, Hello, encode_frame
from bwc_protocol.messages.audit import ReadAudit
from bwc_sdk.sync.loop import loop_thread
from bwc_sdk.transport.bluetooth import SCAN_S, Bluetooth
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.bench import Bench
from hil_tests.raw.pipe import PipeLost
from hil_tests.raw.wire import Wire
from hil_tests.verdicts import RuleBroken, not_applicable

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

pytestmark = [pytest.mark.bwc_read_only, pytest.mark.bwc_any_device]

DEVICE_NAME: Final = "00002a00-0000-1000-8000-00805f9b34fb"
GATT_HEADER: Final = 3
HEARD_S: Final = 1.0
CONNECT_S: Final = 10.0
TURN_S, TURNS_MAX = 0.1, 50
ENOUGH: Final = 600
"""Bytes that a device is made to say: more than a value of the largest MTU holds."""
RESOLVABLE: Final = 0b01
"""The two highest bits of a resolvable private address."""
AT_LENGTH: Final = 4
"""Requests that are answered at length."""
TOO_LONG: Final = "notified a value of"
"""What the transport ends a pipe with for a value that is too long."""
T = TypeVar("T")


@pytest.fixture
def by_radio(wire: Wire) -> Callable[[Callable[[Bluetooth], Awaitable[Any]]], Any]:
    """Runs a test's own use of this machine's Bluetooth. Skips where the device is reached in another way."""
    uri = DeviceUri.parse(wire.uri)
    if uri.scheme != "ble":
        not_applicable("the device is not reached by BLE")

    async def used(use: Callable[[Bluetooth], Awaitable[T]]) -> T:
        bluetooth = await Bluetooth.of(uri.options.get("adapter", ""), uri.options.get("hci", ""))
        try:
            return await use(bluetooth)
        finally:
            await bluetooth.close()

    return lambda use: loop_thread().run(used(use))


async def advertised(bluetooth: Bluetooth, for_s: float) -> list[tuple[BLEDevice, AdvertisementData]]:
    """Everything with the service that is heard for a while."""
    from bleak import BleakScanner

    heard: list[tuple[BLEDevice, AdvertisementData]] = []

    def took(device: BLEDevice, said: AdvertisementData) -> None:
        if SERVICE_UUID in said.service_uuids:
            heard.append((device, said))

    scanner = BleakScanner(took, backend=bluetooth.scanner)
    await scanner.start()
    await asyncio.sleep(for_s)
    await scanner.stop()
    return heard


@asynccontextmanager
async def connected(bluetooth: Bluetooth, wire: Wire) -> AsyncIterator[BleakClient]:
    """A connection in which nothing was said."""
    from bleak import BleakClient

    device = await bluetooth.find(DeviceUri.parse(wire.uri).address, wire.uri)
    client = BleakClient(device, timeout=CONNECT_S, backend=bluetooth.client)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


@pytest.mark.rule("BLE-003")
@pytest.mark.rule("BLE-005")
def test_an_advertisement_is_flags_and_service_under_an_address_that_resolves_to_nothing(
    by_radio: Any,
) -> None:
    heard = by_radio(lambda bluetooth: advertised(bluetooth, SCAN_S))
    if not heard:
        raise RuleBroken("an advertisement with the service (BLE-003)", f"none in {SCAN_S:g} s")
    for device, said in heard:
        if (
            said.local_name
            or said.manufacturer_data
            or said.service_data
            or set(said.service_uuids) != {SERVICE_UUID}
        ):
            raise RuleBroken("the flags and the service, and nothing else (BLE-003)", repr(said))
        first = device.address.partition(":")[0]
        if len(first) == 2 and int(first, 16) >> 6 != RESOLVABLE:
            raise RuleBroken("a resolvable private address (BLE-005)", device.address)


@pytest.mark.rule("BLE-004")
def test_no_attribute_says_who_it_is(by_radio: Any, wire: Wire, bwc_bench: Bench) -> None:
    async def use(bluetooth: Bluetooth) -> dict[str, bytes]:
        async with connected(bluetooth, wire) as client:
            return {
                one.uuid: bytes(await client.read_gatt_char(one))
                for service in client.services
                for one in service.characteristics
                if "read" in one.properties
            }

    found: dict[str, bytes] = by_radio(use)
    if found.get(DEVICE_NAME):
        raise RuleBroken("an empty device name (BLE-004)", repr(found[DEVICE_NAME]))
    for fact, text in bwc_bench.who_it_is().items():
        for uuid, value in found.items():
            if text in value:
                raise RuleBroken(f"no {fact} in any attribute (BLE-004)", f"in {uuid}: {value!r}")


@pytest.mark.rule("BLE-007")
def test_nothing_is_advertised_while_a_host_is_connected(by_radio: Any, wire: Wire) -> None:
    async def use(bluetooth: Bluetooth) -> int:
        async with connected(bluetooth, wire):
            await advertised(bluetooth, 0.2)  # what was under way
            return len(await advertised(bluetooth, HEARD_S))

    if heard := by_radio(use):
        raise RuleBroken("silence in the air while a host is connected (BLE-007)", f"{heard} advertisements")


@pytest.mark.rule("BLE-008")
def test_no_value_is_longer_than_the_connection_takes(by_radio: Any, wire: Wire) -> None:
    """A device that has much to say says it in values of at most MTU - 3, and of 512 bytes."""
    hello = wire_hello()

    async def use(bluetooth: Bluetooth) -> tuple[list[int], int]:
        sizes: list[int] = []
        async with connected(bluetooth, wire) as client:
            await client.start_notify(TO_HOST_UUID, lambda _, value: sizes.append(len(value)))
            at_once = max(1, (client.mtu_size - GATT_HEADER) // len(hello(0)))
            for turn in range(TURNS_MAX):
                said = b"".join(hello(turn * at_once + one) for one in range(at_once))
                await client.write_gatt_char(TO_DEVICE_UUID, said, response=False)
                await asyncio.sleep(TURN_S)
                if sum(sizes) >= ENOUGH:
                    break
            return sizes, client.mtu_size

    sizes, mtu = by_radio(use)
    most = min(VALUE_MAX, mtu - GATT_HEADER)
    if not sizes or max(sizes) > most:
        raise RuleBroken(
            f"values of at most {most} bytes at an MTU of {mtu} (BLE-008)", f"{max(sizes or [0])}"
        )


@pytest.mark.rule("BLE-008")
def test_no_value_is_longer_than_the_connection_takes_however_much_there_is(
    by_radio: Any, wire: Wire
) -> None:
    """In a session: a page of the log is longer than any value, and what receives values tells one that is."""
    try:
        session = wire.session(Role.AUDITOR)
        for _ in range(AT_LENGTH):
            session.answer(session.request(ReadAudit()))
    except PipeLost as lost:
        if TOO_LONG in str(lost):
            raise RuleBroken("values that the connection takes (BLE-008)", str(lost)) from lost
        raise


def wire_hello() -> Callable[[int], bytes]:
    """A HELLO of each number, each of another host: a device answers them all."""

    def hello(number: int) -> bytes:
        said = Hello(
            host_nonce=number, max_payload=20, lowest=LINK_VERSION, highest=LINK_VERSION, max_window=1
        )
        return encode_frame(Frame(FrameType.HELLO, payload=said.encode()))

    return hello

"""A camera by radio works like one on a cable, and whatever a radio, a stack or a stranger does is a typed error in
bounded time (spec: BLE)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)
from bumble.gatt import Characteristic, Service

from bwc_protocol.bindings.ble import SERVICE_UUID, TO_DEVICE_UUID, TO_HOST_UUID, VALUE_MAX
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability
from bwc_sdk.errors import (
    BwcError,
    DeviceLost,
    InvalidUri,
    MissingExtra,
    NotADevice,
    PortForbidden,
    PortNotFound,
    ProtocolViolation,
    TransportError,
)
from bwc_sdk.host import packages
from bwc_sdk.transport.ble import BleTransport
from bwc_sdk.transport.bluetooth import Bluetooth
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from tools.testkit.air import Air, Pretender, connecting, in_the_air, to_device, to_host

CONNECT_S = 15.0


def failure_of(connect: Callable[[Air], Coroutine[Any, Any, Any]]) -> tuple[BwcError, float]:
    """What connecting to what `connect` prepares raises, and how many virtual seconds that takes."""

    async def use(air: Air) -> tuple[BwcError, float]:
        entered = await connect(air)
        begin = asyncio.get_running_loop().time()
        with pytest.raises(BwcError) as caught:
            async with entered:
                pass
        return caught.value, asyncio.get_running_loop().time() - begin

    error, seconds = in_the_air(use)
    assert seconds <= CONNECT_S
    assert error.device.startswith("ble:")
    return error, seconds


# What works


def test_control_status_clock_configuration_log_and_listing_work_by_radio() -> None:
    async def use(air: Air) -> None:
        port = await air.camera(recordings=3)
        async with await air.connecting(port.uri, role=Role.TECHNICIAN) as camera:
            assert (await camera.device.identify()).serial == port.camera.serial
            assert camera.peer.capabilities & Capability.BLE
            assert (await camera.battery.status()).charge_pct > 0
            assert (await camera.storage.status()).recordings == 3
            assert (await camera.clock.measure()).uncertainty_ns < 50_000_000
            await camera.config.apply({"alarm.battery_low_pct": 21})
            assert (await camera.config.values())["alarm.battery_low_pct"] == 21
            assert len(await camera.recordings.list()) == 3
            assert [entry async for entry in camera.audit.entries()]

    in_the_air(use)


def test_without_an_address_the_only_camera_in_reach_is_meant() -> None:
    async def use(air: Air) -> tuple[str, str]:
        port = await air.camera()
        async with await air.connecting("ble:") as camera:
            return camera.identity, port.camera.serial

    identity, serial = in_the_air(use)
    assert identity == serial


def test_an_address_chooses_among_cameras_whatever_its_capitals() -> None:
    async def use(air: Air) -> None:
        ports = [await air.camera(seed=seed) for seed in (5, 6)]
        for port in ports:
            async with await air.connecting(port.uri.lower()) as camera:
                assert camera.identity == port.camera.serial

    in_the_air(use)


def test_a_connection_that_was_closed_can_be_made_again_at_once() -> None:
    async def use(air: Air) -> None:
        port = await air.camera()
        host = await air.host()
        for _ in range(5):
            async with connecting(host, port.uri) as camera:
                await camera.battery.status()

    in_the_air(use)


@pytest.mark.rule("BLE-008")
@pytest.mark.parametrize("mtu", [23, 100, 185, 247, 517])
def test_every_mtu_works_and_no_value_is_longer_than_it_allows(mtu: int) -> None:
    written: list[int] = []

    async def use(air: Air) -> None:
        port = await air.camera(recordings=2)
        port.device.gatt_server.max_mtu = mtu
        host = await air.host()
        assert host.client is not None

        class Recording(host.client):
            async def write_gatt_char(self, characteristic: Any, data: bytes, response: bool) -> None:
                assert not response
                written.append(len(data))
                await super().write_gatt_char(characteristic, data, response)

        async with connecting(Bluetooth(scanner=host.scanner, client=Recording), port.uri) as camera:
            await camera.config.apply({"policy.id": "a" * 60})
            assert len(await camera.recordings.list()) == 2
            await camera.config.schema_all()

    in_the_air(use)
    assert max(written) <= min(VALUE_MAX, mtu - 3)


# What is not there


def test_a_camera_that_is_not_heard_is_not_found_within_the_scan() -> None:
    async def silent(air: Air) -> Any:
        await air.camera(settings={})
        return await air.connecting("ble:")

    error, seconds = failure_of(silent)
    assert isinstance(error, PortNotFound)
    assert "button" in error.advice
    assert seconds < 5.0


def test_another_camera_is_never_taken_for_the_one_that_was_named() -> None:
    async def other(air: Air) -> Any:
        await air.camera()
        return await air.connecting("ble:40:00:00:00:00:01")

    error, _ = failure_of(other)
    assert isinstance(error, PortNotFound)


def test_with_several_cameras_in_reach_one_has_to_be_named() -> None:
    async def two(air: Air) -> Any:
        air.ports = [await air.camera(seed=seed) for seed in (5, 6)]
        return await air.connecting("ble:")

    error, _ = failure_of(two)
    assert isinstance(error, PortNotFound)
    assert "2 cameras" in error.rule and error.rule.count(":") >= 10


@pytest.mark.parametrize("address", ["my camera", "AA:BB", "AA:BB:CC:DD:EE:FF:00", "hci0"])
def test_what_is_no_address_is_refused_before_anything_is_asked_of_the_radio(address: str) -> None:
    with pytest.raises(InvalidUri):
        transport_for(DeviceUri.parse(f"ble:{address}"))


@pytest.mark.parametrize("options", ["hci=", "speed=2", "adapter="])
def test_an_option_that_is_unknown_or_empty_is_refused(options: str) -> None:
    with pytest.raises(InvalidUri):
        transport_for(DeviceUri.parse(f"ble:?{options}"))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (FileNotFoundError(2, "No such file or directory"), TransportError),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["org.bluez"]), TransportError),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["rules"]), PortForbidden),
        (
            BleakBluetoothNotAvailableError("none", BleakBluetoothNotAvailableReason.NO_BLUETOOTH),
            TransportError,
        ),
        (
            BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.DENIED_BY_USER),
            PortForbidden,
        ),
    ],
    ids=["no D-Bus", "no BlueZ", "not allowed on the bus", "no adapter", "denied"],
)
def test_a_machine_without_bluetooth_says_what_to_do(raised: Exception, expected: type[BwcError]) -> None:
    async def broken(air: Air) -> Any:
        host = await air.host()
        assert host.scanner is not None

        class Broken(host.scanner):
            async def start(self) -> None:
                raise raised

        return connecting(Bluetooth(scanner=Broken, client=host.client))

    error, _ = failure_of(broken)
    assert type(error) is expected
    assert error.advice


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(packages, "_good", set())  # where another test has found it
    monkeypatch.setitem(sys.modules, "bleak", None)
    with pytest.raises(MissingExtra) as caught:
        asyncio.run(BleTransport(DeviceUri.parse("ble:")).open(None))
    assert caught.value.extra == "ble"


def test_without_a_controller_the_option_hci_says_so() -> None:
    with pytest.raises(TransportError, match="no HCI controller"):
        asyncio.run(BleTransport(DeviceUri.parse("ble:?hci=tcp-client:127.0.0.1:1")).open(None))


# Strangers

NO_NOTIFY = Characteristic.Properties.READ
WITH_RESPONSE = Characteristic.Properties.WRITE


@pytest.mark.rule("BLE-009")
@pytest.mark.parametrize(
    ("services", "named"),
    [
        ((Service("180F", []),), SERVICE_UUID),
        ((Service(SERVICE_UUID, [to_device()]),), TO_HOST_UUID),
        ((Service(SERVICE_UUID, [to_host()]),), TO_DEVICE_UUID),
        ((Service(SERVICE_UUID, [to_device(properties=WITH_RESPONSE), to_host()]),), TO_DEVICE_UUID),
        ((Service(SERVICE_UUID, [to_device(), to_host(NO_NOTIFY)]),), TO_HOST_UUID),
        ((Service(SERVICE_UUID, [to_device(), to_host(), to_host()]),), TO_HOST_UUID),
        (tuple(Service(SERVICE_UUID, [to_device(), to_host()]) for _ in range(2)), SERVICE_UUID),
    ],
    ids=["service", "notify", "write", "write property", "notify property", "two of one", "two services"],
)
def test_a_gatt_service_that_lacks_something_is_no_device_and_the_error_names_what(
    services: tuple[Service, ...], named: str
) -> None:
    async def stranger(air: Air) -> Any:
        await air.pretender(*services)
        return await air.connecting()

    error, _ = failure_of(stranger)
    assert isinstance(error, NotADevice)
    assert named in error.rule


def test_a_peripheral_that_accepts_and_never_answers_ends_in_bounded_time() -> None:
    async def mute(air: Air) -> Any:
        await air.pretender(mute=True)
        return await air.connecting()

    error, seconds = failure_of(mute)
    assert isinstance(error, TransportError)
    assert "does not answer" in error.rule
    assert seconds <= 11.0


def test_a_peripheral_that_takes_everything_and_says_nothing_is_no_device() -> None:
    async def sink(air: Air) -> Any:
        await air.pretender()
        return await air.connecting()

    error, _ = failure_of(sink)
    assert isinstance(error, NotADevice)
    assert "nothing answers" in error.rule


@pytest.mark.rule("BLE-008")
def test_a_notification_that_is_longer_than_it_may_be_ends_the_connection() -> None:
    async def talker(air: Air) -> Any:
        stranger = await air.pretender()

        def answer(value: bytes) -> None:
            asyncio.get_running_loop().create_task(stranger.notify(bytes(VALUE_MAX + 1)))

        stranger.answer = answer
        return await air.connecting()

    error, seconds = failure_of(talker)
    assert isinstance(error, ProtocolViolation)
    assert "513" in error.rule
    assert seconds < 3.0


def test_an_overlong_notification_in_the_moment_of_subscription_is_the_same_violation() -> None:
    async def eager(air: Air) -> Any:
        stranger = await air.pretender()

        def subscribed(bearer: Any, notify: bool, indicate: bool) -> None:
            asyncio.get_running_loop().create_task(stranger.notify(bytes(VALUE_MAX + 2)))

        stranger.to_host.on(Characteristic.EVENT_SUBSCRIPTION, subscribed)
        return await air.connecting()

    error, _ = failure_of(eager)
    assert isinstance(error, ProtocolViolation)


def test_garbage_is_no_device() -> None:
    async def noise(air: Air) -> Any:
        stranger = await air.pretender()

        def answer(value: bytes) -> None:
            asyncio.get_running_loop().create_task(stranger.notify(b"\xb3\x57" * 100))

        stranger.answer = answer
        return await air.connecting()

    error, _ = failure_of(noise)
    assert isinstance(error, NotADevice)


# A disconnect at each point


class Breaking:
    """A stack whose connection breaks at a point, `times` times; `hangs`: it then never returns, as some do."""

    def __init__(self, air: Air, point: str, *, times: int = 99, hangs: bool = False) -> None:
        self.attempts = 0
        self._air = air
        self._point = point
        self._times = times
        self._hangs = hangs

    async def bluetooth(self) -> Bluetooth:
        host = await self._air.host()
        breaking = self
        assert host.client is not None

        class Client(host.client):
            async def connect(self, pair: bool, **kwargs: Any) -> None:
                breaking.attempts += 1
                await breaking.at("connect", self)
                await super().connect(pair, **kwargs)

            async def _discover(self, peer: Any) -> Any:
                await breaking.at("discovery", self)
                return await super()._discover(peer)

            async def start_notify(self, characteristic: Any, callback: Any, **kwargs: Any) -> None:
                await breaking.at("start_notify", self)
                await super().start_notify(characteristic, callback, **kwargs)

            async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
                await breaking.at("write", self)
                await super().write_gatt_char(characteristic, data, response)

        return Bluetooth(scanner=host.scanner, client=Client)

    async def at(self, point: str, client: Any) -> None:
        if point != self._point or self._times == 0:
            return
        self._times -= 1
        if client._connection is not None:
            await client._connection.disconnect()
        if self._hangs:
            await asyncio.Event().wait()
        raise BleakError("Service Discovery has not been performed yet")


@pytest.mark.parametrize("hangs", [False, True], ids=["told by the stack", "the stack hangs"])
@pytest.mark.parametrize("point", ["connect", "discovery", "start_notify", "write"])
def test_a_disconnect_at_any_point_of_connecting_is_the_one_disconnect_error(point: str, hangs: bool) -> None:
    async def breaking(air: Air) -> Any:
        await air.camera()
        return connecting(await Breaking(air, point, hangs=hangs).bluetooth())

    error, _ = failure_of(breaking)
    assert isinstance(error, DeviceLost | PortNotFound)


@pytest.mark.parametrize("point", ["connect", "discovery", "start_notify"])
def test_a_first_attempt_that_fails_is_made_once_more(point: str) -> None:
    async def use(air: Air) -> int:
        await air.camera()
        breaking = Breaking(air, point, times=1)
        async with connecting(await breaking.bluetooth()) as camera:
            await camera.battery.status()
        return breaking.attempts

    assert in_the_air(use) == 2


def test_a_second_attempt_that_fails_is_the_last_one() -> None:
    async def use(air: Air) -> int:
        await air.camera()
        breaking = Breaking(air, "connect")
        with pytest.raises(DeviceLost):
            async with connecting(await breaking.bluetooth()):
                pass
        return breaking.attempts

    assert in_the_air(use) == 2


@pytest.mark.parametrize("who", ["camera", "adapter"])
def test_a_connection_that_breaks_in_use_is_told_at_once(who: str) -> None:
    async def use(air: Air) -> float:
        port = await air.camera()
        async with await air.connecting() as camera:
            asking = asyncio.ensure_future(_ask_for_ever(camera))
            await asyncio.sleep(1)
            if who == "camera":
                port.pull()
            else:
                air.adapters[-1].unplug()
            begin = asyncio.get_running_loop().time()
            with pytest.raises(DeviceLost):
                await asking
            return asyncio.get_running_loop().time() - begin

    assert in_the_air(use) < (0.1 if who == "camera" else 15.0)


async def _ask_for_ever(camera: Any) -> None:
    while True:
        await camera.battery.status()
        await asyncio.sleep(0.01)


def test_a_stack_that_never_disconnects_does_not_hold_up_the_program() -> None:
    async def use(air: Air) -> float:
        await air.camera()
        host = await air.host()
        assert host.client is not None

        class Sticky(host.client):
            async def disconnect(self) -> None:
                await asyncio.Event().wait()

        async with connecting(Bluetooth(scanner=host.scanner, client=Sticky)) as camera:
            await camera.battery.status()
            begin = asyncio.get_running_loop().time()
        return asyncio.get_running_loop().time() - begin

    assert in_the_air(use) < 6.0


def test_a_host_that_vanishes_leaves_room_for_the_next_one() -> None:
    async def use(air: Air) -> None:
        await air.camera()
        with pytest.raises(BwcError):
            async with await air.connecting() as camera:
                air.adapters[-1].unplug()
                await asyncio.sleep(0.2)
                async with await air.connecting() as next_camera:
                    await next_camera.battery.status()
                await camera.battery.status()

    in_the_air(use)


def test_a_pretender_can_be_told_from_a_camera_only_by_the_session() -> None:
    """What protects a host from a stranger who copies the advertisement is above this layer."""

    async def use(air: Air) -> list[bytes]:
        stranger: Pretender = await air.pretender()
        with pytest.raises(NotADevice):
            async with await air.connecting():
                pass
        return stranger.written

    first = in_the_air(use)[0]
    assert first[:2] == b"\xb3\x57", "it got a HELLO, and nothing of the host's identity"

"""What is in the air: nothing, unless the button or the dock allow it; and then no name, no number, no address
that stays (spec: BLE)."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from bumble import crypto
from bumble.core import AdvertisingData

from bwc_protocol.bindings.ble import PAIRING_WINDOW_S, ROTATE_S, SERVICE_UUID, advertisement
from bwc_protocol.declare import Role
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError, DeviceLost, NotEnrolled
from bwc_sdk.transport.ble import BleTransport
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.model import CAMERA_MAKE
from firmware_sim.ports.ble import WITHOUT_LINK_S, BlePort
from tools.testkit import agencies
from tools.testkit.air import FULL, Air, connecting, in_the_air

SILENT: dict[str, str] = {}
STATUS = {"radio.ble_docked": "status"}
A_WHILE_S = 10.0


async def heard_for(air: Air, seconds: float = A_WHILE_S) -> int:
    air.sniffer.take()
    await asyncio.sleep(seconds)
    return len(air.sniffer.take())


# Silence


@pytest.mark.rule("BLE-001")
@pytest.mark.parametrize(
    ("docked", "settings", "audible"),
    [
        (False, SILENT, False),
        (False, FULL, False),
        (True, SILENT, False),
        (True, STATUS, True),
        (True, FULL, True),
    ],
)
def test_a_camera_is_heard_only_in_a_dock_that_allows_it(
    docked: bool, settings: dict[str, str], audible: bool
) -> None:
    async def use(air: Air) -> int:
        await air.camera(docked=docked, settings=settings)
        return await heard_for(air)

    assert bool(in_the_air(use)) is audible


@pytest.mark.rule("BLE-002")
def test_the_button_lets_an_undocked_camera_be_heard_for_two_minutes() -> None:
    async def use(air: Air) -> tuple[int, int, int]:
        port = await air.camera(docked=False, settings=SILENT, advertise_ms=500.0)
        before = await heard_for(air)
        assert port.camera.radio.press()
        within = await heard_for(air, PAIRING_WINDOW_S - 1)
        await asyncio.sleep(2)
        return before, within, await heard_for(air)

    before, within, after = in_the_air(use)
    assert (before, after) == (0, 0)
    assert within > 100


def test_taking_it_out_of_the_dock_silences_it_at_once() -> None:
    async def use(air: Air) -> tuple[int, int, int]:
        port = await air.camera()
        docked = await heard_for(air)
        port.camera.undock()
        await asyncio.sleep(0.05)
        undocked = await heard_for(air)
        port.camera.dock()
        return docked, undocked, await heard_for(air)

    docked, undocked, again = in_the_air(use)
    assert docked and again
    assert undocked == 0


@pytest.mark.rule("BLE-002")
def test_a_camera_that_is_off_is_silent_and_one_that_booted_is_heard_again_without_its_window() -> None:
    async def use(air: Air) -> list[int]:
        port = await air.camera(settings=SILENT)
        camera = port.camera
        camera.radio.press()
        counts = [await heard_for(air)]
        camera.crash()
        await asyncio.sleep(0.05)
        counts.append(await heard_for(air, 1.5))
        counts.append(await heard_for(air))
        assert camera.running
        camera.go_down()
        counts.append(await heard_for(air))
        assert not camera.radio.press(), "the button of a camera that is off does nothing"
        return counts

    first, off, booted, down = in_the_air(use)
    assert first
    assert (off, booted, down) == (0, 0, 0)


def test_a_docked_camera_boots_by_itself_and_is_heard_again() -> None:
    async def use(air: Air) -> tuple[int, int]:
        port = await air.camera()
        port.camera.crash()
        await asyncio.sleep(0.05)
        return await heard_for(air, 1.5), await heard_for(air)

    off, booted = in_the_air(use)
    assert off == 0
    assert booted


@pytest.mark.rule("BLE-007")
def test_whoever_is_connected_keeps_a_camera_from_being_heard_by_others() -> None:
    async def use(air: Air) -> int:
        await air.camera()
        async with await air.connecting():
            return await heard_for(air)

    assert in_the_air(use) == 0


@pytest.mark.rule("BLE-007")
def test_undocking_ends_a_connection_that_only_the_dock_allowed() -> None:
    async def use(air: Air) -> float:
        port = await air.camera()
        async with await air.connecting() as camera:
            port.camera.undock()
            begin = asyncio.get_running_loop().time()
            with pytest.raises(DeviceLost):
                while True:
                    await camera.battery.status()
                    await asyncio.sleep(0.05)
            return asyncio.get_running_loop().time() - begin

    assert in_the_air(use) < 1.0


def test_a_connection_made_in_the_window_outlives_it() -> None:
    async def use(air: Air) -> None:
        port = await air.camera(docked=False, settings=SILENT)
        port.camera.radio.press()
        async with await air.connecting() as camera:
            await asyncio.sleep(PAIRING_WINDOW_S + 10)
            await camera.battery.status()
        assert await heard_for(air) == 0

    in_the_air(use)


# What is said


def test_an_advertisement_is_the_same_of_every_camera() -> None:
    async def use(air: Air) -> set[bytes]:
        await air.camera(seed=5)
        await air.camera(seed=6)
        await asyncio.sleep(1)
        heard = air.sniffer.take()
        assert len({bytes(pdu.advertiser_address) for pdu in heard}) == 2
        return {bytes(pdu.data) for pdu in heard}

    assert in_the_air(use) == {advertisement()}


@pytest.mark.rule("BLE-003")
def test_an_advertisement_has_the_service_and_no_name() -> None:
    data = AdvertisingData.from_bytes(advertisement())
    kinds = {kind for kind, _ in data.ad_structures}
    assert kinds == {AdvertisingData.FLAGS, AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS}
    assert len(advertisement()) <= 31
    uuids = data.get(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
    assert uuids is not None
    assert [uuid.to_hex_str("-").lower() for uuid in uuids] == [SERVICE_UUID]


def _everything_readable(air: Air, port: BlePort) -> Any:
    async def read() -> bytes:
        """Whatever anybody may read from the peripheral without a session."""
        bluetooth = await air.host()
        device = await bluetooth.find("", "ble:")
        client = bluetooth.connection(device, lambda _: None, 5.0)
        found = bytearray()
        async with client:
            for service in client.services:
                for characteristic in service.characteristics:
                    if "read" in characteristic.properties:
                        found += await client.read_gatt_char(characteristic)
        return bytes(found)

    return read()


@pytest.mark.rule("BLE-004")
def test_nothing_that_can_be_read_before_a_session_tells_who_it_is() -> None:
    async def use(air: Air) -> bytes:
        port = await air.camera()
        said = advertisement() + port.device.scan_response_data + await _everything_readable(air, port)
        for secret in (port.camera.serial, CAMERA_MAKE.model, CAMERA_MAKE.firmware):
            assert secret.encode() not in said
        assert port.camera.options.seed.to_bytes(4, "little") not in said
        return bytes(port.device.scan_response_data) + port.device.name.encode()

    assert in_the_air(use) == b"", "no scan response, and an empty device name"


@pytest.mark.rule("BLE-004")
def test_the_radio_tells_no_state_of_a_camera_from_another() -> None:
    """Enrolled or not, with or without an officer: the same bytes, and nobody's name in them."""

    async def use(air: Air) -> None:
        said: dict[str, bytes] = {}
        for seed, state in enumerate(("development", "enrolled", "factory-new", "at its button"), start=5):
            agency = None if state == "development" else agencies.real()
            new = state in ("factory-new", "at its button")
            port = await air.camera(seed=seed, agency=agency, enrolled=not new, recordings=0 if new else 1)
            camera = port.camera
            if state == "at its button":
                assert camera.press_enroll() == ""
            if state == "enrolled":
                camera.assignment = type(camera.assignment)(
                    assigned=True, officer="Officer Okonkwo", unit="Pier 4", since_utc_ns=1, revision=2
                )
            await asyncio.sleep(1)
            heard = {bytes(pdu.data) for pdu in air.sniffer.take()}
            assert heard == {advertisement()}, state
            said[state] = bytes(port.device.scan_response_data) + await _everything_readable(air, port)
            said[state] += port.device.name.encode() + b"".join(sorted(heard))
            words = (
                camera.serial,
                CAMERA_MAKE.model,
                CAMERA_MAKE.firmware,
                "Harbour Police",
                "Okonkwo",
                "Pier 4",
            )
            assert [word for word in words if word.encode() in said[state]] == [], state
            port.close()
        assert len(set(said.values())) == 1

    in_the_air(use)


# Addresses


@pytest.mark.rule("BLE-005")
def test_the_address_is_resolvable_private_and_not_that_of_the_controller() -> None:
    async def use(air: Air) -> None:
        port = await air.camera()
        await asyncio.sleep(1)
        addresses = {bytes(pdu.advertiser_address) for pdu in air.sniffer.take()}
        (address,) = addresses
        assert address[5] >> 6 == 0b01, "resolvable private"
        assert address[:3] == crypto.ah(port._irk, address[3:])
        assert address != bytes(port.device.public_address)

    in_the_air(use)


@pytest.mark.rule("BLE-005")
def test_the_address_is_replaced_every_quarter_of_an_hour() -> None:
    async def use(air: Air) -> tuple[list[bytes], list[float]]:
        await air.camera(advertise_ms=3_000.0)
        seen: list[bytes] = []
        times: list[float] = []
        for _ in range(4 * 90 + 5):
            await asyncio.sleep(10)
            for pdu in air.sniffer.take():
                address = bytes(pdu.advertiser_address)
                if not seen or seen[-1] != address:
                    seen.append(address)
                    times.append(asyncio.get_running_loop().time())
        return seen, times

    seen, times = in_the_air(use)
    assert len(seen) == len(set(seen)) == 5, "four replacements in an hour, none of them an old one"
    for one, other in pairwise(times):
        assert other - one <= ROTATE_S + 10


@pytest.mark.rule("BLE-005")
def test_an_address_that_came_due_during_a_connection_is_replaced_before_the_next_word() -> None:
    async def use(air: Air) -> set[bytes]:
        port = await air.camera(rotate_s=60.0)
        async with await air.connecting() as camera:
            before = port.address
            await asyncio.sleep(90)
            await camera.battery.status()
            assert port.address == before, "nothing changes under a connection"
            air.sniffer.take()
        await asyncio.sleep(1)
        assert port.address != before
        return {bytes(pdu.advertiser_address) for pdu in air.sniffer.take()}

    assert len(in_the_air(use)) == 1


@pytest.mark.rule("BLE-006")
def test_pairing_is_refused_since_it_would_hand_out_the_key_that_resolves_addresses() -> None:
    async def use(air: Air) -> None:
        port = await air.camera()
        bluetooth = await air.host()
        device = await bluetooth.find("", "ble:")
        client = bluetooth.connection(device, lambda _: None, 5.0)
        async with client:
            with pytest.raises(Exception, match=r"(?i)pairing|failed|rejected"):
                async with asyncio.timeout(30):
                    await client.pair()
        keystore = port.device.keystore
        assert keystore is None or not await keystore.get_all()

    in_the_air(use)


# What a host may do


@pytest.mark.rule("BLE-010")
def test_in_the_mode_status_a_host_of_any_role_may_ask_and_do_nothing_else() -> None:
    async def use(air: Air) -> None:
        await air.camera(settings=STATUS)
        async with await air.connecting(role=Role.BENCH | Role.DOCK_OFFLOAD) as camera:
            await camera.battery.status()
            await camera.config.values()
            (entry,) = await camera.recordings.list()
            manifest = await camera.recordings.read_manifest(entry)
            for refused in (
                camera.config.apply({"alarm.battery_low_pct": 20}),
                camera.recordings.read_table(entry, manifest, 0),
                camera.recordings.mark(recording=entry.recording, manifest_sha256=entry.manifest_sha256),
            ):
                with pytest.raises(CommandError) as caught:
                    await refused
                assert caught.value.code is ErrorCode.NOT_PERMITTED
            entries = (await camera.audit.page(limit=64)).entries
            assert [entry.detail for entry in entries if entry.kind is AuditKind.REFUSED] == [
                f"{name} is not permitted by radio"
                for name in ("config.stage", "config.abort", "recordings.table", "recordings.mark")
            ]

    in_the_air(use)


def test_the_button_gives_a_host_its_full_rights_also_in_the_mode_status() -> None:
    async def use(air: Air) -> None:
        port = await air.camera(settings=STATUS)
        port.camera.radio.press()
        async with connecting(await air.host()) as camera:
            await camera.config.apply({"alarm.battery_low_pct": 20})

    in_the_air(use)


class _Mute:
    """A host that never says HELLO."""

    def __init__(self) -> None:
        self.gone: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def received(self, data: bytes | memoryview) -> None: ...

    def writable(self) -> None: ...

    def lost(self, error: Exception) -> None:
        self.gone.set_result(asyncio.get_running_loop().time())


def test_a_host_that_brings_no_link_about_keeps_nobody_else_out() -> None:
    async def use(air: Air) -> float:
        await air.camera()
        mute = _Mute()
        transport = BleTransport(DeviceUri.parse("ble:"), bluetooth=await air.host())
        await transport.open(mute)
        begin = asyncio.get_running_loop().time()
        stayed_s = await mute.gone - begin
        await transport.close()
        async with await air.connecting() as camera:
            await camera.device.status()
            await asyncio.sleep(3 * WITHOUT_LINK_S)
            await camera.device.status()  # who has a link stays
        return stayed_s

    assert WITHOUT_LINK_S - 5 < in_the_air(use) < WITHOUT_LINK_S + 1


@pytest.mark.rule("TRU-001")
def test_nobody_is_enrolled_by_radio_whatever_button_is_pressed() -> None:
    """Who enrols has to stand at the device: a radio reaches through walls."""

    async def use(air: Air) -> None:
        port = await air.camera(agency=agencies.lab(), enrolled=False, recordings=0)
        port.camera.radio.press()
        assert port.camera.press_enroll() == ""
        with pytest.raises(NotEnrolled):
            async with connecting(await air.host()):
                pass
        assert port.camera.trust is not None and not port.camera.trust.enrolled

    in_the_air(use)

"""The station's bays: what they show, what may be switched, and what switches itself off (spec: Station commands)."""

import asyncio

import pytest

import bwc_sdk
from bwc_protocol.declare import Event, Role
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.clock import ClockReason
from bwc_protocol.messages.identity import CameraState
from bwc_protocol.messages.station import (
    BAY_PAGE_MAX,
    BayAlarm,
    BayAlarmed,
    BayChanged,
    BayState,
    Docked,
    LedMeaning,
    StationFault,
    Undocked,
)
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk.errors import BwcError, CommandError, DeviceLost, PortNotFound, WrongDevice
from firmware_sim.handlers import STATION
from firmware_sim.ports.memory import MemoryTransport


class refused:
    """Expects a refusal with this code."""

    def __init__(self, code: ErrorCode) -> None:
        self._code = code

    def __enter__(self) -> None: ...

    def __exit__(self, kind, error, trace) -> bool:
        assert isinstance(error, CommandError), error
        assert error.code is self._code, error
        return True


async def told(stream, count: int) -> list[Event]:
    """The next `count` events, which come within a minute."""
    async with asyncio.timeout(60):
        return [await anext(stream) for _ in range(count)]


def test_every_command_of_a_station_has_a_handler() -> None:
    assert STATION.missing(PeerKind.STATION) == set()


def test_all_bays_are_listed_in_pages_and_in_order(new_station, host, play) -> None:
    async def scenario() -> None:
        async with host(new_station(64, docked=2)) as station:
            first = await station.bays.bays()
            assert len(first.bays) == BAY_PAGE_MAX and first.next == BAY_PAGE_MAX + 1
            bays = await station.bays.list()
            assert [bay.bay for bay in bays] == list(range(1, 65))
            assert [bay.present for bay in bays] == [True] * 2 + [False] * 62
            status = await station.bays.status()
            assert (status.bays, status.present, status.quarantined) == (64, 2, 0)

    play(scenario())


def test_a_docked_camera_is_charged_and_linked(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            bay = await client.bays.bay(bay=2)
            assert (bay.state, bay.present, bay.docking, bay.power, bay.data) == (
                BayState.LINKED,
                True,
                1,
                True,
                True,
            )
            assert bay.charge is ChargeState.CHARGING and bay.charge_ma > 100
            assert bay.led is LedMeaning.CHARGING
            for _ in range(6):  # an hour each, in which nobody looks
                station.bays[2].camera.time.skip(3600)
                await asyncio.sleep(3)
            full = await client.bays.bay(bay=2)
            assert full.charge is ChargeState.FULL and full.charge_ma == 0
            assert full.led is LedMeaning.READY

    play(scenario())


def test_an_empty_bay_charges_nothing_and_nothing_discharges_in_it(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            station.undock(2)
            for power in (True, False):
                empty = await client.bays.power(bay=2, on=power)
                assert (empty.present, empty.charge, empty.charge_ma) == (False, ChargeState.IDLE, 0)
            assert (await client.bays.power(bay=1, on=False)).charge is ChargeState.DISCHARGING

    play(scenario())


def test_power_off_stops_charging_and_leaves_the_data_lines(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client, client.camera(1) as camera:
            off = await client.bays.power(bay=1, on=False)
            assert (off.power, off.charge_ma, off.led) == (False, 0, LedMeaning.ATTENTION)
            await asyncio.sleep(5)
            assert (await camera.battery.status()).state is ChargeState.DISCHARGING
            on = await client.bays.power(bay=1, on=True)
            assert on.power
            await asyncio.sleep(5)
            assert (await camera.battery.status()).state is ChargeState.CHARGING

    play(scenario())


def test_data_off_ends_the_bays_channel_until_data_is_on(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            camera, other = await client.camera(1), await client.camera(2)
            off = await client.bays.data(bay=1, on=False)
            assert (off.data, off.state) == (False, BayState.DETECTED)
            with pytest.raises(DeviceLost):
                await camera.device.status()
            with pytest.raises(PortNotFound):
                await client.camera(1)
            await other.device.status()
            await client.bays.data(bay=1, on=True)
            await asyncio.sleep(1)
            async with client.camera(1) as again:
                assert again.identity == camera.identity

    play(scenario())


def test_a_bay_blinks_for_the_time_asked_for(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            assert (await client.bays.identify(bay=3, seconds=10)).led is LedMeaning.IDENTIFY
            await asyncio.sleep(9)
            assert (await client.bays.bay(bay=3)).led is LedMeaning.IDENTIFY
            await asyncio.sleep(2)
            assert (await client.bays.bay(bay=3)).led is LedMeaning.CHARGING
            await client.bays.identify(bay=3)
            assert (await client.bays.identify(bay=3, seconds=0)).led is LedMeaning.CHARGING

    play(scenario())


# Alarms


@pytest.mark.parametrize("alarm", [BayAlarm.OVER_TEMPERATURE, BayAlarm.SWELLING])
def test_sta_010_an_alarm_switches_the_bay_off_without_a_host(station, play, alarm) -> None:
    async def scenario() -> None:
        await station.start()
        bay = station.bays[2]
        if alarm is BayAlarm.SWELLING:
            bay.swollen = True
        else:
            bay.heat_dc = 600
        await asyncio.sleep(3)
        assert (bay.quarantined, bay.power, bay.data, bay.camera.dock_feeds) == (True, False, False, False)
        assert bay.state is BayState.QUARANTINE and bay.led is LedMeaning.QUARANTINE
        assert not station.relay.live(2) and station.relay.live(1)
        kinds = [entry.kind for entry in station.audit.read(0, 100).entries]
        assert AuditKind.BAY_ALARM in kinds

    play(scenario())


def test_an_alarm_is_told_and_ends_what_runs_in_that_bay_alone(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            hot, other = await client.camera(2), await client.camera(3)
            events = client.events()
            station.bays[2].heat_dc = 655
            alarm, changed = await told(events, 2)
            assert alarm == BayAlarmed(
                bay=2, alarms=BayAlarm.OVER_TEMPERATURE, temperature_dc=655, incident=1
            )
            assert changed == BayChanged(bay=2, state=BayState.QUARANTINE, docking=1)
            with pytest.raises(BwcError):
                await hot.device.status()
            await other.device.status()
            assert (await client.bays.status()).faults is StationFault.QUARANTINE

    play(scenario())


def test_sta_011_a_quarantine_ends_by_release_alone_and_only_when_the_alarm_is_over(
    station, host, play
) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            station.bays[2].heat_dc = 700
            await asyncio.sleep(3)
            with refused(ErrorCode.WRONG_STATE):
                await client.bays.power(bay=2, on=True)
            with refused(ErrorCode.WRONG_STATE):
                await client.bays.data(bay=2, on=True)
            with refused(ErrorCode.WRONG_STATE):
                await client.bays.release(bay=2, incident=1)
            station.bays[2].heat_dc = 500
            with refused(ErrorCode.WRONG_STATE):  # cooler than what alarms, not yet cool
                await client.bays.release(bay=2, incident=1)
            station.bays[2].heat_dc = 300
            await asyncio.sleep(600)
            assert (await client.bays.bay(bay=2)).state is BayState.QUARANTINE, "it does not end by itself"
            with refused(ErrorCode.CONFLICT):
                await client.bays.release(bay=2, incident=0)
            released = await client.bays.release(bay=2, incident=1)
            assert released.power and released.data
            with refused(ErrorCode.CONFLICT):
                await client.bays.release(bay=2, incident=1)
            await asyncio.sleep(1)
            await (await client.camera(2)).device.status()

    play(scenario())


def test_a_camera_put_into_a_quarantined_bay_gets_neither_power_nor_data(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            station.bays[1].swollen = True
            await asyncio.sleep(3)
            swollen = station.undock(1)
            station.dock(1, swollen)
            await asyncio.sleep(3)
            assert not swollen.dock_feeds and not station.relay.live(1)
            assert (await client.bays.bay(bay=1)).state is BayState.QUARANTINE

    play(scenario())


# Leases


def test_sta_009_a_label_is_shown_as_long_as_its_lease(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            shown = await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            assert (shown.state, shown.label, shown.lease_s) == (BayState.IDENTIFIED, "SIM-1", 60)
        async with host(station) as client:
            await asyncio.sleep(59)
            assert (await client.bays.bay(bay=1)).label == "SIM-1"
            await asyncio.sleep(2)
            over = await client.bays.bay(bay=1)
            assert (over.state, over.label, over.lease_s) == (BayState.LINKED, "", 0)
            await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            given_up = await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=0)
            assert given_up.label == ""

    play(scenario())


def test_sta_008_a_label_leaves_with_its_camera_and_does_not_name_the_next(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            camera = station.undock(1)
            empty = await client.bays.bay(bay=1)
            assert (empty.state, empty.label, empty.present) == (BayState.EMPTY, "", False)
            with refused(ErrorCode.CONFLICT):
                await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            station.dock(1, camera)
            with refused(ErrorCode.CONFLICT):
                await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            await client.bays.lease(bay=1, docking=2, label="SIM-1", seconds=60)

    play(scenario())


def test_sta_009_two_bays_cannot_show_one_camera(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=60)
            with refused(ErrorCode.CONFLICT):
                await client.bays.lease(bay=2, docking=1, label="SIM-1", seconds=60)
            with refused(ErrorCode.OUT_OF_RANGE):
                await client.bays.lease(bay=2, docking=1, label=" ", seconds=60)
            await asyncio.sleep(61)
            await client.bays.lease(bay=2, docking=1, label="SIM-1", seconds=60)

    play(scenario())


# Coming and going


def test_docking_and_undocking_are_told(station, host, play, new_camera) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.status()  # from its first reply on, a host is told
            events = client.events()
            station.undock(4)
            assert await told(events, 2) == [
                Undocked(bay=4, docking=1),
                BayChanged(bay=4, state=BayState.EMPTY, docking=1),
            ]
            station.dock(4, new_camera(9))
            assert await told(events, 3) == [
                Docked(bay=4, docking=2),
                BayChanged(bay=4, state=BayState.DETECTED, docking=2),
                BayChanged(bay=4, state=BayState.LINKED, docking=2),
            ]
            assert (await client.camera(4)).identity == "SIM-00000009"

    play(scenario())


def test_an_impossible_docking_is_an_error_of_the_scenario(station, new_camera) -> None:
    with pytest.raises(ValueError, match="occupied"):
        station.dock(1, new_camera(9))
    with pytest.raises(ValueError, match="no bay 5"):
        station.dock(5, new_camera(10))
    with pytest.raises(ValueError, match="another bay"):
        station.dock(2, station.bays[1].camera)
    station.undock(1)
    with pytest.raises(ValueError, match="empty"):
        station.undock(1)


# Rights and kinds


def test_an_auditor_sees_and_switches_nothing(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station, Role.AUDITOR) as client:
            assert len(await client.bays.list()) == 4
            for attempt in (
                client.bays.power(bay=1, on=False),
                client.bays.data(bay=1, on=False),
                client.bays.identify(bay=1),
                client.bays.lease(bay=1, docking=1, label="x", seconds=1),
                client.bays.release(bay=1, incident=0),
            ):
                with refused(ErrorCode.NOT_PERMITTED):
                    await attempt
        async with host(station, Role.DOCK_OFFLOAD) as client:
            with refused(ErrorCode.NOT_PERMITTED):
                await client.bays.release(bay=1, incident=0)

    play(scenario())


def test_the_wrong_kind_is_wrong_device(station, new_camera, play) -> None:
    async def scenario() -> None:
        with pytest.raises(WrongDevice, match="it is a station, not a camera"):
            await bwc_sdk.connect(MemoryTransport(station), allow_insecure=True)
        with pytest.raises(WrongDevice, match="it is a camera, not a station"):
            await bwc_sdk.connect_station(MemoryTransport(new_camera(1)), allow_insecure=True)

    play(scenario())


# The station itself


def test_identity_clock_self_test_and_log_are_those_of_any_device(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            who = await client.device.identify()
            assert (who.kind, who.serial, who.simulator) == (PeerKind.STATION, client.identity, True)
            assert (await client.device.capabilities()).battery_cells == 0
            assert (await client.device.status()).state is CameraState.READY
            measured = await client.clock.measure()
            await client.clock.sync(reason=ClockReason.BENCH)
            assert (await client.clock.read()).revision == measured.revision + 1
            report = await client.device.self_test()
            assert report.passed and [step.name for step in report.steps] == [
                "supply",
                "bays",
                "clock",
                "audit log",
            ]
            station.bays[1].heat_dc = 700
            assert not (await client.device.self_test()).passed
            entries = [entry.kind async for entry in client.audit.entries()]
            assert AuditKind.CLOCK_SET in entries and entries.count(AuditKind.DOCKED) == 4

    play(scenario())


@pytest.mark.parametrize("crash", [False, True])
def test_a_station_that_restarts_has_all_its_cameras_again(station, host, play, crash) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            camera = await client.camera(1)
            await client.bays.lease(bay=1, docking=1, label="SIM-1", seconds=600)
            boot = (await client.device.status()).boot_counter
            if crash:
                station.crash()
            else:
                with refused(ErrorCode.CONFLICT):
                    await client.device.reboot(boot_counter=boot + 1)
                await client.device.reboot(boot_counter=boot)
            await asyncio.sleep(1)
            for ended in (client.device, camera.device):
                with pytest.raises(BwcError):
                    await ended.status()
        await asyncio.sleep(5)
        async with host(station) as client:
            assert client.peer.boot_counter == boot + 1
            await asyncio.sleep(2)
            assert [bay.state for bay in await client.bays.list()] == [BayState.LINKED] * 4
            assert (await client.bays.bay(bay=1)).label == "", "what a host told is forgotten"
            await client.camera(1)

    play(scenario())

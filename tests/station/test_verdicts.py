"""What the light of a bay says of the camera in it, by whose word, and for how long; locks (spec: Station)."""

import asyncio

import pytest

from bwc_protocol.declare import Role, Unknown
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import LOCK_MAX_S, BayChanged, BayState, BayVerdict, LedMeaning
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError
from firmware_sim import LoneCameraHands

LIGHTS = {
    BayVerdict.TAKE_ME: LedMeaning.TAKE_ME,
    BayVerdict.BUSY: LedMeaning.IN_WORK,
    BayVerdict.NEEDS_ATTENTION: LedMeaning.NEEDS_ATTENTION,
    BayVerdict.DO_NOT_USE: LedMeaning.DO_NOT_USE,
}


@pytest.mark.rule("STA-015")
@pytest.mark.parametrize("verdict", LIGHTS)
def test_the_light_says_what_a_host_said_for_as_long_as_its_lease(station, host, play, verdict) -> None:
    async def scenario() -> None:
        async with host(station, Role.DOCK_OFFLOAD) as client:
            said = await client.bays.verdict(bay=1, docking=1, verdict=verdict, seconds=90)
            assert (said.led, said.verdict, said.verdict_lease_s) == (LIGHTS[verdict], verdict, 90)
        await asyncio.sleep(60)  # whoever said it is gone, and its word is not
        async with host(station) as client:
            later = await client.bays.bay(bay=1)
            assert (later.led, later.verdict, later.verdict_lease_s) == (LIGHTS[verdict], verdict, 30)
            await asyncio.sleep(31)
            over = await client.bays.bay(bay=1)
            assert (over.led, over.verdict, over.verdict_lease_s) == (LedMeaning.CHARGING, BayVerdict.NONE, 0)

    play(scenario())


@pytest.mark.rule("STA-016")
def test_a_camera_that_is_charged_is_not_said_to_be_good_for_that(station, host, play, monkeypatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(type(station.bays[1]), "charge", property(lambda bay: ChargeState.FULL))
        async with host(station) as client:
            full = await client.bays.bay(bay=1)
            assert (full.charge, full.led) == (ChargeState.FULL, LedMeaning.READY)

    play(scenario())


@pytest.mark.rule("STA-015")
def test_the_last_verdict_counts_and_may_be_taken_back(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as one:
            await one.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=600)
        async with host(station, Role.TECHNICIAN) as other:
            said = await other.bays.verdict(bay=1, docking=1, verdict=BayVerdict.DO_NOT_USE, seconds=60)
            assert (said.led, said.verdict_lease_s) == (LedMeaning.DO_NOT_USE, 60)
            said = await other.bays.verdict(bay=1, docking=1, verdict=BayVerdict.DO_NOT_USE, seconds=0)
            assert (said.led, said.verdict, said.verdict_lease_s) == (LedMeaning.CHARGING, BayVerdict.NONE, 0)

    play(scenario())


@pytest.mark.rule("STA-015")
@pytest.mark.rule("STA-017")
@pytest.mark.parametrize("how", ["restart", "crash", "power"])
def test_what_was_said_and_held_ends_when_the_station_goes_down(station, host, play, how) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            await client.bays.lock(bay=1, docking=1, seconds=LOCK_MAX_S)
            match how:
                case "restart":
                    station.request_reboot(0.0)
                    station.settle()
                case "crash":
                    station.crash()
                case _:
                    station.go_down()
            assert not station.bays[1].lock_s and station.bays[1].verdict is BayVerdict.NONE
        assert station.undock(1).serial

    play(scenario())


@pytest.mark.rule("STA-014")
@pytest.mark.rule("STA-015")
def test_a_verdict_leaves_with_its_camera_and_does_not_speak_of_the_next(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            camera = station.undock(1)
            empty = await client.bays.bay(bay=1)
            assert (empty.led, empty.verdict) == (LedMeaning.EMPTY, BayVerdict.NONE)
            station.dock(1, camera)
            await asyncio.sleep(1)
            assert station.bays[1].led is LedMeaning.CHARGING
            for late in (
                client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=60),
                client.bays.lock(bay=1, docking=1, seconds=60),
            ):
                with pytest.raises(CommandError) as refused:
                    await late
                assert refused.value.code is ErrorCode.CONFLICT

    play(scenario())


@pytest.mark.rule("STA-015")
@pytest.mark.rule("STA-017")
def test_an_alarm_ends_both_also_when_it_is_over(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=2, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            await client.bays.lock(bay=2, docking=1, seconds=LOCK_MAX_S)
            station.bays[2].heat_dc = 700
            await asyncio.sleep(3)
            assert not station.bays[2].lock_s and station.bays[2].led is LedMeaning.QUARANTINE
            station.bays[2].heat_dc = None
            released = await client.bays.release(bay=2, incident=1)
            assert (released.verdict, released.lock_s) == (BayVerdict.NONE, 0)

    play(scenario())


@pytest.mark.rule("STA-016")
def test_what_the_station_knows_stands_above_take_me_and_a_warning_above_that(station, host, play) -> None:
    async def scenario() -> None:
        bay = station.bays[1]
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            assert bay.led is LedMeaning.TAKE_ME
            async with client.camera(1):
                assert bay.led is LedMeaning.TRANSFERRING
            await client.bays.power(bay=1, on=False)
            assert bay.led is LedMeaning.ATTENTION
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.DO_NOT_USE, seconds=3_600)
            assert bay.led is LedMeaning.DO_NOT_USE
            await client.bays.power(bay=1, on=True)
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            await client.bays.data(bay=1, on=False)
            assert bay.led is LedMeaning.CHARGING

    play(scenario())


@pytest.mark.rule("STA-016")
def test_a_charger_at_fault_asks_for_attention_whatever_a_host_says(station, host, play, monkeypatch) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=60)
            kind = type(station.bays[1])
            monkeypatch.setattr(kind, "charge", property(lambda bay: ChargeState.FAULT))
            assert (await client.bays.bay(bay=1)).led is LedMeaning.ATTENTION

    play(scenario())


def test_a_verdict_that_comes_and_goes_is_told(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await asyncio.sleep(5)
            events = client.events()
            for _ in range(3):  # said again: nothing new
                await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.BUSY, seconds=30)
            await client.bays.lock(bay=1, docking=1, seconds=20)
            told = [await anext(events) for _ in range(4)]
            busy, none = BayVerdict.BUSY, BayVerdict.NONE
            assert told == [
                BayChanged(bay=1, state=BayState.LINKED, docking=1, verdict=verdict, locked=locked)
                for verdict, locked in ((busy, False), (busy, True), (busy, False), (none, False))
            ]

    play(scenario())


@pytest.mark.parametrize("verdict", [BayVerdict.NONE, Unknown(77)])
def test_what_is_no_verdict_is_refused_and_leaves_the_last_one(station, host, play, verdict) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.BUSY, seconds=30)
            with pytest.raises(CommandError) as refused:
                await client.bays.verdict(bay=1, docking=1, verdict=verdict, seconds=30)
            assert refused.value.code is ErrorCode.OUT_OF_RANGE
            assert (await client.bays.bay(bay=1)).verdict is BayVerdict.BUSY

    play(scenario())


# Locks


@pytest.mark.rule("STA-017")
def test_a_lock_holds_until_its_lease_ends_or_somebody_opens_it(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            assert (await client.bays.lock(bay=1, docking=1, seconds=60)).lock_s == 60
            with pytest.raises(ValueError, match="bay 1 is locked: its latch opens by hand, or in 60 s"):
                station.undock(1)
            assert station.bays[1].camera is not None and station.bays[1].camera.docked
            station.unlatch(1)
            camera = station.undock(1)
            station.dock(1, camera)
            assert (await client.bays.lock(bay=1, docking=2, seconds=60)).lock_s == 60
            assert (await client.bays.lock(bay=1, docking=2, seconds=0)).lock_s == 0
            await client.bays.lock(bay=1, docking=2, seconds=60)
        await asyncio.sleep(61)
        assert station.undock(1) is camera
        said = [e.detail for e in station.audit.read(0, 100).entries if e.kind is AuditKind.BAY_SWITCHED]
        assert said == [
            "bay 1: locked, docking 1",
            "bay 1: opened by hand",
            "bay 1: locked, docking 2",
            "bay 1: let go, docking 2",
            "bay 1: locked, docking 2",
        ]

    play(scenario())


def test_nobody_is_told_to_take_what_is_held(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=60)
            assert (await client.bays.lock(bay=1, docking=1, seconds=30)).led is LedMeaning.CHARGING
            await asyncio.sleep(31)
            assert (await client.bays.bay(bay=1)).led is LedMeaning.TAKE_ME

    play(scenario())


# Stations without


@pytest.mark.rule("STA-018")
def test_a_station_without_lights_or_locks_says_so(station, host, play) -> None:
    station.profile.capabilities &= ~(Capability.BAY_LIGHTS | Capability.BAY_LOCKS)

    async def scenario() -> None:
        async with host(station) as client:
            for asked in (
                client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.BUSY, seconds=30),
                client.bays.lock(bay=1, docking=1, seconds=30),
            ):
                with pytest.raises(CommandError) as refused:
                    await asked
                assert refused.value.code is ErrorCode.UNSUPPORTED
            assert not station.bays[1].lock_s and station.bays[1].verdict is BayVerdict.NONE

    play(scenario())


# What happens to the camera


@pytest.mark.rule("STA-020")
@pytest.mark.parametrize("what", ["crash", "power cut", "reboot", "channel", "data lines"])
def test_take_me_ends_with_anything_that_the_station_sees_of_its_camera(station, host, play, what) -> None:
    """It stands there again a moment later, and nobody has looked at it since."""
    bay = station.bays[1]
    hands = LoneCameraHands(bay.camera)

    async def scenario() -> None:
        async with host(station) as client:
            await asyncio.sleep(5)
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            await client.bays.verdict(bay=2, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
            assert bay.led is LedMeaning.TAKE_ME
            match what:
                case "crash":
                    hands.crash()
                case "power cut":
                    hands.power_cut()
                case "reboot":
                    bay.camera.request_reboot(0.0)
                case "data lines":
                    await client.bays.data(bay=1, on=False)
                    await client.bays.data(bay=1, on=True)
                case _:
                    async with client.camera(1):
                        pass
            await asyncio.sleep(120)
            assert bay.state is BayState.LINKED
            assert (bay.verdict, bay.led) == (BayVerdict.NONE, LedMeaning.CHARGING)
            assert station.bays[2].led is LedMeaning.TAKE_ME, "of another one nothing is known"

    play(scenario())


@pytest.mark.rule("STA-020")
def test_a_warning_stays_whatever_happens_to_its_camera(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            await client.bays.verdict(bay=1, docking=1, verdict=BayVerdict.DO_NOT_USE, seconds=3_600)
            async with client.camera(1):
                pass
            LoneCameraHands(station.bays[1].camera).crash()
            await asyncio.sleep(120)
            assert station.bays[1].led is LedMeaning.DO_NOT_USE

    play(scenario())

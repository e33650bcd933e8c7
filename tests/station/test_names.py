"""An error names the device that it is about: two bays of one station are told apart before any session stands."""

import asyncio
from collections.abc import Iterator

import pytest

import bwc_sdk
from bwc_protocol.messages.station import BayAlarmed
from bwc_sdk.errors import (
    BwcError,
    DeviceBusy,
    DeviceLost,
    MissingExtra,
    NotADevice,
    PortNotFound,
    TransportError,
    WrongDevice,
)
from bwc_sdk.offload import CameraFailed, offload_many
from bwc_sdk.transport import Limits, Receiver
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import MemoryTransport, forget_sims, open_sim
from firmware_sim.station.station import SimStation

URI = "sim:?seed=7300&station=3&recordings=0"
BAY_2 = "sim:?seed=7300&station=3&recordings=0&bay=2"


@pytest.fixture
def known() -> Iterator[SimStation]:
    """The station that `URI` names."""
    forget_sims()
    station = open_sim(DeviceUri.parse(URI)).camera
    assert isinstance(station, SimStation)
    yield station
    station.close()
    forget_sims()


async def refused(connecting: bwc_sdk.connection.access.Connecting) -> BwcError:
    """Why a connection does not come about."""
    with pytest.raises(BwcError) as caught:
        await connecting
    assert str(caught.value).startswith(f"{caught.value.device}: {caught.value.layer}: ")
    return caught.value


def told_of_bay_2(error: BwcError, kind: type[BwcError], words: str) -> None:
    assert type(error) is kind and error.device == BAY_2 and words in error.rule, error


def test_a_camera_in_a_bay_is_called_as_in_its_uri_by_either_way(known, world, play) -> None:
    async def scenario() -> None:
        async with bwc_sdk.connect(BAY_2, world=world) as camera:
            assert camera.name == BAY_2
        async with bwc_sdk.connect_station(URI, world=world) as station:
            assert station.name == URI
            async with station.camera(2) as camera:
                assert camera.name == BAY_2

    play(scenario())


def test_an_empty_bay_is_named(known, world, play) -> None:
    async def scenario() -> None:
        await known.start()
        known.undock(2)
        await asyncio.sleep(1)
        told_of_bay_2(
            await refused(bwc_sdk.connect(BAY_2, world=world)),
            PortNotFound,
            "no camera answers",
        )
        async with bwc_sdk.connect_station(URI, world=world) as station:
            told_of_bay_2(await refused(station.camera(2)), PortNotFound, "no camera answers")

    play(scenario())


def test_a_bay_of_a_busy_station_is_named(known, world, play) -> None:
    async def scenario() -> None:
        async with bwc_sdk.connect_station(URI, world=world):
            busy = await refused(bwc_sdk.connect(BAY_2, world=world))
            told_of_bay_2(busy, DeviceBusy, "another host has the device")
            assert isinstance(busy, DeviceBusy) and busy.retry_after_s > 0
            other = await refused(bwc_sdk.connect(f"{URI}&bay=3", world=world))
            assert str(other) != str(busy)
            assert (await refused(bwc_sdk.connect_station(URI, world=world))).device == URI

    play(scenario())


def test_a_busy_bay_is_named_also_while_it_is_not_asked_again(known, world, play) -> None:
    async def scenario() -> None:
        await known.start()
        camera = known.undock(2)
        async with bwc_sdk.connect(MemoryTransport(camera), world=world):
            known.dock(2, camera)
            await asyncio.sleep(0.1)
            async with bwc_sdk.connect_station(URI, world=world) as station:
                for words in ("the camera in this bay", "was not asked again yet"):
                    told_of_bay_2(await refused(station.camera(2)), DeviceBusy, words)
            told_of_bay_2(
                await refused(bwc_sdk.connect(BAY_2, world=world)),
                DeviceBusy,
                "in this bay",
            )

    play(scenario())


def test_a_bay_that_failed_is_named(known, world, play) -> None:
    async def scenario() -> None:
        await known.start()
        async with bwc_sdk.connect_station(URI, world=world) as station:
            known.bays[2].heat_dc = 900
            async with asyncio.timeout(60):
                async for event in station.events():
                    if isinstance(event, BayAlarmed):
                        break
            told_of_bay_2(await refused(station.camera(2)), PortNotFound, "no camera answers")
        told_of_bay_2(
            await refused(bwc_sdk.connect(BAY_2, world=world)),
            PortNotFound,
            "no camera answers",
        )

    play(scenario())


def test_a_bay_whose_camera_is_another_one_or_open_already_is_named(known, world, play) -> None:
    async def scenario() -> None:
        connecting = bwc_sdk.connect(BAY_2, expect="SIM-0", world=world)
        told_of_bay_2(await refused(connecting), WrongDevice, "not 'SIM-0'")
        async with (
            bwc_sdk.connect_station(URI, world=world) as station,
            station.camera(2),
        ):
            told_of_bay_2(await refused(station.camera(2)), DeviceBusy, "open already")

    play(scenario())


def test_what_a_lost_station_takes_along_is_told_of_each_bay_and_of_the_station(station, world, play) -> None:
    async def scenario() -> None:
        line = MemoryTransport(station, name="usb:1-4")
        client = await bwc_sdk.connect_station(line, world=world, allow_insecure=True)
        cameras = [await client.camera(1), await client.camera(2)]
        line.unplug()
        await asyncio.sleep(0)
        errors = [one.connection.error for one in (client, *cameras)]
        assert [error.device for error in errors] == ["usb:1-4", "usb:1-4?bay=1", "usb:1-4?bay=2"]
        assert {type(error) for error in errors} == {DeviceLost}
        assert errors[1].__cause__ is errors[2].__cause__ is errors[0], "the station's own error is the cause"
        assert (await refused(client.camera(3))).device == "usb:1-4?bay=3"
        await client.close()

    play(scenario())


class Broken:
    """A pipe that does not open."""

    name = "serial:/dev/ttyX"
    limits = Limits(max_payload=4_096)

    def __init__(self, error: BwcError) -> None:
        self.error = error

    async def open(self, receiver: Receiver) -> None:
        raise self.error

    def room(self) -> int:
        return 0

    def write(self, parts: list[bytes]) -> None:
        raise AssertionError("it is not open")

    async def close(self) -> None:
        pass


class Silent(Broken):
    """A pipe behind which nobody answers."""

    async def open(self, receiver: Receiver) -> None:
        pass


class Pulled(Broken):
    """A pipe that is lost before a link is up."""

    async def open(self, receiver: Receiver) -> None:
        receiver.lost(self.error)


def test_a_pipe_that_does_not_open_is_told_of_the_bay_behind_it(world, play) -> None:
    async def scenario() -> None:
        cause = OSError("no")
        error = PortNotFound("there is no such port", device=Broken.name, advice="look")
        error.__cause__ = cause
        told = await refused(bwc_sdk.connect(Broken(error), bay=2, world=world, allow_insecure=True))
        assert (type(told), told.device, told.advice) == (PortNotFound, "serial:/dev/ttyX?bay=2", "look")
        assert told.__cause__ is error and error.__cause__ is cause
        assert await refused(bwc_sdk.connect(Broken(error), world=world, allow_insecure=True)) is error
        lost = DeviceLost("it was unplugged", device=Broken.name, known=True)
        pulled = await refused(bwc_sdk.connect(Pulled(lost), bay=2, world=world, allow_insecure=True))
        assert (type(pulled), pulled.device) == (DeviceLost, "serial:/dev/ttyX?bay=2")
        silent = await refused(bwc_sdk.connect(Silent(error), bay=2, world=world, allow_insecure=True))
        assert (type(silent), silent.device) == (NotADevice, "serial:/dev/ttyX?bay=2")

    play(scenario())


@pytest.mark.parametrize(
    "error",
    [MissingExtra("the transport", "ble"), TransportError("no radio", device="hci0")],
    ids=["extra", "other"],
)
def test_what_is_told_of_something_else_stays_so(error: BwcError, world, play) -> None:
    async def scenario() -> None:
        assert (
            await refused_as_it_is(bwc_sdk.connect(Broken(error), bay=2, world=world, allow_insecure=True))
            is error
        )

    async def refused_as_it_is(connecting: bwc_sdk.connection.access.Connecting) -> BwcError:
        with pytest.raises(BwcError) as caught:
            await connecting
        return caught.value

    play(scenario())


def test_bays_that_nobody_reaches_are_told_apart_by_a_fleet(world, play, tmp_path) -> None:
    async def scenario() -> list[str]:
        devices = [f"tcp:127.0.0.1:1?bay={bay}" for bay in (1, 2)]
        job = offload_many(devices, tmp_path, world=world)
        return [str(one.event.error) async for one in job if isinstance(one.event, CameraFailed)]

    said = asyncio.run(scenario())
    assert sorted(text.split(": ")[0] for text in said) == ["tcp:127.0.0.1:1?bay=1", "tcp:127.0.0.1:1?bay=2"]

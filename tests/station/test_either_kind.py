"""`connect_device` takes whatever is there, a camera or a station, over one link."""

from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.capture.decoding import decode_file
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect_device
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.errors import NotADevice
from bwc_sdk.transport import Receiver
from firmware_sim.ports.memory import MemoryTransport


class Counted(MemoryTransport):
    """A line that counts how often it is opened."""

    opened = 0

    async def open(self, receiver: Receiver) -> None:
        self.opened += 1
        await super().open(receiver)


def test_a_station_is_found_out_and_its_line_opened_once(station, play, world, tmp_path: Path) -> None:
    line, path = Counted(station), tmp_path / "capture.jsonl"

    async def scenario() -> None:
        async with connect_device(
            line, role=Role.BENCH, capture=path, world=world, allow_insecure=True
        ) as client:
            assert isinstance(client, DockingStation) and client.identity == station.serial
            assert (await client.device.identify()).kind is PeerKind.STATION
            async with client.camera(2) as camera:
                await camera.device.status()

    play(scenario())
    assert line.opened == 1
    frames = [one.name for one in decode_file(path) if one.layer == "frame"]
    assert (frames[0], frames[-1]) == ("HELLO", "BYE"), "one capture has all of it"


def test_a_camera_is_a_camera(new_camera, play, world) -> None:
    camera = new_camera(3)

    async def scenario() -> None:
        async with connect_device(MemoryTransport(camera), world=world, allow_insecure=True) as client:
            assert isinstance(client, Camera) and client.identity == camera.serial

    play(scenario())


def test_a_device_that_calls_itself_a_host_is_none(station, play, world) -> None:
    station.profile.kind = PeerKind.HOST

    async def scenario() -> None:
        with pytest.raises(NotADevice, match="PROTOCOL"):
            await connect_device(MemoryTransport(station), world=world, allow_insecure=True)
        assert not station.sessions

    play(scenario())

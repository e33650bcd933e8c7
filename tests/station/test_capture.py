"""A capture of a station's link has the messages of every bay's session, each with its channel (spec: Captures)."""

import json
from collections import Counter
from pathlib import Path

import bwc_sdk
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.station import ListBays
from bwc_sdk.__main__ import main
from bwc_sdk.capture.decoding import decode_file
from firmware_sim.ports.memory import MemoryTransport


def opcodes(path: Path) -> Counter[tuple[int, int]]:
    """How many messages there are by channel and opcode."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return Counter((line["channel"], line["message"]["opcode"]) for line in lines if "message" in line)


def test_the_sessions_of_all_bays_are_captured_with_their_channels(
    station, world, play, tmp_path: Path, capsys
) -> None:
    path = tmp_path / "capture.jsonl"

    async def scenario() -> None:
        async with bwc_sdk.connect_station(
            MemoryTransport(station), capture=path, world=world, allow_insecure=True
        ) as client:
            await client.bays.list()
            async with client.camera(2) as second, client.camera(3) as third:
                await second.battery.status()
                await third.battery.status()
            async with client.camera(2) as again:
                await again.battery.status()
            await client.bays.list()

    play(scenario())
    found = opcodes(path)
    assert found[2, ReadBattery.opcode] == 4 and found[3, ReadBattery.opcode] == 2, "requests and replies"
    assert found[0, ListBays.opcode] == 4, "one bay's end does not end the capture"
    assert {one.channel for one in decode_file(path) if one.layer == "frame"} == {0, 2, 3}
    capsys.readouterr()
    assert main(["decode", "--messages", str(path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert sum("battery.status reply channel=2 " in line for line in shown) == 2
    assert sum("battery.status reply channel=3 " in line for line in shown) == 1
    assert not any("station.bays" in line and "channel=" in line for line in shown)


def test_the_camera_of_a_bay_by_itself_is_captured_with_its_channel(
    station, world, play, tmp_path: Path
) -> None:
    path = tmp_path / "capture.jsonl"

    async def scenario() -> None:
        async with bwc_sdk.connect(
            MemoryTransport(station), bay=1, capture=path, world=world, allow_insecure=True
        ) as camera:
            await camera.battery.status()

    play(scenario())
    assert opcodes(path)[1, ReadBattery.opcode] == 2


def test_a_capture_without_channels_is_read_as_of_the_device_itself(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    message = {"opcode": ReadBattery.opcode, "flags": 0, "request": 1, "body": "00"}
    path.write_text(json.dumps({"t": 0, "dir": "host", "message": message}) + "\n", encoding="utf-8")
    assert [one.channel for one in decode_file(path)] == [0]

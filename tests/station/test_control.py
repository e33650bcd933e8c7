"""`bwc sim --station N --control`: a tester's hands at the bays, by lines of text."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.messages.station import BayState
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.dock_script import DockScript
from firmware_sim.control.hands import Hands
from firmware_sim.control.station_control import StationControl
from firmware_sim.device.device import BOOT_S
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation

Play = Callable[[Coroutine[Any, Any, Any]], Any]
Say = Callable[[str], str]
SIM = "import typer; from firmware_sim.cli import sim; app = typer.Typer(); app.command()(sim); app()"
BWC = "from bwc_sdk.__main__ import main; raise SystemExit(main())"
BOUND_S = 20


@pytest.fixture
def hands(station: SimStation) -> Iterator[Hands]:
    made = Hands(station)
    yield made
    made.close()


@pytest.fixture
def say(hands: Hands) -> Say:
    """Writes a line to a station of four bays; its answer."""
    control = StationControl(hands)
    return lambda line: str(control.answer(line.encode()))


def test_a_camera_is_taken_out_and_put_back(station: SimStation, say: Say) -> None:
    serial = station.cameras()[2].serial
    assert say("undock 3") == f"ok undock bay=3 camera={serial} docking=1 state=empty"
    assert say("undock 3") == "error refused: bay 3 is empty"
    assert say("dock 3") == f"ok dock bay=3 camera={serial} docking=2 state=detected"
    assert say("dock 3") == "error refused: bay 3 is occupied"


def test_a_camera_may_come_back_to_another_bay(station: SimStation, say: Say) -> None:
    first, second = (camera.serial for camera in station.cameras()[:2])
    assert say("undock 1").startswith("ok") and say("undock 2").startswith("ok")
    assert say(f"dock 2 {first}") == f"ok dock bay=2 camera={first} docking=2 state=detected"
    assert say("dock 2") == "error refused: bay 2 is occupied"
    assert say(f"dock 1 {first}") == f"error refused: {first} stands in another bay"
    assert say("dock 1") == "error refused: no camera that is away was taken out of bay 1; away: " + second
    assert say(f"dock 1 {second}").startswith(f"ok dock bay=1 camera={second}")
    assert say("dock 1 SIM-FFFFFFFF") == "error no-such-camera: there is no camera 'SIM-FFFFFFFF' here"


@pytest.mark.parametrize("word", ["0", "5", "-1", "x", "99999999999999999999", "1.0", "٣"])
def test_a_bay_that_does_not_exist_is_refused_by_every_command(say: Say, word: str) -> None:
    for line in ("undock {}", "dock {}", "heat {} 70", "cool {}", "swell {}"):
        assert say(line.format(word)).startswith("error no-such-bay: there is no bay "), line
    assert say("camera 5 mark").startswith("error no-such-bay")


def test_a_bay_is_heated_and_in_quarantine_at_once_and_cooled(station: SimStation, say: Say) -> None:
    assert say("heat 2 59.9") == "ok heat bay=2 celsius=59.9 state=detected"
    assert say("heat 2 60") == "ok heat bay=2 celsius=60.0 state=quarantine"
    assert not station.bays[2].power
    assert say("cool 2") == "ok cool bay=2 celsius=22.0 state=quarantine", "until a person has looked"
    station.bays[2].release()
    assert not station.bays[2].quarantined
    for word in ("hot", "nan", "inf", "-41", "151"):
        assert say(f"heat 2 {word}").startswith("error usage: CELSIUS is a number from -40 to 150"), word


def test_a_cell_swells_only_where_there_is_one(say: Say) -> None:
    assert say("swell 4").endswith("state=quarantine")
    assert say("undock 4").startswith("ok")
    assert say("swell 4") == "error no-such-camera: bay 4 is empty"


def test_a_camera_is_handled_by_its_bay_and_by_its_name_wherever_it_is(station: SimStation, say: Say) -> None:
    camera = station.cameras()[0]
    assert say("camera 1 record start") == f"ok camera record camera={camera.serial} state=recording"
    say("undock 1")
    assert say("camera 1 record stop") == "error no-such-camera: bay 1 is empty"
    camera.time.skip(3)
    assert say(f"camera {camera.serial} record stop").endswith("state=ready")
    assert camera.recording_count == 2, "what was recorded away comes back with it"
    assert say(f"camera {camera.serial} dock").startswith("error usage: camera BAY|CAMERA record start")
    assert say("camera 2").startswith("error usage: camera BAY|CAMERA")


def test_time_passes_for_the_station_and_every_camera_that_is_here_or_away(
    station: SimStation, say: Say
) -> None:
    away = station.cameras()[1]
    say("undock 2")
    everybody = (station, away, *station.cameras())
    began = [device.time() for device in everybody]
    assert say("advance 2h") == f"ok advance station={station.serial}"
    assert all(abs(device.time() - at - 7_200) < 1 for device, at in zip(everybody, began, strict=True))


def test_the_light_of_each_bay_can_be_seen(station: SimStation, say: Say) -> None:
    assert say("undock 4").startswith("ok")
    shown = say("show").removeprefix("ok show ").split()
    assert [one.partition("=")[0] for one in shown] == ["1", "2", "3", "4"] and shown[3] == "4=empty"
    assert say("heat 1 80").endswith("quarantine") and say("show 1") == "ok show 1=quarantine"
    assert say("show 9").startswith("error no-such-bay")


def test_a_camera_in_a_bay_is_kept_and_put_back_where_it_stands(station: SimStation, say: Say) -> None:
    camera = station.cameras()[0]
    assert say("camera 1 snapshot clean").startswith("ok camera snapshot")
    assert say("camera 1 record start").startswith("ok") and say("camera 1 advance 90s").startswith("ok")
    say("camera 1 record stop")
    assert camera.recording_count == 2
    say("undock 1")
    assert say("dock 2").startswith("error refused")
    assert say(f"camera {camera.serial} restore clean").startswith("ok camera restore")
    assert camera.recording_count == 1 and not camera.docked, "it stands where it stood"
    assert say("dock 1").startswith("ok") and camera.docked


def test_what_is_no_command_says_what_is(say: Say) -> None:
    assert say("record start").startswith(
        "error unknown-command: there is no command 'record'; known: undock, unlatch, dock"
    )
    assert say("undock") == say("undock 1 2") == "error usage: undock BAY"
    assert say("help").startswith("ok help: undock BAY; unlatch BAY; dock BAY [CAMERA]; heat BAY CELSIUS")


@pytest.mark.parametrize("how", ["reboot", "crash"])
def test_the_station_itself_goes_down_and_comes_back(
    station: SimStation, say: Say, play: Play, how: str
) -> None:
    async def scenario() -> int:
        async with bwc_sdk.connect_station(MemoryTransport(station), allow_insecure=True):
            assert say(how) == f"ok {how} state=off"
            assert say(how) == "error refused: it is off"
            assert say("undock 1").startswith("ok undock"), "hands need no station that is awake"
        await asyncio.sleep(BOOT_S + 3)
        async with bwc_sdk.connect_station(MemoryTransport(station), allow_insecure=True) as host:
            assert (await host.bays.bay(bay=1)).state is BayState.EMPTY
            return host.peer.boot_counter

    assert play(scenario()) == 2


def test_a_host_sees_what_the_hands_do(station: SimStation, say: Say, play: Play) -> None:
    async def scenario() -> None:
        async with bwc_sdk.connect_station(MemoryTransport(station), allow_insecure=True) as host:
            say("undock 3")
            assert (await host.bays.bay(bay=3)).state is BayState.EMPTY
            say("dock 3")
            await asyncio.sleep(2)
            async with host.camera(3) as camera:
                assert (await camera.device.identify()).serial == station.cameras()[2].serial

    play(scenario())


def test_a_script_and_a_tester_share_their_hands(
    station: SimStation, new_camera: Callable[..., SimCamera], say: Say, hands: Hands
) -> None:
    script = DockScript(station, hands, seed=3)
    say("undock 1")
    serials = {camera.serial for camera in (*station.cameras(), *hands)}
    for _ in range(40):
        script.step()
        assert {camera.serial for camera in (*station.cameras(), *hands)} == serials, "none is lost"
    script.everybody_back()
    assert not list(hands) and script.cycles > 5


# As a process


def child(code: str, *arguments: str, **pipes: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], text=True, stdout=subprocess.PIPE, **pipes
    )


@contextlib.contextmanager
def simulator(*options: str) -> Iterator[tuple[str, Callable[[str], str], subprocess.Popen[str]]]:
    """A station as a child: its URI, and a way to write a line and read the answer."""
    fixed = ("--station=2", "--recordings=1", "--mib=1", "--seed=40", "--control=-")
    process = child(SIM, *fixed, *options, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None

    def ask(line: str) -> str:
        stdin.write(f"{line}\n")
        stdin.flush()
        return stdout.readline().strip()

    try:
        yield stdout.readline().strip(), ask, process
    finally:
        process.kill()
        process.communicate()


def bwc(*arguments: str) -> dict[str, Any]:
    with child(BWC, *arguments, "--json") as process:
        out, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0, arguments
    return json.loads(out)


def state_of(uri: str, bay: int) -> str:
    return str(bwc("station", "bays", "-d", uri)["bays"][bay - 1]["state"])


def test_undock_and_dock_from_a_command_line_are_what_bwc_station_shows() -> None:
    with simulator() as (uri, ask, process):
        assert uri.startswith("tcp:127.0.0.1:")
        assert ask("undock 2") == "ok undock bay=2 camera=SIM-0000002A docking=1 state=empty"
        assert state_of(uri, 2) == "empty"
        assert ask("dock 2").startswith("ok dock bay=2 camera=SIM-0000002A docking=2")
        shown = bwc("info", "-d", f"{uri}?bay=2")
        assert shown["identity"]["serial"] == "SIM-0000002A", "the camera answers again"
        assert process.stdin is not None
        process.stdin.write("undock 1")  # the end of the input is the end of a line, and not of the simulator
        process.stdin.close()
        process.stdin = None
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ok undock bay=1")
        assert state_of(uri, 1) == "empty"
        process.terminate()
        assert process.communicate(timeout=BOUND_S) == ("", "") and process.returncode == 0


def test_a_camera_that_is_away_at_the_end_is_kept_in_its_state_directory(tmp_path: Path) -> None:
    for boot in (1, 2):
        with simulator(f"--state={tmp_path}") as (uri, ask, process):
            assert bwc("info", "-d", f"{uri}?bay=2")["status"]["boot_counter"] == boot
            assert ask("undock 2").startswith("ok undock bay=2 camera=SIM-0000002A")
            assert ask("camera SIM-0000002A record start").endswith("state=recording")
            process.terminate()
            _, err = process.communicate(timeout=BOUND_S)
            assert (process.returncode, err) == (0, "")
    with simulator(f"--state={tmp_path}") as (uri, _, _):
        assert len(bwc("recordings", "list", "-d", f"{uri}?bay=2")["recordings"]) == 3


def test_commands_that_cannot_be_read_are_an_error_of_a_file(tmp_path: Path) -> None:
    with child(SIM, f"--control={tmp_path / 'absent'}", stderr=subprocess.PIPE) as process:
        _, err = process.communicate(timeout=BOUND_S)
    assert process.returncode == 9 and "absent" in err

"""`bwc sim --cameras`: many cameras in one process, each at a place of its own."""

import asyncio
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bwc_sdk
from bwc_sdk.__main__ import main
from firmware_sim import many
from firmware_sim.many import nth_place

ENDS_S = 45
"""Within this a process has ended, however busy the machine is."""


@contextmanager
def running(*options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bwc_sdk", "sim", "--recordings", "0", *options]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def serials(uris: list[str]) -> list[tuple[str, int]]:
    async def one(uri: str) -> tuple[str, int]:
        async with bwc_sdk.connect(uri, lab=True) as camera:
            return camera.identity, camera.peer.boot_counter

    return list(await asyncio.gather(*map(one, uris)))


def test_each_camera_answers_at_a_place_of_its_own_and_lives_on_by_itself(tmp_path: Path) -> None:
    links, state = tmp_path / "cam", tmp_path / "state"
    for boot in (1, 2):
        options = ("--seed", "9", "--cameras", "3", "--state", str(state))
        with running(*options, "--listen", "tcp:127.0.0.1:0", "--listen", f"pty:{links}") as process:
            assert process.stdout is not None
            uris = [process.stdout.readline().strip() for _ in range(6)]
            assert uris[1::2] == [f"serial:{links}-00{number}" for number in (1, 2, 3)]
            assert len(set(uris)) == 6 and all(uri.startswith("tcp:127.0.0.1:") for uri in uris[::2])
            expected = [(f"SIM-0000000{number}", boot) for number in (9, "A", "B")]
            assert asyncio.run(serials(uris[::2])) == expected, "all at once"
            assert asyncio.run(serials(uris[1::2])) == expected
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=ENDS_S)
        assert (process.returncode, out, err) == (0, "", "")
    assert sorted(one.name for one in state.iterdir()) == ["camera-001", "camera-002", "camera-003"]


@pytest.mark.parametrize(
    ("word", "number", "found"),
    [
        ("tcp:127.0.0.1:0", 7, "tcp:127.0.0.1:0"),
        ("tcp:127.0.0.1:7000", 1, "tcp:127.0.0.1:7000"),
        ("tcp:127.0.0.1:7000", 200, "tcp:127.0.0.1:7199"),
        ("tcp:[::1]:7000", 2, "tcp:[::1]:7001"),
        ("pty", 3, "pty"),
        ("pty:/tmp/cam", 12, "pty:/tmp/cam-012"),
    ],
)
def test_places_follow_the_first(word: str, number: int, found: str) -> None:
    assert nth_place(word, number) == found


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("tcp:127.0.0.1:65530", 7),
        ("tty:/dev/ttyGS0", 1),
        ("usbip:127.0.0.1:0", 2),
        ("ble:usb:0", 1),
        ("x", 1),
    ],
)
def test_a_place_that_there_is_once_is_refused(word: str, number: int) -> None:
    with pytest.raises(ValueError, match=r"--cameras|beyond 65535"):
        nth_place(word, number)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--station", "4"), "--station"),
        (("--control", "-"), "--control"),
        (("--listen", "tty:/dev/ttyGS0"), "one camera"),
        (("--listen", "tcp:127.0.0.1:65535"), "beyond 65535"),
    ],
)
def test_what_many_cannot_do_is_told(
    options: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", "--cameras", "2", "--recordings", "0", *options]) == 2
    assert told in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        argv = ["sim", "--cameras", "2", "--recordings", "0", "--listen", f"tcp:127.0.0.1:{port}"]
        assert main(argv) == 7
    assert "cannot listen" in capsys.readouterr().err


def test_descriptors_are_asked_for_and_their_lack_is_told_before_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limits, asked = [(256, 4_096)], []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: asked.append(wanted))
    many.make_room(30, 1)
    assert not asked
    many.make_room(200, 1)
    assert asked == [(664, 4_096)]
    limits[0] = (256, 512)
    assert main(["sim", "--cameras", "200", "--recordings", "0"]) == 9
    assert "200 cameras need 664 open files, and no more than 512 are allowed" in capsys.readouterr().err


def test_the_option_has_a_bound() -> None:
    assert main(["sim", "--cameras", "1001"]) == 2 and main(["sim", "--cameras", "0"]) == 2

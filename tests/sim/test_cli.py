"""`bwc sim` as a process: it says where it answers, serves, and ends cleanly."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import bwc_sdk
from bwc_protocol.declare import Role, Unknown
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError
from firmware_sim.camera.camera import SimCamera
from firmware_sim.cli import sim
from firmware_sim.footage.mp4 import FootageUnavailable
from firmware_sim.scenarios import make_camera

RUN = "import typer; from firmware_sim.cli import sim; app = typer.Typer(); app.command()(sim); app()"
ENDS_S = 45
"""Within this a process has ended, however busy the machine is."""


@contextmanager
def running(*options: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def identity(uri: str) -> tuple[str, int, int]:
    async with bwc_sdk.connect(uri) as host:
        return host.identity, host.peer.boot_counter, len(await host.recordings.list())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_prints_each_uri_as_it_answers_and_ends_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    link = tmp_path / "camera"
    options = ("--recordings=2", "--mib=1", "--seed=9", f"--state={tmp_path / 'state'}")
    with running(*options, "--listen=tcp:127.0.0.1:0", f"--listen=pty:{link}") as process:
        assert process.stdout is not None
        uris = [process.stdout.readline().strip() for _ in range(2)]
        assert uris[0].startswith("tcp:127.0.0.1:")
        assert uris[1] == f"serial:{link}"
        for uri in uris:
            assert asyncio.run(identity(uri)) == ("SIM-00000009", 1, 2)
        process.send_signal(number)
        out, err = process.communicate(timeout=ENDS_S)
    assert (process.returncode, out, err) == (0, "", "")
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--faults=melt=1"], "melt=1"),
        (["--faults=seed:many"], "seed:N"),
        (["--link=usb-9"], "there is no link 'usb-9'"),
        (
            ["--listen=pty", "--listen=tcp:127.0.0.1:0", "--listen=pty", "--link=usb-hs", "--link=usb-fs"],
            "--link",
        ),
        (["--listen=nowhere"], "nowhere"),
        (["--listen=tcp:127.0.0.1"], "tcp:127.0.0.1"),
        (["--personality=nice"], "nice"),
        (["--recordings=-1"], "recordings"),
        (["--mib=0"], "mib"),
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error_that_names_it(options: list[str], message: str) -> None:
    app = typer.Typer()
    app.command()(sim)
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 2
    assert message in result.output


def test_a_state_directory_that_is_in_use_is_said_so(tmp_path: Path) -> None:
    with running("--recordings=0", f"--state={tmp_path}") as first:
        assert first.stdout is not None
        first.stdout.readline()
        with running("--recordings=0", f"--state={tmp_path}") as second:
            _, err = second.communicate(timeout=ENDS_S)
            assert second.returncode == 7
            assert "in use" in err


def test_a_missing_part_a_taken_port_and_a_bad_directory_have_the_exit_codes_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command()(sim)

    def code(*options: str) -> int:
        return CliRunner().invoke(app, ["--recordings=0", *options]).exit_code

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert code(f"--listen=tcp:127.0.0.1:{taken.getsockname()[1]}") == 7
    assert code("--listen=tcp:192.0.2.1:0") == 3
    file = tmp_path / "file"
    file.write_text("")
    assert code(f"--state={file}/state") == 9
    (tmp_path / f"{SimCamera.state_name}.json").write_text("[]")
    assert code(f"--state={tmp_path}") == 9
    monkeypatch.setattr("firmware_sim.cli.make_camera", _without_the_extra)
    assert code() == 11


FULL = (
    "import resource, typer; from firmware_sim.cli import sim; app = typer.Typer(); app.command()(sim)\n"
    "import firmware_sim.cli as cli; say = cli._say\n"
    "def full(line):\n"
    "    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
    "    say(line)\n"
    "cli._say = full; app()"
)
"""A disk on which no file takes more than 64 bytes from the moment at which the simulator answers."""


def test_a_run_whose_end_could_not_be_kept_says_so_and_what_was_refused_is_not_there(tmp_path: Path) -> None:
    # Insecure: keys go into OpenSSL by a file in memory, to which this limit applies as well.
    options = ("--recordings=1", "--mib=1", f"--state={tmp_path / 'state'}", "--insecure")

    async def assign(uri: str) -> tuple[ErrorCode | Unknown | None, bool]:
        async with bwc_sdk.connect(uri, role=Role.BENCH, allow_insecure=True) as host:
            before = await host.assignment.read()
            try:
                await host.assignment.assign(officer="K1", revision=before.revision)
            except CommandError as refused:
                return refused.code, (await host.assignment.read()).assigned
            return None, (await host.assignment.read()).assigned

    with subprocess.Popen(
        [sys.executable, "-c", FULL, *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        assert asyncio.run(assign(uri)) == (ErrorCode.FULL, False)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=ENDS_S)
    assert process.returncode == 9
    assert "the end of this run was not kept: " in err
    with running(*options) as process:
        assert process.stdout is not None
        assert asyncio.run(assign(process.stdout.readline().strip())) == (None, True), "there is room again"


def test_recordings_that_rotted_are_named_at_the_start(tmp_path: Path) -> None:
    options = ("--recordings=2", "--mib=1", f"--state={tmp_path}")
    make_camera(recordings=2, mib=1, state=tmp_path, agency=open_lab().agency).close()
    (rotten, _) = sorted((tmp_path / "recordings").iterdir())
    (rotten / "manifest.cbor").write_bytes(b"")
    with running(*options) as process:
        assert process.stdout is not None and process.stderr is not None
        assert asyncio.run(identity(process.stdout.readline().strip()))[2] == 1
        assert f"not listed, and left as it is: recording {rotten.name}" in process.stderr.readline()


def _without_the_extra(**options: object) -> None:
    raise FootageUnavailable("av")


SHIFT = """
hours = 1
[[wearer]]
officer = "K. Weber"
steps = ["0:00 undock", "0:10 record start event=arrest", "0:12 record stop event-over", "0:20 mark", "0:30 dock"]
"""


def test_a_shift_that_was_worked_is_served(tmp_path: Path) -> None:
    script = tmp_path / "shift.toml"
    script.write_text(SHIFT)
    with running(f"--shift={script}", "--seed=9", f"--state={tmp_path / 'state'}") as process:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        assert asyncio.run(identity(uri)) == ("SIM-0000000A", 1, 1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=ENDS_S)
    assert process.returncode == 0
    assert err.splitlines() == [
        "bwc sim: no effect: K. Weber (SIM-0000000A) 0:20 mark: refused: nothing is recorded",
        "bwc sim: the shift is over: cameras: 1, recordings: 1",
    ]


def test_a_setting_of_a_shift_that_no_camera_has_is_told_with_file_wearer_and_the_nearest(
    tmp_path: Path,
) -> None:
    script = tmp_path / "s.toml"
    script.write_text(f"{SHIFT}\n[settings]\nmute.alowed = true\n")
    app = typer.Typer()
    app.command()(sim)
    done = CliRunner().invoke(app, [f"--shift={script}"], terminal_width=500)
    told = "".join(done.output.replace("│", " ").split())
    assert done.exit_code and "s.toml:K.Weber:thereisnosetting'mute.alowed';didyoumeanmute.allowed?" in told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--unenrolled",), "--shift goes without --unenrolled"),
        (("--faults=rot=1",), "without rot and badblock"),
        (("--shift=nowhere.toml",), "nowhere.toml"),
    ],
)
def test_a_shift_that_cannot_be_is_told(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    script = tmp_path / "shift.toml"
    script.write_text(SHIFT)
    app = typer.Typer()
    app.command()(sim)
    done = CliRunner().invoke(app, [f"--shift={script}", *options])
    assert done.exit_code and why in " ".join(done.output.replace("│", " ").split())

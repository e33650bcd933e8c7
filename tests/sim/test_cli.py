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
from firmware_sim.camera import STATE_NAME
from firmware_sim.cli import sim
from firmware_sim.footage import FootageUnavailable

RUN = "import typer; from firmware_sim.cli import sim; app = typer.Typer(); app.command()(sim); app()"


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
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--faults=melt=1"], "melt=1"),
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
            _, err = second.communicate(timeout=20)
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
    (tmp_path / f"{STATE_NAME}.json").write_text("[]")
    assert code(f"--state={tmp_path}") == 9
    monkeypatch.setattr("firmware_sim.cli.make_camera", _without_the_extra)
    assert code() == 11


def _without_the_extra(**options: object) -> None:
    raise FootageUnavailable("av")

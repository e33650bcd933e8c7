"""`bwc bridge` as a process: it says where it answers, and ends cleanly."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import bwc_sdk
from bwc_sdk.__main__ import main

SIM = "sim:?seed=31&recordings=1&mib=1"
ENDS_S = 45
"""Within this a process has ended, however busy the machine is."""


@contextmanager
def bridge(*options: str, device: str = SIM) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bwc_sdk", "bridge", "--device", device, *options],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def identity(uri: str) -> str:
    async with bwc_sdk.connect(uri) as host:
        return host.identity


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_prints_the_uri_as_it_answers_and_ends_cleanly(number: signal.Signals) -> None:
    with bridge() as process:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        assert uri.startswith("tcp:127.0.0.1:")
        for _ in range(2):
            assert asyncio.run(identity(uri)) == "SIM-0000001F"
        process.send_signal(number)
        out, err = process.communicate(timeout=ENDS_S)
    assert (process.returncode, out) == (0, "")
    assert err.count("served") == 2 and "warning" not in err


def test_it_tells_scripts_of_clients_and_ends_while_one_is_served() -> None:
    async def hold(uri: str, process: "subprocess.Popen[str]") -> None:
        with pytest.raises(bwc_sdk.BwcError):
            async with bwc_sdk.connect(uri) as host:
                process.send_signal(signal.SIGTERM)
                while True:
                    await host.battery.status()

    with bridge("--json") as process:
        assert process.stdout is not None
        listening = json.loads(process.stdout.readline())
        assert listening["event"] == "listening"
        asyncio.run(hold(listening["uri"], process))
        out, err = process.communicate(timeout=ENDS_S)
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["client_came", "client_left"]
    assert all(event["utc"] for event in (listening, *events))
    assert (
        events[1]["bytes_to_device"] > 0 and events[1]["bytes_to_client"] > 0 and events[1]["error"] is None
    )
    assert (process.returncode, err) == (0, "")


@pytest.mark.rule("TRN-005")
def test_beyond_loopback_only_when_told_and_with_a_warning() -> None:
    with bridge("--listen", "tcp:0.0.0.0:0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("tcp:0.0.0.0:")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=ENDS_S)
    assert "warning" in err and process.returncode == 0


@pytest.mark.parametrize("device", ["serial:/dev/bwc-nope", "usb:99-1"])
def test_a_device_that_is_not_there_is_told_and_waited_for(device: str) -> None:
    with bridge(device=device) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("tcp:127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=ENDS_S)
    assert f"warning: {device} is not there now" in err and process.returncode == 0


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["bridge"], 2),
        (["bridge", "--device", "tcp:nowhere"], 2),
        (["bridge", "--device", SIM, "--listen", "9000"], 2),
        (["bridge", "--device", SIM, "--listen", "tcp:127.0.0.1:70000"], 2),
        (["bridge", "--device", SIM, "--listen", "tcp:192.0.2.1:0"], 3),
    ],
)
def test_what_cannot_be_bridged_is_said_before_it_listens(
    argv: list[str], code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BWC_DEVICE", raising=False)
    assert main(argv) == code
    said = capsys.readouterr()
    assert said.out == "" and said.err

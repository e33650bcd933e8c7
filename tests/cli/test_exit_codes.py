"""Each exit code, from the real command; and no error without one."""

import functools
import importlib
import json
import os
import pkgutil
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.link import LinkParams
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.running.failure import EXIT_CODES, code_for
from bwc_sdk.errors import BwcError
from firmware_sim.physics.clock import DeviceClock

Bwc = Callable[..., Any]


def _all_errors() -> list[type[BwcError]]:
    modules = set()
    for module in pkgutil.walk_packages(bwc_sdk.__path__, "bwc_sdk."):
        # The command line never uses the blocking twin, whose own error has no code; nor labgrid, which is not here.
        apart = ("bwc_sdk.sync", "bwc_sdk.labgrid")
        if not module.name.endswith("__main__") and not module.name.startswith(apart):
            modules.add(importlib.import_module(module.name).__name__)
    found, todo = [], [BwcError]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += [one for one in kind.__subclasses__() if one.__module__ in modules]
    return found


def test_every_error_of_the_sdk_has_an_exit_code_of_its_own_kind() -> None:
    for kind in _all_errors():
        nearest = next(one for one in kind.__mro__ if one in EXIT_CODES)
        assert nearest is not BwcError or kind is BwcError, f"{kind.__name__} has no exit code"


def test_every_exit_code_has_a_reason() -> None:
    text = Path(sys.modules[ExitCode.__module__].__file__ or "").read_text()
    for code in ExitCode:
        assert f"{code.name} = {code.value}" in text


def test_an_unexpected_error_is_1() -> None:
    assert code_for(ZeroDivisionError()) == ExitCode.UNEXPECTED


# One by one


def test_0_success(bwc: Bwc, sim: str) -> None:
    assert bwc("info", device=sim).code == 0


def test_1_a_difference_where_it_was_asked_for(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("recording.pre_event_s = 7\n")
    assert bwc("config", "diff", "--exit-code", str(tmp_path / "c.toml"), device=sim).code == 1


def test_1_a_fault_of_the_program_is_told_without_a_traceback(
    bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bwc_sdk.cli.running.on_camera.output_for", lambda *_: 1 / 0)
    ran = bwc("battery", device=sim)
    assert ran.code == 1
    assert "ZeroDivisionError" in ran.err and "Traceback" not in ran.err and "BWC_DEBUG" in ran.err
    monkeypatch.setenv("BWC_DEBUG", "1")
    assert "Traceback" in bwc("battery", device=sim).err


@pytest.mark.parametrize(
    "argv", [["batery"], ["battery", "--nonsense"], ["battery"], ["battery", "-d", "nonsense"], ["offload"]]
)
def test_2_a_wrong_command_line(bwc: Bwc, argv: list[str]) -> None:
    ran = bwc(*argv)
    assert ran.code == 2
    assert not ran.out


def test_3_nobody_answers(bwc: Bwc) -> None:
    assert bwc("info", device="tcp:127.0.0.1:1").code == 3
    ran = bwc("info", device="serial:/dev/does-not-exist")
    assert ran.code == 3 and "bwc devices" in ran.err


@pytest.fixture
def another_protocol() -> Iterator[str]:
    """A TCP server that answers everything with HTTP, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1024)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
                while client.recv(1024):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"tcp:127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def test_4_what_answers_is_no_such_device(
    bwc: Bwc, another_protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = functools.partial(LinkParams, hello_for_s=0.3)  # 5 s for people, too long for a test
    monkeypatch.setattr("bwc_sdk.connection.link_driver.LinkParams", impatient)
    ran = bwc("info", device=another_protocol)
    assert ran.code == 4
    assert "another protocol" in ran.err


def test_4_another_device_than_the_one_that_was_named(bwc: Bwc, sim: str) -> None:
    ran = bwc("reboot", "SIM-OF-SOMEBODY-ELSE", device=sim)
    assert ran.code == 4
    assert "not rebooted" in ran.err


def test_5_the_device_goes_away(bwc: Bwc, sim: str) -> None:
    assert bwc("info", device=f"{sim}&faults=cut@400").code == 5


def test_6_the_device_refuses(bwc: Bwc, sim: str) -> None:
    ran = bwc("raw", "battery.status", "cell=9", device=sim)
    assert ran.code == 6 and "not-found" in ran.err


def test_7_somebody_else_has_the_port(bwc: Bwc) -> None:
    import fcntl

    master, slave = pty.openpty()
    try:
        fcntl.flock(slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert bwc("info", device=f"serial:{os.ttyname(slave)}").code == 7
    finally:
        os.close(master)
        os.close(slave)


def test_8_a_configuration_that_does_not_fit(bwc: Bwc, sim: str) -> None:
    ran = bwc("config", "set", "recording.pre_event_s=4500", "recording.pre_evnt_s=1", device=sim)
    assert ran.code == 8
    assert "0 to 120" in ran.err and "did you mean recording.pre_event_s" in ran.err


def test_9_a_destination_that_cannot_be_used(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    assert bwc("offload", str(tmp_path / "missing"), device=sim).code == 9
    assert bwc("info", "--capture", str(tmp_path / "no" / "cap"), device=sim).code == 9


def test_10_not_everything_is_stored(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    assert bwc("offload", str(tmp_path), device=f"{sim}&faults=bad=1").code == 10


def test_11_an_optional_part_is_missing(bwc: Bwc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.cli.app._plugins", lambda name=None: [])
    ran = bwc("sim", "--recordings", "3")
    assert ran.code == 11
    assert "bwc-sdk[sim]" in ran.err


def test_12_a_change_without_a_reply(bwc: Bwc, sim: str) -> None:
    slow = f"{sim}&faults=delay.rx=0.15"
    ran = bwc("raw", "assignment.clear", "revision=1", "--timeout", "0.05", "--json", device=slow)
    assert ran.code == 12
    assert ran.error["safe_to_repeat"] is True


def test_13_a_host_that_does_not_know_its_time(
    bwc: Bwc, sim: str, host_knows: Callable[[bool | None], None]
) -> None:
    host_knows(False)
    for named in ([], ["--source", "ntp"], ["--source", "nts", "--uncertainty", "1ms"]):
        ran = bwc("clock", "sync", *named, device=sim)
        assert ran.code == 13
        assert "not synchronised" in ran.err and "time service" in ran.err
        assert "--source ntp" not in ran.err
    assert bwc("clock", "show", "--json", device=sim).document["clock"]["revision"] == 1
    host_knows(True)
    assert bwc("clock", "sync", device=sim).code == 0


def test_16_a_clock_that_does_not_read_as_it_was_set(
    bwc: Bwc, sim: str, host_knows: Callable[[bool | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    host_knows(True)
    honest = DeviceClock.set_utc_ns

    def another(self: DeviceClock, utc_ns: int, *rest: Any) -> None:
        honest(self, utc_ns + 30_000_000, *rest)

    uri = sim
    assert bwc("info", device=uri).code == 0, "it is made before its firmware goes wrong"
    monkeypatch.setattr(DeviceClock, "set_utc_ns", another)
    ran = bwc("clock", "sync", "--json", device=uri)
    assert ran.code == 16 and not ran.out
    assert ran.error["class"] == "ClockNotVerified"
    assert abs(ran.error["offset_ns"] + 30_000_000) < 10_000_000
    assert "clock show" in ran.error["advice"]


def test_14_a_log_that_does_not_chain(bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.clients.audit_chain.entry_sha256", lambda entry, chained: bytes(32))
    ran = bwc("audit", device=sim)
    assert ran.code == 14
    assert not ran.out


def _process(*argv: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bwc_sdk", *argv],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={
            key: value for key, value in os.environ.items() if key == "BWC_LAB" or not key.startswith("BWC_")
        },
    )


def test_130_an_offload_that_is_interrupted_says_so_and_goes_on_later(bwc: Bwc, tmp_path: Path) -> None:
    camera = "sim:?seed=31&recordings=1&mib=8"
    slow = f"{camera}&rate=1000000"
    with _process("offload", str(tmp_path), "--json", "--device", slow) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            told = json.loads(line)
            if told["event"] == "progress" and told["bytes_done"] > 1_048_576:
                break  # a whole chunk is there
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(45) == 130
    assert "go on" in said and "Traceback" not in said
    assert not list(tmp_path.glob("*.mp4*"))
    ran = bwc("offload", str(tmp_path), "--json", device=camera)
    assert ran.code == 0
    assert '"resumed"' in ran.out


@pytest.mark.parametrize(
    "argv",
    [
        ["raw"],
        ["raw", "--json"],
        ["--version"],
        ["--help"],
        ["config", "--help"],
        ["doctor"],
        ["recordings", "list", "--json", "--device", "sim:?recordings=1&mib=1"],
        ["offload", "DEST", "--json", "--device", "sim:?recordings=1&mib=1"],
    ],
    ids=" ".join,
)
def test_141_the_reader_of_the_output_is_gone(argv: list[str], tmp_path: Path) -> None:
    argv = [str(tmp_path) if word == "DEST" else word for word in argv]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with _process(*argv, stdout=writer) as process:
            said = process.communicate(timeout=45)[1]
    finally:
        os.close(writer)
    assert process.returncode == 141
    assert said == ""


@pytest.mark.parametrize(
    ("argv", "state"), [(["battery"], "nothing was changed"), (["assign", "O-1"], "look at its state")]
)
def test_130_ctrl_c_says_what_state_things_are_in(
    bwc: Bwc, sim: str, monkeypatch: pytest.MonkeyPatch, argv: list[str], state: str
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bwc_sdk.cli.running.on_camera.output_for", pressed)
    ran = bwc(*argv, device=sim)
    assert ran.code == 130 and state in ran.err
    assert state in bwc(*argv, "--json", device=sim).error["rule"]


def test_the_page_of_errors_has_the_table_of_exit_codes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = {int(number) for number in re.findall(r"^\| (\d+) \| \w", page, re.MULTILINE)}
    assert rows == {int(code) for code in ExitCode}


@pytest.mark.parametrize(
    "uri",
    [
        "tcp://host",
        "tcp://host:7000",
        "tcp:/host:7000",
        "tcp:user@host:7000",
        "tcp:a host:7000",
        "tcp:host",
        "tcp:host:0",
        "tcp:host:" + "9" * 500,
        "tcp:",
        "serial:",
        "serial:  ",
        "serial:?baud=9600",
        "serial://dev/ttyACM0",
        "usb:",
        "usb://1-4",
        "ble://AA",
        "sim://x",
        "sim:x",
    ],
)
def test_2_what_can_be_no_address_is_a_wrong_uri_and_not_an_unreachable_one(bwc: Bwc, uri: str) -> None:
    ran = bwc("info", device=uri)
    assert ran.code == 2 and "uri: " in ran.err and "try: " in ran.err


@pytest.mark.parametrize("where", ["tcp://h:1", "tcp:h:" + "9" * 5_000, "tcp::1", "nonsense"])
def test_2_what_can_be_no_place_to_listen(bwc: Bwc, where: str) -> None:
    for argv in (["sim", "--recordings", "0"], ["bridge", "-d", "sim:"]):
        ran = bwc(*argv, "--listen", where)
        assert ran.code == 2 and "no place to listen" in ran.err and len(ran.err) < 600

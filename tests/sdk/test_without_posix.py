"""What works where there is no POSIX, as on a technician's Windows laptop; played on this system.

A process that lacks what Windows lacks: the modules, the calls, and event loops that watch descriptors or signals.
"""

import asyncio
import getpass
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.core import SessionInfo
from bwc_sdk.identity.lookup import own_identity
from firmware_sim.ports.pty import PtyPort
from firmware_sim.scenarios import Footage, make_camera
from tools.generate import samples

LAPTOP = """
import asyncio.selector_events, asyncio.unix_events, os, sys
import serial, serial.tools.list_ports  # a library's own way to the port is the system's
import subprocess, tempfile, socket  # so is the standard library's own use of what is taken away now

for name in ("termios", "fcntl", "tty", "pty", "resource", "pwd", "grp"):
    sys.modules[name] = None
for name in (
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW readv writev preadv pwritev posix_fadvise statvfs fchmod "
    "getuid geteuid fork register_at_fork"
).split():
    delattr(os, name)


def absent(*given):
    raise NotImplementedError


for loop in (asyncio.selector_events.BaseSelectorEventLoop, asyncio.unix_events._UnixSelectorEventLoop):
    loop.add_reader = loop.add_writer = loop.remove_reader = loop.remove_writer = absent
    loop.add_signal_handler = loop.remove_signal_handler = absent

import bwc_sdk.transport.registry

bwc_sdk.transport.registry.DESCRIPTORS = False
"""

EVERY_MODULE = """
import importlib, pkgutil
import bwc_sdk

for found in pkgutil.walk_packages(bwc_sdk.__path__, "bwc_sdk."):
    apart = found.name.startswith("bwc_sdk.labgrid")  # labgrid is for Linux, in an environment of its own
    if not apart and found.name not in ("bwc_sdk.__main__", "bwc_sdk.transport.serial"):
        importlib.import_module(found.name)
"""

VERB = """
from bwc_sdk.__main__ import main

sys.exit(main(sys.argv[1:]))
"""

Ran = tuple[int, str, str]


def laptop(program: str, *argv: str) -> list[str]:
    return [sys.executable, "-c", LAPTOP + program, *argv]


def test_every_part_of_the_sdk_loads_but_the_shell_for_posix() -> None:
    subprocess.run(laptop(EVERY_MODULE), check=True, timeout=30)


@pytest.fixture
def on_laptop() -> Callable[..., Ran]:
    """Runs verbs of `bwc` there, on a camera behind a serial port; the code, output and errors of the last."""

    def run(*verbs: list[str]) -> Ran:
        async def main() -> Ran:
            camera = make_camera(
                seed=5, recordings=2, mib=1, footage=Footage.SYNTHETIC, agency=open_lab().agency
            )
            port = PtyPort(camera)
            ran: Ran = (0, "", "")
            try:
                for verb in verbs:
                    ran = await bwc(*verb, "--device", port.uri)
            finally:
                port.close()
                camera.close()
            return ran

        return asyncio.run(main())

    return run


async def bwc(*argv: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *laptop(VERB, *argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def test_a_camera_is_provisioned_over_a_serial_port(on_laptop: Callable[..., Ran]) -> None:
    code, out, err = on_laptop(
        ["assign", "K1234", "--unit", "5th precinct"],
        ["config", "set", "recording.pre_event_s=45"],
        ["config", "get", "recording.pre_event_s"],
    )
    assert (code, out) == (0, "45\n"), err


def test_footage_is_not_stored_there_and_that_is_said(
    on_laptop: Callable[..., Ran], tmp_path_factory: pytest.TempPathFactory
) -> None:
    dest = tmp_path_factory.mktemp("evidence")
    code, out, err = on_laptop(["offload", str(dest)])
    assert (code, out) == (9, "")
    assert "footage is stored on POSIX systems only" in err and "Traceback" not in err
    assert list(dest.iterdir()) == []


def test_a_port_that_is_not_there_is_a_line(on_laptop: Callable[..., Ran]) -> None:
    code, out, err = asyncio.run(bwc("info", "--device", "serial:/dev/no-such-port"))
    assert (code, out) == (3, "") and "there is no such port" in err


@pytest.mark.parametrize(
    ("user", "host", "name"),
    [
        ("jürgen", "laptop", "jürgen@laptop"),
        ("a\x1b[2Jb", "laptop", "a?[2Jb@laptop"),
        ("ü" * 40, "laptop", "ü" * 32),
        (KeyError("getpwuid(): uid not found: 4711"), "laptop", "unknown@laptop"),
        (ModuleNotFoundError("pwd"), "laptop", "unknown@laptop"),
    ],
)
def test_a_host_has_a_name_whoever_runs_it(
    monkeypatch: pytest.MonkeyPatch, user: str | Exception, host: str, name: str
) -> None:
    def getuser() -> str:
        if isinstance(user, Exception):
            raise user
        return user

    monkeypatch.setattr(getpass, "getuser", getuser)
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert own_identity() == name
    info = replace(samples.typical(SessionInfo), identity=name)
    assert SessionInfo.codec.decode(SessionInfo.codec.encode(info)) == info, "its field takes it"

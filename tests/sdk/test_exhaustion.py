"""What a host runs out of is told as that and nothing else, names where to raise it, and leaves nothing behind."""

import asyncio
import errno
import os
import resource
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.running.failure import report
from bwc_sdk.discovery import slots as discover
from bwc_sdk.errors import BwcError, DeviceBusy, HostExhausted, PortBusy
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.host.workers import ThreadWorkers
from bwc_sdk.sync import loop as sync_loop
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.ports.usbip import camera_on_usb
from firmware_sim.scenarios import Footage, make_camera

SPARE_MAX = 12
"""Descriptors that are left, at most: a connection needs fewer over every transport."""


@contextmanager
def descriptors_left(spare: int) -> Iterator[None]:
    """This process may open so many more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    try:
        highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 32, hard))
        while True:
            try:
                held.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for _ in range(spare):
            os.close(held.pop())
        yield
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["tcp", "pty", "usb", "capture"])
def test_without_descriptors_every_transport_says_so_and_the_next_attempt_works(
    kind: str, tmp_path: Path
) -> None:
    async def main() -> None:
        camera = make_camera(seed=7, recordings=0, mib=1, footage=Footage.SYNTHETIC)
        makers: dict[str, Callable[[], Any]] = {
            "pty": lambda: PtyPort(camera),
            "usb": lambda: camera_on_usb(camera),
        }
        port = makers.get(kind, lambda: TcpPort(camera))()
        capture = tmp_path / "wire.jsonl" if kind == "capture" else None
        try:
            await _status(port.uri, capture)  # everything is loaded
            told = []
            for spare in range(SPARE_MAX):
                with descriptors_left(spare):
                    try:
                        await _again(port.uri, capture)
                    except BwcError as error:
                        # The simulator is of this process, too, and cannot accept: then nobody answers.
                        told.append(error)
                await _again(port.uri, capture)
            lacks = [error for error in told if isinstance(error, HostExhausted)]
            assert lacks and "no file descriptor left" in lacks[0].rule
            assert "ulimit -n" in lacks[0].advice
            assert isinstance(told[0], HostExhausted)
            for error in told:
                assert isinstance(error, HostExhausted) or "answers" in error.rule, error
        finally:
            port.close()
            camera.close()

    asyncio.run(main())


async def _status(uri: str, capture: Path | None) -> None:
    async with bwc_sdk.connect(uri, capture=capture, allow_insecure=True) as camera:
        await camera.device.status()


async def _again(uri: str, capture: Path | None) -> None:
    """The next attempt works: at most the simulator, which ran out of descriptors as well, needs a moment."""
    while True:
        try:
            return await _status(uri, capture)
        except (DeviceBusy, PortBusy):
            await asyncio.sleep(0.1)


def test_without_descriptors_no_port_is_said_to_be_gone() -> None:
    with descriptors_left(0), pytest.raises(HostExhausted, match="no file descriptor left"):
        discover.slots()
    discover.slots()


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Lets so many threads more begin, and then no other; all again at the end of the test."""
    started, left = threading.Thread.start, [1 << 30]

    def start(thread: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        started(thread)

    monkeypatch.setattr(threading.Thread, "start", start)

    def limit(number: int) -> None:
        left[0] = number

    yield limit


def test_that_is_what_python_says_when_no_thread_can_be_had() -> None:
    """A process whose memory holds no further stack."""
    program = """
        import resource, threading
        threading.stack_size(1 << 28)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
        from bwc_sdk.host.exhaustion import exhausted
        try:
            for _ in range(8):
                threading.Thread(target=threading.Event().wait, daemon=True).start()
        except RuntimeError as error:
            print(exhausted(error), exhausted(error).advice)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert "no thread can be started for this process" in done.stdout and "ulimit -u" in done.stdout, (
        done.stderr
    )


def test_workers_go_on_with_the_threads_that_there_are(no_threads: Callable[[int], None]) -> None:
    async def main() -> None:
        workers = ThreadWorkers(4, 4)
        no_threads(0)
        with pytest.raises(HostExhausted, match="no thread can be started"):
            await workers.run(len, b"")
        no_threads(1)
        found = await asyncio.gather(*(workers.run(pow, n, 2) for n in range(50)))
        assert found == [n * n for n in range(50)], "one thread does it all"
        no_threads(100)
        assert await workers.run(len, b"four") == 4

    asyncio.run(main())


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_transport_without_threads_closes_what_it_opened(
    no_threads: Callable[[int], None], left: int
) -> None:
    """0: it cannot even be opened; 1 and 2: it is, and then nothing reads it, or nothing writes."""

    async def main() -> None:
        camera = make_camera(seed=7, recordings=0, mib=1, footage=Footage.SYNTHETIC)
        port = camera_on_usb(camera)
        try:
            await _status(port.uri, None)
            no_threads(left)
            with pytest.raises(HostExhausted, match="no thread can be started"):
                await _status(port.uri, None)
            no_threads(1 << 30)
            await _again(port.uri, None)
        finally:
            port.close()
            camera.close()

    asyncio.run(main())


def test_the_blocking_twin_without_a_thread(
    no_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_loop, "_threads", {})
    no_threads(0)
    for _ in range(2):
        with pytest.raises(HostExhausted, match="no thread can be started"):
            sync_loop.loop_thread()
    no_threads(1)
    thread = sync_loop.loop_thread()
    assert thread.run(asyncio.sleep(0, 7)) == 7
    thread.loop.call_soon_threadsafe(thread.loop.stop)
    thread._thread.join()
    thread.loop.close()


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (OSError(errno.ENFILE, "Too many open files in system"), "fs.file-max"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "MemoryMax="),
        (OSError(errno.ENOBUFS, "No buffer space available"), "sysctl"),
        (MemoryError(), "ulimit -v"),
        (RuntimeError("can't start new thread"), "TasksMax="),
    ],
)
def test_each_lack_says_where_to_raise_it_and_is_9_from_any_verb(
    error: Exception, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, as_json=False) is ExitCode.BAD_DESTINATION
    assert where in capsys.readouterr().err


def test_other_errors_are_no_lack() -> None:
    for error in (OSError(errno.ECONNREFUSED, "refused"), RuntimeError("no"), socket.gaierror(-2, "unknown")):
        assert exhausted(error) is None

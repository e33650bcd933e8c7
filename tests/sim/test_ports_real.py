"""The camera behind real descriptors: TCP and a pty, by the SDK's own transports and by plain files."""

import asyncio
import errno
import os
import socket
import termios
import threading
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.errors import BwcError, DeviceBusy, DeviceLost, PortNotFound
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports import listening
from firmware_sim.ports.listening import place
from firmware_sim.ports.pty import PtyPipe, PtyPort
from firmware_sim.ports.tcp import MAX_PIPES, TcpPort

Listener = TcpPort | PtyPort
BOUND_S = 30.0


def serve(listen: Callable[[], Listener], use: Callable[[Any], Awaitable[Any]]) -> Any:
    """Serves a camera on a real loop while `use` runs, for as long as `BOUND_S`."""

    async def run() -> Any:
        async with asyncio.timeout(BOUND_S):
            port = listen()
            try:
                return await use(port)
            finally:
                port.close()

    return asyncio.run(run())


@pytest.fixture(params=["tcp", "pty"])
def listen(request: pytest.FixtureRequest, camera: SimCamera, tmp_path: Path) -> Callable[[], Listener]:
    if request.param == "tcp":
        return lambda: TcpPort(camera)
    return lambda: PtyPort(camera, link=tmp_path / "camera")


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


async def table_of(uri: str) -> int:
    async with bwc_sdk.connect(uri, role=Role.BENCH, allow_insecure=True) as host:
        entry = (await host.recordings.list())[0]
        manifest = await host.recordings.read_manifest(entry)
        return len(await host.recordings.read_table(entry, manifest, 0))


def test_hosts_come_and_go(listen: Callable[[], Listener]) -> None:
    async def use(port: Listener) -> list[int]:
        return [await table_of(port.uri) for _ in range(3)]

    assert serve(listen, use) == [64, 64, 64]


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_it_listens_on_ipv6_and_its_uri_reaches_it(camera: SimCamera) -> None:
    async def use(port: Listener) -> int:
        assert port.uri.startswith("tcp:[::1]:")
        return await table_of(port.uri)

    assert serve(lambda: TcpPort(camera, "::1"), use) == 64


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:7000", ("::1", 7000)),
        ("::1:7000", ("::1", 7000)),
        ("bench7:65535", ("bench7", 65_535)),
        ("bench7:65536", None),
        ("bench7:" + "9" * 5_000, None),
        ("bench7", None),
        (":7", None),
        ("[]:7", None),
        ("//bench7:7", None),
    ],
)
def test_a_place_to_listen_is_a_host_and_a_port(text: str, found: tuple[str, int] | None) -> None:
    assert place(text) == found


def test_a_name_server_that_does_not_answer_holds_no_simulator_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait() and [])
    monkeypatch.setattr(listening, "RESOLVE_S", 0.05)
    with pytest.raises(OSError, match="no name server answers within"):
        listening.listen_at("bench.example", 0, 4)
    over.set()
    monkeypatch.undo()
    for host in ("a..b", "no-such-host.invalid"):
        with pytest.raises(OSError):
            listening.listen_at(host, 0, 4)


def test_a_pulled_cable_is_one_error_and_plugged_in_again_it_works(
    listen: Callable[[], Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_sim.ports.pty.REPLUG_S", 0.05)

    async def use(port: Listener) -> int:
        host = await bwc_sdk.connect(port.uri, role=Role.BENCH, allow_insecure=True)
        await host.device.status()
        port.pull()
        with pytest.raises(BwcError) as lost:
            while True:
                await host.device.status()
        assert isinstance(lost.value, DeviceLost)
        await host.close()
        while True:
            try:
                return await table_of(port.uri)
            except PortNotFound:
                await asyncio.sleep(0.02)  # the cable is out

    assert serve(listen, use) == 64


def test_a_crash_of_the_camera_ends_the_link_and_it_comes_back(
    camera: SimCamera, listen: Callable[[], Listener]
) -> None:
    async def use(port: Listener) -> int:
        host = await bwc_sdk.connect(port.uri, role=Role.BENCH, allow_insecure=True)
        await host.device.status()
        camera.crash()
        camera.time.skip(60)  # and has booted since
        assert camera.awake()
        with pytest.raises(BwcError):
            while True:
                await host.device.status()
        await host.close()
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as again:
            return again.peer.boot_counter

    assert serve(listen, use) == 2


def test_a_second_host_over_tcp_is_told_busy_and_garbage_harms_nobody(camera: SimCamera) -> None:
    async def use(port: Listener) -> None:
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as first:
            host, number = port.uri.removeprefix("tcp:").split(":")
            with socket.create_connection((host, int(number))) as stranger:
                stranger.sendall(os.urandom(100_000))
                with pytest.raises(DeviceBusy):
                    await bwc_sdk.connect(port.uri, allow_insecure=True)
                await first.device.status()

    serve(lambda: TcpPort(camera), use)


def test_more_connections_than_it_serves_wait_and_harm_nobody(camera: SimCamera) -> None:
    async def use(port: Listener) -> None:
        host, number = port.uri.removeprefix("tcp:").split(":")
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as first:
            strangers = [await asyncio.open_connection(host, int(number)) for _ in range(24)]
            while len(camera.ports) < MAX_PIPES:
                await first.device.status()
            await first.device.status()
            assert len(camera.ports) == MAX_PIPES
            for _, writer in strangers:
                writer.close()
                await writer.wait_closed()
            await first.device.status()
        assert await table_of(port.uri) == 64

    serve(lambda: TcpPort(camera), use)


def test_both_ports_of_one_camera_have_one_host(camera: SimCamera) -> None:
    async def use(tcp: Listener) -> None:
        pty = PtyPort(camera)
        try:
            async with bwc_sdk.connect(tcp.uri, allow_insecure=True):
                with pytest.raises(DeviceBusy):
                    await bwc_sdk.connect(pty.uri, allow_insecure=True)
            async with bwc_sdk.connect(pty.uri, allow_insecure=True) as host:
                await host.device.status()
        finally:
            pty.close()

    serve(lambda: TcpPort(camera), use)


def test_a_pty_names_itself_and_its_link_goes_with_it(camera: SimCamera, tmp_path: Path) -> None:
    async def use(port: Listener) -> None:
        assert port.uri == f"serial:{tmp_path / 'camera'}"
        assert (tmp_path / "camera").readlink().parts[:3] == ("/", "dev", "pts")

    serve(lambda: PtyPort(camera, link=tmp_path / "camera"), use)
    assert not (tmp_path / "camera").is_symlink()


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_a_pty_takes_the_name_of_nothing_but_another_pty(
    camera: SimCamera, tmp_path: Path, kind: str
) -> None:
    thesis, link = tmp_path / "thesis", tmp_path / "camera"
    thesis.write_text("years of work")
    match kind:
        case "file":
            thesis.rename(link)
        case "link":
            link.symlink_to(thesis)
        case _:
            link.mkdir()
    before = os.lstat(link)

    async def use() -> None:
        with pytest.raises(FileExistsError, match="no link to a pty"):
            PtyPort(camera, link=link)

    asyncio.run(use())
    assert os.lstat(link)[:3] == before[:3] and (kind == "directory" or link.read_text() == "years of work")


def test_a_pty_that_ends_takes_nothing_away_but_its_own_link(camera: SimCamera, tmp_path: Path) -> None:
    link = tmp_path / "camera"
    link.symlink_to("/dev/pts/999999")  # of a simulator that was killed

    async def use(port: Listener) -> None:
        link.unlink()
        link.write_text("years of work")

    serve(lambda: PtyPort(camera, link=link), use)
    assert link.read_text() == "years of work"


def test_what_a_host_left_unread_does_not_reach_the_next_one(
    camera: SimCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asyncio.Event()
    read = PtyPipe._readable

    def hear(pipe: PtyPipe) -> None:
        read(pipe)
        heard.set()

    monkeypatch.setattr(PtyPipe, "_readable", hear)

    async def use(port: Listener) -> int:
        path = port.uri.removeprefix("serial:")
        for _ in range(3):  # a host that is killed in the middle of a word
            heard.clear()
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
            os.write(fd, b"\xb3\x57\x13\x00" + bytes(17))
            await heard.wait()
            os.close(fd)
        return await table_of(port.uri)

    assert serve(lambda: PtyPort(camera), use) == 64


def test_a_pty_that_cannot_be_flushed_serves_the_next_host(
    camera: SimCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = termios.tcflush

    async def use(port: Listener) -> list[int]:
        assert isinstance(port, PtyPort) and port._pipe is not None
        master, refused = port._pipe._fd, asyncio.Event()

        def refuse(fd: int, queue: int) -> None:
            if fd == master:
                refused.set()
                raise termios.error(errno.EIO, "Input/output error")
            flush(fd, queue)  # pyserial's, of the host's end

        monkeypatch.setattr(termios, "tcflush", refuse)
        first = await table_of(port.uri)
        await refused.wait()  # the port has seen that the host left; else the next one comes unnoticed
        return [first, await table_of(port.uri)]

    assert serve(lambda: PtyPort(camera), use) == [64, 64]


@pytest.mark.parametrize(
    "error", [termios.error(errno.EIO, "I/O error"), OSError(errno.ENOSPC, "no pty is left")]
)
def test_a_pty_is_plugged_in_again_once_the_system_has_one(
    camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries: list[int] = []
    make_raw, plugged = tty.setraw, asyncio.Event()

    def refuse_once(fd: int) -> None:
        tries.append(fd)
        if len(tries) == 1:
            raise error
        make_raw(fd)
        plugged.set()

    async def use(port: Listener) -> int:
        monkeypatch.setattr("firmware_sim.ports.pty.REPLUG_S", 0.01)
        monkeypatch.setattr(tty, "setraw", refuse_once)
        assert isinstance(port, PtyPort)
        port.pull()
        await plugged.wait()
        return await table_of(port.uri)

    assert serve(lambda: PtyPort(camera, link=tmp_path / "camera"), use) == 64
    assert len(tries) == 2


def test_a_fault_plan_goes_on_over_reconnections(camera: SimCamera) -> None:
    async def use(port: Listener) -> int:
        with pytest.raises(BwcError):
            await table_of(port.uri)
        return await table_of(port.uri)

    assert serve(lambda: TcpPort(camera, faults=FaultCount(FaultPlan.parse("cut@700"))), use) == 64

"""A camera behind a serial line of this machine, as on a board with a USB gadget: the host holds the other end."""

import asyncio
import os
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import bwc_sdk
from bwc_sdk.transport import Limits
from bwc_sdk.transport.file_descriptor import DescriptorTransport
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports import tty as tty_port
from firmware_sim.ports.tty import TtyPort

BOUND_S = 30.0


class Line:
    """A line with two ends: the camera's has a name, the host's is a descriptor."""

    def __init__(self, name: Path) -> None:
        self.host, self._camera = os.openpty()
        tty.setraw(self._camera)
        name.unlink(missing_ok=True)
        name.symlink_to(os.ttyname(self._camera))

    def hang_up(self) -> None:
        """The host's end goes; the camera's is told."""
        os.close(self._camera)  # ours was only to keep the line up while nobody serves it
        os.close(self.host)


class HostEnd(DescriptorTransport):
    """The SDK at the host's end."""

    def __init__(self, fd: int) -> None:
        super().__init__("line", Limits(16_384))
        self._end = os.dup(fd)
        os.set_blocking(self._end, False)

    def _open_device(self) -> int:
        return self._end

    def _close_device(self) -> None:
        os.close(self._end)


def serve(camera: SimCamera, name: Path, use: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(BOUND_S):
            port = TtyPort(camera, name)
            try:
                await use()
            finally:
                port.close()

    asyncio.run(run())


async def boot_counter(line: Line) -> int:
    async with bwc_sdk.connect(HostEnd(line.host), allow_insecure=True) as host:
        return (await host.device.status()).boot_counter


def test_hosts_come_and_go_on_a_line_that_stays(camera: SimCamera, tmp_path: Path) -> None:
    line = Line(tmp_path / "line")

    async def use() -> None:
        assert [await boot_counter(line) for _ in range(3)] == [camera.boot_counter] * 3

    serve(camera, tmp_path / "line", use)
    line.hang_up()


def test_a_line_that_hung_up_is_served_again_once_it_is_back(
    camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tty_port, "REOPEN_S", 0.02)
    in_vain, several, reopen = 0, asyncio.Event(), TtyPort._reopen

    def looks(port: TtyPort) -> None:
        nonlocal in_vain
        reopen(port)
        in_vain += port._pipe is None
        if in_vain == 3:
            several.set()

    monkeypatch.setattr(TtyPort, "_reopen", looks)
    first = Line(tmp_path / "line")

    async def use() -> None:
        assert await boot_counter(first)
        first.hang_up()
        (tmp_path / "line").unlink()
        await several.wait()
        second = Line(tmp_path / "line")
        assert await boot_counter(second)
        second.hang_up()

    serve(camera, tmp_path / "line", use)


def test_a_camera_that_reboots_comes_back_on_the_same_line(
    camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_sim.device.device.BOOT_S", 0.05)
    line = Line(tmp_path / "line")

    async def use() -> None:
        before = await boot_counter(line)
        camera.crash()
        assert await boot_counter(line) == before + 1

    serve(camera, tmp_path / "line", use)
    line.hang_up()


def test_what_is_no_line_is_refused(camera: SimCamera, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def use() -> None: ...

    with pytest.raises(OSError, match="no serial line"):
        serve(camera, tmp_path / "file", use)
    with pytest.raises(FileNotFoundError):
        serve(camera, tmp_path / "nothing", use)

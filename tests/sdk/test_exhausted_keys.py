"""Keys go to OpenSSL through a file: where the host has none to give, both ends say so, and go on afterwards."""

import errno
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.session import tls_context
from bwc_sdk.errors import BwcError, DeviceBusy, HostExhausted
from bwc_sdk.identity.judging import prepare
from bwc_sdk.transport import Transport
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.sdk.test_exhaustion import descriptors_left
from tools.testkit.identity_files import host_identity, secure_camera, world_at
from tools.testkit.secure_ends import NOW_S, agency

UTC_NS = int(NOW_S) * 1_000_000_000


def refusing(number: int) -> Callable[..., Any]:
    def refuse(*given: Any, **more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


@contextmanager
def files_of(size: int) -> Iterator[None]:
    """This process may write files of so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def prepared() -> None:
    prepare(host_identity(agency(), Role.DOCK_OFFLOAD, name="dock-7"), lambda: UTC_NS)


def test_without_a_descriptor_the_host_says_what_it_lacks() -> None:
    prepared()  # everything is loaded
    with descriptors_left(0), pytest.raises(HostExhausted, match="no file descriptor left"):
        prepared()
    prepared()


def test_where_no_file_may_be_written_the_host_says_so() -> None:
    prepared()
    with files_of(64), pytest.raises(HostExhausted, match="handed to OpenSSL") as told:
        prepared()
    assert "LimitFSIZE" in told.value.advice
    prepared()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS], ids=["forbidden", "not there"])
def test_a_sandbox_without_memory_files_takes_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    monkeypatch.setattr(os, "memfd_create", refusing(number))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prepared()
    assert list(tmp_path.iterdir()) == [], "and nothing of the key is left"


def test_without_proc_it_takes_a_file_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tls_context, "_DESCRIPTORS", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prepared()
    assert list(tmp_path.iterdir()) == []


def test_with_neither_it_says_what_would_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "memfd_create", refusing(errno.EPERM))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(HostExhausted, match="handed to OpenSSL") as told:
        prepared()
    assert "TMPDIR" in told.value.advice


def connects(camera: SimCamera) -> None:
    """A host whose own key is ready."""
    identity = host_identity(agency(), Role.DOCK_OFFLOAD, name="dock-7")
    world = world_at()
    prepare(identity, world.utc_ns)

    async def run() -> None:
        transport: Transport = MemoryTransport(camera)
        async with bwc_sdk.connect(transport, role=Role.DOCK_OFFLOAD, identity=identity, world=world) as ours:
            await ours.device.status()

    run_virtual(run())


def test_a_device_without_room_refuses_the_opening_and_its_port_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BUSY, as in every other moment at which it cannot: no traceback, no dead line, and the next host gets in."""
    camera = secure_camera(agency())
    assert camera.trust is not None
    whole = camera.trust.sessions
    for lack in (
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.EFBIG, "File too large"),
        MemoryError(),
    ):

        def none_left(showing: Any, lack: BaseException = lack) -> Any:
            def session(side: Any) -> Any:
                raise lack

            return session

        camera.trust.sessions = none_left
        camera.trust._factory = None
        with pytest.raises(BwcError) as told:
            connects(camera)
        assert isinstance(told.value, DeviceBusy), told.value
    camera.trust.sessions = whole
    camera.trust._factory = None
    connects(camera)
    camera.close()

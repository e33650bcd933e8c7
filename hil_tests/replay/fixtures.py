"""`bwc_replay` and `bwc_replayed`: a lab's capture as a regression test in two lines. Loading this imports nothing of
the SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil_tests.run.running import READ_ONLY

if TYPE_CHECKING:
    from hil_tests.device.bench import Bench
    from hil_tests.replay.host_side import Replayed

Files = str | Path


@pytest.fixture
def bwc_replay(request: pytest.FixtureRequest, bwc_guarded: Bench) -> Callable[..., Replayed]:
    """`bwc_replay("wire.jsonl")` sends what was recorded to the device under test, and fails where the device does not
    answer as recorded. Several files are of connections in a row. What changes the device is sent where tests may; a
    test marked `bwc_read_only` speaks as auditor, whatever the recorded host was."""
    from bwc_protocol.declare import Role
    from bwc_sdk.clients.connecting import AnyDevice, connect_device
    from bwc_sdk.connection.access import Connecting
    from bwc_sdk.sync.loop import loop_thread
    from hil_tests.replay.host_side import replay
    from hil_tests.replay.recorded import read

    bench = bwc_guarded
    reads_only = request.node.get_closest_marker(READ_ONLY) is not None

    def connect(role: Role) -> Connecting[AnyDevice]:
        bench.note_identity(role)
        return connect_device(
            bench.uri,
            role=role,
            identity=bench.key_files,
            lab=bench.lab,
            allow_insecure=bench.allow_insecure,
            capture=bench.capture_file(),
        )

    def run(*files: Files, channel: int | None = None) -> Replayed:
        recorded = read([Path(path) for path in files], channel)
        expendable = bench.identity if bench.may_change else None
        role = Role.AUDITOR if reads_only else None
        return loop_thread().run(replay(recorded, connect, role=role, expendable=expendable)).require_same()

    return run


@pytest.fixture
def bwc_replayed() -> Iterator[Callable[..., str]]:
    """`bwc_replayed("wire.jsonl")` gives the URI of a device of this host's lab that answers as recorded, until the
    test ends. With `insecure=True` its sessions are not protected. It fails a test whose host asked what was not
    recorded, unless `strict=False`."""
    from bwc_protocol.lab.directory import open_lab
    from bwc_sdk.sync.loop import loop_thread
    from firmware_sim.ports.tcp import TcpPort
    from hil_tests.replay.device_side import ReplayDevice
    from hil_tests.replay.recorded import read

    made: list[tuple[ReplayDevice, TcpPort, bool]] = []

    def serve(*files: Files, channel: int | None = None, insecure: bool = False, strict: bool = True) -> str:
        recorded = read([Path(path) for path in files], channel)

        async def start() -> None:
            device = ReplayDevice(recorded, None if insecure else open_lab().agency)
            made.append((device, device.listen(), strict))

        loop_thread().run(start())
        return made[-1][1].uri

    yield serve
    unknown: list[str] = []

    async def stop() -> None:
        for device, port, strict in made:
            port.close()
            device.close()
            unknown.extend(one for visit in device.visits for one in visit.unknown if strict)

    loop_thread().run(stop())
    assert not unknown, f"the host asked what was not recorded: {'; '.join(unknown)}"

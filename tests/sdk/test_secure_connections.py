"""Connections by an identity: the session has that role alone, says what ends soon, and ends for whom a list denies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.certificates.checks import Standing
from bwc_protocol.declare import COMMANDS, Role
from bwc_protocol.messages.audit import AuditKind
from bwc_sdk.connection.validity import TOLD_DAYS
from bwc_sdk.errors import CertificateExpired, CommandError, IdentityMissing, SessionRefused
from bwc_sdk.offload import StoredVerified, offload
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tools.testkit.identity_files import deny_list_of, host_identity, secure_camera, world_at, write_identity
from tools.testkit.secure_ends import BEGAN_S, ENDS_S, NOW_S, agency

DAY_S = 86_400
Use = Callable[[bwc_sdk.Camera], Awaitable[Any]]


def connected(
    use: Use,
    *,
    identity: Any = None,
    role: Role = Role.TECHNICIAN,
    utc_s: float = NOW_S,
    shown: Any = None,
) -> Any:
    """Connects to a camera of the agency in virtual time, and gives what `use` gives."""
    camera = secure_camera(agency(), shown)

    async def run() -> Any:
        given = identity if identity is not None else host_identity(agency(), role)
        async with bwc_sdk.connect(
            MemoryTransport(camera), role=role, identity=given, world=world_at(utc_s)
        ) as host:
            return await use(host)

    try:
        return run_virtual(run())
    finally:
        camera.close()


def test_a_directory_of_key_files_is_all_that_a_program_names(tmp_path: Path) -> None:
    write_identity(tmp_path, agency(), Role.TECHNICIAN, name="Kim Lopez")
    write_identity(tmp_path, agency(), Role.AUDITOR, name="A. Audit")

    async def use(camera: bwc_sdk.Camera) -> None:
        assert camera.peer.secure and camera.peer.standing is Standing.GOOD
        assert camera.identity == "SIM-00000003" and camera.notices == ()
        assert camera.host_name == "Kim Lopez"

    connected(use, identity=tmp_path)

    async def read(camera: bwc_sdk.Camera) -> None:
        entries = [entry async for entry in camera.audit.entries()]
        opened = [entry for entry in entries if entry.kind is AuditKind.SESSION_OPENED]
        assert opened[-1].actor == camera.host_name == "A. Audit"

    connected(read, identity=tmp_path, role=Role.AUDITOR)
    with pytest.raises(IdentityMissing):
        connected(use, identity=tmp_path, role=Role.BENCH)


def test_a_session_has_the_role_that_was_asked_for_and_no_other() -> None:
    both = host_identity(agency(), Role.TECHNICIAN | Role.AUDITOR)

    async def use(camera: bwc_sdk.Camera) -> None:
        with pytest.raises(CommandError, match="not-permitted"):
            await camera.config.apply({"recording.pre_event_s": 45})

    connected(use, identity=both, role=Role.AUDITOR)


def test_footage_comes_off_under_the_role_of_a_dock(tmp_path: Path) -> None:
    camera = secure_camera(agency())

    async def run() -> None:
        dock, world = host_identity(agency(), Role.DOCK_OFFLOAD), world_at()

        async def again() -> bwc_sdk.Camera:
            return await bwc_sdk.connect(
                MemoryTransport(camera), role=Role.DOCK_OFFLOAD, identity=dock, world=world
            )

        job = offload(again, tmp_path, world=world)
        async with job:
            async for _ in job:
                pass
        assert [type(one) for one in job.result.outcomes] == [StoredVerified]

    run_virtual(run())
    camera.close()


# What ends


@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        ((TOLD_DAYS + 1) * DAY_S, ""),
        (TOLD_DAYS * DAY_S - 1, f"ends in {TOLD_DAYS - 1} days"),
        (2 * DAY_S - 1, "ends tomorrow"),
        (DAY_S - 1, "ends today"),
        (-1, "ended on 2027-01-15"),
    ],
)
def test_each_connect_tells_what_ends_soon(left_s: int, said: str, caplog: pytest.LogCaptureFixture) -> None:
    ends_s = int(NOW_S) + left_s

    async def use(camera: bwc_sdk.Camera) -> tuple[str, ...]:
        return camera.notices

    own = connected(use, identity=host_identity(agency(), Role.TECHNICIAN, name="dock-7", ends_s=ends_s))
    device = connected(use, shown=agency().device(serial="SIM-00000003", ends_s=ends_s))
    if not said:
        assert own == device == ()
        return
    assert len(own) == len(device) == 1
    assert said in own[0] and "this host's certificate 'dock-7'" in own[0] and "bwc ca issue" in own[0]
    assert said in device[0] and "the certificate of SIM-00000003" in device[0] and "bwc renew" in device[0]
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not told, "it is the program's to say, and no line on a service's standard error"


def test_a_clock_that_may_be_wrong_is_told_with_what_it_reads() -> None:
    async def use(camera: bwc_sdk.Camera) -> tuple[str, ...]:
        return camera.notices

    own, device = connected(use, utc_s=BEGAN_S - DAY_S)
    for notice in (own, device):
        assert "begins on 2023-11-14" in notice and "this host's clock reads 2023-11-13" in notice
        assert "timedatectl" in notice


EXPIRED = sorted(kind.name for kind in COMMANDS.values() if kind.while_expired)


@pytest.mark.parametrize("utc_s", [BEGAN_S - DAY_S, ENDS_S + DAY_S], ids=["not yet valid", "expired"])
def test_of_an_expired_device_everything_comes_off_and_nothing_is_changed(utc_s: float) -> None:
    async def use(camera: bwc_sdk.Camera) -> None:
        await camera.device.identify()
        (entry,) = await camera.recordings.list()
        manifest = await camera.recordings.read_manifest(entry)
        await camera.clock.read()
        assert manifest.segments
        for change in (
            lambda: camera.config.apply({"recording.pre_event_s": 45}),
            lambda: camera.assignment.assign(officer="Kim Lopez", revision=0),
            lambda: camera.device.reboot(boot_counter=1),
        ):
            with pytest.raises(CertificateExpired) as refused:
                await change()
            assert refused.value.command in str(refused.value) and refused.value.until_s == ENDS_S

    connected(use, role=Role.TECHNICIAN, utc_s=utc_s)


def test_what_may_be_asked_of_an_expired_device_is_what_the_declarations_say() -> None:
    assert {"recordings.page", "recordings.open", "trust.renew", "audit.page"} <= set(EXPIRED)
    assert not {"config.stage", "clock.set", "recordings.erase", "device.reboot"} & set(EXPIRED)


# Whom a list denies


def test_a_newer_list_ends_the_sessions_with_whom_it_denies() -> None:
    identity = host_identity(agency(), Role.TECHNICIAN)

    async def use(camera: bwc_sdk.Camera) -> None:
        await camera.device.status()
        identity.deny_lists.take(deny_list_of(agency(), 1, "SIM-00000099"), b"")
        await asyncio.sleep(0.1)
        await camera.device.status()
        identity.deny_lists.take(deny_list_of(agency(), 2, "SIM-00000099", camera.identity), b"")
        await asyncio.sleep(0.1)
        with pytest.raises(SessionRefused, match="deny list 2 of Harbour Police denies its name") as refused:
            await camera.device.status()
        assert refused.value.check == "denied"

    connected(use, identity=identity)


def test_a_list_is_held_against_a_device_at_every_handshake() -> None:
    identity = host_identity(agency(), Role.TECHNICIAN)
    identity.deny_lists.take(deny_list_of(agency(), 1, "SIM-00000003"), b"")

    async def use(camera: bwc_sdk.Camera) -> None:
        raise AssertionError("it is denied")

    with pytest.raises(SessionRefused, match="denies its name"):
        connected(use, identity=identity)


def test_identities_of_a_token_are_taken_as_they_are() -> None:
    """The key need not be in this process: a `HostIdentity` with credentials of one's own is all that is asked."""
    held = agency().host(Role.TECHNICIAN)
    loaded: list[object] = []

    class Token:
        chain = held.chain

        def load_into(self, context: Any) -> None:
            loaded.append(context)
            held.load_into(context)

        def sign(self, data: bytes) -> bytes:
            return held.sign(data)

    own = bwc_sdk.HostIdentity.of(Token(), agency().anchors, source="token 1")

    async def use(camera: bwc_sdk.Camera) -> str:
        return camera.connection.identity.source if camera.connection.identity else ""

    assert connected(use, identity=own) == "token 1"
    assert connected(use, identity=own) == "token 1"
    assert len(loaded) == 2, "once for each world that it was used in"

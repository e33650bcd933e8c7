"""Devices that are not as they should be: each ends in one typed error, or is coped with."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.evidence import Manifest
from bwc_sdk.errors import (
    AuditBroken,
    BwcError,
    CommandError,
    EvidenceMismatch,
    ProtocolViolation,
    SessionRefused,
    VersionMismatch,
    WrongDevice,
)
from firmware_sim.camera.camera import SimCamera
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual

NewCamera = Callable[..., SimCamera]
Use = Callable[[bwc_sdk.Camera], Awaitable[Any]]


def meet(camera: SimCamera, name: str, use: Use) -> Any:
    """Connects to the camera with that personality."""
    PERSONALITIES[name](camera)

    line: Any = MemoryTransport(camera)  # taken by its shape

    async def run() -> Any:
        async with bwc_sdk.connect(line, role=Role.BENCH, allow_insecure=True) as host:
            return await use(host)

    return run_virtual(run())


async def identify(host: bwc_sdk.Camera) -> Any:
    return await host.device.identify()


async def list_all(host: bwc_sdk.Camera) -> Any:
    return await host.recordings.list()


async def read_evidence(host: bwc_sdk.Camera) -> Manifest:
    entry = (await host.recordings.list())[0]
    manifest = await host.recordings.read_manifest(entry)
    await host.recordings.read_table(entry, manifest, 0)
    return manifest


async def read_log(host: bwc_sdk.Camera) -> int:
    return len([entry async for entry in host.audit.entries()])


@pytest.mark.parametrize(
    ("name", "use", "error"),
    [
        ("newer-major", identify, VersionMismatch),
        ("station", identify, WrongDevice),
        ("no-simulator", identify, SessionRefused),
        ("refusing", identify, SessionRefused),
        ("stuck-listing", list_all, ProtocolViolation),
        ("changing", read_evidence, EvidenceMismatch),
        ("foreign-manifest", read_evidence, EvidenceMismatch),
        ("huge-table", read_evidence, ProtocolViolation),
        ("wrong-table", read_evidence, EvidenceMismatch),
        ("forged-log", read_log, AuditBroken),
    ],
)
def test_a_device_that_is_not_as_it_should_be_is_one_typed_error(
    camera: SimCamera, name: str, use: Use, error: type[BwcError]
) -> None:
    with pytest.raises(error):
        meet(camera, name, use)


@pytest.mark.rule("REC-006")
def test_a_listing_that_never_ends_is_ended_by_the_host(
    camera: SimCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bwc_sdk.clients.recordings.LISTING_MAX", 2_000)
    with pytest.raises(ProtocolViolation):
        meet(camera, "endless-listing", list_all)


@pytest.mark.parametrize("name", ["newer-minor", "scattering"])
def test_what_differs_within_the_rules_is_coped_with(camera: SimCamera, name: str) -> None:
    assert len(meet(camera, name, read_evidence).segments) == 1


@pytest.mark.parametrize(("name", "difference"), [("long-segment", 4_096), ("short-segment", -1_048_576)])
def test_a_segment_of_another_length_than_its_manifest_says_so_when_it_is_opened(
    camera: SimCamera, name: str, difference: int
) -> None:
    async def use(host: bwc_sdk.Camera) -> int:
        entry = (await host.recordings.list())[0]
        stream = await host.recordings.open(entry, 0, sink=Nobody())
        return stream.length - entry.size_bytes

    assert meet(camera, name, use) == difference


def test_a_conflict_is_what_a_changed_recording_answers(camera: SimCamera) -> None:
    async def use(host: bwc_sdk.Camera) -> None:
        entry = (await host.recordings.list())[0]
        await host.recordings.open(entry, 0, sink=Nobody())

    with pytest.raises(CommandError, match="conflict"):
        meet(camera, "changing", use)


class Nobody:
    """A stream that is opened and never granted anything."""

    def data(self, offset: int, data: bytes | memoryview) -> None:
        raise AssertionError("bytes without credit")

    def ended(self, error: BwcError | None) -> None: ...

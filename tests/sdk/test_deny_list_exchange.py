"""A revocation spreads by whoever meets whom: of two deny lists the newer goes to whoever has the older one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy, DenyList, verify_deny_list
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_sdk.errors import IdentityError, SessionRefused
from bwc_sdk.identity import durable_files, vain_exchanges
from bwc_sdk.identity.deny_lists import DenyLists
from bwc_sdk.identity.host_identity import HostIdentity
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tools.testkit.identity_files import (
    deny_list_of,
    host_identity,
    secure_camera,
    secure_station,
    world_at,
    write_identity,
)
from tools.testkit.secure_ends import NOW_S, Agency, agency


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(agency())
    yield made
    made.close()


def host(counter: int = 0, *names: str, name: str = "dock-7") -> HostIdentity:
    """A host of the agency that knows a list, or none."""
    identity = host_identity(agency(), Role.DOCK_OFFLOAD, name=name)
    if counter:
        identity.deny_lists.take(deny_list_of(agency(), counter, *names), b"")
    return identity


def meet(device: Any, identity: HostIdentity) -> tuple[str, ...]:
    """They connect, and part; gives what was said of it."""

    async def run() -> tuple[str, ...]:
        async with bwc_sdk.connect(
            MemoryTransport(device), role=Role.DOCK_OFFLOAD, identity=identity, world=world_at()
        ) as connected:
            await connected.device.status()
            return connected.notices

    return run_virtual(run())


async def connect_to(device: Any, identity: HostIdentity) -> bwc_sdk.Camera:
    return await bwc_sdk.connect(
        MemoryTransport(device), role=Role.DOCK_OFFLOAD, identity=identity, world=world_at()
    )


def known_to(device: SimCamera) -> int:
    assert device.trust is not None
    return device.trust.deny_counter


def test_a_device_with_an_older_list_gets_the_newer_one(camera: SimCamera) -> None:
    assert meet(camera, host(3, "stolen dock")) == ()
    assert known_to(camera) == 3
    assert meet(camera, host(5, "stolen dock", "another")) == ()
    assert known_to(camera) == 5


def test_a_host_with_an_older_list_takes_the_newer_one_from_the_device(camera: SimCamera) -> None:
    meet(camera, host(5, "stolen dock"))
    other = host(3)
    assert meet(camera, other) == ()
    assert other.deny_lists.counter == 5 and known_to(camera) == 5
    assert other.deny_lists.data == deny_list_of(agency(), 5, "stolen dock")


def test_where_both_have_the_same_nothing_passes(camera: SimCamera) -> None:
    identity = host(5, "stolen dock")
    meet(camera, identity)

    async def run() -> int:
        async with bwc_sdk.connect(
            MemoryTransport(camera), role=Role.DOCK_OFFLOAD, identity=identity, world=world_at()
        ) as connected:
            return connected.counters.messages.requests

    assert run_virtual(run()) == 0


def test_a_camera_carries_a_revocation_from_dock_to_dock(tmp_path: Path) -> None:
    """One dock heard of it, the other has no network: the camera that comes to both tells it, and it is kept."""
    away = tmp_path / "away"
    write_identity(away, agency(), Role.DOCK_OFFLOAD, name="dock-8")
    carried, stolen = secure_camera(agency()), host(name="stolen dock")
    meet(carried, host(7, "stolen dock"))

    async def run() -> None:
        for _ in range(2):  # the second time the directory has it
            async with bwc_sdk.connect(
                MemoryTransport(carried), role=Role.DOCK_OFFLOAD, identity=away, world=world_at()
            ) as connected:
                assert connected.notices == ()

    run_virtual(run())
    kept = (away / "deny-list.cose").read_bytes()
    assert verify_deny_list(kept, agency().anchors).counter == 7
    assert (away / "deny-list.cose").stat().st_mode & 0o077 == 0
    assert sorted(one.name for one in away.iterdir()) == ["agency.pem", "deny-list.cose", "dock-offload.pem"]
    with pytest.raises(SessionRefused):
        meet(carried, stolen)
    carried.close()


def test_a_device_that_brings_the_word_of_its_own_revocation_is_believed(camera: SimCamera) -> None:
    """A camera that was stolen and comes back: it carries what some host has left there."""

    async def leave() -> None:
        async with bwc_sdk.connect(
            MemoryTransport(camera), role=Role.DOCK_OFFLOAD, identity=host(), world=world_at()
        ) as connected:
            await connected.trust.install_deny_list(deny_list_of(agency(), 9, camera.serial))

    run_virtual(leave())
    identity = host()
    for _ in range(2):  # by its own list, and then by this host's
        with pytest.raises(SessionRefused, match="deny list 9 of Harbour Police denies its name") as refused:
            run_virtual(connect_to(camera, identity))
        assert refused.value.check == "denied"
    assert identity.deny_lists.counter == 9


def test_all_cameras_of_a_station_get_it_over_its_one_link() -> None:
    station, identity = secure_station(agency()), host(4, "stolen dock")

    async def run() -> None:
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.DOCK_OFFLOAD, identity=identity, world=world_at()
        ) as connected:
            for bay in (1, 2):
                async with connected.camera(bay) as docked:
                    assert docked.peer.secure and docked.notices == ()
                    assert (await docked.trust.read()).deny_counter == 4
            assert (await connected.trust.read()).deny_counter == 4

    run_virtual(run())
    station.close()


# What is not taken


def refused(identity: HostIdentity, data: bytes) -> str:
    with pytest.raises(DocumentRefused) as caught:
        identity.deny_lists.take(data, identity.certificate.issuer_key_id)
    return str(caught.value)


def test_a_host_takes_no_list_that_is_not_newer_not_its_agencys_or_would_shut_out_everybody() -> None:
    identity, of = host(5), agency()
    for counter in (5, 4, 1):
        assert "is not newer" in refused(identity, deny_list_of(of, counter, "x"))
    assert "chain" in refused(identity, deny_list_of(agency("Elsewhere"), 9, "x"))
    assert "form" in refused(identity, b"\x80" * 100)
    everybody = Denied(by=DeniedBy.ISSUER, key=identity.certificate.issuer_key_id)
    document = DenyList(agency=of.name, counter=9, signed_utc_s=int(NOW_S), entries=(everybody,))
    signed = SignedDocument(document.encode()).signed_by(KeySigner((of.root.certificate,), of.root.key))
    assert "denies the CA" in refused(identity, signed.encode())
    assert identity.deny_lists.counter == 5


def test_a_device_with_a_list_that_is_no_good_gives_up_its_footage_all_the_same(
    camera: SimCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(camera, host(5))
    assert camera.trust is not None
    spoilt = bytearray(camera.trust.kept.deny_list)
    spoilt[-1] ^= 1
    object.__setattr__(camera.trust.kept, "deny_list", bytes(spoilt))
    identity = host()
    (notice,) = meet(camera, identity)
    assert "the device's deny list is not taken: signature" in notice
    assert identity.deny_lists.counter == 0


def test_a_device_that_does_not_take_a_list_is_remarked_upon_and_used(camera: SimCamera) -> None:
    (notice,) = meet(camera, host(5, "dock-7"))  # it denies its carrier
    assert "the deny list was not exchanged: trust.deny_list was refused" in notice
    assert known_to(camera) == 0


def requests_of(device: Any, identity: HostIdentity) -> int:
    """How many requests connecting took, by itself."""

    async def run() -> int:
        async with bwc_sdk.connect(
            MemoryTransport(device), role=Role.DOCK_OFFLOAD, identity=identity, world=world_at()
        ) as connected:
            assert len(connected.notices) == 1, "said at every connect, all the same"
            return connected.counters.messages.requests

    return run_virtual(run())


@pytest.mark.parametrize("brought", [True, False], ids=["by the device", "by the host"])
def test_a_list_that_the_other_end_does_not_take_is_not_carried_at_every_docking(
    camera: SimCamera, monkeypatch: pytest.MonkeyPatch, brought: bool
) -> None:
    """One of 256 KiB is 25 s of a slow line. After an hour, or as soon as either list is another, it is tried again."""
    identity = host(5, "dock-7") if brought else host()
    if not brought:
        meet(camera, host(5))
        assert camera.trust is not None
        spoilt = bytearray(camera.trust.kept.deny_list)
        spoilt[-1] ^= 1
        object.__setattr__(camera.trust.kept, "deny_list", bytes(spoilt))
    assert [requests_of(camera, identity) for _ in range(4)] == [1, 0, 0, 0]
    monkeypatch.setattr(vain_exchanges, "AGAIN_S", 0.0)
    assert requests_of(camera, identity) == 1, "and once more after an hour"
    monkeypatch.undo()
    if brought:
        identity.deny_lists.take(deny_list_of(agency(), 6, "dock-7"), b"")
        assert [requests_of(camera, identity) for _ in range(2)] == [1, 0]


def test_what_was_in_vain_is_remembered_within_bounds() -> None:
    vain = vain_exchanges.VainExchanges()
    attempts = [
        vain_exchanges.Attempt(number.to_bytes(32), False, 5, 0)
        for number in range(vain_exchanges.KNOWN_MAX + 1)
    ]
    for attempt in attempts:
        vain.remember(attempt, "no", 10.0)
    assert vain.why(attempts[0], 10.0) is None and vain.why(attempts[1], 10.0) == "no"
    assert vain.why(attempts[1], 10.0 + vain_exchanges.AGAIN_S) is None


# On the disk


def lists_at(path: Path, of: Agency | None = None) -> DenyLists:
    found = of or agency()
    return DenyLists(path, found.anchors, found.lab)


def test_a_file_that_was_rolled_back_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deny-list.cose"
    known = lists_at(path)
    known.take(deny_list_of(agency(), 7, "stolen dock"), b"")
    path.write_bytes(deny_list_of(agency(), 2, "x"))
    path.chmod(0o600)
    assert known.counter == 7 and known.data != path.read_bytes()


def test_a_list_that_was_put_there_is_taken_at_the_next_handshake(tmp_path: Path) -> None:
    path = tmp_path / "deny-list.cose"
    known = lists_at(path)
    assert known.counter == 0 and known.data == b""
    path.write_bytes(deny_list_of(agency(), 2, "stolen dock"))
    path.chmod(0o644)
    assert known.counter == 2 and known.data == path.read_bytes()


def test_a_list_that_cannot_be_kept_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    known = lists_at(tmp_path / "deny-list.cose")
    monkeypatch.setattr(durable_files.os, "fsync", full)
    known.take(deny_list_of(agency(), 7), b"")
    assert known.counter == 7
    assert list(tmp_path.iterdir()) == [], "and nothing of it is left lying about"


def test_a_damaged_file_is_told_and_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "deny-list.cose"
    path.write_bytes(deny_list_of(agency(), 2)[:-1])
    path.chmod(0o600)
    with pytest.raises(IdentityError, match="is no deny list of this agency") as told:
        lists_at(path).denies(host().certificate)
    assert "move it away" in told.value.advice

"""The watch of a dock that signs, delivers and has erased: cameras are taken out in the middle of it, come back to
another bay, and need the receipts of two destinations."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.documents.tombstone import read_tombstone
from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.destination.receipt_delivery import copy_receipts
from bwc_sdk.destination.receipt_signing import ReceiptMade, sign_receipts
from bwc_sdk.errors import DeviceLost
from bwc_sdk.evidence.findings import Verdict
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.evidence.verify import verify_stores
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import (
    CameraEvent,
    Connected,
    Erased,
    Finished,
    FollowUp,
    FollowUpFailed,
    Interrupted,
    NotErased,
    OffloadPolicy,
    ReceiptDelivered,
    ReceiptSigned,
    dock_watch,
    whole_way,
)
from bwc_sdk.offload.dock_watch import LOOK_S, RETRY_S
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.erasing import Erasing
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation
from tests.fleet.conftest import NOON_NS
from tests.scenario.whole_site import host as identity
from tests.sim.conftest import Desk
from tools.testkit import agencies

Take = Callable[[CameraEvent], bool]
"""Whether an event is the last one that is waited for."""


@pytest.fixture
def world() -> World:
    return World(utc_ns=lambda: NOON_NS, workers=InlineWorkers(), host_id=lambda: b"the dock")


@pytest.fixture
def station(new_station: Callable[..., SimStation]) -> SimStation:
    """Two bays, a camera with two recordings in the first."""
    return new_station(2, docked=1, recordings=2, agency=agencies.real(), chunk_bytes=65_536)


@pytest.fixture
def watched(
    station: SimStation, world: World, store: Path, play: Callable[[Any], Any]
) -> Iterator[Callable[..., list[CameraEvent]]]:
    """Watches the station, wholly: signs, delivers and erases, until an event is the last one."""
    dock = identity("dock-1", Role.DOCK_OFFLOAD)

    async def connect() -> DockingStation:
        return await bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.DOCK_OFFLOAD, identity=dock, world=world
        )

    def watch(last: Take, **options: Any) -> list[CameraEvent]:
        policy = OffloadPolicy(sign_by=identity("store-1", Role.DESTINATION), erase=True, **options)

        async def scenario() -> list[CameraEvent]:
            seen = []
            async with dock_watch(connect, store, world=world, policy=policy) as events:
                async for event in events:
                    seen.append(event)
                    if last(event):
                        return seen
            raise AssertionError

        return play(scenario())

    yield watch


def of(seen: list[CameraEvent], *kinds: type) -> list[tuple[int | None, str, int | None]]:
    """Bay, kind and recording of these events."""
    return [
        (one.bay, type(one.event).__name__, getattr(one.event, "recording", None))
        for one in seen
        if isinstance(one.event, kinds)
    ]


def finished(bay: int) -> Take:
    return lambda one: one.bay == bay and isinstance(one.event, Finished)


def check_store(store: Path, camera: SimCamera, recordings: int = 2) -> None:
    """Everything is erased; the store has it, verified by somebody who believes the agency, and its tombstones."""
    assert not len(camera.storage) and len(camera.storage.tombstones.all) == recordings
    assert len(list(store.glob("*.tombstone"))) == recordings
    agency = agencies.real()
    report = verify_stores([store], believed=Believed(roots=agency.anchors, lab=agency.id), workers=1)
    assert report.verdict is Verdict.VERIFIED, report.findings


def test_whoever_is_put_into_a_bay_goes_the_whole_way(
    station: SimStation, watched: Callable[..., list[CameraEvent]], store: Path
) -> None:
    camera = station.bays[1].camera
    assert camera is not None
    seen = watched(finished(1))
    assert [kind for _, kind, _ in of(seen, ReceiptSigned, ReceiptDelivered, Erased)] == [
        *["ReceiptSigned"] * 2,
        *["ReceiptDelivered"] * 2,
        *["Erased"] * 2,
    ]
    assert not of(seen, FollowUpFailed, NotErased)
    check_store(store, camera)


MOMENTS = ("before the receipt", "when the receipt is kept", "before the erasure", "when it is erased")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("which", [1, 2])
def test_a_camera_that_is_taken_out_on_the_way_goes_on_in_another_bay(
    station: SimStation,
    watched: Callable[..., list[CameraEvent]],
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    which: int,
) -> None:
    """Of the first or the second recording: the request does not arrive, or its answer does not."""
    camera = station.bays[1].camera
    assert camera is not None
    calls = 0

    def due() -> bool:
        nonlocal calls
        calls += 1
        return calls == which

    def out() -> None:
        if station.bays[1].camera is not None:
            station.undock(1)

    name = "_give" if "receipt" in moment else "_ask_to_erase"
    if "before" in moment:
        asks = getattr(whole_way, name)

        async def asked(*given: Any) -> Any:
            if due():
                out()
            return await asks(*given)

        monkeypatch.setattr(whole_way, name, asked)
    else:
        name = "take" if "receipt" in moment else "erase"
        does = getattr(Erasing, name)

        def done(erasing: Erasing, *given: Any) -> None:
            does(erasing, *given)
            if due():
                asyncio.get_running_loop().call_soon(out)  # before the answer gets through the station

        monkeypatch.setattr(Erasing, name, done)

    def last(one: CameraEvent) -> bool:
        if isinstance(one.event, Interrupted):
            assert one.event.identity == camera.serial
            asyncio.get_running_loop().call_later(5, station.dock, 2, camera)
        return finished(2)(one)

    seen = watched(last)
    assert len(of(seen, Interrupted)) == 1 and not any(finished(1)(one) for one in seen)
    check_store(store, camera)
    told = of(seen, Erased)
    assert len(told) == len(set(told)) == (2 if moment != "when it is erased" else 1)
    kept = len(camera.storage.tombstones.all)
    assert kept == 2, "that of which nobody heard the answer is one of them"


def test_receipts_of_two_destinations_free_a_recording_and_one_does_not(
    station: SimStation,
    watched: Callable[..., list[CameraEvent]],
    world: World,
    store: Path,
    tmp_path: Path,
) -> None:
    camera, ready, archive = station.bays[1].camera, tmp_path / "ready", tmp_path / "archive"
    assert camera is not None
    desk = Desk(camera)
    revision = camera.settings.revision
    setting = Setting(key="erase.receipts", type=SettingType.INT, number=2)
    desk.ask(StageConfig(revision=revision, settings=(setting,)))
    desk.ask(ApplyConfig(revision=revision))
    ready.mkdir()
    first = watched(finished(1), receipts_from=ready)
    assert not of(first, Erased) and len(camera.storage) == 2
    reasons = {one.event.reason for one in first if isinstance(one.event, NotErased)}
    assert reasons == {"1 of 2 destinations have it"}
    shutil.copytree(store, archive)
    made = list(sign_receipts(archive, identity("archive", Role.DESTINATION), world=world))
    copy_receipts([one.path for one in made if isinstance(one, ReceiptMade)], ready)
    station.dock(2, station.undock(1))
    second = watched(finished(2), receipts_from=ready)
    by = [one.event.destination for one in second if isinstance(one.event, ReceiptDelivered)]
    assert by == ["archive"] * 2, "what the camera keeps is not delivered again"
    assert len(of(second, Erased)) == 2
    check_store(store, camera)
    for path in store.glob("*.tombstone"):
        assert len(read_tombstone(path.read_bytes()).tombstone.receipts) == 2


def test_a_way_that_was_cut_short_is_gone_to_its_end_while_the_camera_stands_there(
    station: SimStation,
    watched: Callable[..., list[CameraEvent]],
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera, failures = station.bays[1].camera, 3
    assert camera is not None
    asks = whole_way._ask_to_erase

    async def asked(*given: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise DeviceLost("the contacts are dirty")
        return await asks(*given)

    monkeypatch.setattr(whole_way, "_ask_to_erase", asked)
    began: list[float] = []

    def last(one: CameraEvent) -> bool:
        if isinstance(one.event, Connected | Finished):
            began.append(asyncio.get_running_loop().time())
        return isinstance(one.event, Finished) and not len(camera.storage)

    seen = watched(last, attempts=2)
    _, ended_s, again_s, _ = began
    assert RETRY_S <= again_s - ended_s <= RETRY_S + LOOK_S + 1
    (failed,) = [one.event for one in seen if isinstance(one.event, FollowUpFailed)]
    assert failed.step is FollowUp.ERASING and failed.recording is None
    assert len(of(seen, Erased)) == len(of(seen, NotErased)) == 2
    check_store(store, camera)

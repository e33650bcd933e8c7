"""A dock that offloads delivers what lies ready for each camera, and never keeps footage waiting for it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.messages.config import ConfigView
from bwc_sdk.errors import CommandError, DeviceLost, DocumentError
from bwc_sdk.identity.desired import desired_path, sign_desired
from bwc_sdk.offload import (
    CameraEvent,
    DesiredStateDelivered,
    DesiredStateRefused,
    Finished,
    Found,
    OffloadJob,
    OffloadPolicy,
    RecordingFinished,
    RecordingStarted,
    StepDone,
    StepFailed,
    dock_watch,
    offload,
)
from bwc_sdk.offload.delivery import as_desired
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage
from tests.trust.test_documents_end_to_end import DOCK, KIM, NOON_S, at, world

Play = Callable[[Any], Any]
NewDevice = Callable[..., Any]


def lay_ready(directory: Path, camera: str, counter: int = 1, **settings: Any) -> None:
    document = sign_desired(
        KIM,
        camera=camera,
        counter=counter,
        utc_s=NOON_S,
        settings=settings or {"recording.pre_event_s": 7},
    )
    desired_path(directory, camera).write_bytes(document)


def folders(tmp_path: Path) -> tuple[Path, Path]:
    evidence, outbox = tmp_path / "evidence", tmp_path / "outbox"
    evidence.mkdir()
    outbox.mkdir()
    return evidence, outbox


def job_of(camera: SimCamera, evidence: Path, outbox: Path | None, **policy: Any) -> OffloadJob:
    async def connect() -> bwc_sdk.Camera:
        connected: bwc_sdk.Camera = await at(camera, DOCK)
        return connected

    return offload(connect, evidence, world=world(), policy=OffloadPolicy(deliver_from=outbox, **policy))


async def events_of(job: OffloadJob) -> list[Any]:
    return [event async for event in job]


def delivered(events: list[Any]) -> list[Any]:
    return [one for one in events if isinstance(one, DesiredStateDelivered | DesiredStateRefused)]


def test_a_camera_takes_it_after_its_footage_and_once(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial)
        lay_ready(outbox, "ANOTHER-1", **{"recording.pre_event_s": 9})
        events = await events_of(job_of(camera, evidence, outbox))
        assert delivered(events) == [DesiredStateDelivered(1)]
        kinds = [type(one) for one in events]
        assert kinds.index(RecordingFinished) < kinds.index(DesiredStateDelivered) < kinds.index(Finished)
        async with at(camera, DOCK) as connected:
            assert (await connected.config.values(ConfigView.PENDING))["recording.pre_event_s"] == 7
        assert not delivered(await events_of(job_of(camera, evidence, outbox))), "it has it"
        lay_ready(outbox, camera.serial, 2, **{"recording.pre_event_s": 8})
        assert delivered(await events_of(job_of(camera, evidence, outbox))) == [DesiredStateDelivered(2)]

    play(scenario())


def test_what_of_it_takes_effect_later_is_told_with_what_makes_it(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=0)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial, **{"mute.allowed": True, "trigger.peer": False})
        (told,) = delivered(await events_of(job_of(camera, evidence, outbox)))
        assert told == DesiredStateDelivered(1, told.later) and told.later == (
            "applied, and not in effect yet: undock or restart the camera (mute.allowed); "
            "restart the camera with 'bwc reboot' (trigger.peer)"
        )

    play(scenario())


@pytest.mark.parametrize(
    ("settings", "good"),
    [({"mute.allowed": True}, True), ({"mute.allowed": True, "trigger.peer": False}, False)],
)
def test_a_camera_that_has_to_be_restarted_first_is_not_as_desired(
    play: Play, new_device: NewDevice, tmp_path: Path, settings: dict[str, Any], good: bool
) -> None:
    """What waits for its undocking takes effect by being taken; what waits for a restart does not."""
    camera = new_device(recordings=0)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial, **settings)
        for _ in range(2):  # when it is delivered, and when it was
            events = await events_of(job_of(camera, evidence, outbox))
            told = [(one.step, one.good, one.detail) for one in events if isinstance(one, StepDone)]
            waits = "applied, and not in effect yet: restart the camera with 'bwc reboot' (trigger.peer)"
            assert told == ([] if good else [("desired", False, waits)])
            async with at(camera, DOCK) as connected:
                assert await as_desired(connected, outbox, world()) is good

    play(scenario())


def test_without_a_directory_or_a_file_in_it_nothing_is_asked_of_the_camera(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        for where in (None, outbox, tmp_path / "missing"):
            job = job_of(camera, evidence, where)
            assert not delivered(await events_of(job)) and job.result.complete

    play(scenario())


def test_what_a_camera_refuses_or_nobody_can_read_leaves_the_offload_complete(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial, **{"no.such.setting": 1})
        job = job_of(camera, evidence, outbox)
        (told,) = delivered(await events_of(job))
        assert isinstance(told.error, CommandError) and job.result.complete
        desired_path(outbox, camera.serial).write_bytes(b"not one")
        job = job_of(camera, evidence, outbox)
        (told,) = delivered(await events_of(job))
        assert isinstance(told.error, DocumentError) and job.result.complete

    play(scenario())


def test_one_of_before_a_reset_is_told_with_the_number_that_it_takes(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial)
        camera.trust.kept = dataclasses.replace(camera.trust.kept, generation=1, desired_counter=1)
        job = job_of(camera, evidence, outbox)
        (told,) = delivered(await events_of(job))
        assert isinstance(told.error, DocumentError) and job.result.complete
        assert told.error.check is DocumentCheck.GENERATION
        assert told.error.advice is not None and "bwc desired sign --generation 1" in told.error.advice

    play(scenario())


def test_a_camera_that_goes_meanwhile_is_lost_in_bounded_time(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)
    transports: list[MemoryTransport] = []

    async def connect() -> bwc_sdk.Camera:
        transports.append(MemoryTransport(camera))
        made: bwc_sdk.Camera = await bwc_sdk.connect(
            transports[-1], role=Role.DOCK_OFFLOAD, identity=DOCK, world=world()
        )
        return made

    async def scenario() -> None:
        lay_ready(outbox, camera.serial)
        job = offload(connect, evidence, world=world(), policy=OffloadPolicy(deliver_from=outbox))
        told: list[Any] = []
        async for event in job:
            told.append(event)
            if isinstance(event, RecordingFinished):
                transports[-1].unplug()
        found = delivered(told)
        assert not found or isinstance(found[0].error, DeviceLost)
        assert job.result.complete and len(transports) == 1, "it is not called back for this"

    play(scenario())


def test_a_camera_that_is_gone_for_good_is_not_waited_for_again(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    """What could not be fetched was tried for long enough: the next docking brings what lies ready."""
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial)
        asked: dict[Path | None, int] = {}
        for deliver_from in (None, outbox):
            transports: list[MemoryTransport] = []
            asked[deliver_from] = 0

            async def connect(
                where: Path | None = deliver_from, made: list[MemoryTransport] = transports
            ) -> bwc_sdk.Camera:
                asked[where] += 1
                if made:
                    raise DeviceLost("gone")
                made.append(MemoryTransport(camera))
                found: bwc_sdk.Camera = await bwc_sdk.connect(
                    made[0], role=Role.DOCK_OFFLOAD, identity=DOCK, world=world()
                )
                return found

            policy = OffloadPolicy(attempts=2, deliver_from=deliver_from)
            job = offload(connect, evidence, world=world(), policy=policy)
            async for event in job:
                if isinstance(event, RecordingStarted):
                    transports[0].unplug()
            assert not job.result.complete
        assert asked[None] == asked[outbox] > 1

    play(scenario())


def test_a_dock_delivers_to_each_camera_in_its_bays(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    station = new_device(bays=2, recordings=1, footage=Footage.SYNTHETIC)
    evidence, outbox = folders(tmp_path)
    serials = [camera.serial for camera in station.cameras()]

    async def connect() -> bwc_sdk.DockingStation:
        made: bwc_sdk.DockingStation = await at(station, DOCK)
        return made

    async def scenario() -> None:
        for serial in serials:
            lay_ready(outbox, serial)
        watch = dock_watch(connect, evidence, world=world(), policy=OffloadPolicy(deliver_from=outbox))
        seen: set[str] = set()
        async with watch, asyncio.timeout(3600):
            async for event in watch:
                if isinstance(event, CameraEvent) and isinstance(event.event, DesiredStateDelivered):
                    seen.add(event.slot)
                if len(seen) == len(serials):
                    break
        assert len(serials) == 2

    play(scenario())


class _Own:
    name = "own"

    async def do(self, camera: bwc_sdk.Camera) -> Found:
        return Found(camera.identity)


def steps_of(events: list[Any]) -> list[StepDone | StepFailed]:
    return [one for one in events if isinstance(one, StepDone | StepFailed)]


@pytest.mark.parametrize("why", ["file", "generation", "camera"])
def test_what_fails_in_the_delivery_is_told_as_its_own_and_the_steps_go_on(
    play: Play, new_device: NewDevice, tmp_path: Path, why: str
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)
    path = desired_path(outbox, camera.serial)
    match why:
        case "file":
            path.write_bytes(b"garbage")
        case "generation":
            document = sign_desired(
                KIM, camera=camera.serial, counter=1, generation=1, utc_s=NOON_S, settings={}
            )
            path.write_bytes(document)
        case _:
            lay_ready(outbox, camera.serial, **{"no.such.setting": 1})

    async def scenario() -> None:
        job = job_of(camera, evidence, outbox, after=(_Own(),))
        events = await events_of(job)
        assert [type(one) for one in delivered(events)] == [DesiredStateRefused]
        assert steps_of(events) == [StepDone("own", True, camera.serial)]
        assert job.result.complete and not job.result.reconnections

    play(scenario())


def test_a_camera_that_is_otherwise_than_what_it_took_is_told(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)

    async def scenario() -> None:
        lay_ready(outbox, camera.serial, **{"recording.pre_event_s": 90})
        assert not steps_of(await events_of(job_of(camera, evidence, outbox)))
        assert not steps_of(await events_of(job_of(camera, evidence, outbox))), "it is so"
        async with at(camera, KIM) as technician:
            await technician.config.apply({"recording.pre_event_s": 0})
        (told,) = steps_of(await events_of(job_of(camera, evidence, outbox)))
        assert isinstance(told, StepDone) and (told.step, told.good) == ("desired", False)
        assert "desired state 1" in told.detail and "recording.pre_event_s is 0, not 90" in told.detail
        assert "bwc desired sign" in told.detail
        lay_ready(outbox, camera.serial, 2, **{"recording.pre_event_s": 90})
        events = await events_of(job_of(camera, evidence, outbox))
        assert delivered(events) == [DesiredStateDelivered(2)] and not steps_of(events)
        assert not steps_of(await events_of(job_of(camera, evidence, outbox)))

    play(scenario())


def test_an_assignment_that_was_cleared_afterwards_is_told(
    play: Play, new_device: NewDevice, tmp_path: Path
) -> None:
    camera = new_device(recordings=1)
    evidence, outbox = folders(tmp_path)
    document = sign_desired(
        KIM, camera=camera.serial, counter=1, utc_s=NOON_S, settings={}, assignment=("A-17", "K9")
    )
    desired_path(outbox, camera.serial).write_bytes(document)

    async def scenario() -> None:
        for _ in range(2):
            assert not steps_of(await events_of(job_of(camera, evidence, outbox)))
        async with at(camera, KIM) as technician:
            there = await technician.assignment.read()
            await technician.assignment.clear(revision=there.revision)
        (told,) = steps_of(await events_of(job_of(camera, evidence, outbox)))
        assert isinstance(told, StepDone) and not told.good and "assigned to nobody" in told.detail

    play(scenario())

"""Recordings in different stages at the same time, whatever comes between: each seed is another order of things."""

import asyncio
import errno
import os
import random
from typing import Any

import pytest

from bwc_sdk.destination.free_room import Room
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import (
    OffloadJob,
    OffloadPolicy,
    Progress,
    RecordingFinished,
    RecordingStarted,
    Resumed,
    SegmentStored,
)
from firmware_sim.virtual_time import run_virtual
from tests.tiers import seeds

pytestmark = pytest.mark.usefixtures("small_slabs")


class UnevenWorkers(InlineWorkers):
    """What is done in threads takes its time before and after, never the same."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    async def wait(self, work: Any, *args: Any) -> Any:
        await asyncio.sleep(self._rng.random() * 3)
        done = work(*args)
        await asyncio.sleep(self._rng.random())
        return done

    async def run(self, work: Any, *args: Any) -> Any:
        await asyncio.sleep(self._rng.random() * 0.1)
        return work(*args)


@pytest.mark.parametrize("seed", seeds(16))
@pytest.mark.parametrize("trouble", ["errors", "no room", "stopped", "power"])
def test_nothing_false_is_stored_or_said_and_the_next_run_ends_it(lab, trouble: str, seed: int) -> None:
    rng = random.Random(f"{trouble}/{seed}")
    sizes = (1, lab.chunk - 1, 3 * lab.chunk, 7 * lab.chunk + 5)
    recordings = [
        lab.recording(number, tuple(rng.choice(sizes) for _ in range(rng.choice((1, 1, 3)))), seed=seed)
        for number in range(1, rng.randint(3, 14))
    ]
    device, disk = lab.device(recordings, piece=rng.choice((500, 4096, 20_000))), lab.disk()
    files = lab.files(disk, links=rng.random() < 0.7)
    power_cut_at, often = rng.randint(1, 600), rng.choice((0.002, 0.01, 0.05))

    def before(step: int, operation: str) -> None:
        if trouble == "power" and step >= power_cut_at:
            raise lab.power_cut
        number = {"errors": errno.EIO, "no room": errno.ENOSPC}.get(trouble)
        if number is not None and operation != "close" and rng.random() < often:
            raise OSError(number, os.strerror(number))

    files.before = before
    events: list[Any] = []

    async def main() -> None:
        world = World(files=files, workers=UnevenWorkers(rng), entropy=rng.randbytes)
        policy = OffloadPolicy(reserve_bytes=0)
        job = OffloadJob(device.connect, "/store", recordings=None, world=world, policy=policy, room=Room())

        async def listen() -> None:
            async for event in job:
                events.append(event)

        listening = asyncio.create_task(listen())
        if trouble == "stopped":
            await asyncio.sleep(rng.random() * 60)
            listening.cancel()
        await asyncio.wait([listening])
        if not listening.cancelled():
            listening.exception()  # of the destination's proof, or the power

    try:
        run_virtual(main())
    except lab.power_cut:
        pass
    in_order(events)
    if trouble == "power":
        disk.power_cut(rng)
    else:
        assert not files.open_handles
        assert not any(inode.locked_by for names in disk.live.values() for inode in names.values())
    said = {event.path.name for event in events if isinstance(event, SegmentStored)}
    assert said <= sound(disk.final(), recordings, orphans=trouble == "power")
    result, _ = lab.run(device, lab.files(disk))
    assert result.complete
    assert len(sound(disk.final(), recordings)) == sum(len(one.footage) for one in recordings)


def in_order(events: list[Any]) -> None:
    """Whatever is told of a recording is told between its start and its end."""
    under_way: set[int] = set()
    for event in events:
        match event:
            case RecordingStarted():
                under_way.add(event.entry.sequence)
            case RecordingFinished():
                under_way.remove(event.outcome.entry.sequence)
            case Progress() | Resumed() | SegmentStored():
                assert event.recording in under_way, event


def sound(final: dict[str, bytes], recordings: list[Any], *, orphans: bool = False) -> set[str]:
    """The footage that stands there, each with what it was checked against; only a power cut may leave `orphans`."""
    there = set()
    for one in recordings:
        stem, sha256 = f"CAM-0001_{one.manifest.recording_id.hex()}", one.manifest.sha256.hex()[:16]
        manifest = final.get(f"{stem}_{sha256}.manifest")
        for number, footage in enumerate(one.footage):
            name = f"{stem}_{number:03d}_{sha256}"
            if f"{name}.mp4" in final:
                assert final[f"{name}.mp4"] == footage
                beside = (manifest, final.get(f"{name}.table"))
                assert orphans or beside == (one.manifest.encode(), one.tables[number])
                if beside == (one.manifest.encode(), one.tables[number]):
                    there.add(f"{name}.mp4")
    return there

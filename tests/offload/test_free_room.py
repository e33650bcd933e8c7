"""The room of a disk among many cameras: what one of them states, or holds, does not leave the others without."""

import asyncio
import errno
import random
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.destination.free_room import MAKES_WAY_S, Room
from bwc_sdk.errors import DestinationFull
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import (
    CameraEvent,
    Finished,
    OffloadPolicy,
    RecordingFinished,
    StillOnCamera,
    StoredVerified,
    offload_many,
)
from firmware_sim.virtual_time import run_virtual

STORE = Path("/store")
ROOM = 400_000


def fleet(lab, disk, devices: dict[str, Any], **policy: Any) -> tuple[Any, list[CameraEvent], float]:
    files = lab.files(disk)
    model = type(files)

    class Counting(model):
        """A disk on which what is written and reserved takes room, and no more than there is."""

        def free_bytes(self, directory: int) -> int:
            inodes = {id(one): one for names in self.disk.live.values() for one in names.values()}.values()
            return int(self.disk.capacity) - sum(max(len(one.live), one.reserved) for one in inodes)

        def write(self, file: int, data: memoryview, offset: int) -> int:
            if offset + len(data) > len(self._handles[file].live) + max(0, self.free_bytes(0)):
                raise OSError(errno.ENOSPC, "full")
            return int(super().write(file, data, offset))

    world = World(
        utc_ns=lambda: 1_700_000_000_000_000_000,
        entropy=random.Random(1).randbytes,
        files=Counting(disk),
        workers=InlineWorkers(),
    )
    patience = OffloadPolicy(**{"reserve_bytes": 0, "attempts": 1, **policy})

    async def main() -> Any:
        cameras = {slot: device.connect for slot, device in devices.items()}
        job = offload_many(cameras, STORE, world=world, policy=patience)
        events = [event async for event in job]
        return job.result, events, asyncio.get_running_loop().time()

    return run_virtual(main())


@pytest.fixture
def disk(lab):
    """A disk that counts what is written to it and reserved on it."""
    made = lab.disk()
    made.capacity = ROOM
    return made


def many(lab, *sizes: int, serial: str, **options: Any) -> Any:
    recordings = [
        lab.recording(number, (size,), serial=serial, seed=int(serial[-1]))
        for number, size in enumerate(sizes, 1)
    ]
    return lab.device(recordings, identity=serial, **options)


def kinds(result: Any, slot: str) -> list[type]:
    return [type(outcome) for outcome in result.cameras[slot].outcomes]


def test_a_camera_that_states_the_whole_room_leaves_the_others_theirs(lab, disk) -> None:
    liar = many(lab, ROOM, serial="CAM-0001", drips={1: (0, 1.0)})
    others = {name: many(lab, 20_000, 20_000, serial=f"CAM-000{name}") for name in "23"}
    result, events, _ = fleet(lab, disk, {"liar": liar, **others})
    assert all(kinds(result, slot) == [StoredVerified] * 2 for slot in others)
    assert kinds(result, "liar") == [StillOnCamera]
    ended = [event.slot for event in events if isinstance(event.event, Finished)]
    assert ended[-1] == "liar"


def test_what_would_fill_the_disk_waits_for_what_fits_beside_each_other(lab, disk) -> None:
    # 300 + 4 x 40 do not fit into 400: the many that do are stored, and the large one says what it lacks.
    large = many(lab, 300_000, 10_000, serial="CAM-0001")
    small = many(lab, *[40_000] * 4, serial="CAM-0002", drips={1: (1_000, 1.0)})
    result, events, _ = fleet(lab, disk, {"large": large, "small": small})
    assert kinds(result, "small") == [StoredVerified] * 4
    assert kinds(result, "large") == [StillOnCamera, StoredVerified]
    error = result.cameras["large"].outcomes[0].error
    assert isinstance(error, DestinationFull)
    told = [event for event in events if isinstance(event.event, RecordingFinished)]
    assert (told[0].slot, told[-1].slot) == ("large", "large"), "its small one is not kept waiting"


def test_large_ones_go_one_after_the_other(lab, disk) -> None:
    result, _, _ = fleet(
        lab,
        disk,
        {name: many(lab, 250_000, serial=f"CAM-000{name}") for name in "12"},
    )
    found = sorted(kinds(result, slot)[0].__name__ for slot in "12")
    assert found == ["StillOnCamera", "StoredVerified"], (
        "one is whole, instead of two halves that fill the disk"
    )


def test_a_large_one_does_not_wait_for_ever(lab, disk) -> None:
    large = many(lab, 300_000, serial="CAM-0001")
    slow = many(lab, 30_000, serial="CAM-0002", drips={1: (100, 5.0)})
    result, events, _ = fleet(lab, disk, {"large": large, "slow": slow}, least_bytes=100)
    assert result.complete
    assert [event.slot for event in events if isinstance(event.event, Finished)] == ["large", "slow"]


def test_the_room_is_given_on_when_whoever_has_it_is_done_or_stopped() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        room = Room()
        one, two, three = object(), object(), object()
        for camera in (one, two, three):
            room.begin(camera)
        first, second = (asyncio.create_task(room.makes_way(camera)) for camera in (one, two))
        await asyncio.sleep(10)
        assert not first.done() and not second.done(), "the third still has what fits beside others"
        room.end(three)
        await asyncio.sleep(1)
        assert first.done() and not second.done()
        room.end(one)
        await asyncio.sleep(1)
        assert second.done() and loop.time() < MAKES_WAY_S

    run_virtual(main())

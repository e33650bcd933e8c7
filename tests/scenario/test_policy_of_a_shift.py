"""From a policy to a camera and back: what follows is set, a shift is worked, and its store is held to the policy."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.evidence import ActivationEvent, StopReason, TriggerReason
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadResult, offload
from bwc_sdk.policy.check import Checked
from bwc_sdk.policy.compiling import compile_policy
from bwc_sdk.policy.inheritance import Effective, effective
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.whole_check import check_all
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.wearer import Wearer
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual
from tests.policy.packs import DAY, pack, rule

NOON_NS = 1_800_014_400 * 1_000_000_000
HOUR_S = 3600
BUFFER_S = 3

NORTH = pack(
    "north",
    rule("record.pre_event_s", "at_least", value=BUFFER_S),
    rule("record.event_required", "required"),
    rule("record.stop_requires_reason", "required"),
    rule("record.may_stop_for", "only_from", values=["privacy"]),
    rule("record.mute", "only_from", values=["privileged"]),
    rule("upload.deadline", "at_most", value=12),
    rule("category.required", "required"),
    settings={"mute.allowed": True, "recording.bitrate_kbps": 500, "recording.segment_s": 30},
)
"""It says nothing of what may start a recording: a start by another camera is noted beside the First Amendment rule
alone, which it has not."""
POLICY: Effective = effective(NORTH, DAY, Library([NORTH]))

Act = Callable[[Wearer], Any]


def _press(wearer: Wearer) -> None:
    assert wearer.start(event=ActivationEvent.TRAFFIC_STOP)


def _over(wearer: Wearer) -> None:
    wearer.stop(StopReason.EVENT_OVER)


def _privacy(wearer: Wearer) -> None:
    wearer.stop(StopReason.PRIVACY)


def _mute(reason: StopReason) -> Act:
    def act(wearer: Wearer) -> None:
        assert wearer.mute(True, reason)

    return act


def _unmute(wearer: Wearer) -> None:
    assert wearer.mute(False)


SHIFT: list[tuple[str, Act, list[Act], Act, str]] = [
    ("as it should be", _press, [], _over, "traffic"),
    ("nobody said what for", lambda w: w.start(), [], _over, "traffic"),
    ("a forgotten reason", _press, [], lambda w: w.stop(), "traffic"),
    ("an early stop", _press, [], lambda w: w.stop(StopReason.TACTICS), "traffic"),
    ("a stop that is permitted", _press, [], _privacy, "incident"),
    ("sound off for a lawyer", _press, [_mute(StopReason.PRIVILEGED), _unmute], _over, "traffic"),
    ("sound off for tactics", _press, [_mute(StopReason.TACTICS), _unmute], _over, "traffic"),
    ("never categorised", _press, [], _over, ""),
    ("drawn", lambda w: w.start(TriggerReason.HOLSTER), [], _over, "incident"),
]
EXPECTED = {(2, "no-event"), (3, "no-stop-reason"), (4, "early-stop"), (7, "mute-reason"), (8, "no-category")}


async def _work(camera: SimCamera) -> None:
    camera.undock()
    for _, begin, during, end, _ in SHIFT:
        await asyncio.sleep(10 * 60)
        begin(camera.wearer)
        for act in during:
            await asyncio.sleep(2)
            act(camera.wearer)
        await asyncio.sleep(40 if end is _privacy else 3)
        end(camera.wearer)
    camera.dock()


def _shift(store: Path, seed: int, *, docked_after_h: int) -> tuple[Checked, Checked]:
    """A shift with a camera that is set as its policy asks: what is found on the camera before and after, and in the
    store."""
    camera = make_camera(seed=seed, mib=1, utc_ns=NOON_NS, recordings=0)
    world = World(utc_ns=camera.true_utc_ns, entropy=random.Random(seed).randbytes, workers=InlineWorkers())

    async def connected() -> Camera:
        return await connect(
            MemoryTransport(camera), role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
        )

    async def whole() -> dict[str, Any]:
        async with bwc_sdk.connect(MemoryTransport(camera), world=world, allow_insecure=True) as client:
            await client.config.apply(compile_policy(POLICY).profile)
        await _work(camera)
        await asyncio.sleep(docked_after_h * HOUR_S)
        async with bwc_sdk.connect(MemoryTransport(camera), world=world, allow_insecure=True) as client:
            values = dict(await client.config.values())
            listed = await client.recordings.list()
            for entry, (*_, category) in zip(listed, SHIFT, strict=True):
                if category:
                    await client.recordings.categorise(
                        recording=entry.recording, manifest_sha256=entry.manifest_sha256, category=category
                    )
        job = offload(connected, store, world=world, allow_insecure=True)
        async for _ in job:
            pass
        assert isinstance(job.result, OffloadResult) and job.result.complete
        return values

    values = run_virtual(whole(), limit_s=10 * 86_400)
    camera.close()
    return check_all(POLICY, [], {"CAM": values}), check_all(POLICY, [store])


def _told(found: Checked) -> set[tuple[int, str]]:
    return {(one.sequence, str(one.kind)) for one in found.found if one.counts}


def test_what_was_planted_in_a_shift_is_found_and_nothing_else(tmp_path: Path) -> None:
    camera, store = _shift(tmp_path, 11, docked_after_h=0)
    assert camera.keeps, camera.found
    assert store.recordings == len(SHIFT)
    assert _told(store) == EXPECTED, store.found
    _what_is_half_there_is_not_stored(tmp_path)


def _what_is_half_there_is_not_stored(store: Path) -> None:
    """One of two segments has no record of how it came: nobody knows that it did, and so it is late one day."""
    (second,) = store.glob("*_001_*.custody.json")
    second.unlink()
    year_ns = 365 * 86_400 * 1_000_000_000
    later = check_all(POLICY, [store], now_ns=NOON_NS + year_ns)
    assert _told(later) == EXPECTED | {(5, "late-offload")}, later.found


def test_a_camera_that_was_docked_late_is_found_for_each_of_its_recordings(tmp_path: Path) -> None:
    _, store = _shift(tmp_path, 12, docked_after_h=13)
    late = {(number, "late-offload") for number in range(1, len(SHIFT) + 1)}
    assert _told(store) == EXPECTED | late and store.late == len(SHIFT)

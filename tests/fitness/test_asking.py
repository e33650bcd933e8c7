"""A simulated camera is asked what it is fit for; it is changed by nothing, and one that goes away is told as lost."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.errors import BwcError, CommandError, DeviceLost, HostFileError
from bwc_sdk.fitness import Check, Facts, Limits, Officer, Standing, ask, judge
from bwc_sdk.fitness.many import Checked, check, check_many
from bwc_sdk.fitness.record import append, carried_by, record_of
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 10**9
EASY = Limits(hours=1.0, assigned=False)


def camera_of(seed: int = 4, recordings: int = 1) -> SimCamera:
    return make_camera(seed=seed, recordings=recordings, mib=1, footage=Footage.SYNTHETIC, utc_ns=NOON_NS)


def connecting(camera: SimCamera) -> Any:
    world = World(
        utc_ns=camera.true_utc_ns,
        entropy=random.Random(5).randbytes,
        workers=InlineWorkers(),
        host_time=lambda: HostTime(True, 1_000_000, "chrony"),
    )
    return connect(MemoryTransport(camera), role=Role.TECHNICIAN, world=world, allow_insecure=True)


def with_camera(work: Callable[[Camera, SimCamera], Awaitable[Any]], camera: SimCamera | None = None) -> Any:
    sim = camera or camera_of()

    async def main() -> Any:
        async with connecting(sim) as client:
            return await work(client, sim)

    try:
        return run_virtual(main(), limit_s=3_600)
    finally:
        sim.close()


def test_a_camera_is_asked_all_that_it_is_judged_by_and_changed_by_nothing() -> None:
    async def work(client: Camera, sim: SimCamera) -> Facts:
        async def state() -> tuple[object, ...]:
            return sim.clock.revision, sim.assignment, await client.config.values(), sim.recording_count

        before = await state()
        begun_s = asyncio.get_running_loop().time()
        facts = await ask(client)
        assert asyncio.get_running_loop().time() - begun_s < 2
        assert before == await state()
        return facts

    facts = with_camera(work)
    assert not any(isinstance(getattr(facts, name), BwcError) for name in Facts.__dataclass_fields__)
    verdict = judge(facts, EASY)
    assert verdict.fit, verdict.reasons
    assert judge(facts, Limits()).reasons[-1].check is Check.ASSIGNMENT


def test_an_assigned_camera_of_somebody_in_the_roster_is_fit() -> None:
    async def work(client: Camera, sim: SimCamera) -> Checked:
        present = await client.assignment.read()
        await client.assignment.assign(officer="K1", revision=present.revision)
        limits = Limits(
            hours=1.0, profile=await client.config.values(), officers={"K1": Officer(training_until=None)}
        )
        return await check(client, limits)

    checked = with_camera(work)
    assert checked.verdict.fit, checked.verdict.reasons
    assert carried_by(checked.facts) == "K1"


def test_a_self_test_can_be_left_out() -> None:
    async def work(client: Camera, sim: SimCamera) -> Facts:
        return await ask(client, self_test=False)

    facts = with_camera(work)
    assert facts.self_test is None
    assert {one.check: one.standing for one in judge(facts, EASY).findings}[Check.SELF_TEST] is (
        Standing.NOT_ASKED
    )


def test_a_camera_that_goes_away_meanwhile_is_lost_and_not_unfit() -> None:
    async def work(client: Camera, sim: SimCamera) -> None:
        asking = asyncio.create_task(ask(client))
        await asyncio.sleep(0)
        sim.crash()
        with pytest.raises(BwcError) as raised:
            await asking
        assert not isinstance(raised.value, CommandError)

    with_camera(work)


def test_many_are_asked_at_once_and_one_that_is_not_there_keeps_no_other() -> None:
    cameras = [camera_of(seed, 0) for seed in (4, 5)]

    def nobody() -> Any:
        raise DeviceLost("nobody is there")

    async def main() -> None:
        found = await check_many(
            {str(n): lambda one=one: connecting(one) for n, one in enumerate(cameras)}, EASY
        )
        first, second = found.values()
        assert isinstance(first, Checked) and isinstance(second, Checked)
        assert first.facts.identity != second.facts.identity
        found = await check_many({"0": lambda: connecting(cameras[0]), "1": nobody}, EASY)
        assert isinstance(found["0"], Checked) and isinstance(found["1"], DeviceLost)

    try:
        run_virtual(main(), limit_s=3_600)
    finally:
        for camera in cameras:
            camera.close()


@pytest.mark.parametrize("hidden", [False, True])
def test_a_record_names_whoever_carries_it_as_his_recordings_do(tmp_path: Path, hidden: bool) -> None:
    async def work(client: Camera, sim: SimCamera) -> tuple[Checked, str]:
        await client.config.apply({"holder.pseudonym": hidden})
        present = await client.assignment.read()
        state = await client.assignment.assign(officer="K1", revision=present.revision)
        return await check(client, EASY), state.pseudonym

    checked, pseudonym = with_camera(work)
    kept = record_of(checked.facts, checked.verdict, checked_by=checked.checked_by, slot="bay 3")
    assert kept["carried_by"] == (pseudonym if hidden else "K1")
    path = append(tmp_path, [kept, kept])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [kept, kept]
    assert ("K1" in path.read_text()) is not hidden
    assert path.stat().st_mode & 0o077 == 0


def test_a_record_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "checks.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostFileError):
        append(tmp_path, [{}])
    assert not (tmp_path / "elsewhere").exists()


def test_a_line_that_was_cut_off_stays_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = append(tmp_path, [{"fit": True}])
    with path.open("ab") as file:
        file.write(b'{"fit": tr')
    append(tmp_path, [{"fit": False}])
    assert path.read_text().splitlines() == ['{"fit": true}', '{"fit": tr', '{"fit": false}']


def test_a_record_for_which_there_is_no_room_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:5]))
    with pytest.raises(HostFileError, match="no room"):
        append(tmp_path, [{"fit": True}])
    monkeypatch.undo()
    append(tmp_path, [{"fit": False}])
    assert (tmp_path / "checks.jsonl").read_text().splitlines()[-1] == '{"fit": false}'

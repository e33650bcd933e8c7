"""What happens to one camera in a station is that camera's affair alone (spec: Station)."""

import asyncio
import random
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.station import BayState, LedMeaning
from bwc_sdk.errors import BwcError, DeviceBusy, DeviceLost, PortNotFound, WrongDevice
from bwc_sdk.offload import OffloadPolicy, offload
from firmware_sim.control.dock_script import DockScript
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.personalities import refusing
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.bay import SimBay


def count(plan: str) -> FaultCount:
    return FaultCount(FaultPlan.parse(plan))


def stored(store: Path, name: str) -> list[Path]:
    """What a store has of the camera of that name."""
    return [path for path in store.rglob("*") if name in path.name]


def test_cameras_of_all_bays_are_used_at_once_over_one_link(
    station, host, play, world, tmp_path: Path
) -> None:
    async def copied(client, bay: int) -> bool:
        store = tmp_path / str(bay)
        store.mkdir()
        job = offload(lambda: client.camera(bay), store, world=world)
        return (await job.run()).complete

    async def scenario() -> None:
        async with host(station, Role.DOCK_OFFLOAD) as client:
            done = await asyncio.gather(*(copied(client, bay) for bay in range(1, 5)))
            assert done == [True] * 4
            names = [camera.serial for camera in station.cameras()]
            assert len(set(names)) == 4
            for bay, name in enumerate(names, 1):
                assert stored(tmp_path / str(bay), name)
            assert not any(station.relay.spliced(bay) for bay in range(1, 5)), "all were closed in order"

    play(scenario())


def test_the_light_says_that_a_camera_is_in_use(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            async with client.camera(2):
                assert (await client.bays.bay(bay=2)).led is LedMeaning.TRANSFERRING
                assert (await client.bays.bay(bay=3)).led is LedMeaning.CHARGING
            assert (await client.bays.bay(bay=2)).led is LedMeaning.CHARGING

    play(scenario())


def test_sta_007_one_stalled_camera_of_sixty_four_slows_nobody(new_station, host, play) -> None:
    station = new_station(64, docked=63)

    async def asked(client, bay: int) -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with client.camera(bay) as camera:
            for _ in range(3):
                await camera.battery.status()
                await camera.recordings.list()
            await camera.device.status()
        return loop.time() - begun

    async def scenario() -> None:
        async with host(station) as client:
            stalled = station.undock(7)
            station.dock(7, stalled, count("stall@1200"))
            await asyncio.sleep(1)
            victim = asyncio.create_task(asked(client, 7))
            took = await asyncio.gather(*(asked(client, bay) for bay in range(1, 64) if bay != 7))
            assert max(took) < 1.0, "the others did not wait"
            with pytest.raises(BwcError):
                await victim
            assert (await client.bays.bay(bay=7)).state is BayState.FAULT
            assert len(await client.bays.list()) == 64

    play(scenario())


def test_sta_007_a_host_that_does_not_read_one_bay_reads_the_others(station, host, play) -> None:
    """Credit that a host grants and never takes up is its own affair: the buffers of that bay fill, no others."""

    async def scenario() -> None:
        async with host(station) as client:
            slow, fast = await client.camera(1), await client.camera(2)
            listing = await slow.recordings.list()
            sink = _Ignored()
            # The slow one's bytes are kept from being consumed: its window at the host closes.
            consumed = client.connection.driver.endpoint.link.consumed
            client.connection.driver.endpoint.link.consumed = (  # the seam between link and program
                lambda channel, frames=1: None if channel == 1 else consumed(channel, frames)
            )
            stream = await slow.recordings.open(listing[0], 0, sink)
            stream.grant(stream.length)
            (entry,) = await fast.recordings.list()
            manifest = await fast.recordings.read_manifest(entry)
            assert await fast.recordings.read_table(entry, manifest, 0)
            await client.bays.status()
            await asyncio.sleep(20)
            assert client.connection.error is None and sink.taken < stream.length

    play(scenario())


@pytest.mark.rule("STA-013")
@pytest.mark.parametrize("rate", [2_000_000.0, 500_000.0, 200_000.0])
def test_a_camera_answers_soon_while_sixteen_fill_a_slow_uplink(new_station, host, play, rate: float) -> None:
    """Sixteen full windows of footage at each hop would be eight seconds, and more, ahead of each answer."""
    station = new_station(16, recordings=1, mib=4)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with host(station, rate=rate) as client:
            cameras = [await client.camera(bay) for bay in range(1, 17)]
            sinks = [_Ignored() for _ in cameras]
            for camera, sink in zip(cameras, sinks, strict=True):
                (entry,) = await camera.recordings.list()
                stream = await camera.recordings.open(entry, 0, sink)
                stream.grant(stream.length)
            await asyncio.sleep(12)  # until each camera knows its share
            taken, begun = sum(sink.taken for sink in sinks), loop.time()
            for camera in (cameras[0], cameras[7], cameras[15]):
                asked = loop.time()
                await camera.device.status()
                assert loop.time() - asked < 3.0, "what waits ahead follows the pace of the uplink"
                await asyncio.sleep(1)
            moved = sum(sink.taken for sink in sinks) - taken
            assert moved > 0.9 * rate * (loop.time() - begun), "and the uplink stays full"
        await asyncio.sleep(5)  # the station hears that the host has gone

    play(scenario())


class _Ignored:
    taken = 0

    def data(self, offset: int, data: bytes | memoryview) -> None:
        self.taken += len(data)

    def ended(self, error: BwcError | None) -> None: ...


SESSION_BYTES = 3_000
"""More than a connection with one request takes, both ways together."""


@pytest.mark.parametrize("start", range(5))
def test_undocking_at_any_byte_is_one_cameras_disconnect(
    station, host, play, monkeypatch, start: int
) -> None:
    """The contacts of bay 1 open after every number of bytes; bay 2 and the station go on as if nothing were."""
    monkeypatch.setattr(SimBay, "unplugged", lambda bay: bay.station.undock(bay.number))

    async def attempt(client, at: int) -> str:
        camera = station.undock(1) if station.bays[1].camera else attempt.camera
        attempt.camera = camera
        station.dock(1, camera, count(f"cut@{at}"))
        await asyncio.sleep(0.05)
        try:
            async with client.camera(1) as one:
                await one.battery.status()
                return one.identity
        except (DeviceLost, PortNotFound):
            return ""

    async def scenario() -> None:
        async with host(station) as client, client.camera(2) as other:
            ended = set()
            for at in range(1 + 13 * start, SESSION_BYTES, 65):
                name = await attempt(client, at)
                ended.add(bool(name))
                assert name in ("", "SIM-00000065")
                await other.battery.status()
                assert not station.relay.spliced(1)
            assert ended == {True, False}, "cuts before the end, and after it"
            assert (await client.bays.bay(bay=2)).docking == 1

    play(scenario())


def test_a_camera_that_resets_itself_comes_back_in_its_bay(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            one, other = await client.camera(1), await client.camera(2)
            station.bays[1].camera.crash()
            await asyncio.sleep(0.1)
            with pytest.raises(DeviceLost):
                await one.device.status()
            await other.device.status()
            await asyncio.sleep(6)
            async with client.camera(1) as again:
                assert again.peer.boot_counter == one.peer.boot_counter + 1
            assert (await client.bays.bay(bay=1)).docking == 1, "it was not taken out"

    play(scenario())


def test_cameras_that_refuse_or_speak_noise_disturb_nobody(station, host, play) -> None:
    async def scenario() -> None:
        refusing(station.bays[1].camera)
        noisy = station.undock(3)
        station.dock(3, noisy, count("flip=0.01"))
        async with host(station) as client, client.camera(2) as other:
            with pytest.raises(BwcError):
                await client.camera(1)
            with pytest.raises(BwcError):
                await client.camera(3)
            for _ in range(20):
                await other.battery.status()
            assert client.connection.driver.live

    play(scenario())


def test_a_host_that_vanishes_leaves_nothing_to_the_next(station, world, host, play, tmp_path: Path) -> None:
    async def scenario() -> None:
        first = MemoryTransport(station, rate=200_000.0)
        client = await bwc_sdk.connect_station(
            first, role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
        )
        camera = await client.camera(1)
        (entry,) = await camera.recordings.list()
        sink = _Ignored()
        stream = await camera.recordings.open(entry, 0, sink)
        stream.grant(stream.length)
        await asyncio.sleep(1)
        assert 0 < sink.taken < stream.length
        first.unplug()
        async with host(station, Role.DOCK_OFFLOAD) as second:
            job = offload(lambda: second.camera(1), tmp_path, world=world)
            assert (await job.run()).complete
            async with second.camera(1) as again:
                assert (await again.device.status()).streams == 0

    play(scenario())


def test_an_offload_resumes_in_whatever_bay_its_camera_comes_back_to(
    station, host, play, world, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with host(station, Role.DOCK_OFFLOAD, rate=400_000.0) as client:
            where = [1]
            job = offload(
                lambda: client.camera(where[0]),
                tmp_path,
                world=world,
                policy=OffloadPolicy(),
            )
            run = asyncio.create_task(job.run())
            await asyncio.sleep(1.5)
            station.undock(4)
            camera = station.undock(1)
            await asyncio.sleep(2)
            where[0] = 4
            station.dock(4, camera)
            result = await run
            assert result.complete

    play(scenario())


# Identity


def test_a_camera_that_changes_between_two_dockings_is_noticed(
    station, host, play, world, tmp_path: Path, new_camera
) -> None:
    async def scenario() -> None:
        async with host(station, Role.DOCK_OFFLOAD, rate=400_000.0) as client:
            job = offload(lambda: client.camera(1), tmp_path, world=world)
            run = asyncio.create_task(job.run())
            await asyncio.sleep(1.5)
            before = station.undock(1)
            station.dock(1, new_camera(77, recordings=1, mib=1))
            result = await run
            assert not result.complete
            assert not stored(tmp_path, "SIM-0000004D"), "none of its bytes"
            with pytest.raises(WrongDevice, match="SIM-0000004D"):
                await client.camera(1, expect=before.serial)
            async with client.camera(1) as other:
                assert other.identity == "SIM-0000004D"

    play(scenario())


def test_two_bays_that_claim_one_camera_are_refused(station, host, play, new_camera) -> None:
    async def scenario() -> None:
        station.undock(2)
        station.dock(2, new_camera(101))  # the serial number of the one in bay 1
        async with host(station) as client:
            await asyncio.sleep(1)
            async with client.camera(1) as genuine:
                with pytest.raises(
                    WrongDevice, match=f"bays 1 and 2 both claim to hold '{genuine.identity}'"
                ):
                    await client.camera(2)
                await genuine.device.status()
            async with client.camera(2):
                pass  # one at a time, nobody can tell

    play(scenario())


def test_one_program_opens_a_bay_once(station, host, play) -> None:
    async def scenario() -> None:
        async with host(station) as client:
            async with client.camera(1) as first:
                with pytest.raises(DeviceBusy, match="open already"):
                    await client.camera(1)
                await first.device.status()
            for _ in range(300):  # more openings than there are epochs
                async with client.camera(1):
                    pass

    play(scenario())


# For long


@pytest.mark.parametrize("seed", [1, 2])
def test_after_many_dockings_nothing_is_left_over(new_station, host, play, new_camera, seed: int) -> None:
    station = new_station(6, docked=4)
    script = DockScript(station, [new_camera(n) for n in (1, 2, 3)], seed=seed, pause_s=0.4)
    rng = random.Random(seed)

    async def visits(client, bay: int) -> int:
        seen = 0
        while script.cycles < 60:
            await asyncio.sleep(rng.uniform(0.01, 0.3))
            try:
                async with client.camera(bay, role=Role.AUDITOR) as camera:
                    await camera.device.status()
                    seen += 1
                    await asyncio.sleep(rng.uniform(0, 0.2))
                    await camera.recordings.list()
            except (DeviceLost, PortNotFound):
                pass
        return seen

    async def scenario() -> None:
        async with host(station) as client:
            work = [visits(client, bay) for bay in range(1, 7)]
            seen = (await asyncio.gather(script.run(60), *work))[1:]
            assert all(seen)
            assert client.connection.driver.live
            assert not any(station.relay.spliced(bay) for bay in range(1, 7))
            for camera in (*station.cameras(), *script._away):
                assert not camera.sessions
                assert len(camera.ports) == (camera in station.cameras())

    play(scenario())

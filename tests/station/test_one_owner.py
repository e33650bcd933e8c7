"""One host at a time has a camera, whichever way it comes; the others are told when to come back, and never by whom."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.station import BayChanged, BayState, BayVerdict, LedMeaning
from bwc_sdk.errors import DeviceBusy
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual

Cable = Callable[[SimCamera | SimStation], TcpPort | PtyPort]
CABLES = {"tcp": TcpPort, "pty": PtyPort}
BOUND_S = 30.0


@pytest.fixture(params=sorted(CABLES))
def cable(request: pytest.FixtureRequest) -> Cable:
    """A way to a device beside its station."""
    return CABLES[request.param]


@pytest.fixture
def run() -> Iterator[Callable[..., object]]:
    """Real ports need real time."""
    yield asyncio.run


def test_a_cable_to_a_camera_that_a_station_has_is_busy(new_station, cable: Cable, run) -> None:
    station = new_station(2)

    async def scenario() -> None:
        await station.start()
        camera = station.bays[1].camera
        port = cable(camera)
        try:
            async with (
                bwc_sdk.connect_station(MemoryTransport(station), allow_insecure=True) as client,
                client.camera(1) as docked,
            ):
                before = await docked.battery.status()
                with pytest.raises(DeviceBusy) as busy:
                    await bwc_sdk.connect(port.uri, allow_insecure=True)
                assert busy.value.retry_after_s > 0
                assert docked.peer.identity not in str(busy.value) and "@" not in str(busy.value)
                assert (await docked.battery.status()).cycles == before.cycles
                assert len(camera.sessions) == 1, "nothing of the second host came through"
        finally:
            port.close()

    run(scenario())


def test_a_bay_whose_camera_a_cable_has_is_busy_until_the_cable_lets_go(
    new_station, cable: Cable, run
) -> None:
    station = new_station(2, docked=1)

    async def scenario() -> None:
        await station.start()
        camera = station.undock(1)
        port = cable(camera)
        try:
            async with bwc_sdk.connect_station(
                MemoryTransport(station), role=Role.BENCH, allow_insecure=True
            ) as client:
                direct = await bwc_sdk.connect(port.uri, allow_insecure=True)
                station.dock(1, camera)
                async with asyncio.timeout(BOUND_S):
                    while (await client.bays.bay(bay=1)).state is not BayState.BUSY:  # noqa: ASYNC110  # asks it
                        await asyncio.sleep(0.01)
                with pytest.raises(DeviceBusy) as busy:
                    await client.camera(1)
                assert busy.value.retry_after_s == pytest.approx(1.0)
                shown = await client.bays.bay(bay=1)
                assert (shown.state, shown.retry_after_ms, shown.label) == (BayState.BUSY, 1000, "")
                judged = await client.bays.verdict(bay=1, docking=2, verdict=BayVerdict.TAKE_ME, seconds=60)
                assert judged.led is shown.led is LedMeaning.TRANSFERRING, "somebody works with it (STA-016)"
                await client.bays.verdict(bay=1, docking=2, verdict=BayVerdict.NONE, seconds=0)
                assert [session.peer.identity for session in camera.sessions] == [direct_identity(camera)]
                await direct.device.status()
                await direct.close()
                async with asyncio.timeout(BOUND_S):
                    async for event in client.events():
                        if event == BayChanged(bay=1, state=BayState.LINKED, docking=2):
                            break
                await asyncio.sleep(busy.value.retry_after_s)
                async with client.camera(1) as docked:
                    assert docked.identity == camera.serial
        finally:
            port.close()

    run(scenario())


@pytest.mark.rule("STA-006")
def test_a_bay_that_is_busy_is_not_asked_again_before_the_time_that_it_named(
    new_station,
) -> None:
    station = new_station(2, docked=1)

    async def scenario() -> None:
        await station.start()
        camera = station.undock(1)
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.BENCH, allow_insecure=True
        ) as client:
            async with bwc_sdk.connect(MemoryTransport(camera), allow_insecure=True):
                station.dock(1, camera)
                await asyncio.sleep(0.1)
                with pytest.raises(DeviceBusy):
                    await client.camera(1)
                await asyncio.sleep(0.3)
            sent = client.counters.link.frames_out
            with pytest.raises(DeviceBusy) as busy:
                await client.camera(1)
            assert busy.value.retry_after_s == pytest.approx(0.7, abs=0.01)
            assert client.counters.link.frames_out == sent, "nobody was asked"
            await asyncio.sleep(busy.value.retry_after_s)
            async with client.camera(1) as docked:
                assert docked.identity == camera.serial

    run_virtual(scenario())


def direct_identity(camera: SimCamera) -> str:
    (session,) = camera.sessions
    return session.peer.identity


@pytest.mark.parametrize(("first", "second"), [("tcp", "tcp"), ("tcp", "pty"), ("pty", "tcp")])
def test_the_second_host_of_a_station_is_busy_on_any_pair_of_links(
    new_station, run, first: str, second: str, tmp_path: Path
) -> None:
    station = new_station(2)

    async def scenario() -> None:
        await station.start()
        ports = [CABLES[first](station), CABLES[second](station)]
        try:
            async with (
                bwc_sdk.connect_station(ports[0].uri, allow_insecure=True) as one,
                one.camera(1) as camera,
            ):
                for attempt in (
                    bwc_sdk.connect_station(ports[1].uri, allow_insecure=True),
                    bwc_sdk.connect(f"{ports[1].uri}?bay=2", allow_insecure=True),
                ):
                    with pytest.raises(DeviceBusy) as busy:
                        await attempt
                    assert busy.value.retry_after_s > 0
                await camera.device.status()
                await one.bays.status()
            async with bwc_sdk.connect(f"{ports[1].uri}?bay=1", allow_insecure=True) as camera:
                assert camera.name.endswith("?bay=1")
                assert camera.identity == station.bays[1].camera.serial
        finally:
            for port in ports:
                port.close()

    run(scenario())

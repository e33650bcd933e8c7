"""A camera on USB gives up its footage whole, whatever happens to the cable and the endpoints."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.bindings import usb as descriptors
from bwc_protocol.declare import Role
from bwc_sdk.errors import DeviceLost
from bwc_sdk.offload import ConnectionLost, OffloadPolicy, Progress, Reconnected, StoredVerified, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports import usbip

MIB = 1_048_576


async def carried_off(port: Any, store: Path, at_half: Callable[[], object] = lambda: None) -> list[Any]:
    """Offloads everything; calls `at_half` once, in mid-transfer. Gives the events."""
    policy = OffloadPolicy(first_wait_s=0.05, longest_wait_s=0.1, attempts=50)
    job = offload(port.uri, store, policy=policy, allow_insecure=True)
    events: list[Any] = []
    done = False
    async for event in job:
        events.append(event)
        if isinstance(event, Progress) and not done and event.bytes_done >= MIB // 2:
            done = True
            at_half()
    assert job.result.complete, job.result.outcomes
    (outcome,) = job.result.outcomes
    assert isinstance(outcome, StoredVerified)
    assert [segment.path.stat().st_size for segment in outcome.segments] == [2 * MIB]
    return events


def kinds(events: list[Any]) -> set[type]:
    return {type(event) for event in events}


def test_footage_comes_over_usb(lab: Any, camera: SimCamera, tmp_path: Path) -> None:
    events = lab.plugged(camera, lambda port: carried_off(port, tmp_path))
    assert ConnectionLost not in kinds(events)


@pytest.mark.parametrize("piece", [4_096, 7_777])
def test_footage_comes_in_transfers_of_any_size(
    lab: Any, camera: SimCamera, tmp_path: Path, piece: int
) -> None:
    async def use(port: Any) -> list[Any]:
        port.device.bulk.piece = piece
        port.device.bulk.zero_length_in = 3
        return await carried_off(port, tmp_path)

    assert ConnectionLost not in kinds(lab.plugged(camera, use))


@pytest.mark.parametrize("fault", ["halt in", "halt out", "babble"])
def test_a_passing_fault_of_an_endpoint_costs_no_connection(
    lab: Any, camera: SimCamera, tmp_path: Path, fault: str
) -> None:
    async def use(port: Any) -> list[Any]:
        bulk = port.device.bulk

        def strike() -> None:
            match fault:
                case "halt in":
                    bulk.halt(descriptors.BULK_IN)
                case "halt out":
                    bulk.halt(descriptors.BULK_OUT)
                case _:
                    bulk.babbles = 1

        return await carried_off(port, tmp_path, strike)

    assert ConnectionLost not in kinds(lab.plugged(camera, use))


def test_a_cable_pulled_in_mid_transfer_resumes_when_it_is_back(
    lab: Any, camera: SimCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usbip, "REPLUG_S", 0.1)
    events = lab.plugged(camera, lambda port: carried_off(port, tmp_path), faults="cut@1000000")
    assert {ConnectionLost, Reconnected} <= kinds(events)


def test_a_request_under_way_ends_with_the_cable(lab: Any, camera: SimCamera) -> None:
    """Told by the pipe: a link that waits for signs of life would call it silent."""

    async def use(port: Any) -> None:
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            await host.device.status()
            port.unplug()
            with pytest.raises(DeviceLost):
                await host.device.status()

    lab.plugged(camera, use)


@pytest.mark.rule("USB-010")
def test_a_camera_that_reboots_leaves_the_bus_and_comes_back(
    lab: Any, camera: SimCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_sim.device.device.BOOT_S", 0.2)

    async def use(port: Any) -> tuple[int, int]:
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            before = (await host.device.status()).boot_counter
            camera.crash()
            with pytest.raises(DeviceLost):
                await host.device.status()
        assert not port.on_bus()
        return before, await until(lambda: boot_counter(port))

    before, after = lab.plugged(camera, use)
    assert after == before + 1


async def boot_counter(port: Any) -> int:
    async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
        return (await host.device.status()).boot_counter


async def until(ask: Callable[[], Awaitable[int]]) -> int:
    while True:
        try:
            return await ask()
        except bwc_sdk.BwcError:
            await asyncio.sleep(0.02)


def test_a_host_that_died_in_mid_transfer_is_replaced_by_the_next(
    lab: Any, camera: SimCamera, tmp_path: Path
) -> None:
    """The device stays attached and configured, as under a kernel: nothing tells it that its host is gone."""

    async def use(port: Any) -> None:
        transport = bwc_sdk.transport.usb.UsbTransport(bwc_sdk.transport.uri.DeviceUri.parse(port.uri))
        host = await bwc_sdk.connect(transport, role=Role.DOCK_OFFLOAD, allow_insecure=True)
        device = transport._device
        handle = device.backend.open_device(device._ctx.dev)
        try:
            entry = (await host.recordings.list())[0]
            manifest = await host.recordings.read_manifest(entry)
            assert await host.recordings.read_table(entry, manifest, 0)
            await transport.close()  # without a farewell, and what comes stays in the endpoint
            port.device.bulk.write([b"\xb3\x57" * 300_000])
            assert await carried_off(port, tmp_path)
        finally:
            device.backend.close_device(handle)

    lab.plugged(camera, use)

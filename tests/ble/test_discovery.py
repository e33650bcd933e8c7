"""Cameras in radio reach are listed by address, on request, without connecting to any (spec: BLE)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bwc_sdk.discovery.ble import nearby
from bwc_sdk.transport.bluetooth import HEARD_MAX, Bluetooth, Heard
from tools.testkit.air import Air, in_the_air


def test_every_camera_that_may_be_heard_is_listed_and_none_is_connected_to() -> None:
    async def use(air: Air) -> None:
        ports = [await air.camera(seed=seed) for seed in (5, 6)]
        await air.camera(seed=7, settings={})
        found = await nearby(3.0, bluetooth=await air.host())
        assert {slot.uri for slot in found} == {port.uri for port in ports}
        assert all("dBm" in slot.description and not slot.usb_id for slot in found)
        assert all(not port.camera.sessions and port._connection is None for port in ports)

    in_the_air(use)


def test_where_nobody_is_heard_the_list_is_empty_after_the_time_that_was_given() -> None:
    async def use(air: Air) -> float:
        begin = asyncio.get_running_loop().time()
        assert await nearby(2.0, bluetooth=await air.host()) == ()
        return asyncio.get_running_loop().time() - begin

    assert in_the_air(use) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("seconds", [0, -1, 61])
def test_a_time_beyond_reason_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="time to listen"):
        asyncio.run(nearby(seconds))


class _Known:
    """A device that was heard, as bleak has it."""

    def __init__(self, number: int) -> None:
        self.address = f"F0:57:00:00:{number >> 8:02X}:{number & 255:02X}"


def flooded(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> Bluetooth:
    """A radio that hears these at once, each again and again."""

    @asynccontextmanager
    async def hearing(self: Bluetooth, heard: Callable[[Heard], None], name: str = "") -> AsyncIterator[None]:
        for signal_dbm in (-90, -40):
            for number in numbers:
                device: Any = _Known(number)
                heard(Heard(device, signal_dbm))
        yield

    monkeypatch.setattr(Bluetooth, "hearing", hearing)
    return Bluetooth()


def test_of_one_scan_so_many_devices_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = asyncio.run(flooded(monkeypatch, *range(HEARD_MAX + 50)).listen(0.01))
    assert len(heard) == HEARD_MAX
    assert {one.signal_dbm for one in heard} == {-40}, "of those that are kept the latest is known"


def test_whoever_is_asked_for_is_heard_however_many_others_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can send advertisements: they must not hide a camera."""
    wanted = _Known(HEARD_MAX + 49).address.lower()
    device = asyncio.run(flooded(monkeypatch, *range(HEARD_MAX + 50)).find(wanted, "ble:"))
    assert device.address.lower() == wanted

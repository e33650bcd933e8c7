"""Cameras in radio reach are listed by address, on request, without connecting to any (spec: BLE)."""

import asyncio

import pytest

from bwc_sdk.nearby import nearby
from tools.air import Air, in_the_air


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

"""What a camera shows on the bus, in whatever state it is: the same of every camera, and nobody's name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import usb.core
import usb.util

from bwc_protocol.bindings import usb as descriptors
from bwc_sdk.transport.usbip_backend import backend_for
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CAMERA_MAKE
from tools.testkit.identity_files import secure_camera
from tools.testkit.secure_ends import agency

HOME = agency("Harbour Police")
OFFICER = "Officer Okonkwo"
DESCRIPTOR_KINDS = range(1, 0x30)
STRINGS = range(16)


def enrolled() -> SimCamera:
    made = secure_camera(HOME)
    made.assignment = type(made.assignment)(
        assigned=True, officer=OFFICER, unit="Pier 4", since_utc_ns=1, revision=2
    )
    return made


def factory_new() -> SimCamera:
    return secure_camera(HOME, enrolled=False)


def button_pressed() -> SimCamera:
    made = factory_new()
    assert made.press_enroll() == ""
    return made


STATES: dict[str, Callable[[], SimCamera]] = {
    "enrolled, with an officer": enrolled,
    "as the factory made it": factory_new,
    "waiting to be enrolled": button_pressed,
}


def shown(lab: Any, camera: SimCamera) -> bytes:
    """Every byte that any descriptor has, whoever asks."""

    async def use(port: Any) -> bytes:
        def work() -> bytes:
            backend = backend_for(lab.server_of(port))
            device = usb.core.find(backend=backend, idVendor=descriptors.TEST_VENDOR_ID)
            assert device is not None
            found: list[
                bytes
            ] = []  # asked of the device itself: a host also shows what it remembers of a port
            try:
                for kind in DESCRIPTOR_KINDS:
                    for index in STRINGS if kind == 3 else (0, 1):
                        found.append(_asked(device, kind, index))
                found.append(bytes(device.ctrl_transfer(0xC0, descriptors.BOS[-2], 0, 7, 1_024)))
            finally:
                usb.util.dispose_resources(device)
            return b"\0".join(found)

        return await asyncio.to_thread(work)

    return bytes(lab.plugged(camera, use))


def _asked(device: Any, kind: int, index: int) -> bytes:
    try:
        return bytes(device.ctrl_transfer(0x80, 6, kind << 8 | index, 0x0409 if index else 0, 1_024))
    except usb.core.USBError:
        return b"none"


def names(camera: SimCamera) -> list[bytes]:
    said = (camera.serial, CAMERA_MAKE.model, CAMERA_MAKE.firmware, HOME.name, OFFICER, "Pier 4")
    return [form for word in said for form in (word.encode(), word.encode("utf-16-le"))]


@pytest.mark.rule("USB-002")
def test_no_descriptor_tells_which_camera_it_is_whose_or_in_what_state(lab: Any, camera: SimCamera) -> None:
    other = shown(lab, camera)
    assert len(other) > 500 and "Simulated".encode("utf-16-le") in other
    for state, make in STATES.items():
        one = make()
        try:
            seen = shown(lab, one)
            assert [word for word in names(one) if word in seen] == [], state
            assert seen == other, state
        finally:
            one.close()


def test_a_camera_that_boots_is_not_on_the_bus(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_sim.device.device.BOOT_S", 3600.0)  # longer than anybody looks
    one = enrolled()

    async def use(port: Any) -> Any:
        one.crash()
        assert not one.awake()
        backend = backend_for(lab.server_of(port))
        return await asyncio.to_thread(
            lambda: usb.core.find(backend=backend, idVendor=descriptors.TEST_VENDOR_ID)
        )

    try:
        assert lab.plugged(one, use) is None
    finally:
        one.close()

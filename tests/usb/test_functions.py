"""One device, two functions: what it shows, what it takes, and that one host at a time has the camera."""

import array
import asyncio
import struct
from typing import Any

import pytest
import usb.core
import usb.util

import bwc_sdk
from bwc_protocol.bindings import usb as descriptors
from bwc_protocol.link import Link, LinkDown, LinkDownReason, LinkParams, LinkRole, LinkUp
from bwc_sdk.errors import DeviceBusy
from bwc_sdk.transport.usbip_backend import backend_for
from firmware_sim.camera.camera import SimCamera


def found(lab: Any, port: Any) -> Any:
    """The device as any pyusb program finds it."""
    return usb.core.find(
        backend=backend_for(lab.server_of(port)),
        idVendor=descriptors.TEST_VENDOR_ID,
        idProduct=descriptors.TEST_PRODUCT_ID,
    )


def off_loop(lab: Any, camera: SimCamera, look: Any) -> Any:
    """`look` at the device in a thread, as a blocking program does."""

    async def use(port: Any) -> Any:
        def work() -> Any:
            opened = found(lab, port)
            opened.get_active_configuration()
            device = found(lab, port)  # once more: a server's list tells less than the device itself
            try:
                return look(device)
            finally:
                usb.util.dispose_resources(device)
                usb.util.dispose_resources(opened)

        return await asyncio.to_thread(work)

    return lab.plugged(camera, use)


@pytest.mark.rule("USB-002")
def test_the_descriptors_tell_no_camera_from_another(lab: Any, camera: SimCamera) -> None:
    def look(device: Any) -> tuple[Any, ...]:
        device.get_active_configuration()
        return device.serial_number, device.product, device.manufacturer, str(device)

    serial, product, manufacturer, text = off_loop(lab, camera, look)
    assert serial is None
    assert (product, manufacturer) == ("Simulated body-worn camera", "bwc_sdk")
    assert camera.serial not in text and "Vendor Specific" in text and "CDC Communication" in text


def test_windows_finds_its_driver(lab: Any, camera: SimCamera) -> None:
    def look(device: Any) -> bytes:
        device.get_active_configuration()
        bos = bytes(device.ctrl_transfer(0x80, 6, descriptors.BOS_TYPE << 8, 0, 256))
        assert bos == descriptors.BOS
        size, code = struct.unpack_from("<HB", bos, 29)
        return bytes(device.ctrl_transfer(0xC0, code, 0, 7, size))

    assert off_loop(lab, camera, look) == descriptors.MS_OS_20_SET


def test_an_unknown_request_stalls_and_harms_nothing(lab: Any, camera: SimCamera) -> None:
    def look(device: Any) -> bytes:
        device.get_active_configuration()
        for request_type, request in ((0xC0, 0x99), (0xA1, 0x77), (0x80, 0x33), (0xE0, 1)):
            with pytest.raises(usb.core.USBError) as caught:
                device.ctrl_transfer(request_type, request, 0, 0, 8)
            assert caught.value.errno == 32
        with pytest.raises(usb.core.USBError):
            device.ctrl_transfer(0x21, 0x20, 0, 0, bytes(5000))
        return bytes(device.ctrl_transfer(0x80, 0, 0, 0, 2))

    assert off_loop(lab, camera, look) == b"\0\0"


@pytest.mark.rule("TRN-003", "USB-006")
def test_line_coding_is_taken_and_dtr_and_rts_mean_nothing(lab: Any, camera: SimCamera) -> None:
    coding = struct.pack("<IBBB", 9600, 2, 1, 7)

    async def use(port: Any) -> None:
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            device = await asyncio.to_thread(found, lab, port)

            def poke() -> None:
                for state in (3, 0, 1, 2):
                    device.ctrl_transfer(0x21, 0x22, state, 0, None)
                device.ctrl_transfer(0x21, 0x20, 0, 0, coding)
                assert bytes(device.ctrl_transfer(0xA1, 0x21, 0, 0, 7)) == coding
                usb.util.dispose_resources(device)

            await asyncio.to_thread(poke)
            assert await host.device.status()

    lab.plugged(camera, use)


def test_the_notification_endpoint_is_silent(lab: Any, camera: SimCamera) -> None:
    def look(device: Any) -> None:
        device.get_active_configuration()
        with pytest.raises(usb.core.USBTimeoutError):
            device.read(descriptors.SERIAL_NOTIFY, 16, 20)

    off_loop(lab, camera, look)


class SerialHost:
    """A host on the serial function, by hand: the link over its two bulk endpoints."""

    def __init__(self, device: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._device = device
        self._loop = loop
        self.link = Link(LinkRole.HOST, LinkParams(max_payload=16_384), nonce=lambda: 0x5EB1A1)

    def until(self, kind: type) -> Any:
        """Connects until an event of that kind has come."""
        self.link.open(self._loop.time())
        buffer = array.array("B", bytes(16_384))
        while True:
            for part in self.link.outgoing(self._loop.time(), 65_536):
                self._device.write(descriptors.SERIAL_OUT, part)
            for event in self.link.events():
                if isinstance(event, kind):
                    return event
            try:
                size = self._device.read(descriptors.SERIAL_IN, buffer, 20)
                self.link.receive(bytes(buffer[:size]), self._loop.time())
            except usb.core.USBTimeoutError:
                self.link.tick(self._loop.time())

    def flush(self) -> None:
        for part in self.link.outgoing(self._loop.time(), 65_536):
            self._device.write(descriptors.SERIAL_OUT, part)


def test_two_hosts_on_two_functions_never_have_the_camera_both(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> None:
        loop = asyncio.get_running_loop()
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            device = await asyncio.to_thread(found, lab, port)
            down = await asyncio.to_thread(SerialHost(device, loop).until, LinkDown)
            assert down.reason is LinkDownReason.BUSY and down.retry_after_ms > 0
            assert await host.device.status(), "the owner is not disturbed"
        owner = SerialHost(device, loop)
        assert await asyncio.to_thread(owner.until, LinkUp)
        with pytest.raises(DeviceBusy) as caught:
            await bwc_sdk.connect(port.uri, allow_insecure=True)
        assert caught.value.retry_after_s > 0
        owner.link.close(loop.time())
        await asyncio.to_thread(owner.flush)
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            assert await host.device.status()
        await asyncio.to_thread(usb.util.dispose_resources, device)

    lab.plugged(camera, use)

"""What is in the way of opening a device is one typed error that names the device and the rule."""

import asyncio
import ctypes
import errno
import socket
import subprocess
import sys
from typing import Any

import pytest
import usb.core

import bwc_sdk
from bwc_protocol.bindings import usb as descriptors
from bwc_sdk.errors import (
    BwcError,
    InvalidUri,
    MissingExtra,
    NotADevice,
    PortBusy,
    PortForbidden,
    PortNotFound,
    TransportError,
)
from bwc_sdk.host import libusb
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from bwc_sdk.transport.usb import UsbTransport
from bwc_sdk.transport.usbip_backend import UsbIpBackend
from firmware_sim.camera.camera import SimCamera

VENDOR_INTERFACE = descriptors.CONFIGURATION[-23:-14]
BULK_IN = descriptors.CONFIGURATION[-7:]


async def refused(uri: str) -> BwcError:
    with pytest.raises(BwcError) as caught:
        await bwc_sdk.connect(uri, allow_insecure=True)
    assert caught.value.device.startswith("usb:1-") and caught.value.rule
    return caught.value


def altered(old: bytes, new: bytes) -> dict[int, bytes]:
    """Our identifiers, with other bytes in the configuration."""
    assert descriptors.CONFIGURATION.count(old) == 1
    return {descriptors.CONFIGURATION_TYPE: descriptors.CONFIGURATION.replace(old, new)}


@pytest.mark.rule("USB-007")
@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (altered(VENDOR_INTERFACE, VENDOR_INTERFACE[:5] + b"\xff\x00\x00\x00"), "class ff/42/01"),
        (altered(BULK_IN, BULK_IN[:2] + b"\x04" + BULK_IN[3:]), "one bulk endpoint each way"),
        (altered(BULK_IN, BULK_IN[:3] + b"\x03" + BULK_IN[4:]), "one bulk endpoint each way"),
        (altered(BULK_IN, BULK_IN[:4] + b"\x00\x00" + BULK_IN[6:]), "packets"),
        ({descriptors.CONFIGURATION_TYPE: descriptors.CONFIGURATION[:-30]}, "class ff/42/01"),
        ({descriptors.CONFIGURATION_TYPE: descriptors.CONFIGURATION[:9] + bytes(89)}, "class ff/42/01"),
    ],
    ids=["other class", "no way in", "interrupt in", "no packets", "cut off", "zeros"],
)
def test_our_ids_with_other_descriptors_are_not_a_device(
    lab: Any, camera: SimCamera, found: dict[int, bytes], rule: str
) -> None:
    error = lab.plugged(camera, lambda port: refused(port.uri), found)
    assert isinstance(error, NotADevice)
    assert rule in error.rule


@pytest.mark.rule("USB-008")
def test_a_device_without_a_configuration_is_refused(lab: Any, camera: SimCamera) -> None:
    broken = {descriptors.CONFIGURATION_TYPE: bytes(12)}
    error = lab.plugged(camera, lambda port: refused(port.uri), broken)
    assert type(error) is TransportError and "onfiguration" in error.rule


def test_a_refused_device_is_let_go(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> None:
        first, second = await refused(port.uri), await refused(port.uri)
        assert type(first) is type(second) is NotADevice

    lab.plugged(camera, use, altered(VENDOR_INTERFACE, VENDOR_INTERFACE[:5] + b"\xff\x00\x00\x00"))


def test_an_empty_slot_is_no_port(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> list[type]:
        _, query = port.uri.split("?")
        wrong = [await refused(f"usb:1-2?{query}"), await refused(f"usb:1-1.1?{query}")]
        port.unplug()
        return [type(error) for error in (*wrong, await refused(port.uri))]

    assert lab.plugged(camera, use) == [PortNotFound] * 3


def test_a_server_that_is_not_there_is_no_port(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> BwcError:
        port.close()
        return await refused(port.uri)

    assert type(lab.plugged(camera, use)) is PortNotFound


def test_a_device_that_is_switched_off_is_not_on_the_bus(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> BwcError:
        camera.go_down()
        return await refused(port.uri)

    assert type(lab.plugged(camera, use)) is PortNotFound


@pytest.mark.rule("USB-008")
def test_a_claim_is_exclusive_in_this_process_and_in_another(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> None:
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            assert type(await refused(port.uri)) is PortBusy
            other = UsbTransport(DeviceUri.parse(port.uri), UsbIpBackend(lab.server_of(port)))
            with pytest.raises(PortBusy):
                await bwc_sdk.connect(other, allow_insecure=True)
            assert await host.device.status(), "the owner is not disturbed"
        async with bwc_sdk.connect(port.uri, allow_insecure=True):
            pass

    lab.plugged(camera, use)


def test_a_claim_ends_with_a_process_that_crashes(lab: Any, camera: SimCamera) -> None:
    crash = (
        "import asyncio, bwc_sdk, os, sys\n"
        "async def hold():\n"
        "    await bwc_sdk.connect(sys.argv[1], allow_insecure=True)\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(hold())\n"
    )

    async def use(port: Any) -> None:
        holder = await asyncio.to_thread(
            subprocess.Popen,
            [sys.executable, "-c", crash, port.uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with holder:
            assert holder.stdout is not None
            assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
            assert type(await refused(port.uri)) is PortBusy
            holder.kill()
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            assert await host.device.status()

    lab.plugged(camera, use)


class _Forbidding(UsbIpBackend):
    def open_device(self, device: Any) -> Any:
        raise usb.core.USBError("Access denied (insufficient permissions)", -3, errno.EACCES)


def test_no_permission_names_the_rule_to_install(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> None:
        with pytest.raises(PortForbidden) as caught:
            await bwc_sdk.connect(
                UsbTransport(DeviceUri.parse(port.uri), _Forbidding(lab.server_of(port))), allow_insecure=True
            )
        assert "70-bwc.rules" in caught.value.advice

    lab.plugged(camera, use)


@pytest.mark.parametrize(
    "uri",
    [
        "usb:",
        "usb:1",
        "usb:1-",
        "usb:1-2.",
        "usb:/dev/bus/usb/001/002",
        "usb:1-2.3.4.5.6.7.8.9",
        "usb:1-1?usbip=nowhere",
        "usb:1-1?usbip=host:0",
        "usb:1-1?baud=9600",
    ],
)
def test_a_slot_is_a_port_path(uri: str) -> None:
    with pytest.raises(InvalidUri):
        transport_for(DeviceUri.parse(uri))


def test_a_slot_names_itself_without_options() -> None:
    assert transport_for(DeviceUri.parse("usb:1-4.2?usbip=127.0.0.1:3240")).name == "usb:1-4.2"


def test_without_pyusb_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bwc_sdk.transport.usb")
    monkeypatch.setitem(sys.modules, "usb.core", None)
    with pytest.raises(MissingExtra) as caught:
        transport_for(DeviceUri.parse("usb:1-4.2"))
    assert caught.value.extra == "usb"


def test_without_libusb_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.transport.usb.libusb", lambda: None)
    monkeypatch.setattr("bwc_sdk.transport.usb.libusb_installed", lambda: False)
    with pytest.raises(MissingExtra, match="libusb"):
        asyncio.run(_connect("usb:1-4.2"))


def test_a_machine_without_usb_has_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.transport.usb.libusb", lambda: None)
    monkeypatch.setattr("bwc_sdk.transport.usb.libusb_installed", lambda: True)
    with pytest.raises(PortNotFound):
        asyncio.run(_connect("usb:1-4.2"))


async def _connect(uri: str) -> None:
    await bwc_sdk.connect(uri, allow_insecure=True)


def test_a_server_that_never_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.transport.usbip_client.STALLED_S", 0.1)

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PortNotFound):
        asyncio.run(_connect(f"usb:1-1?usbip=127.0.0.1:{silent.getsockname()[1]}"))


def test_an_opening_that_is_abandoned_leaves_nothing_claimed(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> None:
        transport = UsbTransport(DeviceUri.parse(port.uri))
        opening = asyncio.ensure_future(transport.open(_Nobody()))
        await asyncio.sleep(0)  # its thread has begun
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        while True:  # until that thread has closed what it opened
            try:
                async with bwc_sdk.connect(port.uri, allow_insecure=True):
                    return
            except PortBusy:
                await asyncio.sleep(0)

    lab.plugged(camera, use)


class _Nobody:
    def received(self, data: bytes | memoryview) -> None: ...

    def lost(self, error: Exception) -> None: ...

    def writable(self) -> None: ...


def test_libusb_is_found_where_no_tool_can_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a small system, such as Alpine, Python's own search finds nothing, and the loader does."""
    loaded = []

    def load(name: str) -> object:
        loaded.append(name)
        if name != "libusb-1.0.so":
            raise OSError(f"{name}: cannot open shared object file")
        return object()

    monkeypatch.setattr(libusb, "find_library", lambda name: None)
    monkeypatch.setattr(ctypes, "CDLL", load)
    assert libusb.system_libusb() == "libusb-1.0.so" and loaded == ["libusb-1.0.so.0", "libusb-1.0.so"]
    monkeypatch.setattr(libusb, "find_library", lambda name: "libusb-1.0.so.7")
    assert libusb.system_libusb() == "libusb-1.0.so.7"

"""Defects of what a camera shows on the USB bus and in the air (spec: USB, BLE)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bwc_protocol.bindings import usb
from bwc_protocol.bindings.ble import advertisement
from firmware_sim.camera.camera import SimCamera
from firmware_sim.defects.defect import Defect

SERIAL_NUMBER_AT, CLASS_AT = 16, 4
"""In a device descriptor."""
LENGTH_AT, INTERFACES_AT = slice(2, 4), 4
"""In a configuration."""
PRODUCT: Final = 2
"""A string that there is."""
MASS_STORAGE: Final = bytes((9, usb.INTERFACE_TYPE, 3, 0, 0, 0x08, 0x06, 0x50, 0))
COMPLETE_NAME: Final = 0x09


def _device(at: int, value: int) -> bytes:
    shown = bytearray(usb.device_descriptor())
    shown[at] = value
    return bytes(shown)


def _with_storage() -> bytes:
    shown = bytearray(usb.CONFIGURATION + MASS_STORAGE)
    shown[LENGTH_AT] = len(shown).to_bytes(2, "little")
    shown[INTERFACES_AT] += 1
    return bytes(shown)


def _serial_number(camera: SimCamera) -> None:
    camera.seen.descriptors = {usb.DEVICE_TYPE: _device(SERIAL_NUMBER_AT, PRODUCT)}


def _another_class(camera: SimCamera) -> None:
    camera.seen.descriptors = {usb.DEVICE_TYPE: _device(CLASS_AT, 0)}


def _storage(camera: SimCamera) -> None:
    camera.seen.descriptors = {usb.CONFIGURATION_TYPE: _with_storage()}


def _named_in_the_air(camera: SimCamera) -> None:
    name = b"BWC"
    camera.seen.advertisement = advertisement() + bytes((1 + len(name), COMPLETE_NAME)) + name


def _named_in_an_attribute(camera: SimCamera) -> None:
    camera.seen.name = camera.serial


def _acts(**otherwise: bool) -> Callable[[SimCamera], None]:
    """Does one thing otherwise than it should."""

    def into(camera: SimCamera) -> None:
        for name, value in otherwise.items():
            setattr(camera.seen, name, value)

    return into


DEFECTS: Final = (
    Defect("usb-class", "USB-001", "shows another device class", _another_class),
    Defect("usb-serial-number", "USB-002", "shows a serial number on the bus", _serial_number),
    Defect("usb-storage", "USB-003", "shows a mass storage beside its functions", _storage),
    Defect("no-empty-packet", "USB-004", "ends whole packets by no empty one", _acts(ends_transfers=False)),
    Defect(
        "deaf-after-nothing",
        "USB-005",
        "hears nothing behind an empty transfer",
        _acts(takes_empty_transfers=False),
    ),
    Defect("heeds-dtr", "USB-006", "hears and says nothing without DTR", _acts(heeds_dtr=True)),
    Defect("stays-on-the-bus", "USB-010", "resets itself and stays on the bus", _acts(leaves_the_bus=False)),
    Defect("named-in-the-air", "BLE-003", "advertises a name", _named_in_the_air),
    Defect("named-attribute", "BLE-004", "has its serial number for a device name", _named_in_an_attribute),
    Defect("one-address", "BLE-005", "advertises under a static address", _acts(resolvable=False)),
    Defect(
        "never-silent", "BLE-007", "advertises while a host is connected", _acts(silent_when_connected=False)
    ),
    Defect("long-values", "BLE-008", "sends values that are too long", _acts(bounded_values=False)),
)

"""Descriptors as pyusb asks a backend for them: objects with the fields of the USB specification.

Everything here was sent by a device, and may be anything.
"""

import array
import struct
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Final

DEVICE_SIZE: Final = 18
_DEVICE, _CONFIGURATION, _INTERFACE, _ENDPOINT = 1, 2, 4, 5

_HEAD: Final = "bLength bDescriptorType"
_FORMS: Final = {
    _DEVICE: (
        struct.Struct("<BBHBBBBHHHBBBB"),
        f"{_HEAD} bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor idProduct bcdDevice "
        "iManufacturer iProduct iSerialNumber bNumConfigurations",
    ),
    _CONFIGURATION: (
        struct.Struct("<BBHBBBBB"),
        f"{_HEAD} wTotalLength bNumInterfaces bConfigurationValue iConfiguration bmAttributes bMaxPower",
    ),
    _INTERFACE: (
        struct.Struct("<BBBBBBBBB"),
        f"{_HEAD} bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass bInterfaceSubClass "
        "bInterfaceProtocol iInterface",
    ),
    _ENDPOINT: (
        struct.Struct("<BBBBHB"),
        f"{_HEAD} bEndpointAddress bmAttributes wMaxPacketSize bInterval",
    ),
}


@dataclass(slots=True)
class Setting:
    """One alternate setting of an interface, and its endpoints."""

    fields: SimpleNamespace
    endpoints: list[SimpleNamespace] = field(default_factory=list)


@dataclass(slots=True)
class Configuration:
    """A configuration and the settings of its interfaces, in the order in which they came."""

    fields: SimpleNamespace
    settings: list[Setting] = field(default_factory=list)

    def setting(self, index: int, alternate: int) -> Setting:
        """Raises `IndexError`, which ends pyusb's loops."""
        numbers = list(dict.fromkeys(one.fields.bInterfaceNumber for one in self.settings))
        settings = [one for one in self.settings if one.fields.bInterfaceNumber == numbers[index]]
        return settings[alternate]


def parse(raw: bytes) -> SimpleNamespace:
    """The fields of one descriptor of a type that is known; what is missing at its end is 0."""
    form, names = _FORMS[raw[1]]
    values = form.unpack(raw[: form.size].ljust(form.size, b"\0"))
    return SimpleNamespace(**dict(zip(names.split(), values, strict=True)))


def walk(raw: bytes) -> Configuration:
    """The tree of a configuration; ends at what has an impossible length. Raises `IndexError` when it is none."""
    if len(raw) < 9 or raw[1] != _CONFIGURATION:
        raise IndexError("no configuration")
    found = Configuration(parse(raw))
    last = found.fields
    last.extra_descriptors = array.array("B")
    at = raw[0]
    while len(raw) - at >= 2 and 2 <= raw[at] <= len(raw) - at:
        one, at = raw[at : at + raw[at]], at + raw[at]
        if one[1] == _INTERFACE:
            last = parse(one)
            found.settings.append(Setting(last))
        elif one[1] == _ENDPOINT and found.settings:
            last = parse(one)
            last.bRefresh = last.bSynchAddress = 0
            found.settings[-1].endpoints.append(last)
        else:
            last.extra_descriptors.extend(one)
            continue
        last.extra_descriptors = array.array("B")
    return found

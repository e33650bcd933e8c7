"""The descriptors of the specification's section USB, as they are sent."""

from collections.abc import Iterator
from typing import Final

from bwc_protocol.bindings import usb

_NAMES: Final = {
    usb.DEVICE_TYPE: "device",
    usb.CONFIGURATION_TYPE: "configuration",
    usb.INTERFACE_TYPE: "interface",
    usb.ENDPOINT_TYPE: "endpoint",
    11: "interface association",
    usb.BOS_TYPE: "BOS",
    16: "platform capability: Microsoft OS 2.0",
}
_CDC: Final = {
    0: "CDC header 1.10",
    1: "call management: none",
    2: "ACM: line coding and line state",
    6: "union of both interfaces",
}
_INTERFACES: Final = {0: "communications, ACM, no command set", 1: "CDC data", 2: "bulk: `ff/42/01`"}
_CLASS_SPECIFIC: Final = 0x24


def descriptors() -> str:
    """One row a descriptor, in their order."""
    rows = ["| descriptor | bytes |", "|---|---|"]
    for raw in (usb.device_descriptor(), usb.CONFIGURATION, usb.BOS):
        rows += [f"| {_name(one)} | `{one.hex(' ')}` |" for one in _each(raw)]
    rows.append(
        f"| Microsoft OS 2.0 set, by vendor request `{usb.MS_VENDOR_CODE:#04x}`, index {usb.MS_OS_20_INDEX} | "
        f"`{usb.MS_OS_20_SET.hex(' ')}` |"
    )
    return "\n".join(rows)


def _each(raw: bytes) -> Iterator[bytes]:
    while raw:
        yield raw[: raw[0]]
        raw = raw[raw[0] :]


def _name(one: bytes) -> str:
    if one[1] == _CLASS_SPECIFIC:
        return _CDC[one[2]]
    name = _NAMES[one[1]]
    if one[1] == usb.INTERFACE_TYPE:
        return f"{name} {one[2]}: {_INTERFACES[one[2]]}"
    if one[1] == usb.ENDPOINT_TYPE:
        kind = {2: "bulk", 3: "interrupt"}[one[3]]
        return f"{name} `{one[2]:#04x}`: {kind} {'in' if one[2] & 0x80 else 'out'}"
    return name

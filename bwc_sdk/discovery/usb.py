"""Which USB devices carry the protocol on a bulk interface, by slot (spec: USB). Opens nothing.

Linux says it in sysfs, to everybody and without a library; elsewhere libusb is asked, where pyusb is installed.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bwc_sdk.discovery.slot import USB_TEXT_MAX, Slot

SYSFS: Final = Path("/sys/bus/usb/devices")
NODES: Final = Path("/dev/bus/usb")
BULK: Final = (0xFF, 0x42, 0x01)
"""The class of the bulk interface. In figures, so that to look at ports loads no protocol; a test holds it to that."""


def usb_slots() -> list[Slot]:
    """Every USB device with a bulk interface of ours, whoever made it."""
    return list(_by_sysfs(SYSFS, NODES) if sys.platform == "linux" else _by_libusb())


def _by_sysfs(sysfs: Path, nodes: Path) -> Iterator[Slot]:
    names = {path.name for path in sysfs.iterdir()} if sysfs.is_dir() else set()
    devices = {name.partition(":")[0] for name in names if ":" in name and _is_bulk(sysfs / name)}
    for name in sorted(devices & names):
        try:
            yield _slot(sysfs / name, nodes)
        except (OSError, ValueError):
            continue  # it went away while it was looked at


def _is_bulk(interface: Path) -> bool:
    names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
    try:
        return tuple(int((interface / name).read_text(), 16) for name in names) == BULK
    except (OSError, ValueError):
        return False


def _slot(device: Path, nodes: Path) -> Slot:
    vendor, product = ((device / name).read_text().strip() for name in ("idVendor", "idProduct"))
    bus, address = (int((device / name).read_text()) for name in ("busnum", "devnum"))
    return Slot(
        uri=f"usb:{device.name}",
        port_path=device.name,
        usb_id=f"{vendor}:{product}",
        description=_product(device),
        accessible=os.access(nodes / f"{bus:03}" / f"{address:03}", os.R_OK | os.W_OK),
    )


def _product(device: Path) -> str:
    try:
        return (device / "product").read_text(errors="replace").strip()[:USB_TEXT_MAX]
    except OSError:
        return ""  # a device need not have one


def _by_libusb() -> Iterator[Slot]:
    try:
        from bwc_sdk.transport.usb import libusb
    except ImportError:
        return
    backend = libusb()
    if backend is not None:
        yield from slots_on(backend)


def slots_on(backend: object) -> Iterator[Slot]:
    """The same, as a pyusb backend sees it."""
    import usb.core

    try:
        for device in usb.core.find(find_all=True, backend=backend):
            if device.port_numbers and _has_bulk(device):
                path = f"{device.bus}-{'.'.join(map(str, device.port_numbers))}"
                usb_id = f"{device.idVendor:04x}:{device.idProduct:04x}"
                # Whether it may be opened is only known by opening it.
                yield Slot(f"usb:{path}", path, usb_id, "", accessible=True)
    except usb.core.USBError:
        return  # no bus, or no right to look


def _has_bulk(device: Any) -> bool:
    import usb.core

    try:
        return any(
            (one.bInterfaceClass, one.bInterfaceSubClass, one.bInterfaceProtocol) == BULK
            for configuration in device
            for one in configuration
        )
    except usb.core.USBError:
        return False  # its descriptors cannot be read: in use elsewhere, or gone

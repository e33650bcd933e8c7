"""What is plugged in, by slot. A device shows no name before a session protects it: only where it is plugged in.

Looking changes nothing and opens nothing. Serial ports are found by pyserial.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

USB_TEXT_MAX: Final = 80
"""Characters kept of what a USB descriptor says: any plugged-in thing may say anything."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where a device may be."""

    uri: str
    """What `connect` takes."""
    port_path: str
    """The USB port by its path from the root hub, such as 1-4.2: stable across replugging; "" on a UART."""
    usb_id: str
    """Vendor and product, hexadecimal; "" on a UART."""
    description: str
    """What the descriptor says; hostile text."""
    accessible: bool
    """Whether this user may open it."""


class _Port(Protocol):
    """What pyserial knows of a port."""

    @property
    def device(self) -> str: ...
    @property
    def location(self) -> str | None: ...
    @property
    def vid(self) -> int | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def description(self) -> str | None: ...


def slots(*, uarts: bool = False) -> tuple[Slot, ...]:
    """Every USB serial port, in the order of port paths; with `uarts` also those that are soldered on."""
    from serial.tools import list_ports

    return slots_of(list_ports.comports(), uarts=uarts)


def slots_of(ports: Iterable[_Port], *, uarts: bool = False) -> tuple[Slot, ...]:
    """The slots behind what pyserial lists."""
    found = [_slot(port) for port in ports if uarts or port.vid is not None]
    return tuple(sorted(found, key=lambda slot: (not slot.port_path, _natural(slot.port_path), slot.uri)))


def _slot(port: _Port) -> Slot:
    usb_id = f"{port.vid:04x}:{port.pid or 0:04x}" if port.vid is not None else ""
    return Slot(
        uri=f"serial:{port.device}",
        port_path=(port.location or "").partition(":")[0],
        usb_id=usb_id,
        description=(port.description or "")[:USB_TEXT_MAX],
        accessible=not Path(port.device).exists() or os.access(port.device, os.R_OK | os.W_OK),
    )


def _natural(path: str) -> tuple[int, ...]:
    return tuple(int(part) for part in path.replace("-", ".").split(".") if part.isdecimal())

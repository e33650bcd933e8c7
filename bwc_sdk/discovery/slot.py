"""A place where a device may be, and how it is reached there."""

from dataclasses import dataclass
from typing import Final

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
    others: tuple[str, ...] = ()
    """Other URIs of the same device: ways that are slower, or that this user may not take."""

"""What strangers see of a device on the bus and in the air, where that is not as it should be: defects put it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """As it stands, nothing but what it should."""

    descriptors: Mapping[int, bytes] = field(default_factory=dict)
    """USB descriptors in the place of others, by type."""
    advertisement: bytes | None = None
    """What it advertises by BLE; None: what it should."""
    name: str = ""
    """The device name of its GAP service."""
    ends_transfers: bool = True
    """Whether bytes that fill whole packets are ended by an empty one (USB-004)."""
    takes_empty_transfers: bool = True
    """Whether it hears anything behind an empty transfer (USB-005)."""
    heeds_dtr: bool = False
    """Whether its serial function is deaf and mute while DTR is not set (USB-006)."""
    leaves_the_bus: bool = True
    """Whether the host sees it go when it resets itself (USB-010)."""
    resolvable: bool = True
    """Whether its address is a resolvable private one (BLE-005)."""
    silent_when_connected: bool = True
    """Whether it advertises nothing while a host is connected (BLE-007)."""
    bounded_values: bool = True
    """Whether a value is no longer than the connection takes (BLE-008)."""

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

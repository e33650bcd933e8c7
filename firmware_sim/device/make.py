"""What every device of one model and firmware has in common."""

import hashlib
from dataclasses import dataclass
from typing import Final

BUILT_S: Final = 1_767_225_600
"""2026-01-01. Certificates that ended before are refused by a device, whatever its clock says."""


@dataclass(frozen=True, slots=True)
class Make:
    """What every device of a model and firmware has in common."""

    model: str
    hardware: str
    firmware: str
    battery_cells: int
    built_s: int = BUILT_S
    """When its firmware was built, in seconds since 1970 (UTC)."""
    manufacturer: str = "bwc-sdk"

    @property
    def firmware_sha256(self) -> bytes:
        """Stands for the image of the firmware: the same for the same version, another for another."""
        return hashlib.sha256(f"{self.model} {self.firmware}".encode()).digest()

"""What every device of one model and firmware has in common."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Make:
    """What every device of a model and firmware has in common."""

    model: str
    hardware: str
    firmware: str
    battery_cells: int
    manufacturer: str = "bwc-sdk"

    @property
    def firmware_sha256(self) -> bytes:
        """Stands for the image of the firmware: the same for the same version, another for another."""
        return hashlib.sha256(f"{self.model} {self.firmware}".encode()).digest()

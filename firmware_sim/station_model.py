"""What kind of docking station is simulated."""

import hashlib
from typing import Final

MODEL: Final = "SimDock 1"
HARDWARE: Final = "sim-D"
FIRMWARE: Final = "1.0.0"
FIRMWARE_SHA256: Final = hashlib.sha256(f"{MODEL} {FIRMWARE}".encode()).digest()
"""Stands for the image of the firmware, as that of the camera does."""
SUPPLY_MV: Final = 12_000
SUPPLY_RANGE_MV: Final = (11_000, 12_600)
SUPPLY_LOSS_MV_PER_A: Final = 8
"""96 A, 64 bays at 1.5 A, still leave 11.2 V."""
AMBIENT_DC: Final = 220
WARMTH_DC_PER_A: Final = 2
"""96 A warm it by 19 degrees."""

"""What kind of docking station is simulated."""

from typing import Final

from firmware_sim.device.make import Make

STATION_MAKE: Final = Make("SimDock 1", "sim-D", "1.0.0", battery_cells=0)
SUPPLY_MV: Final = 12_000
SUPPLY_RANGE_MV: Final = (11_000, 12_600)
SUPPLY_LOSS_MV_PER_A: Final = 8
"""96 A, 64 bays at 1.5 A, still leave 11.2 V."""
AMBIENT_DC: Final = 220
WARMTH_DC_PER_A: Final = 2
"""96 A warm it by 19 degrees."""

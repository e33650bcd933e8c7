"""Cameras and docking stations on benches that labgrid runs: resources, drivers, a strategy (docs/labgrid.md).

    imports:
      - bwc_sdk.labgrid

in an environment file makes them known. Needs the extra `labgrid`, in an environment of its own. The exporter is
`python -m bwc_sdk.labgrid.exporter`.
"""

try:
    import labgrid  # noqa: F401 - only whether it is there
except ImportError as error:
    raise ImportError(
        "bwc_sdk.labgrid needs labgrid: pip install 'bwc-sdk[labgrid]', in an environment of its own (docs/labgrid.md)"
    ) from error

from bwc_sdk.labgrid.driver import BWCDriver
from bwc_sdk.labgrid.power import BWCButtonDriver, BWCDockPowerDriver
from bwc_sdk.labgrid.resources import (
    BWCBLECamera,
    BWCSerialCamera,
    BWCSimulator,
    BWCUSBCamera,
    NetworkBWCCamera,
)
from bwc_sdk.labgrid.station import BWCStationDriver
from bwc_sdk.labgrid.strategy import BWCStrategy

__all__ = [
    "BWCBLECamera",
    "BWCButtonDriver",
    "BWCDockPowerDriver",
    "BWCDriver",
    "BWCSerialCamera",
    "BWCSimulator",
    "BWCStationDriver",
    "BWCStrategy",
    "BWCUSBCamera",
    "NetworkBWCCamera",
]

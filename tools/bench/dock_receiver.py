"""A contender: every bay of a station at once, by the offload engine, over the station's one link.

python -m tools.bench.dock_receiver URI MIB STORE CAMERAS
"""

import asyncio
import sys
from pathlib import Path

import bwc_sdk
from bwc_sdk import Role
from bwc_sdk.offload import offload
from bwc_sdk.station import DockingStation
from tools.bench.process import measured

MIB = 1_048_576


async def receive(uri: str, mib: int, store: Path, cameras: int) -> None:
    """Raises `AssertionError` unless every camera's recording was stored and verified."""
    async with bwc_sdk.connect_station(uri, role=Role.DOCK_OFFLOAD) as station:
        with measured():
            await asyncio.gather(*(_bay(station, bay, mib, store) for bay in range(1, cameras + 1)))


async def _bay(station: DockingStation, bay: int, mib: int, store: Path) -> None:
    place = store / str(bay)
    place.mkdir()
    result = await offload(lambda: station.camera(bay), place).run()
    assert result.complete, result.outcomes
    assert result.bytes_received == mib * MIB, result.bytes_received


if __name__ == "__main__":
    asyncio.run(receive(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))

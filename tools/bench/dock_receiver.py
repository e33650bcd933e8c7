"""A contender: every bay of a station at once, as `bwc offload --station` does it, over the station's one link.

python -m tools.bench.dock_receiver URI MIB DIRECTORY CAMERAS
"""

import asyncio
import sys
from pathlib import Path

import bwc_sdk.transport.tcp  # noqa: F401 (imports are no part of the sample)
from bwc_sdk.offload import OffloadResult, offload_station
from tools.bench.process import measured
from tools.bench.sessions import insecure

MIB = 1_048_576


async def receive(uri: str, directory: Path) -> list[int]:
    """Offloads; the bytes that came from each camera. Raises when anything stayed behind."""
    result = await offload_station(uri, directory, allow_insecure=insecure(), lab=not insecure()).run()
    if not result.complete:
        raise ValueError(f"not complete: {result.cameras}")
    return [one.bytes_received for one in result.cameras.values() if isinstance(one, OffloadResult)]


if __name__ == "__main__":
    with measured():
        received = asyncio.run(receive(sys.argv[1], Path(sys.argv[3])))
        if received != [int(sys.argv[2]) * MIB] * int(sys.argv[4]):
            raise ValueError(f"{received} bytes came")

"""The SDK for programs without asyncio: the same names, each call waits (README, "Blocking programs").

    with bwc_sdk.sync.connect("serial:/dev/ttyACM0") as camera:
        print(camera.battery.status())

    job = bwc_sdk.sync.offload("serial:/dev/ttyACM0", Path("/srv/evidence"))
    for event in job:
        print(event)
    print(job.result)

`watch` tells what comes and goes.
"""

from bwc_sdk.sync.generated import SyncCamera, SyncDockingStation, connect, connect_station
from bwc_sdk.sync.loop import BlockingIterator, CallTimeout
from bwc_sdk.sync.offloading import SyncOffloadJob, offload
from bwc_sdk.sync.watching import watch

__all__ = [
    "BlockingIterator",
    "CallTimeout",
    "SyncCamera",
    "SyncDockingStation",
    "SyncOffloadJob",
    "connect",
    "connect_station",
    "offload",
    "watch",
]

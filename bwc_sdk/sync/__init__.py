"""The SDK for programs without asyncio: the same names, each call waits (docs/dock-programs.md).

    with bwc_sdk.sync.connect("serial:/dev/ttyACM0") as camera:
        print(camera.battery.status())

    job = bwc_sdk.sync.offload("serial:/dev/ttyACM0", Path("/srv/evidence"))
    for event in job:
        print(event)
    print(job.result)

With `timeout=`, seconds, a call that takes longer is cancelled and raises `CallTimeout`. An iteration raises it when
nothing came for so long, and goes on: `next()` may be called again.

`offload_many`, `offload_station` and `dock_watch` do so with many cameras at once; `watch` tells what comes and goes;
`enroll` and `renew` make devices an agency's, and keep them so; `provision` and `take_back` give cameras out and take
them back, at the places that `places_of` finds; `check`, `check_many` and `check_station` say whether they are fit.
"""

from bwc_sdk.sync.checking import check, check_many, check_station
from bwc_sdk.sync.enrolling import enroll, renew
from bwc_sdk.sync.generated import (
    SyncCamera,
    SyncDockingStation,
    SyncDockWatch,
    connect,
    connect_station,
    dock_watch,
    offload,
    offload_many,
    offload_station,
)
from bwc_sdk.sync.loop import BlockingIterator, CallTimeout
from bwc_sdk.sync.offloading import SyncFleetJob, SyncOffloadJob
from bwc_sdk.sync.provisioning import places_of, provision, take_back
from bwc_sdk.sync.watching import watch

__all__ = [
    "BlockingIterator",
    "CallTimeout",
    "SyncCamera",
    "SyncDockWatch",
    "SyncDockingStation",
    "SyncFleetJob",
    "SyncOffloadJob",
    "check",
    "check_many",
    "check_station",
    "connect",
    "connect_station",
    "dock_watch",
    "enroll",
    "offload",
    "offload_many",
    "offload_station",
    "places_of",
    "provision",
    "renew",
    "take_back",
    "watch",
]

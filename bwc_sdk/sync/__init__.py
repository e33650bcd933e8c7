"""The SDK for programs without asyncio: the same names, each call waits (README, "Blocking programs").

    with bwc_sdk.sync.connect("serial:/dev/ttyACM0") as camera:
        print(camera.battery.status())

    job = bwc_sdk.sync.offload("serial:/dev/ttyACM0", Path("/srv/evidence"))
    for event in job:
        print(event)
    print(job.result)
"""

from bwc_sdk.sync.generated import SyncCamera, connect
from bwc_sdk.sync.loop import BlockingIterator, CallTimeout
from bwc_sdk.sync.offloading import SyncOffloadJob, offload

__all__ = ["BlockingIterator", "CallTimeout", "SyncCamera", "SyncOffloadJob", "connect", "offload"]

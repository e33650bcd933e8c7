"""labgrid's exporter, which knows our devices as well: `python -m bwc_sdk.labgrid.exporter exporter.yaml`.

Its options are those of `labgrid-exporter`. For a place that is acquired it runs `bwc bridge` to the device, and ends
it when the place is released. It holds no keys and needs none.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import attr
from labgrid.remote import exporter as labgrid_exporter
from labgrid.remote.exporter import ResourceExport

from bwc_sdk.labgrid.bridge_process import BridgeProcess
from bwc_sdk.labgrid.resources import BWCBLECamera, BWCSerialCamera, BWCSimulator, BWCUSBCamera

LOCAL: Final = {one.__name__: one for one in (BWCUSBCamera, BWCSerialCamera, BWCBLECamera, BWCSimulator)}
"""What is at an exporter; what already listens is a `NetworkBWCCamera`, which needs no bridge."""
LOOPBACK: Final = "127.0.0.1"


@attr.s(eq=False)
class BWCCameraExport(ResourceExport):
    """A device of this machine, which clients get as a `NetworkBWCCamera`.

    Its bridge listens at the name that this exporter publishes as its own (`--hostname`), unless `listen` says another;
    of an isolated exporter at loopback, where labgrid's tunnels end.
    """

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.listen = str(self.local_params.pop("listen", LOOPBACK if self.proxy_required else self.host))
        self.local = LOCAL[self.cls](target=None, name=None, **self.local_params)
        self.data["cls"] = "NetworkBWCCamera"
        self.bridge: BridgeProcess | None = None

    def poll(self) -> bool:
        """Looks whether device and bridge are there; a bridge that has ended is started anew, at another port."""
        if self.bridge is not None and self.bridge.ended:
            self.logger.error("the bridge of process %d has ended", self.bridge.pid)
            self.stop()
        changed: bool = super().poll()
        return changed

    def _get_start_params(self) -> dict[str, str]:
        return {"device": self.local.pipe_uri} if self.local.avail else {}

    def _get_params(self) -> dict[str, Any]:
        return {
            "host": LOOPBACK if self.proxy_required else self.host,
            "port": None if self.bridge is None else self.bridge.port,
            "bay": getattr(self.local, "bay", 0),
            "serial_number": self.local.serial_number,
        }

    def _start(self, start_params: dict[str, str]) -> None:
        self.bridge = BridgeProcess(start_params["device"], self.listen)
        self.logger.info(
            "bridge to %s: process %d, port %d", start_params["device"], self.bridge.pid, self.bridge.port
        )

    def _stop(self, start_params: dict[str, str]) -> None:
        bridge, self.bridge = self.bridge, None
        if bridge is not None:
            bridge.stop()
            self.logger.info("bridge of process %d ended", bridge.pid)


def main() -> int:
    """labgrid's own, once it knows our classes."""
    labgrid_exporter.exports.update(dict.fromkeys(LOCAL, BWCCameraExport))
    labgrid_exporter.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())

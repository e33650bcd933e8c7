"""A camera on a virtual USB bus, served by USB/IP (`Documentation/usb/usbip_protocol.rst` in Linux).

The kernel's `vhci_hcd` attaches it as if it were plugged in (`usbip attach -r HOST -b 1-1`), and so does the SDK's own
client without any privileges. The server is ours, because an attachment must be exclusive, hold data back when the
host does not take it, and be pulled like a cable.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.pipe import PipeUser
from firmware_sim.device.seen import Seen
from firmware_sim.faults.plan import FaultCount
from firmware_sim.ports.door import GUESTS_MAX, Door
from firmware_sim.ports.listening import listen_at, written
from firmware_sim.ports.usb_device import UsbDevice
from firmware_sim.ports.usb_pipe import BulkPipe
from firmware_sim.ports.usbip_connection import UsbIpConnection
from firmware_sim.serving.attach import attach
from firmware_sim.station.station import SimStation

REPLUG_S: Final = 1.0
"""A cable that was pulled is plugged in again after this."""
VANISH_S: Final = 0.05
"""A device that resets itself leaves the bus after this: its last bytes, a farewell, still go out."""


class UsbIpPort:
    """Listens. `uri` is where; a port of 0 takes any that is free.

    `serve` gives the user of each pipe of a device that is plugged in, by the name of its function. `present` says
    whether there is anything on the bus: a device that is switched off is not.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        serve: Callable[[BulkPipe, str], PipeUser | None] = lambda pipe, name: None,
        present: Callable[[], bool] = lambda: True,
        descriptors: Mapping[int, bytes] | None = None,
        seen: Seen = Seen(),  # noqa: B008  # only read
    ) -> None:
        self._seen = seen
        self._serve = serve
        self._present = present
        self._descriptors = descriptors
        self._plugged = False
        self._loop = asyncio.get_running_loop()
        listener = listen_at(host, port, GUESTS_MAX)
        self._attached: UsbIpConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.uri = f"usb:1-1?usbip={written(listener)}"
        """What the SDK's `connect` takes; the kernel's tool takes host and port."""
        self.plug()
        self._closed = False
        self._door = Door(listener, lambda sock: UsbIpConnection(sock, self))

    def close(self) -> None:
        """Ends the port and the device for good."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._closed:
            self._closed = True
            self._door.close()
            self.unplug()
            for connection in self._door.guests:
                connection.pull()

    def pull(self) -> None:
        """Pulls the cable; it is plugged in again a second later."""
        self.unplug()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(REPLUG_S, self.plug)

    def unplug(self) -> None:
        """Pulls the cable, and leaves it so."""
        if self._plugged:
            self._plugged = False
            self._drop(self._attached)
            self.device.close()

    def plug(self) -> None:
        """Plugs the device in: its pipes are new ones."""
        if not self._plugged:
            self.device = UsbDevice(
                vanish=self._vanish, unplug=self.pull, descriptors=self._descriptors, seen=self._seen
            )
            for pipe, function in ((self.device.bulk, "bulk"), (self.device.serial, "serial")):
                pipe.user = self._serve(pipe, function)
            self._plugged = True

    # For the connections

    def on_bus(self) -> bool:
        """Whether the device can be seen."""
        return self._plugged and self._present()

    def take(self, connection: UsbIpConnection) -> bool:
        """Attaches the device to `connection`, unless it is attached already."""
        if self._attached is not None:
            return False
        self._attached = connection
        self.device.reset()
        return True

    def closed(self, connection: UsbIpConnection) -> None:
        """A connection has ended."""
        self._door.left(connection)
        if self._attached is connection:
            self._attached = None
            self.device.reset()

    # The bus

    def _vanish(self) -> None:
        if not self._seen.leaves_the_bus:
            return
        # Later also because it may be called out of the very connection that ends.
        self._loop.call_later(VANISH_S, self._drop, self._attached)

    def _drop(self, attached: UsbIpConnection | None) -> None:
        """Ends the connection that carried the device. Whoever only asks what there is asks the server, not it."""
        if attached is not None:
            attached.pull()


def camera_on_usb(
    camera: SimCamera | SimStation,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: FaultCount | None = None,
    *,
    descriptors: Mapping[int, bytes] | None = None,
) -> UsbIpPort:
    """Plugs a camera, or a station, into a virtual bus. Both functions of the device are pipes of the one camera."""
    where = f"usbip:{host}"
    return UsbIpPort(
        host,
        port,
        serve=lambda pipe, function: attach(camera, pipe, f"{where} {function}", faults),
        present=camera.awake,
        descriptors=camera.seen.descriptors if descriptors is None else descriptors,
        seen=camera.seen,
    )

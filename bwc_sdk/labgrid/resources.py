"""Where a device is: at a USB port, on a serial line, in the air, in this process, or behind an exporter's bridge.

Each has a `uri`, which the SDK takes. `serial_number` says who is expected there; nothing is found by it, since no
device tells its own before it has authenticated who asks. `bay` is that of a docking station; without it the resource
is what is plugged in there itself, camera or station.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import attr
from labgrid.factory import target_factory
from labgrid.resource.common import ManagedResource, NetworkResource, Resource, ResourceManager
from labgrid.resource.udev import USBResource
from labgrid.util.proxy import proxymanager

from bwc_protocol.frame import MAX_CHANNEL
from bwc_sdk.labgrid.asked import a_serial_number, one_of, whole
from bwc_sdk.transport.uri import DeviceUri

PORT_PATH: Final = re.compile(r"[0-9]{1,3}-[0-9]{1,3}(\.[0-9]{1,3}){0,6}")
"""A path from the root hub, as `bwc devices` shows it."""
BY_PORT: Final = ("ID_PATH", "ID_PATH_TAG", "sys_name")
"""What udev may be asked for instead, all of which name a port: labgrid's own resources are matched by `ID_PATH`."""
BY_SERIAL_NUMBER: Final = ("ID_SERIAL", "ID_SERIAL_SHORT", "serial", "ID_USB_SERIAL", "ID_USB_SERIAL_SHORT")
WAYS: Final = ("usb", "serial")
"""By its bulk interface, or by its serial port."""
INTERFACES: Final = {"usb": ":ff4201:", "serial": ":0202"}
"""What udev's `ID_USB_INTERFACES` shows of a device that has this way (spec: USB)."""
SYSFS: Final = Path("/sys/bus/usb/devices")


def with_bay(uri: str, bay: int) -> str:
    """The way to the camera in a bay of the station at `uri`; 0: to what is there itself."""
    parsed = DeviceUri.parse(uri)
    options = {**parsed.options, "bay": str(bay)} if bay else parsed.options
    return str(DeviceUri(parsed.scheme, parsed.address, options))


def tcp_uri(host: str, port: int) -> str:
    """Where a bridge is reached."""
    return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"


@target_factory.reg_resource
@attr.s(eq=False)
class BWCUSBCamera(USBResource):
    """A camera or station at a USB port, by `port_path` (1-4.2) or by `match: {ID_PATH: …}`."""

    port_path = attr.ib(default="", validator=attr.validators.instance_of(str))
    way = attr.ib(default="usb", validator=one_of(*WAYS))
    bay = attr.ib(default=0, validator=whole(0, MAX_CHANNEL))
    serial_number = attr.ib(default="", validator=a_serial_number)

    def __attrs_post_init__(self) -> None:
        asked = {key.removeprefix("@") for key in self.match}
        if wrong := asked.intersection(BY_SERIAL_NUMBER):
            raise ValueError(
                f"BWCUSBCamera is matched by {min(wrong)}, and a camera has no serial number on the bus: name its "
                "port, as port_path: 1-4.2, and who is expected there, as serial_number"
            )
        if self.port_path:
            if not PORT_PATH.fullmatch(self.port_path):
                raise ValueError(
                    f"port_path {self.port_path[:40]!r} is no path from a root hub: 'bwc devices' shows such as 1-4.2"
                )
            self.match["sys_name"] = self.port_path
        elif not asked.intersection(BY_PORT):
            raise ValueError("BWCUSBCamera names no port: write port_path: 1-4.2, or match: {ID_PATH: …}")
        self.match["DEVTYPE"] = "usb_device"
        super().__attrs_post_init__()

    def filter_match(self, device: Any) -> bool:
        """Not a stick or a hub that somebody has plugged in there."""
        shown = device.properties.get("ID_USB_INTERFACES")  # where udev has looked
        return not shown or INTERFACES[self.way] in shown

    @property
    def pipe_uri(self) -> str:
        """The way to what is plugged in. Raises `ValueError` while nothing is, unless its port is known."""
        place = self.port_path or self.path
        if not place:
            raise ValueError("nothing is plugged in there now")
        return f"{self.way}:{place}"

    @property
    def uri(self) -> str:
        return with_bay(self.pipe_uri, self.bay)


@attr.s(eq=False)
class PortManager(ResourceManager):
    """Looks whether ports are there that no udev event tells of."""

    def poll(self) -> None:
        for resource in self.resources:
            resource.avail = resource.is_there()


@target_factory.reg_resource
@attr.s(eq=False)
class BWCSerialCamera(ManagedResource):
    """A camera on a UART (`port: /dev/ttyS3`), for an exporter; on a client's own machine `RawSerialPort` serves as
    well."""

    manager_cls = PortManager
    port = attr.ib(default="", validator=attr.validators.instance_of(str))
    speed = attr.ib(default=0, validator=whole(0, 12_000_000))
    bay = attr.ib(default=0, validator=whole(0, MAX_CHANNEL))
    serial_number = attr.ib(default="", validator=a_serial_number)

    def __attrs_post_init__(self) -> None:
        if not (self.port.startswith("/") or PORT_PATH.fullmatch(self.port)):
            raise ValueError(
                f"port {self.port[:40]!r} is neither a device file nor a USB port: write port: /dev/ttyS3 or 1-4.2"
            )
        super().__attrs_post_init__()

    def is_there(self) -> bool:
        """Whether there is such a port now."""
        return (Path(self.port) if self.port.startswith("/") else SYSFS / self.port).exists()

    @property
    def pipe_uri(self) -> str:
        return f"serial:{self.port}" + (f"?baud={self.speed}" if self.speed else "")

    @property
    def uri(self) -> str:
        return with_bay(self.pipe_uri, self.bay)


@target_factory.reg_resource
@attr.s(eq=False)
class BWCBLECamera(Resource):
    """A camera in radio reach, by the address of its radio; `adapter` is the host's, such as hci0."""

    address = attr.ib(default="", validator=attr.validators.instance_of(str))
    adapter = attr.ib(default="", validator=attr.validators.instance_of(str))
    serial_number = attr.ib(default="", validator=a_serial_number)

    @property
    def pipe_uri(self) -> str:
        return f"ble:{self.address}" + (f"?adapter={self.adapter}" if self.adapter else "")

    @property
    def uri(self) -> str:
        return self.pipe_uri


@target_factory.reg_resource
@attr.s(eq=False)
class BWCSimulator(Resource):
    """A simulated camera in memory, or with `station: BAYS` a docking station; `options` are further ones of `sim:`.

    It is of the lab of whoever's process it lives in: on an exporter that is the exporter's.
    """

    seed = attr.ib(default=1, validator=whole(0, 0xFFFF_FFFF))
    recordings = attr.ib(default=4, validator=whole(0, 100_000))
    station = attr.ib(default=0, validator=whole(0, MAX_CHANNEL))
    faults = attr.ib(default="", validator=attr.validators.instance_of(str))
    options = attr.ib(factory=dict, validator=attr.validators.instance_of(dict))
    bay = attr.ib(default=0, validator=whole(0, MAX_CHANNEL))
    serial_number = attr.ib(default="", validator=a_serial_number)

    @property
    def pipe_uri(self) -> str:
        said = {
            "seed": self.seed,
            "recordings": self.recordings,
            "station": self.station,
            "faults": self.faults,
        }
        given = {key: str(value) for key, value in said.items() if value or key in ("seed", "recordings")}
        return str(DeviceUri("sim", "", {**given, **{key: str(one) for key, one in self.options.items()}}))

    @property
    def uri(self) -> str:
        return with_bay(self.pipe_uri, self.bay)


@target_factory.reg_resource
@attr.s(eq=False)
class NetworkBWCCamera(NetworkResource):
    """A device behind a bridge, or a simulator that listens: what a client gets of an exporter.

    The bridge has no keys: what protects the session goes through it, from this host to the device.
    """

    port = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(int)))
    bay = attr.ib(default=0, validator=whole(0, MAX_CHANNEL))
    serial_number = attr.ib(default="", validator=a_serial_number)

    @property
    def pipe_uri(self) -> str:
        """By labgrid's own way to the exporter, which may be a tunnel. Raises `ValueError` where nobody listens."""
        if self.port is None:
            raise ValueError("no bridge to it runs: its exporter starts one for a place that is acquired")
        return tcp_uri(*proxymanager.get_host_and_port(self))

    @property
    def uri(self) -> str:
        return with_bay(self.pipe_uri, self.bay)

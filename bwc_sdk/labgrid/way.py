"""The way to a device from its resource: the URI that the SDK takes."""

from __future__ import annotations

from typing import Final

from labgrid.resource import NetworkSerialPort, RawSerialPort, SerialPort
from labgrid.resource.common import Resource
from labgrid.util.proxy import proxymanager

from bwc_sdk.errors import InvalidUri
from bwc_sdk.labgrid.resources import (
    BWCBLECamera,
    BWCSerialCamera,
    BWCSimulator,
    BWCUSBCamera,
    NetworkBWCCamera,
    tcp_uri,
)

OURS: Final = (BWCUSBCamera, BWCSerialCamera, BWCBLECamera, BWCSimulator, NetworkBWCCamera)
DEVICE: Final = {*OURS, SerialPort, NetworkSerialPort}
"""What a device can be at: the drivers' binding `device`."""


ANY_SPEED: Final = 115_200
"""What labgrid says of a USB serial port that nobody gave a speed: most have none."""


def uri_of(resource: Resource) -> str:
    """Raises `InvalidUri` for one that leads to no device, now or ever."""
    if isinstance(resource, OURS):
        try:
            return resource.uri
        except ValueError as error:
            raise InvalidUri(f"{resource.display_name}: {error}") from error
    if isinstance(resource, SerialPort):
        if not resource.port:
            raise InvalidUri(
                f"{resource.display_name}: there is no such port now", advice="plug the device in"
            )
        real = isinstance(resource, RawSerialPort) or resource.speed != ANY_SPEED
        return f"serial:{resource.port}" + (f"?baud={resource.speed}" if real else "")
    if isinstance(resource, NetworkSerialPort):
        if resource.protocol != "raw" or resource.port is None:
            raise InvalidUri(
                f"{resource.display_name} is spoken to by {resource.protocol}, which has bytes of its own between ours",
                advice="export the port as BWCSerialCamera, by 'python -m bwc_sdk.labgrid.exporter'",
            )
        return tcp_uri(*proxymanager.get_host_and_port(resource))
    raise InvalidUri(f"{type(resource).__name__} is no place of a camera or docking station")


def expected_at(resource: Resource) -> str | None:
    """The serial number of who is expected there; None: whoever it is."""
    return resource.serial_number or None if isinstance(resource, OURS) else None

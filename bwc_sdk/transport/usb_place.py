"""A serial port by the USB port that it is plugged into: `serial:1-4.2`, whatever name the system gives it today."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from bwc_sdk.errors import PortNotFound

USB_PLACE: Final = re.compile(r"[0-9]{1,3}-[0-9]{1,3}(\.[0-9]{1,3}){0,6}(:[0-9]{1,3}\.[0-9]{1,3})?")
"""A path from the root hub, as `bwc devices` shows it; behind a colon the interface of a device that has several."""


def port_at(place: str, name: str, ports: Callable[[], Iterable[Any]] | None = None) -> str:
    """The port that is plugged in at `place`, its first interface unless one is named. Raises `PortNotFound`.

    Looked up anew each time: a device that restarts may come back under another name.
    """
    if ports is None:
        from serial.tools import list_ports

        ports = list_ports.comports
    found = {
        str(port.location): str(port.device)
        for port in ports()
        if port.location and place in (port.location, str(port.location).partition(":")[0])
    }
    if not found:
        raise PortNotFound(
            f"no serial port is at USB port {place}",
            device=name,
            advice="'bwc devices' lists what is plugged in by USB port",
        )
    return found[min(found, key=_interface)]


def _interface(location: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall("[0-9]+", location.partition(":")[2]))

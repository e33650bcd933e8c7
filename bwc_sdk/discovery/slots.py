"""What is plugged in, by slot. A device shows no name before a session protects it: only where it is plugged in.

Looking changes nothing and opens nothing. Serial ports are found by pyserial. A device that is reached in two ways,
as a camera with a bulk interface and a serial port, is one slot.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bwc_sdk.discovery.slot import USB_TEXT_MAX as USB_TEXT_MAX
from bwc_sdk.discovery.slot import Slot as Slot
from bwc_sdk.host.packages import PARTS, problem_of


class _Port(Protocol):
    """What pyserial knows of a port."""

    @property
    def device(self) -> str: ...
    @property
    def location(self) -> str | None: ...
    @property
    def vid(self) -> int | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def description(self) -> str | None: ...


def slots(*, uarts: bool = False) -> tuple[Slot, ...]:
    """Every USB device that may be ours: those with the bulk interface, and every USB serial port.

    In the order of port paths; with `uarts` also serial ports that are soldered on. Raises `HostExhausted` and
    `WrongPart` where it is not known whether there are any.
    """
    _check_that_looking_works()
    from serial.tools import list_ports

    from bwc_sdk.discovery.usb import usb_slots

    return merged(usb_slots(), slots_of(list_ports.comports(), uarts=uarts))


def _check_that_looking_works() -> None:
    """Without pyserial, or without a descriptor, it would just seem that nothing is there."""
    if problem_of(PARTS["pyserial"]) is not None:
        from bwc_sdk.host.required_packages import (
            require,  # it brings the protocol, which looking does not need
        )

        require("pyserial", "looking for ports")
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        from bwc_sdk.host.exhaustion import lack_of

        raise lack_of(error) from error


def merged(bulk: Iterable[Slot], serial: Iterable[Slot]) -> tuple[Slot, ...]:
    """One slot a device: the better link first, unless this user may only open the other."""
    found = {slot.port_path: slot for slot in bulk}
    ports: list[Slot] = []
    for port in serial:
        best = found.get(port.port_path) if port.port_path else None
        if best is None:
            ports.append(port)
        elif best.accessible or not port.accessible:
            found[port.port_path] = replace(best, others=(*best.others, port.uri))
        else:
            others = (*best.others, best.uri)
            found[port.port_path] = replace(port, others=others, description=best.description)
    everything = [*found.values(), *ports]
    return tuple(sorted(everything, key=lambda slot: (not slot.port_path, _natural(slot.port_path))))


def slots_of(ports: Iterable[_Port], *, uarts: bool = False) -> tuple[Slot, ...]:
    """The slots behind what pyserial lists."""
    found = [port for port in ports if uarts or port.vid is not None]
    return tuple(_slot(port) for port in sorted(found, key=_place))


def _slot(port: _Port) -> Slot:
    usb_id = f"{port.vid:04x}:{port.pid or 0:04x}" if port.vid is not None else ""
    return Slot(
        uri=f"serial:{port.device}",
        port_path=(port.location or "").partition(":")[0],
        usb_id=usb_id,
        description=(port.description or "")[:USB_TEXT_MAX],
        accessible=not Path(port.device).exists() or os.access(port.device, os.R_OK | os.W_OK),
    )


def _place(port: _Port) -> tuple[bool, tuple[int, ...], str]:
    """The order of ports: by USB port, then by the interface of a device that has several."""
    return not port.location, _natural(port.location or ""), port.device


def _natural(location: str) -> tuple[int, ...]:
    parts = location.replace("-", ".").replace(":", ".").split(".")
    return tuple(int(part) for part in parts if part.isdecimal())

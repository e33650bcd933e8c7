"""Cameras in radio reach. Looked for only on request: listening takes seconds, and a radio.

A camera that may be heard says that it is one, and nothing else: no name, and an address that changes.
"""

from typing import Final

from bwc_sdk.discovery.slots import Slot
from bwc_sdk.transport.bluetooth import SCAN_S, Bluetooth, Heard

SECONDS_MAX: Final = 60.0
"""Beyond, a program should listen again: addresses change."""


async def nearby(
    seconds: float = SCAN_S, *, adapter: str = "", hci: str = "", bluetooth: Bluetooth | None = None
) -> tuple[Slot, ...]:
    """Every camera that is heard within `seconds`, the strongest first; connects to none.

    `adapter` and `hci` choose the radio as in a `ble:` URI; `bluetooth` takes its place. Raises `MissingExtra`,
    and `TransportError` when this machine has no Bluetooth that works.
    """
    if not 0 < seconds <= SECONDS_MAX:
        raise ValueError(f"{seconds:g} s is no time to listen: up to {SECONDS_MAX:.0f} s are")
    own = bluetooth is None
    radio = bluetooth or await Bluetooth.of(adapter, hci)
    try:
        heard = await radio.listen(seconds)
    finally:
        if own:
            await radio.close()
    return tuple(slot_of(one, adapter, hci) for one in heard)


def slot_of(heard: Heard, adapter: str = "", hci: str = "") -> Slot:
    """Where a camera that was heard is reached, by the same radio."""
    options = "&".join(f"{key}={value}" for key, value in (("adapter", adapter), ("hci", hci)) if value)
    return Slot(
        uri=f"ble:{heard.device.address}" + (f"?{options}" if options else ""),
        port_path="",
        usb_id="",
        description=f"signal {heard.signal_dbm} dBm",
        accessible=True,
    )

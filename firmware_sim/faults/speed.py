"""How fast lines are that a simulator can be slowed down to: `bwc sim --link usb-hs`, `sim:?link=ble-2m`.

Rates are of the bytes of a link, after what the line itself adds to them. They are what such a line carries when
nothing disturbs it, and no promise of any device: real hosts reach a half to all of it.
"""

from dataclasses import dataclass
from typing import Final

BYTE_BITS: Final = 10
"""Of a UART, with start and stop bit."""
SMALL_FRAMES: Final = 1_024
"""Where a frame of 64 KiB would take seconds, nobody sends one."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one kind of line, both ways alike."""

    name: str
    rate: float
    """Bytes a second each way; where `shared`, both ways together."""
    latency_s: float
    """From when a byte has left one end until it is at the other."""
    max_payload: int | None = None
    """The largest frame that makes sense on it; None: the port's own."""
    shared: bool = False
    """Whether one direction at a time uses it, as in the air."""
    what: str = ""


def _serial(baud: int) -> Speed:
    return Speed(f"serial-{baud}", baud / BYTE_BITS, 0.001, SMALL_FRAMES, what=f"a UART at {baud} baud, 8N1")


LINKS: Final = {
    one.name: one
    for one in (
        Speed(
            "usb-hs",
            40_000_000.0,
            0.000_25,
            what="USB high speed, bulk: 10 of 13 packets of 512 in 125 us",
        ),
        Speed(
            "usb-fs",
            1_000_000.0,
            0.001,
            what="USB full speed, bulk: 16 of 19 packets of 64 in 1 ms",
        ),
        _serial(115_200),
        _serial(921_600),
        Speed(
            "ble-2m", 175_000.0, 0.015, SMALL_FRAMES, True, "BLE, 2M, packets of 251: 244 bytes in 1,392 us"
        ),
        Speed(
            "ble-1m", 99_000.0, 0.015, SMALL_FRAMES, True, "BLE, 1M, packets of 251: 244 bytes in 2,468 us"
        ),
        Speed("ethernet", 11_760_000.0, 0.000_2, what="100 Mbit/s, TCP: 1,460 of 1,538 bytes, less ACKs"),
        Speed("ethernet-1000", 117_600_000.0, 0.000_1, what="1 Gbit/s, TCP"),
    )
}
"""By the name that the command line and URIs take."""


def speed(name: str) -> Speed:
    """The speed of that name. Raises `ValueError` with those that there are."""
    if name not in LINKS:
        raise ValueError(f"there is no link {name[:40]!r}; known: {', '.join(LINKS)}")
    return LINKS[name]

"""BLE: the GATT service that carries a link, and what a device may say in the air (spec: BLE).

One characteristic takes the host's bytes, one notifies the device's: a byte pipe under the frames of every other
link. A device shows nothing in the air but that it is such a device.
"""

from collections import deque
from typing import Final

from bwc_protocol.frame import CRC_SIZE, HEADER_SIZE

SERVICE_UUID: Final = "6b1f0001-8c3e-4f2a-9d57-b357c0a1e2d4"
"""The one service; what hosts scan for."""
TO_DEVICE_UUID: Final = "6b1f0002-8c3e-4f2a-9d57-b357c0a1e2d4"
"""Characteristic with write-without-response: bytes from the host."""
TO_HOST_UUID: Final = "6b1f0003-8c3e-4f2a-9d57-b357c0a1e2d4"
"""Characteristic with notify: bytes from the device."""

VALUE_MAX: Final = 512
"""Bytes of one value at most: no GATT attribute is longer, whatever the MTU would carry."""
VALUE_MIN: Final = 20
"""Bytes of one value at least: what the smallest MTU, 23, leaves."""
FRAME_BYTES: Final = 2_048
"""A frame fills as many values as this has room for: header and CRC then cost little, and it takes 50 ms."""
SMALL_VALUE: Final = 128
"""Bytes of a value below which frames are short instead: such a connection is slow, and 2 KiB would hold it up."""
SHORT_PAYLOAD: Final = 244
"""Payload of a short frame: a tenth of it is header and CRC."""
ROTATE_S: Final = 900.0
"""A device's address is replaced after 15 min at the latest, as phones and watches do."""
PAIRING_WINDOW_S: Final = 120.0
"""How long a press of the pairing button lets an undocked device be found: time to walk to a desk."""
DEAD_AFTER_S: Final = 10.0
"""Silence that ends a link: a radio pauses for longer than a cable."""

_FLAGS: Final = bytes((2, 0x01, 0x06))
"""Advertising data "flags": general discoverable, no classic Bluetooth."""
_ALL_128_BIT_UUIDS: Final = 0x07


def payload_for(value_bytes: int) -> int:
    """Bytes of frame payload that suit a pipe whose values carry `value_bytes`: the frame fills its last value."""
    if value_bytes < SMALL_VALUE:
        return SHORT_PAYLOAD
    values = FRAME_BYTES // min(value_bytes, VALUE_MAX)
    return values * min(value_bytes, VALUE_MAX) - HEADER_SIZE - CRC_SIZE


def advertisement() -> bytes:
    """The whole advertising data, the same of every device: 21 of the 31 bytes that there are."""
    uuid = bytes.fromhex(SERVICE_UUID.replace("-", ""))[::-1]
    return _FLAGS + bytes((1 + len(uuid), _ALL_128_BIT_UUIDS)) + uuid


class Packer:
    """Cuts what is to be sent into values, in order: a part that fits into one value is not split over two.

    The link drains frames of this size as one part each, so that a value holds whole frames where it can.
    """

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self.size = 0
        """Bytes that wait."""

    def push(self, parts: list[bytes]) -> None:
        """Adds bytes."""
        self._parts.extend(parts)
        self.size += sum(map(len, parts))

    def take(self, value_bytes: int) -> bytes:
        """The next value, of at most `value_bytes` bytes; empty when nothing waits."""
        parts = self._parts
        if not parts:
            return b""
        first = parts.popleft()
        if len(first) > value_bytes:
            parts.appendleft(first[value_bytes:])
            first = first[:value_bytes]
        taken, size = [first], len(first)
        while parts and size + len(parts[0]) <= value_bytes:
            taken.append(parts.popleft())
            size += len(taken[-1])
        self.size -= size
        return first if len(taken) == 1 else b"".join(taken)

    def clear(self) -> None:
        """Forgets what waits."""
        self._parts.clear()
        self.size = 0

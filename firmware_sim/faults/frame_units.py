"""Cuts a stream of bytes into the frames in it, so that a fault hits a frame and not a stretch of bytes."""

from bwc_protocol.frame import CRC_SIZE, HEADER, HEADER_SIZE, MAX_PAYLOAD, SYNC

LENGTH_FIELD = 8
"""Index of the payload's length among the fields of a header."""


class FrameUnits:
    """Bytes in, whole frames out. What does not begin like a frame passes as it came. No CRC is looked at."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """The units that are complete now. At most one frame is held back."""
        self._held += data
        units = []
        at, end = 0, len(self._held)
        while at < end:
            if self._held[at : at + 2] != SYNC[: end - at]:
                units.append(bytes(self._held[at:]))  # not our protocol, or damaged: nothing to go by
                at = end
                break
            if end - at < HEADER_SIZE:
                break
            length = HEADER.unpack_from(self._held, at)[LENGTH_FIELD]
            if length > MAX_PAYLOAD:
                units.append(bytes(self._held[at:]))
                at = end
                break
            size = HEADER_SIZE + (length + CRC_SIZE if length else 0)
            if end - at < size:
                break
            units.append(bytes(self._held[at : at + size]))
            at += size
        del self._held[:at]
        return units

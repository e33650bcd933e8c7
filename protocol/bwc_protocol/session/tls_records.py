"""Where the records of TLS begin and end in what comes: known before OpenSSL sees them (spec: Secure session).

So a peer is held to the bounds of this protocol before memory or work is spent on it, and the room that a plaintext
needs is known before it is opened.
"""

from typing import Final

HEADER_SIZE: Final = 5
"""Type, legacy version, length."""
PLAINTEXT_MAX: Final = 16_384
"""Plaintext of one record (RFC 8446, section 5.1)."""
CIPHERTEXT_MAX: Final = PLAINTEXT_MAX + 256
"""What a record may carry at most (RFC 8446, section 5.2)."""
PROTECTION: Final = 17
"""Of it the type inside and the tag of AES-GCM."""
OVERHEAD: Final = HEADER_SIZE + PROTECTION
"""What sealing adds to the plaintext of one record."""
APPLICATION_DATA: Final = 23
_TYPES: Final = (20, 21, 22, 23)  # change_cipher_spec, alert, handshake, application_data
_MAJOR: Final = 3


class BrokenRecord(Exception):
    """A header that no record of this protocol has."""


def length_of(header: bytes | bytearray | memoryview, *, sealed: bool) -> int:
    """How many bytes follow a header; `sealed`: behind the handshake. Raises `BrokenRecord`."""
    kind, length = header[0], header[3] << 8 | header[4]
    if header[1] != _MAJOR or kind not in _TYPES:
        raise BrokenRecord(f"{bytes(header[:HEADER_SIZE]).hex()} begins no record of TLS")
    if sealed and kind != APPLICATION_DATA:
        raise BrokenRecord(f"a record of type {kind} in the open, behind the handshake")
    if length > CIPHERTEXT_MAX:
        raise BrokenRecord(f"a record of {length} bytes, at most {CIPHERTEXT_MAX}")
    return length


class Gatherer:
    """Makes whole records of pieces, during a handshake of at most `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._partial = bytearray()
        self._wanted = HEADER_SIZE

    def take(self, view: memoryview) -> tuple[bytes, int]:
        """The next record, if the piece completes it, and how much of the piece was taken. Raises `BrokenRecord`."""
        at = 0
        while at < len(view):
            take = min(self._wanted - len(self._partial), len(view) - at)
            self._partial += view[at : at + take]
            at += take
            if len(self._partial) < self._wanted:
                break
            if len(self._partial) == HEADER_SIZE:
                self._wanted += length_of(self._partial, sealed=False)
                self._taken += self._wanted
                if self._taken > self._most:
                    raise BrokenRecord(f"more than {self._most} bytes of handshake")
            if len(self._partial) == self._wanted:
                record = bytes(self._partial)
                self._partial.clear()
                self._wanted = HEADER_SIZE
                return record, at
        return b"", at


class Scanner:
    """Follows the records behind the handshake, without gathering them."""

    def __init__(self) -> None:
        self._header = bytearray()  # of the present record, as long as it is not whole
        self._inside = False  # of a record whose header is known
        self._left = HEADER_SIZE  # bytes to the end of the header, or of the record
        self._room = 0  # what the present record holds at most

    def scan(self, view: memoryview) -> tuple[int, int, BrokenRecord | None]:
        """How many records the piece completes, how much plaintext they hold at most, and what is wrong behind them.

        Each counts as holding one byte at least.
        """
        records = room = at = 0
        end = len(view)
        while end - at >= self._left:
            following = at + self._left
            if self._inside:
                records += 1
                room += self._room
                self._inside, self._left = False, HEADER_SIZE
            else:
                header = view[at:following]
                try:
                    self._left = length_of(self._header + header if self._header else header, sealed=True)
                except BrokenRecord as error:
                    return records, room, error
                self._header.clear()
                self._inside, self._room = True, max(1, self._left - PROTECTION)
            at = following
        if not self._inside:
            self._header += view[at:]
        self._left -= end - at
        return records, room, None

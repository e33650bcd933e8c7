"""One line of a custody chain (spec: Recording, "Custody chain").

A store has one chain for each host that writes into it: a file of lines, of which each names the one before by its
hash. So a line that is changed, or taken out of the middle, is found by whoever counts again.
"""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bwc_sdk.quantity import exact_utc

CHAIN_PREFIX: Final = "custody_"
CHAIN_SUFFIX: Final = ".chain"
LINE_MAX: Final = 2_048
"""Bytes of a line, of which the longest of today has about 700: names of files have 255 at most."""
COUNTER_MAX: Final = 1 << 53
"""Readers of JSON round above it."""
DOMAIN: Final = b"BWC-CUSTODY-CHAIN1"
"""Begins each chain: its hashes are nothing else's."""
_DRAWN_DIGITS: Final = 16
_NAME: Final = re.compile(re.escape(CHAIN_PREFIX) + r"([0-9a-f]{16})([0-9a-f]{16})" + re.escape(CHAIN_SUFFIX))
_SUM_DIGITS: Final = 16
"""Enough that no fault of a medium passes; against people it is the chain that counts."""
_DIGEST_DIGITS: Final = 64

Clock = dict[str, bool | int | str | None]
"""What a host knew of its clock: `HostTime.plain()`."""


class Recorded(StrEnum):
    """What a line is about. Words are only added."""

    SEGMENT = "segment"
    """The custody record of a segment."""
    ANNOTATIONS = "annotations"
    """What was said of a recording, as its camera signed it."""
    OBJECTS = "objects"
    """The list of objects that a receipt names."""
    RECEIPT = "receipt"
    """A receipt that was signed, or brought, here."""
    TOMBSTONE = "tombstone"
    """What a camera signed before it erased a recording."""
    DERIVATION = "derivation"
    """A copy that was made from a recording: its record, which has the copy's hash."""
    EXPORT = "export"
    """What was given to others: the record of it."""


class LineError(ValueError):
    """A line is none that a host wrote; it says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyLine:
    """One line."""

    counter: int
    """From 1, without gaps."""
    previous_sha256: bytes
    """Of the line before, without its end; of the first line `chain_root`."""
    what: str
    """A `Recorded`, or a word of a later version."""
    file: str
    """The file in the store that it is about."""
    sha256: bytes
    """Of that file's content."""
    found: bool
    """Whether the file stood there without a line: a host stopped between the two, or it is older than the chain."""
    cut_bytes: int
    """Bytes of an unfinished line that stood here before, and were cut off."""
    utc_ns: int
    """When, by the host's clock."""
    clock: Clock

    def encode(self) -> bytes:
        """The line, without its end."""
        plain = self._plain()
        return _compact({**plain, "sum": _sum(plain)})

    def _plain(self) -> dict[str, object]:
        return {
            "clock": self.clock,
            "counter": self.counter,
            "cut_bytes": self.cut_bytes,
            "file": self.file,
            "found": self.found,
            "previous_sha256": self.previous_sha256.hex(),
            "sha256": self.sha256.hex(),
            "utc": exact_utc(self.utc_ns),
            "utc_ns": self.utc_ns,
            "what": self.what,
        }

    @classmethod
    def decode(cls, line: bytes) -> "CustodyLine":
        """The line of its bytes. Raises `LineError` for all that `encode` does not write."""
        if len(line) > LINE_MAX:
            raise LineError(f"a line of {len(line)} bytes, more than {LINE_MAX}")
        try:
            plain = json.loads(line)
            found = cls(
                counter=_int(plain["counter"], 1),
                previous_sha256=_digest(plain["previous_sha256"]),
                what=_text(plain["what"]),
                file=_text(plain["file"]),
                sha256=_digest(plain["sha256"]),
                found=_flag(plain["found"]),
                cut_bytes=_int(plain["cut_bytes"], 0),
                utc_ns=_int(plain["utc_ns"], -(1 << 63), 1 << 63),
                clock=_clock(plain["clock"]),
            )
            same = found.encode() == line
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            raise LineError(f"no line of a custody chain: {error}") from error
        if not same:
            raise LineError("something in it was changed, or it is not written as a host writes it")
        return found

    @property
    def line_sha256(self) -> bytes:
        """What the next line names."""
        return hashlib.sha256(self.encode()).digest()

    def after(self, before: "CustodyLine | None", chain: str) -> "CustodyLine":
        """The same as the next one behind `before`; None: as the first of the file `chain`."""
        if before is None:
            return replace(self, counter=1, previous_sha256=chain_root(chain))
        return replace(self, counter=before.counter + 1, previous_sha256=before.line_sha256)


def chain_name(drawn: bytes, host: bytes) -> str:
    """The file of a chain: what was drawn for it, and a hash by which its host, and nobody else, knows it again."""
    tag = hashlib.sha256(b"BWC-CUSTODY-HOST1" + drawn + host).hexdigest()[:_DRAWN_DIGITS]
    return f"{CHAIN_PREFIX}{drawn.hex()}{tag}{CHAIN_SUFFIX}"


def is_chain(name: str) -> bool:
    """Whether a file of a store is a custody chain, by its name."""
    return _NAME.fullmatch(name) is not None


def is_chain_of(name: str, host: bytes) -> bool:
    """Whether it is one that this host began."""
    match = _NAME.fullmatch(name)
    return match is not None and name == chain_name(bytes.fromhex(match[1]), host)


def chain_root(name: str) -> bytes:
    """What the first line of a chain names, so that no line of one chain begins another."""
    return hashlib.sha256(DOMAIN + name.encode()).digest()


def _compact(plain: dict[str, object]) -> bytes:
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def _sum(plain: dict[str, object]) -> str:
    return hashlib.sha256(_compact(plain)).hexdigest()[:_SUM_DIGITS]


def _int(value: object, least: int, most: int = COUNTER_MAX) -> int:
    if type(value) is not int or not least <= value <= most:
        raise LineError(f"{value!r} is out of its range")
    return value


def _digest(value: object) -> bytes:
    if type(value) is not str or len(value) != _DIGEST_DIGITS:
        raise LineError("a hash that is none")
    return bytes.fromhex(value)


def _text(value: object) -> str:
    if type(value) is not str or not value.isprintable():
        raise LineError("a text that is none")
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise LineError("yes or no, and it is neither")
    return value


def _clock(value: object) -> Clock:
    if type(value) is not dict or not all(
        one is None or type(one) in (bool, int, str) for one in value.values()
    ):
        raise LineError("what was known of the clock cannot be read")
    return value

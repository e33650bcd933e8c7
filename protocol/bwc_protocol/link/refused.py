"""What was thrown away last, and what exactly did not hold: for whoever builds the other end (spec: Frame, Link)."""

import enum
import zlib
from dataclasses import dataclass
from typing import Final

from bwc_protocol.crc import crc32c
from bwc_protocol.frame import CRC_SIZE, HEADER_SIZE, Damage, DamageKind

_ALL: Final = 0xFFFF_FFFF
_BARE_MAX: Final = 128
"""Bytes that a CRC is computed of a bit at a time, to find a mistake: headers and control payloads. Footage is not
worth milliseconds a frame on a line that damages many."""
_IN_HEX: Final = frozenset({"link", "host_nonce", "header CRC-32C", "payload CRC-32C"})


class DiscardReason(enum.Enum):
    """Why a frame that came was thrown away. The values say it to people."""

    HEADER_CRC = "damaged header"
    PAYLOAD_CRC = "damaged payload, or cut off"
    OVERSIZE = "longer than agreed"
    MALFORMED = "breaks a rule: type, channel, version or contents"
    STALE_LINK = "of another link"
    STALE_EPOCH = "of an earlier life of its channel"
    DUPLICATE = "came before"
    OUT_OF_WINDOW = "beyond the window"


@dataclass(frozen=True, slots=True)
class RefusedFrame:
    """A frame that was thrown away: `field` of `frame` was `came`, where only `wanted` fits.

    `frame` is the name of its type, or "a frame" where that cannot be known; `field` is named as in the specification;
    `wanted` is None where the rule is no single value. `hint` is what may be the cause, or "".
    """

    reason: DiscardReason
    frame: str
    field: str
    came: int
    wanted: int | None = None
    hint: str = ""

    @property
    def rule(self) -> str:
        """What did not hold, in one line."""
        wanted = "" if self.wanted is None else f", not {self._shown(self.wanted)}"
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.frame} with {self.field} {self._shown(self.came)}{wanted}{hint}"

    def _shown(self, value: int) -> str:
        return f"{value:08x}" if self.field in _IN_HEX else str(value)


_REASONS: Final = {
    DamageKind.HEADER_CRC: DiscardReason.HEADER_CRC,
    DamageKind.PAYLOAD_CRC: DiscardReason.PAYLOAD_CRC,
    DamageKind.CUT_OFF: DiscardReason.PAYLOAD_CRC,
    DamageKind.OVERSIZE: DiscardReason.OVERSIZE,
    DamageKind.TYPE: DiscardReason.MALFORMED,
}


def damaged(damage: Damage) -> RefusedFrame:
    """The same of what the parser found to be no good frame."""
    reason, came, wanted = _REASONS[damage.kind], damage.came, damage.wanted
    match damage.kind:
        case DamageKind.HEADER_CRC:
            hint = crc_hint(damage.header[:-CRC_SIZE], came)
            return RefusedFrame(reason, "a frame", "header CRC-32C", came, wanted, hint)
        case DamageKind.PAYLOAD_CRC:
            checked = damage.header[:-CRC_SIZE] + damage.payload
            hint = crc_hint(checked, came) or _uncovered(damage, came)
            return RefusedFrame(reason, "a frame", "payload CRC-32C", came, wanted, hint)
        case DamageKind.CUT_OFF:
            hint = "the rest did not come within 200 ms"
            return RefusedFrame(reason, "a frame", "bytes", came, wanted, hint)
        case DamageKind.OVERSIZE:
            return RefusedFrame(reason, "a frame", "length", came, hint=f"at most {wanted} bytes fit")
        case DamageKind.TYPE:
            return RefusedFrame(reason, "a frame", "type", came, hint="there is no such type")


def crc_hint(checked: bytes, came: int) -> str:
    """How a CRC that does not fit was made, if it is one of the usual mistakes; else ""."""
    true = crc32c(checked)
    if came == 0:
        return "it is not computed"
    if came == zlib.crc32(checked):
        return "it is the CRC-32 of zlib, of another polynomial"
    if came == true ^ _ALL:
        return "the last step is missing: all bits are inverted"
    if came == int.from_bytes(true.to_bytes(CRC_SIZE, "little"), "big"):
        return "its bytes are in the wrong order: it goes little-endian"
    if len(checked) <= _BARE_MAX and came == _bare(checked):
        return "it has to start from ffffffff"
    return ""


def _bare(checked: bytes) -> int:
    """The same CRC of a device that starts from 0 and inverts nothing."""
    whole = 0
    for byte in checked:
        whole ^= byte
        for _ in range(8):
            whole = whole >> 1 ^ (0x82F6_3B78 if whole & 1 else 0)
    return whole


def _uncovered(damage: Damage, came: int) -> str:
    if came == crc32c(damage.payload):
        return "it covers the payload alone, and not bytes 0 to 19 of the header before it"
    if came == crc32c(damage.header[:HEADER_SIZE] + damage.payload):
        return "it covers the header's own CRC, which it must leave out"
    return ""

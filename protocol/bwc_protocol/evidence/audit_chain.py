"""The hash chain of a device's audit log (spec: Audit log).

Entry *n* hashes, in this order, little-endian and without padding: 16 bytes of domain `BWC-AUDIT-CHAIN1`, the
32-byte hash of entry *n* - 1 (zeros before entry 1), sequence u64, time i64 (ns of UTC since 1970), boot
counter u32, kind u8, length of the actor u8 and the actor in UTF-8, length of the detail u16 and the detail
in UTF-8. An entry that is changed, removed or inserted changes every hash after it.
"""

import hashlib
import struct
from typing import Final

from bwc_protocol.evidence.vocabulary import NO_SHA256

AUDIT_ROOT_SHA256: Final = NO_SHA256
"""The hash before entry 1."""

_DOMAIN: Final = b"BWC-AUDIT-CHAIN1"
_HEAD: Final = struct.Struct("<16s32sQqIB")


def audit_entry_sha256(
    previous_sha256: bytes,
    *,
    sequence: int,
    utc_ns: int,
    boot_counter: int,
    kind: int,
    actor: str,
    detail: str,
) -> bytes:
    """Hash of one entry, to be compared with what the device states.

    `actor` is at most 255 bytes of UTF-8 and `detail` at most 65,535. Raises `struct.error` beyond the ranges
    of the layout; the declaration of an audit entry is narrower.
    """
    who, what = actor.encode(), detail.encode()
    head = _HEAD.pack(_DOMAIN, previous_sha256, sequence, utc_ns, boot_counter, kind)
    layout = head + struct.pack("<B", len(who)) + who + struct.pack("<H", len(what)) + what
    return hashlib.sha256(layout).digest()

"""Content keys wrapped anew: for somebody for whom the camera had not encrypted (spec: Exports).

The footage stays as it is, and so does the camera's signature. Whoever has the wrapped key opens this one recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import EvidenceError, Manifest, Protection, cbor, sealing
from bwc_sdk.evidence.naming import HASH_DIGITS, WRAPS_SUFFIX, recording_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from bwc_sdk.evidence.store import Store

WRAPS_MAX: Final = 1_024
"""Bytes of a file; one has about 160."""
Reader = Callable[[str], bytes | None]
"""Gives a small file of the store, `WRAPS_MAX` + 1 bytes at most, or None if it is not there."""


def wraps_name(manifest: Manifest, recipient: bytes) -> str:
    """The name of a key wrapped anew, by the recipient's id."""
    whole = recording_name(manifest.camera, manifest.recording_id, manifest.sha256)
    return f"{whole}_{recipient.hex()[:HASH_DIGITS]}{WRAPS_SUFFIX}"


def rewrap(key: bytes, manifest: Manifest, recipient: ec.EllipticCurvePublicKey) -> tuple[str, bytes]:
    """A content key for one more recipient: name and content of the file."""
    wrap = sealing.wrap_key(key, recipient, manifest.recording_id)
    name = wraps_name(manifest, sealing.recipient_id(recipient))
    return name, cbor.encode(Protection(wraps=(wrap,)).to_map())


def wraps_in(store: Store) -> Reader:
    """Finds keys that were wrapped anew in a store; what cannot be read is not there."""

    def read(name: str) -> bytes | None:
        try:
            return store.read(name, WRAPS_MAX)
        except OSError:
            return None

    return read


def read_wraps(data: bytes) -> Protection:
    """What a file of the store holds. Raises `EvidenceError`."""
    if len(data) > WRAPS_MAX:
        raise EvidenceError("wraps-size", f"it has more than {WRAPS_MAX} bytes")
    return Protection.from_map(cbor.decode(data))

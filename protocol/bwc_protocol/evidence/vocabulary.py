"""Numbers of the recording container: limits with their reasons, and what its enumerations say."""

from typing import Final

from bwc_protocol.versions import V1_2
from bwc_protocol.word import Word

MANIFEST_VERSION: Final = 1
"""Raised only when an older reader would misread; appended fields do not raise it."""

CHUNK_SIZE: Final = 1_048_576
"""Stored bytes of a chunk: small enough to fetch again over a slow link, large enough that hashing and
writing cost no more than for a whole file."""
MIN_CHUNK_SIZE: Final = 4_096
"""A device with less memory may store smaller chunks; below one flash page the table outgrows its use."""
MAX_CHUNKS: Final = 65_536
"""Chunks of one segment: 64 GiB of footage, and a table of 2 MiB that a receiver can hold in memory."""
TAG_SIZE: Final = 16
"""Bytes that a sealed chunk is longer than what was filmed: its authentication tag stands at its end."""
DIGEST_SIZE: Final = 32
"""Bytes of one SHA-256."""

SEGMENT_MAX_S: Final = 900
"""Longest segment: what a lost or unreadable file can cost is a quarter of an hour."""
MAX_SEGMENTS: Final = 96
"""Segments of one recording: 24 hours of full ones, longer than a shift. 96 entries of at most 78 bytes leave
the manifest more than 5 KiB below its bound for fields that are appended later."""
MAX_INTERVALS: Final = 64
"""Mute (and likewise stealth) intervals of one recording; a device that runs out keeps the last one open,
since footage called muted that has sound misleads less than the reverse."""
MANIFEST_MAX: Final = 16_384
"""Bytes of an encoded manifest: one message on every transport."""

RECORDING_ID_SIZE: Final = 16
"""Random bytes of a recording id: cameras need no register to stay distinct."""
CAMERA_MAX: Final = 64
"""Characters of a camera's identity in a manifest."""
POLICY_MAX: Final = 64
"""Characters of a policy identifier."""
PRE_EVENT_MAX_S: Final = 600
"""Longest pre-event buffer that may be asked for; the longest found on a product is 120 s."""
UNBOUNDED_MS: Final = 0xFFFF_FFFF
"""Clock uncertainty that has no bound: the clock was never set since it lost its time."""
NO_SHA256: Final = bytes(DIGEST_SIZE)
"""Stands where there is nothing to hash: before the first manifest, and where no policy applies."""


class ClockState(Word):
    """How far a device's time can be relied on."""

    UNSET = 0
    """Never set since the clock lost its time: the stamps give order and length, not the time of day."""
    SYNCED = 1
    """Set recently, from a source of known uncertainty."""
    HOLDOVER = 2
    """Running on its own crystal for longer than that; the uncertainty grows and is still a bound."""


class TriggerReason(Word):
    """What started a recording."""

    OFFICER_BUTTON = 1
    REMOTE = 2
    """A person elsewhere; audited, and off unless the policy allows it."""
    SIGNAL_PEER = 3
    """Another camera close by."""
    HOLSTER = 4
    VEHICLE = 5
    """Light bar, siren or crash sensor."""
    BENCH = 6
    """A test bench; such a recording is no evidence."""


class CipherSuite(Word):
    """How chunks are protected at rest."""

    NONE = 0
    """Stored as recorded."""
    AES_256_GCM = 1, V1_2
    """Ciphertext and a tag of 16 bytes, under the content key that `protection` has."""


class EvidenceError(Exception):
    """A manifest, table or chunk that breaks a rule of the container.

    `rule` is the short name of the rule in the specification, `detail` says what was found instead.
    """

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail

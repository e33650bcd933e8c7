"""The first bytes of a channel, each way: versions, and what the session is bound to (spec: Preamble)."""

import hashlib
from dataclasses import dataclass
from typing import Final

import construct as c

from bwc_protocol.versions import NEWEST as NEWEST
from bwc_protocol.versions import OLDEST as OLDEST
from bwc_protocol.versions import V1_2, Version
from bwc_protocol.vocabulary import PeerKind

MAGIC: Final = b"BWC\x01"
SIZE: Final = 32
NO_PROTECTION: Final = 0  # of the insecure session, and of every end of version 1.1 or older
PROTECTED_SINCE: Final[Version] = V1_2
"""Ends of a version before know the insecure session alone."""
TLS_1_3: Final = 1  # as "Secure session" of the specification has it
MIN_PLAINTEXT: Final = 512
"""Every peer takes this much at once; so a device with 1 KiB of buffer can take part."""

PREAMBLE: Final = c.Struct(
    "magic" / c.Const(MAGIC),
    "oldest_major" / c.Int8ul,
    "oldest_minor" / c.Int8ul,
    "newest_major" / c.Int8ul,
    "newest_minor" / c.Int8ul,
    "kind" / c.Int8ul,
    "protection" / c.Int8ul,
    "reserved" / c.Bytes(2),
    "max_plaintext" / c.Int32ul,
    "random" / c.Bytes(16),
)


class NotAPreamble(Exception):
    """The first bytes of the channel are not a preamble: the peer speaks something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preamble:
    """One side's preamble. `protection` is what its session protects by; `max_plaintext` is what the peer may seal at
    once, in bytes."""

    oldest: Version = OLDEST
    newest: Version = NEWEST
    kind: PeerKind
    protection: int = NO_PROTECTION
    max_plaintext: int
    random: bytes

    def encode(self) -> bytes:
        return PREAMBLE.build(
            {
                "oldest_major": self.oldest[0],
                "oldest_minor": self.oldest[1],
                "newest_major": self.newest[0],
                "newest_minor": self.newest[1],
                "kind": self.kind,
                "protection": self.protection,
                "reserved": bytes(2),
                "max_plaintext": self.max_plaintext,
                "random": self.random,
            }
        )

    @staticmethod
    def decode(data: bytes) -> "Preamble":
        """Raises `NotAPreamble`."""
        try:
            raw = PREAMBLE.parse(data)
            kind = PeerKind(raw.kind)
        except (c.ConstructError, ValueError) as error:
            raise NotAPreamble(f"{data[:SIZE].hex()} is not a preamble") from error
        if raw.max_plaintext < MIN_PLAINTEXT:
            raise NotAPreamble(f"it takes only {raw.max_plaintext} bytes at once, at least {MIN_PLAINTEXT}")
        return Preamble(
            oldest=(raw.oldest_major, raw.oldest_minor),
            newest=(raw.newest_major, raw.newest_minor),
            kind=kind,
            protection=raw.protection,
            max_plaintext=raw.max_plaintext,
            random=raw.random,
        )


def choose_version(ours: Preamble, theirs: Preamble) -> Version | None:
    """The newest version that both speak, or None."""
    newest = min(ours.newest, theirs.newest)
    return newest if newest >= max(ours.oldest, theirs.oldest) else None


def binding(host: bytes, device: bytes) -> bytes:
    """SHA-256 over exactly the two preambles: what SESSION_INFO of each side must name."""
    return hashlib.sha256(host + device).digest()

"""What is told of a device's footage as a whole."""

from dataclasses import dataclass

from bwc_protocol.evidence import NO_SHA256


@dataclass(frozen=True, slots=True)
class FootageFacts:
    """Where a device's recordings end, and how many there are."""

    last_sequence: int = 0
    last_manifest_sha256: bytes = NO_SHA256
    recordings: int = 0
    held: int = 0
    undelivered: int = 0
    """Those that fewer destinations have than the configuration asks for."""
    recording: bool = False
    """Whether one is being recorded, which is not among them yet."""

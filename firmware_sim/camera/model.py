"""What kind of camera is simulated, and how one is told from another."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bwc_protocol.evidence import CHUNK_SIZE
from bwc_protocol.frame import MAX_PAYLOAD
from bwc_protocol.messages.identity import Capability
from bwc_protocol.versions import NEWEST, Version
from bwc_protocol.vocabulary import PeerKind
from firmware_sim.device.conversation_profile import ConversationProfile
from firmware_sim.device.make import Make
from firmware_sim.device.trust.kept import Agency
from firmware_sim.flash.flash import Flash
from firmware_sim.footage.source import FootageSource, Mp4Footage

CAMERA_MAKE: Final = Make("SimCam 1", "sim-A", "1.0.0", battery_cells=1)
CAPABILITIES: Final = (
    Capability.SERIAL
    | Capability.CONFIG_UPLOAD
    | Capability.STEALTH
    | Capability.MUTE
    | Capability.BENCH
    | Capability.SIMULATOR
)
CAPACITY_BYTES: Final = 64_000_000_000
"""A common size; 23 hours at the default rate."""

AMBIENT_C: Final = 22.0
IDLE_MA: Final = 120.0
"""Buffering: the sensor runs, nothing is written."""
RECORDING_MA: Final = 331.0
"""4,300 mAh last 13 hours of recording, as tenders ask."""
SLEEPING_MA: Final = 4.0
OFF_MA: Final = 0.05
"""The real-time clock and the protection circuit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """How to make a simulated camera. The same options give the same camera."""

    seed: int = 0
    capacity_bytes: int = CAPACITY_BYTES
    footage: FootageSource = field(default_factory=Mp4Footage)
    state: Path | Flash | None = None
    """The flash on which the device lives on, or the directory of that; None: one in memory."""
    docked: bool = True
    max_payload: int = MAX_PAYLOAD
    """Bytes of payload in the largest frame that it offers, on any pipe: a device with little memory offers few."""
    agency: Agency | None = None
    """Whose factory made it; None: development firmware, which has no identity and whose sessions protect nothing."""
    enrolled: bool = True
    """Whether that agency has enrolled it, or it comes from the factory."""
    sealed: bool = True
    """Whether that agency, where it enrolled it, gave it the certificates of its evidence recipients: without them
    footage is stored as it was recorded."""
    chunk_size: int = CHUNK_SIZE
    """Stored size of a chunk of what it records: `MIN_CHUNK_SIZE` to `CHUNK_SIZE`."""
    speaks: Version = NEWEST
    """The newest version of the protocol that its firmware knows; before `PROTECTED_SINCE` it has no agency."""

    def profile(self) -> ConversationProfile:
        """How it converses."""
        return ConversationProfile(
            PeerKind.CAMERA, CAPABILITIES, CAMERA_MAKE.firmware_sha256, newest=self.speaks
        )

    @property
    def serial(self) -> str:
        """The serial number: told from the seed, and never one of a real product."""
        return f"SIM-{self.seed & 0xFFFF_FFFF:08X}"

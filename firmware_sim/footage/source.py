"""Where a recorder has its footage from: a camera's sensor, or a stand-in of any size."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from firmware_sim.footage.mp4 import BYTES_PER_SECOND, Picture, Scene, segment_mp4
from firmware_sim.storage.blobs import Blob, MemoryBlob, SyntheticBlob

MIN_SEGMENT_BYTES: Final = 1
"""No segment is empty: a file of no bytes is not footage."""


class FootageSource(Protocol):
    """Makes the stored bytes of one segment; the same scene gives the same bytes."""

    @property
    def bytes_per_second(self) -> int:
        """What is expected of it, to tell how long the storage lasts."""

    @property
    def grows(self) -> bool:
        """Whether what there is of a segment at any moment can be told before its end."""

    def segment(self, scene: Scene) -> Blob:
        """The segment's file."""


@dataclass(frozen=True, slots=True)
class Mp4Footage:
    """Real footage (see `footage`), as the camera is configured to film it."""

    cache: Path | None = None
    bytes_per_second: int = BYTES_PER_SECOND
    grows: bool = field(default=False, init=False)
    """To encode all of it anew each second would take the machine's time."""

    def segment(self, scene: Scene) -> Blob:
        data = segment_mp4(
            scene.start_utc_ns,
            scene.duration_ms / 1000,
            scene.label,
            scene.seed,
            scene.mute,
            self.cache,
            scene.picture,
            scene.gain_db,
        )
        return MemoryBlob(data)


def expected_rate(source: FootageSource, picture: Picture) -> int:
    """Bytes a second to be expected: what is configured, of a sensor; its own of a stand-in."""
    return picture.bytes_per_second if isinstance(source, Mp4Footage) else source.bytes_per_second


@dataclass(frozen=True, slots=True)
class SyntheticFootage:
    """Bytes that look like nothing, at a rate, or `segment_bytes` for each segment whatever its length."""

    bytes_per_second: int = 1_000_000
    segment_bytes: int | None = None
    grows: bool = field(default=True, init=False)

    def segment(self, scene: Scene) -> Blob:
        size = self.segment_bytes
        if size is None:
            size = self.bytes_per_second * scene.duration_ms // 1000
        facts = f"{scene.label}\0{scene.start_utc_ns}\0{scene.seed}".encode()
        seed = int.from_bytes(hashlib.sha256(facts).digest()[:8], "little")
        grows = scene.grows and self.segment_bytes is None
        return SyntheticBlob(seed, max(MIN_SEGMENT_BYTES, size), grows)

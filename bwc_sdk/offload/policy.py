"""How patient an offload is, and what it does beside copying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_sdk.connection.trickle import LEAST_BYTES, WINDOW_S

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity
    from bwc_sdk.offload.steps import DockStep

MAX_DOUBLINGS: Final = 16
"""Beyond this the wait is at its maximum whatever the first one was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffloadPolicy:
    """Bounds of one offload; every one of them is reached by a test."""

    attempts: int = 8
    """Further attempts in a row that may bring nothing: of one recording, before it is left on the camera, and of
    connecting, before all that remains is."""
    first_wait_s: float = 0.5
    """Wait before the first reconnection: a cable that slipped, a camera that re-enumerates."""
    longest_wait_s: float = 15.0
    """A camera boots in less; a dock with many cameras must not wait longer for one."""
    jitter: float = 0.5
    """Share of the wait that is random, so that the cameras of a dock that lost power do not all come at once."""
    silence_s: float = WINDOW_S
    """Seconds in which a stream that was asked for bytes brings fewer than `least_bytes`, or none, before it counts
    as stalled."""
    least_bytes: int = LEAST_BYTES
    chunk_attempts: int = 3
    """Times a chunk is fetched before the camera's copy of it counts as damaged."""
    file_attempts: int = 2
    """Files tried for one segment: after an error of the medium the first is thrown away and fetched anew."""
    reserve_bytes: int = 16 * 1024 * 1024
    """Room left free beside the footage: manifests, tables, custody records, and the file system's own needs."""

    before: tuple[DockStep, ...] = ()
    """Steps that are taken with a camera before its footage is listed (`steps`)."""
    after: tuple[DockStep, ...] = ()
    """Steps that are taken at the end, once everything else is done."""
    deliver_from: Path | None = None
    """Directory of desired states (`bwc desired sign`): a camera is given its own once its footage is dealt with."""
    receipts_from: Path | None = None
    """Directory of receipts (`bwc receipt sign --out`): a camera is given those that are for what it lists."""
    sign_by: HostIdentity | None = None
    """Identity of a destination, by which this host signs receipts itself: where it is the whole site."""
    erase: bool = False
    """Whether the camera is asked to erase what is released, by its own judgement."""
    allow_slow: bool = False
    """Whether footage may travel over a link that is not meant for it, such as BLE, where it takes hours."""

    def wait_s(self, attempt: int, entropy: Callable[[int], bytes]) -> float:
        """Seconds to wait before attempt number `attempt` (from 1)."""
        doublings = min(attempt - 1, MAX_DOUBLINGS)
        wait = min(self.longest_wait_s, self.first_wait_s * 2.0**doublings)
        share = int.from_bytes(entropy(4), "little") / 0x1_0000_0000
        return wait * (1 - self.jitter * share)

"""What a run that was killed has left on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bwc_protocol.messages.identity import Capability
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError

if TYPE_CHECKING:
    from bwc_sdk.sync import SyncCamera


def end_what_was_left(camera: SyncCamera) -> bool:
    """What another run left, as one that was killed, ends before anything is kept as found; says whether there was
    something."""
    if Capability.BENCH not in camera.device.capabilities().capabilities:
        return False
    try:
        state = camera.bench.state()
    except CommandError as error:
        if error.code is ErrorCode.UNSUPPORTED:
            return False  # a capability without its commands is a test's to tell (BEN-002)
        raise
    left = state.charge_pct is not None or state.taken_bytes > 0 or state.clock_moved_ns != 0
    if left:
        camera.bench.restore()
    return left

"""Whether a link is meant for footage, and what it would take if it is not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.errors import SlowLink
from bwc_sdk.offload.plan import bytes_needed
from bwc_sdk.offload.work import Work

if TYPE_CHECKING:
    from bwc_sdk.camera import Camera


async def check_pace(camera: Camera, work: Work, plan: Collection[RecordingEntry]) -> None:
    """Raises `SlowLink` when footage is still to come over a link that is not meant for it, and nobody allowed that.

    What is stored already needs no link. Raises `OSError`.
    """
    rate = camera.footage_rate
    if rate is None or work.policy.allow_slow:
        return

    def to_come() -> int:
        return sum(bytes_needed(work.destination, work.identity, entry) for entry in plan)

    size = await work.blocking(to_come)
    if size:
        raise SlowLink(size, size / rate, device=camera.name)

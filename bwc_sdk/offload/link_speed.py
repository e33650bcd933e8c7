"""Whether a link is meant for footage, and what it would take if it is not.

Of some links that is known (BLE). Of the others it is measured, where there is much to come: behind `tcp:` there may be
a bridge to a radio or a UART, and nothing in the protocol tells.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.errors import BwcError, SlowLink
from bwc_sdk.offload.context import OffloadContext
from bwc_sdk.offload.listing import Plan
from bwc_sdk.offload.plan import bytes_needed

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

MEASURED_FROM_BYTES: Final = 8 * 1024 * 1024
"""Less is copied without measuring: it takes minutes on the slowest link, and the probe would be a good part of it."""
PROBE_BYTES: Final = 256 * 1024
PROBE_S: Final = 5.0
"""What is read to measure a link, and for how long: 5 ms on USB, and on a radio enough to outlast its pauses."""
MEANT_FROM_BYTES_PER_S: Final = 131_072.0
"""A faster link is meant for footage, and its user knows why: three times BLE, and a hundredth of the slowest USB."""
TOO_LONG_S: Final = 600.0
"""What a slower link may take without leave: somebody may stand beside it for ten minutes."""


async def check_link_speed(camera: Camera, context: OffloadContext, plan: Plan) -> None:
    """Raises `SlowLink` when footage is still to come over a link that is not meant for it, and nobody allowed that.

    What is stored already needs no link. Bays share a station's line, and are not judged by their part of it. To
    measure, the first recording is opened and a little of it read, which the camera logs. Raises `OSError`.
    """
    if context.policy.allow_slow:
        return
    known = camera.footage_rate

    def to_come() -> int:
        return sum(bytes_needed(context.destination, context.identity, entry) for entry in plan)

    size = await context.blocking(to_come)
    if known is not None:
        if size:
            raise SlowLink(size, size / known, device=camera.name)
        return
    if size < MEASURED_FROM_BYTES or camera.connection.channel:
        return
    rate = await _measured(camera, plan.largest())
    if rate < MEANT_FROM_BYTES_PER_S and size / max(rate, 1.0) > TOO_LONG_S:
        raise SlowLink(size, size / max(rate, 1.0), device=camera.name)


async def _measured(camera: Camera, entry: RecordingEntry) -> float:
    """Bytes/s at which footage comes; infinite when it cannot be measured, which the copying then finds out."""
    probe = _Probe()
    try:
        stream = await camera.recordings.open(entry, 0, probe)
    except BwcError:
        return float("inf")
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    stream.grant(min(PROBE_BYTES, stream.length))
    try:
        async with asyncio.timeout(PROBE_S):
            await probe.over.wait()
    except TimeoutError:
        pass
    finally:
        stream.cancel()
    if probe.failed or not probe.received:
        return float("inf")
    return probe.received / max(loop.time() - begun_s, 1e-6)


class _Probe:
    """Counts bytes and forgets them."""

    def __init__(self) -> None:
        self.received = 0
        self.failed = False
        self.over = asyncio.Event()

    def data(self, offset: int, data: bytes | memoryview) -> None:
        self.received += len(data)
        if self.received >= PROBE_BYTES:
            self.over.set()

    def ended(self, error: BwcError | None) -> None:
        self.failed = error is not None
        self.over.set()

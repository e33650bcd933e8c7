"""Looks again at a camera of which a light says that it can be taken: whether that is still so (STA-019).

It only reads, and tells nothing: what is no longer so is found once more, and told, by the visit that follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import World
from bwc_sdk.offload.delivery import as_desired
from bwc_sdk.offload.policy import OffloadPolicy
from bwc_sdk.offload.steps import RECORDS, Check

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

log = logging.getLogger(__name__)

AGAIN_S: Final = 60.0
"""About this long after a camera was looked at it is looked at again, each bay at a moment of its own."""
SPREAD: Final = 0.25
"""Share by which that is sooner or later, by the number of the bay: sixty-four bays do not come at once."""
GOLDEN: Final = 0.618
"""Multiples of it lie far apart, taken without their whole part."""
LOOK_MAX_S: Final = 30.0
"""A camera that has not answered a handful of questions by then is not one that can be taken."""
AT_ONCE: Final = 4
"""Cameras of one station that are looked at together: what is stored meanwhile goes first."""


def pause_s(bay: int) -> float:
    """Until the camera in this bay is looked at again."""
    return AGAIN_S * (1 + SPREAD * (2 * (bay * GOLDEN % 1) - 1))


async def still_good(
    connect: Callable[[], Awaitable[Camera]],
    policy: OffloadPolicy,
    stored: int,
    turn: asyncio.Semaphore,
    world: World,
) -> bool:
    """Whether it passes its check as before, does not record, has closed nothing above the number `stored`, and is as
    the desired state says that lies ready for it."""
    try:
        async with turn, asyncio.timeout(LOOK_MAX_S), await connect() as camera:
            return await _as_before(camera, policy, stored, world)
    except (BwcError, TimeoutError) as error:
        log.info("looking again: %s", error)
        return False
    except Exception:  # of a check that is not ours to trust: the visit tells
        log.warning("looking again failed", exc_info=True)
        return False


async def _as_before(camera: Camera, policy: OffloadPolicy, stored: int, world: World) -> bool:
    if (await camera.device.status()).state in RECORDS:
        return False
    if (await camera.recordings.page(after=stored)).recordings:
        return False
    if policy.deliver_from is not None and not await as_desired(camera, policy.deliver_from, world):
        return False
    for step in (*policy.before, *policy.after):
        if isinstance(step, Check):
            found = await replace(step, self_test=False).do(camera)
            if found.verdict is not BayVerdict.TAKE_ME:
                return False
    return True

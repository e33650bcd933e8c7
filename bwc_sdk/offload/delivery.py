"""What a dock delivers to a camera once its footage is dealt with: the desired state that lies ready for it.

The dock authors nothing: it hands on a document that a technician signed, and the camera judges it. Nothing of it keeps
footage on a camera: what goes wrong is told, and the offload is what it is (spec: Desired state).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bwc_sdk.host.world import World
from bwc_sdk.identity.desired import read_desired, require_generation
from bwc_sdk.offload.events import DesiredStateDelivered, DesiredStateRefused, OffloadEvent
from bwc_sdk.offload.reconnect import Reconnector, Unreached

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera


async def deliver(
    reconnector: Reconnector, directory: Path, world: World, emit: Callable[[OffloadEvent], None]
) -> None:
    """Gives the camera what the directory has for it, if that is newer than what it took last. Raises nothing."""

    async def act(camera: Camera) -> None:
        found = await world.workers.wait(read_desired, directory, camera.identity)
        if found is None:
            return
        state, document = found
        trust = await camera.trust.read()
        require_generation(state, trust.generation, device=camera.name)
        if trust.desired_counter >= state.counter:
            return
        await camera.trust.take_desired_state(document)
        emit(DesiredStateDelivered(state.counter))

    if not reconnector.connected:
        return  # it is gone: the next docking brings it
    try:
        await reconnector.attempt(act)
    except Unreached as failed:
        emit(DesiredStateRefused(failed.error))

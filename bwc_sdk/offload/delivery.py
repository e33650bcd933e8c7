"""What a dock delivers to a camera once its footage is dealt with: the desired state that lies ready for it.

The dock authors nothing: it hands on a document that a technician signed, and the camera judges it. Nothing of it keeps
footage on a camera: what goes wrong is told, and the offload is what it is (spec: Desired state).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.documents.desired_state import DesiredState
from bwc_protocol.messages.config import ConfigView
from bwc_sdk.clients.waiting_settings import Waiting, not_yet, waiting_of
from bwc_sdk.errors import BwcError, CommandTimeout, OutcomeUnknown
from bwc_sdk.host.world import World
from bwc_sdk.identity.desired import read_desired, require_generation
from bwc_sdk.offload.events import DesiredStateDelivered, DesiredStateRefused, OffloadEvent, StepDone
from bwc_sdk.offload.reconnect import Reconnector, Unreached

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera


STEP: Final = "desired"
"""What its comparison is called, among the steps of a dock."""
NAMED_MAX: Final = 5
"""Differences that one line names."""
AGAIN: Final = "sign it again, and docks deliver it: 'bwc desired sign'"


async def deliver(
    reconnector: Reconnector, directory: Path, world: World, emit: Callable[[OffloadEvent], None]
) -> None:
    """Gives the camera what the directory has for it, if that is newer than what it took last; of what it took,
    tells where it is otherwise now. Raises nothing."""

    async def act(camera: Camera) -> None:
        try:
            await _deliver(camera, directory, world, emit)
        except BwcError as error:
            if camera.error is not None or isinstance(error, CommandTimeout | OutcomeUnknown):
                raise
            # A refusal, or a file of this host's: the connection is as good as before for what comes next.
            emit(DesiredStateRefused(error))

    if not reconnector.connected:
        return  # it is gone: the next docking brings it
    try:
        await reconnector.attempt(act)
    except Unreached as failed:
        emit(DesiredStateRefused(failed.error))


async def _deliver(
    camera: Camera, directory: Path, world: World, emit: Callable[[OffloadEvent], None]
) -> None:
    found = await _lies_ready(camera, directory, world)
    if found is None:
        return
    state, document, taken = found
    if taken < state.counter:
        await camera.trust.take_desired_state(document)
        later = await _told_waiting(camera, state)
        emit(DesiredStateDelivered(state.counter, not_yet(later) if later else ""))
        _require_restart(later, emit)
    elif taken == state.counter:
        if drift := await _drift(camera, state):
            told = "; ".join(drift[:NAMED_MAX]) + ("; …" if len(drift) > NAMED_MAX else "")
            emit(
                StepDone(STEP, False, f"otherwise than desired state {taken}, which it took: {told}; {AGAIN}")
            )
        _require_restart(await _told_waiting(camera, state), emit)


async def as_desired(camera: Camera, directory: Path, world: World) -> bool:
    """Whether a camera took what lies ready for it, and is still so. Raises what asking it and reading raise."""
    found = await _lies_ready(camera, directory, world)
    if found is None:
        return True
    state, _, taken = found
    if taken != state.counter:
        return taken > state.counter
    return not await _drift(camera, state) and all(one.by_undocking for one in await _waiting(camera, state))


async def _lies_ready(
    camera: Camera, directory: Path, world: World
) -> tuple[DesiredState, bytes, int] | None:
    """The desired state that lies ready for a camera, its document, and the counter of the one that it took last."""
    found = await world.workers.wait(read_desired, directory, camera.identity)
    if found is None:
        return None
    state, document = found
    trust = await camera.trust.read()
    require_generation(state, trust.generation, device=camera.name)
    return state, document, trust.desired_counter


async def _drift(camera: Camera, state: DesiredState) -> list[str]:
    """Where a camera is otherwise than a desired state. What was applied and takes effect later counts: it
    need not be delivered again."""
    from bwc_sdk.fitness.judging import drift_of

    settings = await camera.config.values(ConfigView.PENDING)
    drift = drift_of(settings, {one.key: one.value for one in state.settings})
    wanted = state.assignment
    if wanted is not None:
        there = await camera.assignment.read()
        if (there.officer, there.unit) != (wanted.officer, wanted.unit):
            drift.append("the assignment is another" if there.assigned else "it is assigned to nobody")
    return drift


def _require_restart(waiting: list[Waiting], emit: Callable[[OffloadEvent], None]) -> None:
    """Tells what only a restart makes take effect: nobody is told to take a camera that does not keep to it yet."""
    if left := [one for one in waiting if not one.by_undocking]:
        emit(StepDone(STEP, False, not_yet(left)))


async def _told_waiting(camera: Camera, state: DesiredState) -> list[Waiting]:
    """The same as `_waiting`, of a state that was taken: that a camera does not tell this is no failure of that."""
    try:
        return await _waiting(camera, state)
    except BwcError:
        return []


async def _waiting(camera: Camera, state: DesiredState) -> list[Waiting]:
    """What of its settings was applied and is not in effect yet."""
    keys = {one.key for one in state.settings}
    return [one for one in await waiting_of(camera.config) if one.key in keys]

"""Takes the steps of a dock, and tells what became of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from bwc_sdk.errors import BwcError, CommandTimeout
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.offload.events import OffloadEvent, StepDone, StepFailed
from bwc_sdk.offload.reconnect import Reconnector, Unreached

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.offload.steps import DockStep, Found

log = logging.getLogger(__name__)

STEP_S: Final = 60.0
"""Longer than any step that asks a camera for a handful of things takes, on any link. One that does not answer costs
this much, once, and its connection."""


async def take(
    steps: Sequence[DockStep], reconnector: Reconnector, emit: Callable[[OffloadEvent], None]
) -> None:
    """Takes the steps, one after the other, and tells what became of each. Raises nothing but what cancels."""
    for step in steps:
        try:
            found = await _taken(step, reconnector)
        except Unreached as failed:
            found = failed.error
        if isinstance(found, BwcError):
            log.info("step %s: %s", step.name, found)  # of which the event tells
            emit(StepFailed(step.name, found))
        else:
            emit(StepDone(step.name, found.good, found.detail, found.verdict))


async def _taken(step: DockStep, reconnector: Reconnector) -> Found | BwcError:
    async def act(camera: Camera) -> Found | BwcError:
        try:
            async with asyncio.timeout(STEP_S):
                return await step.do(camera)
        except TimeoutError as error:
            rule = f"it did not end within {STEP_S:g} s"
            raise CommandTimeout(rule, device=camera.name) from error
        except Exception as error:
            # An answer, or a slip of the step's own: the connection is as good as before.
            return failure_of(error, f"step {step.name!r} of {camera.name}")

    if not reconnector.connected:
        return reconnector.error
    return await reconnector.attempt(act)

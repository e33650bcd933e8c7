"""Keeps a whole camera in memory, and puts it back: a bench's set-up that is made once.

All that is the camera's goes back: flash with what is not synced, recording in progress, battery, error of its clock,
keys, log, counters. What is around it does not: where it stands, its cable, the temperature, a fault plan, who
watches, and the true time, which went on. Links of before end as by a reset.

A snapshot is a rollback, which no camera of an agency can suffer: sequence numbers and counters of what was undone come
again, with another content. Ids of recordings and their keys do not, since its entropy is another after each.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import Any, Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.flash.memory_flash import MemoryFlash

AROUND_IT: Final = frozenset(
    {
        *("options", "profile", "time", "gate", "ports", "sessions", "mishaps", "appearance", "plugged"),
        *("docked", "dock_feeds", "supply", "radio", "rollbacks", "_held", "_agency"),
    }
)
"""Attributes of a camera that are no state of its own."""


class NoSnapshot(Exception):
    """A camera in a directory is not kept in memory: copy the directory while nothing serves it."""


@dataclass(frozen=True, slots=True)
class CameraSnapshot:
    """A camera as it was. It may be put back as often as one likes."""

    state: dict[str, Any]
    at_s: float
    """Of the camera's time."""
    true_utc_ns: int
    pairing_until_s: float | None


def keep(camera: SimCamera) -> CameraSnapshot:
    """The camera as it is now. Raises `NoSnapshot`."""
    if not isinstance(camera.flash, MemoryFlash):
        raise NoSnapshot("it lives in a directory: copy that while nothing serves it")
    camera.settle()
    state = {name: value for name, value in vars(camera).items() if name not in AROUND_IT}
    return CameraSnapshot(
        _copied(camera, state), camera.time(), camera.true_utc_ns(), camera.radio.pairing_until_s
    )


def put_back(camera: SimCamera, snapshot: CameraSnapshot) -> None:
    """Makes the camera what it was, for whoever connects from now on."""
    camera.settle()
    camera.end_links()
    passed_s = camera.time() - snapshot.at_s
    before = camera.flash.before
    camera.put_back(_copied(camera, snapshot.state))
    camera.flash.before = before
    camera.time.rewind(passed_s)
    camera.mishaps.rewind(passed_s)
    # It had an error, and not a time, that could be kept.
    camera.clock.jump(camera.true_utc_ns() - snapshot.true_utc_ns)
    camera.radio.pairing_until_s = snapshot.pairing_until_s
    fresh = random.Random(camera.rollbacks.randbytes(16))
    camera.entropy.seed(fresh.randbytes(16))
    camera.recorder.rng.seed(fresh.randbytes(16))
    camera.settle()
    camera.radio.notify()


def _copied(camera: SimCamera, state: dict[str, Any]) -> dict[str, Any]:
    """A deep copy, but for the camera itself, what is around it, and what never changes."""
    lasting: list[object] = [camera, *(value for name, value in vars(camera).items() if name in AROUND_IT)]
    flash = state["_directory"].flash
    lasting += [flash.before, camera.options.footage]
    trust = state.get("trust")
    if trust is not None:
        lasting += [trust.kept, trust.own, trust.denied, trust._factory, trust._signer]
    for recording in state["storage"].page(0, len(state["storage"])):
        lasting += [recording.manifest, recording.annotations, recording.receipts]
    return copy.deepcopy(state, {id(one): one for one in lasting})

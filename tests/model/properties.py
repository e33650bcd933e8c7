"""What must hold in every state, and where every state must be able to end."""

from __future__ import annotations

import enum
from itertools import pairwise

from tests.model.guards import Scope
from tests.model.world import Chain, Destination, World, counted, holds


class Promise(enum.Enum):
    """What is promised, by the invariants of footage."""

    SAFE = "what is freed is whole at its destinations, with its annotations"
    """I1."""
    NOTHING_HELD_GOES = "nothing is freed that a hold protects, which the records office did not lift"
    ANNOTATIONS_STAY = "no annotation that anybody has read is lost"
    TOMBSTONE = "what is freed has a tombstone that names its receipts"
    """I6."""
    TRUE_RECEIPT = "what a destination signed for is durable there"
    """I2, I3, I4."""
    TRUE_ANSWER = "what somebody was told is erased is erased, at the head that he named"
    """I9."""
    REPEATED = "what is asked again changes nothing"
    """I5."""
    NOT_EARLY = "nothing is freed before its hours are over, unless there was no room"
    OPENED = "nothing is freed while it is unknown whether anybody can open it"
    ENDS = "once faults end, what is not held is released and erased"
    """I11."""


def broken(scope: Scope, world: World) -> Promise | None:
    """The promise that this state breaks, if it breaks one."""
    camera, tombstone = world.camera, world.camera.tombstone
    visible = camera.chain + camera.unkept
    if camera.told != visible[: len(camera.told)] or (tombstone and camera.told != tombstone.chain):
        return Promise.ANNOTATIONS_STAY
    if any(one == other for one, other in pairwise(visible)):
        return Promise.REPEATED
    erased = None if tombstone is None else tombstone.chain
    if camera.busy != "answered" and camera.told_erased not in (None, erased):
        return Promise.TRUE_ANSWER
    if tombstone is not None:
        if holds(tombstone.chain, docks_lift=False):
            return Promise.NOTHING_HELD_GOES
        safe_at = sum(_intact(scope, one, tombstone.chain) for one in world.destinations)
        if safe_at < max(1, scope.needed - world.lost):
            return Promise.SAFE
        if not camera.hours_over and not tombstone.for_room:
            return Promise.NOT_EARLY
        if not camera.opened:
            return Promise.OPENED
    if not camera.blocks and (
        tombstone is None or counted(tombstone.receipts, tombstone.chain) < scope.needed
    ):
        return Promise.TOMBSTONE
    if not world.lost:
        for receipt in world.signed:
            if not _intact(scope, world.destinations[receipt.destination], receipt.chain):
                return Promise.TRUE_RECEIPT
    return None


def settled(world: World) -> bool:
    """Whether nothing more has to happen: it is freed, or held."""
    camera = world.camera
    return not camera.blocks or (camera.tombstone is None and bool(holds(camera.chain)))


def _intact(scope: Scope, destination: Destination, chain: Chain) -> bool:
    durable = [one for one in destination.objects if one.state == "durable"]
    segments = {one.what for one in durable if one.what != "notes"}
    return len(segments) == scope.segments and (not chain or any(one.holds == chain for one in durable))

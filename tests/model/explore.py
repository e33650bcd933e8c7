"""Every state that can be reached, breadth first, and the shortest way to one that breaks a promise."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.model.guards import Scope
from tests.model.properties import Promise, broken, settled
from tests.model.world import (
    FAULTS,
    OF_OTHERS,
    Chain,
    Destination,
    Dock,
    Object,
    Step,
    World,
    first,
    sentence,
    steps,
)


@dataclass(frozen=True)
class Trace:
    """What has to happen for a promise to be broken."""

    promise: Promise
    steps: tuple[Step, ...]
    world: World

    def __str__(self) -> str:
        lines = [f"{number:3}. {sentence(step)}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([*lines, f"  => broken: {self.promise.value}"])


@dataclass(frozen=True)
class Explored:
    """What was found."""

    states: int
    changes: int
    trace: Trace | None


def explore(scope: Scope) -> Explored:
    """All states of a scope: the first one in which a promise of safety is broken, or from which, once faults end,
    nothing leads to the end; None if there is none."""
    start = first(scope)
    came: dict[World, tuple[World, Step] | None] = {start: None}
    back: dict[World, list[World]] = {}
    ends: list[World] = []
    waiting = deque([start])
    changes = 0
    while waiting:
        world = waiting.popleft()
        promise = broken(scope, world)
        if promise is not None:
            return Explored(len(came), changes, _trace(promise, came, world))
        if settled(world):
            ends.append(world)
        for step, raw in steps(scope, world):
            after = _alike(raw)
            changes += 1
            if after not in came:
                came[after] = world, step
                waiting.append(after)
            if not _from_outside(step):
                back.setdefault(after, []).append(world)
    lively = _all_before(ends, back)
    dead = [world for world in came if world not in lively]
    if not dead:
        return Explored(len(came), changes, None)
    # Where that is so from the start, the way to where nothing moves any more says more.
    shown = dead[0] if dead[0] != start else next((one for one in dead if _is_stuck(scope, one)), dead[0])
    return Explored(len(came), changes, _trace(Promise.ENDS, came, shown))


def _is_stuck(scope: Scope, world: World) -> bool:
    return all(_from_outside(step) or _alike(after) == world for step, after in steps(scope, world))


def _from_outside(step: Step) -> bool:
    """Whether it is a fault, or something that nobody can count on."""
    return step[0] in FAULTS or step[0] in OF_OTHERS


def _alike(world: World) -> World:
    """One of the states that differ only in which dock is which."""
    if len(world.docks) < 2:
        return world
    one, other = _order(world.docks[0]), _order(world.docks[1])
    if one < other:
        return world
    swapped = _swapped(world)
    return swapped if one > other else min(world, swapped, key=_written)


def _order(dock: Dock) -> tuple[int, int, Chain]:
    return dock.footage, dock.notes is not None, dock.notes or ()


def _written(world: World) -> list[list[Object]]:
    return [sorted(one for one in site.objects if one.state in _OTHER) for site in world.destinations]


_OTHER: Final = {"written by 1": "written by 2", "written by 2": "written by 1"}


def _swapped(world: World) -> World:
    destinations = world.destinations
    if any(one.state in _OTHER for site in destinations for one in site.objects):
        destinations = tuple(
            Destination(
                frozenset(one._replace(state=_OTHER.get(one.state, one.state)) for one in site.objects)
            )
            for site in destinations
        )
    return world._replace(docks=world.docks[::-1], destinations=destinations)


def _all_before(ends: Iterable[World], back: dict[World, list[World]]) -> set[World]:
    found = set(ends)
    waiting = list(found)
    while waiting:
        for before in back.get(waiting.pop(), ()):
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found


def _trace(promise: Promise, came: dict[World, tuple[World, Step] | None], world: World) -> Trace:
    taken: list[Step] = []
    at = world
    while (before := came[at]) is not None:
        at, step = before
        taken.append(step)
    return Trace(promise, tuple(reversed(taken)), world)

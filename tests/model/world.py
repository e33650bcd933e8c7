"""The model: one recording on a camera, docks that carry it to destinations, and all that can go wrong on the way.

A state is a tuple of tuples; `steps` gives what can happen next. The camera does one thing at a time and has on its
flash what is durable; `busy` is what it has begun and would forget with its power.

- A dock copies the footage piece by piece, and annotations as they stand. Its disk loses a piece of a copy, or all.
- A destination has objects: `open` by a dock that writes, `torn`, `cached` (whole, in memory), `durable`.
- What was signed once may be delivered at any time, again and again, by anybody; so may any request. A lost reply is
  one after which the same is asked again; that no one was told of an annotation, or of an erasure, is never counted on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from tests.model.guards import Guard, Scope

T = TypeVar("T")
Chain = tuple[str, ...]
"""The annotations of a recording, oldest first. It stands for their head as well: who has one has the other."""


class Copy:
    """A dock's copy of the footage."""

    NONE: Final = 0
    PART: Final = 1
    """Begun: what is there is known by its hashes, and the rest is fetched."""
    WHOLE: Final = 2
    ROTTEN: Final = 3
    """The disk lost a piece of it."""


class Receipt(NamedTuple):
    """What a destination signed."""

    destination: int
    certificate: str
    chain: Chain


class Tombstone(NamedTuple):
    """What stays of a recording that is freed."""

    chain: Chain
    receipts: frozenset[Receipt]
    for_room: bool = False


class Camera(NamedTuple):
    """What is on its flash, and, from `busy` on, what is not, and what has to be remembered to judge it."""

    blocks: bool = True
    chain: Chain = ()
    receipts: frozenset[Receipt] = frozenset()
    tombstone: Tombstone | None = None
    flag: bool = False
    """Released, where that is stored."""
    hours_over: bool = True
    opened: bool = True
    docked: bool = True
    busy: str = ""
    unkept: Chain = ()
    """Annotations that can be read and are not on the flash."""
    told: Chain = ()
    """The longest chain that anybody has read."""
    told_erased: Chain | None = None
    """What somebody was told is erased."""


class Dock(NamedTuple):
    """What is on its disk."""

    footage: int = Copy.NONE
    notes: Chain | None = None


class Object(NamedTuple):
    """One object at a destination: a segment of the footage, or the annotations."""

    what: str
    """`segment 1`, `notes`."""
    head: Chain
    """Which its name names; of footage, none."""
    attempt: int
    state: str
    """`torn`, `cached` (whole, in memory), `durable`, or the dock that is writing it."""
    holds: Chain
    """Which annotations are in it; of footage, none."""


class Destination(NamedTuple):
    """What is there."""

    objects: frozenset[Object] = frozenset()


class World(NamedTuple):
    """A state."""

    camera: Camera
    docks: tuple[Dock, ...]
    destinations: tuple[Destination, ...]
    signed: frozenset[Receipt] = frozenset()
    lost: int = 0
    """Destinations that were lost after they signed."""


Step = tuple[str, ...]
"""What happens: the key of its sentence in `SENTENCES`, and what that speaks of."""

SENTENCES: Final = {
    "annotate": "the camera takes the annotation {0!r}",
    "annotate in memory": "the camera takes the annotation {0!r}, into its memory",
    "write annotation": "the camera writes the annotation to its flash",
    "dock lifts": "a dock lifts {0!r}",
    "clear flag": "the camera clears its flag of release",
    "copy": "dock {0} copies a piece of the footage",
    "mend": "dock {0} reads its copy back, and copies the piece that was lost",
    "fetch notes": "dock {0} fetches the annotations",
    "upload": "dock {0} uploads {2} to destination {1}, attempt {3}",
    "upload ends": "dock {0} ends the upload of {2} to destination {1}, attempt {3}",
    "write over": "dock {0} writes over {2} at destination {1}, attempt {3}",
    "sync": "destination {0} syncs {1}, attempt {2}",
    "sign": "destination {0} signs a receipt for {1} with its {2} certificate",
    "deliver": "the camera is given the receipt of destination {0} for {1}, by its {2} certificate",
    "deliver another's": "the camera is given a receipt of another recording",
    "deliver a dock's own": "the camera is given a receipt that a stolen dock signed",
    "erase": "somebody asks to erase {0}: the camera writes the tombstone",
    "erase checks": "somebody asks to erase {0}: the camera finds it released",
    "erase answers": "somebody asks to erase {0}: the camera says yes",
    "erase again": "somebody asks to erase {0}: the camera says that it is done",
    "write tombstone": "the camera writes the tombstone",
    "make room": "the camera is full, and writes the tombstone by itself",
    "free": "the camera frees the blocks",
    "hours pass": "the powered hours pass",
    "proof ages": "the last proof of opening grows old",
    "prove": "a recipient opens what the camera sealed",
    "dock camera": "the camera is docked",
    "undock": "the camera is taken out",
    "camera loses power": "the camera loses power, and starts again",
    "dock dies": "dock {0} dies, and starts again",
    "dock loses a piece": "the disk of dock {0} loses a piece of the footage",
    "dock loses its disk": "dock {0} gets a new disk",
    "object torn": "destination {0} loses power: {1}, attempt {2}, is torn",
    "object gone": "destination {0} loses power: {1}, attempt {2}, is gone",
    "destination lost": "destination {0} gets a new disk",
    "destination lost after it signed": "destination {0} gets a new disk, after it signed",
}
FAULTS: Final = frozenset(
    {
        "deliver another's",
        "deliver a dock's own",
        "dock lifts",
        "write over",
        "camera loses power",
        "dock dies",
        "dock loses a piece",
        "dock loses its disk",
        "object torn",
        "object gone",
        "destination lost",
        "destination lost after it signed",
    }
)
OF_OTHERS: Final = frozenset({"annotate", "annotate in memory", "hours pass", "proof ages"})
"""No faults, and nothing that has to happen."""


def sentence(step: Step) -> str:
    """A step in words."""
    return SENTENCES[step[0]].format(*step[1:])


def spoken(chain: Chain) -> str:
    """A head in words."""
    return f"[{', '.join(chain)}]"


def first(scope: Scope) -> World:
    """The recording is closed, and nobody was told of it yet."""
    camera = Camera(hours_over=not scope.keep_hours, docked=not scope.undocks)
    return World(camera, (Dock(),) * scope.docks, (Destination(),) * scope.destinations)


# The rules


def says(chain: Chain, note: str) -> bool:
    """Whether a recording already stands where an annotation would put it."""
    kind, _, which = note.partition(" ")
    if kind == "hold":
        return which in holds(chain)
    if kind == "lift":
        return which not in holds(chain)
    values = [one for one in chain if " " not in one]
    return bool(values) and values[-1] == note


def holds(chain: Chain, *, docks_lift: bool = True, singly: bool = True) -> frozenset[str]:
    """The holds that are left."""
    left: set[str] = set()
    for note in chain:
        kind, _, which = note.partition(" ")
        if kind == "hold":
            left.add(which)
        elif kind == "lift" or (kind == "dock-lift" and docks_lift):
            left = left - {which} if singly else set()
    return frozenset(left)


def counted(
    receipts: frozenset[Receipt], chain: Chain, *, present_head: bool = True, by_id: bool = True
) -> int:
    """How many destinations have signed for what the recording is now."""
    good = [receipt for receipt in receipts if receipt.chain == chain or not present_head]
    return len({receipt.destination if by_id else receipt for receipt in good})


def released(scope: Scope, camera: Camera, *, for_room: bool = False) -> bool:
    """The rule of release, with the guards that are there."""
    without = scope.without
    enough = (
        counted(
            camera.receipts,
            camera.chain,
            present_head=Guard.PRESENT_HEAD not in without,
            by_id=Guard.BY_ID not in without,
        )
        >= scope.needed
    )
    if Guard.RELEASE_IS_DERIVED in without:
        enough = camera.flag
    if for_room and Guard.ROOM_FREES_RELEASED in without:
        enough = True
    held = Guard.HELD_STAYS not in without and holds(camera.chain, singly=Guard.HOLDS_SINGLY not in without)
    early = not camera.hours_over and not for_room and Guard.HOURS not in without
    unproved = scope.proof and not camera.opened and Guard.OPENED not in without
    return enough and not held and not early and not unproved


# What can happen


def steps(scope: Scope, world: World) -> Iterator[tuple[Step, World]]:
    """All that can happen next; what would change nothing is left out."""
    camera = world.camera
    for step, after in _camera_steps(scope, camera):
        yield step, world._replace(camera=after)
    if camera.docked or not scope.undocks:
        yield from _receipts_to_camera(scope, world)
        for number, dock in enumerate(world.docks):
            for step, changed in _copying(scope, camera, number, dock):
                yield step, world._replace(docks=_put(world.docks, number, changed))
    for number, dock in enumerate(world.docks):
        yield from _uploads(scope, world, number, dock)
        yield from _dock_faults(scope, world, number, dock)
    for number, destination in enumerate(world.destinations):
        yield from _destination_steps(scope, world, number, destination)


def _put(all_of_them: tuple[T, ...], number: int, one: T) -> tuple[T, ...]:
    return (*all_of_them[:number], one, *all_of_them[number + 1 :])


def _camera_steps(scope: Scope, camera: Camera) -> Iterator[tuple[Step, Camera]]:
    without = scope.without
    if scope.undocks:
        if camera.docked:
            yield ("undock",), camera._replace(docked=False)
        elif Guard.CLOCK_STAYS_OUT not in without:
            yield ("dock camera",), camera._replace(docked=True)
        elif len(camera.chain) < scope.chain_max and camera.tombstone is None:
            chain = (*camera.chain, f"clock: step {len(camera.chain) + 1}")
            yield ("dock camera",), camera._replace(docked=True, chain=chain, told=chain)
    if not camera.hours_over:
        yield ("hours pass",), camera._replace(hours_over=True)
    if scope.proof and camera.tombstone is None:
        if camera.opened:
            yield ("proof ages",), camera._replace(opened=False)
        else:
            yield ("prove",), camera._replace(opened=True)
    yield from _annotating(scope, camera)
    yield from _erasing(scope, camera)
    yield from _power_of_camera(scope, camera)


def _annotating(scope: Scope, camera: Camera) -> Iterator[tuple[Step, Camera]]:
    without = scope.without
    if camera.unkept:
        yield (
            ("write annotation",),
            camera._replace(chain=camera.chain + camera.unkept, unkept=()),
        )
        return
    if camera.busy == "clear flag":
        yield ("clear flag",), camera._replace(flag=False, busy="")
        return
    closed = camera.tombstone is not None and Guard.TOMBSTONE_CLOSES not in without
    if closed or not camera.blocks or len(camera.chain) >= scope.chain_max:
        return
    for note in scope.notes:
        if says(camera.chain, note) and (
            Guard.REPEATING_ADDS_NOTHING not in without or note.startswith("lift")
        ):
            continue
        chain = (*camera.chain, note)
        if Guard.DURABLE_BEFORE_READ in without:
            yield ("annotate in memory", note), camera._replace(unkept=(note,), told=chain)
        elif camera.flag:
            yield ("annotate", note), camera._replace(chain=chain, told=chain, busy="clear flag")
        else:
            yield ("annotate", note), camera._replace(chain=chain, told=chain)
    if Guard.DOCKS_LIFT_NOTHING in without:
        for which in sorted(holds(camera.chain)):
            chain = (*camera.chain, f"dock-lift {which}")
            yield ("dock lifts", f"hold {which}"), camera._replace(chain=chain, told=chain)


def _erasing(scope: Scope, camera: Camera) -> Iterator[tuple[Step, Camera]]:
    without = scope.without
    chain = camera.chain
    if camera.busy == "freeing":
        yield ("free",), camera._replace(blocks=False, busy="")
    elif camera.busy in ("checked", "answered", "freed"):
        after = "" if camera.busy == "freed" else "freeing"
        buried = _buried(camera, busy=after)
        named = camera.told_erased if camera.busy == "answered" else chain
        yield ("write tombstone",), buried._replace(told_erased=named)
    elif camera.tombstone is not None or not camera.blocks:
        if camera.tombstone is not None and Guard.ERASE_NAMES_THE_HEAD in without:
            for named in (chain[:length] for length in range(len(chain))):
                yield ("erase again", spoken(named)), camera._replace(told_erased=named)
    elif camera.busy or camera.unkept:
        return
    else:
        if (
            scope.keep_hours
            and released(scope, camera, for_room=True)
            and Guard.ROOM_GOES_FIRST not in without
        ):
            yield ("make room",), _buried(camera, for_room=True)
        if released(scope, camera):
            shorter = len(chain) if Guard.ERASE_NAMES_THE_HEAD not in without else 0
            for named in (chain[:length] for length in range(shorter, len(chain) + 1)):
                yield _erase(scope, camera, named)


def _erase(scope: Scope, camera: Camera, named: Chain) -> tuple[Step, Camera]:
    without = scope.without
    if Guard.ANSWER_AFTER_TOMBSTONE in without:
        return ("erase answers", spoken(named)), camera._replace(busy="answered", told_erased=named)
    if Guard.CHECKED_AS_IT_IS_WRITTEN in without:
        return ("erase checks", spoken(named)), camera._replace(busy="checked")
    if Guard.TOMBSTONE_FIRST in without:
        return ("free",), camera._replace(blocks=False, busy="freed")
    return ("erase", spoken(named)), _buried(camera)._replace(told_erased=named)


def _buried(camera: Camera, *, for_room: bool = False, busy: str = "freeing") -> Camera:
    good = frozenset(receipt for receipt in camera.receipts if receipt.chain == camera.chain)
    return camera._replace(tombstone=Tombstone(camera.chain, good, for_room), busy=busy)


def _power_of_camera(scope: Scope, camera: Camera) -> Iterator[tuple[Step, Camera]]:
    if camera.busy or camera.unkept:
        goes_on = camera.tombstone is not None and camera.blocks
        if Guard.FREEING_GOES_ON in scope.without:
            goes_on = False
        yield ("camera loses power",), camera._replace(busy="freeing" if goes_on else "", unkept=())


def _receipts_to_camera(scope: Scope, world: World) -> Iterator[tuple[Step, World]]:
    camera = world.camera
    if camera.tombstone is not None or not camera.blocks or (camera.busy and camera.busy != "checked"):
        return
    step: Step
    for receipt in world.signed - camera.receipts:
        step = ("deliver", str(receipt.destination + 1), spoken(receipt.chain), receipt.certificate)
        yield step, world._replace(camera=_kept(scope, camera, receipt))
    if Guard.THIS_RECORDING in scope.without:
        other = Receipt(0, "of another recording", camera.chain)
        if other not in camera.receipts:
            yield ("deliver another's",), world._replace(camera=_kept(scope, camera, other))
    if Guard.ROLE_ALONE in scope.without:
        own = Receipt(0, "of a dock", camera.chain)
        if own not in camera.receipts:
            yield ("deliver a dock's own",), world._replace(camera=_kept(scope, camera, own))


def _kept(scope: Scope, camera: Camera, receipt: Receipt) -> Camera:
    camera = camera._replace(receipts=camera.receipts | {receipt})
    if Guard.RELEASE_IS_DERIVED in scope.without:
        camera = camera._replace(flag=counted(camera.receipts, camera.chain) >= scope.needed)
    return camera


def _copying(scope: Scope, camera: Camera, number: int, dock: Dock) -> Iterator[tuple[Step, Dock]]:
    if camera.tombstone is not None or not camera.blocks:
        return
    if dock.footage in (Copy.NONE, Copy.PART):
        yield ("copy", str(number + 1)), dock._replace(footage=dock.footage + 1)
    elif dock.footage == Copy.ROTTEN and Guard.DOCK_VERIFIES not in scope.without:
        yield ("mend", str(number + 1)), dock._replace(footage=Copy.WHOLE)
    visible = camera.chain + camera.unkept
    if dock.notes is None or (dock.notes != visible and Guard.DONE_HAS_THE_HEAD not in scope.without):
        yield ("fetch notes", str(number + 1)), dock._replace(notes=visible)


def _uploads(scope: Scope, world: World, number: int, dock: Dock) -> Iterator[tuple[Step, World]]:
    if dock.footage == Copy.NONE or dock.footage == Copy.PART:
        return
    if dock.footage == Copy.ROTTEN and Guard.DOCK_VERIFIES not in scope.without:
        return
    for at, destination in enumerate(world.destinations):
        for step, objects in _into(scope, number, dock, at, destination):
            changed = destination._replace(objects=objects)
            yield step, world._replace(destinations=_put(world.destinations, at, changed))


def _into(
    scope: Scope, number: int, dock: Dock, at: int, destination: Destination
) -> Iterator[tuple[Step, frozenset[Object]]]:
    """What a dock brings to a destination, object by object."""
    objects = destination.objects
    writing = f"written by {number + 1}"
    for segment in range(1, scope.segments + 1):
        what = f"segment {segment}"
        there = {one.attempt: one for one in objects if one.what == what}
        for attempt in range(scope.attempts):
            found = there.get(attempt)
            step = (str(number + 1), str(at + 1), what, str(attempt + 1))
            if found is None:
                yield ("upload", *step), objects | {Object(what, (), attempt, writing, ())}
                break
            if found.state == writing:
                good = dock.footage == Copy.WHOLE
                after = "cached" if good else "torn"
                yield ("upload ends", *step), objects - {found} | {found._replace(state=after)}
                break
            if found.state in ("cached", "durable"):
                if Guard.CREATED_IF_ABSENT in scope.without:
                    yield ("write over", *step), objects - {found} | {found._replace(state=writing)}
                break
            if Guard.PASSED_BY in scope.without:
                break
    if not dock.notes:
        return
    named = dock.notes if Guard.HEAD_IN_THE_NAME not in scope.without else ()
    what = f"annotations {spoken(dock.notes)}"
    there = {one.attempt: one for one in objects if one.what == "notes" and one.head == named}
    for attempt in range(scope.attempts):
        found = there.get(attempt)
        if found is None:
            added = Object("notes", named, attempt, "cached", dock.notes)
            yield ("upload", str(number + 1), str(at + 1), what, str(attempt + 1)), objects | {added}
            break
        if found.state in ("cached", "durable") or Guard.PASSED_BY in scope.without:
            break


def _dock_faults(scope: Scope, world: World, number: int, dock: Dock) -> Iterator[tuple[Step, World]]:
    torn = world._replace(destinations=tuple(_given_up(scope, one, number) for one in world.destinations))
    if torn != world:
        yield ("dock dies", str(number + 1)), torn
    if dock != Dock():
        empty = torn._replace(docks=_put(torn.docks, number, Dock()))
        yield ("dock loses its disk", str(number + 1)), empty
    if dock.footage == Copy.WHOLE:
        rotten = dock._replace(footage=Copy.ROTTEN)
        yield ("dock loses a piece", str(number + 1)), world._replace(docks=_put(world.docks, number, rotten))


def _given_up(scope: Scope, destination: Destination, number: int) -> Destination:
    """What a dock was writing when it died is torn; at the last attempt nothing of it came."""
    writing = f"written by {number + 1}"
    found = frozenset(one for one in destination.objects if one.state == writing)
    torn = {one._replace(state="torn") for one in found if one.attempt < scope.attempts - 1}
    return destination._replace(objects=destination.objects - found | torn)


def _destination_steps(
    scope: Scope, world: World, at: int, destination: Destination
) -> Iterator[tuple[Step, World]]:
    def with_objects(objects: frozenset[Object]) -> World:
        return world._replace(destinations=_put(world.destinations, at, Destination(objects)))

    objects = destination.objects
    for one in objects:
        called = one.what if one.what != "notes" else f"annotations {spoken(one.holds)}"
        step = (str(at + 1), called, str(one.attempt + 1))
        if one.state == "cached":
            yield ("sync", *step), with_objects(objects - {one} | {one._replace(state="durable")})
            yield ("object gone", *step), with_objects(objects - {one})
            if one.attempt < scope.attempts - 1:
                yield ("object torn", *step), with_objects(objects - {one} | {one._replace(state="torn")})
    if not (scope.undocks and world.camera.docked):
        yield from _signing(scope, world, at, objects)
    if objects:
        signed = any(receipt.destination == at for receipt in world.signed)
        if not signed:
            yield ("destination lost", str(at + 1)), with_objects(frozenset())
        elif world.lost < scope.loses_destinations:
            lost = with_objects(frozenset())._replace(lost=world.lost + 1)
            yield ("destination lost after it signed", str(at + 1)), lost


def _signing(scope: Scope, world: World, at: int, objects: frozenset[Object]) -> Iterator[tuple[Step, World]]:
    without = scope.without
    synced = ("durable",) if Guard.SYNCED not in without else ("durable", "cached")
    whole = {one.what for one in objects if one.state in synced or Guard.FOOTAGE_READ_BACK in without}
    wanted = {f"segment {segment}" for segment in range(1, scope.segments + 1)}
    if not (wanted <= whole or (Guard.ALL_SEGMENTS in without and wanted & whole)):
        return
    chains = {one.holds for one in objects if one.what == "notes" and one.state in synced} | {()}
    if Guard.NOTES_READ_BACK in without:
        chains |= {dock.notes for dock in world.docks if dock.notes is not None}
    for certificate in ("first", "second") if scope.renewed else ("first",):
        for chain in chains:
            receipt = Receipt(at, certificate, chain)
            if receipt not in world.signed:
                step = ("sign", str(at + 1), spoken(chain), receipt.certificate)
                yield step, world._replace(signed=world.signed | {receipt})

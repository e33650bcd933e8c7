"""Provisions every camera that is there, all at once: looked at all, then it is settled who gets which, then done.

A camera that fails is told and left; no other waits for it longer than its connection takes to come about.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import BwcError, RosterError, WrongDevice
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.offload.defect import failure_of
from bwc_sdk.provisioning.choosing import Candidate, absent, choose, elsewhere
from bwc_sdk.provisioning.describing import as_found, describe
from bwc_sdk.provisioning.ending import signed_end
from bwc_sdk.provisioning.one_camera import NOBODY, Done, Found, Step, TimeWord, carry_out, look
from bwc_sdk.provisioning.place import Place
from bwc_sdk.provisioning.profile import Profile
from bwc_sdk.provisioning.record_page import page_of
from bwc_sdk.provisioning.records import Record, Records
from bwc_sdk.provisioning.roster import Member, Roster

PLACES_MAX: Final = 256
"""More than one host has ports for, docking stations included."""
RETURNED: Final = Profile("returned", {})
"""Of a camera that is taken back: its settings stay."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A camera was looked at, and it is settled whose it is to be; nothing was changed yet."""

    place: str
    found: Found
    member: Member | None
    """None where there is no roster: its assignment stays as it is."""


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A step of one camera begins."""

    place: str
    step: Step


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A camera is as it is to be, and its record is durable."""

    place: str
    record: Record


@dataclass(frozen=True, slots=True)
class NotProvisioned:
    """A camera is left: at which step, and why. The same call goes on with it."""

    place: str
    step: Step
    error: BwcError
    serial_number: str = ""


@dataclass(frozen=True, slots=True)
class NotHere:
    """Whose camera is not here: by the roster, or by an earlier run. Told once, before anything is done; a roster may
    be of more cameras than one station has."""

    members: tuple[Member, ...]
    """Whose camera the roster names."""
    elsewhere: tuple[Member, ...] = ()
    """Who has one by an earlier run."""
    held: Mapping[str, str] = field(default_factory=dict)
    """Which those have: officer to serial number."""


ProvisioningEvent = NotHere | Looked | StepBegun | Provisioned | NotProvisioned


@dataclass(slots=True)
class _Under:
    """One camera under way."""

    place: Place
    camera: Camera
    found: Found
    member: Member | None = None
    interrupted: Mapping[str, Any] | None = None
    """As it was found by a run that did not come to its record."""


def take_back(
    places: Sequence[Place],
    *,
    records: Records,
    identity: HostIdentity,
    world: World | None = None,
) -> AsyncIterator[ProvisioningEvent]:
    """Ends the assignments of the cameras at `places`: each is taken back into the pool and tested.

    A record of each says so. Settings and clock stay, and what it has of footage stays on it and names its holder of
    then.

    Events and errors are those of `provision`.
    """
    return _provisioning(
        places,
        _Run(RETURNED, None, records, identity, TimeWord(), world or World(), back=True),
        plan=False,
    )


def provision(
    places: Sequence[Place],
    profile: Profile,
    *,
    records: Records,
    identity: HostIdentity,
    roster: Roster | None = None,
    plan: bool = False,
    word: TimeWord | None = None,
    world: World | None = None,
) -> AsyncIterator[ProvisioningEvent]:
    """Provisions the cameras at `places`, by a profile and, if there is one, a roster; signs a record of each.

    With `plan` nothing is changed, on cameras and in `records`: each is told as `Looked`. `word` is what a person says
    of this host's time, where the host itself does not know. Each camera ends as one `Provisioned` or one
    `NotProvisioned` (with `plan`, `Looked` or `NotProvisioned`). Raises what concerns all: `HostFileError`,
    `DocumentError` for records that cannot be read.
    """
    run = _Run(profile, roster, records, identity, word or TimeWord(), world or World())
    return _provisioning(places, run, plan=plan)


async def _provisioning(
    places: Sequence[Place], run: _Run, *, plan: bool
) -> AsyncIterator[ProvisioningEvent]:
    if len(places) > PLACES_MAX:
        raise RosterError(
            (f"{len(places)} cameras at once, and at most {PLACES_MAX}",), advice="make it two runs"
        )
    held = await run.world.workers.wait(run.records.held)
    work = asyncio.ensure_future(run.whole(places, held, plan))
    reading = None
    try:
        while True:
            reading = asyncio.ensure_future(run.events.get())
            await asyncio.wait((reading, work), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()  # else it might take what is told below
                break
            yield reading.result()
        while not run.events.empty():
            yield run.events.get_nowait()
        await work
    finally:
        ending = [work] if reading is None else [work, reading]
        for one in ending:
            one.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


class _Run:
    """What is the same for all cameras of one run."""

    def __init__(
        self,
        profile: Profile,
        roster: Roster | None,
        records: Records,
        identity: HostIdentity,
        word: TimeWord,
        world: World,
        *,
        back: bool = False,
    ) -> None:
        self.events: asyncio.Queue[ProvisioningEvent] = asyncio.Queue()
        self._profile = profile
        self._roster = roster
        self.records = records
        self._identity = identity
        self._word = word
        self.world = world
        self._back = back

    async def whole(self, places: Sequence[Place], held: dict[str, str], plan: bool) -> None:
        async with AsyncExitStack() as stack:
            looked = await asyncio.gather(*(self._look(place, stack) for place in places))
            there = self._each_once([one for one in looked if one is not None])
            wanted = self._settle(there, held)
            if not plan:
                await asyncio.gather(*(self._carry_out(one) for one in wanted))

    async def _look(self, place: Place, stack: AsyncExitStack) -> _Under | None:
        step = Step.CONNECT
        try:
            camera = await stack.enter_async_context(place.open())
            step = Step.LOOK
            return _Under(place, camera, await look(camera, self._profile))
        except Exception as error:
            self._failed(place, step, failure_of(error, place.name))
        return None

    def _each_once(self, there: Sequence[_Under]) -> list[_Under]:
        """A camera that is reached in two ways is done in one of them."""
        seen: dict[str, str] = {}
        once = []
        for one in there:
            serial = one.found.identity.serial
            first = seen.setdefault(serial, one.place.name)
            if first != one.place.name:
                error = WrongDevice(f"it is {serial}, which is also at {first}", device=one.place.name)
                self._failed(one.place, Step.LOOK, error, serial)
            else:
                once.append(one)
        return once

    def _settle(self, there: Sequence[_Under], held: dict[str, str]) -> list[_Under]:
        """Who gets which; whoever cannot is told."""
        choices: tuple[Member | RosterError | None, ...]
        if self._roster is not None:
            today = datetime.datetime.fromtimestamp(self.world.utc_ns() / 1e9, datetime.UTC).date()
            candidates = [
                Candidate(one.found.identity.serial, one.place.slots, one.found.assignment.officer)
                for one in there
            ]
            choices = choose(candidates, self._roster, today, held)
            away = absent(candidates, self._roster, today)
            others = elsewhere(candidates, self._roster, today, held)
            if away or others:
                self.events.put_nowait(
                    NotHere(away, others, {one.officer: held[one.officer] for one in others})
                )
        else:
            choices = tuple(NOBODY if self._back else None for _ in there)
        wanted = []
        for one, choice in zip(there, choices, strict=True):
            if isinstance(choice, RosterError):
                self._failed(one.place, Step.CHOOSE, choice, one.found.identity.serial)
                continue
            one.member = choice
            self.events.put_nowait(Looked(one.place.name, one.found, choice))
            wanted.append(one)
        return wanted

    async def _carry_out(self, one: _Under) -> None:
        serial = one.found.identity.serial
        step = Step.CLOCK

        def tell(begun: Step) -> None:
            nonlocal step
            step = begun
            self.events.put_nowait(StepBegun(one.place.name, begun))

        try:
            if one.member is not NOBODY:
                officer = one.found.assignment.officer if one.member is None else one.member.officer
                found = as_found(one.found, self.world.utc_ns())
                one.interrupted = await self.world.workers.wait(self.records.begin, serial, officer, found)
            ended = None
            if one.member is not None:
                ended = await self.world.workers.wait(signed_end, self.records, serial)
            done = await carry_out(one.camera, one.found, self._profile, one.member, self._word, tell, ended)
            tell(Step.RECORD)
            record = await self.world.workers.wait(self._record, one, done)
        except Exception as error:
            self._failed(one.place, step, failure_of(error, one.place.name), serial)
        else:
            self.events.put_nowait(Provisioned(one.place.name, record))

    def _record(self, one: _Under, done: Done) -> Record:
        serial = one.found.identity.serial
        before = self.records.keep(serial)
        document = describe(
            done,
            place=one.place.name,
            profile=self._profile,
            member=one.member,
            identity=self._identity,
            utc_ns=self.world.utc_ns(),
            number=self.records.next_number(serial),
            before=before,
            interrupted=one.interrupted,
        )
        decided = one.member is not None
        return self.records.write(document, page_of(document), self._identity, assigned=decided)

    def _failed(self, place: Place, step: Step, error: BwcError, serial: str = "") -> None:
        self.events.put_nowait(NotProvisioned(place.name, step, error, serial))

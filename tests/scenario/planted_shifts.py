"""Shifts of many wearers as files, in which faults are planted, and what a check is to find of them.

Each shift of each wearer is drawn from a seed: some recordings, each of which may have a fault or an oddity that is
none, and perhaps one thing that the whole shift has. What is drawn does not depend on which faults are planted, so that
two runs differ by that alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bwc_sdk.policy.check import Kind
from bwc_sdk.policy.compiling import compile_policy
from bwc_sdk.policy.inheritance import Effective, effective
from bwc_sdk.policy.reading import Library
from tests.policy.packs import DAY, pack, rule

HOURS: Final = 6
TAKES: Final = 3
LAST: Final = 115
"""Minute at which one begins that is beside those."""
DEADLINE_H: Final = 3
ON_TIME: Final = "2:20"
"""Everything of a shift ends between 0:10 and 2:00: it is docked in time, …"""
LATE: Final = "5:50"
"""… or late."""
Found = tuple[str, int, str, bool]
"""Officer, number of the recording (0: the camera itself), kind, and whether it counts."""

NORTH = pack(
    "north",
    rule("record.pre_event_s", "at_least", value=30),
    rule("record.endurance_h", "at_least", value=8),
    rule("record.event_required", "required"),
    rule("record.stop_requires_reason", "required"),
    rule("record.may_stop_for", "only_from", values=["privacy", "128"]),
    rule("record.start_by", "only_from", values=["officer-button", "holster"]),
    rule("record.mute", "only_from", values=["privileged"]),
    rule("upload.deadline", "at_most", value=DEADLINE_H),
    rule("category.required", "required"),
    rule("use.forbidden", "forbidden", values=["first-amendment-only"]),
    own_words=[{"family": "reasons", "number": 128, "name": "an unrelated assignment"}],
    settings={"alarm.battery_low_pct": 20},
)
POLICY: Final[Effective] = effective(NORTH, DAY, Library([NORTH]))
PROFILE: Final[Mapping[str, bool | int | str]] = compile_policy(POLICY).profile


@dataclass
class Take:
    """One recording as it should be; what is planted changes it."""

    minute: int
    start: str = "record start event=traffic-stop"
    during: list[tuple[int, str]] = field(default_factory=list)
    """Seconds after the start, and what is done."""
    end: tuple[int, str] | None = (240, "record stop event-over")
    said: tuple[int, str] | None = (300, "categorise traffic")
    before: list[tuple[int, str]] = field(default_factory=list)
    """Seconds before the start."""
    finds: list[tuple[Kind, bool]] = field(default_factory=list)
    also: list[Take] = field(default_factory=list)
    """Recordings that follow it at once."""
    filmed_before: bool = False
    """Whether its pre-event footage is in the one before."""
    loses_clock: bool = False

    def steps(self) -> Iterator[tuple[int, str]]:
        at = self.minute * 60
        yield from ((at - early, text) for early, text in self.before)
        yield at, self.start
        yield from ((at + late, text) for late, text in self.during)
        yield from ((at + late, text) for late, text in filter(None, (self.end, self.said)))
        for one in self.also:
            yield from one.steps()


@dataclass
class Worked:
    """One shift of one wearer."""

    takes: list[Take]
    settings: dict[str, bool | int | str] = field(default_factory=lambda: dict(PROFILE))
    docked: str | None = ON_TIME
    extra: list[tuple[int, str]] = field(default_factory=list)
    """What else happens, in seconds of the shift."""
    camera: list[tuple[Kind, bool]] = field(default_factory=list)
    """What is found of the camera's configuration, as long as it has it."""
    left: bool = False
    """Whether its last recording ends only after it was docked, and so waits for the next docking."""


Plant = Callable[[Worked, Take], None]


def _finds(*kinds: Kind, counts: bool = True) -> Callable[[Take], None]:
    return lambda take: take.finds.extend((kind, counts) for kind in kinds)


def _started(line: str, *kinds: Kind) -> Plant:
    def plant(_: Worked, take: Take) -> None:
        take.start = line
        _finds(*kinds)(take)

    return plant


def _ended(line: str, *kinds: Kind) -> Plant:
    def plant(_: Worked, take: Take) -> None:
        assert take.end is not None
        take.end = take.end[0], line
        _finds(*kinds)(take)

    return plant


def _muted(line: str, *kinds: Kind) -> Plant:
    def plant(_: Worked, take: Take) -> None:
        take.during += [(60, f"mute on {line}".rstrip()), (75, "mute off")]
        _finds(*kinds)(take)

    return plant


def _mute_forgotten(_: Worked, take: Take) -> None:
    """It lasts into the next recording."""
    take.during.append((60, "mute on tactics"))
    following = Take(take.minute + 15, during=[(60, "mute off")])
    take.also.append(following)
    for one in (take, following):
        _finds(Kind.MUTE_REASON)(one)


def _again_at_once(_: Worked, take: Take) -> None:
    """Its pre-event footage is in the one before."""
    take.end, take.said = (232, "record stop event-over"), (236, "categorise traffic")
    take.also.append(Take(take.minute + 4, filmed_before=True))


def _rebooted(_: Worked, take: Take) -> None:
    take.before.append((20, "reboot"))
    _finds(Kind.PRE_EVENT_SHORT)(take)


def _power_cut(_: Worked, take: Take) -> None:
    take.end = (240, "power cut")
    _finds(Kind.POWER_LOST)(take)


def _never_categorised(_: Worked, take: Take) -> None:
    take.said = None
    _finds(Kind.NO_CATEGORY)(take)


def _called_unclassified(_: Worked, take: Take) -> None:
    take.said = (300, "categorise unclassified")
    _finds(Kind.NO_CATEGORY)(take)


def _marked(_: Worked, take: Take) -> None:
    take.before.append((60, "mark"))
    take.during += [(200, "mark"), (235, "mark")]
    take.also.append(Take(take.minute + 15, during=[(30, "case 26-1017")]))


def _clock_lost(_: Worked, take: Take) -> None:
    """Until somebody sets it nobody can tell how late anything was stored."""
    take.before.append((120, "clock lose"))
    take.loses_clock = True


RECORDINGS: Final[dict[str, Plant]] = {
    "no event": _started("record start", Kind.NO_EVENT),
    "by the vehicle": _started("record start vehicle", Kind.START_NOT_PERMITTED),
    "no reason": _ended("record stop", Kind.NO_STOP_REASON),
    "early": _ended("record stop tactics", Kind.EARLY_STOP),
    "early, by a number that nobody told": _ended("record stop 200", Kind.EARLY_STOP),
    "muted for tactics": _muted("tactics", Kind.MUTE_REASON),
    "muted for nothing": _muted("", Kind.MUTE_REASON),
    "mute forgotten": _mute_forgotten,
    "rebooted just before": _rebooted,
    "power cut": _power_cut,
    "never categorised": _never_categorised,
    "called unclassified": _called_unclassified,
    "clock lost": _clock_lost,
}
"""Faults of a recording."""
ODD: Final[dict[str, Plant]] = {
    "drawn": _started("record start holster"),
    "for privacy": _ended("record stop privacy"),
    "for the agency's own reason": _ended("record stop 128"),
    "muted for a lawyer": _muted("privileged"),
    "again at once": _again_at_once,
    "marked, and a case": _marked,
    "pressed again": lambda _, take: take.during.append((239, "record start event=arrest")),
}
"""What a check has to leave alone."""


def _late(worked: Worked) -> None:
    worked.docked = LATE


def _not_docked(worked: Worked) -> None:
    worked.docked = None


def _battery_dead(worked: Worked) -> None:
    """The last recording ends with the battery, and nobody says anything of it then."""
    last = Take(LAST, end=None, said=None)
    last.during.append((120, "battery charge 1"))
    _finds(Kind.WENT_OFF, Kind.NO_CATEGORY)(last)
    worked.takes.append(last)


def _categorised_in_the_dock(worked: Worked) -> None:
    """After it was stored, which counts."""
    worked.takes.append(Take(LAST, said=None))
    worked.extra.append((2 * 3600 + 22 * 60, "categorise traffic"))


def _stop_forgotten(worked: Worked) -> None:
    """Whoever takes the camera from its dock's hands ends it: later than that shift's offload."""
    last = Take(LAST, end=None, said=None)
    worked.extra.append((2 * 3600 + 22 * 60, "record stop"))
    _finds(Kind.NO_STOP_REASON, Kind.NO_CATEGORY)(last)
    worked.takes.append(last)
    worked.left = True


def _set(key: str, value: bool | int | str, kind: Kind) -> Callable[[Worked], None]:
    def plant(worked: Worked) -> None:
        worked.settings[key] = value
        worked.camera.append((kind, True))

    return plant


def _remote(trigger: str, key: str) -> Callable[[Worked], None]:
    def plant(worked: Worked) -> None:
        _set(key, True, Kind.SETTING)(worked)
        start = f"record start {trigger} event=arrest"
        worked.takes.append(Take(LAST, start=start, finds=[(Kind.STARTED_BY_ANOTHER, True)]))

    return plant


def _short_buffer(worked: Worked) -> None:
    _set("recording.pre_event_s", 10, Kind.SETTING)(worked)
    for one in worked.takes:
        for take in (one, *one.also):
            take.finds.append((Kind.PRE_EVENT_ASKED_SHORT, True))
            if not take.filmed_before:
                take.finds.append((Kind.PRE_EVENT_SHORT, True))


def _other_policy(worked: Worked) -> None:
    _set("policy.sha256", "00" * 32, Kind.NOT_THIS_POLICY)(worked)
    for one in worked.takes:
        for take in (one, *one.also):
            take.finds.append((Kind.NOT_THIS_POLICY, False))


SHIFTS: Final[dict[str, Callable[[Worked], None]]] = {
    "docked late": _late,
    "not docked": _not_docked,
    "battery dead": _battery_dead,
    "stop forgotten": _stop_forgotten,
    "started by remote": _remote("remote", "remote_activation"),
    "started by another camera": _remote("signal-peer", "trigger.peer"),
    "a short buffer": _short_buffer,
    "another policy": _other_policy,
    "the pack's setting changed": _set("alarm.battery_low_pct", 10, Kind.DRIFT),
}
"""Faults of a whole shift."""
NEVER_STOPPED: Final = "never stopped"
"""Of the last shift alone: whatever is pressed after that is of the same recording."""
FAULTS: Final = (*RECORDINGS, *SHIFTS, NEVER_STOPPED)


@dataclass(frozen=True)
class Planted:
    """Shift files, and what a check of all of them finds."""

    files: tuple[str, ...]
    found: frozenset[Found]


def plant(
    seed: int, wearers: int, shifts: int, *, faults: Collection[str] = FAULTS, first: int = 0
) -> Planted:
    """Draws everything. Each fault comes up where there are as many turns; `first` is the first of them."""
    files = [[f"hours = {HOURS}"] for _ in range(shifts)]
    found: set[Found] = set()
    for wearer in range(wearers):
        officer = f"K{wearer + 1:02}"
        week = []
        for shift in range(shifts):
            rng = random.Random(f"{seed} {wearer} {shift}")
            week.append(_drawn(rng, first + wearer * shifts + shift, faults))
            if shift == shifts - 1 and (first + wearer * shifts + shift) % 4 == 3 and NEVER_STOPPED in faults:
                week[-1].extra.append((LAST * 60, "record start event=arrest"))
                week[-1].camera.append((Kind.RECORDS_STILL, True))
            files[shift].append(_wearer(officer, week[-1]))
        found.update(_expected(officer, week))
    return Planted(tuple("\n".join(one) for one in files), frozenset(found))


def turn_of(fault: str) -> int:
    """The turn of a wearer who has it for certain."""
    if fault == NEVER_STOPPED:
        return 3
    return list(RECORDINGS).index(fault) if fault in RECORDINGS else 2 * list(SHIFTS).index(fault)


def _drawn(rng: random.Random, turn: int, faults: Collection[str]) -> Worked:
    worked = Worked([Take(10 + 35 * number + rng.randrange(12)) for number in range(TAKES)])
    for number, take in enumerate(worked.takes):
        chance, fault, odd = rng.random(), rng.choice(list(RECORDINGS)), rng.choice(list(ODD))
        if number == 0 or chance < 0.3:
            name = list(RECORDINGS)[turn % len(RECORDINGS)] if number == 0 else fault
            if name in faults:
                RECORDINGS[name](worked, take)
        elif chance < 0.6:
            ODD[odd](worked, take)
    whole = list(SHIFTS)[turn // 2 % len(SHIFTS)]
    if turn % 2 == 0 and whole in faults:
        SHIFTS[whole](worked)
    if turn % 4 == 1:
        _categorised_in_the_dock(worked)
    if not worked.settings["trigger.peer"]:
        worked.extra.append((300, "record start signal-peer"))  # which it does not hear
    return worked


def _wearer(officer: str, worked: Worked) -> str:
    steps = [(0, "undock")]
    steps += [one for take in worked.takes for one in take.steps()]
    steps += worked.extra
    if worked.docked is not None:
        hours, minutes = worked.docked.split(":")
        steps.append((int(hours) * 3600 + int(minutes) * 60, "dock"))
    lines = [
        f"{at // 3600}:{at // 60 % 60:02}:{at % 60:02} {text}"
        for at, text in sorted(steps, key=lambda one: one[0])
    ]
    settings = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in worked.settings.items())
    return (
        f'\n[[wearer]]\nofficer = "{officer}"\nunit = "north"\ncharge = 100\nsettings = {{ {settings} }}\n'
        f"steps = {json.dumps(lines, indent=2)}"
    )


def _expected(officer: str, week: list[Worked]) -> Iterator[Found]:
    number, unset = 0, False
    for worked in week:
        takes = [each for take in worked.takes for each in (take, *take.also)]
        for take in takes:
            number += 1
            yield from ((officer, number, str(kind), counts) for kind, counts in take.finds)
            unset = unset or take.loses_clock
            if unset:
                yield officer, number, str(Kind.CANNOT_TELL), False
            elif worked.docked != ON_TIME or (worked.left and take is takes[-1]):
                yield officer, number, str(Kind.LATE_OFFLOAD), True
        unset = unset and worked.docked is None  # a dock sets it
    yield from ((officer, 0, str(kind), counts) for kind, counts in week[-1].camera)

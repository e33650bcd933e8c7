"""Fault plans: what goes wrong on a link and in a device, as one line that can be replayed.

A plan is a list of words, separated by commas:

    drop=0.2            a frame is lost with this probability
    duplicate=0.1       … comes twice
    reorder=0.1         … comes after the one behind it
    flip=1e-5           each bit is flipped with this probability
    delay=0.05          every frame takes this long, in seconds
    jitter=0.02         … and up to this much longer; the order is kept
    cut@100000          the cable is pulled when this many bytes have passed, both ways together
    cut%100000          … each time that this many have passed
    stall@5000          from there on nothing passes, until the host opens the device again
    stall@5000:1.5      … for 1.5 seconds
    reboot@70000        the device resets itself there, without a word
    power@70000         it loses power there, and boots again; of what was not synced it keeps what a seed draws
    power@70000:kept    … all of it; :dropped, nothing; :torn, as without a word
    vanish@70000        a recording disappears from the device there
    fail@40op           the 40th operation of its storage that writes fails with an error
    rot=2               this many stored bits are wrong from the start
    bad=1               this many stored chunks cannot be read

`.rx` (device to host) or `.tx` (host to device) behind the first six confines them to that direction. Counts of
bytes go on over reconnections, so that a plan ends. The same plan with the same seed does the same to the same
bytes.

What comes at a number of bytes comes instead after a time of the device (`cut@90s`), when a recording is closed
(`reboot@2close`: the second) or at an operation of its storage that writes (`power@400op`), with `%` each time that so
much more has come. All three are counted from when the plan is armed: when `bwc sim` or a `sim:` URI makes the device.

The same in TOML: `plan_file`. One that a seed draws: `drawn`.
"""

from __future__ import annotations

import enum
import math
import random
import re
from dataclasses import dataclass
from typing import Final, Protocol

from firmware_sim.faults.speed import Speed
from firmware_sim.flash.flash import Unsynced

AT_MAX: Final = 1 << 50
AFTER_MAX_S: Final = 366 * 86_400.0
"""A year: no simulated device is run for longer."""
EVERY_MIN_S: Final = 1.0
"""More often, and an hour that is let pass at once would take as long as an hour."""
TRIGGERS_MAX: Final = 1_000
COUNT_MAX: Final = 1_000
SHOWN_MAX: Final = 80
"""Characters of a word that an error repeats."""
SECONDS_MAX: Final = 3_600.0
LOSSY_PAYLOAD: Final = 1_024
"""Frames on a bad line: what is lost at once stays small, and flips leave some of them whole."""


class FaultSyntaxError(ValueError):
    """A fault plan that cannot be read; says which word, and what was expected."""


class Way(enum.Enum):
    """Directions, as the host sees them."""

    RX = "rx"
    TX = "tx"


class Affliction(enum.Enum):
    """What happens to frames that pass: probabilities, and times in seconds."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    FLIP = "flip"
    DELAY = "delay"
    JITTER = "jitter"


class Strike(enum.Enum):
    """What happens once its time has come."""

    CUT = "cut"
    STALL = "stall"
    REBOOT = "reboot"
    POWER = "power"
    VANISH = "vanish"
    FAIL = "fail"


class Count(enum.Enum):
    """In what the time of a strike is counted; the value is how the one-line form writes it."""

    BYTE = ""
    SECOND = "s"
    CLOSE = "close"
    OPERATION = "op"


class Decay(enum.Enum):
    """What is wrong with stored footage from the start."""

    ROT = "rot"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A strike at `at`, counted in `count`; `every` repeats it there and at each multiple. `seconds` is how long a
    stall lasts (None: until the host comes again), `unsynced` what a loss of power leaves.

    Raises `ValueError` for what no plan has.
    """

    strike: Strike
    at: float
    every: bool = False
    seconds: float | None = None
    count: Count = Count.BYTE
    unsynced: Unsynced | None = None

    def __post_init__(self) -> None:
        if self.count is Count.SECOND:
            _within(self.at, EVERY_MIN_S if self.every else 0.0, AFTER_MAX_S)
        else:
            low = 0 if self.count is Count.BYTE and not self.every else 1
            if self.at != int(self.at) or not low <= self.at <= AT_MAX:
                raise ValueError(f"not a whole number from {low} to {AT_MAX}")
        if self.seconds is not None:
            if self.strike is not Strike.STALL:
                raise ValueError("only a stall lasts")
            if not 0 < self.seconds <= SECONDS_MAX:
                raise ValueError(f"it lasts up to {SECONDS_MAX:g} s")
        if self.unsynced is not None and self.strike is not Strike.POWER:
            raise ValueError("only a loss of power keeps or drops what was written")
        if self.strike is Strike.FAIL and self.count is not Count.OPERATION:
            raise ValueError("what fails is an operation of the storage: write fail@40op")

    def __str__(self) -> str:
        more = "" if self.seconds is None else f":{written(self.seconds)}"
        more = more if self.unsynced is None else f":{self.unsynced.value}"
        sign = "%" if self.every else "@"
        return f"{self.strike.value}{sign}{written(self.at)}{self.count.value}{more}"


_WORD: Final = re.compile(
    r"(?P<name>[a-z]+)(?:\.(?P<way>rx|tx))?(?P<sign>[=@%])(?P<value>[0-9.e+-]+)(?P<count>s|close|op)?"
    r"(?::(?P<more>[a-z0-9.e+-]+))?"
)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A plan, read. `str` gives it back."""

    afflictions: dict[tuple[Affliction, Way], float]
    triggers: tuple[Trigger, ...]
    decays: dict[Decay, int]
    seed: int = 0

    @staticmethod
    def parse(text: str, seed: int = 0) -> FaultPlan:
        """Raises `FaultSyntaxError`."""
        afflictions: dict[tuple[Affliction, Way], float] = {}
        triggers: list[Trigger] = []
        decays: dict[Decay, int] = {}
        for word in filter(None, (word.strip() for word in text.split(","))):
            match = _WORD.fullmatch(word)
            name, way, sign, value, count, more = match.groups() if match else ("", None, "", "", None, None)
            plain = sign == "=" and count is None and more is None
            try:
                if name in Affliction._value2member_map_ and plain:
                    kind = Affliction(name)
                    for one in Way if way is None else (Way(way),):
                        afflictions[kind, one] = strength(kind, float(value))
                elif name in Strike._value2member_map_ and sign in ("@", "%") and way is None:
                    triggers.append(_trigger(Strike(name), sign == "%", value, Count(count or ""), more))
                elif name in Decay._value2member_map_ and plain and way is None:
                    decays[Decay(name)] = _whole(value, 1, COUNT_MAX)
                else:
                    raise ValueError("no such fault")
                if len(triggers) > TRIGGERS_MAX:
                    raise ValueError(f"more than {TRIGGERS_MAX} strikes")
            except ValueError as error:
                raise FaultSyntaxError(
                    f"fault {word[:SHOWN_MAX]!r}: {error}; write for example drop=0.2, flip.rx=1e-5, cut@100000, "
                    "cut@90s, stall@5000:1.5, reboot@2close, power@400op:torn, rot=2"
                ) from error
        return FaultPlan(afflictions, tuple(triggers), decays, seed)

    def __str__(self) -> str:
        words = [
            f"{kind.value}.{way.value}={written(value)}" for (kind, way), value in self.afflictions.items()
        ]
        words += [str(trigger) for trigger in self.triggers]
        words += [f"{decay.value}={count}" for decay, count in self.decays.items()]
        return ",".join(words)

    @property
    def on_link(self) -> bool:
        """Whether anything of it happens to passing bytes."""
        return bool(self.afflictions or self.triggers)

    @property
    def lossy(self) -> bool:
        """Whether frames are lost or damaged now and then."""
        losing = (Affliction.DROP, Affliction.FLIP, Affliction.DUPLICATE, Affliction.REORDER)
        return any(kind in losing for kind, _ in self.afflictions)

    def strength(self, kind: Affliction, way: Way) -> float:
        """Probability or seconds; 0 where the plan says nothing."""
        return self.afflictions.get((kind, way), 0.0)


class StruckPipe(Protocol):
    """A pipe on which a plan is played."""

    def strike(self, trigger: Trigger) -> None:
        """Now it strikes there."""


class _Come:
    """How far a plan has come."""

    def __init__(self, plan: FaultPlan) -> None:
        self.armed = False
        self.pipes: list[StruckPipe] = []
        self.passed = 0
        self.due = [
            (int(trigger.at), number)
            for number, trigger in enumerate(plan.triggers)
            if trigger.count is Count.BYTE
        ]
        self.pipes_made = 0


class FaultCount:
    """How far a plan has come: shared by all pipes that it is played on, one after the other. `speed` is that of the
    line of one port, which shares the count with others (`on`); None: as fast as the processor."""

    def __init__(self, plan: FaultPlan, speed: Speed | None = None) -> None:
        self.plan = plan
        self.speed = speed
        self._come = _Come(plan)

    def on(self, speed: Speed | None) -> FaultCount:
        """The same count, for a port whose line is so fast."""
        port = FaultCount(self.plan, speed)
        port._come = self._come
        return port

    @property
    def armed(self) -> bool:
        """Whether what comes at other times than bytes is set up (see `arming`)."""
        return self._come.armed

    @armed.setter
    def armed(self, armed: bool) -> None:
        self._come.armed = armed

    @property
    def pipes(self) -> list[StruckPipe]:
        """Those on which it is played now."""
        return self._come.pipes

    @property
    def passed(self) -> int:
        """Bytes that passed so far, both ways together."""
        return self._come.passed

    @passed.setter
    def passed(self, passed: int) -> None:
        self._come.passed = passed

    def rng(self) -> random.Random:
        """Randomness of the next pipe."""
        self._come.pipes_made += 1
        return random.Random(f"faults {self.plan.seed} {self._come.pipes_made}")

    def until_strike(self) -> int | None:
        """Bytes that may pass before the next strike."""
        return min(self._come.due)[0] - self.passed if self._come.due else None

    def strikes(self) -> list[Trigger]:
        """What strikes now, in the order of the plan; each is given once."""
        found, due = [], self._come.due
        for at, number in sorted(due):
            if at > self.passed:
                break
            trigger = self.plan.triggers[number]
            due.remove((at, number))
            if trigger.every:
                due.append((at + int(trigger.at), number))
            found.append(trigger)
        return found


def strength(kind: Affliction, value: float) -> float:
    """How strong an affliction is. Raises `ValueError` for what none can be."""
    return _within(value, 0, SECONDS_MAX if kind in (Affliction.DELAY, Affliction.JITTER) else 1.0)


def written(number: float) -> str:
    """A number as a plan has it, which reads as the same again."""
    return str(int(number)) if number == int(number) else repr(number)


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high or math.isnan(value):
        raise ValueError(f"not within {low:g} to {high:g}")
    return value


def _trigger(strike: Strike, every: bool, value: str, count: Count, more: str | None) -> Trigger:
    at = float(value) if count is Count.SECOND else _whole(value, 0, AT_MAX)
    if more is not None and strike is Strike.POWER:
        if more not in Unsynced._value2member_map_:
            raise ValueError(f"what was not synced is one of {', '.join(one.value for one in Unsynced)}")
        return Trigger(strike, at, every, count=count, unsynced=Unsynced(more))
    return Trigger(strike, at, every, None if more is None else float(more), count)


def _whole(value: str, low: int, high: int) -> int:
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ValueError(f"not a whole number from {low} to {high}")
    return int(value)

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
    vanish@70000        a recording disappears from the device there
    rot=2               this many stored bits are wrong from the start
    bad=1               this many stored chunks cannot be read

`.rx` (device to host) or `.tx` (host to device) behind the first six confines them to that direction. Counts of
bytes go on over reconnections, so that a plan ends. The same plan with the same seed does the same to the same
bytes.
"""

import enum
import random
import re
from dataclasses import dataclass
from typing import Final

AT_MAX: Final = 1 << 50
COUNT_MAX: Final = 1_000
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
    """What happens once a number of bytes has passed."""

    CUT = "cut"
    STALL = "stall"
    REBOOT = "reboot"
    VANISH = "vanish"


class Decay(enum.Enum):
    """What is wrong with stored footage from the start."""

    ROT = "rot"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A strike at byte `at`; `every` repeats it there and at each multiple; `seconds` is how long it lasts."""

    strike: Strike
    at: int
    every: bool = False
    seconds: float | None = None

    def __str__(self) -> str:
        lasting = "" if self.seconds is None else f":{self.seconds:g}"
        return f"{self.strike.value}{'%' if self.every else '@'}{self.at}{lasting}"


_WORD: Final = re.compile(
    r"(?P<name>[a-z]+)(?:\.(?P<way>rx|tx))?(?P<sign>[=@%])(?P<value>[0-9.e+-]+)(?::(?P<seconds>[0-9.]+))?"
)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A plan, read. `str` gives it back."""

    afflictions: dict[tuple[Affliction, Way], float]
    triggers: tuple[Trigger, ...]
    decays: dict[Decay, int]
    seed: int = 0

    @staticmethod
    def parse(text: str, seed: int = 0) -> "FaultPlan":
        """Raises `FaultSyntaxError`."""
        afflictions: dict[tuple[Affliction, Way], float] = {}
        triggers: list[Trigger] = []
        decays: dict[Decay, int] = {}
        for word in filter(None, (word.strip() for word in text.split(","))):
            match = _WORD.fullmatch(word)
            name, way, sign, value, seconds = match.groups() if match else ("", None, "", "", None)
            try:
                if name in Affliction._value2member_map_ and sign == "=" and seconds is None:
                    kind = Affliction(name)
                    for one in Way if way is None else (Way(way),):
                        afflictions[kind, one] = _strength(kind, value)
                elif name in Strike._value2member_map_ and sign in ("@", "%") and way is None:
                    triggers.append(_trigger(Strike(name), sign == "%", value, seconds))
                elif name in Decay._value2member_map_ and sign == "=" and way is None and seconds is None:
                    decays[Decay(name)] = _whole(value, 1, COUNT_MAX)
                else:
                    raise ValueError("no such fault")
            except ValueError as error:
                raise FaultSyntaxError(
                    f"fault {word!r}: {error}; write for example drop=0.2, flip.rx=1e-5, cut@100000, "
                    "stall@5000:1.5, reboot@70000, rot=2"
                ) from error
        return FaultPlan(afflictions, tuple(triggers), decays, seed)

    def __str__(self) -> str:
        words = [f"{kind.value}.{way.value}={value:g}" for (kind, way), value in self.afflictions.items()]
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


class FaultCount:
    """How far a plan has come: shared by all pipes that it is played on, one after the other."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.passed = 0
        """Bytes that passed so far, both ways together."""
        self._due = [(trigger.at, number) for number, trigger in enumerate(plan.triggers)]
        self._pipes = 0

    def rng(self) -> random.Random:
        """Randomness of the next pipe."""
        self._pipes += 1
        return random.Random(f"faults {self.plan.seed} {self._pipes}")

    def until_strike(self) -> int | None:
        """Bytes that may pass before the next strike."""
        return min(self._due)[0] - self.passed if self._due else None

    def strikes(self) -> list[Trigger]:
        """What strikes now, in the order of the plan; each is given once."""
        found = []
        for at, number in sorted(self._due):
            if at > self.passed:
                break
            trigger = self.plan.triggers[number]
            self._due.remove((at, number))
            if trigger.every:
                self._due.append((at + trigger.at, number))
            found.append(trigger)
        return found


def _strength(kind: Affliction, value: str) -> float:
    number = float(value)
    most = SECONDS_MAX if kind in (Affliction.DELAY, Affliction.JITTER) else 1.0
    if not 0 <= number <= most:
        raise ValueError(f"not within 0 to {most:g}")
    return number


def _trigger(strike: Strike, every: bool, value: str, seconds: str | None) -> Trigger:
    if seconds is not None and strike is not Strike.STALL:
        raise ValueError("only a stall lasts")
    lasts = None if seconds is None else float(seconds)
    if lasts is not None and not 0 < lasts <= SECONDS_MAX:
        raise ValueError(f"it lasts up to {SECONDS_MAX:g} s")
    return Trigger(strike, _whole(value, 1 if every else 0, AT_MAX), every, lasts)


def _whole(value: str, low: int, high: int) -> int:
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ValueError(f"not a whole number from {low} to {high}")
    return int(value)

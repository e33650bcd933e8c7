"""Fault plans as TOML files, which say the same as the one-line form and have room for remarks.

    seed = 7                  # of what is drawn; without it that of the device

    [link]                    # both ways; [link.rx] device to host, [link.tx] host to device
    drop = 0.02
    delay = 0.05

    [stored]                  # what is wrong with stored footage from the start
    rot = 2

    [[strike]]
    what = "power"            # cut, stall, reboot, power, vanish, fail
    at_operation = 400        # at_… or every_…: byte, s, close, operation
    unsynced = "torn"

`plan.schema.json` beside this module describes each key, for editors.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeGuard, TypeVar

from firmware_sim.faults.plan import (
    COUNT_MAX,
    TRIGGERS_MAX,
    Affliction,
    Count,
    Decay,
    FaultPlan,
    FaultSyntaxError,
    Strike,
    Trigger,
    Way,
    strength,
    written,
)
from firmware_sim.flash.flash import Unsynced

FILE_MAX: Final = 1 << 20
"""Bytes of a plan: the longest that is taken has a tenth."""
SEED_MAX: Final = 0xFFFF_FFFF
SHOWN_MAX: Final = 64
COUNTS: Final[Mapping[str, tuple[Count, bool]]] = {
    f"{when}_{name}": (count, when == "every")
    for when in ("at", "every")
    for name, count in (
        ("byte", Count.BYTE),
        ("s", Count.SECOND),
        ("close", Count.CLOSE),
        ("operation", Count.OPERATION),
    )
}
"""Keys of a strike that say when it comes; it has one of them."""
TOP_KEYS: Final = ("seed", "link", "stored", "strike")
LINK_KEYS: Final = tuple(kind.value for kind in Affliction)
WAYS: Final = tuple(way.value for way in Way)
STRIKE_KEYS: Final = ("what", *COUNTS, "lasts_s", "unsynced")


def schema() -> str:
    """The JSON Schema of a plan, as the package brings it."""
    return files("firmware_sim.faults").joinpath("plan.schema.json").read_text("utf-8")


def read_plan(path: Path, seed: int = 0) -> FaultPlan:
    """Reads the plan in a file. Raises `FaultSyntaxError`, which names the file, and `OSError`."""
    with path.open("rb") as file:
        data = file.read(FILE_MAX + 1)
    try:
        if len(data) > FILE_MAX:
            raise FaultSyntaxError(f"it is longer than {FILE_MAX} bytes: is the path right?")
        return parse_toml(data.decode(), seed)
    except UnicodeDecodeError as error:
        raise FaultSyntaxError(f"{path}: it is no text in UTF-8: is the path right?") from error
    except FaultSyntaxError as error:
        raise FaultSyntaxError(f"{path}: {error}") from error


def parse_toml(text: str, seed: int = 0) -> FaultPlan:
    """The plan that `text` writes; `seed` is for one that has none. Raises `FaultSyntaxError`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FaultSyntaxError(f"it is no TOML: {error}") from error
    _demand_known("at its top", document, TOP_KEYS)
    strikes = document.get("strike", [])
    if not isinstance(strikes, list):
        raise FaultSyntaxError("'strike' is no list: begin each by [[strike]]")
    if len(strikes) > TRIGGERS_MAX:
        raise FaultSyntaxError(f"there are {len(strikes)} of [[strike]], and at most {TRIGGERS_MAX}")
    return FaultPlan(
        dict(_afflictions(_table("[link]", document.get("link", {})))),
        tuple(_strike(f"[[strike]] {number}", table) for number, table in enumerate(strikes, 1)),
        _decays(_table("[stored]", document.get("stored", {}))),
        _whole("at its top", "seed", document["seed"], 0, SEED_MAX) if "seed" in document else seed,
    )


def to_toml(plan: FaultPlan) -> str:
    """The plan as a file; `parse_toml` gives it back."""
    lines = [f"seed = {plan.seed}"]
    for way in Way:
        said = [(kind, value) for (kind, at), value in plan.afflictions.items() if at is way]
        if said:
            lines += ["", f"[link.{way.value}]"]
            lines += [f"{kind.value} = {written(value)}" for kind, value in said]
    if plan.decays:
        lines += ["", "[stored]", *(f"{decay.value} = {count}" for decay, count in plan.decays.items())]
    for trigger in plan.triggers:
        lines += ["", "[[strike]]", f'what = "{trigger.strike.value}"']
        when = next(
            key for key, (count, every) in COUNTS.items() if (count, every) == (trigger.count, trigger.every)
        )
        lines.append(f"{when} = {written(trigger.at)}")
        if trigger.seconds is not None:
            lines.append(f"lasts_s = {written(trigger.seconds)}")
        if trigger.unsynced is not None:
            lines.append(f'unsynced = "{trigger.unsynced.value}"')
    return "\n".join(lines) + "\n"


def _afflictions(link: Mapping[str, object]) -> Iterator[tuple[tuple[Affliction, Way], float]]:
    _demand_known("[link]", link, (*LINK_KEYS, *WAYS))
    for kind in Affliction:
        if kind.value in link:
            value = _strength("[link]", kind, link[kind.value])
            for way in Way:
                yield (kind, way), value
    for way in Way:  # what is said of one direction goes before what is said of both
        where = f"[link.{way.value}]"
        table = _table(where, link.get(way.value, {}))
        _demand_known(where, table, LINK_KEYS)
        for key, said in table.items():
            yield (Affliction(key), way), _strength(where, Affliction(key), said)


def _strength(where: str, kind: Affliction, value: object) -> float:
    number = _number(where, kind.value, value)
    return _checked(f"{where} {kind.value!r}", lambda: strength(kind, number))


def _decays(table: Mapping[str, object]) -> dict[Decay, int]:
    _demand_known("[stored]", table, tuple(decay.value for decay in Decay))
    return {Decay(key): _whole("[stored]", key, value, 1, COUNT_MAX) for key, value in table.items()}


def _strike(where: str, value: object) -> Trigger:
    table = _table(where, value)
    _demand_known(where, table, STRIKE_KEYS)
    what = _one_of(where, "what", table.get("what"), tuple(strike.value for strike in Strike))
    when = [key for key in COUNTS if key in table]
    if len(when) != 1:
        said = " and ".join(map(repr, when)) or "nothing"
        raise FaultSyntaxError(f"{where} says {said} of when it comes: write one of {', '.join(COUNTS)}")
    count, every = COUNTS[when[0]]
    at = _number(where, when[0], table[when[0]])
    lasts_s = _number(where, "lasts_s", table["lasts_s"]) if "lasts_s" in table else None
    unsynced = None
    if "unsynced" in table:
        kept = _one_of(where, "unsynced", table["unsynced"], tuple(one.value for one in Unsynced))
        unsynced = Unsynced(kept)
    return _checked(where, lambda: Trigger(Strike(what), at, every, lasts_s, count, unsynced))


# What stands under a key


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _table(where: str, value: object) -> dict[str, object]:
    if not _is_table(value):
        raise FaultSyntaxError(f"{where} is no table: write {where} on a line of its own, and its keys below")
    return value


def _demand_known(where: str, table: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise FaultSyntaxError(f"{where} there is no {key[:SHOWN_MAX]!r}; known: {', '.join(known)}")


def _number(where: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultSyntaxError(f"{where} {key!r} is no number: write {key} = 5")
    try:
        return float(value)
    except OverflowError as error:
        raise FaultSyntaxError(f"{where} {key!r} is beyond every bound") from error


def _whole(where: str, key: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FaultSyntaxError(f"{where} {key!r} is not a whole number from {low} to {high}")
    return value


def _one_of(where: str, key: str, value: object, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise FaultSyntaxError(f"{where} {key!r} is none of {', '.join(known)}")
    return value


T = TypeVar("T")


def _checked(where: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise FaultSyntaxError(f"{where}: {error}") from error

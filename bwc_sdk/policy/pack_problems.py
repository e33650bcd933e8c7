"""All that is wrong with the file of a pack, in one go: in each part by itself, and between the parts."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bwc_sdk.policy import demands
from bwc_sdk.policy.catalogue import RULES
from bwc_sdk.policy.pack import (
    RULES_MAX,
    WITHOUT_PARENT,
    Category,
    Citation,
    OwnWord,
    Pack,
    Problem,
    Rule,
    nearest,
    wrong_together,
)

PROBLEMS_MAX: Final = 40
"""Problems that are told of one file: whoever has more begins with these."""
_DEMANDS: Final[dict[str, type[BaseModel]]] = {
    one.model_fields["kind"].default: one
    for one in vars(demands).values()
    if isinstance(one, type) and issubclass(one, demands.Part) and "kind" in one.model_fields
}
_TABLES: Final[dict[str, type[BaseModel]]] = {"rules": Rule, "own_words": OwnWord, "categories": Category}


def problems(name: str, found: Mapping[str, Any], error: ValidationError) -> tuple[str, ...]:
    """One line for each thing that is wrong; `name` is what the file is called."""
    told = [Problem(one["loc"], _said(one)) for one in error.errors(include_url=False) if one["loc"]]
    told += _beside(found)
    lines = []
    for one in dict.fromkeys(Problem(each.place, each.said) for each in told):
        where = _where(found, one.place)
        lines.append(f"{name}: {where}: {one.said}" if where else f"{name}: {one.said}")
    more = len(lines) - PROBLEMS_MAX
    return tuple(lines[:PROBLEMS_MAX] + ([f"{name}: and {more} more"] if more > 0 else []))


def _said(one: ErrorDetails) -> str:
    said = one["msg"].removeprefix("Value error, ")
    given, context = one["input"], one.get("ctx", {})
    match one["type"]:
        case "extra_forbidden":
            key = str(one["loc"][-1])
            return f"there is no such key{nearest(key, _keys_at(one['loc'][:-1]))}"
        case "enum" | "literal_error":
            words = re.findall(r"'([^']+)'", str(context.get("expected", "")))
            return said + (nearest(given, words) if isinstance(given, str) else "")
        case "union_tag_invalid":
            return f"{said}{nearest(str(context.get('tag', '')), _DEMANDS)}"
    wanted = said.removeprefix("no such rule: ")
    return said + (nearest(wanted, RULES) if wanted != said else "")


def _keys_at(place: tuple[int | str, ...]) -> list[str]:
    """The keys that a table of a pack may have."""
    match place:
        case ():
            return list(Pack.model_fields)
        case ("rules", int(), "citation"):
            return list(Citation.model_fields)
        case (str(table), int()) if table in _TABLES:
            return list(_TABLES[table].model_fields)
    kinds = [_DEMANDS[one] for one in place if isinstance(one, str) and one in _DEMANDS]
    return list(kinds[-1].model_fields) if kinds else []


def _beside(found: Mapping[str, Any]) -> Iterator[Problem]:
    """What the parts that are right by themselves have wrong with one another, whatever else is wrong."""
    if found.get("parent_sha256") and not found.get("parent"):
        yield Problem(("parent_sha256",), WITHOUT_PARENT)
    first, last = (found.get(key) for key in ("effective_from", "effective_to"))
    if isinstance(first, datetime.date) and isinstance(last, datetime.date) and last < first:
        yield Problem(("effective_to",), f"{last} is before effective_from {first}")
    rules: list[tuple[int, Rule]] = []
    for number, table in enumerate(_tables(found, "rules")):
        rule = _rule(table)
        if isinstance(rule, Rule):
            rules.append((number, rule))
        elif rule:
            yield Problem(("rules", number), rule)
    default = found.get("default_category")
    yield from wrong_together(
        rules,
        own=[
            (str(one.get("family")), int(one["number"]))
            for one in _tables(found, "own_words")
            if type(one.get("number")) is int
        ],
        categories=[str(one.get("name")) for one in _tables(found, "categories")],
        default_category=default if isinstance(default, str) else "",
    )


def _tables(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    tables = found.get(key)
    if not isinstance(tables, list):
        return []
    return [one if isinstance(one, Mapping) else {} for one in tables[:RULES_MAX]]


def _rule(table: Mapping[str, Any]) -> Rule | str:
    """The rule of a table as far as it says what is asked for and when, or why it says no such thing; "" where that is
    told already."""
    asked = {key: table[key] for key in ("id", "demand") if key in table}
    days = {
        key: table[key]
        for key in ("effective_from", "effective_to")
        if isinstance(table.get(key), datetime.date)
    }
    try:
        return Rule.model_validate({**asked, **days, "status": "verified", "citation": {"source": "-"}})
    except ValidationError as error:
        return next((_said(one) for one in error.errors(include_url=False) if not one["loc"]), "")


def _where(found: Mapping[str, Any], place: tuple[int | str, ...]) -> str:
    """The place of a problem as whoever wrote the file knows it: rules by their ids."""
    parts: list[str] = []
    here: Any = found
    for step in place:
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
            here = here[step]
            named = here.get("id") if isinstance(here, Mapping) else None
            parts.append(str(named)[:80] if named else f"number {step + 1}")
            continue
        parts.append(str(step))
    return ".".join(part for part in parts if part not in ("rules", "demand"))

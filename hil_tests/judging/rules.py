"""The numbered rules, as the shipped specification has them: number, section, sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest

from bwc_sdk.errors import InvalidValue
from bwc_sdk.shipped import specification

MARK: Final = "rule"
LEVELS: Final = ("MUST", "SHOULD", "INFO")
"""What a mark may say of its test: a numbered rule is a MUST; the others warn, and break nothing."""
_FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"(?P<depth>#{2,3}) (?P<title>.*)")
_RULE: Final = re.compile(r"- \*\*(?P<number>(?P<family>[A-Z]{3})-\d{3})\*\* (?P<sentence>.*)")
_HOST_MUST: Final = re.compile(r"\b[Aa] host\b[^.;]*\bMUST\b")
_OTHER_MUST: Final = re.compile(
    r"\b[Aa]n? (device|end|receiver|sender|camera|station|ends)\b[^.;,]*\b(MUST|MAY)\b|\bBoth ends MUST\b"
)
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence with MUST that devices and hosts are held to."""

    number: str
    section: str
    """The chapter of the specification, and behind a comma its part, if it has parts."""
    sentence: str
    """As the specification has it, without its links."""

    @property
    def family(self) -> str:
        """`LNK` of LNK-001."""
        return self.number[:3]

    @property
    def of_hosts(self) -> bool:
        """Whether it is about hosts alone: no device can break it."""
        return bool(_HOST_MUST.search(self.sentence)) and not _OTHER_MUST.search(self.sentence)


def read_rules(text: str) -> dict[str, Rule]:
    """The rules of a specification, in its order."""
    found: dict[str, Rule] = {}
    chapter = part = ""
    for line in _FENCED.sub("", text).splitlines():
        if heading := _HEADING.fullmatch(line):
            title = heading["title"].replace("`", "")
            chapter, part = (title, "") if len(heading["depth"]) == 2 else (chapter, title)
        elif rule := _RULE.fullmatch(line.rstrip(" °")):
            section = f"{chapter}, {part}" if part else chapter
            found[rule["number"]] = Rule(rule["number"], section, _LINK.sub(r"\1", rule["sentence"]))
    return found


@cache
def all_rules() -> Mapping[str, Rule]:
    """The rules of the specification that this package brings."""
    return read_rules(specification())


@dataclass(frozen=True, slots=True)
class Scope:
    """Of which rules a run speaks: all, or those of some families, or some by number."""

    wanted: tuple[str, ...] = ()

    @staticmethod
    def parse(words: str) -> Scope:
        """`LNK,CHN` or `LNK-003`; "" = all. Raises `InvalidValue` for what the specification does not have."""
        wanted = tuple(dict.fromkeys(word.strip().upper() for word in words.split(",") if word.strip()))
        families = {rule.family for rule in all_rules().values()}
        for word in wanted:
            if word not in families and word not in all_rules():
                raise InvalidValue(
                    f"the specification has no rules {word[:40]!r}",
                    advice=f"name some of {', '.join(sorted(families))}, or a rule such as LNK-003",
                )
        return Scope(wanted)

    def has(self, number: str) -> bool:
        """Whether a rule is meant."""
        return not self.wanted or number in self.wanted or number[:3] in self.wanted

    def rules(self) -> list[Rule]:
        """The rules that are meant, in the specification's order."""
        return [rule for rule in all_rules().values() if self.has(rule.number)]


def marked(item: pytest.Item) -> dict[str, str]:
    """The rules that a test is marked with, and the level of each. Raises `UsageError` for a level that is none."""
    found: dict[str, str] = {}
    for mark in item.iter_markers(MARK):
        level = str(mark.kwargs.get("level", LEVELS[0]))
        if level not in LEVELS:
            raise pytest.UsageError(
                f"{item.nodeid}: a rule's level is one of {', '.join(LEVELS)}, not {level!r}"
            )
        found.update({str(number): level for number in mark.args})
    return found


def require_known(items: Iterable[pytest.Item]) -> None:
    """Raises `UsageError` for a mark with a rule that the specification does not have: nothing would be guarded."""
    for item in items:
        unknown = [number for number in marked(item) if number not in all_rules()]
        if unknown:
            raise pytest.UsageError(
                f"{item.nodeid} is marked with {', '.join(unknown)}: the specification has no such rule ('bwc spec')"
            )

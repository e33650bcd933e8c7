"""A pack: an agency's policy as data, a version of it that never changes. Its hash names it in manifests."""

from __future__ import annotations

import datetime
import difflib
import enum
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from bwc_sdk.policy.catalogue import CATALOGUE_VERSION, RULES, RuleInfo, lifted
from bwc_sdk.policy.demands import (
    WORD_MAX,
    AnyDemand,
    Conditional,
    Demand,
    Forbidden,
    MustInclude,
    OnlyFrom,
    Part,
    WordText,
)
from bwc_sdk.policy.order import canonical
from bwc_sdk.policy.vocabulary import (
    AGENCY_FIRST,
    OWN_MAX,
    OWN_WORDS,
    VOCABULARY_VERSION,
    WORDS,
    Family,
    is_own,
)

PACK_VERSION: Final = 1
"""Raised when an older reader would misread."""
ID_MAX: Final = 64
"""Characters of an id: as many as a manifest has for its policy."""
TEXT_MAX: Final = 600
"""Characters of a sentence: a note or a place in a source, not the source itself."""
RULES_MAX: Final = 256
"""Rules of a pack: those of the catalogue, each in several versions over the years."""
SETTINGS_MAX: Final = 512
"""Settings, as a device's schema may have."""

WITHOUT_PARENT: Final = "parent_sha256 without a parent"

PackId = Annotated[str, Field(min_length=1, max_length=ID_MAX, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Sentence = Annotated[str, Field(max_length=TEXT_MAX)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SettingKey = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]
SettingValue = StrictBool | StrictInt | Annotated[str, Field(max_length=128, strict=True)]


class Level(enum.StrEnum):
    """Whose policy it is."""

    DEPARTMENT = "department"
    AGENCY = "agency"
    UNIT = "unit"
    LAW = "law"
    """A law, which joins as a second parent."""
    MODEL = "model"
    """One that others may take as an example."""


class Status(enum.StrEnum):
    """How sure it is that a rule says what its source says."""

    VERIFIED = "verified"
    """Read in the source itself."""
    PARAPHRASE = "paraphrase"
    """Read in what others say of the source."""
    RECALLED = "recalled"
    """Nobody looked it up: it warns, and never blocks."""


class Citation(Part):
    """Where a rule stands."""

    source: Title
    place: Annotated[str, Field(max_length=200)] = ""
    """Section, page or address in it."""

    def __str__(self) -> str:
        return f"{self.source}, {self.place}" if self.place else self.source


class Rule(Part):
    """One rule: what it asks for, where that stands, and since when."""

    id: Annotated[str, Field(max_length=WORD_MAX, json_schema_extra={"enum": list(RULES)})]
    demand: AnyDemand
    status: Status
    citation: Citation
    effective_from: datetime.date | None = None
    effective_to: datetime.date | None = None
    """The last day."""
    note: Sentence = ""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.id not in RULES:
            raise ValueError(f"no such rule: {self.id}")
        _days_in_order(self.effective_from, self.effective_to)
        if self.lifted is None:
            plain = self.demand.demand if isinstance(self.demand, Conditional) else self.demand
            raise ValueError(f"{self.id} is of the kind {self.info.kind}, not {plain.kind}")
        return self

    @property
    def info(self) -> RuleInfo:
        """What is known of it."""
        return RULES[self.id]

    @property
    def lifted(self) -> Demand | None:
        """What it asks for, in the kind of its rule."""
        if not isinstance(self.demand, Conditional):
            return lifted(self.id, self.demand)
        inner = lifted(self.id, self.demand.demand)
        return None if inner is None else self.demand.model_copy(update={"demand": inner})

    def in_force(self, on: datetime.date) -> bool:
        """Whether it holds on a day."""
        return _holds(self.effective_from, self.effective_to, on)


class OwnWord(Part):
    """A number of the range that is free for agencies, and what it stands for here."""

    family: Family
    number: Annotated[StrictInt, Field(ge=AGENCY_FIRST, le=OWN_MAX)]
    name: Title
    maps_to: Annotated[str, Field(max_length=2 * WORD_MAX)] = ""
    """A word of the vocabulary that it counts as, or another pack's own as `PACK/NUMBER`; without, it is additional."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.family not in OWN_WORDS:
            raise ValueError(f"{self.family} have no numbers of an agency's own")
        pack, _, number = self.maps_to.rpartition("/")
        if self.maps_to and self.maps_to not in WORDS[self.family] and not (pack and is_own(number)):
            raise ValueError(f"maps to {self.maps_to!r}, which is no word of {self.family}, nor PACK/NUMBER")
        return self


class Category(Part):
    """A category of recordings, and the retention class that it is kept by."""

    name: Annotated[str, Field(min_length=1, max_length=WORD_MAX)]
    retention_class: WordText = "default"


class Pack(Part):
    """A policy."""

    pack: Annotated[StrictInt, Field(ge=PACK_VERSION, le=PACK_VERSION)]
    """Version of this form."""
    id: PackId
    title: Title
    level: Level
    vocabulary: Annotated[StrictInt, Field(ge=1, le=VOCABULARY_VERSION)]
    """Version of the recordings' vocabulary whose words it uses."""
    catalogue: Annotated[StrictInt, Field(ge=1, le=CATALOGUE_VERSION)] = CATALOGUE_VERSION
    """Version of the list of rules that it was written by."""
    effective_from: datetime.date | None = None
    effective_to: datetime.date | None = None
    """The last day."""
    note: Sentence = ""
    parent: PackId | None = None
    """The policy above it, whose rules it takes over and may only tighten."""
    parent_sha256: Sha256 | None = None
    """Hash of exactly that version of it."""
    laws: Annotated[tuple[PackId, ...], Field(max_length=8)] = ()
    """Laws that it is under as well."""
    comply_within_d: Annotated[StrictInt, Field(ge=0, le=3650)] | None = None
    """Of a department: days from its first day on within which agencies have to meet it."""
    own_words: Annotated[tuple[OwnWord, ...], Field(max_length=384)] = ()
    categories: Annotated[tuple[Category, ...], Field(max_length=128)] = ()
    default_category: Annotated[str, Field(max_length=WORD_MAX)] = ""
    """The category of what nobody categorised."""
    settings: Annotated[dict[SettingKey, SettingValue], Field(max_length=SETTINGS_MAX)] = {}  # noqa: RUF012 - pydantic copies it
    """Settings of cameras that follow from no rule, as in a configuration file."""
    rules: Annotated[tuple[Rule, ...], Field(max_length=RULES_MAX)] = ()

    @field_validator("settings", mode="before")
    @classmethod
    def _flat(cls, given: Any) -> Any:
        """`alarm.battery_low_pct = 20` is the same as `"alarm.battery_low_pct" = 20`."""
        if not isinstance(given, dict):
            return given
        found: dict[Any, Any] = {}
        left = list(given.items())
        while left:
            key, value = left.pop(0)
            if isinstance(value, dict) and value and len(str(key)) <= ID_MAX:
                left[:0] = [(f"{key}.{part}", one) for part, one in value.items()]
            elif key in found:
                raise ValueError(f"{key} stands there twice")
            else:
                found[key] = value
        return found

    @model_validator(mode="after")
    def _together(self) -> Self:
        _days_in_order(self.effective_from, self.effective_to)
        wrong = wrong_together(
            list(enumerate(self.rules)),
            own=[(str(one.family), one.number) for one in self.own_words],
            categories=[one.name for one in self.categories],
            default_category=self.default_category,
        )
        if told := [f"{one.rule}: {one.said}" if one.rule else one.said for one in wrong]:
            raise ValueError("; ".join(told))
        if self.parent_sha256 and not self.parent:
            raise ValueError(WITHOUT_PARENT)
        return self

    def in_force(self, on: datetime.date) -> bool:
        """Whether the pack holds on a day."""
        return _holds(self.effective_from, self.effective_to, on)

    def rules_on(self, on: datetime.date) -> dict[str, Rule]:
        """Its rules of a day, by their ids; none while the pack itself is not in force."""
        if not self.in_force(on):
            return {}
        return {rule.id: rule for rule in self.rules if rule.in_force(on)}

    def asks(self, rule: Rule) -> Demand | None:
        """What a rule of this pack asks for, in one form, so that packs can be compared: its own words are those that
        they map to, or carry the pack's id."""
        return canonical(self._spelt_out(rule))

    def _spelt_out(self, rule: Rule) -> Demand | None:
        demand, family = rule.lifted, rule.info.words
        if family is None or demand is None:
            return demand
        own = {
            str(one.number): one.maps_to or f"{self.id}/{one.number}"
            for one in self.own_words
            if one.family is family
        }
        inner = demand.demand if isinstance(demand, Conditional) else demand
        assert isinstance(inner, MustInclude | Forbidden | OnlyFrom)
        values = tuple(own.get(word, word) for word in inner.values if not _says_nothing(rule.id, word))
        spelt = inner.model_copy(update={"values": values})
        return demand.model_copy(update={"demand": spelt}) if isinstance(demand, Conditional) else spelt

    @property
    def canonical(self) -> bytes:
        """The pack as bytes: the same for every file that says the same."""
        return canonical_json(_unordered(_said(self.model_dump(mode="json", exclude_none=True))))

    @property
    def sha256(self) -> str:
        """SHA-256 of that, which names this version of the policy in manifests."""
        return hashlib.sha256(self.canonical).hexdigest()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong between the parts of a pack that are right by themselves."""

    place: tuple[int | str, ...]
    """Keys and numbers of the way to it, as in the file."""
    said: str
    rule: str = ""


def wrong_together(
    rules: Sequence[tuple[int, Rule]],
    *,
    own: Sequence[tuple[str, int]],
    categories: Sequence[str],
    default_category: str,
) -> Iterator[Problem]:
    """All that is wrong so: of rules with their places in the file, of the family and number of the agency's own words,
    of the names of categories."""
    if len(set(own)) < len(own):
        yield Problem(("own_words",), "a number of the agency's own stands there twice")
    for number, rule in rules:
        for said in _unknown_words(rule, own):
            yield Problem(("rules", number), said, rule.id)
    for at, (_, one) in enumerate(rules):
        for number, other in rules[at + 1 :]:
            if one.id == other.id and _overlap(one, other):
                yield Problem(("rules", number), "stands there twice for the same days", one.id)
    if len(set(categories)) < len(categories):
        yield Problem(("categories",), "a category stands there twice")
    if default_category and categories and default_category not in categories:
        near = nearest(default_category, categories)
        yield Problem(("default_category",), f"{default_category!r} is none of the categories{near}")


def _unknown_words(rule: Rule, own: Sequence[tuple[str, int]]) -> Iterator[str]:
    family = rule.info.words
    if family is None:
        return
    numbers = {str(number) for of, number in own if of == family}
    for word in words_of(rule.demand):
        if word not in WORDS[family] and word not in numbers:
            missing = ", and [[own_words]] does not say what it is" if is_own(word) else ""
            yield f"{word!r} is no word of {family}{missing}{nearest(word, WORDS[family])}"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?` for the known word that is nearest, "" where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def words_of(demand: Demand) -> tuple[str, ...]:
    """The words of a demand, if it has any."""
    inner = demand.demand if isinstance(demand, Conditional) else demand
    return inner.values if isinstance(inner, MustInclude | Forbidden | OnlyFrom) else ()


def canonical_json(content: Any) -> bytes:
    """JSON with sorted keys and nothing between: the bytes that are hashed."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pack_schema() -> dict[str, Any]:
    """The JSON Schema of a pack, for editors and other programs."""
    schema = Pack.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def _said(table: dict[str, Any]) -> dict[str, Any]:
    """A table without what it leaves empty, so that a field of a later version changes no hash. What a demand or a
    setting leaves empty stays: to permit nothing is to say something."""
    found = {}
    for key, value in table.items():
        if key in ("demand", "settings"):
            kept = value
        elif isinstance(value, dict):
            kept = _said(value)
        elif isinstance(value, list):
            kept = [_said(one) if isinstance(one, dict) else one for one in value]
        else:
            kept = value
        if kept not in ("", [], {}):
            found[key] = kept
    return found


def _unordered(found: Any) -> Any:
    """No list of a pack has an order that means anything."""
    if isinstance(found, dict):
        return {key: _unordered(value) for key, value in found.items()}
    if isinstance(found, list):
        once = {canonical_json(one): one for one in map(_unordered, found)}
        return [once[key] for key in sorted(once)]
    return found


def _says_nothing(rule: str, word: str) -> bool:
    """A recording that ends with its event ends not before it: to permit that, or not, is the same."""
    return rule == "record.may_stop_for" and word == "event-over"


def _days_in_order(first: datetime.date | None, last: datetime.date | None) -> None:
    if first is not None and last is not None and last < first:
        raise ValueError(f"effective_to {last} is before effective_from {first}")


def _holds(first: datetime.date | None, last: datetime.date | None, on: datetime.date) -> bool:
    return (first is None or first <= on) and (last is None or on <= last)


def _overlap(one: Rule, other: Rule) -> bool:
    begins = max(one.effective_from or datetime.date.min, other.effective_from or datetime.date.min)
    ends = min(one.effective_to or datetime.date.max, other.effective_to or datetime.date.max)
    return begins <= ends

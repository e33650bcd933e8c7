"""What a rule asks for: a kind and its values, a class for each kind. How two of them compare stands in `order`."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from bwc_sdk.policy.vocabulary import Alternative, Circumstance

NUMBER_MAX: Final = 1_000_000
"""Largest value of any rule: more than a century of days or a week of seconds; what is above is a slip of the pen."""
WORDS_MAX: Final = 256
"""Words of one rule: no vocabulary has more."""
CLASSES_MAX: Final = 128
"""Retention classes of one rule: schedules of records have some dozens."""
DEFAULT: Final = "default"
"""The class of what is of no other."""
WORD_MAX: Final = 64
"""Characters of a word or of the name of a class, as of a category on the wire."""

Number = Annotated[StrictInt, Field(ge=0, le=NUMBER_MAX)]
WordText = Annotated[str, Field(min_length=1, max_length=WORD_MAX, pattern=r"^[a-z0-9][a-z0-9/._-]*$")]
WordTexts = Annotated[tuple[WordText, ...], Field(max_length=WORDS_MAX)]


class Part(BaseModel):
    """What all parts of a pack have in common: nothing changes them, and a key that nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AtLeast(Part):
    """No less than this."""

    kind: Literal["at_least"] = "at_least"
    value: Number


class AtMost(Part):
    """No more than this."""

    kind: Literal["at_most"] = "at_most"
    value: Number


class Range(Part):
    """From `low` to `high`, both included; a bound that is left out bounds nothing."""

    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}: nothing lies between them")
        return self


class Within(Range):
    """Between two bounds: evidence needs the lower one, privacy the upper one."""

    kind: Literal["within"] = "within"


class AtLeastPer(Part):
    """At least so many in every period of so many days."""

    kind: Literal["at_least_per"] = "at_least_per"
    count: Number
    period_d: Annotated[StrictInt, Field(ge=1, le=NUMBER_MAX)]


class MustInclude(Part):
    """All of these, and more if one likes."""

    kind: Literal["must_include"] = "must_include"
    values: WordTexts


class Forbidden(Part):
    """None of these."""

    kind: Literal["forbidden"] = "forbidden"
    values: WordTexts


class OnlyFrom(Part):
    """Nothing but these; an empty list permits nothing."""

    kind: Literal["only_from"] = "only_from"
    values: WordTexts


class Required(Part):
    """It has to be so. `value = false` says that it need not be."""

    kind: Literal["required"] = "required"
    value: StrictBool = True


class PerClass(Part):
    """Bounds by class. A class that is not named takes the default, never nothing."""

    kind: Literal["per_class"] = "per_class"
    default: Range
    classes: Annotated[dict[WordText, Range], Field(max_length=CLASSES_MAX)] = {}

    @model_validator(mode="after")
    def _named(self) -> Self:
        if DEFAULT in self.classes:
            raise ValueError(f"a class cannot be called {DEFAULT!r}: that is what all others are of")
        return self

    def of(self, name: str) -> Range:
        """The bounds of a class."""
        return self.classes.get(name, self.default)


class Deadline(Part):
    """By the end of one of these, and at the latest after so many hours: the longest of all ways."""

    kind: Literal["deadline"] = "deadline"
    hours: Number
    alternatives: Annotated[tuple[Alternative, ...], Field(min_length=1, max_length=len(Alternative))]


Plain = Annotated[
    AtLeast
    | AtMost
    | Within
    | AtLeastPer
    | MustInclude
    | Forbidden
    | OnlyFrom
    | Required
    | PerClass
    | Deadline,
    Field(discriminator="kind"),
]


class Conditional(Part):
    """A demand that applies in some circumstances alone."""

    kind: Literal["conditional"] = "conditional"
    when: Annotated[tuple[Circumstance, ...], Field(max_length=len(Circumstance))]
    demand: Plain


Demand = (
    AtLeast
    | AtMost
    | Within
    | AtLeastPer
    | MustInclude
    | Forbidden
    | OnlyFrom
    | Required
    | PerClass
    | Deadline
    | Conditional
)
AnyDemand = Annotated[Demand, Field(discriminator="kind")]

"""What counters are made of: snapshots that no longer move, and can be added up."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Generic, Self, TypeVar

K = TypeVar("K", bound=enum.Enum)


class Counts(Mapping[K, int], Generic[K]):
    """How often each member of an enumeration happened, those that never did included. It does not change."""

    __slots__ = ("_counts", "_of")

    def __init__(self, of: type[K], counts: Mapping[K, int] | None = None) -> None:
        self._of = of
        self._counts: dict[K, int] = dict.fromkeys(of, 0)
        if counts:
            self._counts.update(counts)

    def __getitem__(self, key: K) -> int:
        return self._counts[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __hash__(self) -> int:
        return hash(tuple(self._counts.values()))

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key.name}: {count}" for key, count in self._counts.items() if count) + "}"

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(self._counts.values())

    def __add__(self, other: Self) -> "Counts[K]":
        return Counts(self._of, {key: count + other[key] for key, count in self._counts.items()})

    def __sub__(self, earlier: Self) -> "Counts[K]":
        return Counts(self._of, {key: count - earlier[key] for key, count in self._counts.items()})


class Snapshot:
    """A dataclass of numbers, of `Counts` and of further snapshots: `a + b` adds them field by field, and `later -
    earlier` is what came in between."""

    __slots__ = ()

    def __add__(self, other: Self) -> Self:
        return self._each(lambda mine, its: mine + its, other)

    def __sub__(self, earlier: Self) -> Self:
        return self._each(lambda mine, its: mine - its, earlier)

    def _each(self, combine: Any, other: Self) -> Self:
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # every snapshot is a dataclass
        return type(self)(**{name: combine(getattr(self, name), getattr(other, name)) for name in names})

    def plain(self) -> dict[str, Any]:
        """For JSON: numbers by the names of their fields, and of reasons in small letters."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]  # likewise


def _plain(value: Any) -> Any:
    if isinstance(value, Snapshot):
        return value.plain()
    if isinstance(value, Counts):
        return {key.name.lower(): count for key, count in value.items()}
    return value

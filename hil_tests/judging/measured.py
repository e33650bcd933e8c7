"""A value that a test measured, as it stands in a report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A value that a test measured, with its limits."""

    name: str
    value: float
    unit: str
    test: str = ""
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def within(self) -> bool:
        """Whether it keeps to its limits."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    @property
    def limits(self) -> str:
        """The limits, in words; "" without any."""
        low = [] if self.at_least is None else [f"at least {self.at_least:g}"]
        high = [] if self.at_most is None else [f"at most {self.at_most:g}"]
        return " and ".join([*low, *high])

"""Enumerations that print as the specification names their members (spec: Field types).

A number on the wire, a word in a log: `str(ChargeState.DISCHARGING)` is `discharging`, and an f-string without
a format says the same. With a format, in arithmetic and in JSON they are the numbers that they are.
"""

import enum
from typing import Any, Self

from bwc_protocol.versions import V1_0, Version


def label(member: enum.IntEnum | enum.IntFlag) -> str:
    """The lower-case, hyphenated name of an enumeration's member: `BayState.NO_DEVICE` is `no-device`."""
    return (member.name or str(int(member))).lower().replace("_", "-")


class Dated(enum.IntEnum):
    """Numbers that know their version.

    A member that a later version appended says so behind its number, and, where there is one, what is said in its
    place in a version before: `REFUSED = 9, V1_2, PROTOCOL`.
    """

    since: Version
    before: int | None

    def __new__(cls, value: int, since: Version = V1_0, before: int | None = None) -> Self:
        made = int.__new__(cls, value)
        made._value_ = value
        made.since, made.before = since, before
        return made

    def as_of(self, version: Version) -> Self | None:
        """The member that says this in a version; None: there it cannot be said."""
        if self.since <= version:
            return self
        return None if self.before is None else type(self)(self.before).as_of(version)


class Word(Dated):
    """One of several values."""

    def __str__(self) -> str:
        return label(self)

    def __format__(self, spec: str) -> str:
        return format(int(self), spec) if spec else label(self)


class Words(enum.IntFlag):
    """Any of several values together: `marked, held`, or `none`. Members say their version as those of `Dated`."""

    since: Version

    def __new__(cls, value: int, since: Version = V1_0) -> Self:
        made = int.__new__(cls, value)
        made._value_ = value
        made.since = since
        return made

    def as_of(self, version: Version) -> Self:
        """Without the members that the version does not have."""
        return self & ~sum(member.value for member in type(self) if member.since > version)

    @classmethod
    def _missing_(cls, value: object) -> Any:
        made = super()._missing_(value)
        if isinstance(value, int) and value & ~sum(member.value for member in cls):
            # An enum remembers every combination for ever, and a hostile peer has 2^32 of them to send.
            cls._value2member_map_.pop(value, None)
        return made

    def __str__(self) -> str:
        return ", ".join(label(member) for member in type(self) if member in self) or "none"

    def __format__(self, spec: str) -> str:
        return format(int(self), spec) if spec else str(self)

"""Enumerations that print as the specification names their members (spec: Field types).

A number on the wire, a word in a log: `str(ChargeState.DISCHARGING)` is `discharging`, and an f-string without
a format says the same. With a format, in arithmetic and in JSON they are the numbers that they are.
"""

import enum
from typing import Any


def label(member: enum.IntEnum | enum.IntFlag) -> str:
    """The lower-case, hyphenated name of an enumeration's member: `BayState.NO_DEVICE` is `no-device`."""
    return (member.name or str(int(member))).lower().replace("_", "-")


class Word(enum.IntEnum):
    """One of several values."""

    def __str__(self) -> str:
        return label(self)

    def __format__(self, spec: str) -> str:
        return format(int(self), spec) if spec else label(self)


class Words(enum.IntFlag):
    """Any of several values together: `marked, held`, or `none`."""

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

"""Versions of the protocol, major and minor: each appends to the one before (spec: Versions)."""

from typing import Final

Version = tuple[int, int]
V1_0: Final[Version] = (1, 0)
V1_1: Final[Version] = (1, 1)
V1_2: Final[Version] = (1, 2)
OLDEST: Final = V1_0
NEWEST: Final = V1_2
"""The one that is declared here; what is appended from its release on is `since` the next."""


def dotted(version: Version) -> str:
    """As people write it: 1.2."""
    return ".".join(map(str, version))

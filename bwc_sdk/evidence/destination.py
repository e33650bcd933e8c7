"""A final destination, as whoever signs receipts needs it: list, read back, create if absent
(spec: Receipts of a destination).

A directory is one; a store of objects can be another. Nothing is ever overwritten through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object that is being read back."""

    size_bytes: int
    version: str
    """Its version in the destination; empty where there are none."""
    pieces: Iterator[memoryview]
    """Its bytes in order. A piece is good until the next one is asked for."""


class ObjectStore(Protocol):
    """A destination that is open. All methods block, and raise `OSError` unless they say otherwise."""

    def keys(self) -> list[str]:
        """The keys of all objects."""

    def read_back(self, key: str) -> AbstractContextManager[OpenObject]:
        """An object as the medium has it, and not what was kept of it in memory. Raises `FileNotFoundError`."""

    def read_small(self, key: str, most: int) -> bytes | None:
        """The same whole, `most` + 1 bytes at most; None if there is none."""

    def create(self, key: str, content: bytes) -> bool:
        """Stores an object unless its key is taken, durable when it returns; whether it was free."""

"""Bytes that wait to be written, as the buffers that they came in."""

from collections import deque
from collections.abc import Sequence
from typing import Final

PARTS_MAX: Final = 512
"""Buffers of one gathered write; every system takes at least 1,024."""


class ByteQueue:
    """Buffers in their order, and how many bytes they hold. Copies nothing: they must not change while they wait."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self.size = 0
        """Bytes that wait."""
        self._parts: deque[bytes | memoryview] = deque()

    def add(self, parts: Sequence[bytes | memoryview]) -> None:
        """Appends buffers; an empty one is never written."""
        self._parts.extend(filter(None, parts))
        self.size += sum(map(len, parts))

    def first(self, limit: int | None = None) -> list[bytes | memoryview]:
        """The buffers of the next write, as many as reach `limit` bytes; they stay until `drop`."""
        if limit is None and len(self._parts) <= PARTS_MAX:
            return list(self._parts)
        chosen: list[bytes | memoryview] = []
        size = 0
        for part in self._parts:
            if len(chosen) == PARTS_MAX or (limit is not None and size >= limit):
                break
            chosen.append(part)
            size += len(part)
        return chosen

    def drop(self, size: int) -> None:
        """The first `size` bytes are out."""
        self.size -= size
        parts = self._parts
        if not self.size:
            parts.clear()
            return
        while size:
            first = parts[0]
            if len(first) > size:
                parts[0] = memoryview(first)[size:]
                return
            size -= len(first)
            parts.popleft()

    def take(self, size: int) -> list[bytes | memoryview]:
        """Hands out the first `size` bytes, or all if there are fewer."""
        if size >= self.size:
            whole = list(self._parts)
            self.clear()
            return whole
        taken: list[bytes | memoryview] = []
        wanted = size
        self.size -= wanted
        while wanted:
            part = self._parts.popleft()
            if len(part) > wanted:
                view = memoryview(part)
                self._parts.appendleft(view[wanted:])
                part = view[:wanted]
            taken.append(part)
            wanted -= len(part)
        return taken

    def clear(self) -> None:
        """Drops everything."""
        self._parts.clear()
        self.size = 0

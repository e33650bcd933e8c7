"""Buffers between the link and the file: a megabyte each, page-aligned, used again and again."""

import mmap
from typing import Final

SLAB_BYTES: Final = 1_048_576
"""The largest chunk. Larger writes gain nothing."""


class SlabPool:
    """Slabs that are free, last in first out, so that the one that is still in the processor's cache comes next.

    It has no bound of its own: what is taken is bounded by stream credit, and by the jobs that read files.
    """

    def __init__(self) -> None:
        self._free: list[memoryview] = []

    def take(self) -> memoryview:
        """A slab of `SLAB_BYTES`."""
        return self._free.pop() if self._free else memoryview(mmap.mmap(-1, SLAB_BYTES))

    def give(self, slab: memoryview) -> None:
        """Gives a slab back."""
        self._free.append(slab)


def chunks_a_slab(chunk_size: int) -> int:
    """Whole chunks that one slab takes; a manifest's chunks are never larger than a slab."""
    return max(1, SLAB_BYTES // chunk_size)

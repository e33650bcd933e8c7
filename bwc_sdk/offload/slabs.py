"""Buffers between the link and the file: a megabyte each, page-aligned, used again and again by all offloads."""

import mmap
from typing import Final

SLAB_BYTES: Final = 1_048_576
"""The largest chunk. Larger writes gain nothing."""
FURTHER_BYTES: Final = SLAB_BYTES * 8 // 5
"""What each further stream adds to the windows of all, so that a camera more costs little, however many there are:
sixteen have two slabs each, one to fill while the other is hashed. What one of them then lacks in window, the others
fill on the link."""
SPARE_MAX: Final = 8
"""Slabs that are kept when a stream ends: one of the largest windows. The rest goes back to the system."""


class SlabPool:
    """Slabs that are free, last in first out, so that the one that is still in the processor's cache comes next.

    One pool serves all offloads of a process: what one camera does not need at the moment, another uses. `take` and
    `give` may be called from any thread.
    """

    def __init__(self) -> None:
        self._free: list[memoryview] = []
        self._streams: set[object] = set()

    def take(self) -> memoryview:
        """A slab of `SLAB_BYTES`."""
        try:
            return self._free.pop()
        except IndexError:
            return memoryview(_memory())

    def give(self, slab: memoryview) -> None:
        """Gives a slab back."""
        self._free.append(slab)

    # The streams that fill slabs

    def join(self, stream: object) -> None:
        """`stream` takes slabs from now on; with it the windows of all shrink."""
        self._streams.add(stream)

    def leave(self, stream: object) -> None:
        """… and takes no more. What is spare beyond `SPARE_MAX` is released."""
        self._streams.discard(stream)
        del self._free[:-SPARE_MAX]

    def window_bytes(self, most: int) -> int:
        """Bytes that one stream may have under way: `most` while it is alone, else an equal part of that and of
        `FURTHER_BYTES` for each other one, in whole slabs, and never less than the slab that it fills."""
        streams = max(1, len(self._streams))
        part = (most + (streams - 1) * FURTHER_BYTES) // streams
        return min(most, max(SLAB_BYTES, part - part % SLAB_BYTES))


SHARED: Final = SlabPool()
"""The pool of this process."""


def chunks_a_slab(chunk_size: int) -> int:
    """Whole chunks that one slab takes; a manifest's chunks are never larger than a slab."""
    return max(1, SLAB_BYTES // chunk_size)


def _memory() -> mmap.mmap:
    """Memory of this process alone, where there is such: what processes may share costs twice as much to get."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, SLAB_BYTES)
    return mmap.mmap(-1, SLAB_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

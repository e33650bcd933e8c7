"""A listing of 100,000 recordings decoded from its pages, beside the same bytes read by hand into tuples."""

from __future__ import annotations

import dataclasses
import struct
import time
from collections.abc import Iterator
from typing import Any, Final

from bwc_protocol.messages.recordings import LIST_PAGE_MAX, ListPage, RecordingEntry
from tools.bench.result import Result, compare
from tools.generate.samples import typical

ENTRIES: Final = 100_000
ROUNDS: Final = 5
AIM: Final = "< 1 s"

_LENGTH: Final = struct.Struct("<H")
_CODES: Final = [spec.code for spec in RecordingEntry.codec.fields.values()]
_FIXED: Final = struct.Struct("<" + "".join(_CODES[: _CODES.index("")]))
"""What of an entry stands before its one text, the category."""
_BEHIND: Final = struct.Struct("<" + "".join(_CODES[_CODES.index("") :]))


def listing(rounds: int | None) -> Iterator[Result]:
    """Seconds for `ENTRIES`, by the declarations and by hand."""
    pages = _pages()
    ours: list[float] = []
    beside: list[float] = []
    for _ in range(rounds or ROUNDS):
        begin = time.perf_counter()
        decoded = [entry for page in pages for entry in ListPage.codec.decode(page).recordings]
        ours.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        by_hand = [entry for page in pages for entry in _by_hand(page)]
        beside.append(time.perf_counter() - begin)
        assert len(decoded) == len(by_hand) == ENTRIES
        assert decoded[-1].sequence == by_hand[-1][1]
    yield compare(f"listing {ENTRIES:,} entries", "s", ours, beside, aim=AIM)


def _pages() -> list[bytes]:
    entry = typical(RecordingEntry)
    entries = [dataclasses.replace(entry, sequence=number) for number in range(1, ENTRIES + 1)]
    groups = [entries[at : at + LIST_PAGE_MAX] for at in range(0, ENTRIES, LIST_PAGE_MAX)]
    pages = [ListPage(recordings=tuple(g), next=g[-1].sequence, total=ENTRIES) for g in groups]
    return [ListPage.codec.encode(page) for page in pages]


def _by_hand(page: bytes) -> Iterator[tuple[Any, ...]]:
    (count,) = _LENGTH.unpack_from(page)
    at = _LENGTH.size
    for _ in range(count):
        (size,) = _LENGTH.unpack_from(page, at)
        at += _LENGTH.size
        begin = at + _FIXED.size + _LENGTH.size
        end = begin + _LENGTH.unpack_from(page, at + _FIXED.size)[0]
        text = page[begin:end]
        yield (*_FIXED.unpack_from(page, at), text.decode(), *_BEHIND.unpack_from(page, end))
        at += size

"""Reads the custody chains of a store: what hosts recorded, line by line, against what is there.

How they are written is told in the specification (spec: Custody chain).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bwc_protocol.documents.annotation_file import FILE_MAX
from bwc_sdk.evidence.custody_chain import ChainFault, check_chain
from bwc_sdk.evidence.custody_line import LINE_MAX, chain_root
from bwc_sdk.evidence.store import Store

PIECE: Final = 1 << 20
"""Bytes of a chain that are read at once."""
FAULTS_MAX: Final = 16
"""Places of one chain that are told: behind the first ones nobody knows what is."""


@dataclass(slots=True)
class ChainRead:
    """What one chain says, and what is wrong with it."""

    records: int = 0
    head_sha256: bytes = b""
    """Hash of its newest line; of an empty one its root."""
    heads: list[bytes] = field(default_factory=list)
    """Hash of each line."""
    wrong: list[str] = field(default_factory=list)
    unfinished: bool = False
    """Whether its last line was cut off by a loss of power: the next offload of that host mends it."""
    named: dict[str, bytes] = field(default_factory=dict)
    """Hashes of the files that it names; of one that is named twice the later."""


def read_chain(store: Store, name: str) -> ChainRead:
    """Reads a chain, and every place at which it does not hold, up to a bound. Raises `OSError`."""
    found = ChainRead(head_sha256=chain_root(name))

    def whole() -> Iterator[bytes]:
        for line in _lines(store, name):
            if line.endswith(b"\n"):
                yield line
            else:
                found.unfinished = True

    for one in check_chain(name, whole()):
        if isinstance(one, ChainFault):
            found.wrong.append(f"line {one.line}: {one.reason}")
            if len(found.wrong) == FAULTS_MAX:
                break
        else:
            found.records, found.head_sha256 = one.counter, one.line_sha256
            found.heads.append(found.head_sha256)
            found.named[one.file] = one.sha256
    return found


def files_of(stores: Sequence[Store], chain: ChainRead) -> Iterator[tuple[str, str]]:
    """Files that a chain names and that are not what they were, with why. One may have been moved to another of these
    stores."""
    for name, sha256 in sorted(chain.named.items()):
        why = "it is not here any more"
        for store in stores:
            try:
                data = store.read(name, FILE_MAX)
            except FileNotFoundError:
                continue
            except OSError as error:
                why = error.strerror or str(error)
                continue
            if hashlib.sha256(data).digest() == sha256:
                break
            why = "it is not what it was when it was recorded"
        else:
            yield name, why


def _lines(store: Store, name: str) -> Iterator[bytes]:
    """The lines of a file with their ends, each of bounded length: one that is longer comes in pieces, and is none."""
    file = store.open_file(name)
    try:
        rest = b""
        while piece := os.read(file, PIECE):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line + b"\n" for line in lines)
            if len(rest) > LINE_MAX:
                break
        if rest:
            yield rest if len(rest) <= LINE_MAX else rest[: LINE_MAX + 1] + b"\n"
    finally:
        os.close(file)

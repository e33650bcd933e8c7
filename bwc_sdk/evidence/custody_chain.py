"""Custody chains of a store, counted again (spec: Recording, "Custody chain")."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bwc_sdk.evidence.custody_line import LINE_MAX, CustodyLine, LineError, chain_root, is_chain


@dataclass(frozen=True, slots=True)
class ChainFault:
    """A place at which a chain does not hold."""

    line: int
    """Number of the line in the file, from 1."""
    reason: str


def chains_of(store: Path) -> tuple[Path, ...]:
    """The custody chains in a store, by name. Raises `OSError`."""
    return tuple(sorted(path for path in store.iterdir() if is_chain(path.name)))


def read_chain(path: Path) -> Iterator[CustodyLine | ChainFault]:
    """Each line of a chain, and each place at which it does not hold; one line in memory at a time.

    That its end is missing it cannot tell: that is what checkpoints are for. Raises `OSError`.
    """
    with path.open("rb") as file:
        yield from check_chain(path.name, iter(lambda: file.readline(LINE_MAX + 2), b""))


def check_chain(name: str, lines: Iterable[bytes]) -> Iterator[CustodyLine | ChainFault]:
    """The same for lines with their ends."""
    previous, counter = chain_root(name), 0
    for number, raw in enumerate(lines, 1):
        line, end = raw[:-1], raw[-1:]
        if end != b"\n":
            yield ChainFault(
                number,
                "it is unfinished: whoever wrote it was stopped; the next who writes cuts it off and says so"
                if len(raw) <= LINE_MAX
                else "it is longer than any line",
            )
            previous, counter = hashlib.sha256(raw).digest(), counter + 1
            continue
        try:
            found = CustodyLine.decode(line)
        except LineError as error:
            yield ChainFault(number, str(error))
            previous, counter = hashlib.sha256(line).digest(), counter + 1
            continue
        if found.counter != counter + 1:
            yield ChainFault(number, f"its number is {found.counter}, and {counter + 1} was to come")
        if found.previous_sha256 != previous:
            yield ChainFault(number, "the line before is not the one that it was written behind")
        yield found
        previous, counter = hashlib.sha256(line).digest(), found.counter

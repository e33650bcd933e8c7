"""What somebody may have meant by a word that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?` for the known word that is nearest, "" where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def among(word: str, known: Iterable[str], *more: str) -> str:
    """The same, and all that are known; `more` stands behind them."""
    every = list(known)
    near = meant(word, every)
    return f"{near} Known: {', '.join([*every, *more])}" if near else f"; known: {', '.join([*every, *more])}"

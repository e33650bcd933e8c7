"""The pages that people read, and the examples in them, each with what its page says of it out of the reader's sight.

A comment in the line above an example says how it is tried:

    <!-- hardware: WHY -->     it needs a device, root's rights or another machine: it is read, and not run
    <!-- elsewhere: WHERE -->  another part of the test run runs it
    <!-- until: TEXT -->       the program goes on for ever: it is interrupted once it has printed TEXT
    <!-- pytest: N passed -->  it is a file of tests
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "hil_tests" / "README.md",
]
LANGUAGES: Final = ("python", "console")
UNTRIED: Final = ("hardware", "elsewhere")
_REMARK: Final = re.compile(r"<!-- (?P<kind>[a-z]+): (?P<what>[^\n]*) -->\n\Z")


def name_of(page: Path) -> str:
    """The page as its reader names it."""
    return page.relative_to(ROOT).as_posix()


def examples_of(page: Path, evaluate: Callable[[Example], None]) -> list[Example]:
    """The examples of a page in their order; `example.evaluate()` hands one to `evaluate`."""
    parsers = [CodeBlockParser(language, evaluator(evaluate)) for language in LANGUAGES]
    return list(Sybil(parsers=parsers).parse(page).examples())


def evaluator(evaluate: Callable[[Example], None]) -> Callable[[Example], None]:
    """What sybil calls: it wants `None` for "as it should be"."""
    return lambda example: evaluate(example)


def remark_on(document: Document, start: int) -> tuple[str, str]:
    """What the comment above an example says of it: kind and text; two empty ones if there is none."""
    found = _REMARK.search(document.text, 0, start)
    return (found["kind"], found["what"]) if found else ("", "")

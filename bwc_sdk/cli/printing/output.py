"""What a verb prints: one JSON document, tables for people on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bwc_sdk.cli.printing.parts import Facts as Facts
from bwc_sdk.cli.printing.parts import Rows as Rows
from bwc_sdk.cli.printing.parts import rows_of as rows_of
from bwc_sdk.cli.printing.readable import dumps
from bwc_sdk.cli.printing.streams import writing
from bwc_sdk.cli.printing.text import clean


@dataclass(slots=True)
class Output:
    """Where a verb's results go. `device` marks every document with what it was read from."""

    as_json: bool
    terminal: bool = field(default_factory=lambda: sys.stdout.isatty())
    device: Mapping[str, object] | None = None
    verbose: int = 0
    """How often -v was given: verbs that have more to tell tell it."""

    def show(self, document: Mapping[str, Any], *parts: Facts | Rows) -> None:
        """Prints a result: `document` as JSON, or `parts` for people."""
        if self.as_json:
            head = {"device": self.device} if self.device is not None else {}
            self.write(dumps({**head, **document}))
            return
        for part in parts:
            self._part(part)

    def write(self, line: str) -> None:
        """One line of text as it is, already safe to show."""
        with writing():
            sys.stdout.write(line + "\n")

    def flush(self) -> None:
        """Lets a reader have what was written so far."""
        with writing():
            sys.stdout.flush()

    def line(self, *values: object) -> None:
        """One line of values; each made safe, tabs between them in a pipe and spaces on a terminal."""
        self.write(("  " if self.terminal else "\t").join(clean(str(value)) for value in values))

    def note(self, remark: str) -> None:
        """A remark beside the result, on stderr; JSON has no place for it."""
        if not self.as_json:
            sys.stderr.write(clean(remark) + "\n")

    def _part(self, part: Facts | Rows) -> None:
        if self.terminal:
            from bwc_sdk.cli.printing.tables import draw

            with writing():
                draw(part)
        elif isinstance(part, Facts):
            prefix = f"{part.section}." if part.section else ""
            for one in part.facts:
                self.write(f"{prefix}{one.name}\t{_flat(one.plain)}")
        else:
            for number, row in enumerate(part.plain):
                first = [f"{part.section}.{number}"] if part.section else []
                self.write("\t".join([*first, *map(_flat, row)]))


def _flat(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(_flat, value))
    if isinstance(value, dict):
        return clean(json.dumps(value))
    return clean(str(value))

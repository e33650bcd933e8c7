"""Writes into docs/conformance.md who sees which rule broken: the suite on a device, or the project's own tests.

python -m tools.generate.conformance_table           writes the table
python -m tools.generate.conformance_table --check   fails when it is stale
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hil_tests.conformance.coverage import why_untested
from hil_tests.judging.rules import all_rules
from hil_tests.judging.verdict import UNTESTED
from tools.generate.spec.markdown import table

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "conformance.md"
BEGIN: Final = "<!-- written by tools.generate.conformance_table -->\n"
END: Final = "<!-- until here -->"
OWN_MAX: Final = 3
"""Files of own tests that are named of a rule."""
_MARK: Final = re.compile(r"mark\.rule\((?P<said>[^)]*)\)")
_NUMBER: Final = re.compile(r"[A-Z]{3}-\d{3}")
_IN_NAME: Final = re.compile(r"def test_\w*?_(?P<family>[a-z]{3})_(?P<number>\d{3})_")


def files_by_rule(folder: Path) -> dict[str, list[str]]:
    """The files of tests that guard each rule: marked with it, or named after it."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        numbers = {n for mark in _MARK.finditer(text) for n in _NUMBER.findall(mark["said"])}
        numbers |= {f"{one['family'].upper()}-{one['number']}" for one in _IN_NAME.finditer(text)}
        for number in numbers:
            found.setdefault(number, []).append(path.name)
    return found


def rendered(hil: Mapping[str, list[str]], own: Mapping[str, list[str]]) -> str:
    """The table, below a line that counts."""
    rows, counts = [], {"the suite": 0, "own tests only": 0, "not from outside": 0}
    for number, rule in all_rules().items():
        why = why_untested(rule)
        if number in hil:
            seen, kind = ", ".join(f"`{name}`" for name in hil[number]), "the suite"
        elif why == UNTESTED:
            seen, kind = "own tests only", "own tests only"
        else:
            seen, kind = why, "not from outside"
        counts[kind] += 1
        more = ", …" if len(own.get(number, ())) > OWN_MAX else ""
        rows.append((number, seen, ", ".join(f"`{name}`" for name in own.get(number, ())[:OWN_MAX]) + more))
    said = (
        f"Of {len(rows)} rules the suite tries {counts['the suite']} on a device; {counts['own tests only']} only the "
        f"project's own tests; {counts['not from outside']} cannot be seen from outside, or are not about devices.\n"
    )
    return f"{said}\n{table(('rule', 'who sees it broken on a device', 'own tests of simulator and SDK'), rows)}\n"


def page() -> str:
    """The page with its table as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    fresh = rendered(files_by_rule(ROOT / "hil_tests"), files_by_rule(ROOT / "tests"))
    return f"{text[:begin]}\n{fresh}\n{text[end:]}"


def main() -> int:
    fresh = page()
    if "--check" in sys.argv[1:]:
        if fresh == PAGE.read_text(encoding="utf-8"):
            return 0
        print(f"stale: {PAGE.relative_to(ROOT)}; run python -m tools.generate.conformance_table")
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What silences a checker says why, on its line."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKED = ("protocol", "bwc_sdk", "firmware_sim", "hil_tests", "tools")
"""What mypy reads. Tests it does not: a suppression of it there silences nothing."""
NOQA = re.compile(r"# noqa\b(?P<rest>.*)")
IGNORE = re.compile(r"# type: " r"ignore\b(?P<rest>.*)")
REASON = re.compile(r": [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* *[-#(]+ *\S.{4,}|\[[a-z, -]+\]  # \S.{4,}")
"""What is silenced, by its name, and then at least a word of why."""


def _silenced(folders: tuple[str, ...], marker: re.Pattern[str]) -> list[tuple[str, str]]:
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if path != Path(__file__) and (match := marker.search(line)):
                    found.append((f"{path.relative_to(ROOT)}:{number}", match["rest"]))
    return found


def test_each_suppression_names_what_it_silences_and_why() -> None:
    found = _silenced((*CHECKED, "tests"), NOQA) + _silenced(CHECKED, IGNORE)
    assert found, "the patterns are those of no suppression any more"
    assert [where for where, rest in found if not REASON.match(rest)] == []


def test_tests_silence_no_checker_that_does_not_read_them() -> None:
    assert _silenced(("tests",), IGNORE) == []

"""Every example that a reader may copy is tried: programs on simulated devices, commands in a shell."""

from collections import Counter
from pathlib import Path

import pytest
from sybil import Example

from tests.docs import program
from tests.docs.pages import PAGES, UNTRIED, examples_of, name_of, remark_on
from tests.docs.shell import Shell, commands_of

UNTRIED_HERE = {
    "README.md": 2,
    "docs/agency.md": 6,
    "docs/conformance.md": 2,
    "docs/benches.md": 4,
    "docs/erasing.md": 1,
    "docs/links.md": 2,
    "docs/technicians.md": 2,
    "docs/verifying.md": 5,
    "hil_tests/README.md": 0,
}
"""How many examples of a page are only read: one more has to have its reason."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_examples_of_a_page_work(page: Path, tmp_path: Path) -> None:
    shell: list[Shell] = []

    def evaluate(example: Example) -> None:
        kind, what = remark_on(example.document, example.start)
        if kind in UNTRIED:
            return
        if "$ " in example.parsed[:2]:
            if not shell:
                shell.append(Shell(tmp_path))
            for command in commands_of(example.parsed):
                shell[0].try_out(command)
            return
        path = program.write(example.parsed, tmp_path, f"test_example_{example.line}.py")
        match kind:
            case "until":
                program.run_until(path, what)
            case "pytest":
                assert what in program.run_tests(path)
            case _:
                program.run(path)

    try:
        for example in examples_of(page, evaluate):
            try:
                example.evaluate()
            except Exception as wrong:
                wrong.add_note(f"{name_of(page)}:{example.line}")
                raise
    finally:
        for one in shell:
            one.close()


def test_what_is_only_read_is_counted() -> None:
    untried: Counter[str] = Counter()
    tried = 0
    for page in PAGES:
        for example in examples_of(page, lambda _: None):
            kind, what = remark_on(example.document, example.start)
            if kind in UNTRIED:
                assert what, f"{name_of(page)}:{example.line} says why it is not tried"
                untried[name_of(page)] += 1
            else:
                tried += 1
    assert dict(untried) == {page: count for page, count in UNTRIED_HERE.items() if count}
    assert tried >= 12

"""pytest-html shows device, outcome and rules of a test, and links its wire log."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]
pytest.importorskip("pytest_html", reason="it is no dependency: the group dev has it")

BENCH = '[devices.left]\nuri = "sim:?seed=77&recordings=1&mib=1"\nserial_number = "SIM-0000004D"\n'
TESTS = """
import pytest
from bwc_sdk.errors import DeviceBusy

RULE = "LNK-003"  # of no rule is this a test
tries = []

@pytest.mark.rule(RULE)
def test_fails(camera): assert False

def test_is_tried_again(camera):
    tries.append(1)
    if len(tries) == 1:
        raise DeviceBusy("another host has the device", retry_after_s=0.0)

def test_is_on_no_device(): ...
"""


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


@pytest.mark.ci
def test_a_page_of_pytest_html_has_columns_of_ours_and_the_wire_log(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("bench.toml").write_text(BENCH)
    pytester.makepyfile(test_it=TESTS)
    options = ("--bwc-bench", "bench.toml", "--html=page.html", "--self-contained-html", "--bwc-logs", "logs")
    result = pytester.runpytest_inprocess(*options)
    result.stdout.fnmatch_lines(["*1 failed*1 tried again*1 passed at attempt 2*"])
    page = (pytester.path / "page.html").read_text("utf-8")
    found = re.search(r'data-jsonblob="([^"]*)"', page)
    assert found is not None
    tests = json.loads(html.unescape(found[1]))["tests"]
    row = " ".join(tests["test_it.py::test_fails"][0]["resultsTableRow"])
    assert "<td>left</td> <td>FAIL</td> <td>LNK-003</td>" in row
    assert (pytester.path / "logs" / "test_it-test_fails.log").as_uri() in row
    again = [" ".join(one["resultsTableRow"]) for one in tests["test_it.py::test_is_tried_again"]]
    assert any("passed at attempt 2" in one for one in again) and any("Rerun" in one for one in again)
    assert "<td></td> <td></td> <td></td>" in " ".join(
        tests["test_it.py::test_is_on_no_device"][0]["resultsTableRow"]
    )
    assert "<th>Rules</th>" in page

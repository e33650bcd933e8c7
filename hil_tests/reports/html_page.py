"""pytest-html, where it is installed: columns for device, outcome and rules, and a link to the wire log.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from hil_tests.run.told import of


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """Columns beside those of pytest-html."""
    cells[2:2] = ["<th>Device</th>", "<th>Came to</th>", "<th>Rules</th>"]


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: pytest.TestReport, cells: list[str]) -> None:
    """Their cells; empty for a test on no device."""
    told = dict(report.user_properties)
    shown = [str(told.get(f"bwc_{name}", "")) for name in ("device", "outcome", "rules")]
    cells[2:2] = [f"<td>{html.escape(one)}</td>" for one in shown]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The wire log, as a link: before pytest-html takes the report."""
    told = of(report)
    log = Path("" if told is None else told.get("log", ""))
    if log.suffix == ".log":
        link = {"name": "wire log", "format_type": "url", "content": log.absolute().as_uri()}
        link_and_type = {**link, "mime_type": None, "extension": None}
        report.extras = [*getattr(report, "extras", []), link_and_type]  # type: ignore[attr-defined]  # pytest-html's

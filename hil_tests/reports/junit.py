"""JUnit: what the bench failed in is an error of a test case, and no failure of the device."""

from __future__ import annotations

import pytest
from _pytest.junitxml import (
    xml_key,
)  # no hook tells pytest's writer that the fault of a test is not the device's

from hil_tests.run.told import BENCH_ONLY, of


class JUnit:
    """Corrects what pytest's own writer has just written of a test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        xml, told = self._config.stash.get(xml_key, None), of(report)
        if xml is None or told is None or not (report.when == "call" and report.failed):
            return
        if told.get("outcome") not in BENCH_ONLY:
            return
        for node in xml.node_reporter(report).nodes:
            if node.tag == "failure":
                node.tag = "error"
                xml.stats["failure"] -= 1
                xml.add_stats("error")

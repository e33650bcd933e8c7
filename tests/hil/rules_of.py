"""Runs the HIL suite's tests of single rules in this process, and gives what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import cryptography.hazmat.primitives.asymmetric.ec  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest


@dataclass
class Verdicts:
    """A plugin that keeps the tests of some rules alone, and what came of them."""

    rules: frozenset[str]
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """What each said first: what a test leaves behind that failed may fail what puts it back."""
    skipped: dict[str, str] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self.rules & _rules(item)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed.setdefault(name, str(report.longrepr) if crash is None else crash.message)
        elif report.skipped:
            self.skipped[name] = str(report.longrepr)
        elif report.when == "call":
            self.passed.append(name)


def _rules(item: pytest.Item) -> set[str]:
    return {rule for mark in item.iter_markers("rule") for rule in mark.args}


def verdicts(
    pytester: pytest.Pytester, rules: set[str], device: str, *options: str, insecure: bool = True
) -> Verdicts:
    """What the tests of these rules say of a device with development firmware, or of one of the lab."""
    plugin = Verdicts(frozenset(rules))
    files = sorted(
        {f"hil_tests.rules.{where}" for rule in rules for where in _FILES.get(rule[:3], ABOVE_THE_LINK)}
    )
    protection = ["--bwc-insecure"] if insecure else []
    pytester.runpytest_inprocess(
        "--pyargs", *files, "-q", "-p", "no:cacheprovider", "--bwc-seed=0", "--bwc-device", device,
        *protection, *options,
        plugins=[plugin],
    )  # fmt: skip
    return plugin


ABOVE_THE_LINK = tuple(
    f"test_{layer}"
    for layer in (
        "ses",
        "msg",
        "versions",
        "str",
        "cfg",
        "clk",
        "rec",
        "rec_released",
        "aud",
        "cer",
        "doc",
        "tru",
    )
)
_FILES = {
    "FRM": ("test_frm",),
    "LNK": ("test_lnk", "test_lnk_life", "test_chn_sending", "test_chn_windows"),
    "STA": ("test_sta", "test_sta_hands", "test_sta_verdicts"),
    "BEN": ("test_ben",),
    "CHN": ("test_chn", "test_chn_sending", "test_chn_windows"),
}

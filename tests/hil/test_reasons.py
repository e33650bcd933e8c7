"""Each test that is skipped says whether it is not about this device, or this bench cannot tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import forget_sims, open_sim
from hil_tests.verdicts import NOT_APPLICABLE, NOT_TESTED

pytest_plugins = ["pytester"]

SUITE = Path(__file__).parents[2] / "hil_tests"
THE_WORDS = SUITE / "verdicts.py"
DEVELOPMENT = "sim:?seed=81&recordings=1&mib=1&footage=synthetic&insecure=1"


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


def test_no_test_of_the_suite_is_skipped_without_a_word() -> None:
    """A skip without counts as not tested, also where the device says that the rule is not about it."""
    bare = [
        f"{path.relative_to(SUITE)}:{node.lineno}"
        for path in sorted(SUITE.rglob("*.py"))
        if path != THE_WORDS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.skip"
    ]
    assert not bare


class Reasons:
    """A plugin that keeps why tests were skipped."""

    def __init__(self) -> None:
        self.why: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            self.why[report.nodeid.rpartition("::")[2]] = report.longrepr[2].removeprefix("Skipped: ")


def test_what_development_firmware_has_not_is_not_applicable_to_it(pytester: pytest.Pytester) -> None:
    reasons = Reasons()
    files = ("signatures", "encryption", "erasing", "orders", "trust")
    pytester.runpytest_inprocess(
        "--pyargs", *(f"hil_tests.test_{name}" for name in files), "-q", "-p", "no:cacheprovider",
        "--bwc-device", DEVELOPMENT, "--bwc-insecure", plugins=[reasons],
    )  # fmt: skip
    assert len(reasons.why) > 15
    destroys = {name for name, why in reasons.why.items() if "--bwc-expendable does not name" in why}
    for name, why in reasons.why.items():
        assert why.startswith(NOT_TESTED if name in destroys else NOT_APPLICABLE), f"{name}: {why}"


def test_what_a_test_finds_no_recording_for_is_made_and_else_not_tested(pytester: pytest.Pytester) -> None:
    """As on a device from the shelf: with the capability nothing is left out, without it is said why."""
    empty = DEVELOPMENT.replace("recordings=1", "recordings=0")
    camera = open_sim(DeviceUri.parse(empty)).camera
    reasons, made = Reasons(), camera.profile.capabilities
    options = ("--pyargs", "hil_tests.test_annotations", "-q", "-p", "no:cacheprovider", "--bwc-insecure")
    camera.profile.capabilities = type(made)(int(made) & ~(1 << 7))
    pytester.runpytest_inprocess(*options, "--bwc-device", empty, plugins=[reasons])
    assert reasons.why and all(why.startswith(NOT_TESTED) for why in reasons.why.values())
    camera.profile.capabilities, reasons.why = made, {}
    pytester.runpytest_inprocess(*options, "--bwc-device", empty, plugins=[reasons])
    assert not reasons.why and len(camera.listing(0, 9)) == 1

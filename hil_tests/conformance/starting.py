"""How a report begins: the options of a pytest session become what gathers it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from bwc_sdk.errors import BwcError
from hil_tests.conformance.collecting import Collector
from hil_tests.conformance.folder import prepare
from hil_tests.judging.rules import Scope
from hil_tests.run.running import RUNS
from hil_tests.run.under_test import several

COLLECTOR: Final = pytest.StashKey[Collector]()
"""What gathers the report of a session."""


def start_report(config: pytest.Config) -> None:
    """Registers what gathers the report. Raises `UsageError` for a scope or a folder that cannot be used."""
    folder: Path = config.getoption("--bwc-report")
    if config.getoption("--bwc-capture") is not None:
        raise pytest.UsageError("--bwc-report puts the wire logs beside the report: leave out --bwc-capture")
    try:
        scope = Scope.parse(config.getoption("--bwc-only"))
        for name in config.stash[RUNS]:
            prepare(folder / name if several(config) else folder)
    except BwcError as error:
        raise pytest.UsageError(f"{error}; try: {error.advice}") from error
    collector = Collector(config, folder, scope=scope, strict=config.getoption("--bwc-strict"))
    config.stash[COLLECTOR] = collector
    config.pluginmanager.register(collector, "bwc-report")

"""What a pytest session keeps of the suite's run. Imports nothing of the SDK before it is asked for something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from hil_tests.bench import Bench
    from hil_tests.conformance.collecting import Collector

READ_ONLY: Final = "bwc_read_only"
BENCH: Final = pytest.StashKey["Bench"]()
"""The bench, once it has connected to the device under test."""
COLLECTOR: Final = pytest.StashKey["Collector"]()
"""What gathers the report, where one is asked for."""


def bench_of(config: pytest.Config) -> Bench:
    """A bench by the options of this session, which has connected to nothing yet."""
    from hil_tests.bench import Bench

    return Bench(
        config.getoption("--bwc-device"),
        expendable=config.getoption("--bwc-expendable"),
        identity=config.getoption("--bwc-identity"),
        allow_insecure=config.getoption("--bwc-insecure"),
        captures=_captures(config),
    )


def _captures(config: pytest.Config) -> Path | None:
    """Where wire logs go: where one was told to put them, or else beside the report."""
    told: Path | None = config.getoption("--bwc-capture")
    collector: Collector | None = config.stash.get(COLLECTOR, None)
    return told if collector is None else collector.captures


def start_report(config: pytest.Config) -> None:
    """Registers what gathers the report. Raises `UsageError` for a scope or a folder that cannot be used."""
    from bwc_sdk.errors import BwcError
    from hil_tests.conformance.collecting import Collector
    from hil_tests.conformance.folder import prepare
    from hil_tests.conformance.rules import Scope

    folder: Path = config.getoption("--bwc-report")
    if config.getoption("--bwc-capture") is not None:
        raise pytest.UsageError("--bwc-report puts the wire logs beside the report: leave out --bwc-capture")
    try:
        scope = Scope.parse(config.getoption("--bwc-only"))
        prepare(folder)
    except BwcError as error:
        raise pytest.UsageError(f"{error}; try: {error.advice}") from error
    collector = Collector(config, folder, scope=scope, strict=config.getoption("--bwc-strict"))
    config.stash[COLLECTOR] = collector
    config.pluginmanager.register(collector, "bwc-report")

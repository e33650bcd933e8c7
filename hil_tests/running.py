"""What a pytest session keeps of the suite's run. Imports nothing of the SDK before it is asked for something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.under_test import UNDER_TEST

if TYPE_CHECKING:
    from hil_tests.bench import Bench

READ_ONLY: Final = "bwc_read_only"
BENCH: Final = pytest.StashKey["Bench"]()
"""The bench, once it has connected to the device under test."""
UNREACHED: Final = pytest.StashKey[str]()
"""Why the bench could not, where it tried."""
CAPTURES: Final = pytest.StashKey[Path]()
"""Where wire logs go beside a report, where one is asked for."""


def bench_of(config: pytest.Config) -> Bench:
    """A bench by the options of this session, which has connected to nothing yet."""
    from hil_tests.bench import Bench

    device = config.stash[UNDER_TEST]
    return Bench(
        device.uri,
        expected=device.expected,
        expendable=device.expendable,
        identity=device.identity,
        allow_insecure=device.insecure,
        captures=config.stash.get(CAPTURES, config.getoption("--bwc-capture")),
    )

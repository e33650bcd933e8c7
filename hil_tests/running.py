"""What a pytest session keeps of the suite's run. Imports nothing of the SDK before it is asked for something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

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

    return Bench(
        config.getoption("--bwc-device"),
        expendable=config.getoption("--bwc-expendable"),
        identity=config.getoption("--bwc-identity"),
        allow_insecure=config.getoption("--bwc-insecure"),
        captures=config.stash.get(CAPTURES, config.getoption("--bwc-capture")),
    )

"""By which sessions the benchmarks speak: secure ones, as everybody does, or with `--insecure` the others.

What stands beside ours protects nothing. So the aims that were set for our layers themselves are those of `--insecure`;
what protection costs on top is measured by the benchmarks `secure-…`, which run both in any case.
"""

import os
from typing import Final

INSECURE_ENV: Final = "BWC_BENCH_INSECURE"
"""Set for a run with `--insecure`, so that the processes of the contenders know."""


def insecure() -> bool:
    """Whether this run speaks without protection."""
    return bool(os.environ.get(INSECURE_ENV))


def simulator(*options: str) -> tuple[str, ...]:
    """The module and arguments of a simulator that speaks as this run does."""
    return ("bwc_sdk", "sim", *options, *(("--insecure",) if insecure() else ()))


def aim(stated: str) -> str:
    """An aim that holds for insecure sessions, as it is told of this run."""
    return stated if insecure() or not stated else f"{stated} (insecure)"

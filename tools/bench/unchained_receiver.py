"""Our receiver without the custody chain: what the chain costs is measured beside it, and nobody else leaves it out.

python -m tools.bench.unchained_receiver URI MIB DIRECTORY
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import bwc_sdk.transport.tcp  # noqa: F401 (imports are no part of the sample)
from bwc_sdk.destination.custody_log import CustodyLog, Fact
from tools.bench.our_receiver import MIB, receive
from tools.bench.process import measured
from tools.bench.sessions import insecure


def _append_nothing(self: CustodyLog, facts: Sequence[Fact]) -> None:
    """In the place of `CustodyLog.append`."""


if __name__ == "__main__":
    CustodyLog.append = _append_nothing  # type: ignore[method-assign]  # no option of the SDK leaves it out
    with measured():
        stored = asyncio.run(receive(sys.argv[1], Path(sys.argv[3]), unprotected=insecure()))
        if stored != int(sys.argv[2]) * MIB:
            raise ValueError(f"{stored} bytes were stored")
        if list(Path(sys.argv[3]).glob("*.chain")):
            raise ValueError("a custody chain was written")

"""What comes and goes, for blocking programs: the same events."""

from __future__ import annotations

from bwc_sdk.discovery import watching
from bwc_sdk.discovery.watching import Change, Look
from bwc_sdk.sync.loop import BlockingIterator, loop_thread


def watch(
    *,
    uarts: bool = False,
    ble: bool = False,
    adapter: str = "",
    hci: str = "",
    look: Look | None = None,
    timeout: float | None = None,
) -> BlockingIterator[Change]:
    """What is plugged in, and then every arrival and departure; see `bwc_sdk.watch`.

    `close()` ends it, as does abandoning it. With `timeout`, `next()` raises `CallTimeout` when no change came for so
    many seconds, and may be called again: nothing is lost by it.
    """
    changes = watching.watch(uarts=uarts, ble=ble, adapter=adapter, hci=hci, look=look)
    return BlockingIterator(loop_thread(), changes, timeout)

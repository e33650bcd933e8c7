"""One process at a time changes a CA; another waits for it, and not for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bwc_sdk.errors import AgencyBusy, AgencyError
from bwc_sdk.identity.ca.layout import LOCK_FILE

WAIT_S: Final = 30.0
"""A commit takes milliseconds, making a new issuing CA half a second: whoever holds the lock longer is stuck."""
_LOOK_S: Final = 0.02


@contextmanager
def commit_lock(directory: Path, wait_s: float = WAIT_S) -> Iterator[None]:
    """Holds the CA's lock; the end of the process gives it back, however it ends.

    Raises `AgencyBusy` when another process held it all the time.
    """
    try:
        import fcntl
    except ImportError as error:  # Windows
        raise AgencyError("a CA is kept on POSIX systems only, such as Linux and macOS") from error
    file = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        last_s = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= last_s:
                    raise AgencyBusy(
                        f"another process has been at work on {directory} for {wait_s:g} s",
                        advice="end it, then run the command again: nothing was issued",
                    ) from None
                time.sleep(_LOOK_S)
        yield
    finally:
        os.close(file)

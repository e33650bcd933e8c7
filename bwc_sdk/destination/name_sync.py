"""Syncs of one directory by many threads over one descriptor.

The system tells an error of a directory once for each descriptor, to whichever sync comes next: of several that wait
at the same time one hears of it, and the names of all may be lost. So a sync counts only when none failed since the
names were given that it is for, those that run beside it included.
"""

import errno
import threading
from collections.abc import Callable


class NameSync:
    """What is known of the syncs of one open directory."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: set[object] = set()
        self._failures = 0
        self._number = errno.EIO
        self._text = ""

    def mark(self) -> int:
        """To be taken before the first name is given, and handed to `sync`."""
        with self._changed:
            return self._failures

    def sync(self, call: Callable[[], bool], mark: int) -> bool:
        """What `call`, the sync itself, returns. Raises its `OSError`, or that of another one since `mark`."""
        mine = object()
        with self._changed:
            self._running.add(mine)
        try:
            synced = call()
        except OSError as error:
            with self._changed:
                self._failures += 1
                self._number, self._text = error.errno or errno.EIO, error.strerror or str(error)
            raise
        finally:
            with self._changed:
                self._running.discard(mine)
                self._changed.notify_all()
        with self._changed:
            beside = set(self._running)
            while beside & self._running:  # each as long as a sync takes, as this one did
                self._changed.wait()
            if self._failures != mark:
                raise OSError(self._number, self._text)
        return synced

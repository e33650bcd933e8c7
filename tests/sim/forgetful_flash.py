"""A flash on which one of the firmware's syncs does nothing: what that one is for shows after a loss of power."""

from __future__ import annotations

import sys
from typing import Final

from firmware_sim.device.audit_log import NAME
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.storage.open_footage import CHUNKS, FOOTAGE

WRITERS: Final = ("write_new", "write_beside", "write_atomic")
"""Those by which many write: which sync of theirs it is says who called them."""
GROWING: Final = (NAME, FOOTAGE, CHUNKS)
"""Files to which is added: each is synced for another reason."""


class ForgetfulFlash(MemoryFlash):
    """Skips the syncs of one place; None: it only lists the places."""

    def __init__(self, skipped: str | None = None) -> None:
        super().__init__()
        self.skipped = skipped
        self.places: list[str] = []
        """Where syncs are, in the order in which they came first."""
        self.forgot_at: list[int] = []
        """Operations before which one was skipped."""

    def sync(self, name: str) -> None:
        if self._counts("sync", name):
            super().sync(name)

    def sync_directory(self, name: str = "") -> None:
        if self._counts("sync_directory", name):
            super().sync_directory(name)

    def _counts(self, operation: str, name: str) -> bool:
        frame = sys._getframe(1)
        while frame.f_code.co_name == operation and frame.f_back is not None:  # those of heirs, too
            frame = frame.f_back
        callers = [frame.f_code.co_qualname]
        while callers[-1] in WRITERS and frame.f_back is not None:
            frame = frame.f_back
            callers.append(frame.f_code.co_qualname)
        of = f" {name}" if name in GROWING else ""
        place = f"{' > '.join(callers[::-1])}: {operation}{of}"
        if place not in self.places:
            self.places.append(place)
        if place == self.skipped:
            self.forgot_at.append(self.operations)
            return False
        return True

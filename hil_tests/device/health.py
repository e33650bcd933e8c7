"""Whether a device came through a test healthy: its faults, its streams, its boots, and a log that goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bwc_protocol.messages.audit import AuditEntry, AuditHead, AuditKind
from bwc_protocol.messages.identity import Fault
from bwc_sdk.clients.audit_chain import checked
from bwc_sdk.errors import AuditBroken, CommandError
from bwc_sdk.sync import SyncCamera, SyncDockingStation
from hil_tests.device.absent import why_not_applicable

PAGES_MAX: Final = 64
"""Of the log that are read after a test: one that writes eight thousand entries is looked at no further."""
ON_PURPOSE: Final = frozenset({AuditKind.REBOOT_REQUESTED, AuditKind.ORDERED, AuditKind.RESET})
"""Entries since which a device may boot: it was told to, by whatever way."""


@dataclass(frozen=True, slots=True)
class Health:
    """A device as it was between two tests."""

    faults: Fault
    streams: int
    boot: int
    log: AuditHead | None
    """None: the device has no log."""

    @staticmethod
    def of(device: SyncCamera | SyncDockingStation) -> Health:
        """How the device is now."""
        status = device.device.status()
        try:
            log = device.audit.head()
        except CommandError as error:
            if not why_not_applicable(error):
                raise
            log = None
        return Health(status.faults, status.streams, status.boot_counter, log)

    def wrong_since(
        self, device: SyncCamera | SyncDockingStation, now: Health, *, may_restart: bool = False
    ) -> tuple[str, ...]:
        """What is wrong by what was before, in words; `device` is asked for what it has logged meanwhile.

        `may_restart`: whether somebody may have made it restart without a word to it, as by its supply.
        """
        wrong = []
        if new := now.faults & ~self.faults:
            wrong.append(f"it reports new faults: {new!r}")
        if now.streams:
            wrong.append(f"{now.streams} streams are open, of a session that is over")
        try:
            logged = self._logged_since(device, now)
        except AuditBroken as error:
            return (*wrong, f"its log does not go on where it was: {error}")
        restarted = now.boot != self.boot and not may_restart
        if restarted and logged is not None and not ON_PURPOSE & {entry.kind for entry in logged}:
            wrong.append(f"it restarted by itself: boot {self.boot} was before, and this is boot {now.boot}")
        return tuple(wrong)

    def _logged_since(self, device: SyncCamera | SyncDockingStation, now: Health) -> list[AuditEntry] | None:
        """What was logged since; None where that cannot be known. Raises `AuditBroken`."""
        if self.log is None or now.log is None:
            return None
        at, sha256 = self.log.sequence, self.log.sha256
        if now.log.sequence < at:
            raise AuditBroken(f"its newest entry was {at}, and is {now.log.sequence}")
        if now.log.first > at + 1:
            return None  # pruned beyond it
        found: list[AuditEntry] = []
        for _ in range(PAGES_MAX):
            page = device.audit.page(after=at)
            for entry in checked(page, at, sha256):
                found.append(entry)
                at, sha256 = entry.sequence, entry.sha256
            if not page.entries or at >= now.log.sequence:
                return found
        return None

"""The device's log (spec: Audit log)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from bwc_protocol.declare import sends
from bwc_protocol.messages import audit
from bwc_protocol.messages.audit import AuditEntry, ReadAudit
from bwc_sdk.clients.audit_chain import checked
from bwc_sdk.clients.patience import Patience
from bwc_sdk.connection.connection import Connection
from bwc_sdk.errors import ProtocolViolation

AUDIT_MAX: Final = 1_000_000
"""Entries that a log may have: one a minute for two years. A log that goes on is a fault."""


class Audit(audit.Audit):
    """The device's log."""

    @sends(ReadAudit)
    async def entries(self, after: int = 0) -> AsyncIterator[AuditEntry]:
        """The entries after a sequence number that there are when it begins, each checked against the chain.

        Raises `AuditBroken`, `ProtocolViolation` for a log that never ends, `StreamStalled` for one that only trickles.
        """
        previous: bytes | None = None
        last: int | None = None
        count = 0
        patience = Patience("the log", device=self._name)
        while True:
            page = await patience.wait_for(self.page(after=after), lambda page: len(page.entries))
            if last is None:
                last = page.last  # what is written meanwhile, by this very reading, is for the next time
            for entry in checked(page, after, previous):
                count += 1
                if count > AUDIT_MAX:
                    raise ProtocolViolation("a log that never ends", device=self._name)
                yield entry
                after, previous = entry.sequence, entry.sha256
            if not page.entries or after >= last:
                return

    @property
    def _name(self) -> str:
        return self._caller.name if isinstance(self._caller, Connection) else ""

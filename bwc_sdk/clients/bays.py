"""A docking station as a whole and its bays (spec: Station)."""

from __future__ import annotations

from bwc_protocol.declare import sends
from bwc_protocol.messages import station
from bwc_protocol.messages.station import BayStatus, ListBays
from bwc_sdk.connection.connection import Connection
from bwc_sdk.errors import ProtocolViolation


class Bays(station.Station):
    """The station as a whole and its bays, numbered from 1."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._name = connection.name

    @sends(ListBays)
    async def list(self) -> tuple[BayStatus, ...]:
        """All bays, in the order of their numbers.

        Raises `ProtocolViolation` for a list that goes back or does not end, and for two bays that claim to
        hold the same camera.
        """
        found: list[BayStatus] = []
        start = 1
        while start:
            page = await self.bays(start=start)
            for bay in page.bays:
                if bay.bay < start or (found and bay.bay <= found[-1].bay):
                    raise ProtocolViolation("a list of bays that goes back", device=self._name)
                found.append(bay)
            if page.next and (not page.bays or page.next <= page.bays[-1].bay):
                raise ProtocolViolation("a list of bays whose cursor does not advance", device=self._name)
            start = page.next
        holders: dict[str, int] = {}
        for bay in found:
            if bay.label and holders.setdefault(bay.label, bay.bay) != bay.bay:
                rule = f"bays {holders[bay.label]} and {bay.bay} both claim to hold {bay.label!r}"
                raise ProtocolViolation(rule, device=self._name)
        return tuple(found)

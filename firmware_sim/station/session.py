"""One host's conversation with a docking station (spec: Messages, Station commands)."""

from __future__ import annotations

from collections.abc import Callable

from bwc_protocol.conversation import Conversation, PeerInfo
from bwc_protocol.declare import Handlers
from firmware_sim.device.session import DeviceSession
from firmware_sim.station.station import SimStation


class StationSession(DeviceSession):
    """What a station's handler is given."""

    def __init__(
        self,
        station: SimStation,
        conversation: Conversation,
        peer: PeerInfo,
        handlers: Handlers[StationSession],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(station, conversation, peer, handlers, wake)
        self.station = station

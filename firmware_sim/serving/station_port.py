"""Serves one uplink pipe of a docking station: channel 0 is its own, the others are relayed (spec: Station)."""

from __future__ import annotations

import asyncio

from bwc_protocol.conversation import Conversation, PeerInfo
from bwc_protocol.link import ChannelOpened, LinkEvent
from bwc_protocol.relay import UPLINK
from bwc_protocol.session.interface import SessionFactory
from firmware_sim.device.pipe import Pipe
from firmware_sim.device.session import DeviceSession
from firmware_sim.handlers import STATION
from firmware_sim.serving.port import DevicePort
from firmware_sim.station.session import StationSession
from firmware_sim.station.station import SimStation


class StationPort(DevicePort):
    """One uplink pipe."""

    def __init__(self, station: SimStation, pipe: Pipe, name: str) -> None:
        self.station = station
        station.follow(asyncio.get_running_loop())
        super().__init__(station, pipe, name, channels=1 + station.relay.bays, relayed=self._relayed)

    def new_conversation(self, session: SessionFactory | None) -> Conversation:
        station = self.station
        return station.profile.conversation(
            station.serial, station.boot_counter, station.entropy, session, station.deny_counter
        )

    def new_session(self, conversation: Conversation, peer: PeerInfo) -> DeviceSession:
        handlers = self.station.profile.handlers or STATION
        return StationSession(self.station, conversation, peer, handlers, self.pump)

    def received(self, data: bytes | memoryview) -> None:
        super().received(data)
        self.station.relay.flow(UPLINK, asyncio.get_running_loop().time())
        self.station.stir()

    def rested(self) -> None:
        self.station.stir()

    def _relayed(self, event: LinkEvent, now: float) -> bool:
        if isinstance(event, ChannelOpened) and event.channel:
            self.station.bays[event.channel].opened()
        return self.station.relay.uplink_event(self.endpoint.link, event, now)

"""A camera behind a TCP port: each connection is a fresh pipe, and the camera's gate lets one host in."""

import socket
from typing import Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.pipe import LinkUser
from firmware_sim.faults.plan import FaultCount
from firmware_sim.ports.door import GUESTS_MAX, Door
from firmware_sim.ports.file_descriptor import DescriptorPipe
from firmware_sim.ports.listening import listen_at, written
from firmware_sim.serving.attach import attach
from firmware_sim.station.station import SimStation

MAX_PAYLOAD: Final = 61_440
MAX_PIPES: Final = GUESTS_MAX
"""Connections at once: one host and some that are told BUSY."""


class TcpPipe(DescriptorPipe):
    """One connection."""

    def __init__(self, sock: socket.socket, server: "TcpPort") -> None:
        self._sock = sock
        self._server = server
        self.link: LinkUser | None = None
        """Who serves it."""
        super().__init__(sock.fileno(), MAX_PAYLOAD)

    @property
    def settled(self) -> bool:
        """Whether a host has a live link on it."""
        return self.link is not None and self.link.live

    def _read_into(self, view: memoryview) -> int:
        return self._sock.recv_into(view)

    def _write_some(self, parts: list[bytes | memoryview]) -> int:
        return self._sock.sendmsg(parts)

    def _gone(self) -> None:
        self._lose()

    def _close(self) -> None:
        self._sock.close()
        self._server.door.left(self)


class TcpPort:
    """Listens. `uri` is where; a port of 0 takes any that is free."""

    def __init__(
        self,
        camera: SimCamera | SimStation,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: FaultCount | None = None,
    ) -> None:
        self._camera = camera
        self._faults = faults
        listener = listen_at(host, port, MAX_PIPES)
        self.uri = f"tcp:{written(listener)}"
        self.door = Door(listener, self._admit)

    def close(self) -> None:
        """Stops listening and ends all connections; what was sent last still goes out."""
        self.door.close()
        for guest in self.door.guests:
            assert isinstance(guest, TcpPipe)
            guest.restarted()

    def pull(self) -> None:
        """Pulls the cable of every connection; it may be plugged in again at once."""
        for guest in self.door.guests:
            guest.pull()

    def _admit(self, sock: socket.socket) -> TcpPipe:
        pipe = TcpPipe(sock, self)
        pipe.user = pipe.link = attach(self._camera, pipe, self.uri, self._faults)
        return pipe

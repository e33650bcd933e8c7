"""A camera behind a TCP port: each connection is a fresh pipe, and the camera's gate lets one host in."""

import asyncio
import errno
import logging
import socket
from typing import Final

from firmware_sim.camera import SimCamera
from firmware_sim.faults import FaultCount
from firmware_sim.ports.descriptor import DescriptorPipe
from firmware_sim.ports.listening import listen_at, written
from firmware_sim.serving import attach
from firmware_sim.station import SimStation

log = logging.getLogger(__name__)

MAX_PAYLOAD: Final = 61_440
MAX_PIPES: Final = 16
"""Connections at once: one host and some that are told BUSY. Beyond, they wait in the backlog."""
OUT_OF_DESCRIPTORS_S: Final = 1.0
"""Pause of accepting when the process has no file descriptor left; the listening socket stays readable."""


class TcpPipe(DescriptorPipe):
    """One connection."""

    def __init__(self, sock: socket.socket, server: "TcpPort") -> None:
        self._sock = sock
        self._server = server
        super().__init__(sock.fileno(), MAX_PAYLOAD)

    def _read_into(self, view: memoryview) -> int:
        return self._sock.recv_into(view)

    def _write_some(self, parts: list[memoryview]) -> int:
        return self._sock.sendmsg(parts)

    def _gone(self) -> None:
        self._lose()

    def _close(self) -> None:
        self._sock.close()
        self._server.closed(self)


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
        self._loop = asyncio.get_running_loop()
        self._listener = listen_at(host, port, MAX_PIPES)
        self._listener.setblocking(False)
        self._pipes: set[TcpPipe] = set()
        self._accepting = False
        self.uri = f"tcp:{written(self._listener)}"
        self._accept_more()

    def close(self) -> None:
        """Stops listening and ends all connections; what was sent last still goes out."""
        self._accept_none()
        self._listener.close()
        for pipe in list(self._pipes):
            pipe.restarted()

    def pull(self) -> None:
        """Pulls the cable of every connection; it may be plugged in again at once."""
        for pipe in list(self._pipes):
            pipe.pull()

    def closed(self, pipe: TcpPipe) -> None:
        """A connection has ended."""
        self._pipes.discard(pipe)
        if self._listener.fileno() >= 0:
            self._accept_more()

    def _accept_more(self) -> None:
        if not self._accepting and self._listener.fileno() >= 0:
            self._accepting = True
            self._loop.add_reader(self._listener, self._accept)

    def _accept_none(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener)

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._accept_none()
                self._loop.call_later(OUT_OF_DESCRIPTORS_S, self._accept_more)
            return  # else the client left before it was accepted
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        log.debug("%s: connection from %s", self.uri, address)
        pipe = TcpPipe(sock, self)
        self._pipes.add(pipe)
        pipe.user = attach(self._camera, pipe, self.uri, self._faults)
        if len(self._pipes) >= MAX_PIPES:
            self._accept_none()

"""Who may stay at a port that anybody on a network can reach.

A host says HELLO at once, and has a link within seconds. Whoever has none is ended in bounded time, sooner if it said
nothing at all; and when there is no room, whoever said least goes for the one that comes. So connections that say
nothing lock nobody out.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final, Protocol

log = logging.getLogger(__name__)

GUESTS_MAX: Final = 16
"""Connections at once: one host, and some that are told BUSY or look around."""
SILENT_S: Final = 3.0
"""Of a connection that never said a byte. A host says HELLO as soon as it is connected; this is a repeated SYN."""
WITHOUT_LINK_S: Final = 10.0
"""Of a connection without a live link: a host says HELLO for 5 s, and a link that fell silent was given as long."""
LOOK_S: Final = 0.5
"""How often it is looked at who is to go."""
OUT_OF_DESCRIPTORS_S: Final = 1.0
"""Pause of accepting when the process has no file descriptor left; the listening socket stays readable."""


class Guest(Protocol):
    """One connection."""

    @property
    def silent(self) -> bool:
        """Whether not a byte of it has come."""

    @property
    def settled(self) -> bool:
        """Whether it has what it came for: then it may stay as long as it likes."""

    def pull(self) -> None:
        """Ends it at once."""


class Door:
    """Accepts what comes on `listener`, which it owns, and ends who stays too long for nothing.

    `admit` serves an accepted socket. `left` is to be called when a guest has ended.
    """

    def __init__(self, listener: socket.socket, admit: Callable[[socket.socket], Guest]) -> None:
        self._listener = listener
        self._admit = admit
        self._loop = asyncio.get_running_loop()
        self._guests: dict[Guest, float] = {}  # since when each is not settled, as far as was looked
        self._accepting = False
        self._timer: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._accept_more()

    @property
    def guests(self) -> list[Guest]:
        """Those that are there now, in the order of their coming."""
        return list(self._guests)

    def close(self) -> None:
        """Lets nobody in any more; those who are in stay."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener)
        self._listener.close()

    def left(self, guest: Guest) -> None:
        """A guest has ended."""
        self._guests.pop(guest, None)

    def _accept_more(self) -> None:
        if not self._accepting and self._listener.fileno() >= 0:
            self._accepting = True
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self._no_room(error)
            return  # else the client left before it was accepted
        if len(self._guests) >= GUESTS_MAX and not self._make_room():
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        log.debug("connection from %s", address)
        self._guests[self._admit(sock)] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_S, self._look)

    def _no_room(self, error: OSError) -> None:
        """Whoever waits in the backlog wakes the loop again and again; and one who says nothing may give room."""
        log.warning("no connection can be accepted: %s (ulimit -n)", error.strerror)
        self._make_room()
        self._accepting = False
        self._loop.remove_reader(self._listener)
        self._loop.call_later(OUT_OF_DESCRIPTORS_S, self._accept_more)

    def _make_room(self) -> bool:
        """Ends the one of least worth: who said nothing, and of those who came first; False if all are settled."""
        unsettled = [guest for guest in self._guests if not guest.settled]
        if not unsettled:
            return False
        self._end(min(unsettled, key=lambda guest: not guest.silent), "another one comes")
        return True

    def _look(self) -> None:
        now = self._loop.time()
        for guest, since in list(self._guests.items()):
            if guest.settled:
                self._guests[guest] = now
            elif now - since >= (SILENT_S if guest.silent else WITHOUT_LINK_S):
                self._end(guest, "no link came about")
        self._timer = self._loop.call_later(LOOK_S, self._look) if self._guests else None

    def _end(self, guest: Guest, why: str) -> None:
        log.debug("a connection is ended: %s", why)
        self._guests.pop(guest, None)
        guest.pull()

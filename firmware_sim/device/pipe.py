"""The seam between a port and the bytes that it moves: where faults are put in."""

from typing import Protocol


class PipeUser(Protocol):
    """Who is told what happens on a pipe. All calls come from the event loop that serves it."""

    def received(self, data: bytes | memoryview) -> None:
        """Bytes came from the host. A view is valid only until this call returns."""

    def writable(self) -> None:
        """`room` is above 0 again."""

    def host_left(self) -> None:
        """The host closed its end, and another may open the same pipe: what was on it is over."""

    def lost(self) -> None:
        """The pipe is over; nothing is called after it."""


class LinkUser(PipeUser, Protocol):
    """One that carries a link."""

    @property
    def live(self) -> bool:
        """Whether a host has the link up."""


class Pipe(Protocol):
    """The device's end of one byte pipe."""

    max_payload: int
    """Largest frame payload that makes sense on it, in bytes."""

    def room(self) -> int:
        """Bytes that `write` takes without delay."""

    def write(self, parts: list[bytes]) -> None:
        """Queues bytes for the host, in their order; never blocks."""

    def restarted(self) -> None:
        """The device reset itself: a pipe that the device itself makes ends, a mere line stays."""

    def pull(self) -> None:
        """Somebody pulls the cable: the pipe ends at once, with what was on its way."""

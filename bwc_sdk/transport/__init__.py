"""Byte pipes to devices: one small file each, and the interface that they share.

A transport opens one pipe exclusively, moves bytes, and translates each error of its library once. It knows
nothing of frames: a frame may span many reads or BLE values.
"""

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

SLOW_RATE: Final = 8_192.0
"""A first guess of a pipe's rate, bytes/s: below a UART at 115,200 baud; a fast pipe is found out soon."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the link has to know of a pipe."""

    max_payload: int
    """Largest frame payload that makes sense, in bytes."""
    dead_after_s: float = 5.0
    """Silence after which the link is dead; BLE needs more."""
    initial_rate: float = SLOW_RATE
    """A first guess of the rate, bytes/s; measured from then on."""
    footage_rate: float | None = None
    """Bytes/s that footage would make over a pipe that is not meant for it, so that it takes days; None: it is."""


class PipeLimits(Protocol):
    """The same as the link reads it: a transport from elsewhere brings a class of its own."""

    @property
    def max_payload(self) -> int: ...

    @property
    def dead_after_s(self) -> float: ...

    @property
    def initial_rate(self) -> float: ...

    @property
    def footage_rate(self) -> float | None: ...


class Receiver(Protocol):
    """The owner of a pipe. All calls come from the event loop that opened it."""

    def received(self, data: bytes | memoryview) -> None:
        """Bytes came. A view is valid only until this call returns."""

    def lost(self, error: Exception) -> None:
        """The pipe is gone; called once, and nothing after it. What is no `BwcError` is reported as `DeviceLost`."""

    def writable(self) -> None:
        """`room` is above 0 again."""


class Transport(Protocol):
    """One byte pipe."""

    name: str
    """How the pipe is called in messages: its URI without options."""

    @property
    def limits(self) -> PipeLimits:
        """What the link has to know. A radio knows it for certain only once it is open."""

    async def open(self, receiver: Receiver) -> None:
        """Opens exclusively and begins to receive. Raises `TransportError`."""

    def room(self) -> int:
        """Bytes that `write` takes without delay."""

    def write(self, parts: list[bytes]) -> None:
        """Queues bytes in their order; never blocks."""

    async def close(self) -> None:
        """Closes; idempotent. `lost` is not called for a close of one's own."""


@runtime_checkable
class Pausable(Protocol):
    """What most transports can do besides, for an owner that hands the bytes on to somebody slower.

    The link never needs it: it takes everything at once, and its windows bound what may come.
    """

    def pause(self) -> None:
        """Holds received bytes back, in the end at the device; little more than one read still comes. Idempotent."""

    def resume(self) -> None:
        """Lets them come again. Idempotent."""

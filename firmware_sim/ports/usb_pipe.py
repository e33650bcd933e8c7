"""A pair of bulk endpoints as a byte pipe (spec: USB), as a device controller drives them.

To the host the pipe answers transfers: one that the host asks for waits until there is something to send, and ends
early when there is less than it has room for. From the host a transfer reaches the firmware when a packet that is
not full ends it, or when the controller's buffer is full: a host that forgets the zero-length packet waits for ever.
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_protocol.bindings.usb import BULK_PACKET
from bwc_protocol.byte_queue import ByteQueue
from firmware_sim.device.pipe import PipeUser

HIGH_WATER: Final = 2_097_152
"""Bytes that wait for the host: one window of the largest frames."""
CONTROLLER_BUFFER: Final = 65_536
"""Bytes from the host that the controller holds before it gives them to the firmware."""
PARKED_MAX: Final = 256
"""Transfers that wait for data: a host's large read is split into 64 of 16 KiB."""


@dataclass(frozen=True, slots=True)
class InTransfer:
    """A transfer to the host that waits for data: `done` takes a status (0 or -errno) and at most `length` bytes."""

    number: int
    length: int
    done: Callable[[int, list[bytes | memoryview]], None]


class BulkPipe:
    """The device's end. `vanish` is called when the device resets itself, `unplug` when the cable is pulled."""

    def __init__(
        self,
        endpoints: tuple[int, int],
        max_payload: int,
        *,
        vanish: Callable[[], None],
        unplug: Callable[[], None],
    ) -> None:
        self.endpoints = endpoints
        self.max_payload = max_payload
        self.user: PipeUser | None = None
        self.piece: int | None = None
        """Bytes of the largest transfer to the host, for hosts that must take them as they come."""
        self.zero_length_in = 0
        """Empty transfers still to be sent to the host ahead of data."""
        self.babbles = 0
        """Transfers to the host still to fail because a packet was larger than it may be."""
        self.zero_length_out = 0
        """Empty packets that came from the host."""
        self.ends_transfers = True
        """Whether bytes that fill whole packets are ended by an empty one; else the host's transfer goes on waiting."""
        self.takes_empty_transfers = True
        """Whether anything is heard behind an empty packet of the host."""
        self.open = True
        """Whether it hears and says anything."""
        self.halted: dict[int, int] = {}
        """Endpoints that answer STALL, and how often each halts again after it was cleared."""
        self._loop = asyncio.get_running_loop()
        self._vanish = vanish
        self._unplug = unplug
        self._queue = ByteQueue()
        self._starved = False
        self._parked: deque[InTransfer] = deque()
        self._held = bytearray()

    # For the port

    def room(self) -> int:
        room = HIGH_WATER - self._queue.size
        self._starved = room <= 0
        return max(0, room)

    def write(self, parts: list[bytes]) -> None:
        self._queue.add(parts)
        self._send()

    def restarted(self) -> None:
        """The device resets itself, and vanishes from the bus."""
        self._vanish()

    def pull(self) -> None:
        """Somebody pulls the cable."""
        self._unplug()

    # For the bus

    def ask(self, transfer: InTransfer) -> None:
        """The host asks for bytes."""
        if self.endpoints[0] in self.halted:
            transfer.done(-errno.EPIPE, [])
        elif len(self._parked) >= PARKED_MAX:
            transfer.done(-errno.ENOMEM, [])
        else:
            self._parked.append(transfer)
            self._send()

    def cancel(self, number: int) -> bool:
        """The host no longer asks; whether it still waited."""
        for transfer in self._parked:
            if transfer.number == number:
                self._parked.remove(transfer)
                return True
        return False

    def take(self, data: memoryview) -> None:
        """Bytes of a transfer from the host."""
        while data:
            piece = data[: CONTROLLER_BUFFER - len(self._held)]
            self._held += piece
            data = data[len(piece) :]
            if len(self._held) == CONTROLLER_BUFFER:
                self._deliver()

    def end_of_transfer(self, length: int) -> int:
        """A transfer of `length` bytes from the host has ended; its status."""
        if length == 0:
            self.zero_length_out += 1
            self.open = self.open and self.takes_empty_transfers
        if length % BULK_PACKET or length == 0:
            self._deliver()
        return 0

    def halt(self, endpoint: int, again: int = 0) -> None:
        """Answers STALL until the host clears it, and `again` times more after that."""
        self.halted[endpoint] = again
        if endpoint == self.endpoints[0]:
            self._fail_parked(-errno.EPIPE)

    def clear_halt(self, endpoint: int) -> None:
        """The host cleared the halt; what is queued goes on."""
        again = self.halted.pop(endpoint, 0)
        if again:
            self.halt(endpoint, again - 1)
        self._send()

    def reset(self) -> None:
        """The bus was reset, or the host is gone: what was under way is nobody's."""
        self._parked.clear()
        self._queue.clear()
        self._held.clear()
        self.halted.clear()
        self.open = True
        if self.user is not None:
            self.user.host_left()
            self._tell_writable()

    def close(self) -> None:
        """The pipe is over."""
        user, self.user = self.user, None
        if user is not None:
            user.lost()

    # Both directions

    def _send(self) -> None:
        while self._parked and (self._waits_for_nothing() or self.zero_length_in or self.babbles):
            transfer = self._parked.popleft()
            if self.babbles:
                self.babbles -= 1
                transfer.done(-errno.EOVERFLOW, self._queue.take(transfer.length))  # what fitted is no use
            elif self.zero_length_in:
                self.zero_length_in -= 1
                transfer.done(0, [])
            else:
                transfer.done(0, self._queue.take(min(transfer.length, self.piece or transfer.length)))
        self._tell_writable()

    def _waits_for_nothing(self) -> bool:
        """Whether there is something to send that ends the transfer that waits."""
        size = self._queue.size if self.open else 0
        whole = size % BULK_PACKET == 0 and size < self._parked[0].length
        return size > 0 and (self.ends_transfers or not whole)

    def _tell_writable(self) -> None:
        if self._starved and self._queue.size < HIGH_WATER:
            self._starved = False
            # Later: this may run inside the user's own write.
            self._loop.call_soon(self._writable)

    def _writable(self) -> None:
        if self.user is not None:
            self.user.writable()

    def _deliver(self) -> None:
        data, self._held = bytes(self._held), bytearray()
        if data and self.user is not None and self.open:
            self.user.received(data)

    def _fail_parked(self, status: int) -> None:
        parked, self._parked = self._parked, deque()
        for transfer in parked:
            transfer.done(status, [])

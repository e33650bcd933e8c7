"""A cable that breaks: any transport, cut by the test after a number of bytes from the device."""

from __future__ import annotations

from bwc_sdk.errors import DeviceLost
from bwc_sdk.transport import PipeLimits, Receiver, Transport


class Cable:
    """A transport around `inner` that is pulled once `cut_after` bytes have come from the device.

    Only the host's end is pulled: what the device sees of it depends on the link, as with a real cable.
    `came` counts the bytes that came.
    """

    def __init__(self, inner: Transport, cut_after: int | None = None) -> None:
        self.name = inner.name
        self.came = 0
        self._inner = inner
        self._cut_after = cut_after
        self._receiver: Receiver | None = None

    @property
    def limits(self) -> PipeLimits:
        """As of the inner transport, which may know them only once it is open."""
        return self._inner.limits

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        await self._inner.open(self)

    def room(self) -> int:
        return self._inner.room() if self._receiver is not None else 0

    def write(self, parts: list[bytes]) -> None:
        if self._receiver is not None:
            self._inner.write(parts)

    async def close(self) -> None:
        self._receiver = None
        await self._inner.close()

    # The inner transport's receiver

    def received(self, data: bytes | memoryview) -> None:
        self.came += len(data)
        if self._receiver is None:
            return
        if self._cut_after is not None and self.came >= self._cut_after:
            self.lost(DeviceLost("the bench cut the cable", device=self.name))
        else:
            self._receiver.received(data)

    def lost(self, error: Exception) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(error)

    def writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()

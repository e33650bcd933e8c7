"""A device that is lost while footage comes from it: what its host is told, how often, and how soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from bwc_protocol.declare import Role
from bwc_sdk import connect
from bwc_sdk.errors import BwcError, DeviceLost
from bwc_sdk.transport import PipeLimits, Receiver, Transport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri

TOLD_S: Final = 4.0
"""A host learns of it within this, in here; the kernel's own notice takes a quarter of a second."""
WHOLE_S: Final = 60.0
"""Connection, listing, footage and end; a test that takes longer is told where it stands."""
FOOTAGE: Final = 262_144
"""Bytes that are let come, a part of what there is: the stream does not end by itself."""


class Witness:
    """A transport around another one, that notes what its owner is told of its end."""

    def __init__(self, inner: Transport) -> None:
        self.name = inner.name
        self.told: list[Exception] = []
        self._inner = inner
        self._receiver: Receiver | None = None

    @property
    def limits(self) -> PipeLimits:
        return self._inner.limits

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        await self._inner.open(self)

    def room(self) -> int:
        return self._inner.room()

    def write(self, parts: list[bytes]) -> None:
        self._inner.write(parts)

    async def close(self) -> None:
        await self._inner.close()

    def received(self, data: bytes | memoryview) -> None:
        assert self._receiver is not None
        self._receiver.received(data)

    def writable(self) -> None:
        assert self._receiver is not None
        self._receiver.writable()

    def lost(self, error: Exception) -> None:
        self.told.append(error)
        assert self._receiver is not None
        self._receiver.lost(error)


class Reader:
    """Takes footage, and its end."""

    def __init__(self) -> None:
        self.coming = asyncio.Event()
        self.end: asyncio.Future[BwcError | None] = asyncio.get_running_loop().create_future()

    def data(self, offset: int, data: bytes | memoryview) -> None:
        self.coming.set()

    def ended(self, error: BwcError | None) -> None:
        self.end.set_result(error)


def lost_while_read(uri: str, pull: Callable[[], None]) -> None:
    """Reads footage from `uri`, pulls, and asserts that all ends in the one error, once and soon.

    `pull` is called in a thread, while the footage goes on.
    """

    async def bounded() -> None:
        async with asyncio.timeout(WHOLE_S):
            await _lost_while_read(uri, pull)

    asyncio.run(bounded())


async def _lost_while_read(uri: str, pull: Callable[[], None]) -> None:
    witness = Witness(transport_for(DeviceUri.parse(uri)))
    camera = await connect(witness, role=Role.DOCK_OFFLOAD)
    reader = Reader()
    entry = (await camera.recordings.list())[0]
    stream = await camera.recordings.open(entry, 0, reader)
    stream.grant(min(FOOTAGE, stream.length))
    await reader.coming.wait()
    began = time.monotonic()
    pulling = asyncio.create_task(asyncio.to_thread(pull))
    end = await reader.end
    took = time.monotonic() - began
    assert isinstance(end, DeviceLost), repr(end)
    assert took < TOLD_S, f"told after {took:.2f} s"
    try:
        await camera.device.status()
    except DeviceLost:
        pass
    else:
        raise AssertionError("a device that is gone answered")
    await pulling
    await camera.close()
    assert [type(error) for error in witness.told] == [DeviceLost], witness.told
    print(f"{uri}: {end}; told after {took:.2f} s")

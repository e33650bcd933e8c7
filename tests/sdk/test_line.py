"""The pump of one pipe: it ends whatever the pipe does (spec: Link)."""

import pytest

from bwc_sdk.errors import NotADevice
from bwc_sdk.line import Line
from bwc_sdk.transport import Limits, Receiver
from bwc_sdk.world import World
from firmware_sim.virtual_time import run_virtual


class FullPipe:
    """A pipe that never takes a byte."""

    name = "test:full"
    limits = Limits(max_payload=1024)

    async def open(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def room(self) -> int:
        return 0

    def write(self, parts: list[bytes]) -> None:
        raise AssertionError("there was no room")

    async def close(self) -> None:
        pass


def test_a_pipe_without_room_does_not_hold_the_loop() -> None:
    async def main() -> None:
        line = Line(FullPipe(), World())
        with pytest.raises(NotADevice):
            await line.open()

    run_virtual(main())

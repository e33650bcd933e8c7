"""Hands at a docking station: they take cameras out of bays and put them back, and warm a bay.

At a simulator of this process by its own controls, at another by `--bwc-control`, whose lines are the same
(docs/benches.md). Whatever they do is seen by what the station says afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bwc_sdk.sync.loop import loop_thread
from bwc_sdk.transport import Transport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.run.under_test import UnderTest
from hil_tests.verdicts import not_tested

HOW: Final = "'bwc sim --station 4 --control FILE' and --bwc-control FILE bring hands"
HOT_C: Final = 75
"""Above what any bay may have at its contacts: cells vent above 80 °C."""


class StationHands:
    """By lines such as `undock 3`; each is undone by `put_back`, the last one first."""

    def __init__(
        self, act: Callable[[str], None], other_way: Callable[[int], Transport] | None = None
    ) -> None:
        self._act = act
        self._other_way = other_way
        self._undo: list[str] = []

    def undock(self, bay: int) -> None:
        """Takes the camera out of a bay."""
        self._act(f"undock {bay}")
        self._undo.append(f"dock {bay}")

    def dock(self, bay: int) -> None:
        """Puts the camera back into its bay."""
        self._act(f"dock {bay}")
        self._undo.remove(f"dock {bay}")

    def unlatch(self, bay: int) -> None:
        """Opens the lock of a bay."""
        self._act(f"unlatch {bay}")

    def heat(self, bay: int) -> None:
        """Makes a bay too hot."""
        self._act(f"heat {bay} {HOT_C}")
        self._undo.append(f"cool {bay}")

    def cool(self, bay: int) -> None:
        """Lets it become as warm as it is by itself."""
        self._act(f"cool {bay}")
        self._undo.remove(f"cool {bay}")

    def other_way_to(self, bay: int) -> Transport:
        """Another way to the camera of a bay, such as a cable of its own. Skips where there is none."""
        if self._other_way is None:
            not_tested("it takes another way to a camera in a bay, such as a cable beside its contacts")
        return self._other_way(bay)

    def put_back(self) -> None:
        """All as it was."""
        while self._undo:
            self._act(self._undo.pop())


def hands_at(device: UnderTest) -> StationHands:
    """The hands at the station under test. Skips where there are none."""
    uri = DeviceUri.parse(device.uri)
    if device.control is not None:
        control = device.control

        def write(line: str) -> None:
            with control.open("a") as lines:
                lines.write(f"{line}\n")

        return StationHands(write)
    if uri.scheme != "sim":
        not_tested(f"it takes hands at the docking station; {HOW}")
    return _in_memory(transport_for(uri))


def _in_memory(transport: Any) -> StationHands:
    from firmware_sim.control.hands import Hands
    from firmware_sim.control.station_control import StationControl
    from firmware_sim.ports.memory import MemoryTransport

    station = transport.camera
    control = StationControl(Hands(station))

    def act(line: str) -> None:
        async def carried_out() -> str | None:
            return control.answer(line.encode())

        outcome = loop_thread().run(carried_out())
        assert outcome is not None and outcome.startswith("ok "), outcome

    def other_way(bay: int) -> Transport:
        camera = station.bays[bay].camera
        assert camera is not None
        way: Transport = MemoryTransport(camera, name=f"sim: a cable to bay {bay}")
        return way

    return StationHands(act, other_way)

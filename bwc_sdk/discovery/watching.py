"""`watch`: what comes and goes, by slot. Looks four times a second, opens nothing and changes nothing.

A slot's name stays when the device in it gets another port name, as after every replugging.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_sdk.discovery.slots import Slot, slots
from bwc_sdk.errors import HostExhausted, TransportError
from bwc_sdk.host.unbounded_calls import UNBOUNDED_CALLS

if TYPE_CHECKING:
    from bwc_sdk.transport.bluetooth import Bluetooth, Heard

log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
"""Pause between two looks: an arrival is reported after two, well within a second."""
FAILURES_MAX: Final = 20
"""Looks that may fail in a row, since a device that goes away may do so while it is looked at: five seconds."""
SILENT_S: Final = 10.0
"""A camera on the air is gone when it was not heard for so long: a busy radio misses most of what is said."""
HEARD_MAX: Final = 1_024
"""Cameras on the air that are kept: anybody can send advertisements."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A device is there: newly, or as it is now after something about it changed."""

    name: str
    """The slot's own name, the same whenever something is plugged into it: the USB port path (`1-4.2`; `1-4.2#2`
    for the second port of one device), or the URI of what is not on USB."""
    slot: Slot


@dataclass(frozen=True, slots=True)
class Departed:
    """A device is gone, or no longer as it was reported."""

    name: str
    slot: Slot
    """As it was reported."""


Change = Arrived | Departed


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device that was seen in one look."""

    slot: Slot
    plugging: str = ""
    """Differs each time the device is plugged in; "" where the system does not tell."""

    def same(self, other: Sighting | None) -> bool:
        """Whether nothing changed but the wording: on the air the description has the signal's strength."""
        return (
            other is not None
            and self.plugging == other.plugging
            and dataclasses.replace(self.slot, description=other.slot.description) == other.slot
        )


Look = Callable[[], Iterable[Sighting]]


class Changes:
    """From one look to the next. Holds what is there now, and no history."""

    def __init__(self) -> None:
        self._reported: dict[str, Sighting] = {}
        self._before: dict[str, Sighting] | None = None

    def since(self, sightings: Iterable[Sighting]) -> list[Change]:
        """What to tell after another look: departures at once, arrivals once they look the same twice.

        A device needs a moment: the system gives it its drivers one by one, and its access rights last. What the
        very first look sees is reported at once.
        """
        now = _named(sightings)
        changes: list[Change] = []
        for name, reported in list(self._reported.items()):
            if not reported.same(now.get(name)):
                del self._reported[name]
                changes.append(Departed(name, reported.slot))
        for name, one in now.items():
            if name not in self._reported and (self._before is None or one.same(self._before.get(name))):
                self._reported[name] = one
                changes.append(Arrived(name, one.slot))
        self._before = now
        return changes


async def watch(
    *,
    uarts: bool = False,
    ble: bool = False,
    adapter: str = "",
    hci: str = "",
    look: Look | None = None,
    bluetooth: Bluetooth | None = None,
) -> AsyncGenerator[Change, None]:
    """What is plugged in, and then every arrival and departure within a second, until the iteration is closed.

    With `uarts` also serial ports that are not on USB; with `ble` also cameras in radio reach, by the radio that
    `adapter` and `hci` choose as in a `ble:` URI. A camera's address on the air changes every quarter of an hour:
    that is a departure and an arrival. A device that is unplugged and plugged in between two looks is reported as both
    on Linux. For a reader who is slow, what came and went meanwhile was never there: nothing is queued.

    `look` takes the place of this machine's ports (it is called in a thread), `bluetooth` of its radio. Raises
    `MissingExtra`, and `TransportError` when ports or Bluetooth cannot be looked at.
    """
    changes, failures, loop = Changes(), 0, asyncio.get_running_loop()
    see = look or (lambda: local(uarts=uarts))
    async with AsyncExitStack() as stack:
        air = await _listen(stack, adapter, hci, bluetooth) if ble or hci or bluetooth else None
        seen: list[Sighting] = []
        while True:
            try:
                seen, failures = list(await loop.run_in_executor(UNBOUNDED_CALLS, see)), 0
            except HostExhausted as error:
                failures += 1
                log.debug("looking failed: %s", error)
                if failures > FAILURES_MAX:
                    raise
            except OSError as error:
                failures += 1
                log.debug("looking failed: %s", error)
                if failures > FAILURES_MAX:
                    raise TransportError(f"the ports of this machine cannot be looked at: {error}") from error
            for change in changes.since([*seen, *(air.sightings() if air is not None else ())]):
                yield change
            await asyncio.sleep(LOOK_S)


def local(*, uarts: bool = False) -> list[Sighting]:
    """What is plugged into this machine."""
    return [Sighting(slot, _plugging(slot.port_path)) for slot in slots(uarts=uarts)]


def _plugging(port_path: str) -> str:
    """The number that Linux gives a USB device anew each time it is plugged in."""
    try:
        return Path("/sys/bus/usb/devices", port_path, "devnum").read_text() if port_path else ""
    except OSError:
        return ""  # another system, or gone meanwhile


def _named(sightings: Iterable[Sighting]) -> dict[str, Sighting]:
    """By the names of their slots. Ports of one device keep their order, whatever they are called."""
    named: dict[str, Sighting] = {}
    used: Counter[str] = Counter()
    for one in sightings:
        name = one.slot.port_path or one.slot.uri
        used[name] += 1
        named[name if used[name] == 1 else f"{name}#{used[name]}"] = one
    return named


class _Air:
    """The cameras that were heard lately."""

    def __init__(self, adapter: str, hci: str) -> None:
        self._adapter = adapter
        self._hci = hci
        self._loop = asyncio.get_running_loop()
        self._heard: dict[str, tuple[Sighting, float]] = {}

    def heard(self, one: Heard) -> None:
        from bwc_sdk.discovery.ble import slot_of

        slot = slot_of(one, self._adapter, self._hci)
        if slot.uri in self._heard or len(self._heard) < HEARD_MAX:
            self._heard[slot.uri] = Sighting(slot), self._loop.time()

    def sightings(self) -> list[Sighting]:
        since = self._loop.time() - SILENT_S
        self._heard = {uri: entry for uri, entry in self._heard.items() if entry[1] >= since}
        return [sighting for sighting, _ in self._heard.values()]


async def _listen(stack: AsyncExitStack, adapter: str, hci: str, bluetooth: Bluetooth | None) -> _Air:
    """Listens until the stack is closed. Raises `MissingExtra` or `TransportError`."""
    from bwc_sdk.transport.bluetooth import Bluetooth

    if bluetooth is None:
        bluetooth = await Bluetooth.of(adapter, hci)
        stack.push_async_callback(bluetooth.close)
    air = _Air(adapter, hci)
    await stack.enter_async_context(bluetooth.hearing(air.heard))
    return air

"""A raw host at a docking station: its own channel, and those of its bays. What is no station is told at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from bwc_protocol.declare import Request, Role
from bwc_protocol.frame import MAX_CHANNEL, ResetReason
from bwc_protocol.messages.station import BayState, BayStatus, ListBays, ReadBay, ReleaseBay
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.link import RawChannel, RawLink
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

SOON_S: Final = 15.0
"""How long a station may take until it has a link to a camera again, or has read its sensors."""
LOOK_S: Final = 0.05


class AtStation:
    """A session with the station itself, and whatever else a test opens on its link."""

    def __init__(self, wire: Wire, session: RawSession) -> None:
        self.wire = wire
        self.session = session

    @property
    def link(self) -> RawLink:
        """The uplink."""
        return self.session.channel.link

    def bays(self) -> list[BayStatus]:
        """All bays, in the order of their numbers."""
        found: list[BayStatus] = []
        start = 1
        while start:
            page = self.session.ask(ListBays(start=start))
            found += page.bays
            start = page.next
        return found

    def bay(self, number: int) -> BayStatus:
        """One of them."""
        told: BayStatus = self.session.ask(ReadBay(bay=number))
        return told

    def linked(self, needed: int = 1) -> list[int]:
        """Bays whose cameras can be opened. Skips when these are too few for the test."""
        found = [bay.bay for bay in self.bays() if bay.state in (BayState.LINKED, BayState.IDENTIFIED)]
        if len(found) < needed:
            not_tested(f"it takes {needed} bays with a camera that answers, and here are {len(found)}")
        return found

    def until(self, number: int, what: str, holds: Callable[[BayStatus], bool]) -> BayStatus:
        """Reads a bay until something holds of it. Raises `RuleBroken` when that takes too long."""
        until = time.monotonic() + SOON_S
        while True:
            said = self.bay(number)
            if holds(said):
                return said
            if time.monotonic() > until:
                raise RuleBroken(f"{what}, within {SOON_S:g} s", shown(said))
            self.link.listen(LOOK_S)

    def answers_again(self, number: int) -> None:
        """The camera in a bay can be opened, sooner or later."""
        linked = (BayState.LINKED, BayState.IDENTIFIED)
        self.until(number, f"bay {number} with a camera that answers", lambda bay: bay.state in linked)

    def release(self, number: int) -> None:
        """Releases a bay whose alarm is over, and waits until its camera answers."""
        self.does(ReleaseBay(bay=number, incident=self.bay(number).incident), "STA-011: its alarm is over")
        self.answers_again(number)

    def opening(self, number: int) -> RawChannel:
        """A channel that is opened with a sound preamble, whatever becomes of it."""
        return self.link.channel(number).open(self.wire.preamble())

    def refused(self, number: int, rule: str, reason: ResetReason) -> RawChannel:
        """An opening of a bay's channel is reset, for this reason, and answered. Raises `RuleBroken`."""
        channel = self.opening(number)
        ended(channel, f"an opening of channel {number} ({rule})", reason)
        return channel

    def conversation(self, number: int, role: Role | None = None) -> RawSession:
        """A session with the camera in a bay."""
        return self.wire.session(role, self.link, bay=number)

    def does(self, request: Request[Any], rule: str) -> Any:
        """The reply to a request. Raises `RuleBroken`."""
        return self.session.ask(request, rule)

    def refuses(self, request: Request[Any], rule: str, code: ErrorCode) -> None:
        """A request is refused. Raises `RuleBroken`."""
        self.session.refused(self.session.request(request), rule, code)


def at_station(wire: Wire) -> AtStation:
    """A session with the docking station under test. Skips where it is none."""
    if wire.bay:
        not_applicable("it is about docking stations, and under test is the camera in a bay")
    link = wire.link()
    session = wire.conversation(link=link)
    kind = session.greet().kind
    if kind != PeerKind.STATION:
        not_applicable("it is about docking stations, and this device is none")
    session.shake_hands()
    session.inform()
    session.get_ready()
    return AtStation(wire, session)


def ended(channel: RawChannel, what: str, *reasons: ResetReason) -> None:
    """The present life of a channel is reset, for one of these reasons; the host answers. Raises `RuleBroken`."""
    told = " or ".join(f"RESET({reason.name})" for reason in reasons)
    if not channel.resets:
        channel.link.expect(f"{told} that ends {what}", channel.is_reset)
    said = channel.resets[-1].reason
    if said not in reasons:
        raise RuleBroken(f"{told} that ends {what}", f"RESET({said.name})")
    if said is not ResetReason.ANSWER:
        channel.say_reset(ResetReason.ANSWER)
    channel.link.settle(channel=channel.number)


def beyond(bays: list[BayStatus]) -> int:
    """A channel behind which no bay is. Skips when all have one."""
    if len(bays) >= MAX_CHANNEL:
        not_tested(f"the station has {MAX_CHANNEL} bays, and no channel without one")
    return len(bays) + 1


def shown(bay: BayStatus) -> str:
    """What a station says of a bay, as far as its rules are about it."""
    switches = f"power {'on' if bay.power else 'off'}, data {'on' if bay.data else 'off'}"
    return f"bay {bay.bay}: {bay.state}, {switches}, docking {bay.docking}, label {bay.label!r} for {bay.lease_s} s"

"""Defects of docking stations (spec: Station). The cameras in their bays are sound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Final

from bwc_protocol.declare import Handlers, Request
from bwc_protocol.link import Link, LinkDown, LinkDownReason, LinkEvent, ResetReason
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import (
    BayState,
    BayStatus,
    BayVerdict,
    JudgeBay,
    LeaseBay,
    LedMeaning,
    LockBay,
    ReleaseBay,
)
from bwc_protocol.relay import UPLINK, Relay, Splice, Way
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.defects.defect import StationDefect
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers import STATION
from firmware_sim.handlers import station as handlers
from firmware_sim.station.bay import SimBay
from firmware_sim.station.session import StationSession
from firmware_sim.station.station import SimStation

# What passes between


class _ReadsAhead(Way):
    """Reads whether or not the other side's buffer has room."""

    def flow(self, now: float) -> bool:
        moved = bool(self._held)
        while self._held:
            self._sink.send(self._to, self._held.popleft(), now)
            self._kept += 1
        return self._give_back(math.inf) or moved

    def _slots_for(self, pace: float) -> int:
        return self._slots


class _FullWindows(Way):
    """A window in the buffer and another in the link that takes it, however slow that is."""

    def _pace(self) -> float:
        return float(self._bound)


class _SpliceThatReadsAhead(Splice):
    way_type = _ReadsAhead


class _SpliceOfFullWindows(Splice):
    way_type = _FullWindows


class _ReadsAheadOfAll(Relay):
    splice_type = _SpliceThatReadsAhead


class _FillsItsWindows(Relay):
    splice_type = _SpliceOfFullWindows


class _JoinsEpochs(Relay):
    """When a host resets its channel, the camera's goes on, and is joined to the next life of the host's."""

    def __init__(self, bays: int) -> None:
        super().__init__(bays)
        self._left: dict[int, Splice] = {}

    def _uplink_ended(self, bay: int, reason: ResetReason, now: float) -> None:
        splice = self._splices.pop(bay, None)
        if splice is not None:
            self._left[bay] = splice

    def _opened(self, uplink: Link, channel: int, now: float) -> None:
        left = self._left.pop(channel, None)
        if left is None or left.uplink is not uplink:
            super()._opened(uplink, channel, now)
        else:
            self._splices[channel] = left


class _SilentWithoutADevice(Relay):
    def _opened(self, uplink: Link, channel: int, now: float) -> None:
        if channel in self._links:
            super()._opened(uplink, channel, now)


class _SaysOtherwise(Relay):
    """Names other reasons."""

    instead: ClassVar[dict[ResetReason, ResetReason]]

    def leave(self, bay: int, reason: ResetReason, now: float, retry_after_ms: int = 0) -> None:
        super().leave(bay, self.instead.get(reason, reason), now, retry_after_ms)


class _UndockedIsNormal(_SaysOtherwise):
    instead: ClassVar = {ResetReason.UNDOCKED: ResetReason.NO_DEVICE}


class _BusyIsAbsent(_SaysOtherwise):
    instead: ClassVar = {ResetReason.BUSY: ResetReason.NO_DEVICE}


class _BusyWithoutTime(Relay):
    def bay_event(self, bay: int, link: Link, event: LinkEvent, now: float) -> None:
        if isinstance(event, LinkDown) and event.reason is LinkDownReason.BUSY:
            event = replace(event, retry_after_ms=0)
        super().bay_event(bay, link, event, now)


class _OneWaitsAllWait(Relay):
    """While bytes of one bay wait for room, those of no other are passed on."""

    def bay_event(self, bay: int, link: Link, event: LinkEvent, now: float) -> None:
        if self._waiting - {bay}:
            self._later.append((bay, link, event))
        else:
            super().bay_event(bay, link, event, now)

    def __init__(self, bays: int) -> None:
        super().__init__(bays)
        self._later: list[tuple[int, Link, LinkEvent]] = []

    def flow(self, link: int, now: float) -> None:
        super().flow(link, now)
        if link == UPLINK and not self._waiting:
            later, self._later = self._later, []
            for bay, of, event in later:
                self.bay_event(bay, of, event, now)


def _relay(name: str, rule: str, what: str, relay: type[Relay]) -> StationDefect:
    def into(station: SimStation) -> None:
        station.relay = relay(station.relay.bays)

    return StationDefect(name, rule, what, into)


# Bays


def _bays(name: str, rule: str, what: str, bay: type[SimBay]) -> StationDefect:
    def into(station: SimStation) -> None:
        for one in station.bays.values():
            one.__class__ = bay

    return StationDefect(name, rule, what, into)


class _OneDocking(SimBay):
    def status(self) -> BayStatus:
        return replace(super().status(), docking=1)


class _KeepsLabels(SimBay):
    """Shows a label after its lease."""

    def settle(self) -> None:
        label = self.label
        super().settle()
        self.label = label

    def status(self) -> BayStatus:
        return replace(super().status(), label=self.label)


class _LabelOfAnother(SimBay):
    """A label outlives its docking."""

    def undock(self) -> Any:
        label, until = self.label, self._lease_until_s
        camera = super().undock()
        self.label, self._lease_until_s = label, until
        return camera


class _StaysOn(SimBay):
    """Tells of an alarm, and leaves the bay on."""

    def settle(self) -> None:
        super().settle()
        if self.quarantined and self.alarms and not self.power:
            self.switch_power(True)


class _OnWhenCool(SimBay):
    """Switches on again by itself."""

    def settle(self) -> None:
        super().settle()
        if self.quarantined and not self.alarms:
            self.release()


# Verdicts and locks


class _KeepsVerdicts(SimBay):
    """Shows a verdict after its lease."""

    @property
    def verdict(self) -> BayVerdict:
        return self._verdict


class _VerdictOfAnother(SimBay):
    """A verdict outlives its docking."""

    def undock(self) -> Any:
        verdict, left_s = self.verdict, self.verdict_lease_s
        camera = super().undock()
        self.judge(verdict, left_s)
        return camera


class _VerdictInAlarm(SimBay):
    """A verdict outlives an alarm."""

    def settle(self) -> None:
        verdict, left_s = self.verdict, self.verdict_lease_s
        super().settle()
        self.judge(verdict, left_s)


class _AlwaysGreen(SimBay):
    """Says of every camera that answers that it can be taken."""

    @property
    def led(self) -> LedMeaning:
        return LedMeaning.TAKE_ME if self.state is BayState.LINKED else super().led


class _HostKnowsBest(SimBay):
    """Says TAKE_ME whatever it knows itself."""

    @property
    def led(self) -> LedMeaning:
        return LedMeaning.TAKE_ME if self.verdict is BayVerdict.TAKE_ME else super().led


class _OffersWhatWasUsed(SimBay):
    """TAKE_ME outlives a conversation with its camera."""

    def opened(self) -> None:
        """Nothing ends."""


class _OffersWhatWasAway(SimBay):
    """TAKE_ME outlives a link to its camera."""

    def end_take_me(self) -> None:
        """Nothing ends."""

    def opened(self) -> None:
        super().end_take_me()
        super().opened()


class _HoldsAndOffers(SimBay):
    """Says TAKE_ME of what it holds."""

    @property
    def led(self) -> LedMeaning:
        green = self.lock_s and self.verdict is BayVerdict.TAKE_ME
        return LedMeaning.TAKE_ME if green else super().led


class _HoldsForEver(SimBay):
    """A lock goes on until a host opens it."""

    _held = False

    def lock(self, seconds: int) -> None:
        super().lock(seconds)
        self._held = seconds > 0

    @property
    def lock_s(self) -> int:
        return max(1, self._lock_lease.left_s) if self._held else 0


class _HoldsInFire(SimBay):
    """A lock goes on at an alarm."""

    def settle(self) -> None:
        left_s = self.lock_s
        super().settle()
        self.lock(left_s)


class _WithoutLatch(SimBay):
    """A lock does not open by hand."""

    def unlatch(self) -> None:
        """Nothing to turn."""


def _verdict_of_any_docking(session: StationSession, request: JudgeBay) -> BayStatus:
    return handlers.judge(session, replace(request, docking=session.station.bays[request.bay].docking))


def _lock_of_any_docking(session: StationSession, request: LockBay) -> BayStatus:
    return handlers.lock(session, replace(request, docking=session.station.bays[request.bay].docking))


def _unstated_verdict(session: StationSession, request: JudgeBay) -> BayStatus:
    bay = session.station.bays[request.bay]
    assert isinstance(request.verdict, BayVerdict)
    bay.judge(request.verdict, request.seconds)
    return bay.status()


def _unstated(station: SimStation) -> None:
    station.profile.capabilities &= ~Capability.BAY_LIGHTS
    _answered(station, JudgeBay, _unstated_verdict)


def _any_docking(session: StationSession, request: LeaseBay) -> BayStatus:
    return handlers.lease(session, replace(request, docking=session.station.bays[request.bay].docking))


def _any_label(session: StationSession, request: LeaseBay) -> BayStatus:
    try:
        return handlers.lease(session, request)
    except Refusal as refusal:
        bay = session.station.bays[request.bay]
        if refusal.code is not ErrorCode.CONFLICT or bay.docking != request.docking:
            raise
        bay.lease(request.label, request.seconds)
        return bay.status()


def _releases_hot(session: StationSession, request: ReleaseBay) -> BayStatus:
    bay = session.station.bays[request.bay]
    if not bay.quarantined or request.incident != bay.incident:
        return handlers.release(session, request)
    bay.release()
    return bay.status()


def _answers(
    name: str, rule: str, what: str, request: type[Request[Any]], handler: Callable[..., Any]
) -> StationDefect:
    return StationDefect(name, rule, what, lambda station: _answered(station, request, handler))


def _answered(station: SimStation, request: type[Request[Any]], handler: Callable[..., Any]) -> None:
    own: Handlers[StationSession] = Handlers()
    own.by_opcode = dict(STATION.by_opcode)
    own.by_opcode[request.opcode] = handler
    station.profile.handlers = own


DEFECTS: Final = (
    _relay("reads-ahead", "STA-001", "reads footage for which the host has no room", _ReadsAheadOfAll),
    _relay("joins-epochs", "STA-002", "goes on with the camera when a host resets", _JoinsEpochs),
    _relay(
        "silent-openings", "STA-004", "says nothing to an opening without a camera", _SilentWithoutADevice
    ),
    _relay("undocked-gone", "STA-004", "says NO_DEVICE of a camera that is taken out", _UndockedIsNormal),
    _relay("busy-gone", "STA-005", "says NO_DEVICE of a camera that is busy", _BusyIsAbsent),
    _relay("busy-for-ever", "STA-005", "says not when a busy camera may be asked again", _BusyWithoutTime),
    _relay("one-waits", "STA-007", "keeps all bays waiting for one", _OneWaitsAllWait),
    _bays("one-docking", "STA-008", "counts no dockings", _OneDocking),
    _answers("any-docking", "STA-008", "takes a lease for any docking", LeaseBay, _any_docking),
    _bays("keeps-labels", "STA-009", "shows a label after its lease", _KeepsLabels),
    _bays("label-of-another", "STA-009", "shows a label of a camera that left", _LabelOfAnother),
    _answers("same-label", "STA-009", "shows one label at two bays", LeaseBay, _any_label),
    _bays("stays-on", "STA-010", "leaves the power of a hot bay on", _StaysOn),
    _bays("on-when-cool", "STA-010", "switches a bay on again by itself", _OnWhenCool),
    _answers("releases-hot", "STA-011", "releases a bay that is hot", ReleaseBay, _releases_hot),
    _relay("full-windows", "STA-013", "lets full windows wait, however slow the host is", _FillsItsWindows),
    _answers(
        "verdict-of-any-docking",
        "STA-014",
        "takes a verdict for any docking",
        JudgeBay,
        _verdict_of_any_docking,
    ),
    _answers("lock-of-any-docking", "STA-014", "takes a lock for any docking", LockBay, _lock_of_any_docking),
    _bays("keeps-verdicts", "STA-015", "shows a verdict after its lease", _KeepsVerdicts),
    _bays("verdict-of-another", "STA-015", "shows a verdict of a camera that left", _VerdictOfAnother),
    _bays("verdict-in-alarm", "STA-015", "shows a verdict of a bay that alarms", _VerdictInAlarm),
    _bays("always-green", "STA-016", "says TAKE_ME of every camera that answers", _AlwaysGreen),
    _bays("host-knows-best", "STA-016", "says TAKE_ME whatever it knows itself", _HostKnowsBest),
    _bays("holds-and-offers", "STA-016", "says TAKE_ME of a camera that it holds", _HoldsAndOffers),
    _bays(
        "offers-what-was-used",
        "STA-020",
        "says TAKE_ME again once a host has used a camera",
        _OffersWhatWasUsed,
    ),
    _bays(
        "offers-what-was-away", "STA-020", "says TAKE_ME again of a camera that was gone", _OffersWhatWasAway
    ),
    _bays("holds-for-ever", "STA-017", "keeps a lock after its lease", _HoldsForEver),
    _bays("holds-in-fire", "STA-017", "keeps a lock at an alarm", _HoldsInFire),
    _bays("without-latch", "STA-017", "has a lock that does not open by hand", _WithoutLatch),
    StationDefect("unstated-light", "STA-018", "takes verdicts and does not state BAY_LIGHTS", _unstated),
)

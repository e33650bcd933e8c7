"""The docking station: its bays, and those commands that every device answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bwc_protocol.declare import Unknown
from bwc_protocol.messages.audit import AuditKind, ReadAudit, ReadAuditHead
from bwc_protocol.messages.clock import ExchangeTime, ReadClock, SetClock
from bwc_protocol.messages.identity import (
    Capability,
    DeviceStatus,
    Identify,
    ReadCapabilities,
    ReadStatus,
    Reboot,
    RebootAccepted,
    SelfTest,
    SelfTestReport,
)
from bwc_protocol.messages.station import (
    BAY_PAGE_MAX,
    BayPage,
    BayStatus,
    BayVerdict,
    IdentifyBay,
    JudgeBay,
    LeaseBay,
    ListBays,
    LockBay,
    ReadBay,
    ReadStation,
    ReleaseBay,
    StationStatus,
    SwitchData,
    SwitchPower,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers import audit, clock, identity
from firmware_sim.handlers.registry import STATION
from firmware_sim.station.self_test import self_test
from firmware_sim.station.session import StationSession

if TYPE_CHECKING:
    from firmware_sim.station.bay import SimBay

Identify.handler(STATION)(identity.identify)
ReadCapabilities.handler(STATION)(identity.capabilities)
ReadAudit.handler(STATION)(audit.page)
ReadAuditHead.handler(STATION)(audit.head)
ReadClock.handler(STATION)(clock.read)
ExchangeTime.handler(STATION)(clock.exchange)
SetClock.handler(STATION)(clock.set_clock)


# The station


@ReadStation.handler(STATION)
def station_status(session: StationSession, request: ReadStation) -> StationStatus:
    station = session.station
    bays = station.bays.values()
    return StationStatus(
        bays=len(bays),
        present=sum(bay.camera is not None for bay in bays),
        quarantined=sum(bay.quarantined for bay in bays),
        supply_mv=station.supply_mv,
        supply_ma=station.supply_ma,
        temperature_dc=station.temperature_dc,
        faults=station.faults,
    )


# Bays


@ListBays.handler(STATION)
def page(session: StationSession, request: ListBays) -> BayPage:
    bays = [bay for number, bay in session.station.bays.items() if number >= request.start]
    following = bays[BAY_PAGE_MAX].number if len(bays) > BAY_PAGE_MAX else 0
    return BayPage(bays=tuple(bay.status() for bay in bays[:BAY_PAGE_MAX]), next=following)


@ReadBay.handler(STATION)
def bay_status(session: StationSession, request: ReadBay) -> BayStatus:
    return _find(session, request.bay).status()


@SwitchPower.handler(STATION)
def power(session: StationSession, request: SwitchPower) -> BayStatus:
    bay = _usable(session, request.bay)
    if bay.power is not request.on:
        _keep_switch(session, bay, "power", request.on)
        bay.switch_power(request.on)
        session.station.changed()
    return bay.status()


@SwitchData.handler(STATION)
def data(session: StationSession, request: SwitchData) -> BayStatus:
    bay = _usable(session, request.bay)
    if bay.data is not request.on:
        _keep_switch(session, bay, "data", request.on)
        bay.switch_data(request.on)
        session.station.changed()
    return bay.status()


@IdentifyBay.handler(STATION)
def identify_bay(session: StationSession, request: IdentifyBay) -> BayStatus:
    bay = _find(session, request.bay)
    bay.blink(request.seconds)
    return bay.status()


@ReleaseBay.handler(STATION)
def release(session: StationSession, request: ReleaseBay) -> BayStatus:
    bay = _find(session, request.bay)
    if not bay.quarantined or request.incident != bay.incident:
        state = f"in quarantine for incident {bay.incident}" if bay.quarantined else "not in quarantine"
        raise Refusal(ErrorCode.CONFLICT, f"bay {bay.number} is {state}")
    if bay.alarms:
        raise Refusal(ErrorCode.WRONG_STATE, f"bay {bay.number}: the alarm is not over: {bay.alarms}")
    change = {"quarantined": False, "power": True, "data": True}
    changes = session.station.state_change(bay=bay.number, change=change)
    session.audit(AuditKind.BAY_RELEASED, f"bay {bay.number}, incident {bay.incident}", *changes)
    bay.release()
    session.station.changed()
    return bay.status()


@LeaseBay.handler(STATION)
def lease(session: StationSession, request: LeaseBay) -> BayStatus:
    bay = _find(session, request.bay)
    if bay.camera is None or request.docking != bay.docking:
        raise Refusal(ErrorCode.CONFLICT, f"bay {bay.number} has another docking, or nothing in it")
    others = session.station.bays.values()
    if request.seconds and any(
        other is not bay and other.lease_s and other.label == request.label for other in others
    ):
        raise Refusal(ErrorCode.CONFLICT, "another bay shows that label: two bays cannot hold one camera")
    if request.seconds and not request.label.strip():
        raise Refusal(ErrorCode.OUT_OF_RANGE, "a lease names what is in the bay")
    bay.lease(request.label, request.seconds)
    session.station.changed()
    return bay.status()


@JudgeBay.handler(STATION)
def judge(session: StationSession, request: JudgeBay) -> BayStatus:
    _demand(session, Capability.BAY_LIGHTS)
    bay = _present(session, request.bay, request.docking)
    verdict = request.verdict
    if request.seconds and (isinstance(verdict, Unknown) or verdict is BayVerdict.NONE):
        raise Refusal(ErrorCode.OUT_OF_RANGE, f"{verdict} is no verdict that this firmware knows")
    bay.judge(BayVerdict.NONE if isinstance(verdict, Unknown) else verdict, request.seconds)
    session.station.changed()
    return bay.status()


@LockBay.handler(STATION)
def lock(session: StationSession, request: LockBay) -> BayStatus:
    _demand(session, Capability.BAY_LOCKS)
    bay = _present(session, request.bay, request.docking)
    if request.seconds and not bay.lock_s:
        session.audit(AuditKind.BAY_SWITCHED, f"bay {bay.number}: locked, docking {bay.docking}")
    if bay.lock_s and not request.seconds:  # whatever the log says to that
        session.note(AuditKind.BAY_SWITCHED, f"bay {bay.number}: let go, docking {bay.docking}")
    bay.lock(request.seconds)
    session.station.changed()
    return bay.status()


def _demand(session: StationSession, capability: Capability) -> None:
    """Raises `Refusal` unless the station states the capability."""
    if capability not in session.station.profile.capabilities:
        raise Refusal(ErrorCode.UNSUPPORTED, f"this station has no {capability}")


def _find(session: StationSession, number: int) -> SimBay:
    try:
        return session.station.bays[number]
    except KeyError as error:
        raise Refusal(ErrorCode.NOT_FOUND, f"there are {len(session.station.bays)} bays") from error


def _usable(session: StationSession, number: int) -> SimBay:
    bay = _find(session, number)
    if bay.quarantined:
        raise Refusal(ErrorCode.WRONG_STATE, f"bay {number} is in quarantine")
    return bay


def _present(session: StationSession, number: int, docking: int) -> SimBay:
    bay = _usable(session, number)
    if bay.camera is None or docking != bay.docking:
        raise Refusal(ErrorCode.CONFLICT, f"bay {number} has another docking, or nothing in it")
    return bay


def _keep_switch(session: StationSession, bay: SimBay, what: str, on: bool) -> None:
    changes = session.station.state_change(bay=bay.number, change={what: on})
    session.audit(AuditKind.BAY_SWITCHED, f"bay {bay.number}: {what} {'on' if on else 'off'}", *changes)


# What every device answers


@ReadStatus.handler(STATION)
def status(session: StationSession, request: ReadStatus) -> DeviceStatus:
    station = session.station
    return DeviceStatus(
        state=station.state,
        docked=False,
        uptime_s=station.uptime_s,
        faults=station.device_faults,
        streams=session.open_streams,
        boot_counter=station.boot_counter,
    )


@SelfTest.handler(STATION)
def run_self_test(session: StationSession, request: SelfTest) -> SelfTestReport:
    return identity.tested(session, self_test(session.station))


@Reboot.handler(STATION)
def reboot(session: StationSession, request: Reboot) -> RebootAccepted:
    identity.check_boot(session, request)
    return identity.rebooting(session)

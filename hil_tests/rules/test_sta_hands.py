"""Docking stations, with somebody who stands there: cameras come and go, and a bay gets hot (spec: Station)."""

from __future__ import annotations

import pytest

from bwc_protocol.frame import ResetReason
from bwc_protocol.messages.station import BayAlarm, BayState, LeaseBay, ReleaseBay, SwitchData, SwitchPower
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.link import RawLink
from hil_tests.raw.pipe import RawPipe
from hil_tests.raw.wire import Wire
from hil_tests.rules.stations import AtStation, at_station, ended, shown
from hil_tests.rules.test_sta import LABEL
from hil_tests.run.station_hands import StationHands
from hil_tests.verdicts import RuleBroken

LEASE_S = 600
BUSY_MAX_MS = 65_535
"""What fits into a RESET."""


@pytest.mark.rule("STA-004")
@pytest.mark.rule("STA-007")
@pytest.mark.rule("STA-008")
@pytest.mark.rule("STA-009")
def test_a_camera_that_is_taken_out_takes_its_conversation_and_its_label_along(
    wire: Wire, station_hands: StationHands
) -> None:
    station = at_station(wire)
    first, second = station.linked(2)[:2]
    docking = station.bay(first).docking
    lease = LeaseBay(bay=first, docking=docking, label=LABEL, seconds=LEASE_S)
    station.does(lease, "STA-009")
    session, other = station.conversation(first), station.conversation(second)
    station_hands.undock(first)
    ended(
        session.channel,
        f"the conversation with a camera that left its bay {first} (STA-004)",
        ResetReason.UNDOCKED,
    )
    other.goes_on("STA-007")
    empty = station.until(first, f"an empty bay {first}", lambda bay: not bay.present)
    if empty.label or empty.lease_s:
        raise RuleBroken("no label of a camera that is gone (STA-009)", shown(empty))
    station.refused(first, "STA-004", ResetReason.NO_DEVICE)
    station_hands.dock(first)
    station.answers_again(first)
    again = station.bay(first)
    if again.docking <= docking:
        raise RuleBroken(f"a docking above {docking}, each counted (STA-008)", shown(again))
    if again.label:
        raise RuleBroken("no label of another docking (STA-009)", shown(again))
    station.refuses(lease, f"STA-008: docking {docking} is over", ErrorCode.CONFLICT)
    station.conversation(first).goes_on("STA-004")


@pytest.mark.rule("STA-005")
def test_a_camera_that_another_host_has_is_busy_and_nobody_is_told_who_has_it(
    wire: Wire, station_hands: StationHands
) -> None:
    station = at_station(wire)
    bay = station.linked()[0]
    cable = station_hands.other_way_to(bay)
    station.does(SwitchData(bay=bay, on=False), "STA-005")
    pipe = RawPipe(cable, 2, wire.transcript)
    pipe.open()
    try:
        owner = RawLink(pipe).open()
        station.does(SwitchData(bay=bay, on=True), "STA-005")
        said = station.until(
            bay, f"bay {bay} BUSY while another host has its camera", lambda bay: bay.state is BayState.BUSY
        )
        if said.label:
            raise RuleBroken("nothing of who has it (STA-005)", shown(said))
        owner.settle()
        channel = station.opening(bay)
        ended(
            channel,
            f"an opening of channel {bay} while another host has the camera (STA-005)",
            ResetReason.BUSY,
        )
        owner.settle()
        retry_ms = channel.resets[-1].retry_after_ms
        if not 0 < retry_ms <= BUSY_MAX_MS:
            raise RuleBroken(
                "the time that the camera named, as `retry_after_ms` (STA-005)", f"{retry_ms} ms"
            )
        owner.close()
    finally:
        pipe.close()
    station.answers_again(bay)
    station.conversation(bay).goes_on("STA-005")


@pytest.mark.rule("STA-010")
@pytest.mark.rule("STA-011")
def test_a_bay_that_is_too_hot_is_off_until_it_is_released_and_not_released_before_it_is_cool(
    wire: Wire, station_hands: StationHands
) -> None:
    station = at_station(wire)
    bay = station.linked()[0]
    incident = station.bay(bay).incident
    session = station.conversation(bay)
    station_hands.heat(bay)
    _is_off(station, bay, "while its alarm is present")
    ended(session.channel, "the conversation of a bay that is switched off (STA-010)", ResetReason.NO_DEVICE)
    station.refused(bay, "STA-010", ResetReason.NO_DEVICE)
    for switch in (SwitchPower(bay=bay, on=True), SwitchData(bay=bay, on=True)):
        station.refuses(switch, "STA-010: off until it is released", ErrorCode.WRONG_STATE)
    hot = station.bay(bay)
    if hot.incident <= incident or BayAlarm.OVER_TEMPERATURE not in hot.alarms:
        raise RuleBroken(
            f"an alarm of temperature, and an incident above {incident}", f"{hot.alarms}, {hot.incident}"
        )
    release = ReleaseBay(bay=bay, incident=hot.incident)
    station.refuses(release, "STA-011: its alarm is present", ErrorCode.WRONG_STATE)
    _is_off(station, bay, "after a release that was refused")
    station_hands.cool(bay)
    station.until(bay, f"bay {bay} without an alarm once it is cool", lambda bay: not bay.alarms)
    _is_off(station, bay, "although it is cool: nobody has released it")
    station.refuses(
        ReleaseBay(bay=bay, incident=incident), f"incident {incident} is another", ErrorCode.CONFLICT
    )
    station.does(release, "STA-011: its alarm is over")
    station.answers_again(bay)


def _is_off(station: AtStation, bay: int, when: str) -> None:
    station.until(
        bay,
        f"power and data lines of bay {bay} off {when} (STA-010)",
        lambda said: said.state is BayState.QUARANTINE and not said.power and not said.data,
    )

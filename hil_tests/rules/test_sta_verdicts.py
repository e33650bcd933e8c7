"""What the light of a bay says of the camera in it, for whom, and for how long; and what holds it (spec: Station)."""

from __future__ import annotations

from typing import Final

import pytest

from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import (
    BayStatus,
    BayVerdict,
    JudgeBay,
    LedMeaning,
    LockBay,
    SwitchData,
    SwitchPower,
)
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import limits
from hil_tests.rules.stations import AtStation, at_station
from hil_tests.run.station_hands import StationHands
from hil_tests.verdicts import RuleBroken, not_applicable

SHORT_S: Final = 1
LONG_S: Final = 120
"""Longer than any test here takes."""
BY_A_HOST: Final = (
    LedMeaning.TAKE_ME,
    LedMeaning.IN_WORK,
    LedMeaning.NEEDS_ATTENTION,
    LedMeaning.DO_NOT_USE,
)
"""What no station says by itself."""


def stating(wire: Wire, *needed: Capability) -> AtStation:
    """A session with a station that has all of these. Skips where it has not."""
    station = at_station(wire)
    stated = limits(station.session).capabilities
    for capability in needed:
        if capability not in stated:
            not_applicable(f"the station does not state the capability {capability}")
    return station


def judged(station: AtStation, bay: int, verdict: BayVerdict, seconds: int = LONG_S) -> BayStatus:
    """What the station says of a bay behind a verdict that it took."""
    said: BayStatus = station.does(
        JudgeBay(bay=bay, docking=station.bay(bay).docking, verdict=verdict, seconds=seconds), "STA-015"
    )
    return said


def silent(station: AtStation, bay: int) -> None:
    """Takes back what was said and held, for whoever comes next."""
    docking = station.bay(bay).docking
    station.does(JudgeBay(bay=bay, docking=docking, verdict=BayVerdict.NONE, seconds=0), "STA-015")


def says(station: AtStation, bay: int, light: LedMeaning, why: str) -> None:
    """The light comes to say so."""
    station.until(
        bay, f"the light of bay {bay} that says {light.name}: {why}", lambda said: said.led is light
    )


def says_no_verdict(said: BayStatus, rule: str, why: str) -> None:
    """Neither light nor status says what only a host can. Raises `RuleBroken`."""
    if said.led in BY_A_HOST or said.verdict is not BayVerdict.NONE or said.verdict_lease_s:
        raise RuleBroken(f"no verdict {why} ({rule})", shown(said))


def not_green(station: AtStation, bay: int, why: str) -> None:
    """The light does not say TAKE_ME, although a host does. Raises `RuleBroken`."""
    said = station.bay(bay)
    if said.led is LedMeaning.TAKE_ME:
        raise RuleBroken(f"no TAKE_ME {why} (STA-016)", shown(said))


def shown(said: BayStatus) -> str:
    """What a station says of a bay, as far as these rules are about it."""
    verdict = f"verdict {said.verdict} for {said.verdict_lease_s} s, locked for {said.lock_s} s"
    return f"bay {said.bay}: {said.state}, light {said.led}, docking {said.docking}, {verdict}"


@pytest.mark.rule("STA-014")
def test_a_verdict_or_a_lock_for_another_docking_is_a_conflict_and_changes_nothing(wire: Wire) -> None:
    station = at_station(wire)
    bay, stated = station.linked()[0], limits(station.session).capabilities
    docking = station.bay(bay).docking
    for other in {docking - 1, docking + 1, 0} - {docking, -1}:
        why = f"STA-014: docking {other} is not {docking}, the present one"
        if Capability.BAY_LIGHTS in stated:
            verdict = JudgeBay(bay=bay, docking=other, verdict=BayVerdict.TAKE_ME, seconds=LONG_S)
            station.refuses(verdict, why, ErrorCode.CONFLICT)
        if Capability.BAY_LOCKS in stated:
            station.refuses(LockBay(bay=bay, docking=other, seconds=SHORT_S), why, ErrorCode.CONFLICT)
    said = station.bay(bay)
    says_no_verdict(said, "STA-014", "by a host that was refused")
    if said.lock_s:
        raise RuleBroken("no lock by a host that was refused (STA-014)", shown(said))


@pytest.mark.rule("STA-015")
def test_a_verdict_is_shown_while_its_lease_runs_and_the_last_one_counts(wire: Wire) -> None:
    station = stating(wire, Capability.BAY_LIGHTS)
    bay = station.linked()[0]
    for verdict in (BayVerdict.NEEDS_ATTENTION, BayVerdict.DO_NOT_USE, BayVerdict.BUSY, BayVerdict.TAKE_ME):
        said = judged(station, bay, verdict, SHORT_S)
        if said.verdict is not verdict or not 0 < said.verdict_lease_s <= SHORT_S:
            raise RuleBroken(f"the verdict {verdict} for at most {SHORT_S} s (STA-015)", shown(said))
    over = station.until(
        bay, "no verdict once its lease is over (STA-015)", lambda said: said.verdict is BayVerdict.NONE
    )
    says_no_verdict(over, "STA-015", "once its lease is over")
    judged(station, bay, BayVerdict.DO_NOT_USE)
    silent(station, bay)
    says_no_verdict(station.bay(bay), "STA-015", "once the host says it no longer")


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-016")
def test_without_a_host_no_light_says_what_only_a_host_can(wire: Wire) -> None:
    for said in at_station(wire).bays():
        if said.verdict is BayVerdict.NONE:
            says_no_verdict(said, "STA-016", "without a host's")


@pytest.mark.rule("STA-016")
def test_what_a_station_knows_stands_above_take_me(wire: Wire) -> None:
    station = stating(wire, Capability.BAY_LIGHTS)
    bay = station.linked()[0]
    judged(station, bay, BayVerdict.TAKE_ME)
    green = "a host said TAKE_ME, and nothing is against it (STA-016)"
    says(station, bay, LedMeaning.TAKE_ME, green)
    station.does(SwitchPower(bay=bay, on=False), "STA-016")
    not_green(station, bay, "of a bay without power")
    station.does(SwitchPower(bay=bay, on=True), "STA-016")
    says(station, bay, LedMeaning.TAKE_ME, green)
    session = station.conversation(bay)
    judged(station, bay, BayVerdict.TAKE_ME)
    not_green(station, bay, "while a host has the channel of its camera")
    session.channel.reset()
    station.does(SwitchData(bay=bay, on=False), "STA-016")
    judged(station, bay, BayVerdict.TAKE_ME)
    not_green(station, bay, "of a camera that does not answer")
    silent(station, bay)
    station.does(SwitchData(bay=bay, on=True), "STA-016")
    station.answers_again(bay)


@pytest.mark.rule("STA-020")
def test_take_me_ends_when_a_host_opens_the_channel_of_that_camera(wire: Wire) -> None:
    station = stating(wire, Capability.BAY_LIGHTS)
    bay = station.linked()[0]
    for verdict in (BayVerdict.TAKE_ME, BayVerdict.DO_NOT_USE):
        judged(station, bay, verdict)
        session = station.conversation(bay)
        used = station.bay(bay)
        session.channel.reset()
        after = station.bay(bay)
        for said in (used, after):
            if verdict is not BayVerdict.TAKE_ME and said.verdict is not verdict:
                raise RuleBroken(f"{verdict} until its lease ends: only TAKE_ME ends (STA-015)", shown(said))
            if verdict is BayVerdict.TAKE_ME:
                says_no_verdict(said, "STA-020", "of a camera that a host opened since")
    silent(station, bay)


@pytest.mark.rule("STA-020")
def test_take_me_ends_with_the_link_to_that_camera(wire: Wire) -> None:
    station = stating(wire, Capability.BAY_LIGHTS)
    bay = station.linked()[0]
    judged(station, bay, BayVerdict.TAKE_ME)
    station.does(SwitchData(bay=bay, on=False), "STA-020")
    says_no_verdict(station.bay(bay), "STA-020", "of a camera whose link ended")
    station.does(SwitchData(bay=bay, on=True), "STA-020")
    station.answers_again(bay)
    says_no_verdict(station.bay(bay), "STA-020", "of a camera whose link ended and came about again")
    silent(station, bay)


@pytest.mark.rule("STA-016")
@pytest.mark.rule("STA-017")
def test_a_lock_ends_with_its_lease_and_nobody_is_told_to_take_what_is_held(wire: Wire) -> None:
    station = stating(wire, Capability.BAY_LIGHTS, Capability.BAY_LOCKS)
    bay = station.linked()[0]
    docking = station.bay(bay).docking
    judged(station, bay, BayVerdict.TAKE_ME)
    said = station.does(LockBay(bay=bay, docking=docking, seconds=LONG_S), "STA-017")
    not_green(station, bay, "of a camera that is held")
    if not 0 < said.lock_s <= LONG_S:
        raise RuleBroken(f"a lock for at most {LONG_S} s (STA-017)", shown(said))
    opened = station.does(LockBay(bay=bay, docking=docking, seconds=0), "STA-017")
    if opened.lock_s:
        raise RuleBroken("a lock that a host opened (STA-017)", shown(opened))
    station.does(LockBay(bay=bay, docking=docking, seconds=SHORT_S), "STA-017")
    station.until(bay, "no lock once its lease is over (STA-017)", lambda said: not said.lock_s)
    silent(station, bay)


@pytest.mark.rule("STA-018")
def test_a_station_takes_a_verdict_and_a_lock_only_if_it_states_that_it_has_them(wire: Wire) -> None:
    station = at_station(wire)
    bay, stated = station.linked()[0], limits(station.session).capabilities
    docking = station.bay(bay).docking
    for capability, request in (
        (
            Capability.BAY_LIGHTS,
            JudgeBay(bay=bay, docking=docking, verdict=BayVerdict.BUSY, seconds=SHORT_S),
        ),
        (Capability.BAY_LOCKS, LockBay(bay=bay, docking=docking, seconds=SHORT_S)),
    ):
        if capability in stated:
            station.does(request, "STA-018")
        else:
            station.refuses(request, f"STA-018: it does not state {capability}", ErrorCode.UNSUPPORTED)
    if Capability.BAY_LIGHTS in stated:
        silent(station, bay)
    if Capability.BAY_LOCKS in stated:
        station.does(LockBay(bay=bay, docking=docking, seconds=0), "STA-018")


# With somebody who stands there


@pytest.mark.rule("STA-014")
@pytest.mark.rule("STA-015")
def test_a_verdict_leaves_with_its_camera_and_says_nothing_of_the_next(
    wire: Wire, station_hands: StationHands
) -> None:
    station = stating(wire, Capability.BAY_LIGHTS)
    bay = station.linked()[0]
    docking = station.bay(bay).docking
    judged(station, bay, BayVerdict.TAKE_ME)
    station_hands.undock(bay)
    empty = station.until(bay, f"an empty bay {bay}", lambda said: not said.present)
    says_no_verdict(empty, "STA-015", "of a camera that is gone")
    station_hands.dock(bay)
    station.answers_again(bay)
    says_no_verdict(station.bay(bay), "STA-015", "of another docking")
    late = JudgeBay(bay=bay, docking=docking, verdict=BayVerdict.TAKE_ME, seconds=LONG_S)
    station.refuses(late, f"STA-014: docking {docking} is over", ErrorCode.CONFLICT)


@pytest.mark.rule("STA-015")
@pytest.mark.rule("STA-017")
def test_an_alarm_ends_a_verdict_and_opens_a_lock(wire: Wire, station_hands: StationHands) -> None:
    station = stating(wire, Capability.BAY_LIGHTS, Capability.BAY_LOCKS)
    bay = station.linked()[0]
    docking = station.bay(bay).docking
    judged(station, bay, BayVerdict.TAKE_ME)
    station.does(LockBay(bay=bay, docking=docking, seconds=LONG_S), "STA-017")
    station_hands.heat(bay)
    hot = station.until(bay, f"an alarm of bay {bay}", lambda said: bool(said.alarms))
    says_no_verdict(hot, "STA-015", "of a bay that alarms")
    if hot.lock_s:
        raise RuleBroken("a lock that is open at an alarm (STA-017)", shown(hot))
    for request in (
        JudgeBay(bay=bay, docking=docking, verdict=BayVerdict.TAKE_ME, seconds=LONG_S),
        LockBay(bay=bay, docking=docking, seconds=SHORT_S),
    ):
        station.refuses(request, "STA-015, STA-017: it is in quarantine", ErrorCode.WRONG_STATE)
    station_hands.cool(bay)
    station.until(bay, f"bay {bay} without an alarm once it is cool", lambda said: not said.alarms)
    station.release(bay)


@pytest.mark.rule("STA-017")
def test_a_lock_opens_by_hand(wire: Wire, station_hands: StationHands) -> None:
    station = stating(wire, Capability.BAY_LOCKS)
    bay = station.linked()[0]
    station.does(LockBay(bay=bay, docking=station.bay(bay).docking, seconds=LONG_S), "STA-017")
    station_hands.unlatch(bay)
    said = station.bay(bay)
    if said.lock_s:
        raise RuleBroken("a lock that opened by hand (STA-017)", shown(said))

"""Docking stations: channels of bays, what passes between, and what a station says of them (spec: Station).

What needs a hand at the station, which takes a camera out or warms a bay, is in `test_sta_hands`.
"""

from __future__ import annotations

import time
from itertools import cycle, islice
from typing import Final

import pytest

from bwc_protocol.frame import ResetReason
from bwc_protocol.messages.audit import ReadAudit
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import ListRecordings, OpenSegment
from bwc_protocol.messages.station import IdentifyBay, LeaseBay, SwitchData
from bwc_protocol.session.preamble import SIZE, Preamble
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import supported
from hil_tests.rules.stations import AtStation, at_station, beyond, ended, shown
from hil_tests.rules.test_str import ALL_OF_IT, taken
from hil_tests.verdicts import RuleBroken, not_tested

BEGUN: Final = 20
"""Bytes of a preamble that is not whole: whoever mixes them with another finds none."""
LEASE_S: Final = 1
LABEL: Final = "HIL-LABEL"
STREAMS_MAX: Final = 8
SLOW_PAYLOAD: Final = 16_384
"""Large enough that a window of 32 frames is all that a station may have for a bay."""
SLOW_BYTES_S: Final = 150_000
WARM_S: Final = 0.5
"""How long a station is given to measure how slow its host is."""
ATTEMPTS: Final = 3
SLOWEST_S: Final = 30.0
"""Within this an answer comes behind all the footage that is asked for."""
FRAME_MAX: Final = 61_440
AHEAD_S: Final = 1.5
"""500 ms in a splice's buffer, 500 ms in the link that takes it, and half as much again for what is measured."""
FRAMES_AHEAD: Final = 6
"""One frame may always wait: in the camera, on the contacts, in the buffer, in the link; and two more."""
NEEDED: Final = 800_000
ON_THE_WAY: Final = 2_500_000
"""More than waits in a camera, a station and their links: what is asked for behind it waits at the host's end."""
"""Bytes of footage without which nobody sees how much waits."""


# Openings


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-004")
def test_a_channel_behind_which_no_bay_is_is_no_device(wire: Wire) -> None:
    station = at_station(wire)
    station.refused(beyond(station.bays()), "STA-004", ResetReason.NO_DEVICE)
    station.session.goes_on("STA-004")


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-004")
def test_the_channel_of_a_bay_leads_to_a_camera_and_not_to_the_station(wire: Wire) -> None:
    station = at_station(wire)
    bay = station.linked()[0]
    session = station.wire.conversation(link=station.link, bay=bay)
    said = session.greet()
    if said.kind != PeerKind.CAMERA:
        raise RuleBroken(f"the preamble of a camera on channel {bay} (STA-004)", f"kind {said.kind}")


@pytest.mark.rule("STA-004")
def test_without_its_data_lines_a_bay_is_no_device_and_what_was_open_on_it_ends(wire: Wire) -> None:
    station = at_station(wire)
    bay = station.linked()[0]
    session = station.conversation(bay)
    said = station.does(SwitchData(bay=bay, on=False), "STA-004")
    if said.data:
        raise RuleBroken(f"data lines of bay {bay} that are off, as station.data says", shown(said))
    ended(session.channel, f"the conversation on channel {bay} (STA-004)", ResetReason.NO_DEVICE)
    station.refused(bay, "STA-004", ResetReason.NO_DEVICE)
    station.does(SwitchData(bay=bay, on=True), "STA-004")
    station.answers_again(bay)
    station.conversation(bay).goes_on("STA-004")


# One life of a channel to one life of the other


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-002")
def test_what_was_said_in_one_life_of_a_channel_is_not_heard_in_the_next(wire: Wire) -> None:
    """The camera gets half a preamble, and then a whole one, which it could not make out behind the half."""
    station = at_station(wire)
    bay = station.linked()[0]
    channel = station.link.channel(bay)
    for _ in range(3):
        channel.open(wire.preamble()[:BEGUN])
        channel.reset()
        again = station.opening(bay)
        heard = again.wait_inbox(SIZE, f"a preamble of the camera in the new life of channel {bay} (STA-002)")
        _is_preamble(heard, "STA-002")
        again.reset()


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-002")
def test_what_a_camera_said_in_one_life_of_a_channel_does_not_come_in_the_next(wire: Wire) -> None:
    station = at_station(wire)
    bay = station.linked()[0]
    session = station.conversation(bay)
    session.channel.acknowledges = False
    for request in (ListRecordings(), ReadAudit(), ReadAudit(), ReadStatus()):
        session.request(request)
    session.channel.reset()
    session.channel.acknowledges = True
    again = station.opening(bay)
    heard = again.wait_inbox(SIZE, f"a preamble of the camera in the new life of channel {bay} (STA-002)")
    _is_preamble(heard, "STA-002")


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-002")
def test_a_host_that_went_without_a_word_leaves_nothing_to_the_next(wire: Wire) -> None:
    """Its pipe is closed in the middle of a preamble; the next host comes by a pipe of its own."""
    station = at_station(wire)
    bay = station.linked()[0]
    channel = station.link.channel(bay).open(wire.preamble()[:BEGUN])
    channel.wait_acknowledged()
    station.link.pipe.close()
    station.link.nonce = 0  # nobody hears a goodbye
    station = at_station(wire)
    station.answers_again(bay)
    station.conversation(bay).goes_on("STA-002")


def _is_preamble(heard: bytes, rule: str) -> None:
    try:
        Preamble.decode(heard)
    except ValueError as error:
        raise RuleBroken(f"a preamble of the camera first ({rule})", f"{heard.hex()}: {error}") from error


# Between the two


@pytest.mark.rule("STA-007")
def test_a_bay_whose_host_reads_nothing_keeps_nobody_waiting_and_loses_nothing(wire: Wire) -> None:
    station = at_station(wire)
    first, second = station.linked(2)[:2]
    stalled = station.conversation(first)
    streams = footage(stalled)
    channel = stalled.channel
    channel.window, channel.acknowledges = 0, False
    channel.say_ack()
    for number in streams:
        stalled.say_credit(number, ALL_OF_IT)
    for _ in range(3):
        try:
            other = station.conversation(second)
        except RuleBroken as broken:
            what = "a conversation with the camera of another bay meanwhile (STA-007)"
            raise RuleBroken(what, f"{broken.observed}, where {broken.expected}") from None
        other.goes_on("STA-007")
        station.does(ReadStatus(), "STA-007")
        other.channel.reset()
    channel.window, channel.acknowledges = 32, True
    channel.say_ack()
    stalled.goes_on("STA-007")
    for number, length in streams.items():
        stalled.stream(number, length)
    if stalled.disordered:
        raise RuleBroken("each byte once and in order behind a window that was closed", stalled.disordered)


@pytest.mark.bwc_read_only
@pytest.mark.rule("STA-007")
def test_a_channel_that_ends_ends_no_other(wire: Wire) -> None:
    station = at_station(wire)
    first, second = station.linked(2)[:2]
    other = station.conversation(second)
    station.opening(first).reset()
    station.refused(beyond(station.bays()), "STA-004", ResetReason.NO_DEVICE)
    broken = station.link.channel(first).open(b"?" * SIZE)
    ended(broken, "what is no preamble (SES-002)", ResetReason.PROTOCOL)
    other.goes_on("STA-007")
    station.session.goes_on("STA-007")


@pytest.mark.rule("STA-001")
@pytest.mark.rule("STA-013")
def test_an_answer_to_a_slow_host_does_not_wait_behind_all_the_footage_that_it_asked_for(wire: Wire) -> None:
    """The host takes 150 KB/s, of footage without end. What comes between a request and its answer had to wait
    somewhere on the way: in the camera, in the station's buffer, and in its link to the host. The best of a few
    counts: a host that is busy takes less than it could, and then more."""
    at_station(wire)
    wire.hang_up()
    link = wire.link(max_payload=SLOW_PAYLOAD)
    slow = wire.conversation(link=link, bay=AtStation(wire, wire.session(link=link)).linked()[0])
    slow.channel.window, slow.channel.bytes_per_s = 1, SLOW_BYTES_S
    slow.open()
    streams = footage(slow)
    if sum(streams.values()) < NEEDED:
        not_tested(f"it takes {NEEDED} bytes of footage, and the first camera has {sum(streams.values())}")
    for number in streams:
        slow.say_credit(number, ALL_OF_IT)
    broken = None
    for _ in range(ATTEMPTS):
        if broken is not None and _came(slow) + broken[0] > sum(streams.values()):
            break  # there is too little left to wait behind
        began, before = time.monotonic(), _came(slow)
        slow.silent("nothing", lambda message: False, WARM_S)
        rate = (_came(slow) - before) / (time.monotonic() - began)
        most = round(rate * AHEAD_S) + FRAMES_AHEAD * FRAME_MAX
        behind = _behind_an_answer(slow)
        if behind <= most:
            return
        broken = most, behind, rate
    assert broken is not None
    most, behind, rate = broken
    raise RuleBroken(
        f"an answer behind at most {most} bytes of footage at {rate:.0f} bytes/s: what the channel carries in "
        f"500 ms may wait in each of a splice's two buffers, and one frame (STA-001, STA-013)",
        f"an answer behind {behind} bytes, by the last of {ATTEMPTS} attempts at most",
    )


def _behind_an_answer(session: RawSession) -> int:
    """Asks something. Gives how many bytes of footage came before the answer."""
    asked, before = session.request(ReadStatus()), _came(session)
    session.answer(asked, within_s=SLOWEST_S)
    return _came(session) - before


def _came(session: RawSession) -> int:
    return sum(map(len, session.streams.values()))


def footage(session: RawSession) -> dict[int, int]:
    """Streams of footage that wait for credit, and how long each is: of each recording one, and of few more, until it
    is more than waits anywhere on the way. Skips without any."""
    page = supported(session, ListRecordings())
    if not page.recordings:
        not_tested("the camera in the bay has no recording")
    opened: dict[int, int] = {}
    for entry in islice(cycle(page.recordings), STREAMS_MAX):
        if len(opened) >= len(page.recordings) and sum(opened.values()) >= ON_THE_WAY:
            break
        asked = OpenSegment(
            recording=entry.recording, manifest_sha256=entry.manifest_sha256, segment=0, offset=0, length=0
        )
        stream = taken(session, session.request(asked))
        opened[stream.number] = stream.length
    return opened


# Leases and labels


@pytest.mark.rule("STA-008")
def test_a_lease_for_another_docking_is_a_conflict_and_shows_nothing(wire: Wire) -> None:
    station = at_station(wire)
    bay = station.linked()[0]
    docking = station.bay(bay).docking
    for other in {docking - 1, docking + 1, 0} - {docking, -1}:
        lease = LeaseBay(bay=bay, docking=other, label=LABEL, seconds=LEASE_S)
        station.refuses(
            lease, f"STA-008: docking {other} is not {docking}, the present one", ErrorCode.CONFLICT
        )
        if (said := station.bay(bay)).label:
            raise RuleBroken("no label by a lease that was refused (STA-008)", shown(said))


@pytest.mark.rule("STA-009")
def test_a_label_is_shown_while_its_lease_runs_and_by_no_other_bay(wire: Wire) -> None:
    station = at_station(wire)
    first, second = station.linked(2)[:2]
    said = station.does(_lease(station, first), "STA-009")
    if said.label != LABEL or not 0 < said.lease_s <= LEASE_S:
        raise RuleBroken(f"the label {LABEL!r} for at most {LEASE_S} s (STA-009)", shown(said))
    station.refuses(_lease(station, second), "STA-009: another bay shows that label", ErrorCode.CONFLICT)
    station.until(first, "no label once its lease is over (STA-009)", lambda bay: not bay.label)
    station.does(_lease(station, second), "STA-009: nobody shows that label any more")
    cleared = station.does(_lease(station, second, seconds=0), "STA-009")
    if cleared.label or cleared.lease_s:
        raise RuleBroken("no label once the host speaks for it no longer (STA-009)", shown(cleared))


def _lease(station: AtStation, bay: int, seconds: int = LEASE_S) -> LeaseBay:
    return LeaseBay(bay=bay, docking=station.bay(bay).docking, label=LABEL, seconds=seconds)


@pytest.mark.rule("MSG-002")
def test_a_bay_that_does_not_exist_is_not_found(wire: Wire) -> None:
    station = at_station(wire)
    number = beyond(station.bays())
    station.refuses(IdentifyBay(bay=number, seconds=1), "no such bay", ErrorCode.NOT_FOUND)

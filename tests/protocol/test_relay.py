"""A station joins one epoch to one epoch, and nothing of one host or camera reaches another (spec: Station)."""

import itertools
import random
from collections import defaultdict
from typing import Any

import pytest

from bwc_protocol.conversation import Closed, RequestReceived, State
from bwc_protocol.link import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    DeviceGate,
    Link,
    LinkDown,
    LinkEvent,
    LinkParams,
    LinkRole,
    LinkUp,
    ResetReason,
)
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.relay import UPLINK, Relay
from tests.tiers import seeds
from tools.testkit.pair import BENCH, CAMERA, device_end, host_end
from tools.testkit.secure_ends import agency, device_sessions, host_sessions

FRAME = 64
WINDOW = 4
PARAMS = LinkParams(max_payload=FRAME, max_window=WINDOW)
BAYS = 4


class Peer:
    """A link and what its application has seen; it takes what comes unless `stalled`."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.events: list[LinkEvent] = []
        self.streams: dict[int, list[bytearray]] = defaultdict(list)
        """For each channel the bytes of each epoch."""
        self.stalled: set[int] = set()

    def drain(self, now: float) -> None:
        for event in self.link.events():
            match event:
                case ChannelData(channel=channel, data=data):
                    self.streams[channel][-1] += data
                    if channel not in self.stalled:
                        self.link.consumed(channel)
                    continue
                case ChannelOpened(channel=channel):
                    self.streams[channel].append(bytearray())
                case _:
                    pass
            self.events.append(event)

    def open(self, channel: int) -> None:
        self.link.open_channel(channel)
        self.streams[channel].append(bytearray())

    def resets(self) -> list[tuple[int, ResetReason]]:
        return [(e.channel, e.reason) for e in self.events if isinstance(e, ChannelReset)]


class Pipe:
    """Bytes between two links, in their order; `blocked` ends take nothing for a while."""

    def __init__(self, dock: "Dock", one: Link, other: Link) -> None:
        self.dock = dock
        self.ends = (one, other)
        self.flying: dict[Link, bytearray] = {one: bytearray(), other: bytearray()}
        self.blocked: set[Link] = set()

    def carry(self) -> bool:
        moved = False
        for source, sink in (self.ends, self.ends[::-1]):
            self.flying[sink] += b"".join(source.outgoing(self.dock.now))
            if sink in self.blocked or not self.flying[sink]:
                continue
            data, self.flying[sink] = bytes(self.flying[sink]), bytearray()
            for _ in sink.receiving(data, self.dock.now):
                self.dock.settle(sink)
            moved = True
        return moved


class Dock:
    """A host, a station with `BAYS` bays, and a camera in each."""

    def __init__(self) -> None:
        self.now = 0.0
        self.nonces = itertools.count(1)
        self.relay = Relay(BAYS)
        self.gate = DeviceGate()
        self.pipes: list[Pipe] = []
        self.owners: dict[Link, Peer] = {}
        self.bays: dict[Link, int] = {}
        self.uplinks: set[Link] = set()
        self.host = self.new_host()
        self.cameras = {bay: self.dock(bay) for bay in range(1, BAYS + 1)}
        self.run()

    def link(self, role: LinkRole, params: LinkParams = PARAMS, gate: DeviceGate | None = None) -> Link:
        return Link(role, params, nonce=lambda: next(self.nonces), gate=gate)

    def new_host(self, uplink: Link | None = None) -> Peer:
        """A host on a pipe of its own, or in the place of the host that `uplink` had."""
        if uplink is None:
            params = LinkParams(max_payload=FRAME, max_window=WINDOW, channels=1 + BAYS)
            uplink = self.link(LinkRole.DEVICE, params, self.gate)
            self.uplinks.add(uplink)
        else:
            self.pipes = [pipe for pipe in self.pipes if uplink not in pipe.ends]
        host = Peer(self.link(LinkRole.HOST))
        self.owners[host.link] = host
        self.pipes.append(Pipe(self, host.link, uplink))
        host.link.open(self.now)
        return host

    def uplink_of(self, host: Peer) -> Link:
        (pipe,) = [pipe for pipe in self.pipes if host.link in pipe.ends]
        return pipe.ends[1]

    def dock(self, bay: int, gate: DeviceGate | None = None) -> Peer:
        station, camera = self.link(LinkRole.HOST), Peer(self.link(LinkRole.DEVICE, gate=gate))
        self.bays[station] = bay
        self.owners[camera.link] = camera
        self.pipes.append(Pipe(self, station, camera.link))
        station.open(self.now)
        return camera

    def bay_pipe(self, bay: int) -> Pipe:
        return next(pipe for pipe in self.pipes if self.bays.get(pipe.ends[0]) == bay)

    def undock(self, bay: int) -> None:
        pipe = self.bay_pipe(bay)
        self.pipes.remove(pipe)
        del self.bays[pipe.ends[0]]
        self.relay.leave(bay, ResetReason.UNDOCKED, self.now)

    def settle(self, link: Link) -> None:
        """What each frame brings about is acted upon before the next."""
        if link in self.owners:
            self.owners[link].drain(self.now)
            return
        for event in link.events():
            if link in self.bays:
                self.relay.bay_event(self.bays[link], link, event, self.now)
            elif link in self.uplinks:
                self.relay.uplink_event(link, event, self.now)
        self.relay.flow(self.bays.get(link, UPLINK), self.now)

    def run(self, seconds: float = 0.0) -> None:
        """Carries bytes until nothing moves, and then lets time pass."""
        end = self.now + seconds
        while True:
            while sum(pipe.carry() for pipe in self.pipes):
                pass
            due = [t for pipe in self.pipes for link in pipe.ends if (t := link.deadline()) is not None]
            if not due or min(due) > end:
                self.now = end
                return
            self.now = max(self.now, min(due))
            for pipe in self.pipes:
                for link in pipe.ends:
                    deadline = link.deadline()
                    if deadline is not None and deadline <= self.now:
                        link.tick(self.now)
                        self.settle(link)


@pytest.fixture
def dock() -> Dock:
    return Dock()


def pattern(tag: int, size: int) -> bytes:
    return bytes([tag]) * size


def test_bytes_pass_both_ways_and_stay_in_their_bay(dock: Dock) -> None:
    for bay in (1, 3):
        dock.host.open(bay)
        dock.host.link.send(bay, pattern(bay, 1_000))
    dock.run()
    for bay in (1, 3):
        assert dock.cameras[bay].streams[0] == [pattern(bay, 1_000)]
        dock.cameras[bay].link.send(0, pattern(10 + bay, 5_000))
    dock.run()
    for bay in (1, 3):
        assert dock.host.streams[bay] == [pattern(10 + bay, 5_000)]
    assert not dock.cameras[2].streams[0]


@pytest.mark.rule("SES-013")
def test_a_station_passes_on_a_session_that_it_cannot_read(dock: Dock) -> None:
    """End to end: the station has no part in it, sees nobody's name, and can change nothing unseen."""
    host, camera = host_end(session=host_sessions()), device_end(session=device_sessions())
    dock.host.open(2)
    host.start(dock.now)
    camera.start(dock.now)
    passed = bytearray()
    taken = {host: 0, camera: 0}

    def run() -> None:
        for _ in range(10):
            for conversation, link, channel in (
                (host, dock.host.link, 2),
                (camera, dock.cameras[2].link, 0),
            ):
                for piece in conversation.outgoing(0, 512):
                    passed.extend(piece)
                    link.send(channel, piece, dock.now)
            dock.run()
            for conversation, peer, channel in ((host, dock.host, 2), (camera, dock.cameras[2], 0)):
                stream = peer.streams[channel][-1]
                conversation.receive(bytes(stream[taken[conversation] :]), dock.now)
                taken[conversation] = len(stream)

    run()
    assert host.state is camera.state is State.READY
    assert host.peer is not None and host.peer.identity == CAMERA
    host.request(ReadBattery(cell=0))
    run()
    assert [e for e in camera.events() if isinstance(e, RequestReceived)]
    came = dock.cameras[2].streams[0][-1] + dock.host.streams[2][-1]
    assert len(came) == len(passed) > 3_000
    for name in (CAMERA, BENCH, agency().name):
        assert name.encode() not in passed
    host.close()
    run()
    assert any(isinstance(e, Closed) for e in host.events() + camera.events())


@pytest.mark.parametrize("stalled", ["host", "camera"])
def test_sta_001_a_stalled_end_fills_its_own_buffer_and_touches_nothing_else(
    dock: Dock, stalled: str
) -> None:
    for bay in (1, 2):
        dock.host.open(bay)
        dock.host.link.send(bay, b"hello")
    dock.run()
    victim, innocent = dock.cameras[1], dock.cameras[2]
    if stalled == "host":
        dock.host.stalled.add(1)
        victim.link.send(0, pattern(1, 100_000))
    else:
        victim.stalled.add(0)
        dock.host.link.send(1, pattern(1, 100_000))
    innocent.link.send(0, pattern(2, 50_000))
    dock.host.link.send(2, pattern(3, 50_000))
    dock.run(2.0)
    assert dock.host.streams[2] == [pattern(2, 50_000)]
    assert innocent.streams[0] == [b"hello" + pattern(3, 50_000)]
    sender = victim.link if stalled == "host" else dock.host.link
    left = sender.outstanding(0 if stalled == "host" else 1)
    window = WINDOW * FRAME
    # The stalled end's window, the station's buffer, and the window before it: nothing else was taken.
    assert 100_000 - left <= 3 * window + FRAME
    if stalled == "host":
        dock.host.stalled.clear()
        dock.host.link.consumed(1, WINDOW)
    else:
        victim.stalled.clear()
        victim.link.consumed(0, WINDOW)
    dock.run(2.0)
    assert sender.outstanding(0 if stalled == "host" else 1) == 0, "a stall ends where it began"


@pytest.mark.parametrize("speaker", ["host", "camera"])
def test_what_passes_after_a_silence_has_not_waited_since_it_began(
    dock: Dock, speaker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the link on which it is passed on would be taken for a slow one, and less would be let through."""
    dock.host.open(1)
    dock.host.link.send(1, b"hello", dock.now)
    dock.run(0.7)
    waits = []
    for link in (dock.uplink_of(dock.host), dock.bay_pipe(1).ends[0]):

        def sent(channel: int, data: bytes, now: float | None = None, send: Any = link.send) -> None:
            waits.append(dock.now - (now or 0.0))
            send(channel, data, now)

        monkeypatch.setattr(link, "send", sent)
    one, channel = (dock.host, 1) if speaker == "host" else (dock.cameras[1], 0)
    size = WINDOW * FRAME * 4  # more than passes at once: the rest waits for room
    one.link.send(channel, pattern(5, size), dock.now)
    dock.run(1.0)
    assert len(waits) >= size // FRAME
    assert set(waits) == {0.0}


@pytest.mark.parametrize("taken", [(WINDOW,), (1, WINDOW - 1), (10_000,)])
def test_slots_that_are_withheld_let_nothing_come_until_they_are_given(
    dock: Dock, taken: tuple[int, ...]
) -> None:
    """More than there are count as all of them: what is given back later opens the window again."""
    dock.host.open(2)
    for frames in taken:
        dock.host.link.withhold(2, frames)
    dock.host.link.send(2, b"hello")
    dock.run()
    dock.cameras[2].link.send(0, pattern(4, 3 * WINDOW * FRAME))
    dock.run(0.5)
    assert dock.host.streams[2] == [b""]
    dock.host.link.consumed(2, WINDOW)
    dock.run(2.0)
    assert dock.host.streams[2] == [pattern(4, 3 * WINDOW * FRAME)]


def test_slots_of_a_channel_that_is_not_open_cannot_be_withheld(dock: Dock) -> None:
    dock.link(LinkRole.HOST).withhold(1, 1)
    dock.host.link.withhold(3, 1)
    dock.host.open(3)
    dock.host.link.send(3, b"hello")
    dock.run()
    dock.cameras[3].link.send(0, pattern(5, WINDOW * FRAME))
    dock.run(1.0)
    assert dock.host.streams[3] == [pattern(5, WINDOW * FRAME)]


@pytest.mark.parametrize("stalled", ["host", "camera"])
def test_room_at_one_end_is_told_to_the_other_at_once(dock: Dock, stalled: str) -> None:
    """Else its sender waits with a closed window until it probes: 20 ms for each window of footage."""
    dock.host.open(1)
    dock.host.link.send(1, b"hello")
    dock.run()
    camera = dock.cameras[1]
    slow, slow_channel, fast = (dock.host, 1, camera) if stalled == "host" else (camera, 0, dock.host)
    slow.stalled.add(slow_channel)
    fast.link.send(0 if stalled == "host" else 1, pattern(7, 50_000))
    dock.run()
    dock.relay.stirred()
    slow.link.consumed(slow_channel, WINDOW)
    pipe = next(pipe for pipe in dock.pipes if slow.link in pipe.ends)
    pipe.flying[pipe.ends[1] if stalled == "host" else pipe.ends[0]] += b"".join(slow.link.outgoing(dock.now))
    for end in pipe.ends:
        if end is not slow.link:
            data, pipe.flying[end] = bytes(pipe.flying[end]), bytearray()
            end.receive(data, dock.now)
            dock.settle(end)
    assert dock.relay.stirred() == {UPLINK, 1}


def test_sta_002_what_a_host_left_in_the_buffers_reaches_no_later_host(dock: Dock) -> None:
    dock.host.open(1)
    dock.cameras[1].stalled.add(0)
    dock.host.link.send(1, pattern(1, 10_000))
    dock.run(1.0)
    dock.host.link.reset(1, ResetReason.NORMAL, dock.now)
    dock.cameras[1].stalled.clear()
    dock.run(1.0)
    assert dock.cameras[1].resets() == [(0, ResetReason.NORMAL)]
    dock.host.open(1)
    dock.host.link.send(1, pattern(2, 10_000))
    dock.run(1.0)
    first, second = dock.cameras[1].streams[0]
    assert set(first) == {1} and second == pattern(2, 10_000)


def test_sta_002_what_a_camera_left_in_the_buffers_reaches_no_later_epoch(dock: Dock) -> None:
    dock.host.open(1)
    dock.host.link.send(1, b"hello")
    dock.run()
    dock.host.stalled.add(1)
    dock.cameras[1].link.send(0, pattern(1, 10_000))
    dock.run(1.0)
    dock.cameras[1].link.reset(0, ResetReason.PROTOCOL, dock.now)
    dock.run(1.0)
    assert dock.host.resets() == [(1, ResetReason.PROTOCOL)]
    dock.host.stalled.clear()
    dock.host.open(1)
    dock.host.link.send(1, b"again")
    dock.run(1.0)
    dock.cameras[1].link.send(0, pattern(2, 10_000))
    dock.run(1.0)
    assert set(dock.host.streams[1][0]) <= {1}
    assert dock.host.streams[1][1] == pattern(2, 10_000)


def test_sta_003_nothing_passes_before_the_bays_reset_is_answered(dock: Dock) -> None:
    dock.host.open(1)
    dock.host.link.send(1, pattern(1, 500))
    dock.run(1.0)
    pipe = dock.bay_pipe(1)
    pipe.blocked.add(pipe.ends[0])  # the camera's answers are under way for long
    dock.host.link.reset(1, ResetReason.NORMAL, dock.now)
    dock.host.open(1)
    dock.host.link.send(1, pattern(2, 500))
    dock.run(1.0)
    assert dock.cameras[1].streams[0] == [pattern(1, 500)], "the new host's bytes wait"
    pipe.blocked.clear()
    dock.run(1.0)
    assert dock.cameras[1].streams[0] == [pattern(1, 500), pattern(2, 500)]


def test_a_host_that_replaces_another_in_mid_stream_gets_none_of_its_bytes(dock: Dock) -> None:
    old = dock.host
    uplink = dock.uplink_of(old)
    for bay in (1, 2):
        old.open(bay)
        old.link.send(bay, pattern(1, 20_000))
    for camera in dock.cameras.values():
        camera.stalled.add(0)
    dock.run(0.5)
    new = dock.new_host(uplink)
    dock.run(0.5)
    assert any(isinstance(event, LinkUp) for event in new.events)
    for bay in (1, 2):
        assert dock.cameras[bay].resets() == [(0, ResetReason.NORMAL)]
        dock.cameras[bay].stalled.clear()
        new.open(bay)
        new.link.send(bay, pattern(2, 1_000))
    dock.run(1.0)
    for bay in (1, 2):
        assert set(dock.cameras[bay].streams[0][0]) <= {1}
        assert dock.cameras[bay].streams[0][1] == pattern(2, 1_000)
        dock.cameras[bay].link.send(0, pattern(3, 1_000))
    dock.run(1.0)
    assert new.streams[1] == new.streams[2] == [pattern(3, 1_000)]


def test_a_second_pipe_of_the_station_is_told_busy_while_the_first_is_live(dock: Dock) -> None:
    second = dock.new_host()
    dock.run(1.0)
    (down,) = [event for event in second.events if isinstance(event, LinkDown)]
    assert down.reason.name == "BUSY" and down.retry_after_ms


@pytest.mark.parametrize("channel", [1, BAYS + 1, 64])
def test_sta_004_without_a_live_bay_link_an_opening_gets_no_device(dock: Dock, channel: int) -> None:
    if channel == 1:
        dock.undock(1)
    dock.host.open(channel)
    dock.host.link.send(channel, b"hello")
    dock.run(1.0)
    assert dock.host.resets() == [(channel, ResetReason.NO_DEVICE)]


def test_sta_004_a_camera_that_leaves_ends_its_channel_as_undocked_and_no_other(dock: Dock) -> None:
    for bay in (1, 2):
        dock.host.open(bay)
        dock.host.link.send(bay, b"hello")
    dock.run()
    dock.undock(1)
    dock.host.link.send(1, b"to nobody")
    dock.host.link.send(2, b", still there")
    dock.run(1.0)
    assert dock.host.resets() == [(1, ResetReason.UNDOCKED)]
    assert dock.cameras[2].streams[0] == [b"hello, still there"]
    other = dock.dock(1)
    dock.run(1.0)
    dock.host.open(1)
    dock.host.link.send(1, b"next")
    dock.run(1.0)
    assert other.streams[0] == [b"next"]


def test_sta_005_a_camera_that_another_host_has_is_busy_with_its_own_time(dock: Dock) -> None:
    dock.undock(1)
    gate = DeviceGate(retry_after_ms=1_500)
    rival, cable = dock.link(LinkRole.HOST), Peer(dock.link(LinkRole.DEVICE, gate=gate))
    dock.owners[cable.link] = cable
    dock.owners[rival] = Peer(rival)
    dock.pipes.append(Pipe(dock, rival, cable.link))
    rival.open(dock.now)
    dock.run()
    dock.dock(1, gate)
    dock.run(0.5)
    dock.host.open(1)
    dock.host.link.send(1, b"hello")
    dock.run(0.5)
    (reset,) = [event for event in dock.host.events if isinstance(event, ChannelReset)]
    assert (reset.reason, reset.retry_after_ms) == (ResetReason.BUSY, 1_500)


def test_a_camera_that_falls_silent_is_that_bays_affair_alone(dock: Dock) -> None:
    for bay in (1, 2):
        dock.host.open(bay)
        dock.host.link.send(bay, b"hello")
    dock.run()
    pipe = dock.bay_pipe(1)
    pipe.blocked |= set(pipe.ends)
    dock.run(8.0)
    assert dock.host.resets() == [(1, ResetReason.NO_DEVICE)]
    dock.host.link.send(2, b", still there")
    dock.run()
    assert dock.cameras[2].streams[0] == [b"hello, still there"]
    assert not any(isinstance(event, LinkDown) for event in dock.host.events)


@pytest.mark.parametrize("seed", seeds(12))
def test_whatever_happens_every_stream_is_of_one_epoch_of_one_side(seed: int) -> None:
    """Openings, resets, undockings, replaced hosts and stalls in any order. Each epoch sends bytes of its own
    number, so that a byte that strays into another shows."""
    rng = random.Random(seed)
    dock = Dock()
    tags = itertools.count()
    sent: dict[int, int] = {}
    marks: dict[tuple[Peer, int], int] = defaultdict(lambda: next(tags) % 256)
    for _ in range(150):
        bay = rng.randint(1, BAYS)
        match rng.randrange(9):
            case 0 | 1:
                if dock.host.link.state.value == "live":
                    dock.host.link.reset(bay, ResetReason.NORMAL, dock.now)
                    dock.host.open(bay)
                    sent[bay] = next(tags) % 256
                    dock.host.link.send(bay, pattern(sent[bay], rng.randint(1, 2_000)))
            case 2 | 3:
                if bay in sent:
                    dock.host.link.send(bay, pattern(sent[bay], rng.randint(1, 2_000)))
            case 4:
                camera = dock.cameras[bay]
                if camera.streams[0]:
                    mark = marks[camera, len(camera.streams[0])]
                    camera.link.send(0, pattern(mark, rng.randint(1, 2_000)))
            case 5:
                dock.undock(bay)
                dock.cameras[bay] = dock.dock(bay)
            case 6:
                dock.host = dock.new_host(dock.uplink_of(dock.host))
                sent.clear()
            case 7:
                pipe = dock.bay_pipe(bay)
                pipe.blocked ^= {rng.choice(pipe.ends)}
            case 8:
                dock.cameras[bay].link.reset(0, ResetReason.PROTOCOL, dock.now)
        dock.run(rng.choice((0.0, 0.0, 0.05, 0.5)))
        seen = [
            stream for peer in dock.owners.values() for streams in peer.streams.values() for stream in streams
        ]
        assert all(len(set(stream)) <= 1 for stream in seen), "bytes of two epochs in one stream"
    assert sum(len(stream) > FRAME for stream in seen) > 5

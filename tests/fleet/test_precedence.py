"""Marked and held recordings first without a bandwidth limit: on a line that is full, and only there."""

import asyncio
from collections.abc import Iterable

import pytest

from bwc_protocol.messages.recordings import Mark
from bwc_sdk.offload import Finished, RecordingFinished, chunk_sink, offload_station
from bwc_sdk.offload.precedence import ABSENT_S, LAPSE_S, MOST, Precedence
from firmware_sim.scenarios import Footage, make_camera

TICK_S = 0.01
WINDOW = 400_000
RUN_S = 120.0
NOON_NS = 1_800_014_400 * 1_000_000_000


class Flow:
    """One camera's footage: takes credit as an offload does, and sends as fast as its own line and its share go."""

    def __init__(self, precedence: Precedence, *, urgent: bool = False, rate: float = 1e9) -> None:
        self.urgent = urgent
        self.rate = rate
        self.granted = self.received = 0
        self.longest_silence_s = 0.0
        self._share = precedence.share()
        self._asked = False
        self._heard_s = 0.0

    def grant(self) -> None:
        limit = self.received + WINDOW
        if not self._share.limits(self.urgent):
            self.granted = limit
        elif not self._asked:
            ahead = min(limit, self.received + self._share.ahead_bytes) - self.granted
            if ahead > 0:
                self._asked = True
                self._share.ask(ahead, self.urgent, self._paid)

    def _paid(self, size: int) -> None:
        self._asked = False
        self.granted += size
        self.grant()

    def wants(self) -> int:
        return min(self.granted - self.received, round(self.rate * TICK_S))

    def send(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        if size:
            self.received += size
            self.longest_silence_s = max(self.longest_silence_s, now - self._heard_s)
            self._heard_s = now
            if self.urgent:
                self._share.arrived(size, now)
        self.grant()


async def carry(capacity: float, flows: Iterable[Flow], seconds: float = RUN_S) -> list[int]:
    """What each flow brought over a line that serves whoever has something to send in equal parts."""
    before = [flow.received for flow in flows]
    for flow in flows:
        flow.grant()
    for _ in range(round(seconds / TICK_S)):
        await asyncio.sleep(TICK_S)
        left = capacity * TICK_S
        by_need = sorted(flows, key=lambda flow: flow.wants())
        for behind, flow in enumerate(by_need):
            part = min(flow.wants(), int(left / (len(by_need) - behind)))
            left -= part
            flow.send(part)
    return [flow.received - had for flow, had in zip(flows, before, strict=True)]


@pytest.mark.parametrize("ordinary", [1, 15])
def test_on_a_line_that_is_full_urgent_footage_gets_most_and_nobody_starves(play, ordinary: int) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        flows = [Flow(precedence, urgent=True), *(Flow(precedence) for _ in range(ordinary))]
        urgent, *others = await carry(1e6, flows)
        assert urgent >= 0.75 * 1e6 * RUN_S
        assert urgent + sum(others) >= 0.98 * 1e6 * RUN_S, "and none of the line is wasted"
        assert sum(others) >= 0.05 * 1e6 * RUN_S and max(others) <= 1.5 * min(others)
        assert max(flow.longest_silence_s for flow in flows) <= 10.0

    play(scenario())


def test_on_lines_of_their_own_nobody_waits(play) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        flows = [
            Flow(precedence, urgent=True, rate=1e6),
            *(Flow(precedence, rate=1e6) for _ in range(7)),
        ]
        await carry(1e9, flows, 10)
        later = await carry(1e9, flows)
        assert min(later) >= 0.95 * 1e6 * RUN_S

    play(scenario())


def test_what_ordinary_footage_gives_back_it_did_not_take(play) -> None:
    """Credit that was paid for and never used is no part of what the line carried: urgent footage is not measured
    against it, and the allowance of the others does not grow by it. What was of the measure before is no debt."""

    async def scenario() -> None:
        precedence = Precedence()
        urgent, other = precedence.share(), precedence.share()
        lines: list[float] = []
        for back in (1, 10, 0):
            paid: list[int] = []
            for at in range(5):
                await asyncio.sleep(0.25)
                urgent.arrived(500, asyncio.get_running_loop().time())
                if at == 0:
                    other.ask(precedence.step_bytes, False, paid.append)
                if at == 2:
                    assert paid
                    served = other.served
                    other.give_back(back * paid[0])
                    assert other.served == served - back * paid[0], (
                        "and its turn comes as if it had not asked"
                    )
            lines.append(precedence._line)
            await asyncio.sleep(2 * ABSENT_S)
            precedence._line = 0.0
        assert lines[0] == lines[1] == 2_500.0, "what was urgent"
        assert lines[2] > lines[0]

    play(scenario())


def test_urgent_footage_that_stalls_or_ends_holds_nobody_up(play) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        urgent, one, two = flows = [Flow(precedence, urgent=True), Flow(precedence), Flow(precedence)]
        await carry(1e6, flows, 30)
        urgent.rate = 0
        await carry(1e6, flows, LAPSE_S + 0.5)
        _, *free = await carry(1e6, flows, 10)
        assert sum(free) >= 0.98 * 1e7
        urgent.rate = 1e9
        await carry(1e6, flows, 2)
        again, *_ = await carry(1e6, flows, 30)
        assert again >= 0.75 * 1e6 * 30, "and it comes first again when it goes on"
        assert one.received and two.received

    play(scenario())


class Fitful(Flow):
    """Urgent footage in fits and starts, as from a flash that dies: each rate for so many seconds in turn."""

    def __init__(self, precedence: Precedence, pattern: list[tuple[float, float]]) -> None:
        super().__init__(precedence, urgent=True)
        self._pattern = pattern
        self._owed = 0.0

    def wants(self) -> int:
        return min(self.granted - self.received, int(self._owed))

    def send(self, size: int) -> None:
        super().send(size)
        at = asyncio.get_running_loop().time() % sum(seconds for seconds, _ in self._pattern)
        for seconds, rate in self._pattern:
            if at < seconds:
                self._owed += rate * TICK_S - size
                return
            at -= seconds


@pytest.mark.parametrize(
    "pattern",
    [
        [(1.0, 2e3), (1.0, 50e3)],
        [(5.0, 2e3), (5.0, 50e3)],
        [(0.5, 2e3), (0.5, 50e3)],
        [(30.0, 2e3), (3.0, 50e3)],
        [(3.0, 50e3), (1.0, 20e3), (2.0, 2e3), (1.0, 30e3)],
        [(1.05, 0.0), (0.1, 50e3)],
        [(0.9, 0.0), (0.1, 50e3)],
        [(4.0, 0.0), (1.0, 50e3)],
        [(2.0, 1e3), (2.0, 300e3)],
    ],
)
@pytest.mark.parametrize("first_s", [0.0, 20.0])
def test_urgent_footage_in_fits_and_starts_takes_what_it_uses_and_never_the_line(
    play, pattern: list[tuple[float, float]], first_s: float
) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        flows = [Flow(precedence) for _ in range(3)]
        if first_s:
            await carry(1e6, flows, first_s)
        urgent = Fitful(precedence, pattern)
        await carry(1e6, [urgent, *flows], 20)  # until it knows the line
        brought, *others = await carry(1e6, [urgent, *flows])
        offered = sum(seconds * rate for seconds, rate in pattern) / sum(seconds for seconds, _ in pattern)
        assert sum(others) >= 0.75 * (1e6 - offered) * RUN_S
        assert brought >= 0.8 * offered * RUN_S, "and it does come first"
        assert max(flow.longest_silence_s for flow in flows) <= 10.0

    play(scenario())


def test_urgent_cameras_that_come_and_go_keep_nobody_from_the_line(play) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        ordinary = Flow(precedence)
        one, two = (
            Fitful(precedence, [(2.0, 50e3), (2.0, 0.0)]),
            Fitful(precedence, [(2.0, 0.0), (2.0, 80e3)]),
        )
        await carry(1e6, [one, two, ordinary], 20)
        _, _, others = await carry(1e6, [one, two, ordinary])
        assert others >= 0.75 * (1e6 - 65e3) * RUN_S

    play(scenario())


def test_without_urgent_footage_credit_is_free(play) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        flows = [Flow(precedence), Flow(precedence)]
        assert not precedence.limits(False)
        assert sum(await carry(1e6, flows, 10)) >= 0.98 * 1e7

    play(scenario())


def test_marked_and_held_recordings_come_first_across_cameras_without_a_limit(
    new_station, host, play, world, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A window that is small beside a recording, as the true one is beside footage of minutes.
    monkeypatch.setattr(chunk_sink, "WINDOW_BYTES", 2 * 1_048_576)
    monkeypatch.setattr(chunk_sink, "CREDIT_STEP_BYTES", 256 * 1024)
    # Of three recordings the second is marked, and the third held.
    station = new_station(4, docked=1, recordings=3, mib=8)
    for bay in (2, 3, 4):
        ordinary = make_camera(seed=900 + bay, recordings=1, mib=8, footage=Footage.SYNTHETIC, utc_ns=NOON_NS)
        station.dock(bay, ordinary)

    async def scenario() -> None:
        job = offload_station(host(station, rate=1e6), store, world=world)
        order, ends = [], {}
        async for tagged in job:
            if isinstance(tagged.event, RecordingFinished):
                marks = tagged.event.outcome.entry.marks
                order.append((tagged.slot, bool(marks & (Mark.MARKED | Mark.HELD))))
            if isinstance(tagged.event, Finished):
                ends[tagged.slot] = asyncio.get_running_loop().time()
        assert job.result.complete
        assert order[:2] == [("bay 1", True)] * 2, "in equal parts all the others would have been done before"
        assert ends["bay 1"] == max(ends.values()), "what is ordinary of this camera had no precedence"

    play(scenario())


def test_an_allowance_that_nobody_uses_grows_no_further_than_the_line_that_was_seen(play) -> None:
    async def scenario() -> None:
        precedence = Precedence()
        flows = [Flow(precedence, urgent=True, rate=1e5), Flow(precedence, rate=2e5)]
        await carry(1e6, flows, 60)
        assert 2e5 <= precedence.bytes_per_s <= 1.1 * MOST * 3e5

    play(scenario())

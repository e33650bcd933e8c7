"""A bay that is in fault or in quarantine is told by whoever watches the dock: once for each change."""

import asyncio
import json
from collections.abc import Callable

import pytest

from bwc_protocol.messages.station import BayAlarm, BayState, BayVerdict
from bwc_sdk.cli.printing.fleet_output import FleetTeller
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.offload import (
    BayJudged,
    BayRecovered,
    BayTroubled,
    CameraEvent,
    Finished,
    StationLost,
    dock_watch,
)
from bwc_sdk.offload.dock_watch import LOOK_S, DockWatch
from bwc_sdk.offload.fleet_events import STATION
from firmware_sim.faults.plan import FaultCount, FaultPlan

TROUBLES = BayTroubled | BayRecovered
TOLD = TROUBLES | BayJudged


class Reader:
    """Reads a watch to its end, and keeps what it tells of bays."""

    def __init__(self, watch: DockWatch) -> None:
        self.told: list[tuple[str, TROUBLES]] = []
        self.finished: list[str] = []
        self.lost = 0
        self._watch = watch
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for tagged in self._watch:
            assert tagged.slot == (STATION if tagged.bay is None else f"bay {tagged.bay}")
            if isinstance(tagged.event, TROUBLES):
                self.told.append((tagged.slot, tagged.event))
            if isinstance(tagged.event, Finished):
                self.finished.append(tagged.slot)
            self.lost += isinstance(tagged.event, StationLost)


@pytest.fixture
def watching(new_station, host, play, world, store) -> Callable[..., None]:
    """Plays `scenario(station, reader)` beside a watch of a station with three bays."""

    def watched(scenario) -> None:
        station = new_station(3)

        async def whole() -> None:
            async with dock_watch(host(station), store, world=world) as watch:
                reader = Reader(watch)
                await scenario(station, reader)
                reader.task.cancel()
                await asyncio.wait([reader.task])

        play(whole())

    return watched


def test_a_quarantine_is_told_once_and_again_when_it_is_released(watching) -> None:
    async def scenario(station, reader: Reader) -> None:
        await asyncio.sleep(5)
        assert reader.told == [] and len(reader.finished) == 3
        station.bays[2].heat_dc = 655
        await asyncio.sleep(5)
        quarantine = BayTroubled(BayState.QUARANTINE, BayAlarm.OVER_TEMPERATURE, 655, incident=1)
        assert reader.told == [("bay 2", quarantine)]
        station.bays[2].heat_dc = 300  # cooler: the quarantine stays, and is no news
        await asyncio.sleep(10 * LOOK_S)
        assert reader.told == [("bay 2", quarantine)], "once, however often it is looked at"
        station.bays[2].release()
        station.changed()
        await asyncio.sleep(LOOK_S + 1)
        assert reader.told[1:] == [("bay 2", BayRecovered())]
        station.bays[2].heat_dc = 700
        await asyncio.sleep(LOOK_S + 1)
        assert reader.told[2:] == [
            ("bay 2", BayTroubled(BayState.QUARANTINE, BayAlarm.OVER_TEMPERATURE, 700, incident=2))
        ]

    watching(scenario)


def test_a_camera_that_does_not_answer_is_told_and_the_next_one_in_its_bay_as_well(watching) -> None:
    async def scenario(station, reader: Reader) -> None:
        deaf = station.undock(2)
        await asyncio.sleep(5)
        for docked in (1, 2):
            station.dock(2, deaf, FaultCount(FaultPlan.parse("stall@0")))
            await asyncio.sleep(3 * LOOK_S)
            assert [(slot, told.state) for slot, told in reader.told[-1:]] == [("bay 2", BayState.FAULT)]
            assert len(reader.told) == 2 * docked - 1
            station.undock(2)
            await asyncio.sleep(LOOK_S + 1)
            assert reader.told[-1] == ("bay 2", BayRecovered())
        station.dock(2, deaf)
        await asyncio.sleep(LOOK_S + 1)
        assert len(reader.told) == 4 and "bay 2" in reader.finished

    watching(scenario)


def test_a_trouble_that_outlasts_the_link_to_its_station_is_not_told_again(watching) -> None:
    async def scenario(station, reader: Reader) -> None:
        station.bays[3].swollen = True
        await asyncio.sleep(5)
        assert [slot for slot, _ in reader.told] == ["bay 3"]
        station.crash()
        await asyncio.sleep(3 * LOOK_S)
        assert reader.lost and len(reader.told) == 1

    watching(scenario)


QUARANTINE = BayTroubled(BayState.QUARANTINE, BayAlarm.SWELLING, 345, incident=4)
FAULT = BayTroubled(BayState.FAULT, BayAlarm(0), 250, incident=0)


@pytest.mark.parametrize(
    ("event", "line", "fields"),
    [
        (
            QUARANTINE,
            "bay 3\tquarantine\tswelling, 34.5 °C; somebody has to look, then 'bwc station bay 3 release 4'",
            {
                "event": "bay_troubled",
                "state": "quarantine",
                "alarms": ["swelling"],
                "temperature_dc": 345,
                "incident": 4,
            },
        ),
        (
            FAULT,
            "bay 3\tfault\tsomething is in it that does not answer",
            {"event": "bay_troubled", "state": "fault", "alarms": [], "temperature_dc": 250, "incident": 0},
        ),
        (BayRecovered(), "bay 3\trecovered", {"event": "bay_recovered"}),
        (
            BayJudged(BayVerdict.TAKE_ME),
            "bay 3\tlight\ttake-me",
            {"event": "bay_judged", "verdict": "take-me", "reason": ""},
        ),
        (
            BayJudged(BayVerdict.DO_NOT_USE, "check: clock: it is off"),
            "bay 3\tlight\tdo-not-use\tcheck: clock: it is off",
            {"event": "bay_judged", "verdict": "do-not-use", "reason": "check: clock: it is off"},
        ),
    ],
    ids=["quarantine", "fault", "recovered", "judged", "judged-why"],
)
def test_a_trouble_is_one_line_or_one_object(
    capsys, event: TOLD, line: str, fields: dict[str, object]
) -> None:
    FleetTeller(Output(as_json=False, terminal=False)).tell(CameraEvent("bay 3", event, 3))
    assert capsys.readouterr().out == line + "\n"
    FleetTeller(Output(as_json=True)).tell(CameraEvent("bay 3", event, 3))
    assert json.loads(capsys.readouterr().out) == {"slot": "bay 3", "bay": 3, **fields}

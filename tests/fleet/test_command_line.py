"""`bwc offload --station`, `--also`, `--limit` and `bwc dock watch`."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import typer

from bwc_protocol.messages.identity import Capability
from bwc_sdk.__main__ import main
from bwc_sdk.capture.decoding import decode_file
from bwc_sdk.cli.arguments.rate import rate_of
from bwc_sdk.cli.printing.fleet_output import FleetTeller
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.destination.destination import Destination, moved
from bwc_sdk.errors import DeviceLost
from bwc_sdk.offload import (
    CameraEvent,
    DestinationBack,
    DestinationLost,
    Finished,
    FollowUp,
    FollowUpFailed,
    NotErased,
    StationBack,
    StationLost,
)
from bwc_sdk.offload.fleet_events import DESTINATION, STATION
from firmware_sim.station.station import SimStation

Bwc = Callable[..., tuple[int, str, str]]
_seeds = count(91_000, 100)


@pytest.fixture
def bwc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bwc:
    """Runs a command line: exit code, output, errors."""
    monkeypatch.delenv("BWC_DEVICE", raising=False)

    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(argv))
        said = capsys.readouterr()
        return int(code), said.out, said.err

    return run


@pytest.fixture
def uri() -> str:
    """A fresh station with three cameras."""
    return f"sim:?seed={next(_seeds)}&station=3&recordings=1&mib=1"


def test_every_bay_is_offloaded_and_the_last_line_is_the_result(bwc: Bwc, uri: str, store: Path) -> None:
    code, out, err = bwc("offload", str(store), "--station", uri, "--limit", "800Mbit/s", "--json")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert all("slot" in line for line in lines[:-1])
    assert [line["event"] for line in lines].count("camera_result") == 3
    last = lines[-1]
    assert last["event"] == "result" and last["complete"]
    assert {one["slot"] for one in last["cameras"]} == {"bay 1", "bay 2", "bay 3"}


def test_plain_lines_begin_with_the_bay(bwc: Bwc, uri: str, store: Path) -> None:
    code, out, err = bwc("offload", str(store), "--station", uri)
    assert code == 0 and "3 of 3 cameras stored and verified" in err
    assert {line.split("\t")[0] for line in out.splitlines()} == {"bay 1", "bay 2", "bay 3"}


def test_the_link_of_a_whole_station_can_be_captured(bwc: Bwc, uri: str, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    assert bwc("offload", str(store), "--station", uri, "--capture", str(path))[0] == 0
    found = list(decode_file(path))
    for bay in (1, 2, 3):
        assert any(one.name == "recordings.manifest reply" and one.channel == bay for one in found)


def test_several_cameras_without_a_station_and_one_that_is_not_there(bwc: Bwc, store: Path) -> None:
    here = [f"sim:?seed={next(_seeds)}&recordings=1&mib=1" for _ in range(2)]
    nobody = "tcp:127.0.0.1:1"
    code, out, err = bwc("offload", str(store), "-d", here[0], "--also", here[1], "--also", nobody, "--json")
    assert code == 10, err
    cameras = {one["slot"]: one for one in json.loads(out.splitlines()[-1])["cameras"]}
    assert [cameras[slot]["complete"] for slot in (*here, nobody)] == [True, True, False]
    assert cameras[nobody]["error"]["layer"] == "transport"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--station", "sim:?station=1", "--limit", "fast"), "no bandwidth"),
        (("--station", "sim:?station=1", "--limit", "200"), "no bandwidth"),
        (("--station", "sim:?station=1", "--limit", "10parsec/s"), "no unit"),
        (("--station", "sim:?station=1", "--limit", "20Mb/s"), "bits or bytes"),
        (("--station", "sim:?station=1", "--limit", "1kbit/s"), "from 1 kB/s"),
        (("--station", "sim:?station=1", "-d", "sim:"), "by itself"),
        (("--station", "sim:?station=1", "--also", "sim:"), "by itself"),
        (("7", "--station", "sim:?station=1"), "about one camera"),
        (("--also", "sim:", "-d", "sim:", "--expect", "X"), "about one camera"),
        (("--also", "sim:", "-d", "sim:", "--capture", "wire.jsonl"), "about one link"),
        (("--also", "sim:"), "no device is named"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(
    bwc: Bwc, store: Path, argv: tuple[str, ...], said: str
) -> None:
    code, out, err = bwc("offload", str(store), *argv, "--json")
    assert code == 2 and not out and said in err


def test_the_watch_refuses_a_destination_and_a_limit_that_are_none(
    bwc: Bwc, uri: str, tmp_path: Path
) -> None:
    assert bwc("dock", "watch", str(tmp_path / "missing"), "-d", uri, "--json")[0] == 9
    assert bwc("dock", "watch", str(tmp_path), "-d", uri, "--limit", "much", "--json")[0] == 2
    assert bwc("dock", "watch", str(tmp_path), "--json")[0] == 2


def test_the_watch_goes_the_whole_way_when_it_is_told(
    bwc: Bwc, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until somebody stops it, which is done here when both cameras are through."""
    tell, done = FleetTeller.tell, []

    def until_done(teller: FleetTeller, tagged: CameraEvent) -> None:
        tell(teller, tagged)
        if isinstance(tagged.event, Finished):
            done.append(tagged.slot)
            if len(done) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(FleetTeller, "tell", until_done)
    (tmp_path / "ready").mkdir()
    uri = f"sim:?seed={next(_seeds)}&station=2&recordings=1&mib=1"
    options = ("--receipts", str(tmp_path / "ready"), "--sign", "--erase")
    code, out, err = bwc("dock", "watch", str(store), "-d", uri, "--lab", "--json", *options)
    assert code == 130, err
    told = [json.loads(line) for line in out.splitlines()]
    for slot in ("bay 1", "bay 2"):
        kinds = [one["event"] for one in told if one["slot"] == slot]
        order = ["recording_finished", "receipt_signed", "receipt_delivered", "erased", "camera_result"]
        assert [kind for kind in kinds if kind in order] == order and "follow_up_failed" not in kinds
    assert len(list(store.glob("*.tombstone"))) == 2


@pytest.mark.parametrize("lights", [True, False])
def test_a_station_without_lights_is_remarked_on_once(
    bwc: Bwc, uri: str, store: Path, monkeypatch: pytest.MonkeyPatch, lights: bool
) -> None:
    tell, done, made = FleetTeller.tell, set(), SimStation.__init__

    def until_done(teller: FleetTeller, tagged: CameraEvent) -> None:
        tell(teller, tagged)
        if isinstance(tagged.event, Finished):
            done.add(tagged.slot)
            if len(done) == 3:
                raise KeyboardInterrupt

    def without(station: SimStation, *options: Any, **named: Any) -> None:
        made(station, *options, **named)
        if not lights:
            station.profile.capabilities &= ~Capability.BAY_LIGHTS

    monkeypatch.setattr(FleetTeller, "tell", until_done)
    monkeypatch.setattr(SimStation, "__init__", without)
    told = bwc("dock", "watch", str(store), "-d", uri, "--lab", "--steps", "check")[2]
    assert told.count("the bays of this station have no lights that say what may be done") == (not lights)


def test_a_lost_station_is_told_with_what_to_do_once_and_then_that_it_is_back(capsys) -> None:
    lost = CameraEvent(STATION, StationLost(DeviceLost("gone"), 1.5))
    back = CameraEvent(STATION, StationBack())
    plain = FleetTeller(Output(as_json=False, terminal=False))
    for event in (lost, lost, back, lost):
        plain.tell(event)
    line = "station\tlost\tgone\tagain in 1.5 s"
    advised = f"{line}\ttry: check cable and power, then run the command again"
    assert capsys.readouterr().out.splitlines() == [advised, line, "station\tstation is back", advised]
    FleetTeller(Output(as_json=True)).tell(back)
    assert json.loads(capsys.readouterr().out) == {"slot": "station", "bay": None, "event": "station_back"}


def test_a_lost_destination_is_told_with_what_to_do(capsys) -> None:
    lost = CameraEvent(DESTINATION, DestinationLost(moved(Path("/srv/evidence"))))
    back = CameraEvent(DESTINATION, DestinationBack())
    plain = FleetTeller(Output(as_json=False, terminal=False))
    plain.tell(lost)
    plain.tell(back)
    told, again = capsys.readouterr().out.splitlines()
    assert told.startswith("destination\tlost\t") and "\ttry: bring it back" in told
    assert again == "destination\tdestination is back"
    FleetTeller(Output(as_json=True)).tell(lost)
    document = json.loads(capsys.readouterr().out)
    assert document["event"] == "destination_lost" and document["error"]["class"] == "DestinationMoved"


def test_what_was_not_done_after_storing_is_told_by_the_watch_with_what_to_do(capsys) -> None:
    full = moved(Path("/srv/evidence"))
    one = CameraEvent("bay 2", FollowUpFailed(FollowUp.TOMBSTONES, 7, full), 2)
    everything = CameraEvent(
        "bay 2", FollowUpFailed(FollowUp.LISTING, None, DeviceLost("it was taken out")), 2
    )
    held = CameraEvent("bay 2", NotErased(7, "1 hold is not lifted"), 2)
    plain = FleetTeller(Output(as_json=False, terminal=False))
    for event in (one, everything, held):
        plain.tell(event)
    first, second, third = capsys.readouterr().out.splitlines()
    assert (
        first.startswith("bay 2\tNOT DONE\trecording 7\tstoring the tombstones\t")
        and "\ttry: bring it" in first
    )
    assert second.startswith(
        "bay 2\tNOT DONE\tall recordings\tasking the camera for them again\tit was taken out"
    )
    assert third == "bay 2\tnot erased\trecording 7\t1 hold is not lifted"
    told = FleetTeller(Output(as_json=True))
    for event in (one, everything):
        told.tell(event)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["slot"], first["event"], first["step"]) == ("bay 2", "follow_up_failed", "tombstones")
    assert first["sequence"] == 7 and first["error"]["advice"].startswith("bring it back")
    assert second["recording"] is None and "sequence" not in second


def test_cameras_left_for_want_of_room_say_to_make_room_first(
    bwc: Bwc, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free_bytes(self: Destination) -> int:
        stored = any(path.stat().st_size for end in ("*.mp4*", "*.part") for path in store.rglob(end))
        return (16 << 20) + (0 if stored else 3 << 19)

    monkeypatch.setattr(Destination, "free_bytes", free_bytes)
    uri = f"sim:?seed={next(_seeds)}&station=1&recordings=2&mib=1"
    code, _, err = bwc("offload", str(store), "--station", uri)
    assert code == 10 and "bay 1: still on the camera, for want of room: recording" in err
    assert "Make room in the destination first" in err and "Run the same command again" not in err


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("200Mbit/s", 25e6),
        ("1 Gbit/s", 125e6),
        ("25MB/s", 25e6),
        ("1.5MiB/s", 1.5 * 1024**2),
        ("8kbit/s", 1e3),
    ],
)
def test_a_bandwidth_is_read_as_people_write_it(text: str, rate: float) -> None:
    assert rate_of(text) == rate


def test_a_bandwidth_of_hostile_length_is_refused() -> None:
    with pytest.raises(typer.BadParameter):
        rate_of("9" * 400 + "GB/s")

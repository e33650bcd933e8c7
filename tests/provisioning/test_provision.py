"""A bench of cameras is provisioned: all at once, each once, and what is left is told; whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.config import ConfigView
from bwc_sdk.clients.assignment import Assignment
from bwc_sdk.errors import (
    BwcError,
    ClockNotVerified,
    ConfigError,
    DeviceLost,
    DocumentError,
    PortNotFound,
    ProtocolViolation,
    RecordsInUse,
    RosterError,
    SelfTestFailed,
    WrongDevice,
)
from bwc_sdk.fitness import Checked, Limits, check_station
from bwc_sdk.provisioning import (
    Looked,
    NotHere,
    NotProvisioned,
    Place,
    Profile,
    ProvisioningEvent,
    Records,
    Step,
    provision,
    verify_record,
)
from bwc_sdk.provisioning import records as records_module
from bwc_sdk.provisioning.provision import PLACES_MAX
from bwc_sdk.provisioning.records import RECORD_MAX
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation
from tests.provisioning.conftest import PROFILE, WORD, done, roster


def left(events: Sequence[ProvisioningEvent]) -> dict[str, NotProvisioned]:
    return {event.place: event for event in events if isinstance(event, NotProvisioned)}


def holders(station: SimStation) -> list[str]:
    return [camera.assignment.officer for camera in station.cameras()]


def test_a_bench_of_cameras_is_given_out_in_the_order_of_its_bays(
    new_station, bench, folder, technician
) -> None:
    station = new_station(16)
    events = bench(station, roster())
    assert not left(events) and len(done(events)) == 16
    assert holders(station) == [f"A-{n:02d}" for n in range(1, 17)]
    with Records.opened(folder) as records:
        found = records.all()
    assert {one.officer for one in found} == set(holders(station))
    for record in found:
        assert verify_record(record, technician).roles & Role.TECHNICIAN
        assert record.document["settings"].items() >= PROFILE.settings.items()
        assert record.document["self_test"]["passed"] is True
        assert abs(record.document["clock"]["after"]["offset_ns"]) < 1_000_000
        page = record.path.with_name(record.path.name.removesuffix(".json") + ".html").read_text()
        assert record.serial_number in page and record.officer in page and "<svg" in page
    assert not list(folder.glob("*.begun.json"))


def test_a_plan_says_what_would_be_done_and_changes_nothing(new_station, bench, folder) -> None:
    station = new_station(3)
    before = [camera.settings.view(ConfigView.PENDING) for camera in station.cameras()]
    events = bench(station, roster(), plan=True)
    looked = [event for event in events if isinstance(event, Looked)]
    assert [one.member.officer for one in looked if one.member] == ["A-01", "A-02", "A-03"]
    assert set(looked[0].found.differing) == set(PROFILE.settings)
    assert [camera.settings.view(ConfigView.PENDING) for camera in station.cameras()] == before
    assert holders(station) == [""] * 3 and len(events) == 3
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_what_was_done_is_done_once_and_repeated_safely(new_station, bench, folder) -> None:
    station = new_station(3)
    first = done(bench(station, roster()))
    revisions = [camera.assignment.revision for camera in station.cameras()]
    second = done(bench(station, roster()))
    assert [camera.assignment.revision for camera in station.cameras()] == revisions
    for place, record in second.items():
        assert record.document["earlier_record_sha256"] == first[place].sha256
        assert record.document["changed"] == {}
        assert record.officer == first[place].officer


def test_a_camera_is_somebodys_by_its_number_by_its_place_or_already(new_station, bench) -> None:
    station = new_station(4)
    serials = [camera.serial for camera in station.cameras()]
    people = roster(f"officer;serial number;slot\nby-number;{serials[3]};\nby-place;;2\nfirst;;\nsecond;;\n")
    bench(station, people)
    assert holders(station) == ["first", "by-place", "second", "by-number"]
    again = roster(
        f"officer;serial number;slot\nnew;;\nsecond;;\nfirst;;\nby-number;{serials[3]};\nby-place;;2\n"
    )
    bench(station, again)
    assert holders(station) == ["first", "by-place", "second", "by-number"], "who has one keeps it"


def test_whoever_has_a_camera_that_is_not_here_gets_no_second_one(new_station, bench) -> None:
    station = new_station(2)
    bench(station, roster())
    away = station.bays[1].camera
    station.undock(1)
    bench(station, roster())
    assert holders(station) == ["A-02"]
    station.dock(1, new_station(1, seed=900).undock(1))
    bench(station, roster())
    assert holders(station) == ["A-03", "A-02"]
    assert away is not None and away.assignment.officer == "A-01"


def test_a_run_that_ends_between_a_promise_and_its_record_gives_nobody_two(
    new_station, bench, folder
) -> None:
    station = new_station(1)
    with Records.opened(folder) as records:
        records.begin("GONE-1", "A-01")
    bench(station, roster())
    assert holders(station) == ["A-02"]


@pytest.mark.parametrize(
    ("people", "says"),
    [
        ("officer;slot\nA;9\n", "nobody of officers.csv is left"),
        ("officer;slot;ended\nA;1;2001-01-15\n", "A ended on 2001-01-15"),
        ("officer;slot;training valid until\nA;1;2001-01-14\n", "training of A counted until 2001-01-14"),
    ],
)
def test_who_may_not_carry_one_gets_none_and_says_why(new_station, bench, people: str, says: str) -> None:
    station = new_station(1)
    (one,) = left(bench(station, roster(people))).values()
    assert one.step is Step.CHOOSE and isinstance(one.error, RosterError) and says in one.error.rule
    assert one.error.advice and holders(station) == [""]


def test_three_bad_cameras_and_a_cable_that_is_pulled_stop_nobody_else(new_station, bench, folder) -> None:
    station = new_station(16)
    station.bays[2].camera.storage.emmc.fail_blocks(10**6)
    clock = station.bays[5].camera.clock
    clock.set_utc_ns(clock.utc_ns() + 3_600 * 10**9, 1_000_000)
    PERSONALITIES["refusing"](station.bays[9].camera)
    pulled = []

    def pull(event: ProvisioningEvent) -> None:
        if not pulled and getattr(event, "place", "") == "bay 12" and not isinstance(event, Looked):
            pulled.append(station.undock(12))

    events = bench(station, roster(), seen=pull)
    assert set(left(events)) == {"bay 2", "bay 5", "bay 9", "bay 12"}
    assert len(done(events)) == 12
    steps = {place: one.step for place, one in left(events).items() if place != "bay 12"}
    assert steps == {"bay 2": Step.SELF_TEST, "bay 5": Step.CLOCK, "bay 9": Step.CONNECT}
    assert isinstance(left(events)["bay 2"].error, SelfTestFailed)
    assert isinstance(left(events)["bay 12"].error, ClockNotVerified | DeviceLost)


def test_a_setting_that_a_camera_does_not_have_is_told_before_anything_is_changed(new_station, bench) -> None:
    station = new_station(1)
    (one,) = left(bench(station, roster(), Profile("x", {"recording.pre_evnt_s": 60}))).values()
    assert one.step is Step.LOOK and isinstance(one.error, ConfigError)
    assert "did you mean recording.pre_event_s" in str(one.error) and holders(station) == [""]


def test_without_a_roster_a_camera_stays_whose_it_is(new_station, bench) -> None:
    station = new_station(2)
    bench(station, roster())
    events = bench(station, None)
    assert len(done(events)) == 2 and holders(station) == ["A-01", "A-02"]


def test_two_cannot_work_on_the_same_records(folder: Path) -> None:
    with Records.opened(folder), pytest.raises(RecordsInUse), Records.opened(folder):
        pass


def test_a_record_that_was_changed_is_found_out(new_station, bench, folder, technician) -> None:
    bench(new_station(1), roster())
    with Records.opened(folder) as records:
        (record,) = records.all()
        record.path.write_bytes(record.data.replace(b'"A-01"', b'"A-07"'))
        (changed,) = records.all()
    with pytest.raises(DocumentError, match="does not hold"):
        verify_record(changed, technician)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"bwc_provisioning": 2}', b'{"bwc_provisioning": 1}'])
def test_what_is_no_record_is_told_before_any_camera_is_touched(
    new_station, bench, folder, data: bytes
) -> None:
    folder.mkdir()
    (folder / "X.provisioned.json").write_bytes(data)
    station = new_station(1)
    with pytest.raises(DocumentError):
        bench(station, roster())
    assert holders(station) == [""]


def test_a_camera_that_is_reached_in_two_ways_is_done_in_one_of_them(
    new_station, world, technician, play, folder
) -> None:
    station = new_station(1)

    async def scenario() -> list[ProvisioningEvent]:
        class Already:
            """The same session, as if by another cable."""

            async def __aenter__(self):
                return opened[0]

            async def __aexit__(self, *error: object) -> None: ...

        opened: list[object] = []
        transport = MemoryTransport(station)
        async with (
            bwc_sdk.connect_station(transport, role=Role.TECHNICIAN, lab=True, world=world) as link,
            link.camera(1) as camera,
        ):
            opened.append(camera)
            both = [Place(name, Already) for name in ("one way", "another way")]
            with Records.opened(folder) as records:
                return [
                    event
                    async for event in provision(
                        both,
                        PROFILE,
                        roster=roster(),
                        records=records,
                        identity=technician,
                        word=WORD,
                        world=world,
                    )
                ]

    events = play(scenario())
    assert set(done(events)) == {"one way"} and set(left(events)) == {"another way"}
    assert isinstance(left(events)["another way"].error, WrongDevice)
    assert holders(station) == ["A-01"]


def test_more_cameras_than_a_host_has_ports_for_are_refused(folder, technician, play) -> None:
    async def scenario() -> None:
        with Records.opened(folder) as records:
            places = [
                Place(f"bay {n}", lambda: None) for n in range(PLACES_MAX + 1)
            ]  # none of them is opened
            async for _ in provision(places, PROFILE, records=records, identity=technician):
                pass

    with pytest.raises(RosterError, match="at most"):
        play(scenario())


def test_a_record_beyond_any_is_not_read(folder) -> None:
    folder.mkdir()
    (folder / "X.provisioned.json").write_bytes(b" " * (RECORD_MAX + 1))
    with Records.opened(folder) as records, pytest.raises(DocumentError, match="longer than"):
        records.all()


def test_a_run_that_is_killed_before_its_record_leaves_the_one_before(
    new_station, bench, folder, monkeypatch
) -> None:
    station = new_station(1)
    bench(station, roster())
    (before,) = [path.read_bytes() for path in folder.glob("*.provisioned.json")]
    real = records_module.replace

    def killed(path: Path, data: bytes, **more: int) -> None:
        if path.name.endswith(".provisioned.json"):
            raise KeyboardInterrupt
        real(path, data, **more)

    monkeypatch.setattr(records_module, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        bench(station, roster())
    monkeypatch.undo()
    assert [path.read_bytes() for path in folder.glob("*.provisioned.json")] == [before]
    assert list(folder.glob("*.begun.json")), "whoever it was promised to is known"
    bench(station, roster())
    assert holders(station) == ["A-01"] and not list(folder.glob("*.begun.json"))


def test_a_camera_that_does_not_read_back_as_it_was_assigned_is_left(new_station, bench, monkeypatch) -> None:
    async def forgotten(self: object, **given: object) -> None: ...

    monkeypatch.setattr(Assignment, "assign", forgotten)
    (one,) = left(bench(new_station(1), roster())).values()
    assert one.step is Step.READ_BACK and isinstance(one.error, ProtocolViolation)
    assert "assignment" in one.error.rule


def test_what_an_interrupted_run_had_found_stands_in_the_record_of_the_next(
    new_station, bench, folder, monkeypatch
) -> None:
    station = new_station(1)
    camera = station.bays[1].camera
    camera.clock.set_utc_ns(camera.clock.utc_ns() - 100 * 10**9, 1_000_000)
    real = records_module.replace

    def killed(path: Path, data: bytes, **more: int) -> None:
        if path.name.endswith(".provisioned.json"):
            raise KeyboardInterrupt
        real(path, data, **more)

    monkeypatch.setattr(records_module, "replace", killed)
    for _ in range(2):  # the second finds only what the first has changed already
        with pytest.raises(KeyboardInterrupt):
            bench(station, roster())
    monkeypatch.undo()
    (record,) = done(bench(station, roster())).values()
    assert record.document["changed"] == {} and abs(record.document["clock"]["before"]["offset_ns"]) < 10**9
    found = record.document["interrupted"]
    assert found["clock"]["offset_ns"] > 99 * 10**9 and found["officer"] == ""
    assert found["changed"]["recording.pre_event_s"] == {"from": 30, "to": 60}
    page = record.path.with_name(record.path.name.removesuffix(".json") + ".html").read_text()
    assert "An earlier run that came to no record had found" in page and "30 → 60" in page
    (record,) = done(bench(station, roster())).values()
    assert record.document["interrupted"] is None, "it came to its record"


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {"utc": "x"},
        {"utc": "x", "officer": "", "recordings": 0, "clock": {"offset_ns": 1 << 80}, "changed": {}},
    ],
)
def test_what_does_not_say_how_a_camera_was_found_is_not_signed(
    new_station, bench, folder, found: object
) -> None:
    station = new_station(1)
    serial = station.bays[1].camera.serial
    folder.mkdir()
    begun = {"serial_number": serial, "officer": "A-01", "found": found}
    (folder / f"{serial}.begun.json").write_text(json.dumps(begun))
    (record,) = done(bench(station, roster())).values()
    assert record.document["interrupted"] is None and record.officer == "A-01"


def test_a_camera_in_quarantine_is_left_and_told(new_station, bench) -> None:
    station = new_station(3)
    station.bays[2].swollen = True
    (one,) = left(bench(station, roster())).values()
    assert (one.place, one.step) == ("bay 2", Step.CONNECT)
    assert one.error.rule == "bay 2 is in quarantine, and switched off"
    assert "'bwc station bay 2 release INCIDENT'" in one.error.advice


def test_a_check_tells_a_camera_in_quarantine_by_the_same_words(new_station, play, world) -> None:
    station = new_station(2)
    station.bays[1].swollen = True

    async def scenario() -> dict[str, Checked | BwcError]:
        transport = MemoryTransport(station)
        async with bwc_sdk.connect_station(transport, role=Role.TECHNICIAN, lab=True, world=world) as link:
            return await check_station(link, Limits(), self_test=False)

    found = play(scenario())
    assert list(found) == ["bay 1", "bay 2"] and isinstance(found["bay 2"], Checked)
    assert isinstance(found["bay 1"], PortNotFound) and "in quarantine" in found["bay 1"].rule


def test_who_has_a_camera_that_is_not_here_is_told(new_station, bench) -> None:
    station = new_station(3)
    bench(station, roster("officer\nA\nB\nC\nD\n"))
    away = station.undock(2)
    events = bench(station, roster("officer;ended\nA;\nB;\nC;\nD;\nE;2001-01-01\n"))
    (told,) = [event for event in events if isinstance(event, NotHere)]
    assert told.members == () and [one.officer for one in told.elsewhere] == ["B"]
    assert told.held == {"B": away.serial}

"""A storage that fails: what is refused was not done, and what was done is there after a restart.

Each command is given to a device whose disk fails at the first system call that writes, then at the second, and so on
to the last; for that call alone, and from it on.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import ANYONE
from bwc_protocol.messages.assignment import Assign, ClearAssignment, ReadAssignment
from bwc_protocol.messages.clock import ClockReason, SetClock, TimeSource
from bwc_protocol.messages.config import (
    ApplyConfig,
    ConfigView,
    Setting,
    SettingType,
    StageConfig,
)
from bwc_protocol.messages.identity import Fault, Reboot, SelfTest
from bwc_protocol.messages.recordings import (
    CategoriseRecording,
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    MarkRecording,
    OpenSegment,
)
from bwc_protocol.messages.station import ReleaseBay, SwitchData, SwitchPower
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.handlers import STATION
from firmware_sim.scenarios import make_camera, make_station
from firmware_sim.state.commit import StateDoubtful
from firmware_sim.station.session import StationSession
from firmware_sim.station.station import SimStation

NOON_NS = 1_800_014_400 * 1_000_000_000
S = 1_000_000_000
WRITING = ("write", "fsync", "ftruncate", "truncate", "rename", "replace", "unlink", "mkdir")
FULL_DISK_TAKES = ("ftruncate", "truncate", "rename", "replace", "unlink")


class Disk:
    """Counts the calls that write; while armed, the one numbered `fails_at` fails, and those behind it if `lasting`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.armed = False
        self.fails_at = -1
        self.lasting = False
        self.errno = errno.EIO
        monkeypatch.setattr(
            os, "fsync", lambda handle: None
        )  # no power is cut here; a real one only takes time
        for name in WRITING:
            monkeypatch.setattr(os, name, self._counting(name, getattr(os, name)))
        self._real_open = os.open
        monkeypatch.setattr(os, "open", self._open)

    def arm(self, fails_at: int, number: int, lasting: bool) -> None:
        self.calls, self.armed = 0, True
        self.fails_at, self.errno, self.lasting = fails_at, number, lasting

    def disarm(self) -> None:
        self.armed = False

    def _count(self, name: str) -> None:
        if not self.armed:
            return
        at, self.calls = self.calls, self.calls + 1
        over = at == self.fails_at or (self.lasting and 0 <= self.fails_at < at)
        if over and not (self.errno == errno.ENOSPC and name in FULL_DISK_TAKES):
            raise OSError(self.errno, os.strerror(self.errno))

    def _counting(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self._count(name)
            return real(*args, **options)

        return call

    def _open(self, path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        if flags & os.O_CREAT and not Path(path).exists():
            self._count("open")
        return self._real_open(path, flags, mode, **options)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.disarm()


def die(device: SimCamera | SimStation) -> None:
    """Ends a simulated device as a kill would: nothing is kept, the directory is let go."""
    for camera in device.cameras():
        camera._held.close()
    device._held.close()


# What a device is, as a host would find out


def seen_of(camera: SimCamera, desk: Any) -> dict[str, Any]:
    """Everything that outlives a restart, except what a restart changes itself."""
    settings = camera.settings
    return {
        "pending": settings.view(ConfigView.PENDING),
        "revision": settings.revision,
        "assignment": desk.ask(ReadAssignment()),
        "recordings": desk.ask(ListRecordings()).recordings,
        "annotations": [found.annotations for found in camera.listing(0, 99)],
        "clock": (camera.clock.revision, camera.clock.last_set_utc_ns, camera.clock.source),
        "log": log_of(camera),
    }


def log_of(device: SimCamera | SimStation) -> list[Any]:
    last, _ = device.audit.head()
    return list(device.audit.read(0, last).entries)


# What is asked of a camera


@dataclass
class Bench:
    """One camera in a directory, and a host at its handlers."""

    camera: SimCamera
    desk: Any
    outcome: str = field(default="")

    def put(self, request: Any) -> None:
        answer = self.desk._put_or_none(request)
        if answer is None:
            self.outcome = "no answer"
        elif isinstance(answer, ErrorCode):
            self.outcome = f"refused: {answer}"
        else:
            self.outcome = "done"

    def button(self, press: Callable[[], object]) -> None:
        try:
            self.outcome = "refused by its state" if press() is False else "done"
        except StateDoubtful:
            self.outcome = "in doubt"
        except OSError as error:
            self.outcome = f"refused: {error}"

    @property
    def first(self) -> dict[str, bytes]:
        found = self.camera.listing(0, 1)[0]
        return {"recording": found.recording_id, "manifest_sha256": found.manifest_sha256}


def stage(bench: Bench) -> None:
    bench.desk.ask(
        StageConfig(
            revision=bench.camera.settings.revision,
            settings=(
                Setting(key="alarm.battery_low_pct", type=SettingType.INT, number=33),
                Setting(key="mute.allowed", type=SettingType.BOOL, number=1),
            ),
        )
    )


def record(bench: Bench) -> None:
    stage(bench)
    bench.desk.ask(ApplyConfig(revision=bench.camera.settings.revision))
    bench.camera.undock()
    assert bench.camera.wearer.start()
    bench.camera.time.skip(3)


def nothing(bench: Bench) -> None:
    """What comes before most of them."""


def assigned(bench: Bench) -> None:
    bench.desk.ask(Assign(officer="K1", unit="north", revision=bench.camera.assignment.revision))


def held(bench: Bench) -> None:
    bench.desk.ask(HoldRecording(**bench.first, reason="case 7"))


def pending(bench: Bench) -> None:
    stage(bench)
    bench.desk.ask(ApplyConfig(revision=bench.camera.settings.revision))


def set_clock(bench: Bench) -> None:
    bench.put(
        SetClock(
            offset_ns=7 * S,
            uncertainty_ns=1000,
            reason=ClockReason.BENCH,
            source=TimeSource.NTP,
            revision=bench.camera.clock.revision,
        )
    )


COMMANDS: dict[str, tuple[Callable[[Bench], None], Callable[[Bench], None]]] = {
    "config.commit": (stage, lambda b: b.put(ApplyConfig(revision=b.camera.settings.revision))),
    "assignment.assign": (
        nothing,
        lambda b: b.put(Assign(officer="K2", revision=b.camera.assignment.revision)),
    ),
    "assignment.clear": (assigned, lambda b: b.put(ClearAssignment(revision=b.camera.assignment.revision))),
    "clock.set": (nothing, set_clock),
    "mark": (nothing, lambda b: b.put(MarkRecording(**b.first))),
    "categorise": (nothing, lambda b: b.put(CategoriseRecording(**b.first, category="theft"))),
    "hold": (nothing, lambda b: b.put(HoldRecording(**b.first, reason="case 7"))),
    "release": (held, lambda b: b.put(LiftHold(**b.first, reason="over"))),
    "open_segment": (nothing, lambda b: b.put(OpenSegment(**b.first, segment=0, offset=0, length=0))),
    "self_test": (nothing, lambda b: b.put(SelfTest())),
    "reboot": (nothing, lambda b: b.put(Reboot(boot_counter=b.camera.boot_counter))),
    "erase": (nothing, lambda b: b.put(EraseRecording(**b.first, annotations_sha256=bytes(32)))),
    "pair": (nothing, lambda b: b.button(b.camera.radio.press)),
    "record start": (nothing, lambda b: b.button(b.camera.wearer.start)),
    "record mark": (record, lambda b: b.button(b.camera.wearer.mark)),
    "record mute": (record, lambda b: b.button(lambda: b.camera.wearer.mute(True))),
    "undock": (pending, lambda b: b.button(b.camera.undock)),
}
HANDLED = ("erase",)
"""Commands that are refused in any case; each attempt is on record, or refused for want of that."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a camera with two recordings."""
    path = tmp_path_factory.mktemp("prepared") / "camera"
    make_camera(seed=1, mib=1, recordings=2, utc_ns=NOON_NS, state=path).close()
    return path


@pytest.fixture
def bench_at(prepared: Path, tmp_path: Path, desk_type: Any) -> Callable[[str], Any]:
    """Takes up the prepared camera, or the one of an earlier call of the same name."""

    class SilentDesk(desk_type):
        """Finds a device that gives no answer."""

        def _put_or_none(self, request: Any) -> Any:
            try:
                return self._put(request)
            except AssertionError:
                assert self._answer is None, "it is answered"
                return None

    @contextmanager
    def at(name: str) -> Iterator[Bench]:
        path = tmp_path / name
        if not path.exists():
            shutil.copytree(prepared, path)
        camera = make_camera(seed=1, mib=1, recordings=2, utc_ns=NOON_NS, state=path)
        try:
            yield Bench(camera, SilentDesk(camera))
        finally:
            die(camera)

    return at


def physical(camera: SimCamera) -> dict[str, Any]:
    """What is so until a restart."""
    recorder = camera.recorder
    return {
        "docked": camera.docked,
        "recording": recorder.recording_id is not None,
        "marks": list(recorder._open.marks_ms) if recorder._open is not None else None,
        "muted": recorder.muted,
        "window": camera.radio.window_open,
        "reboot": camera._reboot_at_s,
        "effective": camera.settings.view(ConfigView.EFFECTIVE),
    }


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_kept_is_refused_and_was_not_done(
    bench_at: Callable[[str], Any], disk: Disk, command: str, number: int, lasting: bool
) -> None:
    before, act = COMMANDS[command]
    with bench_at("sound") as bench:
        before(bench)
        disk.arm(-1, number, lasting)
        act(bench)
        disk.disarm()
        calls = disk.calls
        assert bench.outcome == "done" or command in HANDLED
        assert calls >= 2, "each of these is kept"
        log = len(log_of(bench.camera))
    with bench_at("sound") as bench:
        done = seen_of(bench.camera, bench.desk)
        assert len(done["log"]) > log, "the restart is in the log"
    refusals = 0
    for at in range(calls):
        with bench_at(f"at {at}") as bench:
            before(bench)
            old, stood = seen_of(bench.camera, bench.desk), physical(bench.camera)
            disk.arm(at, number, lasting)
            act(bench)
            disk.disarm()
            outcome = bench.outcome
            new = seen_of(bench.camera, bench.desk)
            if outcome.startswith("refused: ") and command not in HANDLED:
                refusals += 1
                assert new == old, f"refused at call {at}, and yet done"
                assert physical(bench.camera) == stood, f"refused at call {at}, and yet done"
            elif outcome == "no answer":
                assert not bench.camera.running, "a device that cannot know starts again"
        with bench_at(f"at {at}") as bench:
            again = seen_of(bench.camera, bench.desk)
        rest = again["log"][: len(new["log"])]
        if outcome in ("no answer", "in doubt"):
            assert rest[: len(old["log"])] == old["log"], "what was there before is"
            continue
        assert rest == new["log"], f"call {at}: after a restart the log is another one"
        surplus = again["log"][len(new["log"]) :]
        assert all(entry.boot_counter == 3 for entry in surplus), f"call {at}: entries came from nowhere"
        ignored = {"log"} | ({"recordings", "annotations"} if command.startswith("record") else set())
        for key in set(again) - ignored:
            assert again[key] == new[key], f"call {at} ({outcome}): after a restart {key} is another one"
    if command not in HANDLED:
        assert refusals, "at least one of the calls matters"


def test_what_is_left_of_one_commit_is_done_before_the_next(
    bench_at: Callable[[str], Any], disk: Disk
) -> None:
    """A disk fails within a commit, when it has already happened, and is sound again for the one behind it."""
    with bench_at("sound") as bench:
        disk.arm(-1, errno.EIO, True)
        bench.put(MarkRecording(**bench.first))
        disk.disarm()
        calls = disk.calls
    left = 0
    for at in range(calls):
        with bench_at(f"at {at}") as bench:
            disk.arm(at, errno.EIO, True)
            bench.put(MarkRecording(**bench.first))
            disk.disarm()
            if not bench.camera.running:
                bench.camera.time.skip(3)
                assert bench.camera.awake()  # and knows by its flash whether it had happened
            marked = bench.camera.listing(0, 1)[0].marked
            left += marked
            bench.put(Assign(officer="K2", revision=bench.camera.assignment.revision))
            assert bench.outcome == "done"
            log = log_of(bench.camera)
        with bench_at(f"at {at}") as bench:
            assert bench.camera.assignment.officer == "K2"
            assert bench.camera.listing(0, 1)[0].marked == marked
            assert log_of(bench.camera)[: len(log)] == log
    assert left > 2, "in some of these runs it had happened"


def test_a_command_that_cannot_be_kept_says_why_and_the_camera_shows_the_fault(
    bench_at: Callable[[str], Any], disk: Disk
) -> None:
    with bench_at("camera") as bench:
        for number, code in ((errno.ENOSPC, ErrorCode.FULL), (errno.EIO, ErrorCode.STORAGE_FAULT)):
            disk.arm(0, number, True)
            bench.put(Assign(officer="K2", revision=bench.camera.assignment.revision))
            disk.disarm()
            assert bench.outcome == f"refused: {code}"
        assert bench.camera.report.faults & Fault.STORAGE_ERROR
        bench.put(Assign(officer="K2", revision=bench.camera.assignment.revision))
        assert bench.outcome == "done", "it works as soon as there is room again"


# What happens by itself


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_a_recording_that_cannot_be_stored_is_stored_later_and_nothing_of_it_is_lost(
    bench_at: Callable[[str], Any], disk: Disk, number: int
) -> None:
    with bench_at("sound") as bench:
        record(bench)
        disk.arm(-1, number, True)
        bench.camera.wearer.stop()
        disk.disarm()
        calls = disk.calls
        (_, _, sound) = bench.camera.listing(0, 9)
    for at in range(calls):
        with bench_at(f"at {at}") as bench:
            record(bench)
            disk.arm(at, number, True)
            bench.camera.wearer.stop()
            bench.camera.time.skip(30)
            bench.camera.settle()
            disk.disarm()
            bench.camera.time.skip(30)
            bench.camera.settle()
            found = bench.camera.listing(0, 9)
            assert len(found) == 3
            assert found[2].manifest.duration_ms == sound.manifest.duration_ms
            assert len(found[2].annotations) == len(sound.annotations)
            assert [entry.kind for entry in log_of(bench.camera)].count(9) == 1, "closed once, on record once"
        with bench_at(f"at {at}") as bench:
            again = bench.camera.listing(0, 9)
            assert [one.manifest for one in again] == [one.manifest for one in found]
            assert bench.camera.storage.damaged == ()


def test_a_camera_killed_before_its_recording_could_be_stored_recovers_it(
    bench_at: Callable[[str], Any], disk: Disk
) -> None:
    with bench_at("camera") as bench:
        record(bench)
        bench.camera.settle()
        disk.arm(0, errno.ENOSPC, True)
        bench.camera.go_down()
        disk.disarm()
        assert not bench.camera.running
        assert bench.camera.unkept is not None
    with bench_at("camera") as bench:
        (_, _, found) = bench.camera.listing(0, 9)
        assert found.manifest.cut
        assert bench.camera.unkept is None


def test_a_camera_that_cannot_boot_for_want_of_room_boots_when_there_is_room(
    bench_at: Callable[[str], Any], disk: Disk
) -> None:
    with bench_at("camera") as bench:
        camera = bench.camera
        boots = camera.boot_counter
        camera.request_reboot(0.0)
        disk.arm(0, errno.ENOSPC, True)
        for _ in range(5):
            camera.time.skip(3)
            camera.settle()
            assert not camera.awake()
        disk.disarm()
        camera.time.skip(3)
        assert camera.awake()
        assert camera.boot_counter == boots + 1


def test_sessions_are_served_and_their_entries_wait_in_order(
    bench_at: Callable[[str], Any], disk: Disk
) -> None:
    with bench_at("camera") as bench:
        before = log_of(bench.camera)
        disk.arm(0, errno.ENOSPC, True)
        for number in range(3):
            bench.desk.session.note(2, f"session {number}")
        bench.put(ListRecordings())
        assert bench.outcome == "done", "what changes nothing is answered"
        assert log_of(bench.camera) == before, "what is not kept is not told either"
        disk.disarm()
        bench.put(SelfTest())
        told = [entry.detail for entry in log_of(bench.camera)[len(before) :]]
        assert told[:3] == ["session 0", "session 1", "session 2"]
        kept = log_of(bench.camera)
    with bench_at("camera") as bench:
        assert log_of(bench.camera)[: len(kept)] == kept


# Stations


@pytest.fixture
def station_at(tmp_path: Path) -> Callable[[str], Any]:
    @contextmanager
    def at(name: str) -> Iterator[SimStation]:
        station = make_station(2, seed=3, mib=1, docked=1, utc_ns=NOON_NS, state=tmp_path / name)
        try:
            yield station
        finally:
            die(station)

    return at


def ask_station(station: SimStation, request: Any) -> str:
    """How it answers, without a link."""

    class Ends:
        outcome = "no answer"

        def reply(self, request_id: int, reply: Any) -> None:
            self.outcome = "done"

        def refuse(self, request_id: int, code: Any, detail: str = "", retry_after_ms: int = 0) -> None:
            self.outcome = "refused"

        def send_event(self, event: Any) -> None: ...

    peer = PeerInfo(
        kind=PeerKind.HOST,
        identity="tester",
        roles=ANYONE,
        version=(1, 0),
        capabilities=0,
        boot_counter=0,
        firmware_sha256=bytes(32),
        secure=False,
    )
    ends = Ends()
    StationSession(station, ends, peer, STATION).answer(1, request)
    return ends.outcome


def bays_of(station: SimStation) -> list[Any]:
    return [
        (bay.docking, bay.incident, bay.power, bay.data, bay.quarantined, bay.camera is not None)
        for bay in station.bays.values()
    ]


def quarantined(station: SimStation) -> None:
    station.bays[1].heat_dc = 700
    station.settle()
    station.bays[1].heat_dc = 200


def dock_again(station: SimStation) -> str:
    camera = station.cameras()[0]
    try:
        station.undock(1)
        station.dock(2, camera)
    except OSError as error:
        if station.bays[1].camera is None:  # taken out, and not put in
            camera._held.close()
        return "no answer" if isinstance(error, StateDoubtful) else "refused"
    return "done"


STATION_COMMANDS: dict[str, tuple[Callable[[SimStation], None], Callable[[SimStation], str]]] = {
    "power": (lambda s: None, lambda s: ask_station(s, SwitchPower(bay=1, on=False))),
    "data": (lambda s: None, lambda s: ask_station(s, SwitchData(bay=1, on=False))),
    "release": (quarantined, lambda s: ask_station(s, ReleaseBay(bay=1, incident=1))),
    "dock": (lambda s: None, dock_again),
}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("command", STATION_COMMANDS)
def test_a_station_does_not_do_either_what_it_cannot_keep(
    station_at: Callable[[str], Any], disk: Disk, command: str, number: int, lasting: bool
) -> None:
    before, act = STATION_COMMANDS[command]
    with station_at("sound") as station:
        before(station)
        disk.arm(-1, number, lasting)
        assert act(station) == "done"
        disk.disarm()
        calls = disk.calls
    refusals = 0
    for at in range(calls):
        with station_at(f"at {at}") as station:
            before(station)
            old, old_log = bays_of(station), log_of(station)
            disk.arm(at, number, lasting)
            outcome = act(station)
            disk.disarm()
            new, log = bays_of(station), log_of(station)
            if outcome == "refused" and command != "dock":
                refusals += 1
                assert (new, log) == (old, old_log), f"refused at call {at}, and yet done"
        with station_at(f"at {at}") as station:
            again = bays_of(station)
            if outcome != "no answer":
                docked_anew = [(docking + (n == 0), *rest) for n, (docking, *rest) in enumerate(new)]
                assert [one[:5] for one in again] == [one[:5] for one in docked_anew], f"call {at}: {outcome}"
                assert log_of(station)[: len(log)] == log
    assert refusals or command == "dock"


def test_a_hot_bay_is_switched_off_whatever_the_disk_says_and_kept_so_when_it_can_be(
    station_at: Callable[[str], Any], disk: Disk
) -> None:
    with station_at("station") as station:
        disk.arm(0, errno.ENOSPC, True)
        quarantined(station)
        bay = station.bays[1]
        assert bay.quarantined and not bay.power and not bay.data
        disk.disarm()
        station.time.skip(5)
        station.settle()
    with station_at("station") as station:
        assert station.bays[1].quarantined
        assert station.bays[1].incident == 1

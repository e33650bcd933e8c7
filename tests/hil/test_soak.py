"""A soak finds what a device or a store does wrong in the middle of the night, and goes on after a kill."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_protocol.declare import Handlers, Role
from bwc_protocol.evidence import TriggerReason
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.audit import ReadAudit, ReadAuditHead
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import ListPage, ListRecordings, Mark, RecordingEntry
from bwc_sdk.__main__ import main
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.errors import BwcError, MissingExtra
from bwc_sdk.evidence.believing import whom_to_believe
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.offload import OffloadResult
from bwc_sdk.offload.outcome import Missing, Refused, StillOnCamera, StoredVerified
from firmware_sim.handlers import CAMERA
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual
from hil_tests.actuators.actuator import Actuator, Cut, Move
from hil_tests.actuators.at_device import Actuators
from hil_tests.soak import command
from hil_tests.soak.cycle import Options, Soaking, complete
from hil_tests.soak.draw import Drawn, draw
from hil_tests.soak.hands import BenchHands, SimHands
from hil_tests.soak.host_use import HostUse
from hil_tests.soak.invariants import INVARIANTS, InvariantBroken
from hil_tests.soak.journal import HELD, NAME, CycleRecord, Head, Journal, SoakFileError
from hil_tests.soak.ledger import Ledger
from hil_tests.soak.plot import draw_trend, picture_of

Trouble = Callable[[SimHands, Path], None]


def soaked(
    path: Path,
    cycles: int,
    *,
    seed: int = 1,
    trouble_in: int = 0,
    trouble: Trouble | None = None,
    erase: bool = False,
) -> list[CycleRecord]:
    """Cycles in virtual time; before number `trouble_in` something is done to the device or the store."""

    async def run() -> list[CycleRecord]:
        camera = make_camera(seed=5, mib=1, chunk_bytes=65_536, agency=open_lab().agency)
        hands = SimHands(camera, seed=seed)
        who = LabIdentities("soak")
        options = Options(
            folder=path,
            seed=seed,
            erase=erase,
            verify_every=4,
            identity=who,
            believed=whom_to_believe(lab=True),
            destination=who.for_role(Role.DESTINATION, time.time()) if erase else None,
        )
        soaking = Soaking(options, hands, Ledger(), base=World(workers=InlineWorkers()))
        made: list[CycleRecord] = []
        for number in range(1, cycles + 1):
            if number == trouble_in and trouble is not None:
                trouble(hands, path / "store")
            made.append(await soaking.cycle(number))
            if made[-1].result != HELD:
                break
        hands.close()
        return made

    return run_virtual(run())


# All holds


SEED: Final = 11
"""Whose first five cycles have a cut line, and an offload that is stopped and resumed."""


@pytest.mark.parametrize("erase", [pytest.param(False, marks=pytest.mark.ci), True], ids=["kept", "erased"])
def test_a_sound_camera_over_a_bad_line_holds_everything(tmp_path: Path, erase: bool) -> None:
    made = soaked(tmp_path, 5, seed=SEED, erase=erase)
    assert [one.result for one in made] == [HELD] * 5
    last = made[-1]
    assert any(one.interruptions for one in made) and any(one.faults for one in made)
    assert last.stored >= 5 and (last.recordings == 0) is erase and (last.erased == last.stored) is erase
    assert [one.verified for one in made] == ["names"] * 3 + ["all", "names"]
    assert all(one.connect_s is not None and one.battery_pct is not None for one in made)
    assert all(one.clock_offset_ms is not None and one.storage_used is not None for one in made)
    assert not list((tmp_path / "captures").glob("*")), "captures of what held are not kept"


def test_what_a_seed_draws_is_the_same_every_time_and_differs_by_cycle() -> None:
    assert [draw(7, number) for number in range(1, 30)] == [draw(7, number) for number in range(1, 30)]
    drawn = [draw(7, number) for number in range(1, 200)]
    assert len({one.faults for one in drawn}) > 50 and any(not one.faults for one in drawn)
    assert any(one.interrupted_at for one in drawn) and draw(8, 1) != draw(7, 1)


# What does not


def _answering(hands: SimHands, opcode: int, handler: Callable[[Any, Any], Any]) -> None:
    changed: Handlers[Any] = Handlers()
    changed.by_opcode.update(CAMERA.by_opcode | {opcode: handler})
    hands.camera.profile.handlers = changed


def _changed(command: Any, **fields: Callable[[Any], Any]) -> Trouble:
    """A device that says something else in some fields of a reply."""

    def trouble(hands: SimHands, store: Path) -> None:
        right = CAMERA.by_opcode[command.opcode]

        def answer(session: Any, request: Any) -> Any:
            reply = right(session, request)
            return dataclasses.replace(
                reply, **{name: new(getattr(reply, name)) for name, new in fields.items()}
            )

        _answering(hands, command.opcode, answer)

    return trouble


def _loses_one(hands: SimHands, store: Path) -> None:
    hands.camera.lose_recording()


def _lies_of_the_number(hands: SimHands, store: Path) -> None:
    """Loses a recording, and says nothing of it: neither in its listing nor in its account."""
    hands.camera.lose_recording()
    right = CAMERA.by_opcode[ListRecordings.opcode]

    def answer(session: Any, request: Any) -> ListPage:
        page: ListPage = right(session, request)
        moved = tuple(
            dataclasses.replace(one, sequence=number)
            for number, one in enumerate(page.recordings, request.after + 1)
        )
        return dataclasses.replace(page, recordings=moved)

    _answering(hands, ListRecordings.opcode, answer)


def _another_manifest(hands: SimHands, store: Path) -> None:
    right = CAMERA.by_opcode[ListRecordings.opcode]

    def answer(session: Any, request: Any) -> ListPage:
        page: ListPage = right(session, request)
        first = dataclasses.replace(page.recordings[0], manifest_sha256=bytes(32))
        return dataclasses.replace(page, recordings=(first, *page.recordings[1:]))

    _answering(hands, ListRecordings.opcode, answer)


def _fewer_annotations(hands: SimHands, store: Path) -> None:
    right = CAMERA.by_opcode[ListRecordings.opcode]

    def answer(session: Any, request: Any) -> ListPage:
        page: ListPage = right(session, request)
        first = dataclasses.replace(page.recordings[0], annotations=0)
        return dataclasses.replace(page, recordings=(first, *page.recordings[1:]))

    _answering(hands, ListRecordings.opcode, answer)


def _footage(store: Path) -> Path:
    return sorted(one for one in store.iterdir() if one.name.endswith((".mp4", ".sealed")))[0]


def _rots(hands: SimHands, store: Path) -> None:
    found = _footage(store)
    found.chmod(0o600)
    data = bytearray(found.read_bytes())
    data[len(data) // 2] ^= 1
    with found.open("r+b") as file:
        file.write(data)


def _is_written_again(hands: SimHands, store: Path) -> None:
    found = _footage(store)
    copy = store / "copy"
    copy.write_bytes(found.read_bytes())
    copy.rename(found)


def _is_taken_away(hands: SimHands, store: Path) -> None:
    for one in store.glob(f"{_footage(store).name.split('_000_')[0]}*"):
        one.unlink()


def _log_ends_early(hands: SimHands, store: Path) -> None:
    _changed(ReadAuditHead, sequence=lambda number: 3)(hands, store)


def _other_past(hands: SimHands, store: Path) -> None:
    right = CAMERA.by_opcode[ReadAudit.opcode]

    def answer(session: Any, request: Any) -> Any:
        page = right(session, request)
        return dataclasses.replace(page, previous_sha256=bytes(32)) if request.limit == 1 else page

    _answering(hands, ReadAudit.opcode, answer)


def _is_held(hands: SimHands, store: Path) -> None:
    """Another host comes while the camera is docked, and stays."""
    real = hands.back

    async def back(drawn: Drawn) -> None:
        await real(drawn)
        other = MemoryTransport(hands.camera, name="other:")
        who, world = LabIdentities("another"), World(workers=InlineWorkers())
        STAYING.append(await connect(other, role=Role.AUDITOR, identity=who, world=world))

    hands.back = back


STAYING: Final[list[Camera]] = []


def _at_night(*case: Any) -> Any:
    return pytest.param(*case, marks=pytest.mark.night)


@pytest.mark.parametrize(
    ("trouble", "invariant", "said"),
    [
        (_loses_one, "I1", "no longer listed"),
        _at_night(_another_manifest, "I2", "has the manifest"),
        _at_night(_other_past, "I10", "is another one than it was"),
        (_changed(ReadStatus, streams=lambda _: 1), "left", "1 streams are open"),
        _at_night(_lies_of_the_number, "I1", "no longer listed"),
        _at_night(_fewer_annotations, "I10", "things are said"),
        _at_night(_rots, "I2", "another content"),
        _at_night(_is_written_again, "I4", "written again"),
        _at_night(_is_taken_away, "I4", "written again"),
        _at_night(_log_ends_early, "I10", "the log ends at entry 3"),
        _at_night(_is_held, "left", "has another host after 60 s"),
        _at_night(_changed(ReadStatus, boot_counter=lambda _: 0), "I13", "boot_counter went back"),
        _at_night(_changed(ReadClock, revision=lambda _: 0), "I13", "clock revision went back"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_defect_in_the_third_cycle_is_found_in_it(
    tmp_path: Path, trouble: Trouble, invariant: str, said: str
) -> None:
    made = soaked(tmp_path, 4, trouble_in=3, trouble=trouble)
    assert [one.result for one in made[:2]] == [HELD, HELD]
    assert made[-1].cycle in (3, 4), made[-1].result  # rot shows when all footage is read
    assert made[-1].invariant == invariant and said in made[-1].result
    assert list((tmp_path / "captures" / f"cycle-{made[-1].cycle:05d}").glob("*.jsonl"))


def _run_changed(change: Callable[[int, OffloadResult], OffloadResult]) -> Callable[..., Any]:
    """An offload whose result is another one than it was, by its number among those of the soak."""
    real, runs = Soaking._run, [0]

    async def run(self: Soaking, reach: Any, tally: Any) -> OffloadResult:
        runs[0] += 1
        return change(runs[0], await real(self, reach, tally))

    return run


@pytest.mark.ci
def test_what_is_reported_as_stored_and_is_not_there_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(number: int, result: OffloadResult) -> OffloadResult:
        stored = result.outcomes[0]
        assert isinstance(stored, StoredVerified)
        segment = dataclasses.replace(stored.segments[0], path=tmp_path / "nowhere")
        return dataclasses.replace(
            result, outcomes=(dataclasses.replace(stored, segments=(segment,)), *result.outcomes[1:])
        )

    monkeypatch.setattr(Soaking, "_run", _run_changed(gone))
    (made,) = soaked(tmp_path, 1)
    assert made.invariant == "I9" and "reported as stored" in made.result


def test_an_offload_that_brings_something_when_nothing_is_new_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(number: int, result: OffloadResult) -> OffloadResult:
        return dataclasses.replace(result, bytes_received=5) if number == 2 else result

    monkeypatch.setattr("hil_tests.soak.cycle.AGAIN_EVERY", 1)
    monkeypatch.setattr(Soaking, "_run", _run_changed(again))
    (made,) = soaked(tmp_path, 1)
    assert made.invariant == "I5" and "brought 5 bytes" in made.result


@pytest.mark.ci
def test_footage_that_comes_twice_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil_tests.soak.cycle.WASTE", -1)
    (made,) = soaked(tmp_path, 1)
    assert made.invariant == "I11" and "that were not stored" in made.result


@pytest.mark.night
def test_a_final_name_that_is_not_whole_after_a_stop_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Soaking._stop_halfway

    async def stop(self: Soaking, *words: Any) -> None:
        await real(self, *words)
        found = _footage(self.options.store)
        found.chmod(0o600)
        os.truncate(found, 1_000)

    monkeypatch.setattr(Soaking, "_stop_halfway", stop)
    made = soaked(tmp_path, 4, seed=SEED)
    assert made[-1].invariant == "I3" and "after an offload that was stopped" in made[-1].result


def test_what_an_offload_leaves_behind_breaks_the_invariant_that_it_is() -> None:
    entry: Any = RecordingEntry(
        recording=bytes(16), sequence=7, started_utc_ns=0, duration_ms=0, size_bytes=1, segments=1,
        trigger=TriggerReason.VEHICLE, marks=Mark(0), manifest_sha256=bytes(32), annotations=0, category="",
    )  # fmt: skip
    for outcomes, missing, invariant in (
        ((Refused(entry, "another hash"),), (), "I2"),
        ((StillOnCamera(entry, "no more attempts"),), (), "I11"),
        ((), (Missing(3, 4, "not listed"),), "I1"),
    ):
        with pytest.raises(InvariantBroken) as raised:
            complete(OffloadResult("X", outcomes, 0, 0, 0, missing=missing))
        assert raised.value.invariant == invariant


def test_each_invariant_that_is_told_of_is_one_and_growth_is_found() -> None:
    assert {"I1", "I2", "I3", "I4", "I5", "I7", "I9", "I10", "I11", "I13"} <= INVARIANTS.keys()
    before = HostUse(100 << 20, 20, 10)
    HostUse(150 << 20, 30, 14).must_not_exceed(before)
    for grown in (HostUse(400 << 20, 20, 10), HostUse(100 << 20, 60, 10), HostUse(100 << 20, 20, 40)):
        with pytest.raises(InvariantBroken, match="after the first cycles"):
            grown.must_not_exceed(before)
    HostUse(None, None, 10).must_not_exceed(before)  # a system that does not tell
    assert HostUse.now().threads >= 1


def test_a_device_that_is_away_ends_the_soak_and_breaks_nothing(tmp_path: Path) -> None:
    def goes(hands: SimHands, store: Path) -> None:
        hands.camera.dock = lambda: None
        hands.camera.running = False

    with pytest.raises(BwcError) as raised:
        soaked(tmp_path, 3, trouble_in=2, trouble=goes)
    assert raised.value.advice


# The journal

HEAD: Final = Head(
    seed=1,
    device="sim:?seed=5",
    identity="SIM-00000005",
    simulator=True,
    docking="by hand",
    began_utc="2026-11-30T20:00:00Z",
    sdk="0",
    secure=True,
)


def test_a_journal_that_a_kill_tore_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, HEAD)
    journal.add(CycleRecord(cycle=1, learned={"log": (3, "ab")}))
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole + b'{"cycle": 2, "utc')
    again = Journal.resume(tmp_path)
    assert [one.cycle for one in again.cycles] == [1] and (tmp_path / NAME).read_bytes() == whole
    assert Ledger.of(one.learned for one in again.cycles).log == (3, "ab")
    with pytest.raises(SoakFileError, match="has a soak"):
        Journal.begin(tmp_path, HEAD)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"[]\n", b'{"seed": 1}\n', b'{"cycle": 1}\n', b"\xff\xfe\n"]
)
def test_a_file_that_is_no_journal_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(SoakFileError) as raised:
        Journal.resume(tmp_path)
    assert raised.value.advice and (tmp_path / NAME).read_bytes() == content


def test_a_folder_without_a_soak_is_told(tmp_path: Path) -> None:
    with pytest.raises(SoakFileError, match="cannot be read"):
        Journal.resume(tmp_path)


# On a bench


class Switch:
    """An actuator's driver that notes what it is told."""

    moves = frozenset({Move.OFF, Move.ON})
    unattended = True

    def __init__(self) -> None:
        self.told: list[Move] = []

    def move(self, what: Move) -> None:
        self.told.append(what)

    def check(self) -> str:
        return ""

    def __str__(self) -> str:
        return "by a test"


def test_an_actuator_of_the_bench_undocks_and_docks_and_is_on_at_the_end() -> None:
    async def main() -> BenchHands:
        hands = BenchHands("serial:x", Actuators("X60-1", {"vbus_relay": relay}))
        drawn = Drawn((), 60, 60, "", None)
        await hands.away(drawn)
        assert switch.told == [Move.OFF]
        await hands.back(drawn)
        return hands

    switch = Switch()
    relay = Actuator("vbus_relay", frozenset({Cut.VBUS}), switch)
    hands = run_virtual(main())
    assert switch.told == [Move.OFF, Move.ON] and "vbus_relay" in hands.docking
    assert "cuts vbus" in hands.moved[0]
    hands.close()


def test_without_an_actuator_the_link_is_closed_and_the_report_says_so() -> None:
    async def main() -> None:
        hands = BenchHands("serial:x")
        await hands.away(Drawn((), 60, 60, "", None))
        await hands.back(Drawn((), 60, 60, "", None))
        assert "no actuator" in hands.docking and not hands.moved and hands.line("drop=1") == "serial:x"

    run_virtual(main())


# The picture


def test_the_trend_is_drawn_with_what_broke(tmp_path: Path) -> None:
    cycles = [
        CycleRecord(cycle=number, connect_s=0.01, offload_rate=1e6, battery_pct=50, memory_bytes=1 << 20)
        for number in range(1, 9)
    ]
    cycles[3].faults = "drop=0.1"
    cycles[-1].result, cycles[-1].invariant = "I1 does not hold: recording 2", "I1"
    picture = picture_of(HEAD, cycles)
    assert picture.marks == (4.0,) and picture.trouble == (8.0, "I1 does not hold: recording 2")
    assert "SIMULATOR" in picture.title and "I1 broken in cycle 8" in picture.title
    titles = [panel.title for panel in picture.panels]
    assert {"Offload rate", "Connect time", "Battery", "Storage used", "Memory of this host"} <= set(titles)
    draw_trend(HEAD, cycles, tmp_path / "trend.png")
    data = (tmp_path / "trend.png").read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) > 20_000
    draw_trend(HEAD, cycles[:1], tmp_path / "one.png")  # a single cycle is a picture, too


# The command

SIM: Final = "sim:?seed=5"


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["soak", *argv])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_soak_that_was_killed_goes_on_with_what_it_knew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "soak"
    command = [sys.executable, "-m", "bwc_sdk", "soak", "-d", SIM, "--lab", "--report", str(folder)]
    with subprocess.Popen(
        [*command, "--seed", "3", "--no-plot"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:  # in the middle of whatever comes behind the second cycle
            if line.startswith("cycle 2 "):
                break
        os.kill(process.pid, signal.SIGKILL)
    before = len((folder / NAME).read_bytes().splitlines())
    code, out, err = said(capsys, "--resume", str(folder), "--lab", "--cycles", str(before + 1), "--no-plot")
    assert code == 0 and f"all held in {before + 1} cycles" in out, out + err
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    assert [line["cycle"] for line in lines[1:]] == list(range(1, before + 2))
    boots = [line["learned"]["counters"].get("boot_counter") for line in lines[1:]]
    assert 2 in boots, "the simulator was killed, too, and lived on"
    code, _, err = said(capsys, "--resume", str(folder), "--seed", "4", "--no-plot")
    assert code == 2 and "has the seed 3" in err


def test_the_exit_code_says_that_something_broke_and_a_broken_soak_does_not_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SimHands.away

    async def away(self: SimHands, drawn: Drawn) -> None:
        if len(self.camera.storage) >= 2:
            self.camera.lose_recording()
        await real(self, drawn)

    monkeypatch.setattr(SimHands, "away", away)
    folder = str(tmp_path / "soak")
    code, out, _ = said(
        capsys, "-d", SIM, "--lab", "--report", folder, "--seed", "3", "--cycles", "9", "--json"
    )
    told = json.loads(out)["soak"]
    assert code == 20 and told["invariant"] == "I1" and not told["held"]
    assert Path(told["captures"]).is_dir() and Path(told["plot"]).is_file() and told["seed"] == 3
    code, out, _ = said(capsys, "--resume", folder, "--lab")
    assert code == 20 and "I1 does not hold" in out and f"cycle {told['cycles']}, seed 3" in out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((), "--report DIR"),
        (("--report", "x", "--resume", "y"), "--report DIR"),
        (("--report", "x"), "no device is named"),
        (("--report", "x", "-d", SIM, "--until", "25:00"), "no time of the day"),
        (("--report", "x", "-d", SIM, "--role", "bench"), "--role is not for this verb"),
        (("--report", "x", "-d", "sim:?nonsense=1"), "nonsense"),
        (("--report", "x", "-d", SIM, "--use", "cam"), "--bench FILE"),
    ],
)
def test_wrong_usage_is_told_before_the_night(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    argv: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capsys, *argv)
    assert code != 0 and told in err and not out


def test_hardware_is_soaked_only_if_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hardware = f"{SIM}&personality=no-simulator"
    folder = str(tmp_path / "soak")
    code, _, err = said(capsys, "-d", hardware, "--lab", "--report", folder, "--cycles", "1", "--no-plot")
    assert code == 2 and "--expendable does not name it" in err and "--expendable SIM-00000005" in err
    code, out, _ = said(
        capsys, "-d", hardware, "--lab", "--report", folder, "--cycles", "1", "--no-plot",
        "--expendable", "SIM-00000005",
    )  # fmt: skip
    assert code == 0 and "all held in 1 cycles" in out


def test_a_night_without_the_plot_library_ends_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra):
        command._demand_plot()
    code, _, err = said(capsys, "-d", SIM, "--lab", "--report", str(tmp_path / "soak"), "--cycles", "1")
    assert code == 11 and "bwc-sdk[plot]" in err and "--no-plot" in err
    assert not (tmp_path / "soak" / NAME).exists()


def test_no_cycle_begins_after_the_hour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_ends_at", lambda until: 0.0 if until == "06:00" else None)
    argv = ("-d", SIM, "--lab", "--report", str(tmp_path / "soak"), "--until", "06:00", "--no-plot")
    code, out, _ = said(capsys, *argv)
    assert code == 0 and "all held in 0 cycles" in out

"""`bwc bench check`: what would spoil a night is found the evening before, and nothing on a device is changed by it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_protocol.declare import Role
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.sync import connect
from firmware_sim.ports.memory import forget_sims
from hil_tests.actuators.actuator import SWITCHES, Actuator
from hil_tests.actuators.at_device import Actuators
from hil_tests.actuators.person import PersonDriver
from hil_tests.actuators.simulator import RECORD, simulated
from hil_tests.benches import trial
from hil_tests.benches.bench_file import BenchDevice, BenchFile
from hil_tests.benches.checking import BenchCheck, Extent
from hil_tests.benches.command import app
from hil_tests.benches.device_lock import DeviceLock
from hil_tests.benches.finding import Finding, Grade

A = "sim:?seed=77&recordings=1&mib=1"
B = "sim:?seed=78&recordings=1&mib=1"
HARDWARE = A + "&personality=no-simulator"
BAYS = "sim:?seed=7&station=2&recordings=0"
SERIAL_A, SERIAL_B = "SIM-0000004D", "SIM-0000004E"
RIGHT = HostTime(True, 1_000_000, "kernel")


@pytest.fixture(autouse=True)
def _new_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


def at(uri: str, *names: str, of: str | None = None) -> dict[str, Actuator]:
    """Actuators at a simulated device, or wired to another one."""
    found = [simulated(name, of or uri, None) for name in names]
    return {one.name: one for one in found if one is not None}


def device(name: str, uri: str = A, serial: str = SERIAL_A, **more: object) -> BenchDevice:
    return BenchDevice(name=name, uri=uri, serial_number=serial, **more)


def checked(*devices: BenchDevice, clock: HostTime = RIGHT, **extent: bool) -> list[Finding]:
    findings: list[Finding] = []
    bench = BenchFile(Path("bench.toml"), {one.name: one for one in devices})
    BenchCheck(bench, Extent(**extent), findings.append, clock=lambda: clock).run()
    return findings


def by_place(findings: list[Finding], *, worse_than: Grade = Grade.GOOD) -> Mapping[str, str]:
    """What was found where, but for what is well."""
    bad = [one for one in findings if one.grade is not worse_than]
    assert all(one.advice for one in bad), bad
    return {one.where: one.found for one in bad}


def state(uri: str) -> tuple[object, ...]:
    """What a check must leave as it was."""
    with connect(uri, role=Role.AUDITOR, lab=True) as camera:
        status = camera.device.status()
        return (
            (status.boot_counter, status.docked),
            camera.config.state(),
            camera.assignment.read(),
            camera.clock.read().revision,
            camera.recordings.list(),
        )


def test_a_sound_bench_is_ready_and_its_devices_are_as_they_were() -> None:
    before = state(A), state(B)
    found = checked(
        device("one", actuators=at(A, "vbus_relay", "battery_cut", RECORD)),
        device("two", B, SERIAL_B, actuators=at(B, "vbus_relay")),
    )
    assert by_place(found) == {}
    said = {one.where: one.found for one in found}
    assert said["one"].startswith(f"SimCam 1 {SERIAL_A}, firmware 1.0.0, simulator, LAB session")
    assert said["one.vbus_relay"] == "cuts vbus: the device shows that its supply went; two stayed"
    assert said["one.battery_cut"] == "is not moved: --lose-power tries what takes the battery"
    assert said[f"one.{RECORD}"] == "is not pressed: that would change the device"
    assert (state(A), state(B)) == before


def test_a_relay_at_another_device_is_found_with_the_one_that_it_is_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "SHOWS_S", 0.3)
    found = checked(
        device("one", actuators=at(A, "vbus_relay", of=B)),
        device("two", B, SERIAL_B),
    )
    told = by_place(found)["one.vbus_relay"]
    assert "still shows that it is fed" in told and told.endswith("; and two is out of its dock")
    assert state(B)[0][1], "it is back in its dock"


def test_a_relay_of_another_bay_is_found_and_one_s_own_takes_the_camera_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "GONE_S", 0.3)
    bays = [f"{BAYS}&bay={number}" for number in (1, 2)]
    serials = [state_serial(uri) for uri in bays]
    right = checked(
        device("one", bays[0], serials[0], actuators=at(bays[0], "bay_relay")),
        device("two", bays[1], serials[1], actuators=at(bays[1], "bay_relay")),
    )
    assert by_place(right) == {}
    found = {one.where: one.found for one in right}
    assert (
        found["two.bay_relay"] == "cuts data and vbus: the device is gone, and back when it is on; one stayed"
    )
    wrong = checked(
        device("one", bays[0], serials[0], actuators=at(bays[0], "bay_relay", of=bays[1])),
        device("two", bays[1], serials[1]),
    )
    told = by_place(wrong)["one.bay_relay"]
    assert "still answers 0.3 s later; and two is gone" in told


def state_serial(uri: str) -> str:
    with connect(uri, role=Role.AUDITOR, lab=True) as camera:
        return camera.identity


def test_power_is_taken_only_where_it_is_asked_for_and_of_what_is_expendable() -> None:
    cell = at(A, "battery_cut")
    boot = state(A)[0]
    found = checked(device("one", actuators=cell), lose_power=True)
    assert by_place(found) == {}
    assert found[-1].found == "cuts vbus and battery: the device restarted"
    assert state(A)[0] != boot
    boot = state(HARDWARE)[0]
    cell = at(HARDWARE, "battery_cut")
    spared = checked(device("one", HARDWARE, actuators=cell), lose_power=True)
    assert spared[-1].found == "is not moved: it takes the battery, and the device is not expendable"
    assert state(HARDWARE)[0] == boot
    taken = checked(device("one", HARDWARE, actuators=cell, expendable=True), lose_power=True)
    assert taken[-1].found == "cuts vbus and battery: the device restarted"


def test_a_device_that_records_keeps_its_supply() -> None:
    there = at(A, "vbus_relay", RECORD)
    Actuators("X", there).press(RECORD)
    assert (
        by_place(checked(device("one", actuators=there)))["one.vbus_relay"]
        == "is not moved: the device records"
    )


def test_what_a_run_that_was_killed_left_off_is_on_again_and_told() -> None:
    uri = f"{BAYS}&bay=2"
    serial, there = state_serial(uri), at(f"{BAYS}&bay=2", "bay_relay")
    Actuators("X", there).off("bay_relay")
    still = checked(device("one", uri, serial, actuators=there), move=False)
    assert "one" in by_place(still), "nothing was moved"
    told = by_place(checked(device("one", uri, serial, actuators=there)))
    assert told == {"one": "was silent until its actuators were switched on"}


def test_another_device_none_and_one_that_is_taken_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    lock = DeviceLock.take("SIM-00000050")
    found = by_place(
        checked(
            device("other", B),
            device("gone", f"tcp:127.0.0.1:{port}", "SIM-0000004F"),
            device("taken", "sim:?seed=80", "SIM-00000050"),
            device("keys", "sim:?seed=81", "SIM-00000051", identity=Path("/nowhere")),
        )
    )
    lock.release()
    assert f"it is '{SERIAL_B}', not '{SERIAL_A}'" in found["other"]
    assert "nobody answers" in found["gone"]
    assert "is taken by process" in found["taken"] and found["taken"].endswith(": nothing more was tried")
    assert "there is no directory /nowhere" in found["keys"]
    DeviceLock.take(SERIAL_A).release()


def test_a_clock_that_nobody_keeps_is_a_problem_and_one_that_nobody_knows_is_told() -> None:
    (wrong, *_) = checked(device("one"), clock=HostTime(False, 0, "kernel"))
    assert (wrong.where, wrong.grade) == ("host", Grade.PROBLEM)
    (unknown, *_) = checked(device("one"), clock=HostTime(None, 0))
    assert unknown.grade is Grade.WARNING


def test_a_person_is_asked_only_where_somebody_is_said_to_be() -> None:
    one = Actuator("vbus_relay", SWITCHES["vbus_relay"], PersonDriver({}, 1, "/dev/null/tty"))
    found = checked(device("one", actuators={"vbus_relay": one}))
    assert found[-1].found == "a person, who is not asked" and found[-1].grade is Grade.WARNING


def test_a_budget_that_is_spent_is_told_and_looking_counts_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "bwc" / "flash_wear" / f"{SERIAL_A}.json"
    left = checked(device("one", flash_wear_budget_gib=2.0))
    assert [one.found for one in left if "wear" in one.found] == [
        "flash wear: 0.0 of 2 GiB written before this run, in 0"
    ]
    assert not kept.exists()
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"spent_bytes": 3 << 30, "runs": 9}))
    told = by_place(checked(device("one", flash_wear_budget_gib=2.0)))["one"]
    assert (
        told
        == "its flash-wear budget is spent, and it is only read: 3.0 of 2 GiB written before this run, in 9"
    )
    kept.write_text("{")
    assert (
        "does not say what was written" in by_place(checked(device("one", flash_wear_budget_gib=2.0)))["one"]
    )


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """`bwc bench check`: its exit code, and what it says."""
    with pytest.raises(SystemExit) as ended:
        app(["check", *words])
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


def test_its_user_gets_a_line_a_finding_or_json_and_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench.toml").write_text(
        f"""
        [devices.one]
        uri = "{A}"
        serial_number = "{SERIAL_B}"
        [devices.one.actuators.vbus_relay]
        driver = "command"
        off = ["no-such-relay"]
        on = ["no-such-relay"]
        """
    )
    monkeypatch.chdir(tmp_path)
    code, plain, _ = run(capsys, "bench.toml", "--still")
    assert code == ExitCode.BENCH_NOT_READY
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in plain.splitlines()}
    assert lines["one.vbus_relay"] == [
        "problem",
        "there is no program no-such-relay that this user may run",
        "install it, or correct the bench file; paths begin at its directory",
    ]
    assert lines["one"][0] == "problem" and lines["one"][2].startswith("plug in the one that is expected")
    said = json.loads(run(capsys, "bench.toml", "--still", "--json")[1])["bench"]
    assert said["file"] == "bench.toml" and said["ready"] is False
    assert {one["where"] for one in said["findings"]} == {"host", "one", "one.vbus_relay"}
    code, _, missing = run(capsys, "bench.tml")
    assert code == ExitCode.BAD_DESTINATION and "try: is the path right?" in missing
    code, _, named = run(capsys, "bench.toml", "--device", "sim:")
    assert code == ExitCode.USAGE and "the bench file does" in named

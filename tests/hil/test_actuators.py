"""Actuators of a bench: each is moved or says why not, in a bounded time, and what it cuts is on record.

Commands, named pipes, terminals and simulators are real. A hub that switches its ports is not at hand: `UHUBCTL` stands
for the program, and prints what that documents and what is seen of it in its issues (mvp/uhubctl 2.6.0).
"""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_sdk.sync import SyncDockingStation, connect, connect_station
from firmware_sim.ports.memory import forget_sims
from hil_tests.actuators.actuator import ENTIRE_SUPPLY, Actuator, ActuatorFailed, Cut, Move, NoSuchActuator
from hil_tests.actuators.at_device import Actuators
from hil_tests.actuators.command import CommandDriver
from hil_tests.actuators.person import PersonDriver
from hil_tests.actuators.simulator import all_simulated, simulated
from hil_tests.actuators.uhubctl import HubDriver
from hil_tests.benches.bench_file import parse_bench
from hil_tests.run.acting import actuators_there
from hil_tests.run.under_test import UnderTest

pytest_plugins = ["pytester"]

BOUND_S = 30.0
SIM = "sim:?seed=77&recordings=1&mib=1"


@pytest.fixture(autouse=True)
def _new_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


def command(tmp_path: Path, *line: str, timeout_s: float = BOUND_S) -> CommandDriver:
    return CommandDriver({Move.OFF: line, Move.ON: line}, timeout_s, tmp_path)


# A command of the lab's own


def test_a_command_is_run_as_words_beside_the_bench_file_and_by_no_shell(tmp_path: Path) -> None:
    script = tmp_path / "relay"
    script.write_text('#!/bin/sh\nprintf "%s|" "$@" >> said\n')
    script.chmod(0o755)
    CommandDriver({Move.OFF: ("./relay", "off 1", "$HOME; *")}, BOUND_S, tmp_path).move(Move.OFF)
    assert (tmp_path / "said").read_text() == "off 1|$HOME; *|"


def test_a_command_that_fails_says_its_last_words_and_nothing_of_the_device(tmp_path: Path) -> None:
    with pytest.raises(ActuatorFailed, match=r"ended with 3: no \?relay here(\n|$)"):
        command(tmp_path, "sh", "-c", "printf 'no \\033relay here'; exit 3").move(Move.OFF)
    with pytest.raises(ActuatorFailed, match=r"^bench: nowhere/relay cannot be started: No such file"):
        command(tmp_path, "nowhere/relay").move(Move.OFF)
    with pytest.raises(ActuatorFailed, match="there is no program nowhere/relay that this user may run"):
        command(tmp_path, "nowhere/relay").check()
    assert command(tmp_path, "sh", "-c", "exit 1").check() == "", "looking moves nothing"


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    hangs = command(tmp_path, "sh", "-c", "sleep 600 3> alive & wait", timeout_s=0.5)
    ended = threading.Event()

    def watch() -> None:
        with pipe.open("rb") as alive:
            alive.read()  # until nobody has it open for writing any more
        ended.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with pytest.raises(ActuatorFailed, match=r"did not end within 0\.5 s, and was ended"):
        hangs.move(Move.OFF)
    assert ended.wait(BOUND_S)


def test_what_a_command_leaves_running_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    command(tmp_path, "sh", "-c", "cat end & exit 0").move(Move.OFF)  # `cat` holds its output open
    (tmp_path / "end").write_text("")


# A simulator


@contextmanager
def sim(tmp_path: Path, *options: str) -> Iterator[tuple[str, Path]]:
    """`bwc sim --control` in a process of its own: its URI, and its named pipe."""
    hands = tmp_path / "hands"
    os.mkfifo(hands)
    words = ["sim", "--seed", "77", "--recordings", "1", "--mib", "1", "--control", str(hands), *options]
    process = subprocess.Popen([sys.executable, "-m", "bwc_sdk", *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), hands
    finally:
        process.terminate()
        process.communicate(timeout=BOUND_S)


def test_hands_at_a_simulator_of_another_process_take_its_power_and_its_dock(tmp_path: Path) -> None:
    with sim(tmp_path) as (uri, hands):
        there = Actuators("X", all_simulated(uri, hands))
        assert [one.name for one in there] == ["data_switch", "vbus_relay", "battery_cut", "button_record"]
        with connect(uri, lab=True) as camera:
            docked = camera.device.status().docked
            there.off("vbus_relay")
            until(lambda: camera.device.status().docked is not docked)
            there.restore()
            until(lambda: camera.device.status().docked is docked)
        assert there.moved == [
            "vbus_relay off (cuts vbus), by the hands at a simulator",
            "vbus_relay on, by the hands at a simulator",
        ]
    with pytest.raises(ActuatorFailed, match=r"no simulator takes commands from .*hands: No such device"):
        there.lose_power()


def until(holds: object) -> None:
    """Until a device is so, within its own pace; bounded by the test's time."""
    assert callable(holds)
    while not holds():
        pass


@pytest.mark.parametrize("kind", ["file", "nothing"])
def test_a_control_that_no_simulator_reads_is_told(tmp_path: Path, kind: str) -> None:
    hands = tmp_path / "hands"
    if kind == "file":
        hands.write_text("")
    one = all_simulated("tcp:127.0.0.1:1", hands)["battery_cut"]
    for act in (lambda: one.driver.move(Move.CYCLE), one.driver.check):
        with pytest.raises(ActuatorFailed) as caught:
            act()
        assert caught.value.advice.startswith(("make one, 'mkfifo ", "start it: 'bwc sim --control "))


def test_a_bay_relay_takes_a_camera_out_of_a_station_of_this_process_and_no_other(tmp_path: Path) -> None:
    uri = "sim:?seed=7&station=2&recordings=0"
    relay = simulated("bay_relay", f"{uri}&bay=2", None)
    assert relay is not None and relay.cuts == {Cut.DATA, Cut.VBUS}
    there = Actuators("X", {"bay_relay": relay})
    with connect_station(uri, lab=True) as station:
        there.off("bay_relay")
        assert occupied(station) == [True, False]
        with pytest.raises(ActuatorFailed, match="'undock 2': error refused: "):
            there.off("bay_relay")
        there.restore()
        assert occupied(station) == [True, True]


def occupied(station: SyncDockingStation) -> list[bool]:
    return [bay.present for bay in station.bays.list()]


def test_a_simulator_has_what_it_can_do_and_hardware_has_nothing_of_itself() -> None:
    both = {"data_switch", "battery_cut", "button_record"}
    assert set(all_simulated(SIM, None)) == both | {"vbus_relay"}
    assert set(all_simulated(f"{SIM}&station=2&bay=1", None)) == both | {"bay_relay"}
    assert all_simulated("serial:/dev/ttyACM0", None) == {}


# A hub

UHUBCTL = """#!/usr/bin/env python3
import json, sys
from pathlib import Path
state = Path(__file__).with_name("hub.json")
hub = json.loads(state.read_text())
with Path(__file__).with_name("calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
asked = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if asked["-l"] not in hub["halves"]:
    print(f"No compatible devices detected at location {asked['-l']}!", file=sys.stderr)
    print("Run with -h to get usage info.", file=sys.stderr)
    sys.exit(1)
def show(when, at, says):
    on = "0503 power highspeed enable connect [1209:0001 off camera]"
    print(f"{when} status for hub {at} [{says}]")
    print(f"  Port {asked['-p']}: " + (on if hub["on"][at] else "0000 off"))
for at, says in hub["halves"].items():
    show("Current", at, says)
    if "-a" in asked:
        if at not in hub["stuck"]:
            hub["on"][at] = asked["-a"] == "on"
        print(f"Sent power {asked['-a']} request")
        show("New", at, says)
state.write_text(json.dumps(hub))
"""
USB2 = ("1-4", "2109:2817 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps")
USB3 = ("2-4", "2109:0817 VIA Labs, Inc. USB3.0 Hub, USB 3.00, 4 ports, ppps")


def hub(tmp_path: Path, *halves: tuple[str, str], stuck: tuple[str, ...] = ()) -> HubDriver:
    """A hub of these halves; what is `stuck` stays powered, whatever it is told."""
    known = dict(halves)
    state = {"halves": known, "on": dict.fromkeys(known, True), "stuck": stuck}
    (tmp_path / "hub.json").write_text(json.dumps(state))
    program = tmp_path / "uhubctl"
    program.write_text(UHUBCTL)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return HubDriver("1-4", 2, (str(program),), BOUND_S, tmp_path)


def test_a_port_of_a_hub_goes_off_and_on_with_both_halves(tmp_path: Path) -> None:
    one = hub(tmp_path, USB3, USB2)
    assert one.check() == ""
    one.move(Move.OFF)
    assert json.loads((tmp_path / "hub.json").read_text())["on"] == {"2-4": False, "1-4": False}
    one.move(Move.ON)
    assert json.loads((tmp_path / "hub.json").read_text())["on"] == {"2-4": True, "1-4": True}
    assert (tmp_path / "calls").read_text().splitlines() == [
        "-l 1-4 -p 2", "-l 1-4 -p 2 -a off", "-l 1-4 -p 2 -a on",
    ]  # fmt: skip


def test_a_hub_that_ends_with_0_and_switched_nothing_has_failed(tmp_path: Path) -> None:
    with pytest.raises(
        ActuatorFailed, match="port 2 of hub 2-4 is still powered after uhubctl switched it off"
    ):
        hub(tmp_path, USB3, USB2, stuck=("2-4",)).move(Move.OFF)


def test_a_half_alone_is_told_and_a_hub_that_is_not_there_too(tmp_path: Path) -> None:
    assert "uhubctl sees one half" in hub(tmp_path, USB2).check()
    absent = hub(tmp_path)
    with pytest.raises(ActuatorFailed, match="No compatible devices detected at location 1-4!") as caught:
        absent.check()
    assert "this user may not open them (udev rules of uhubctl)" in caught.value.advice
    other = HubDriver("1-4", 2, ("echo", "Port 2: nothing"), BOUND_S, tmp_path)
    with pytest.raises(ActuatorFailed, match="said nothing of port 2 of hub 1-4"):
        other.move(Move.OFF)


# A person


def test_a_person_reads_what_to_do_and_presses_enter() -> None:
    host, terminal = pty.openpty()
    try:
        os.write(host, b"\n")  # of before: no answer to what nobody has read yet
        person = PersonDriver({Move.OFF: "Take the battery out"}, BOUND_S, os.ttyname(terminal))
        asked = b""

        def answer() -> None:
            nonlocal asked
            while b"press Enter (within 30 s): " not in asked:
                asked += os.read(host, 1024)
            os.write(host, b"done\n")

        other = threading.Thread(target=answer, daemon=True)
        other.start()
        person.move(Move.OFF)
        other.join(BOUND_S)
        assert b"Take the battery out, and press Enter" in asked
        slow = PersonDriver({Move.OFF: "Take the battery out"}, 0.2, os.ttyname(terminal))
        with pytest.raises(ActuatorFailed, match=r"nobody pressed Enter within 0\.2 s"):
            slow.move(Move.OFF)
    finally:
        os.close(host)
        os.close(terminal)


def test_nobody_is_asked_in_a_run_that_nobody_attends(tmp_path: Path) -> None:
    one = Actuator(
        "battery_cut", ENTIRE_SUPPLY, PersonDriver({Move.OFF: "x", Move.ON: "y"}, 1, "/dev/null/tty")
    )
    unattended = Actuators("X", {"battery_cut": one})
    with pytest.raises(
        NoSuchActuator, match="battery_cut of X is a person: --bwc-attended says that somebody is"
    ):
        unattended.off("battery_cut")
    with pytest.raises(NoSuchActuator, match="nothing at X cuts vbus and battery"):
        unattended.lose_power()
    attended = Actuators("X", {"battery_cut": one}, attended=True)
    with pytest.raises(NoSuchActuator, match="this run has no terminal"):
        attended.off("battery_cut")


# Several together


class Told:
    """A driver that only takes note."""

    unattended = True

    def __init__(
        self, log: list[str], name: str, moves: frozenset[Move] = frozenset({Move.OFF, Move.ON})
    ) -> None:
        self.moves, self._log, self._name = moves, log, name
        self.fails: set[Move] = set()

    def move(self, what: Move) -> None:
        if what in self.fails:
            raise ActuatorFailed("it is stuck", advice="oil it")
        self._log.append(f"{self._name} {what}")

    def check(self) -> str:
        return ""


def test_the_fewest_that_cut_it_all_are_chosen_and_a_pulled_cable_is_no_loss_of_power() -> None:
    log: list[str] = []
    cable = Actuator("data_switch", frozenset({Cut.DATA}), Told(log, "cable"))
    vbus = Actuator("vbus_relay", frozenset({Cut.VBUS, Cut.DATA}), Told(log, "vbus"))
    cell = Actuator("battery_cut", frozenset({Cut.BATTERY}), Told(log, "cell"))
    there = Actuators("X", {one.name: one for one in (cable, vbus)})
    with pytest.raises(NoSuchActuator, match="nothing at X cuts battery"):
        there.lose_power()
    assert log == []
    there = Actuators("X", {one.name: one for one in (cable, vbus, cell)})
    there.cycle("vbus_relay", "battery_cut", off_s=0)
    assert log == ["vbus off", "cell off", "cell on", "vbus on"]
    assert [one.name for one in there.that_cut({Cut.DATA})] == ["data_switch"], "it cuts nothing else"
    assert {one.name for one in there.that_cut(ENTIRE_SUPPLY)} == {"vbus_relay", "battery_cut"}
    with pytest.raises(NoSuchActuator, match="nothing at X cuts vbus, and leaves its data"):
        there.that_cut({Cut.VBUS}, sparing={Cut.DATA})
    both = Actuator("battery_cut", ENTIRE_SUPPLY, Told(log, "both", frozenset({Move.CYCLE})))
    assert Actuators("X", {"vbus_relay": vbus, "battery_cut": both}).that_cut(ENTIRE_SUPPLY) == (both,)


def test_what_failed_halfway_is_switched_on_again_and_one_that_is_stuck_spares_no_other() -> None:
    log: list[str] = []
    first, second = Told(log, "first"), Told(log, "second")
    there = Actuators(
        "X",
        {
            "vbus_relay": Actuator("vbus_relay", frozenset({Cut.VBUS}), first),
            "battery_cut": Actuator("battery_cut", frozenset({Cut.BATTERY}), second),
        },
    )
    second.fails = {Move.OFF, Move.ON}
    with pytest.raises(
        ActuatorFailed, match=r"^X: bench: battery_cut off: it is stuck\ntry: oil it$"
    ) as caught:
        there.lose_power(off_s=0)
    assert caught.value.advice == "oil it"
    assert there.left_off == ("vbus_relay", "battery_cut")
    with pytest.raises(ActuatorFailed, match="battery_cut on: it is stuck"):
        there.restore()
    assert log == ["first off", "first on"] and there.left_off == ("battery_cut",)


# In a run of the suite

LEAVES_OFF = """
import pytest

def test_leaves_it_off(actuators, camera):
    actuators.off("vbus_relay")

def test_finds_it_on(actuators, camera):
    assert camera.device.status().docked

def test_wants_what_is_not_there(actuators):
    actuators.press("button_horn")

def test_wants_hands(actuators):
    actuators.press("button_record")
"""


def test_what_a_test_leaves_off_is_on_again_and_what_is_missing_is_not_tested(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(LEAVES_OFF)
    result = pytester.runpytest_inprocess("--bwc-device", SIM, "-v", "-rs")
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["*not tested: no button_horn is at SIM-0000004D: a bench file names one, *"])


def test_a_relay_that_fails_is_no_verdict_on_the_device_and_the_report_says_what_was_cut(
    pytester: pytest.Pytester,
) -> None:
    pytester.path.joinpath("bench.toml").write_text(
        f"""
        [devices.one]
        uri = "{SIM}"
        serial_number = "SIM-0000004D"
        [devices.one.actuators.vbus_relay]
        driver = "command"
        off = ["false"]
        on = ["true"]
        [devices.one.actuators.battery_cut]
        driver = "simulator"
        """
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.rule("REC-032")
        def test_relay(actuators):
            actuators.off("vbus_relay")

        @pytest.mark.rule("REC-040")
        def test_cell(actuators):
            actuators.lose_power()
        """
    )
    pytester.runpytest_inprocess("--bwc-bench", "bench.toml", "--bwc-report", "report")
    report = json.loads(pytester.path.joinpath("report", "conformance.json").read_text())
    assert report["actuators"] == [
        "vbus_relay (by the command false and true): cuts vbus",
        "battery_cut (by the hands at a simulator): cuts vbus and battery",
    ]
    (relay,) = report["requirements"]["REC-032"]["tests"]
    assert report["requirements"]["REC-032"]["verdict"] == "INCONCLUSIVE"
    assert "an actuator of the bench: SIM-0000004D: bench: vbus_relay off: false ended with 1" in relay["why"]
    assert relay["moved"] == [
        "vbus_relay off failed: false ended with 1",
        "vbus_relay on, by the command false and true",
    ]
    (cell,) = report["requirements"]["REC-040"]["tests"]
    assert cell["moved"] == ["battery_cut cycle (cuts vbus and battery), by the hands at a simulator"]


def test_a_simulator_needs_no_table_in_a_bench_file_either_and_one_that_has_one_has_what_it_names() -> None:
    def there(text: str, name: str) -> set[str]:
        entry = parse_bench(text, Path("bench.toml")).devices[name]
        return {
            *actuators_there(
                UnderTest(
                    uri=entry.uri,
                    control=entry.control,
                    entry=entry,
                    expendable=None,
                    identity=None,
                    insecure=False,
                )
            )
        }

    every = {"data_switch", "vbus_relay", "battery_cut", "button_record"}
    sim = "[devices.a]\nuri = 'sim:'\nserial_number = 'A'\n"
    far = "[devices.a]\nuri = 'tcp:127.0.0.1:7000'\nserial_number = 'A'\n"
    assert there(sim, "a") == there(far + "control = 'hands'\n", "a") == every
    assert there(far, "a") == set(), "nobody says that it is a simulator"
    named = sim + "[devices.a.actuators.battery_cut]\ndriver = 'simulator'\n"
    assert there(named, "a") == {"battery_cut"}
    bay = "[devices.a]\nserial_number = 'A'\n[devices.rack]\nuri = 'sim:?station=2'\nserial_number = 'R'\n"
    bay += "bays = { 2 = 'a' }\n"
    assert there(bay, "a") == every - {"vbus_relay"} | {"bay_relay"}
    assert there(bay, "rack") == set(), "a station is not undocked"

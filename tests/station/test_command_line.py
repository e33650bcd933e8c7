"""`bwc station`, `bwc … ?bay=N` and the blocking twin: the same station by other doors."""

import json
from collections.abc import Callable
from itertools import count

import pytest

import bwc_sdk.sync
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.station import BayState
from bwc_sdk.__main__ import main
from bwc_sdk.errors import WrongDevice
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.handlers import identity as device_handlers
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation

Bwc = Callable[..., tuple[int, str, str]]
_seeds = count(70_000, 100)


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
    """A fresh station with three cameras. The same URI is the same station."""
    return f"sim:?seed={next(_seeds)}&station=3&recordings=1&mib=1"


def document(ran: tuple[int, str, str]) -> dict[str, object]:
    code, out, err = ran
    assert code == 0, err
    return json.loads(out)


def test_a_station_is_shown_with_identity_state_and_clock(bwc: Bwc, uri: str) -> None:
    shown = document(bwc("station", "show", "--json", "-d", uri))
    assert shown["identity"]["kind"] == "station" and shown["station"]["bays"] == 3
    assert shown["clock"]["state"] == "synced"
    code, out, _ = bwc("station", "show", "-d", uri)
    assert code == 0 and "bays\t3" in out


def test_what_a_light_says_is_said_for_a_time_and_taken_back(bwc: Bwc, uri: str) -> None:
    said = document(bwc("station", "verdict", "2", "take-me", "--for", "90", "--json", "-d", uri))["bay"]
    assert (said["led"], said["verdict"], said["verdict_lease_s"]) == ("take-me", "take-me", 90)
    bwc("station", "verdict", "2", "needs-attention", "--for", "90", "-d", uri)  # take-me ends with the link
    shown = document(bwc("station", "bay", "2", "--json", "-d", uri))["bay"]
    assert shown["verdict"] == "needs-attention" and 0 < shown["verdict_lease_s"] <= 90
    _, listed, _ = bwc("station", "bays", "-d", uri)
    (left,) = (line for line in listed.splitlines() if line.startswith("bay.2.verdict_lease_s\t"))
    assert int(left.rpartition("\t")[2]) > 0
    none = document(bwc("station", "verdict", "2", "none", "--json", "-d", uri))["bay"]
    assert (none["led"], none["verdict"], none["verdict_lease_s"]) == ("charging", "none", 0)


def test_whoever_types_that_a_camera_can_be_taken_is_told_that_nobody_checked_it(bwc: Bwc, uri: str) -> None:
    code, out, told = bwc("station", "verdict", "2", "take-me", "-d", uri)
    assert code == 0 and "take-me" in out
    assert "nobody has checked this camera for that word: 'bwc check -d URI?bay=2' does" in told
    for other in ("busy", "none"):
        assert "checked" not in bwc("station", "verdict", "2", other, "-d", uri)[2]


def test_a_bay_is_locked_for_a_time_and_unlocked(bwc: Bwc, uri: str) -> None:
    assert document(bwc("station", "lock", "1", "--for", "30", "--json", "-d", uri))["bay"]["lock_s"] == 30
    assert document(bwc("station", "unlock", "1", "--json", "-d", uri))["bay"]["lock_s"] == 0


@pytest.mark.parametrize(
    ("argv", "advice"),
    [
        (("verdict", "2", "busy"), "try: the lights of this station show only what it knows itself"),
        (("lock", "2"), "try: the bays of this station have no locks"),
    ],
)
def test_a_station_without_lights_or_locks_is_said_to_have_none(
    bwc: Bwc, uri: str, argv: tuple[str, ...], advice: str
) -> None:
    bwc("station", "bays", "-d", uri)
    station = transport_for(DeviceUri.parse(uri)).camera
    station.profile.capabilities &= ~(Capability.BAY_LIGHTS | Capability.BAY_LOCKS)
    code, _, err = bwc("station", *argv, "-d", uri)
    assert code and "unsupported" in err and advice in err


@pytest.mark.parametrize("argv", [("verdict", "2", "busy"), ("lock", "2"), ("unlock", "2")])
def test_of_a_bay_that_is_empty_nothing_is_said_or_held(bwc: Bwc, uri: str, argv: tuple[str, ...]) -> None:
    bwc("station", "bays", "-d", uri)
    transport_for(DeviceUri.parse(uri)).camera.undock(2)
    code, _, err = bwc("station", *argv, "-d", uri)
    assert code and "try: 'bwc station bay 2' shows whether there is a camera in it" in err


def test_bays_are_listed_in_a_pipe_by_the_names_of_their_values(bwc: Bwc, uri: str) -> None:
    bays = document(bwc("station", "bays", "--json", "-d", uri))["bays"]
    assert [bay["bay"] for bay in bays] == [1, 2, 3]
    code, out, _ = bwc("station", "bays", "-d", uri)
    told = dict(line.split("\t") for line in out.splitlines())
    assert code == 0 and [told[f"bay.{bay}.state"] for bay in (1, 2, 3)] == ["linked"] * 3
    assert told["bay.2.charge_ma"] == str(bays[1]["charge_ma"]) and told["bay.3.led"] == bays[2]["led"]
    _, one, _ = bwc("station", "bay", "2", "-d", uri)
    ways = {line.partition("\t")[0] for line in one.splitlines()}
    assert {name.removeprefix("bay.2.") for name in told if name.startswith("bay.2.")} == ways


def test_a_bay_is_switched_and_says_so(bwc: Bwc, uri: str) -> None:
    for what in ("power", "data"):
        for word, on in (("off", False), ("on", True)):
            shown = document(bwc("station", "bay", "2", what, word, "--json", "-d", uri))
            assert shown["bay"][what] is on
            again = document(bwc("station", "bay", "2", "--json", "-d", uri))
            assert again["bay"][what] is on
    shown = document(bwc("station", "bay", "2", "identify", "--json", "-d", uri))
    assert shown["bay"]["led"] == "identify"
    stopped = document(bwc("station", "bay", "2", "identify", "0", "--json", "-d", uri))
    assert stopped["bay"]["led"] != "identify"


@pytest.mark.parametrize(
    "argv",
    [
        ("2", "power"),
        ("2", "power", "maybe"),
        ("2", "data", "1"),
        ("2", "identify", "long"),
        ("2", "release"),
        ("2", "explode"),
        ("0",),
        ("65",),
        ("x",),
    ],
)
def test_a_wrong_command_line_opens_nothing(bwc: Bwc, argv: tuple[str, ...]) -> None:
    code, _, err = bwc("station", "bay", *argv, "-d", "tcp:203.0.113.1:9")
    assert code == 2 and err


def test_refusals_and_absent_bays_have_their_exit_codes(bwc: Bwc, uri: str) -> None:
    assert bwc("station", "bay", "9", "-d", uri)[0] == 6
    assert bwc("station", "bay", "2", "release", "1", "-d", uri)[0] == 6
    assert bwc("info", "-d", f"{uri}&bay=9")[0] == 3
    assert bwc("station", "show", "-d", f"{uri}&bay=1")[0] == 2
    assert bwc("battery", "-d", uri)[0] == 4, "a station where a camera was meant"
    assert bwc("station", "show", "-d", "sim:?recordings=0")[0] == 4


def test_what_is_advised_of_a_bay_that_cannot_be_released_is_true_of_it(bwc: Bwc, uri: str) -> None:
    code, _, err = bwc("station", "bay", "2", "release", "1", "-d", uri)
    assert code == 6
    assert "bay 2 is not in quarantine" in err
    assert "bwc station bay 2' shows whether it is in quarantine" in err
    assert "repeat the command" not in err, "that would be refused for ever"


CLOCK_SET = {
    "reason",
    "source",
    "assurance",
    "uncertainty_ns",
    "uncertainty_s",
    "before",
    "set",
    "after",
}
DEVICE_KEYS = {"uri", "identity", "simulator", "secure"}


@pytest.mark.parametrize(
    ("verb", "keys"),
    [
        (("info",), {"identity", "status", "capabilities", "protocol", "remarks", "session", "station"}),
        (("clock", "show"), {"clock", "measured", "host_time"}),
        (("clock", "sync", "--source", "operator"), CLOCK_SET),
        (("audit",), {"entries", "head", "chained"}),
        (("self-test",), {"self_test"}),
        (("reboot", "--yes"), {"reboot"}),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_what_a_station_has_as_a_camera_does_is_reached_by_the_same_verb_with_the_same_shape(
    bwc: Bwc, uri: str, verb: tuple[str, ...], keys: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # a reboot may come due in no later command of this test
    monkeypatch.setattr(device_handlers, "REBOOT_DELAY_S", 60.0)
    of_station = document(bwc(*verb, "--json", "-d", uri))
    assert of_station.keys() == {"device", *keys}
    assert (
        of_station["device"]["identity"]
        == document(bwc("station", "show", "--json", "-d", uri))["identity"]["serial"]
    )
    of_camera = document(bwc(*verb, "--json", "-d", f"{uri}&bay=1"))
    assert of_camera.keys() == of_station.keys() - {"station"}
    for key in of_camera:
        if isinstance(of_camera[key], dict):
            assert of_station[key].keys() == of_camera[key].keys(), key
    code, out, err = bwc(*verb, "-d", uri)
    assert code == 0 and out, err


def test_the_stations_own_facts_are_the_stations(bwc: Bwc, uri: str) -> None:
    shown = document(bwc("info", "--json", "-d", uri))
    assert shown["identity"]["kind"] == "station" and shown["station"]["bays"] == 3
    steps = document(bwc("self-test", "--json", "-d", uri))["self_test"]["steps"]
    same = document(bwc("station", "self-test", "--json", "-d", uri))["self_test"]["steps"]
    assert [step["name"] for step in steps] == [step["name"] for step in same]
    assert "supply" in {step["name"] for step in steps}


def test_a_station_is_rebooted_only_by_its_own_name(bwc: Bwc, uri: str) -> None:
    serial = document(bwc("info", "--json", "-d", uri))["identity"]["serial"]
    camera = document(bwc("info", "--json", "-d", f"{uri}&bay=1"))["identity"]["serial"]
    code, _, err = bwc("reboot", camera, "-d", uri)
    assert code == 4 and "was not rebooted" in err
    assert document(bwc("reboot", serial, "--json", "-d", uri))["reboot"]["delay_ms"] >= 0


@pytest.mark.parametrize("verb", ["info", "clock", "audit", "self-test", "reboot"])
def test_help_says_what_becomes_of_a_station(bwc: Bwc, verb: str) -> None:
    code, out, _ = bwc(verb, "--help")
    assert code == 0 and "docking station" in " ".join(out.split())


def test_any_verb_reaches_the_camera_in_a_bay(bwc: Bwc, uri: str) -> None:
    names = {
        document(bwc("info", "--json", "-d", f"{uri}&bay={bay}"))["identity"]["serial"] for bay in (1, 2, 3)
    }
    assert len(names) == 3
    assert document(bwc("battery", "--json", "-d", f"{uri}&bay=2"))["battery"]


def test_a_raw_command_of_a_station_connects_to_one(bwc: Bwc, uri: str) -> None:
    shown = document(bwc("raw", "station.bay", "bay=2", "--json", "-d", uri))
    assert shown["reply"]["bay"] == 2
    shown = document(bwc("raw", "device.identify", "--json", "-d", uri))
    assert shown["reply"]["kind"] == "station"


def test_the_self_tests_result_is_the_exit_code(bwc: Bwc, uri: str) -> None:
    code, out, err = bwc("station", "self-test", "-d", uri)
    assert code == 0 and "supply" in out and "passed" in err


# The blocking twin


def test_the_blocking_twin_reaches_station_and_cameras(new_station: Callable[..., SimStation]) -> None:
    sim = new_station(2, docked=1)
    with bwc_sdk.sync.connect_station(MemoryTransport(sim), role=Role.BENCH, allow_insecure=True) as station:
        assert [bay.state for bay in station.bays.list()] == [BayState.LINKED, BayState.EMPTY]
        with station.camera(1, expect="SIM-00000065") as camera:
            assert camera.battery.status().charge_pct > 0
            assert camera.name.endswith("bay=1")
        with pytest.raises(WrongDevice):
            station.camera(1, expect="SIM-0")
        assert station.device.self_test().passed
        assert station.identity == sim.serial and station.peer.identity == sim.serial

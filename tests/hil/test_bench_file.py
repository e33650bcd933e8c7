"""A bench file: what is under test, who is expected there, and what a wrong file is told."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

import hil_tests
from bwc_sdk.errors import BwcError
from firmware_sim.ports.memory import forget_sims
from hil_tests.benches.bench_file import KEYS_ADVICE, BenchFileError, parse_bench, read_bench, schema
from hil_tests.benches.measurements import MEASUREMENTS

pytest_plugins = ["pytester"]

SUITE = Path(hil_tests.__file__).parent

A = "sim:?seed=77&recordings=1&mib=1"
B = "sim:?seed=78&recordings=1&mib=1"
HARDWARE = A + "&personality=no-simulator"
SERIAL_A, SERIAL_B = "SIM-0000004D", "SIM-0000004E"

TWO_TESTS = """
import pytest

@pytest.mark.bwc_read_only
def test_reads(camera):
    camera.device.status()

def test_changes(camera):
    camera.config.apply({"alarm.battery_low_pct": 33})
"""


@pytest.fixture(autouse=True)
def _new_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has devices of its own, as they come from the factory, and locks of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


def device(name: str, uri: str = A, serial: str = SERIAL_A, **more: object) -> str:
    """A table of a bench file."""
    lines = [f"[devices.{name}]", f"uri = {json.dumps(uri)}", f"serial_number = {json.dumps(serial)}"]
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in more.items()), ""])


def run(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    pytester.path.joinpath("bench.toml").write_text(text)
    return pytester.runpytest_inprocess("--bwc-bench", "bench.toml", "-v", *options)


def test_the_only_device_of_a_file_is_under_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    result = run(pytester, device("only"))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"{A}: * {SERIAL_A}, *simulator*"])


def test_one_of_several_is_named_and_without_a_name_they_are_listed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    both = device("one") + device("two", B, SERIAL_B)
    run(pytester, both, "--bwc-use", "two").stdout.fnmatch_lines([f"* {SERIAL_B}, *"])
    unnamed = run(pytester, both)
    assert unnamed.ret == pytest.ExitCode.USAGE_ERROR
    unnamed.stderr.fnmatch_lines(
        ["*bench.toml: bench file: has several devices: one, two; try: *--bwc-use NAME"]
    )
    other = run(pytester, both, "--bwc-use", "three")
    assert other.ret == pytest.ExitCode.USAGE_ERROR
    other.stderr.fnmatch_lines(["*has no device 'three': one, two; try: *"])
    alone = pytester.runpytest_inprocess("--bwc-use", "two")
    assert alone.ret == pytest.ExitCode.USAGE_ERROR
    alone.stderr.fnmatch_lines(["*--bwc-use names a device of a bench file*--bwc-bench FILE*"])


@pytest.mark.parametrize("fixture", ["camera", "wire", "bwc_device"])
def test_another_device_than_is_expected_is_an_error_before_the_first_test(
    pytester: pytest.Pytester, fixture: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.bwc_read_only
        @pytest.mark.parametrize("n", range(5))
        def test_it({fixture}, n):
            raise SystemExit("a test began")
        """
    )
    result = run(pytester, device("only", B))
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [
            f"*another device than the bench file expects: *it is '{SERIAL_B}', not '{SERIAL_A}'; try: plug in *"
        ]
    )


def test_a_device_that_is_exchanged_in_the_night_gets_no_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from bwc_sdk import Role

        @pytest.mark.bwc_read_only
        def test_meets_another(bwc_bench, connect_as):
            bwc_bench.uri = bwc_bench.uri.replace("seed=77", "seed=78")
            connect_as(Role.AUDITOR)
        """
    )
    result = run(pytester, device("only"))
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines([f"*WrongDevice*it is '{SERIAL_B}', not '{SERIAL_A}'*"])


def test_only_what_the_file_calls_expendable_is_changed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    run(pytester, device("only", HARDWARE)).assert_outcomes(passed=1, skipped=1)
    run(pytester, device("only", HARDWARE, expendable=False)).assert_outcomes(passed=1, skipped=1)
    run(pytester, device("only", HARDWARE, expendable=True)).assert_outcomes(passed=2)


def test_options_go_before_what_the_file_says(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    text = device("only", "tcp:127.0.0.1:1", expendable=True)
    run(pytester, text, "--bwc-device", HARDWARE).assert_outcomes(passed=2)
    spared = run(pytester, text, "--bwc-device", HARDWARE, "--bwc-expendable", "SIM-0000004F")
    spared.assert_outcomes(passed=1, skipped=1)
    keys = run(pytester, device("only"), "--bwc-identity", "nowhere")
    keys.assert_outcomes(errors=1)
    keys.stdout.fnmatch_lines(["*nowhere*"])


def test_key_files_and_protection_are_as_the_file_says(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    insecure = run(pytester, device("only", A + "&insecure=1", insecure=True))
    insecure.assert_outcomes(passed=2)
    insecure.stdout.fnmatch_lines(["*INSECURE session*"])
    keys = run(pytester, device("only", identity="the/keys"))
    keys.assert_outcomes(errors=1)
    keys.stdout.fnmatch_lines([f"*{pytester.path}/the/keys*"])


def actuator(name: str, driver: str, **more: object) -> str:
    """A device with a table of an actuator."""
    return device("a") + table(f"devices.a.actuators.{name}", driver=driver, **more)


def table(name: str, **more: object) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in more.items()), ""])


OFF_ON: dict[str, object] = {"off": ["relay", "1", "off"], "on": ["relay", "1", "on"]}
HUB: dict[str, object] = {"location": "1-4.2", "port": 2, "cuts": ["data"]}
GOOD = {
    "least": device("a"),
    "all of the lab": device("a", expendable=True, lab=True, insecure=False, control="hands"),
    "key files": device("a", identity="keys", lab=False),
    "two ways to one device": device("a") + device("b", B, SERIAL_A),
    "a name with every sign": device("x60-a_1"),
    "steps": device("a", irreversible=["sanitise", "end-of-life"]),
    "a relay by a command": actuator("vbus_relay", "command", timeout_s=2.5, **OFF_ON),
    "a command that does both": actuator("battery_cut", "command", cycle=["x"], cuts=["battery", "vbus"]),
    "a button by a command": actuator("button_record", "command", press=["x"]),
    "a hub": actuator("data_switch", "uhubctl", program=["sudo", "-n", "uhubctl"], timeout_s=9, **HUB),
    "a person": actuator("battery_cut", "person", off="Take the battery out", on="Put it back"),
    "hands": actuator("battery_cut", "simulator")
    + table("devices.a.actuators.vbus_relay", driver="simulator"),
    "a button of a simulator": actuator("button", "simulator", press="mark"),
}
BAD = {
    "nothing": ("", "it has no table 'devices'"),
    "no device": ("[devices]\n", "it has no table 'devices'"),
    "another table": ("[device.a]\nuri = 'sim:'\n", "no key 'device' at its top"),
    "no table": ("[devices]\na = 'sim:'\n", "[devices.a] is no table"),
    "another key": (device("a", expendible=True), "[devices.a] has no key 'expendible'"),
    "nobody expected": ("[devices.a]\nuri = 'sim:'\n", "[devices.a] lacks 'serial_number'"),
    "a number for text": (
        "[devices.a]\nuri = 'sim:'\nserial_number = 7\n",
        "[devices.a] 'serial_number' is not text",
    ),
    "an empty path": (device("a", control=""), "[devices.a] 'control' is not text of 1 to 1024"),
    "a long serial number": (
        device("a", serial="X" * 33),
        "[devices.a] 'serial_number' is not text of 1 to 32",
    ),
    "text for a switch": (
        device("a", expendable="true"),
        "[devices.a] 'expendable' is neither true nor false",
    ),
    "two identities": (device("a", identity="keys", lab=True), "[devices.a] has 'identity' and 'lab'"),
    "keys and no protection": (
        device("a", identity="k", insecure=True),
        "[devices.a] has 'identity' and 'insecure'",
    ),
    "a lab without protection": (
        device("a", lab=True, insecure=True),
        "[devices.a] has 'lab' and 'insecure'",
    ),
    "no name": (device('"a b"'), "[devices.a b]: that is no name"),
    "a crowd": (
        "".join(device(f"a{n}", f"sim:?seed={n}") for n in range(257)),
        "'devices' has 257, and at most 256",
    ),
}
BAD |= {
    "steps as text": (
        device("a", irreversible="sanitise"),
        "[devices.a] 'irreversible' is no list of at most 32",
    ),
    "a step that is no name": (device("a", irreversible=["Sanitise!"]), "'irreversible' is no such value"),
    "no actuators": (device("a") + "[devices.a.actuators]\n", "[devices.a.actuators] is no table of 1 to 16"),
    "another actuator": (
        actuator("relay", "command", **OFF_ON),
        "[devices.a.actuators.relay]: there is no such",
    ),
    "no driver": (
        device("a") + table("devices.a.actuators.vbus_relay", **OFF_ON),
        "'driver' is none of simulator, ",
    ),
    "another driver": (
        actuator("vbus_relay", "ykush", **OFF_ON),
        "vbus_relay] 'driver' is none of simulator, ",
    ),
    "a key of another driver": (
        actuator("vbus_relay", "command", location="1-4", **OFF_ON),
        "[devices.a.actuators.vbus_relay] has no key 'location'",
    ),
    "a shell's line": (
        actuator("vbus_relay", "command", off="relay off", on=["x"]),
        "'off' is no list of 1 to 64",
    ),
    "an empty line": (
        actuator("vbus_relay", "command", off=[], on=["x"]),
        "'off' is no list of 1 to 64 texts",
    ),
    "no time": (
        actuator("vbus_relay", "command", timeout_s=0, **OFF_ON),
        "'timeout_s' is no number from 0.1 to 600",
    ),
    "time as text": (
        actuator("vbus_relay", "command", timeout_s="5", **OFF_ON),
        "'timeout_s' is no number from",
    ),
    "a hub that says nothing of what it cuts": (
        actuator("vbus_relay", "uhubctl", location="1-4", port=2),
        "[devices.a.actuators.vbus_relay] lacks 'cuts'",
    ),
    "a hub without a place": (
        actuator("vbus_relay", "uhubctl", port=2, cuts=["data"]),
        "vbus_relay] lacks 'location'",
    ),
    "a hub that is no place": (
        actuator("vbus_relay", "uhubctl", **HUB | {"location": "/dev/x"}),
        "'location' is no such value",
    ),
    "port 0": (
        actuator("vbus_relay", "uhubctl", **HUB | {"port": 0}),
        "'port' is no whole number from 1 to 31",
    ),
    "cuts what is not there": (
        actuator("vbus_relay", "command", cuts=["light"], **OFF_ON),
        "[devices.a.actuators.vbus_relay] 'cuts' has 'light'",
    ),
    "says what a simulator cuts": (
        actuator("battery_cut", "simulator", cuts=["data"]),
        "battery_cut] has no key 'cuts'",
    ),
}
RACK = device("rack", "sim:?station=4", "D", bays={}).replace("{}", '{ 1 = "a", 3 = "b" }')
IN_BAY = "".join(f"[devices.{name}]\nserial_number = '{name}'\n" for name in "ab")
GOOD |= {
    "bays": RACK + IN_BAY,
    "bays with the way to them": RACK + IN_BAY + "uri = 'sim:?station=4&bay=3'\n",
    "a slow device": device("a", restart_s=120),
    "a budget": device("a", flash_wear_budget_gib=0.5),
    "limits": device("a") + "[devices.a.limits]\n'reboot time' = { at_least = 1, at_most = 30.5 }\n",
    "limits of its own": device("a") + "limits = { shutter = { own = true, at_most = 0.2 } }\n",
}
BAD |= {
    "bays as a list": (device("a", bays=["b"]), "[devices.a] 'bays' is no table of bays"),
    "no bays": (device("a") + "bays = {}\n", "[devices.a] 'bays' is no table of bays"),
    "bay 0": (
        RACK.replace("1 =", "0 =") + IN_BAY,
        "[devices.rack] 'bays' has '0', which is no bay from 1 to 64",
    ),
    "bay 01": (RACK.replace("1 =", "01 =") + IN_BAY, "'bays' has '01', which is no bay"),
    "a number in a bay": (RACK.replace('"a"', "7") + IN_BAY, "'bays' has no name at bay 1"),
    "no time to restart": (device("a", restart_s=0), "[devices.a] 'restart_s' is no number from 1 to 600"),
    "a budget of nothing": (
        device("a", flash_wear_budget_gib=0),
        "'flash_wear_budget_gib' is no number from 0.001",
    ),
    "a budget as text": (
        device("a", flash_wear_budget_gib="1"),
        "'flash_wear_budget_gib' is no number from 0.001",
    ),
    "a limit that is a number": (
        device("a") + "limits = { rate = 5 }\n",
        "'rate' has not just 'at_least' and",
    ),
    "another limit": (
        device("a") + "limits = { rate = { max = 5 } }\n",
        "'rate' has not just 'at_least' and",
    ),
    "a limit as text": (
        device("a") + "limits = { rate = { at_most = 'x' } }\n",
        "'rate' 'at_most' is no number",
    ),
    "a limit that is somebody's": (
        device("a") + "limits = { rate = { at_most = 4, own = 'yes' } }\n",
        "'rate' 'own' is neither true nor false",
    ),
    "limits as a list": (device("a", limits=[]), "[devices.a.limits] is no table of at most 64 limits"),
}
BEYOND_THE_SCHEMA = {
    "no uri": ("[devices.a]\nserial_number = 'X'\n", "[devices.a] lacks 'uri'"),
    "a bay of nobody": (RACK, "[devices.rack] 'bays' names 'a', which is no device of this file"),
    "twice in a bay": (RACK.replace('"b"', '"a"') + IN_BAY, "'bays' names 'a', which stands elsewhere"),
    "bays in a bay": (RACK.replace("=4", "=4&bay=1") + IN_BAY, "'bays': its own 'uri' names a bay"),
    "bays of nothing": ("[devices.r]\nbays = { 1 = 'a' }\n" + IN_BAY, "'bays': it lacks a 'uri' of its own"),
    "elsewhere than its bay": (
        RACK + IN_BAY + "uri = 'sim:'\n",
        "[devices.b] 'uri' is not that of its bay, sim:?st",
    ),
    "no bay": (device("a", "sim:?station=4&bay=0"), "[devices.a] 'uri': option bay=0"),
    "a limit that nothing meets": (
        device("a") + "limits = { rate = { at_least = 5, at_most = 4 } }\n",
        "'rate': nothing is at least 5 and at most 4",
    ),
    "a limit of nothing": (
        device("a") + "limits = { rate = { own = true } }\n",
        "'rate' has not just 'at_least' and",
    ),
    "a limit of what nobody measures": (
        device("a") + "limits = { shutter = { at_most = 0.2 } }\n",
        "[devices.a.limits]: the suite measures no 'shutter'",
    ),
    "a limit that is not its own": (
        device("a") + "limits = { shutter = { own = false, at_most = 0.2 } }\n",
        "[devices.a.limits]: the suite measures no 'shutter'",
    ),
    "a limit that is mistyped": (
        device("a") + "limits = { 'Rebot time' = { at_most = 30 } }\n",
        "the suite measures no 'Rebot time'; did you mean 'reboot time'?",
    ),
    "a switch that is pressed": (
        actuator("vbus_relay", "command", press=["x"]),
        "has not both 'off' and 'on'",
    ),
    "a switch that only goes off": (
        actuator("vbus_relay", "command", off=["x"]),
        "has not both 'off' and 'on'",
    ),
    "a button that is switched": (
        actuator("button", "command", **OFF_ON),
        "button] is a button, and has not just",
    ),
    "a button that cuts": (
        actuator("button", "command", cuts=["data"], press=["x"]),
        "'cuts': a button cuts nothing",
    ),
    "a hub as a button": (actuator("button", "uhubctl", location="1", port=1), "lacks 'cuts'"),
    "a bay of a camera alone": (
        actuator("bay_relay", "simulator"),
        "a simulator has no such actuator at sim:",
    ),
    "a switch of a simulator that is pressed": (
        actuator("battery_cut", "simulator", press="crash"),
        "'press' is no command for a button",
    ),
    "no TOML": ("[devices", "is no TOML: "),
    "a key twice": (device("a") + "uri = 'sim:'\n", "is no TOML: "),
    "no uri at all": (device("a", "/dev/ttyACM0"), "[devices.a] 'uri': "),
    "one uri twice": (device("a") + device("b", A, SERIAL_B), "[devices.b] 'uri' is that of [devices.a]"),
}


@pytest.mark.parametrize("name", GOOD)
def test_loader_and_schema_take_what_is_right(name: str) -> None:
    assert parse_bench(GOOD[name], Path("bench.toml")).devices
    assert valid(tomllib.loads(GOOD[name]), json.loads(schema()))


def test_a_limit_of_what_nobody_measures_is_told_with_what_is_and_how_to_say_that_it_is_one_s_own() -> None:
    with pytest.raises(BenchFileError) as caught:
        parse_bench(device("a") + "limits = { shutter = { at_most = 0.2 } }\n", Path("bench.toml"))
    advice = caught.value.advice
    assert all(repr(name) in advice for name in MEASUREMENTS)
    assert advice.endswith("of a test of your own: 'shutter' = { own = true, at_most = … }")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (actuator("vbus_relay", "simulater"), 'write driver = "simulator"'),
        (actuator("vbus_relay", "ykush"), 'write driver = "command"'),
        (actuator("vbus_rellay", "command"), "take vbus_relay"),
        (actuator("lamp", "command"), "take data_switch, vbus_relay, bay_relay, battery_cut, button or"),
    ],
)
def test_a_driver_or_an_actuator_that_is_misspelt_is_told_with_the_nearest_that_there_is(
    text: str, advice: str
) -> None:
    with pytest.raises(BenchFileError) as caught:
        parse_bench(text, Path("bench.toml"))
    assert caught.value.advice.startswith(advice)


def test_the_names_that_a_limit_may_have_are_those_that_the_suite_measures() -> None:
    text = "".join(path.read_text("utf-8") for path in SUITE.rglob("test_*.py"))
    assert set(re.findall(r"\bmeasure\(\s*\"([^\"]+)\"", text)) == set(MEASUREMENTS)


@pytest.mark.parametrize("name", BAD | BEYOND_THE_SCHEMA)
def test_what_is_wrong_in_a_file_is_told_by_table_and_key_and_the_schema_agrees(name: str) -> None:
    text, told = (BAD | BEYOND_THE_SCHEMA)[name]
    with pytest.raises(BenchFileError) as caught:
        parse_bench(text, Path("bench.toml"))
    assert str(caught.value).startswith("bench.toml: bench file: ") and told in str(caught.value)
    assert caught.value.advice
    if name in BAD:
        assert not valid(tomllib.loads(text), json.loads(schema()))


def test_the_schema_describes_every_key_that_the_loader_takes() -> None:
    properties = json.loads(schema())["properties"]["devices"]["additionalProperties"]["properties"]
    assert KEYS_ADVICE.startswith("a device has ")
    named = KEYS_ADVICE.removeprefix("a device has ").partition(";")[0].split(", ")
    assert sorted(named) == sorted(properties)
    assert all(one["description"] for one in properties.values())


@pytest.mark.parametrize("content", [None, b"\xff", b"#" * (1 << 20) + b"\n"], ids=["none", "bytes", "long"])
def test_a_file_that_cannot_be_read_ends_the_session_before_it_collects(
    pytester: pytest.Pytester, content: bytes | None
) -> None:
    path = pytester.path / "bench.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BwcError):
        read_bench(path)
    result = pytester.runpytest_inprocess("--bwc-bench", "bench.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *bench.toml*; try: *"])


def valid(value: Any, rule: dict[str, Any]) -> bool:
    """Whether a document is as a JSON Schema wants it: as much of such schemas as ours speaks."""
    kinds = {
        "object": dict,
        "string": str,
        "boolean": bool,
        "array": list,
        "integer": int,
        "number": int | float,
    }
    assert set(rule) <= KEYWORDS, set(rule) - KEYWORDS
    if "type" in rule and not isinstance(value, kinds[rule["type"]]):
        return False
    if isinstance(value, bool) and rule.get("type") in ("integer", "number"):
        return False
    if "const" in rule and value != rule["const"]:
        return False
    if "enum" in rule and value not in rule["enum"]:
        return False
    if "oneOf" in rule and sum(valid(value, one) for one in rule["oneOf"]) != 1:
        return False
    if isinstance(value, str):
        long = rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", len(value))
        return long and re.search(rule.get("pattern", ""), value) is not None
    if isinstance(value, int | float):
        return bool(rule.get("minimum", value) <= value <= rule.get("maximum", value))
    if isinstance(value, list):
        many = rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value))
        return many and all(valid(one, rule.get("items", {})) for one in value)
    if not isinstance(value, dict):
        return True
    known = rule.get("properties", {})
    rest = rule.get("additionalProperties", {})
    return (
        all(key in value for key in rule.get("required", ()))
        and all(valid(one, known[key]) for key, one in value.items() if key in known)
        and all(rest is not False and valid(one, rest) for key, one in value.items() if key not in known)
        and rule.get("minProperties", 0) <= len(value) <= rule.get("maxProperties", len(value))
        and all(re.search(rule["propertyNames"]["pattern"], key) for key in value if "propertyNames" in rule)
        and all(valid(value, one) for one in rule.get("allOf", ()))
        and not ("not" in rule and valid(value, rule["not"]))
    )


KEYWORDS = {
    *("$schema", "title", "description", "type", "required", "additionalProperties", "properties", "default"),
    *("minProperties", "maxProperties", "propertyNames", "minLength", "maxLength", "allOf", "not", "const"),
    *("minItems", "maxItems", "items", "pattern", "minimum", "maximum", "enum", "oneOf"),
}

"""A shift by script: what wearers press, forget and run out of is in the recordings, and nothing else is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from bwc_protocol.evidence import ActivationEvent, Circumstances, Manifest, StopReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.identity import CameraState
from firmware_sim.camera.camera import SimCamera
from firmware_sim.scenarios import make_camera
from firmware_sim.shift.leaving import left_by
from firmware_sim.shift.playing import Played, play
from firmware_sim.shift.script import (
    COMMANDS,
    HOURS_MAX,
    KEYS,
    STEPS_MAX,
    TOP_KEYS,
    WEARERS_MAX,
    ShiftError,
    parse_shift,
    read_shift,
    schema,
)
from firmware_sim.station.station import SimStation
from tests.sim.conftest import NOON_NS
from tools.testkit import agencies
from tools.testkit.json_schema import valid

HOUR_NS = 3600 * 10**9
SCRIPT = """
hours = 10

[[wearer]]
officer = "K. Weber"
unit = "north"
charge = 60
settings = { "mute.allowed" = true, "recording.pre_event_s" = 10, "category.default" = "traffic" }
steps = [
  "0:00 undock",
  "1:00 record start event=traffic-stop",
  "1:01 mark",
  "1:02 mute on privileged",
  "1:03:30 mute off",
  "1:05 record stop event-over",
  "2:00 record start",
  "2:01 record stop",
  "2:02 categorise incident",
  "2:03 case 26-1017 1",
  "9:30 dock",
]

[[wearer]]
officer = "R. Holt"
charge = 20
steps = ["0:00 undock", "1:00 record start event=warrant", "9:00 mark", "9:59 dock"]

[[wearer]]
officer = "A. Silva"
steps = ["0:00 undock", "9:59 record start event=search"]
"""

SHORT = """
hours = 0.5

[[wearer]]
officer = "K. Weber"
steps = ["0:00 undock", "0:10 record start event=arrest", "0:11 record stop", "0:20 dock"]

[[wearer]]
officer = "A. Silva"
steps = ["0:00 undock", "0:29 record start event=search"]
"""


def played(script: str = SCRIPT, **options: object) -> Played:
    return play(parse_shift(script), **{"seed": 3, "ends_utc_ns": NOON_NS, **options})


@pytest.fixture(scope="module")
def shift() -> Played:
    """One that tests only look at."""
    return played()


def manifests(camera: SimCamera) -> list[Manifest]:
    return [one.manifest for one in camera.listing(0, 99)]


def said(manifest: Manifest) -> Circumstances:
    assert manifest.circumstances is not None
    return manifest.circumstances


def test_what_was_pressed_and_said_stands_in_the_recordings(shift: Played) -> None:
    camera = shift.cameras[0]
    first, second = manifests(camera)
    assert first.started_utc_ns == pytest.approx(NOON_NS - 9 * HOUR_NS - 10 * 10**9, abs=10**9)
    assert first.duration_ms == pytest.approx(5 * 60_000 + 10_000, abs=1_000)
    assert (said(first).event, said(first).ending) == (ActivationEvent.TRAFFIC_STOP, StopReason.EVENT_OVER)
    (mute,) = first.mute
    assert (mute.end_ms - mute.start_ms, mute.reason) == (
        pytest.approx(90_000, abs=100),
        StopReason.PRIVILEGED,
    )
    assert (said(second).event, said(second).ending) == (ActivationEvent.NOT_GIVEN, StopReason.NOT_GIVEN)
    assert {said(one).holder for one in (first, second)} == {"K. Weber"}
    stored, later = camera.listing(0, 2)
    assert stored.marked and (stored.category, stored.case) == ("traffic", "26-1017")
    assert (later.category, later.case) == ("incident", ""), "without a number it is of the newest"
    assert {one.actor for one in later.annotations} == {camera.serial}, "and no officer is named"
    assert camera.docked and camera.true_utc_ns() == NOON_NS
    last, _ = camera.audit.head()
    kinds = [entry.kind for entry in camera.audit.read(0, last).entries]
    assert kinds.count(AuditKind.ASSIGNED) == 1 and kinds.count(AuditKind.ANNOTATED) == 2


def test_a_battery_that_gave_out_ends_the_recording_and_what_is_pressed_then_has_no_effect(
    shift: Played,
) -> None:
    (only,) = manifests(shift.cameras[1])
    assert said(only).event is ActivationEvent.WARRANT
    assert only.duration_ms < 4 * 3_600_000, "a fifth of thirteen hours"
    assert said(only).ending is StopReason.SWITCHED_OFF
    assert [str(one) for one in shift.refused] == [
        f"R. Holt ({shift.cameras[1].serial}) 9:00 mark: refused: nothing is recorded"
    ]
    assert shift.cameras[1].docked and shift.cameras[1].running, "in the dock it wakes"


def test_who_forgets_to_stop_and_to_dock_leaves_it_so(shift: Played) -> None:
    camera = shift.cameras[2]
    assert not camera.docked and camera.state is CameraState.RECORDING and manifests(camera) == []


def test_the_same_shift_and_seed_give_the_same_recordings_and_another_seed_others() -> None:
    one, again, other = played(SHORT), played(SHORT), played(SHORT, seed=30)
    assert [manifests(camera) for camera in one.cameras] == [manifests(camera) for camera in again.cameras]
    assert manifests(one.cameras[0])[0].recording_id != manifests(other.cameras[0])[0].recording_id


def test_a_camera_of_an_agency_signs_and_encrypts_what_it_recorded() -> None:
    camera = played(SHORT, agency=agencies.lab()).cameras[0]
    stored = camera.listing(0, 1)[0]
    assert stored.signature and stored.manifest.protection is not None


def test_what_is_left_in_directories_is_there_and_no_shift_is_worked_over_it(tmp_path: Path) -> None:
    def state(number: int) -> Path:
        return tmp_path / str(number)

    shift = played(SHORT, state=state)
    listed = manifests(shift.cameras[0])
    shift.close()
    camera = make_camera(mib=1, state=state(1), utc_ns=NOON_NS)
    assert manifests(camera) == listed and camera.assignment.officer == "K. Weber"
    camera.close()
    open_still = make_camera(mib=1, state=state(2), utc_ns=NOON_NS)
    (closed,) = manifests(open_still)
    assert said(closed).event is ActivationEvent.SEARCH, "what was being recorded is closed"
    open_still.close()
    with pytest.raises(ShiftError, match="has a camera: a shift is worked with new ones"):
        played(SHORT, state=state)


def test_one_wearer_leaves_a_camera_and_several_a_station_with_those_that_were_docked(tmp_path: Path) -> None:
    alone = left_by(parse_shift('hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["0:01 record start"]'))
    assert isinstance(alone.device, SimCamera) and not alone.away
    alone.played.close()
    left = left_by(parse_shift(SHORT), bays=4, state=tmp_path)
    station = left.device
    assert isinstance(station, SimStation) and set(station.bays) == {1, 2, 3, 4}
    assert [station.bays[bay].camera for bay in (1, 2, 3)] == [left.played.cameras[0], None, None]
    assert left.away == left.played.cameras[1:]
    assert left.told()[-1].startswith("the shift is over: cameras: 2, recordings: 1; not docked: SIM-")
    assert (tmp_path / "bay-02").is_dir()
    left.played.close()
    station.close()
    with pytest.raises(ShiftError, match="3 wearers, and 2 bays"):
        left_by(parse_shift(SCRIPT), bays=2)


STEP = 'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["0:01 {}"]'
BEYOND_THE_SCHEMA = {
    'hours = 1\n[[wearer]]\nofficer = "K"\n[settings]\n"a.b" = 1\na.b = 2': "'settings' has 'a.b' twice",
    STEP.format("record start event=luck"): "usage|event",
    STEP.format("record start event=trafic-stop"): "did you mean traffic-stop",
    STEP.format("record stop privat"): "did you mean privacy",
    STEP.format("record start holstr"): "did you mean holster",
    STEP.format("mute onn"): "did you mean on",
    STEP.format("categorise"): "usage: .*categorise CATEGORY",
    STEP.format("categorise " + "t" * 33): "at most 32 bytes",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["0:02 dock", "0:01 undock"]': "steps stand in their order",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["1:01 dock"]': "after the end of the shift",
    f'hours = 1\n[[wearer]]\nofficer = "{"ü" * 33}"': "at most 64 bytes",
    'hours = 1\n[[wearer]]\nofficer = "K\\n"': "is a line of text",
}
"""What is wrong with a script although its schema takes it."""
WRONG = {
    "hours = 1": "wearers, each a table",
    "hours = 1\nwearer = [7]": "wearer 1 is no table",
    "hours = 0\n[[wearer]]": "'hours' says how long",
    "hours = true\n[[wearer]]": "'hours' says how long",
    "hours = 999\n[[wearer]]": "at most 744",
    "hours = 1\nparrots = 3": "has no key 'parrots'",
    "hours = 1\nwearers = []": r"has no key 'wearers'; did you mean wearer\? Known: hours, settings, wearer",
    'hours = 1\n[[wearer]]\noficer = "K"': "has no key 'oficer'; did you mean officer",
    STEP.format("recrd start"): "no command 'recrd'; did you mean record",
    "hours = 1\n[[wearer]]": "wearer 1 has no 'officer'",
    'hours = 1\n[[wearer]]\nofficer = "K"\nstep = []': "wearer 1 has no key 'step'",
    f'hours = 1\n[[wearer]]\nofficer = "{"K" * 65}"': "at most 64 bytes",
    'hours = 1\n[[wearer]]\nofficer = "K"\ncharge = 150': "from 1 to 100",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsettings = { "a" = 1.5 }': "a table of texts",
    'hours = 1\nsettings = { a = [1] }\n[[wearer]]\nofficer = "K"': "the script 'settings' is a table of texts",
    'hours = 1\nsettings = 7\n[[wearer]]\nofficer = "K"': "the script 'settings' is a table of texts",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = "dock"': "a list of at most",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["dock"]': "'dock' is no step: write it as",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["0:61 dock"]': "is no step",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["0:01 sing"]': "unknown-command",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ["0:01 advance 60"]': "unknown-command",
    "hours = ": "it is no TOML",
    "a = " + "[" * 5_000: "it is no TOML",
    'hours = 1\n[[wearer]]\nofficer = "K"\nsteps = ['
    + '"0:01 dock",' * (STEPS_MAX + 1)
    + "]": "at most 10000",
    "hours = 1\n" + "[[wearer]]\n" * (WEARERS_MAX + 1): "1 to 1000 wearers",
}


@pytest.mark.parametrize("script", WRONG | BEYOND_THE_SCHEMA, ids=lambda text: text[-40:])
def test_a_script_that_is_none_is_refused_with_a_sentence_and_the_schema_agrees(script: str) -> None:
    with pytest.raises(ShiftError, match=(WRONG | BEYOND_THE_SCHEMA)[script]):
        parse_shift(script)
    if WRONG.get(script) != "it is no TOML":
        assert valid(tomllib.loads(script), json.loads(schema())) is (script in BEYOND_THE_SCHEMA)


FOR_ALL = """
hours = 1

[[wearer]]
officer = "K"
settings = { "mute.allowed" = false }

[[wearer]]
officer = "L"

[settings]
mute.allowed = true
recording.pre_event_s = 60
"policy.id" = "north"
"""


def test_settings_for_all_are_those_of_each_who_says_nothing_else() -> None:
    first, second = parse_shift(FOR_ALL).wearers
    assert first.settings == {
        "mute.allowed": "false",
        "policy.id": "north",
        "recording.pre_event_s": "60",
    }
    assert second.settings == {**first.settings, "mute.allowed": "true"}


@pytest.mark.parametrize("script", [SCRIPT, SHORT, FOR_ALL])
def test_the_schema_takes_what_is_right(script: str) -> None:
    assert parse_shift(script) and valid(tomllib.loads(script), json.loads(schema()))


def test_the_schema_describes_every_key_and_every_command() -> None:
    top = json.loads(schema())["properties"]
    of_wearer = top["wearer"]["items"]["properties"]
    assert set(top) == set(TOP_KEYS) and set(of_wearer) == set(KEYS)
    assert all(one["description"] for one in (*top.values(), *of_wearer.values()))
    assert top["hours"]["maximum"] == HOURS_MAX and top["wearer"]["maxItems"] == WEARERS_MAX
    assert of_wearer["steps"]["maxItems"] == STEPS_MAX
    (commands,) = re.findall(r"\(([^()]*)\)\( ", of_wearer["steps"]["items"]["pattern"])
    assert set(commands.split("|")) == {" +".join(words) for words in COMMANDS}


@pytest.mark.parametrize(
    ("data", "why"), [(b"\xff\xfe", "no text in UTF-8"), (b"#" * (5 << 20), "longer than")]
)
def test_a_file_that_is_none_is_named(tmp_path: Path, data: bytes, why: str) -> None:
    file = tmp_path / "shift.toml"
    file.write_bytes(data)
    with pytest.raises(ShiftError, match=f"shift.toml: .*{why}"):
        read_shift(file)


def test_a_setting_that_a_camera_refuses_ends_it_and_nothing_stays_open(tmp_path: Path) -> None:
    script = 'hours = 1\n[[wearer]]\nofficer = "K"\nsettings = { "mute.alowed" = 1 }'
    with pytest.raises(ShiftError, match=r"no setting 'mute\.alowed'; did you mean mute\.allowed"):
        played(script, state=lambda number: tmp_path / str(number))
    make_camera(state=tmp_path / "1", utc_ns=NOON_NS).close()

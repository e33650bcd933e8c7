"""A camera that lost a recording is not called complete: one bit of a manifest rots, all else is as before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.lab.directory import open_lab
from firmware_sim.ports.memory import forget_sims
from firmware_sim.scenarios import Footage, make_camera

Bwc = Callable[..., Any]


def camera_with_rot(state: Path, *numbers: int, place: int = 30) -> str:
    """The URI of a camera with three recordings, in whose manifests `numbers` one bit is wrong."""
    agency = open_lab().agency
    make_camera(seed=77, recordings=3, mib=1, footage=Footage.SYNTHETIC, state=state, agency=agency).close()
    for number in numbers:
        (manifest,) = (state / "recordings").glob(f"{number:08}-*/manifest.cbor")
        data = bytearray(manifest.read_bytes())
        data[place % len(data)] ^= 0x01
        manifest.write_bytes(data)
    return f"sim:?seed=77&recordings=3&mib=1&state={state}"


@pytest.fixture(autouse=True)
def let_go() -> Any:
    yield
    forget_sims()


@pytest.mark.rule("REC-017")
@pytest.mark.parametrize("place", range(0, 260, 7))
@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_bit_anywhere_in_a_manifest_shows(bwc: Bwc, tmp_path: Path, number: int, place: int) -> None:
    uri = camera_with_rot(tmp_path / "state", number, place=place)
    (tmp_path / "store").mkdir()
    ran = bwc("offload", str(tmp_path / "store"), "--json", device=uri)
    result = json.loads(ran.out.splitlines()[-1])
    assert ran.code == 10 and not result["complete"]
    assert [(one["first"], one["last"], one["count"]) for one in result["missing"]] == [(number, number, 1)]
    assert [one["outcome"] for one in result["recordings"]] == ["stored", "stored"]
    status = bwc("storage", "--json", device=uri).document
    assert json.dumps(status).count('"recordings": 3') == 1


def test_it_is_told_as_it_shows_and_at_the_end_with_what_to_do(bwc: Bwc, tmp_path: Path) -> None:
    uri = camera_with_rot(tmp_path / "state", 2)
    (tmp_path / "store").mkdir()
    ran = bwc("offload", str(tmp_path / "store"), device=uri)
    assert ran.code == 10
    assert "MISSING\trecording 2\tthe camera closed it and does not list it" in ran.out
    assert "INCOMPLETE\t2 of 2 recordings stored and verified, 1 missing" in ran.out
    assert "missing: recording 2: " in ran.err and "bwc self-test" in ran.err
    assert "Run the same command again" not in ran.err, "which does not bring it back"
    ran = bwc("offload", str(tmp_path / "store"), "--json", device=uri)
    events = [json.loads(line) for line in ran.out.splitlines()]
    (told,) = [event for event in events if event["event"] == "recordings_missing"]
    assert (told["outcome"], told["first"], told["last"], told["count"]) == ("missing", 2, 2, 1)


def test_chosen_numbers_are_stored_and_the_camera_is_still_not_whole(bwc: Bwc, tmp_path: Path) -> None:
    uri = camera_with_rot(tmp_path / "state", 2)
    (tmp_path / "store").mkdir()
    assert bwc("offload", str(tmp_path / "store"), "1", device=uri).code == 10
    assert len(list((tmp_path / "store").glob("*.mp4*"))) == 1
    assert bwc("offload", str(tmp_path / "store"), "2", device=uri).code == 10
    ran = bwc("offload", str(tmp_path / "store"), "99", "--json", device=uri)
    assert ran.code == 2 and ran.error["class"] == "NoSuchRecording"
    assert "recordings list" in ran.error["advice"]


def test_a_camera_that_can_list_nothing_has_not_nothing(bwc: Bwc, tmp_path: Path) -> None:
    uri = camera_with_rot(tmp_path / "state", 1, 2, 3, place=0)
    (tmp_path / "store").mkdir()
    ran = bwc("offload", str(tmp_path / "store"), "--json", device=uri)
    assert ran.code == 10
    result = json.loads(ran.out.splitlines()[-1])
    assert [(one["first"], one["last"]) for one in result["missing"]] == [(1, 3)] and not result["recordings"]


def test_a_fleet_is_complete_only_when_no_camera_lacks_any(bwc: Bwc, tmp_path: Path) -> None:
    uri = camera_with_rot(tmp_path / "state", 2)
    (tmp_path / "store").mkdir()
    other = "sim:?seed=78&recordings=1&mib=1"
    ran = bwc("offload", str(tmp_path / "store"), "--also", other, "--json", device=uri)
    assert ran.code == 10
    cameras = json.loads(ran.out.splitlines()[-1])["cameras"]
    assert [camera["complete"] for camera in cameras] == [False, True]
    assert [len(camera["missing"]) for camera in cameras] == [1, 0]

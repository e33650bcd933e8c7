"""Desired state at a host: signed by a technician, one file a camera, each with a higher counter."""

from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.desired_state import verify_desired_state
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_sdk.errors import DocumentError, InvalidValue
from bwc_sdk.identity.desired import (
    desired_path,
    next_counter,
    read_desired,
    read_state,
    require_generation,
    same_generation,
    sign_desired,
)
from tests.identity.test_orders import NOW_S, identity
from tools.testkit import fixed_agency as agency

VALUES = {"recording.pre_event_s": 30, "audio.pre_event": True, "power.mode": "eco"}


def sign(name: str = "technician", **changes: Any) -> bytes:
    given: dict[str, Any] = {"camera": agency.CAMERA, "counter": 1, "utc_s": NOW_S, "settings": VALUES}
    return sign_desired(identity(name), **given | changes)


def test_a_camera_takes_what_a_technician_signed() -> None:
    found = verify_desired_state(
        sign(assignment=("K1234", "5th"), profile="patrol"),
        agency.anchors(),
        Trust(),
        camera=agency.CAMERA,
        generation=0,
        last_counter=0,
    )
    assert {setting.key: setting.value for setting in found.state.settings} == VALUES
    assert found.state.assignment is not None and found.state.assignment.officer == "K1234"


def test_nobody_else_signs_one() -> None:
    for name, check in (("dock", DocumentCheck.ROLE), ("records", DocumentCheck.ROLE)):
        with pytest.raises(DocumentError) as found:
            sign(name)
        assert found.value.check is check and found.value.advice
    for now_s in (agency.BEGAN_S - 1, agency.ENDS_S + 1):
        with pytest.raises(DocumentError) as found:
            sign(utc_s=now_s)
        assert found.value.check is DocumentCheck.TIME


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera": ""},
        {"camera": "BWC\n42"},
        {"settings": {"a": 1 << 63}},
        {"settings": {"a": "x" * 129}},
        {"settings": {"ä": 1}},
        {"settings": {"": 1}},
        {"settings": {"a": "\udcff"}},
        {"settings": {"\udcff": 1}},
        {"settings": {f"{n}": n for n in range(513)}},
        {"assignment": ("", "5th")},
        {"assignment": (" K1", "")},
        {"assignment": ("K" * 65, "")},
        {"profile": "p" * 65},
        {"counter": 0},
        {"counter": 1 << 32},
        {"generation": -1},
        {"generation": 1 << 32},
    ],
)
def test_what_no_camera_can_take_is_not_signed(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        sign(**wrong)


def test_a_directory_has_one_file_a_camera_and_counts_on(tmp_path: Path) -> None:
    assert read_desired(tmp_path, agency.CAMERA) is None and next_counter(tmp_path, agency.CAMERA) == 1
    path = desired_path(tmp_path, agency.CAMERA)
    path.write_bytes(sign(counter=7))
    found = read_desired(tmp_path, agency.CAMERA)
    assert found is not None and found[0].counter == 7
    assert next_counter(tmp_path, agency.CAMERA) == 8 and next_counter(tmp_path, "BWC-000043") == 1


def test_a_file_of_another_generation_says_which_one_it_takes(tmp_path: Path) -> None:
    assert same_generation(tmp_path, agency.CAMERA) == 0
    desired_path(tmp_path, agency.CAMERA).write_bytes(sign(generation=2))
    assert same_generation(tmp_path, agency.CAMERA) == 2
    state = read_state(sign(generation=2))
    require_generation(state, 2, device="it")
    for present in (0, 1, 3):
        with pytest.raises(DocumentError, match=f"generation 2 .* is in {present}") as found:
            require_generation(state, present, device="it")
        assert found.value.check is DocumentCheck.GENERATION and found.value.device == "it"
        assert f"--generation {present}'" in found.value.advice


def test_a_file_under_another_name_is_not_delivered(tmp_path: Path) -> None:
    desired_path(tmp_path, "BWC-000043").write_bytes(sign())
    with pytest.raises(DocumentError, match="not for 'BWC-000043'") as found:
        read_desired(tmp_path, "BWC-000043")
    assert found.value.check is DocumentCheck.DEVICE
    desired_path(tmp_path, "BWC-000043").write_bytes(sign()[:-1])
    with pytest.raises(DocumentError) as found:
        next_counter(tmp_path, "BWC-000043")
    assert found.value.check is DocumentCheck.FORM


@pytest.mark.parametrize("name", ["../BWC", "a/b", "BWC 42", "bwc-000042", ".", "", "BWC-" + "4" * 60])
def test_no_name_of_a_camera_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    path = desired_path(tmp_path, name)
    assert path.parent == tmp_path and path.name not in (".", "..") and len(path.name) < 80

"""From a shift file to the findings, by the commands that a technician types: what was planted, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bwc_protocol.lab.directory import open_lab
from firmware_sim.shift.leaving import left_by
from firmware_sim.shift.script import read_shift
from tests.cli.conftest import Bwc

POLICY = """
pack = 1
id = "north"
title = "North"
level = "agency"
vocabulary = 1

[settings]
recording.bitrate_kbps = 500
"""
RULES = {
    "record.pre_event_s": 'kind = "at_least", value = 30',
    "record.event_required": 'kind = "required"',
    "record.stop_requires_reason": 'kind = "required"',
    "record.may_stop_for": 'kind = "only_from", values = ["privacy"]',
    "record.mute": 'kind = "only_from", values = ["privileged"]',
    "record.start_by": 'kind = "only_from", values = ["officer-button"]',
    "upload.deadline": 'kind = "deadline", hours = 6, alternatives = ["hours"]',
    "category.required": 'kind = "required"',
}
RULE = """
[[rules]]
id = "{name}"
demand = {{ {demand} }}
status = "verified"
citation = {{ source = "order 7" }}
"""
SHIFT = """
hours = 10

[[wearer]]
officer = "{officer}"
charge = {charge}
steps = [
  "0:00 undock",
  {steps}
]

[settings]
"""
WORKED = """
  "5:00 record start event=arrest", "5:05 record stop event-over", "5:06 categorise traffic",
  "6:00 record start event=arrest", "6:01 mute on tactics", "6:02 mute off", "6:05 record stop",
  "6:06 categorise traffic",
  "7:00 record start", "7:05 record stop privacy",
  "8:00 dock",
"""
FORGOT = '"1:00 record start event=warrant", "9:00 mark", "9:59 dock"'


@pytest.fixture
def pack(tmp_path: Path) -> str:
    """The file of a policy."""
    rules = [RULE.format(name=name, demand=demand) for name, demand in RULES.items()]
    path = tmp_path / "north.toml"
    path.write_text(POLICY + "".join(rules))
    return str(path)


def test_what_two_wearers_did_is_found_in_store_and_cameras(bwc: Bwc, pack: str, tmp_path: Path) -> None:
    profile = bwc("policy", "compile", pack, "--toml").out
    cameras, names = [], {}
    for number, (officer, charge, steps) in enumerate((("K1", 100, WORKED), ("K2", 20, FORGOT)), start=1):
        file = tmp_path / f"{officer}.toml"
        file.write_text(SHIFT.format(officer=officer, charge=charge, steps=steps) + profile)
        state = tmp_path / officer
        left = left_by(read_shift(file), seed=10 * number, mib=1, state=state, agency=open_lab().agency)
        names[left.played.cameras[0].serial] = officer
        left.played.close()
        cameras.append(f"sim:?state={state}")
    store = str(tmp_path / "store")
    for camera in cameras:
        assert bwc("offload", store, "--mkdir", "--device", camera, "--lab").code == 0
    ran = bwc("policy", "check", pack, "--store", store, "--json")
    assert ran.code == 22
    assert _found(ran.document, names) == {
        ("K1", 2, "mute-reason"),
        ("K1", 2, "no-stop-reason"),
        ("K1", 3, "no-event"),
        ("K1", 3, "no-category"),
        ("K2", 1, "went-off"),
        ("K2", 1, "late-offload"),  # the battery ended it seven hours ago
        ("K2", 1, "no-category"),
    }, ran.out
    asked = bwc("policy", "check", pack, "--device", cameras[1], "--lab", "--json")
    assert {kind for _, _, kind in _found(asked.document, names)} == {
        "went-off",
        "late-offload",
        "no-category",
    }, "configured as the policy asks"


def _found(document: dict[str, object], names: dict[str, str]) -> set[tuple[str, int, str]]:
    findings = document["findings"]
    assert isinstance(findings, list)
    return {(names[one["camera"]], one["sequence"], one["kind"]) for one in findings if one["counts"]}

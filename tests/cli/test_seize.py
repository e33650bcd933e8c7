"""`bwc seize`: the records section signs, the camera stays as it is, and two people end it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Bwc


def test_a_camera_is_seized_told_and_released_by_two_people(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    camera = bwc("info", "--json", device=sim).document["identity"]["serial"]
    assert bwc("info", "--json", device=sim).document["status"]["seized_for"] == ""
    done = bwc("seize", camera, "--case", "24-7", "--json", device=sim)
    assert done.code == 0, done.err
    assert done.document["seizure"]["delivered"]
    info = bwc("info", device=sim)
    assert "24-7" in info.out
    refused = bwc("assign", "K1", device=sim)
    assert refused.code == 6 and "seized for 24-7" in refused.err and "end-seizure" in refused.err
    order = str(tmp_path / "the.order")
    assert bwc("order", "make", "end-seizure", order, device=sim).code == 0
    assert bwc("order", "sign", order, camera, "--as", "Kim Lopez").code == 0
    assert bwc("order", "sign", order, camera, "--as", "R. Holt", "--role", "records").code == 0
    carried = bwc("order", "run", order, camera, device=sim)
    assert carried.code == 0 and "in service again" in carried.err + carried.out
    assert bwc("assign", "K1", device=sim).code == 0


def test_it_is_for_the_camera_that_is_named(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    wrong = bwc("seize", "SIM-00000000", "--case", "24-7", device=sim)
    assert wrong.code != 0 and "not 'SIM-00000000'" in wrong.err
    nowhere = bwc("seize", "SIM-00000000", "--case", "24-7")
    assert nowhere.code == 2 and "--out" in nowhere.err
    file = tmp_path / "a.seizure"
    signed = bwc("seize", "SIM-00000000", "--case", "24-7", "--out", str(file))
    assert signed.code == 0 and file.stat().st_size > 500


def test_a_camera_is_emptied_by_two_people_and_tombstones_stay(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    camera = bwc("info", "--json", device=sim).document["identity"]["serial"]
    order = str(tmp_path / "the.order")
    silent = bwc("order", "make", "sanitise", order, device=sim)
    assert silent.code == 18 and "--lose-" in silent.err
    lose = ("--lose-held", "--lose-undelivered")
    assert bwc("order", "make", "sanitise", order, *lose, device=sim).code == 0
    assert bwc("order", "sign", order, camera, "--as", "Kim Lopez").code == 0
    assert bwc("order", "sign", order, camera, "--as", "R. Holt", "--role", "records").code == 0
    carried = bwc("order", "run", order, camera, device=sim)
    assert carried.code == 0, carried.err
    assert bwc("recordings", "list", "--json", device=sim).document["recordings"] == []
    found = bwc("recordings", "tombstones", "--json", device=sim).document["tombstones"]
    assert [one["reason"] for one in found] == ["sanitised"] * 3

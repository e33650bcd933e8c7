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


def test_who_signs_a_seizure_is_elsewhere_and_a_dock_delivers_it(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    camera, file = (
        bwc("info", "--json", device=sim).document["identity"]["serial"],
        str(tmp_path / "a.seizure"),
    )
    signed = bwc("seize", camera, "--case", "24-7", "--out", file)
    assert signed.code == 0 and f"'bwc seize {camera} --signed {file}'" in signed.err
    deliver = ("seize", camera, "--signed", file)
    other = bwc(*deliver, "--case", "24-8", device=sim)
    assert other.code == 18 and "for case '24-7', not for '24-8'" in other.err
    done = bwc(*deliver, "--json", "--role", "dock-offload", device=sim)
    assert done.code == 0, done.err
    assert done.document["seizure"] == {
        "camera": camera,
        "case": "24-7",
        "by": done.document["seizure"]["by"],
        "file": file,
        "delivered": True,
    }
    assert bwc("info", "--json", device=sim).document["status"]["seized_for"] == "24-7"
    assert bwc(*deliver, device=sim).code == 0, "the same again changes nothing"


def test_a_seizure_that_cannot_count_is_told_before_any_camera_is_asked(
    bwc: Bwc, sim: str, tmp_path: Path
) -> None:
    camera, file = bwc("info", "--json", device=sim).document["identity"]["serial"], tmp_path / "a.seizure"
    assert bwc("seize", camera, "--case", "24-7", "--out", str(file)).code == 0
    good = file.read_bytes()
    order = tmp_path / "the.order"
    assert bwc("order", "make", "end-seizure", str(order), device=sim).code != 0, "it is not seized"
    for content, said in (
        (b"no seizure", "is this the right file?"),
        (good[:-1] + bytes([good[-1] ^ 1]), "have the records section sign it again"),
    ):
        file.write_bytes(content)
        refused = bwc("seize", camera, "--signed", str(file), device=sim)
        assert refused.code == 18 and said in refused.err, refused.err
    file.write_bytes(good)
    wrong = bwc("seize", "SIM-00000000", "--signed", str(file), device=sim)
    assert wrong.code == 18 and f"it is for {camera}, this is SIM-00000000" in wrong.err
    assert bwc("info", "--json", device=sim).document["status"]["seized_for"] == ""
    both = bwc("seize", camera, "--signed", str(file), "--out", str(tmp_path / "b"), device=sim)
    assert both.code == 2 and "--out" in both.err
    assert bwc("seize", camera, device=sim).code == 2

"""`bwc recordings erase|release|tombstones`, with a camera of the lab and a destination of the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_protocol.lab.directory import open_lab
from tests.cli.conftest import Bwc
from tools.testkit.destination_signer import DestinationSigner


class Site:
    """A camera, and what a destination says of its recordings."""

    def __init__(self, bwc: Bwc, sim: str, path: Path) -> None:
        self._bwc, self.sim, self._path = bwc, sim, path
        self.camera = self.run("info", "--json").document["identity"]["serial"]
        self.store = DestinationSigner.of(open_lab().agency)

    def run(self, *argv: str) -> Any:
        return self._bwc(*argv, device=self.sim)

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("recordings", "list", "--json").document["recordings"]
        return found

    def receipt(self, number: int, name: str = "r") -> str:
        one = next(entry for entry in self.listed() if entry["sequence"] == number)
        listed = SimpleNamespace(
            recording=bytes.fromhex(one["recording"]),
            manifest_sha256=bytes.fromhex(one["manifest_sha256"]),
            annotations=one["annotations"],
            annotations_sha256=bytes.fromhex(one["annotations_sha256"]),
            size_bytes=one["size_bytes"],
        )
        path = self._path / f"{name}{number}.receipt"
        path.write_bytes(self.store.receipt(self.camera, listed))
        return str(path)


@pytest.fixture
def site(bwc: Bwc, sim: str, tmp_path: Path) -> Site:
    return Site(bwc, sim, tmp_path)


def test_receipts_that_are_given_are_delivered_and_what_has_them_goes(site: Site) -> None:
    one, two = site.receipt(1), site.receipt(2)
    done = site.run("recordings", "erase", "1", "2", "--receipt", one, "--receipt", two, "--json")
    assert done.code == 0, done.err
    assert [entry["erased"] for entry in done.document["recordings"]] == [True, True]
    assert [entry["sequence"] for entry in site.listed()] == [3]
    found = site.run("recordings", "tombstones", "--json").document["tombstones"]
    assert [(entry["counter"], entry["sequence"], entry["reason"]) for entry in found] == [
        (1, 1, "asked"),
        (2, 2, "asked"),
    ]
    gone = site.run("recordings", "erase", "1")
    assert gone.code != 0 and "no recording has the number" in gone.err


def test_a_receipt_that_is_refused_is_told_and_keeps_no_other_one_from_counting(site: Site) -> None:
    stale, good = site.receipt(1), site.receipt(2)
    assert site.run("recordings", "mark", "1").code == 0
    done = site.run("recordings", "erase", "1", "2", "--receipt", stale, "--receipt", good, "--json")
    assert done.code == 6
    assert "more was said" in done.err
    (refused,) = done.document["receipts_refused"]
    assert (refused["file"], refused["why"]) == (stale, "conflict")
    assert [entry["erased"] for entry in done.document["recordings"]] == [False, True]
    assert [entry["sequence"] for entry in site.listed()] == [1, 3]


def test_a_receipt_of_none_of_them_erases_nothing_and_delivers_none(site: Site) -> None:
    one, other = site.receipt(1), site.receipt(3)
    done = site.run("recordings", "erase", "1", "--receipt", one, "--receipt", other)
    assert done.code == 18 and "nothing was erased" in done.err
    assert site.run("recordings", "release", "1", "--json").document["release"]["receipts"] == []


def test_what_is_refused_is_told_with_what_it_lacks_and_the_others_go(site: Site) -> None:
    site.run("recordings", "hold", "1", "--reason", "court", "--id", "a")
    done = site.run("recordings", "erase", "1", "2", "--receipt", site.receipt(2), "--json")
    assert done.code == 6
    first, second = done.document["recordings"]
    assert (first["erased"], first["why"]) == (False, "held")
    assert first["lacks"] == "1 hold to be lifted, 1 of 1 receipts"
    assert second["erased"]
    assert "bwc recordings lift" in site.run("recordings", "erase", "1").err


def test_a_receipt_of_another_recording_erases_nothing(site: Site) -> None:
    done = site.run("recordings", "erase", "1", "--receipt", site.receipt(2))
    assert done.code == 18 and "none of those that are named" in done.err
    no_file = site.run("recordings", "erase", "1", "--receipt", __file__)
    assert no_file.code == 18 and "is this the right file" in no_file.err
    assert len(site.listed()) == 3


def test_release_says_what_a_recording_lacks_and_that_lifting_is_another_verb(site: Site) -> None:
    assert "1 of 1 receipts" in site.run("recordings", "release", "1").out
    site.run("recordings", "erase", "2", "3", "--receipt", site.receipt(2), "--receipt", site.receipt(3))
    state = site.run("recordings", "release", "1", "--json").document["release"]
    assert (state["released"], state["needed"], state["receipts"]) == (False, 1, [])
    before = site.run("recordings", "release", "1", "--reason", "closed", "--id", "a")
    assert before.code == 2 and "'lift' lifts a hold" in before.err


def test_an_order_counts_what_has_no_receipt(site: Site, tmp_path: Path) -> None:
    for number in (1, 2):
        site.run("recordings", "erase", str(number), "--receipt", site.receipt(number))
    refused = site.run("order", "make", "transfer", str(tmp_path / "o"))
    assert "1 recording is" in refused.err

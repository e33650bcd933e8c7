"""`bwc evidence verify`, as whoever keeps a store runs it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.offload import offload

Bwc = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two recordings of a camera of the lab."""
    path = tmp_path / "store"
    path.mkdir()

    async def run() -> None:
        async with offload("sim:?seed=3&recordings=2&mib=1", path, lab=True) as job:
            assert (await job.run()).complete

    asyncio.run(run())
    return path


def test_a_store_that_agrees_is_verified_as_far_as_it_is_signed(bwc: Bwc, store: Path) -> None:
    ran = bwc("evidence", "verify", str(store), "--lab", "--json")
    document = ran.document
    signed = document["signed"] == document["recordings"] == 2
    assert ran.code == (0 if signed else 19)
    assert document["verdict"] == ("verified" if signed else "hashes only")


@pytest.mark.rule("REC-087")
def test_without_anybody_to_believe_hashes_are_all(bwc: Bwc, store: Path) -> None:
    ran = bwc("evidence", "verify", str(store), "--allow-insecure")
    assert ran.code == 19 and "hashes agree, and that is all: nobody was named" in ran.err


def test_what_was_spoilt_is_named(bwc: Bwc, store: Path) -> None:
    footage = min(path for path in store.iterdir() if ".mp4" in path.name)
    with footage.open("r+b") as file:
        file.write(b"\x00\x00")
    ran = bwc("evidence", "verify", str(store), "--lab", "--json")
    (found,) = (one for one in ran.document["findings"] if one["severity"] == "error")
    assert ran.code == 14 and found["kind"] == "footage-damaged"
    assert found["file"] == footage.name and found["chunks"] == [0, 0]
    assert "chunk 0 is not what was recorded" in bwc("evidence", "verify", str(store), "--lab").out


def test_a_directory_without_recordings_is_the_wrong_one(bwc: Bwc, tmp_path: Path) -> None:
    assert bwc("evidence", "verify", str(tmp_path)).code == 2


def test_a_store_that_is_not_there_is_told(bwc: Bwc, tmp_path: Path) -> None:
    ran = bwc("evidence", "verify", str(tmp_path / "absent"), "--allow-insecure")
    assert ran.code == 9 and "the directory that offloads store into" in ran.err


def test_what_is_no_root_is_told(bwc: Bwc, store: Path) -> None:
    ran = bwc("evidence", "verify", str(store), "--root", str(min(store.glob("*.manifest"))))
    assert ran.code == 17


def test_two_ways_to_say_whom_to_believe_exclude_each_other(bwc: Bwc, store: Path) -> None:
    ran = bwc("evidence", "verify", str(store), "--lab", "--root", str(store / "x"))
    assert ran.code == 17 and "exclude each other" in ran.err


def test_a_checkpoint_is_signed_once_and_shows_what_is_cut_off_later(bwc: Bwc, store: Path) -> None:
    (made,) = bwc("evidence", "checkpoint", str(store), "--lab", "--json").document["checkpoints"]
    assert made["fresh"] and not made["stamped"] and (store / made["name"]).exists()
    (path,) = store.glob("*.chain")
    path.chmod(0o600)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    ran = bwc("evidence", "checkpoint", str(store), "--lab")
    assert ran.code == 14 and "its end is gone" in ran.err


def test_an_authority_and_its_roots_come_together(bwc: Bwc, store: Path) -> None:
    assert bwc("evidence", "checkpoint", str(store), "--lab", "--tsa", "http://127.0.0.1:9/").code == 2

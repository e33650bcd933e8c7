"""`bwc receipt`: signed for a store, shown, verified, and what is said of what is not whole."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.exit_codes import ExitCode

Bwc = Callable[..., Any]


@pytest.fixture
def store(bwc: Bwc, tmp_path: Path) -> Path:
    path = tmp_path / "store"
    done = bwc("offload", str(path), "--mkdir", "--device", "sim:?recordings=2&mib=1", "--lab")
    assert done.code == 0, done.err
    return path


def test_a_store_is_receipted_under_any_name_in_a_lab(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "receipts"
    for fresh in (True, False):
        done = bwc(
            "receipt", "sign", str(store), "--destination", "archive", "--out", str(out), "--lab", "--json"
        )
        assert done.code == 0, done.err
        told = json.loads(done.out)["receipts"]
        assert [one["fresh"] for one in told] == [fresh] * 2
        assert {one["destination"] for one in told} == {"archive"} and not any(
            one["one_site"] for one in told
        )
    assert sorted(path.name for path in out.iterdir()) == sorted(
        path.name for path in store.iterdir() if path.suffix in (".receipt", ".objects")
    )
    file = told[0]["file"]
    shown = bwc("receipt", "show", file, "--json")
    assert json.loads(shown.out)["receipt"]["destination"] == "archive"
    assert bwc("receipt", "verify", file, "--store", str(store), "--lab").code == 0


def test_what_is_not_whole_is_named_and_the_rest_is_receipted(bwc: Bwc, store: Path) -> None:
    sorted(store.glob("*.table"))[0].unlink()
    done = bwc("receipt", "sign", str(store), "--lab")
    assert done.code == ExitCode.INCOMPLETE
    assert "NONE" in done.out and "the chunk table of segment 0 is not there" in done.out
    assert len(list(store.glob("*.receipt"))) == 1


def test_what_is_no_receipt_is_told(bwc: Bwc, store: Path) -> None:
    manifest = str(next(store.glob("*.manifest")))
    for words in (("show", manifest), ("verify", manifest, "--store", str(store), "--lab")):
        done = bwc("receipt", *words)
        assert done.code == ExitCode.BAD_DOCUMENT and "is this the right file" in done.err, done.err


def test_a_receipt_whose_footage_was_changed_does_not_verify(bwc: Bwc, store: Path) -> None:
    bwc("receipt", "sign", str(store), "--lab")
    receipt = sorted(store.glob("*.receipt"))[0]
    footage = next(
        path for path in store.iterdir() if ".mp4" in path.name and path.name[:30] == receipt.name[:30]
    )
    footage.chmod(0o600)
    with footage.open("r+b") as file:
        file.write(b"\0\1\2")
    done = bwc("receipt", "verify", str(receipt), "--store", str(store), "--lab")
    assert done.code != 0 and "chunk 0 of segment 0" in done.err

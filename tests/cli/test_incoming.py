"""`bwc incoming`: what interrupted offloads left, shown and removed by name."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Bwc = Callable[..., Any]

NAME = "CAM-0001_000102030405060708090a0b0c0d0e0f_000_0001020304050607"


def made(store: Path) -> Path:
    incoming = store / ".incoming"
    incoming.mkdir()
    (incoming / f"{NAME}.part").write_bytes(bytes(10_000))
    (incoming / f"{NAME}.table").write_bytes(bytes(64))
    return incoming


def test_it_is_listed_and_removed_by_name_or_all_of_it(bwc: Bwc, tmp_path: Path) -> None:
    assert bwc("incoming", "list", str(tmp_path)).code == 0
    incoming = made(tmp_path)
    ran = bwc("incoming", "list", str(tmp_path), "--json")
    (one,) = ran.document["unfinished"]
    assert one["name"] == NAME and one["size_bytes"] >= 10_064 and one["in_use"] is False
    ran = bwc("incoming", "list", str(tmp_path))
    assert ran.out.startswith(NAME) and "interrupted" in ran.out
    ran = bwc("incoming", "clean", str(tmp_path))
    assert ran.code == 2 and "--yes" in ran.err and (incoming / f"{NAME}.part").exists()
    ran = bwc("incoming", "clean", str(tmp_path), NAME)
    assert ran.code == 0 and "removed" in ran.out
    assert not list(incoming.iterdir())
    ran = bwc("incoming", "clean", str(tmp_path), NAME)
    assert ran.code == 9 and "bwc incoming list" in ran.err
    made_again = incoming / f"{NAME}.part"
    made_again.write_bytes(b"x")
    assert bwc("incoming", "clean", str(tmp_path), "--yes").code == 0 and not made_again.exists()


def test_what_is_in_use_stays_and_is_said(bwc: Bwc, tmp_path: Path) -> None:
    part = made(tmp_path) / f"{NAME}.part"
    held = os.open(part, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    ran = bwc("incoming", "clean", str(tmp_path), NAME)
    assert ran.code == 7 and "in use: it stayed" in ran.out and part.exists()
    assert bwc("incoming", "clean", str(tmp_path), "--yes").code == 0 and part.exists()
    os.close(held)


def test_a_directory_that_is_none_says_so(bwc: Bwc, tmp_path: Path) -> None:
    ran = bwc("incoming", "list", str(tmp_path / "missing"))
    assert ran.code == 9 and "does not exist" in ran.err

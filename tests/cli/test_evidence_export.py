"""`bwc evidence export`, as whoever gives recordings away runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.identity.ca.agency_file import to_pem
from tests.cli import test_evidence

Bwc = Callable[..., Any]
store = test_evidence.store


def test_what_is_given_away_verifies_and_says_to_whom(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    court = open_lab().agency.host("court", Role.EVIDENCE_RECIPIENT)
    certificate = tmp_path / "court.pem"
    certificate.write_text(to_pem(court.chain[:1]))
    words = ("--recording", "2", "--recipient", str(certificate), "--for", "court", "--by", "kim", "--lab")
    ran = bwc("evidence", "export", str(store), "--to", str(bag), *words, "--json")
    assert ran.code == 0 and ran.document["verdict"] == "verified in part"
    assert (ran.document["given_to"], ran.document["by"]) == ("court", "kim")
    assert [one["name"] for one in ran.document["recipients"]] == ["court"]
    assert ran.document["left_out_reasons"] == ["1 recording: not asked for"]
    assert ran.document["organization"] == "BWC lab"
    verified = bwc("evidence", "verify", str(bag / "data"), "--lab")
    assert verified.code == 19 and "1 recordings or files were left out" in verified.err
    assert json.loads((bag / "export.json").read_bytes())["given_to"] == "court"
    assert bwc("evidence", "verify", str(store), "--lab").code == 0
    again = bwc("evidence", "export", str(store), "--to", str(bag), "--lab")
    assert again.code == 9 and "nothing is replaced" in again.err


def test_a_question_finds_what_goes_out_and_nothing_is_no_export(
    bwc: Bwc, store: Path, tmp_path: Path
) -> None:
    none = bwc("evidence", "export", str(store), "--to", str(tmp_path / "bag"), "--case", "24-7", "--lab")
    assert none.code == 2 and "bwc evidence find" in none.err and not (tmp_path / "bag").exists()
    some = ("--from", "2000-01-01", "--until", "2100-01-01", "--camera", "sim-00000003", "--decrypt")
    ran = bwc("evidence", "export", str(store), "--to", str(tmp_path / "bag"), *some, "--lab", "--json")
    assert ran.code == 0 and len(ran.document["recordings"]) == 2 and ran.document["decrypted"]
    assert len(list((tmp_path / "bag" / "data").glob("*.derived.mp4"))) == 2


@pytest.mark.parametrize("wrong", ["a key", "no certificate"])
def test_what_is_no_recipient_is_refused(bwc: Bwc, store: Path, tmp_path: Path, wrong: str) -> None:
    path = min(store.glob("*.table" if wrong == "a key" else "*.manifest"))
    words = ("--to", str(tmp_path / "bag"), "--recipient", str(path), "--lab")
    assert bwc("evidence", "export", str(store), *words).code == 17

"""Somebody who was struck off signs no more for a policy: `--deny-list` of `bwc policy`."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bwc_protocol.declare import Role
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.session.tls import KeyCredentials
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.policy.demands import AtLeast
from bwc_sdk.policy.summary import sign_summary, summarise
from bwc_sdk.policy.waivers import sign_waiver, value_sha256
from tests.cli.conftest import Bwc
from tests.policy.packs import against, pack, rule
from tools.testkit import agencies

NOW = int(time.time())
DAY = ("--on", "2026-11-30")
DEPARTMENT = pack("department", rule("record.pre_event_s", "at_least", value=30), level="department")
AUDITOR = "A. Ditor"
"""One of each agency has that name."""
PACK = """
pack = 1
id = "{id}"
title = "{id}"
level = "{level}"
vocabulary = 1

[[rules]]
id = "record.pre_event_s"
demand = {{ kind = "at_least", value = {seconds} }}
status = "verified"
citation = {{ source = "a test" }}
"""


def _auditor(agency: str) -> HostIdentity:
    made = agencies.real(agency).host(AUDITOR, Role.AUDITOR)
    return HostIdentity.of(KeyCredentials(made.chain, made.key), agencies.real(agency).anchors)


def _roots(folder: Path, agency: str) -> str:
    path = folder / f"{agency}.pem"
    ders = agencies.real(agency).anchors
    path.write_bytes(b"".join(x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in ders))
    return str(path)


def _list(folder: Path, agency: str, *entries: Denied) -> str:
    path = folder / f"{agency}.cose"
    path.write_bytes(agencies.deny_list(agencies.real(agency), 3, *entries))
    return str(path)


def _signed(folder: Path, agency: str) -> None:
    ours = pack(agency.lower(), rule("record.pre_event_s", "at_least", value=30))
    folder.mkdir(exist_ok=True)
    data = sign_summary(_auditor(agency), summarise(against(ours, DEPARTMENT)), NOW)
    (folder / f"{agency}.summary").write_bytes(data)


@pytest.fixture
def report(bwc: Bwc, tmp_path: Path) -> tuple[str, ...]:
    """The report of a department that believes two agencies."""
    folder = tmp_path / "summaries"
    for agency in ("North", "South"):
        _signed(folder, agency)
    roots = [word for agency in ("North", "South") for word in ("--root", _roots(tmp_path, agency))]
    return ("policy", "report", str(folder), *roots, "--json", *DAY)


def test_a_summary_of_an_auditor_who_was_struck_off_is_refused_and_anothers_of_his_name_is_not(
    bwc: Bwc, report: tuple[str, ...], tmp_path: Path
) -> None:
    assert bwc(*report).code == 0
    ran = bwc(*report, "--deny-list", _list(tmp_path, "North", Denied(by=DeniedBy.NAME, name=AUDITOR)))
    assert ran.code == 22
    assert [one["agency"] for one in ran.document["agencies"]] == ["south"]
    (refused,) = ran.document["refused"]
    assert refused["file"] == "North.summary" and "deny list 3 of North denies its name" in refused["why"]


def test_a_key_is_denied_whoever_has_it_and_several_lists_count_together(
    bwc: Bwc, report: tuple[str, ...], tmp_path: Path
) -> None:
    lists = [_list(tmp_path, agency, Denied(by=DeniedBy.NAME, name=AUDITOR)) for agency in ("North", "South")]
    ran = bwc(*report, "--deny-list", lists[0], "--deny-list", lists[1])
    assert ran.code == 22 and not ran.document["agencies"] and len(ran.document["refused"]) == 2
    assert bwc(*report, "--deny-list", _list(tmp_path, "North")).code == 0, "it denies nobody"


def test_a_list_that_no_root_signed_or_that_is_not_there_ends_it(
    bwc: Bwc, report: tuple[str, ...], tmp_path: Path
) -> None:
    foreign = _list(tmp_path, "East", Denied(by=DeniedBy.NAME, name=AUDITOR))
    ran = bwc(*report, "--deny-list", foreign)
    assert ran.code not in (0, 22) and "no deny list of this agency" in ran.err
    assert bwc(*report, "--deny-list", str(tmp_path / "none.cose")).code == 9


def test_a_waiver_of_somebody_who_was_struck_off_waives_nothing(bwc: Bwc, tmp_path: Path) -> None:
    files = [tmp_path / "ours.toml", tmp_path / "theirs.toml"]
    for file, level, seconds in zip(files, ("agency", "department"), (10, 30), strict=True):
        file.write_text(PACK.format(id=file.stem, level=level, seconds=seconds))
    waiver = tmp_path / "w.waiver"
    waiver.write_bytes(
        sign_waiver(
            _auditor("North"),
            agency="ours",
            department="theirs",
            rule="record.pre_event_s",
            values=value_sha256(AtLeast(value=10), AtLeast(value=30)),
            reason="a trial",
            until=datetime.date(2027, 1, 1),
            utc_s=NOW,
        )
    )
    words = ("policy", "diff", str(files[0]), "--against", str(files[1]), "--waiver", str(waiver), *DAY)
    words = (*words, "--root", _roots(tmp_path, "North"))
    assert bwc(*words).code == 0
    ran = bwc(*words, "--deny-list", _list(tmp_path, "North", Denied(by=DeniedBy.NAME, name=AUDITOR)))
    assert ran.code == 22 and "waives nothing: w.waiver" in ran.err and "denies its name" in ran.err

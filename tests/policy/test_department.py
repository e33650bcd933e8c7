"""What leaves an agency, and what a department makes of it: counts, signed, and nobody's name."""

from __future__ import annotations

import datetime
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_sdk.errors import DocumentError, HostFileError, PolicyError
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.policy.check import Checked, check_recordings, inputs_sha256
from bwc_sdk.policy.comparison import Verdict
from bwc_sdk.policy.department import Report, document, read_report
from bwc_sdk.policy.department_page import page
from bwc_sdk.policy.figures import Figures, Site, Training, read_figures
from bwc_sdk.policy.pack import Pack
from bwc_sdk.policy.page import to_html, to_json, to_markdown
from bwc_sdk.policy.seen import Seen
from bwc_sdk.policy.summary import (
    Configured,
    Summary,
    SummaryDocument,
    configured_by,
    sign_summary,
    summarise,
    verify_summary,
)
from tests.policy.packs import DAY, against, pack, rule
from tests.policy.recordings import POLICY, manifest, seen

NOW = int(time.time())
DEPARTMENT = pack("department", rule("record.pre_event_s", "at_least", value=30), level="department")
FIGURES = Figures(
    figures=1,
    sites=(
        Site(site="Houston", phase="pilot", planned=40, issued=40),
        Site(site="Atlanta", phase="second", planned=60, issued=20, due=datetime.date(2026, 6, 30)),
    ),
    training=Training(officers=100, valid=90),
)


@pytest.fixture(scope="module")
def auditor() -> HostIdentity:
    """Somebody of an agency."""
    return LabIdentities("A. Ditor").for_role(Role.AUDITOR, NOW)


@pytest.fixture(scope="module")
def believed(auditor: HostIdentity) -> Believed:
    """Whoever believes that agency."""
    return Believed(roots=auditor.anchors, lab=auditor.lab)


def agency(name: str, seconds: int) -> Pack:
    """A policy with one rule."""
    return pack(name, rule("record.pre_event_s", "at_least", value=seconds))


def summary(name: str = "north", seconds: int = 60, **more: Any) -> Summary:
    """What is said of an agency."""
    return summarise(against(agency(name, seconds), DEPARTMENT), **more)


def checked(*recordings: Seen) -> Checked:
    """A check of these."""
    told = check_recordings(POLICY, recordings, now_ns=None)
    late = sum(str(one.kind) == "late-offload" for one in told)
    return Checked(POLICY, told, len(recordings), ("CAM-1",), late, inputs_sha256(POLICY, recordings, {}))


def put(folder: Path, name: str, data: bytes) -> None:
    """A file of a directory."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)


def verified(data: bytes, believed: Believed) -> Summary:
    """What a reader believes."""
    return verify_summary(data, believed.roots, Trust(lab=believed.lab)).summary


def test_a_summary_is_signed_and_read_back(auditor: HostIdentity, believed: Believed) -> None:
    said = summary(
        checked=checked(seen(manifest(1)), seen(manifest(2), stored_h=30)),
        configured=Configured(cameras=5, drifted=1),
        figures=FIGURES,
    )
    assert verified(sign_summary(auditor, said, NOW), believed) == said
    assert said.verdict is Verdict.EXCEEDS and said.recordings is not None
    assert (said.recordings.recordings, said.recordings.late) == (2, 1)
    assert said.recordings.tally == {"late-offload": 1}


def test_no_name_and_no_camera_leaves_an_agency(auditor: HostIdentity) -> None:
    told = checked(seen(replace(manifest(2), circumstances=None), category=""))
    data = sign_summary(auditor, summary(checked=told, figures=FIGURES), NOW)
    body = SummaryDocument.decode(SignedDocument.decode(data).payload).body
    for secret in (b"K1234", b"CAM-1", manifest(2).recording_id.hex().encode(), b"sentence", b'"reason"'):
        assert secret not in body
    assert b"no-event" in body


def test_a_summary_has_no_room_for_more(auditor: HostIdentity, believed: Believed) -> None:
    said = json.loads(summary().model_dump_json())
    for more in ({"officers": ["K1234"]}, {"note": "x"}):
        payload = SummaryDocument(
            lab=auditor.lab, agency="north", body=json.dumps({**said, **more}).encode(), signed_utc_s=NOW
        ).encode()
        with pytest.raises(DocumentRefused) as told:
            verified(SignedDocument(payload).signed_by(auditor.credentials).encode(), believed)
        assert told.value.check is DocumentCheck.FORM


def test_a_summary_under_another_policys_name_is_refused(auditor: HostIdentity, believed: Believed) -> None:
    payload = SummaryDocument(
        lab=auditor.lab, agency="south", body=summary().model_dump_json().encode(), signed_utc_s=NOW
    ).encode()
    with pytest.raises(DocumentRefused, match="another policy"):
        verified(SignedDocument(payload).signed_by(auditor.credentials).encode(), believed)


def test_a_summary_that_says_it_is_of_another_lab_is_refused(
    auditor: HostIdentity, believed: Believed
) -> None:
    payload = SummaryDocument(
        lab="another", agency="north", body=summary().model_dump_json().encode(), signed_utc_s=NOW
    ).encode()
    with pytest.raises(DocumentRefused) as told:
        verified(SignedDocument(payload).signed_by(auditor.credentials).encode(), believed)
    assert told.value.check is DocumentCheck.LAB


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.RECORDS])
def test_nobody_but_an_auditor_signs_one(role: Role, believed: Believed) -> None:
    other = LabIdentities("O. Ther").for_role(role, NOW)
    with pytest.raises(DocumentError):
        sign_summary(other, summary(), NOW)
    payload = SummaryDocument(
        lab=other.lab, agency="north", body=summary().model_dump_json().encode(), signed_utc_s=NOW
    ).encode()
    with pytest.raises(DocumentRefused) as told:
        verified(SignedDocument(payload).signed_by(other.credentials).encode(), believed)
    assert told.value.check is DocumentCheck.ROLE


def test_a_signature_of_before_the_certificate_counts_not(auditor: HostIdentity, believed: Believed) -> None:
    with pytest.raises(DocumentError):
        sign_summary(auditor, summary(), 1)
    payload = SummaryDocument(
        lab=auditor.lab, agency="north", body=summary().model_dump_json().encode(), signed_utc_s=1
    ).encode()
    with pytest.raises(DocumentRefused) as told:
        verified(SignedDocument(payload).signed_by(auditor.credentials).encode(), believed)
    assert told.value.check is DocumentCheck.TIME


# The report


@pytest.fixture
def three(tmp_path: Path, auditor: HostIdentity) -> list[Path]:
    """Summaries of three agencies, in two directories: one meets, one exceeds, one falls short."""
    meeting = summary("meeting", 30, figures=FIGURES, configured=Configured(cameras=10, drifted=2))
    put(tmp_path / "a", "1.summary", sign_summary(auditor, meeting, NOW))
    put(tmp_path / "a", "2.summary", sign_summary(auditor, summary("exceeding", 60), NOW))
    late = checked(seen(manifest(1), stored_h=30), seen(manifest(2)))
    put(tmp_path / "b", "3.summary", sign_summary(auditor, summary("short", 10, checked=late), NOW))
    put(tmp_path / "b", "notes.txt", b"not looked at")
    os.mkfifo(tmp_path / "b" / "pipe.summary")
    return [tmp_path / "a", tmp_path / "b"]


def reported(three: list[Path], believed: Believed | None, **more: Any) -> Report:
    """The report of a day."""
    return read_report(three, believed, **{"on": DAY, **more})


def test_who_meets_or_exceeds(three: list[Path], believed: Believed) -> None:
    found = reported(three, believed, department=DEPARTMENT)
    assert {one.summary.agency.id: str(one.summary.verdict) for one in found.agencies} == {
        "exceeding": "exceeds",
        "meeting": "meets",
        "short": "falls-short",
    }
    assert not found.meets and not found.refused
    told = {one["agency"]: one for one in document(found)["agencies"]}
    assert told["meeting"]["overdue"] == [{"site": "Atlanta", "phase": "second", "missing": 40}]
    assert told["short"]["summary"]["recordings"]["late"] == 1
    (three[1] / "3.summary").unlink()
    assert reported(three, believed, department=DEPARTMENT).meets


def test_the_page_says_it_to_people_the_same_each_time(three: list[Path], believed: Believed) -> None:
    one, other = reported(three, believed), reported(list(reversed(three)), believed)
    for render in (to_html, to_markdown):
        assert render(page(one)) == render(page(other))
    assert to_json(document(one)) == to_json(document(other))
    html, markdown = to_html(page(one)), to_markdown(page(one))
    assert "2 of 3 agencies meet or exceed it" in html and html.count("<svg") == 5
    assert "2026-06-30 (overdue)" in markdown and "60 of 100" in markdown and "90 of 100" in markdown
    assert "not told" in markdown


def test_of_each_agency_the_newest_counts(
    three: list[Path], believed: Believed, auditor: HostIdentity
) -> None:
    put(three[0], "9.summary", sign_summary(auditor, summary("short", 60), NOW + 5))
    put(three[0], "10.summary", sign_summary(auditor, summary("short", 60), NOW + 5))
    found = reported(three, believed)
    assert found.older == 1 and {str(one.summary.verdict) for one in found.agencies} == {"exceeds", "meets"}
    put(three[0], "11.summary", sign_summary(auditor, summary("short", 5), NOW + 1))
    assert {str(one.summary.verdict) for one in reported(three, believed).agencies} == {"exceeds", "meets"}


def test_what_is_not_signed_by_whom_one_believes_is_refused_and_said(
    three: list[Path], believed: Believed, auditor: HostIdentity
) -> None:
    good = (three[0] / "1.summary").read_bytes()
    put(three[0], "changed.summary", good.replace(b'"issued":20', b'"issued":60'))
    put(three[0], "none.summary", b"hello")
    future = summarise(against(agency("f", 60), DEPARTMENT, on=datetime.date(2027, 1, 1)))
    put(three[0], "future.summary", sign_summary(auditor, future, NOW))
    found = reported(three, believed)
    assert [one.file for one in found.refused] == ["changed.summary", "future.summary", "none.summary"]
    assert not found.meets
    nobody = reported(three, None)
    assert not nobody.agencies and len(nobody.refused) == 6 and not nobody.meets
    elsewhere = reported(three, replace(believed, lab="another"))
    assert not elsewhere.agencies


def test_whoever_is_denied_says_nothing_for_an_agency(three: list[Path], believed: Believed) -> None:
    denying: Any = SimpleNamespace(denies=lambda certificate: "left")
    assert not reported(three, replace(believed, deny_list=denying)).agencies


def test_by_another_version_of_the_departments_policy_nobody_meets(
    three: list[Path], believed: Believed
) -> None:
    (three[1] / "3.summary").unlink()
    newer = pack("department", rule("record.pre_event_s", "at_least", value=31), level="department")
    found = reported(three, believed, department=newer)
    assert not found.meets and all(found.of_another_version(one) for one in found.agencies)
    assert "another version" in to_markdown(page(found))
    assert reported(three, believed).meets, "all by the same one"


def test_an_empty_report_is_no_good_one(tmp_path: Path, believed: Believed) -> None:
    assert not read_report([tmp_path], believed, on=DAY).meets
    with pytest.raises(HostFileError):
        read_report([tmp_path / "none"], believed, on=DAY)


# What an agency puts in


def test_figures_are_read_and_what_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    file.write_text(
        'figures = 1\n[[sites]]\nsite = "Houston"\nphase = "pilot"\nplanned = 4\nissued = 3\ndue = 2026-06-30\n'
        "[training]\nofficers = 3\nvalid = 2\n"
    )
    assert read_figures(file).sites[0].due == datetime.date(2026, 6, 30)
    for wrong in ("x", 'figures = 1\nname = "K"', "figures = 1\n[training]\nofficers = 1\nvalid = 2\n"):
        file.write_text(wrong)
        with pytest.raises(PolicyError, match=r"f\.toml"):
            read_figures(file)
    twice = '[[sites]]\nsite = "a"\nphase = "b"\nplanned = 1\nissued = 1\n'
    file.write_text(f"figures = 1\n{twice}{twice}")
    with pytest.raises(PolicyError, match="twice"):
        read_figures(file)


def test_cameras_and_drift_are_counted_from_checks(tmp_path: Path) -> None:
    def check(camera: str, *kinds: str, policy: str = "1" * 64) -> Path:
        file = tmp_path / f"{camera}.json"
        found = [{"kind": kind, "camera": camera, "counts": True} for kind in kinds]
        query = {"name": "policy-check"}
        file.write_text(
            json.dumps({"device": {"identity": camera}, "query": query, "sha256": policy, "findings": found})
        )
        return file

    files = [check("A"), check("B", "drift", "no-event"), check("C", "no-event")]
    assert configured_by(files, "1" * 64) == Configured(cameras=3, drifted=1)
    assert configured_by([*files, files[1]], "1" * 64) == Configured(cameras=3, drifted=1)
    with pytest.raises(PolicyError, match="another policy"):
        configured_by(files, "2" * 64)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(PolicyError, match="no check"):
        configured_by([tmp_path / "x.json"], "1" * 64)


def test_what_nobody_told_is_no_zero_and_the_colours_are_explained(
    auditor: HostIdentity, believed: Believed, tmp_path: Path
) -> None:
    put(tmp_path, "south.summary", sign_summary(auditor, summary("south"), NOW))
    shown = page(read_report([tmp_path], believed, on=DAY))
    bars = [bar for plot in shown.plots[1:] for bar in plot.bars]
    assert len(bars) == 4 and not any(bar.told for bar in bars)
    markdown, html = to_markdown(shown), to_html(shown)
    assert markdown.count("| south | not told |") == 4 and ">not told</text>" in html
    assert "| south | 0" not in markdown
    for text in (markdown, html):
        assert "amber" in text and "overdue" in text


def test_a_store_without_a_recording_is_not_shown_as_nothing_late(
    auditor: HostIdentity, believed: Believed, tmp_path: Path
) -> None:
    put(tmp_path, "south.summary", sign_summary(auditor, summary("south", checked=checked()), NOW))
    shown = to_markdown(page(read_report([tmp_path], believed, on=DAY)))
    assert "south (no recordings)" in shown

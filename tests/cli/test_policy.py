"""`bwc policy`: what is printed, what it exits with, and that nothing else loads what reads packs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.session.tls import KeyCredentials
from bwc_sdk.cli.verbs.policy import summarising
from bwc_sdk.identity.host_identity import HostIdentity
from tests.cli.conftest import Bwc
from tools.testkit import agencies

AGENCY = """
pack = 1
id = "north"
title = "North"
level = "agency"
vocabulary = 1
parent = "us-dhs-2023"

[[rules]]
id = "record.pre_event_s"
demand = { kind = "at_least", value = 30 }
status = "verified"
citation = { source = "North's order 7", place = "3" }
"""
WEAKER = """
[[rules]]
id = "record.activate_on"
demand = { kind = "must_include", values = ["warrant"] }
status = "verified"
citation = { source = "North's order 7", place = "4" }
"""
DAY = ("--on", "2026-11-30")


@pytest.fixture
def agency(tmp_path: Path) -> str:
    """A pack that takes over the department's."""
    (tmp_path / "north.toml").write_text(AGENCY)
    return str(tmp_path / "north.toml")


def test_the_shipped_packs_are_listed_shown_and_copied(bwc: Bwc, tmp_path: Path) -> None:
    listed = bwc("policy", "list", "--json").document["packs"]
    assert "us-dhs-2023" in [one["id"] for one in listed]
    shown = bwc("policy", "show", "us-dhs-2023", "--json", *DAY).document
    assert shown["pack"]["sha256"] == next(one["sha256"] for one in listed if one["id"] == "us-dhs-2023")
    assert {one["rule"] for one in shown["rules"]} >= {"record.activate_on", "use.forbidden"}
    copy = tmp_path / "mine.toml"
    copy.write_text(bwc("policy", "show", "us-dhs-2023", "--toml").out)
    assert (
        bwc("policy", "show", str(copy), "--json", *DAY).document["pack"]["sha256"] == shown["pack"]["sha256"]
    )


def test_diff_exits_with_0_only_when_it_meets_or_exceeds(bwc: Bwc, agency: str) -> None:
    good = bwc("policy", "diff", agency, "--against", "us-dhs-2023", "--json", *DAY)
    assert good.code == 0, good.err
    assert good.document["verdict"] == "exceeds" and good.document["meets"]
    Path(agency).write_text(AGENCY + WEAKER)
    bad = bwc("policy", "diff", agency, "--against", "us-dhs-2023", *DAY)
    assert bad.code == 22
    assert "weaker\trecord.activate_on" in bad.out and "emergency-call" in bad.out
    assert "North's order 7, 4 (verified)" in bad.out and "DHS press release" in bad.out
    assert bwc("policy", "diff", "us-ice-example", "--against", "us-dhs-2023", *DAY).code == 22


def test_a_weaker_rule_that_is_only_recalled_says_in_every_output_that_it_warns(
    bwc: Bwc, agency: str, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.toml"
    text = AGENCY.replace('"north"', '"theirs"').replace("value = 30", "value = 60")
    theirs.write_text(text.replace("verified", "recalled"))
    ran = bwc("policy", "diff", agency, "--against", str(theirs), *DAY)
    (row,) = [one for one in ran.out.splitlines() if "record.pre_event_s" in one]
    assert ran.code == 0 and "weaker\trecord.pre_event_s" in row and "only recalled: warns" in row, ran.out


def test_a_report_is_written_as_markdown_and_one_page(bwc: Bwc, agency: str, tmp_path: Path) -> None:
    files = [tmp_path / "r.md", tmp_path / "r.html"]
    words = ("--markdown", str(files[0]), "--html", str(files[1]))
    for _ in range(2):
        ran = bwc("policy", "diff", agency, "--against", "us-dhs-2023", *words, *DAY)
        assert ran.code == 0 and str(files[1]) in ran.err
        first = [file.read_bytes() for file in files]
    assert first == [file.read_bytes() for file in files]
    assert b"<svg" in first[1] and b"# north against us-dhs-2023" in first[0]


def test_a_waiver_is_signed_and_given(bwc: Bwc, agency: str, tmp_path: Path) -> None:
    Path(agency).write_text(AGENCY + WEAKER)
    waiver = str(tmp_path / "w.waiver")
    diff = ("policy", "diff", agency, "--against", "us-dhs-2023", "--lab", *DAY)
    words = ("policy", "waive", agency, "--against", "us-dhs-2023", "--reason", "a trial", "--lab", *DAY)
    done = bwc(*words, "--rule", "record.activate_on", "--until", "2026-12-31", "--out", waiver)
    assert done.code == 0, done.err
    assert bwc(*diff).code == 22
    held = bwc(*diff, "--waiver", waiver, "--json")
    assert held.code == 0 and held.document["verdict"] == "meets-by-waiver"
    late = bwc(*diff[:-1], "2027-01-01", "--waiver", waiver)
    assert late.code == 22 and "ended on 2026-12-31" in late.err
    again = bwc(*words, "--rule", "record.activate_on", "--until", "2026-12-31", "--out", waiver)
    assert again.code == 9 and "is there already" in again.err
    needless = bwc(*words, "--rule", "record.pre_event_s", "--until", "2026-12-31", "--out", waiver + "2")
    assert needless.code == 2 and "record.activate_on" in needless.err
    past = bwc(*words, "--rule", "record.activate_on", "--until", "2025-12-31", "--out", waiver + "2")
    assert past.code == 2 and not Path(waiver + "2").exists()


def test_a_labs_signature_counts_only_where_somebody_asks_for_it(
    bwc: Bwc, agency: str, tmp_path: Path
) -> None:
    Path(agency).write_text(AGENCY + WEAKER)
    waiver, summaries = str(tmp_path / "w.waiver"), tmp_path / "summaries"
    summaries.mkdir()
    words = ("policy", "waive", agency, "--against", "us-dhs-2023", "--reason", "a trial", "--lab", *DAY)
    given = ("--rule", "record.activate_on", "--until", "2026-12-31", "--out", waiver)
    assert bwc(*words, *given).code == 0
    diff = ("policy", "diff", agency, "--against", "us-dhs-2023", "--waiver", waiver, *DAY)
    unasked = bwc(*diff)
    assert unasked.code == 22 and "falls-short" in unasked.out and "nobody is believed here" in unasked.err
    assert "--root" in unasked.err and "--lab" in unasked.err
    page = tmp_path / "d.html"
    asked = bwc(*diff, "--lab", "--html", str(page))
    assert asked.code == 0 and "LAB" in asked.out and ">LAB, for trying out" in page.read_text()
    made = ("--against", "us-dhs-2023", *DAY, "--out", str(summaries / "n.summary"))
    assert bwc("policy", "summarise", agency, *made, "--lab").code == 0
    report = ("policy", "report", str(summaries), *DAY)
    refused = bwc(*report, "--json")
    assert refused.code == 22 and "nobody is believed here" in refused.document["refused"][0]["why"]
    told = bwc(*report, "--lab", "--html", str(page))
    assert "LAB" in told.out and ">LAB, for trying out" in page.read_text() and "(LAB)" in page.read_text()


def test_an_agencys_summary_never_rests_on_a_labs_waiver(
    bwc: Bwc, agency: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(agency).write_text(AGENCY + WEAKER)
    waiver, out = str(tmp_path / "w.waiver"), tmp_path / "n.summary"
    words = ("policy", "waive", agency, "--against", "us-dhs-2023", "--reason", "a trial", "--lab", *DAY)
    given = ("--rule", "record.activate_on", "--until", "2026-12-31", "--out", waiver)
    assert bwc(*words, *given).code == 0
    made = agencies.real("North").host("A. Ditor", Role.AUDITOR)
    real = HostIdentity.of(KeyCredentials(made.chain, made.key), agencies.real("North").anchors)
    monkeypatch.setattr(summarising, "identity_to_sign", lambda *_: real)
    against = ("--against", "us-dhs-2023", "--waiver", waiver, *DAY, "--out", str(out), "--lab")
    ran = bwc("policy", "summarise", agency, *against)
    assert ran.code == 2 and "of a lab" in ran.err and not out.exists()


def test_a_pack_that_is_none_is_8_and_says_what_to_do(bwc: Bwc, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("pack = 1\n")
    ran = bwc("policy", "show", str(tmp_path / "x.toml"))
    assert ran.code == 8 and "things are wrong" in ran.err and "docs/policy.md" in ran.err
    told = bwc("policy", "show", "us-dhs", "--json")
    assert told.code == 8 and told.error["problems"] and "did you mean us-dhs-2023" in told.error["rule"]
    assert bwc("policy", "show", str(tmp_path / "none.toml")).code == 9
    assert bwc("policy", "show", "us-dhs-2023", "--on", "yesterday").code == 2
    assert bwc("policy", "show", "us-dhs-2023", "--packs", str(tmp_path / "none")).code == 9


def test_the_schema_is_printed(bwc: Bwc) -> None:
    assert json.loads(bwc("policy", "schema").out)["properties"]["rules"]


def test_its_help_loads_nothing_that_reads_packs_and_without_that_it_says_what_is_missing() -> None:
    probe = """
import sys
from bwc_sdk.__main__ import main
assert main(["policy", "--help"]) == 0 and main(["policy", "diff", "--help"]) == 0
loaded = {"pydantic", "cryptography", "bwc_protocol.evidence"} & set(sys.modules)
sys.modules["pydantic"] = None
sys.stderr.write(f"{sorted(loaded)} {main(['policy', 'list'])}")
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[] 11") and "pip install 'bwc-sdk[policy]'" in done.stderr


def test_lint_exits_with_22_if_there_is_an_error(bwc: Bwc, agency: str, tmp_path: Path) -> None:
    assert bwc("policy", "lint", "example-agency", *DAY).code == 0
    Path(agency).write_text(AGENCY + '[settings]\n"power.sleep_after_s" = 900\n')
    wrong = bwc("policy", "lint", agency, "--json", *DAY)
    assert wrong.code == 22
    first = wrong.document["findings"][0]
    assert (first["code"], first["severity"], first["rule"]) == (
        "sleep-loses-pre-event",
        "error",
        "record.pre_event_s",
    )
    assert first["todo"] and wrong.document["query"]["version"] == 2
    files = [tmp_path / "l.html", tmp_path / "l.md"]
    told = bwc("policy", "lint", agency, "--html", str(files[0]), "--markdown", str(files[1]), *DAY)
    assert told.code == 22 and "sleep-loses-pre-event" in files[1].read_text()
    assert "<svg" in files[0].read_text() and wrong.document["inputs_sha256"] in files[0].read_text()
    refused = bwc("policy", "compile", agency, *DAY)
    assert refused.code == 8 and "bwc policy lint" in refused.err


def test_what_is_compiled_is_a_profile_that_a_camera_takes(bwc: Bwc, sim: str, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    ran = bwc("policy", "compile", "example-agency", "--toml", *DAY)
    profile.write_text(ran.out)
    applied = bwc("config", "apply", str(profile), device=sim)
    assert applied.code == 0, applied.err
    shown = bwc("policy", "show", "example-agency", "--json", *DAY).document["pack"]["sha256"]
    assert bwc("config", "get", "policy.sha256", device=sim).out.strip() == shown
    page = tmp_path / "c.html"
    whole = bwc("policy", "compile", "example-agency", "--json", "--html", str(page), *DAY).document
    assert whole["inputs_sha256"] in page.read_text() and "recording.pre_event_s" in page.read_text()
    assert whole["profile"]["recording.pre_event_s"] == 60 and whole["by_people"] and whole["gate"]


def test_a_camera_is_held_to_its_policy_before_and_after_it_is_set(bwc: Bwc, tmp_path: Path) -> None:
    camera = "sim:?seed=9971&recordings=0"
    before = bwc("policy", "check", "example-agency", "--json", *DAY, device=camera)
    assert before.code == 22
    kinds = {(one["kind"], one["rule"]) for one in before.document["findings"]}
    assert ("setting", "record.pre_event_s") in kinds and ("not-this-policy", "") in kinds
    profile = tmp_path / "profile.toml"
    profile.write_text(bwc("policy", "compile", "example-agency", "--toml", *DAY).out)
    assert bwc("config", "apply", str(profile), device=camera).code == 0
    after = bwc("policy", "check", "example-agency", "--json", *DAY, device=camera)
    (waits,) = after.document["findings"]
    assert (
        after.code == 22 and "trigger.peer" in waits["sentence"] and "not in effect yet" in waits["sentence"]
    )


def test_a_camera_that_is_as_its_policy_asks_is_0(bwc: Bwc, tmp_path: Path, agency: str) -> None:
    camera, profile = "sim:?seed=9973&recordings=0", tmp_path / "profile.toml"
    profile.write_text(bwc("policy", "compile", agency, "--toml", *DAY).out)
    assert bwc("config", "apply", str(profile), device=camera).code == 0
    kept = bwc("policy", "check", agency, "--json", *DAY, device=camera)
    assert kept.code == 0, kept.out
    assert kept.document["keeps"] and kept.document["findings"] == []


def test_a_store_is_held_to_a_policy_the_same_each_time_and_without_names(bwc: Bwc, tmp_path: Path) -> None:
    camera, store = "sim:?seed=9972&recordings=2&mib=1", tmp_path / "store"
    assert bwc("assign", "K4711", "--unit", "north", device=camera).code == 0
    assert bwc("offload", str(store), "--mkdir", device=camera).code == 0
    words = ("policy", "check", "example-agency", "--store", str(store), *DAY)
    files = [tmp_path / "r.html", tmp_path / "r.md"]
    first = bwc(*words, "--json", "--html", str(files[0]), "--markdown", str(files[1]))
    assert first.code == 22 and first.document["recordings"] == 2
    assert bwc(*words, "--json").out == first.out
    assert {"no-event", "no-stop-reason"} <= set(first.document["tally"])
    for text in (first.out, *(file.read_text(encoding="utf-8") for file in files)):
        assert "K4711" not in text
    assert "<svg" in files[0].read_text(encoding="utf-8")


def test_what_is_to_be_checked_has_to_be_named(bwc: Bwc, tmp_path: Path) -> None:
    assert bwc("policy", "check", "example-agency").code == 2
    assert bwc("policy", "check", "example-agency", "--store", str(tmp_path / "none")).code == 9


def test_a_directory_without_a_recording_is_no_clean_bill(bwc: Bwc, tmp_path: Path) -> None:
    (tmp_path / "mistyped").mkdir()
    words = ("policy", "check", "example-agency", *DAY, "--store")
    wrong = bwc(*words, str(tmp_path / "mistyped"))
    assert wrong.code == 9 and "no store" in wrong.err and "offloads store into" in wrong.err
    beside = bwc(*words, str(tmp_path / "mistyped"), device="sim:?recordings=0")
    assert beside.code == 9, "also beside a camera"
    out = str(tmp_path / "n.summary")
    signed = ("policy", "summarise", "example-agency", "--against", "us-dhs-2023", "--lab", "--out", out)
    assert bwc(*signed, "--store", str(tmp_path / "mistyped")).code == 9 and not Path(out).exists()
    empty = str(tmp_path / "empty")
    assert bwc("offload", empty, "--mkdir", device="sim:?recordings=0").code == 0
    none = bwc(*words, empty)
    assert none.code == 2 and "nothing to judge" in none.out and "nothing to judge" in none.err


def test_agencies_sign_summaries_and_a_department_reads_them(bwc: Bwc, agency: str, tmp_path: Path) -> None:
    figures, summaries = tmp_path / "figures.toml", tmp_path / "summaries"
    summaries.mkdir()
    figures.write_text(
        'figures = 1\n[[sites]]\nsite = "Houston"\nphase = "pilot"\nplanned = 50\nissued = 48\n'
        "[training]\nofficers = 48\nvalid = 47\n"
    )
    camera, kept = "sim:?seed=9974&recordings=1&mib=1", tmp_path / "check.json"
    assert bwc("assign", "K4711", device=camera).code == 0
    assert bwc("offload", str(tmp_path / "store"), "--mkdir", device=camera).code == 0
    kept.write_text(bwc("policy", "check", agency, "--json", *DAY, device=camera).out)
    words = ("--against", "us-dhs-2023", "--lab", *DAY)
    parts = ("--store", str(tmp_path / "store"), "--check", str(kept), "--figures", str(figures))
    done = bwc("policy", "summarise", agency, *words, *parts, "--out", str(summaries / "n.summary"), "--json")
    assert done.code == 0, done.err
    said = done.document["summary"]
    assert said["verdict"] == "exceeds" and said["recordings"]["recordings"] == 1
    assert said["configured"] == {"cameras": 1, "drifted": 1}
    assert "K4711" not in done.out and b"K4711" not in (summaries / "n.summary").read_bytes()
    page = tmp_path / "department.html"
    report = ("policy", "report", str(summaries), "--against", "us-dhs-2023", "--lab", *DAY)
    good = bwc(*report, "--html", str(page))
    assert good.code == 0, good.err
    assert "north\texceeds\t50\t48" in good.out and "<svg" in page.read_text()
    falls = bwc("policy", "summarise", "us-ice-example", *words, "--out", str(summaries / "ice.summary"))
    assert falls.code == 0 and bwc(*report).code == 22
    assert bwc(*(one for one in report if one != "--lab"), "--root", str(figures)).code != 0
    assert bwc("policy", "report", str(tmp_path / "none"), "--lab").code == 9


def test_more_cameras_than_planned_are_asked_about_where_that_is_signed(
    bwc: Bwc, agency: str, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.toml"
    site = '[[sites]]\nsite = "{}"\nphase = "pilot"\nplanned = {}\nissued = {}\n'
    figures.write_text("figures = 1\n" + site.format("Houston", 50, 60) + site.format("Dallas", 50, 50))
    words = ("--against", "us-dhs-2023", "--lab", *DAY, "--figures", str(figures))
    ran = bwc("policy", "summarise", agency, *words, "--out", str(tmp_path / "n.summary"), "--json")
    said = "Houston, pilot: 60 cameras are issued of 50 that are planned"
    assert ran.code == 0 and ran.document["doubts"] == [said]
    told = bwc("policy", "summarise", agency, *words, "--out", str(tmp_path / "m.summary"))
    assert told.code == 0 and said in told.err and "Dallas" not in told.err


def test_training_is_counted_from_a_roster_and_nobody_is_named(bwc: Bwc, agency: str, tmp_path: Path) -> None:
    roster, figures = tmp_path / "officers.csv", tmp_path / "figures.toml"
    roster.write_text(
        "officer;training valid until;ended\nK1;2027-01-01;\nK2;2026-11-30;\nK3;2026-11-29;\nK4;;\n"
        "K5;2030-01-01;2026-01-01\n"
    )
    words = (
        "policy",
        "summarise",
        agency,
        "--against",
        "us-dhs-2023",
        "--lab",
        *DAY,
        "--roster",
        str(roster),
    )
    done = bwc(*words, "--out", str(tmp_path / "n.summary"), "--json")
    assert done.code == 0, done.err
    assert done.document["summary"]["training"] == {"officers": 4, "valid": 2}
    assert not any(name in done.out for name in ("K1", "K2", "K3", "K4", "K5"))
    figures.write_text("figures = 1\n[training]\nofficers = 4\nvalid = 4\n")
    twice = bwc(*words, "--figures", str(figures), "--out", str(tmp_path / "m.summary"))
    assert twice.code == 2 and not (tmp_path / "m.summary").exists()


def test_the_command_for_the_gate_is_one_that_there_is(bwc: Bwc, tmp_path: Path) -> None:
    command = bwc("policy", "compile", "example-agency", "--json", *DAY).document["gate_command"]
    assert command == "bwc check --profile profile.toml --hours 8 --roster officers.csv"
    (tmp_path / "profile.toml").write_text(bwc("policy", "compile", "example-agency", "--toml", *DAY).out)
    (tmp_path / "officers.csv").write_text("officer,training valid until\nK1,2099-01-01\n")
    words = [str(tmp_path / one) if one.endswith((".toml", ".csv")) else one for one in command.split()[1:]]
    ran = bwc(*words, "--no-self-test", "--json", device="sim:?seed=9975&recordings=0")
    assert ran.code == 24 and ran.document, "it is assigned to nobody, for one thing"

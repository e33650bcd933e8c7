"""The report as a file, as a page and as a signed statement; and two of them compared. Without a device."""

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tinyhtml5.parser import HTMLParser

from bwc_protocol.declare import Role
from bwc_sdk.errors import BwcError, DocumentError, EvidenceMismatch, HostFileError
from bwc_sdk.identity.lab_identities import LabIdentities
from hil_tests.conformance import difference, folder, signing
from hil_tests.conformance.page import WATERMARK, WHO_KNOWS, render
from hil_tests.conformance.report import (
    PAGE,
    REPORT,
    SIGNATURE,
    Captured,
    Device,
    Environment,
    Measured,
    Report,
    Requirement,
    Tried,
    decode,
    encode,
    read,
)
from hil_tests.conformance.words import summary
from hil_tests.device.identities import BenchIdentities
from hil_tests.judging.verdict import Conformity, Outcome, Verdict

HOSTILE = '</pre></script><script>document.title = "owned"</script>\x1b[31m&<b>'
NOW = 1_796_029_200
"""A time at which the lab's certificates are valid."""

CAMERA = Device(
    uri="serial:/dev/ttyACM0",
    identity="X60-0001",
    kind="camera",
    manufacturer="Maker",
    model="X60",
    hardware="C",
    firmware="2.1.0",
    firmware_sha256="ab" * 32,
    protocol="1.2",
    capabilities=("serial",),
    says_simulator=False,
)
BROKEN = Tried(
    name="test_lnk.py::test_it",
    outcome=Outcome.FAILED,
    expected="HELLO_ACK with the same nonce",
    observed=HOSTILE,
    transcript=("0.000 host HELLO", "0.250 device " + HOSTILE),
    seconds=5.25,
    connected_as="auditor: tester",
)


def requirement(verdict: Verdict, *tests: Tried, section: str = "Link", why: str = "") -> Requirement:
    return Requirement(
        verdict=verdict, level="MUST", section=section, sentence="A device MUST `ack`.", why=why, tests=tests
    )


def report(**changes: Any) -> Report:
    """A report with a rule of each verdict."""
    passed = Tried(name="test_lnk.py::test_kept", outcome=Outcome.PASSED, expected="it is kept", seconds=0.1)
    usual: dict[str, Any] = {
        "device": CAMERA,
        "session": "LAB session (lab 1234)",
        "secure": True,
        "scope": (),
        "strict": False,
        "requirements": {
            "LNK-001": requirement(Verdict.PASS, passed),
            "LNK-002": requirement(Verdict.FAIL, BROKEN, passed),
            "LNK-003": requirement(Verdict.WARN, dataclasses.replace(BROKEN, outcome=Outcome.WARNED)),
            "LNK-004": requirement(Verdict.INCONCLUSIVE, why="the device vanished"),
            "CHN-001": requirement(Verdict.NOT_APPLICABLE, section="Channel", why="it has none"),
            "CHN-026": requirement(Verdict.NOT_TESTED, section="Channel, Retransmission", why="no switch"),
        },
        "others": (passed,),
        "measurements": (
            Measured(name="connect time", value=0.4, unit="s", at_most=15.0),
            Measured(name="offload rate", value=96_000.0, unit="byte/s", note="115,200 baud"),
        ),
        "actuators": (),
        "seed": 7,
        "environment": Environment(
            sdk="0.1.0", python="3.11.7", pytest="9.2.0", platform="Linux", specification_sha256="cd" * 32
        ),
        "started_utc": "2026-11-30T09:00:00Z",
        "duration_s": 12.5,
    }
    return Report(**(usual | changes))


# The file


def test_a_report_reads_as_it_was_written() -> None:
    one = report()
    assert decode(encode(one), "x") == one


def test_the_file_says_first_what_it_comes_to_and_what_the_device_is() -> None:
    told = json.loads(encode(report()))
    assert list(told)[:4] == ["conformance", "verdict", "simulator", "counts"]
    assert (told["conformance"], told["verdict"], told["device"]["is"]) == (1, "broken", "hardware")
    assert set(told["requirements"]["LNK-002"]) >= {"verdict", "level", "section", "sentence", "tests"}
    assert told["measurements"][0]["within"] is True


def test_members_of_a_later_version_are_passed_over() -> None:
    told = json.loads(encode(report()))
    told["weather"] = told["device"]["weather"] = "rain"
    assert decode(json.dumps(told).encode(), "x") == report()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"conformance": 1}',
        b'{"conformance": 2}',
        b"\xff",
        b"[" * 100_000,
        encode(report()).replace(b'"FAIL"', b'"GREAT"'),
        encode(report()).replace(b'"duration_s": 12.5', b'"duration_s": "long"'),
        encode(report()).replace(b'"scope": []', b'"scope": 7'),
    ],
    ids=[
        "empty",
        "list",
        "nothing",
        "parts missing",
        "later form",
        "no text",
        "deep",
        "verdict",
        "kind",
        "no list",
    ],
)
def test_what_is_no_report_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        decode(data, "some/file")
    assert "some/file" in caught.value.rule and caught.value.advice


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostFileError, match=re.escape(REPORT)):
        read(tmp_path)


# Simulator or hardware


@pytest.mark.parametrize(
    ("device", "nature"),
    [
        (CAMERA, "hardware"),
        (dataclasses.replace(CAMERA, says_simulator=True), "SIMULATOR"),
        (dataclasses.replace(CAMERA, uri="sim:?personality=no-simulator"), "SIMULATOR"),
        (Device(uri="serial:/dev/ttyACM0", unknown_because="no session"), "unknown"),
        (Device(uri="sim:"), "SIMULATOR"),
    ],
)
def test_nothing_is_hardware_but_by_its_own_word(device: Device, nature: str) -> None:
    one = report(device=device)
    assert json.loads(encode(one))["device"]["is"] == nature
    page = render(one)
    marks = {"SIMULATOR": WATERMARK, "unknown": WHO_KNOWS, "hardware": ""}
    for mark in filter(None, marks.values()):
        assert page.count(mark) == (page.count("<section") if mark == marks[nature] else 0)
    assert nature in "\n".join(summary(one, Path("r")))


# The page


def parsed(page: str) -> Any:
    """The tree of a page; any error of HTML fails."""
    parser = HTMLParser(namespace_html_elements=False)
    tree = parser.parse(page)
    assert not parser.errors, parser.errors[:5]
    return tree


def test_the_page_is_html_that_needs_nothing_from_elsewhere() -> None:
    tree = parsed(render(report()))
    for element in tree.iter():
        assert element.tag not in ("link", "img", "iframe", "object", "base"), element.tag
        for name in ("src", "href", "action"):
            assert not re.match(r"\w+:|//", element.get(name) or ""), element.attrib
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
    assert len(list(tree.iter("script"))) == 1
    assert "url(" not in render(report()) and "@import" not in render(report())


def test_the_page_shows_of_each_rule_what_was_expected_beside_what_was_observed() -> None:
    tree = parsed(render(report()))
    rows = {row.get("id"): row for row in tree.iter("tr") if row.get("data-find") is not None}
    assert list(rows) == list(report().requirements)
    (row,) = (row for number, row in rows.items() if number == "LNK-002")
    said = [pre.text for pre in row.iter("pre")]
    assert said[0] == "HELLO_ACK with the same nonce"
    assert "".join(said[1]) == HOSTILE.replace("\x1b", "\\x1b")
    assert [one.get("open") is not None for one in row.iter("details")] == [True, False, False]
    assert len({e.get("id") for e in tree.iter() if e.get("id")}) == len(
        [e for e in tree.iter() if e.get("id")]
    )


def test_a_report_that_nobody_signed_says_so_on_its_page() -> None:
    page = render(report(unsigned_because=folder.INSECURE))
    assert f"NOT SIGNED: {folder.INSECURE}" in page


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_S = 120
"""A browser that starts on a busy machine."""


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Loads a page in a real browser that has no window."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    plain = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    home = f"--user-data-dir={page.parent / 'browser'}"
    return subprocess.run(
        [found, *plain, home, "--virtual-time-budget=2000", *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=BROWSER_S,
        check=True,
    )


def test_a_browser_shows_the_page_and_runs_its_search_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / PAGE
    page.write_text(render(report(device=dataclasses.replace(CAMERA, says_simulator=True))), encoding="utf-8")
    picture = tmp_path / "page.png"
    done = browse(page, "--dump-dom", f"--screenshot={picture}", "--window-size=1000,2000")
    dom = done.stdout
    assert "7 of 7" in dom, "the search has counted the rules and the test beside them"
    assert 'id="search" hidden' not in dom
    assert "<title>NOT CONFORMING" in dom, "what a device says is text, and is not run"
    assert "Refused to" not in done.stderr and "Uncaught" not in done.stderr
    with Image.open(picture) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
    # Fail, pass and open are drawn in the colours of the light page, or of the dark one.
    assert {(192, 38, 45), (26, 127, 69), (122, 79, 181)} <= colours or {
        (255, 123, 127),
        (76, 194, 131),
    } <= colours


# The signature


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabIdentities:
    return LabIdentities("tester", tmp_path_factory.mktemp("lab"))


class Bench(BenchIdentities):
    """The identities of a bench in a lab of its own."""

    def __init__(self, lab: LabIdentities | None) -> None:
        super().__init__(None, insecure=lab is None)
        self._known = lab


def written(where: Path, lab: LabIdentities | None, **changes: Any) -> Report:
    logs = where / folder.CAPTURES / "run"
    logs.mkdir(parents=True)
    (logs / "a.jsonl").write_bytes(b"{}\n")
    log = Captured(
        file="captures/run/a.jsonl", sha256="ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    )
    tried = dataclasses.replace(BROKEN, captures=(log,))
    one = report(requirements={"LNK-002": requirement(Verdict.FAIL, tried)}, **changes)
    return folder.write(one, where, Bench(lab))


def test_what_a_bench_signed_verifies_with_its_page_and_its_wire_logs(
    tmp_path: Path, lab: LabIdentities
) -> None:
    one = written(tmp_path, lab)
    found, signer = folder.verify(tmp_path, lab.for_role(Role.AUDITOR, NOW))
    assert found == one and signer.name == "tester" and signer.roles == Role.BENCH
    assert one.signed_by.startswith("tester of ") and one.signed_by in (tmp_path / PAGE).read_text()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (REPORT, DocumentError),
        (SIGNATURE, DocumentError),
        (PAGE, EvidenceMismatch),
        ("captures/run/a.jsonl", EvidenceMismatch),
    ],
)
def test_what_was_changed_since_is_found(
    tmp_path: Path, lab: LabIdentities, name: str, kind: type[BwcError]
) -> None:
    written(tmp_path, lab)
    file = tmp_path / name
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(kind) as caught:
        folder.verify(tmp_path, lab.for_role(Role.AUDITOR, NOW))
    assert caught.value.advice or kind is EvidenceMismatch


def test_a_wire_log_that_is_gone_is_missed(tmp_path: Path, lab: LabIdentities) -> None:
    written(tmp_path, lab)
    (tmp_path / "captures/run/a.jsonl").unlink()
    with pytest.raises(EvidenceMismatch, match=r"a\.jsonl"):
        folder.verify(tmp_path, lab.for_role(Role.AUDITOR, NOW))


def test_a_bench_of_another_lab_is_not_believed(
    tmp_path: Path, lab: LabIdentities, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written(tmp_path, lab)
    other = LabIdentities("tester", tmp_path_factory.mktemp("other"))
    with pytest.raises(DocumentError, match="does not hold") as caught:
        folder.verify(tmp_path, other.for_role(Role.AUDITOR, NOW))
    assert "--identity" in caught.value.advice


def test_a_technician_signs_no_report(tmp_path: Path, lab: LabIdentities) -> None:
    written(tmp_path, lab)
    data = (tmp_path / REPORT).read_bytes()
    (tmp_path / SIGNATURE).write_bytes(signing.sign(data, lab.for_role(Role.TECHNICIAN, NOW)))
    with pytest.raises(DocumentError, match="signs no report"):
        folder.verify(tmp_path, lab.for_role(Role.AUDITOR, NOW))


def test_an_insecure_bench_signs_nothing_and_no_earlier_signature_stays(
    tmp_path: Path, lab: LabIdentities
) -> None:
    written(tmp_path, lab)
    assert (tmp_path / SIGNATURE).exists()
    folder.write(report(), tmp_path, Bench(None))
    assert not (tmp_path / SIGNATURE).exists()
    assert f"NOT SIGNED: {folder.INSECURE}" in (tmp_path / PAGE).read_text()
    assert not (tmp_path / "captures/run").exists(), (
        "the wire logs of the earlier run are gone with its report"
    )
    with pytest.raises(DocumentError, match="nobody signed this report"):
        folder.verify(tmp_path, lab.for_role(Role.AUDITOR, NOW))


@pytest.mark.parametrize("name", ["../a.jsonl", "/etc/passwd", "captures/../../a.jsonl", "elsewhere/a.jsonl"])
def test_a_report_leads_nowhere_outside_its_folder(tmp_path: Path, lab: LabIdentities, name: str) -> None:
    precious = tmp_path / "a.jsonl"
    precious.write_bytes(b"{}\n")
    where = tmp_path / "report"
    where.mkdir()
    tried = dataclasses.replace(BROKEN, captures=(Captured(file=name, sha256="00" * 32),))
    folder.write(report(others=(tried,)), where, Bench(lab))
    with pytest.raises(EvidenceMismatch):
        folder.verify(where, lab.for_role(Role.AUDITOR, NOW))
    folder.write(report(), where, Bench(lab))
    assert precious.exists()


# Two reports


def test_nothing_differs_from_itself() -> None:
    found = difference.compare(report(), report())
    assert found == difference.Difference(facts=(), rules=(), values=()) and not found.worse


def test_what_an_update_changed_is_told_and_what_is_worse() -> None:
    after = report(
        device=dataclasses.replace(CAMERA, firmware="2.2.0", firmware_sha256="cd" * 32),
        requirements={
            **report().requirements,
            "LNK-001": requirement(Verdict.FAIL, BROKEN),
            "LNK-002": requirement(Verdict.PASS),
        },
        measurements=(
            Measured(name="connect time", value=16.0, unit="s", at_most=15.0),
            Measured(name="offload rate", value=90_000.0, unit="byte/s"),
            Measured(name="battery", value=80.0, unit="%"),
        ),
    )
    found = difference.compare(report(), after)
    assert [(one.name, one.before, one.after) for one in found.facts] == [
        ("firmware", "2.1.0", "2.2.0"),
        ("firmware_sha256", "ab" * 32, "cd" * 32),
    ]
    assert [(one.number, one.before, one.after, one.worse) for one in found.rules] == [
        ("LNK-001", "PASS", "FAIL", True),
        ("LNK-002", "FAIL", "PASS", False),
    ]
    assert found.rules[0].why == HOSTILE
    assert [(one.name, one.changed_pct, one.worse) for one in found.values] == [
        ("connect time", 3900.0, True),
        ("battery", None, False),
    ]
    assert found.worse and not difference.compare(after, after).worse
    closer = difference.compare(report(), after, tolerance_pct=5.0)
    assert [one.name for one in closer.values] == ["connect time", "offload rate", "battery"]


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (Verdict.PASS, Verdict.NOT_TESTED, True),
        (Verdict.NOT_TESTED, Verdict.PASS, False),
        (Verdict.INCONCLUSIVE, Verdict.FAIL, True),
        (Verdict.FAIL, Verdict.INCONCLUSIVE, False),
        (Verdict.PASS, Verdict.WARN, True),
    ],
)
def test_a_rule_of_which_less_is_known_is_worse(before: Verdict, after: Verdict, worse: bool) -> None:
    found = difference.compare(
        report(requirements={"LNK-001": requirement(before)}),
        report(requirements={"LNK-001": requirement(after)}),
    )
    assert (found.rules[0].worse, found.worse) == (worse, worse)


def test_of_a_report_on_some_rules_the_others_are_no_change() -> None:
    link = {"LNK-001": requirement(Verdict.PASS)}
    assert not difference.compare(report(), report(requirements=link, scope=("LNK-001",))).rules


def test_a_conforming_report_says_in_what() -> None:
    one = report(requirements={"LNK-001": requirement(Verdict.PASS)})
    assert one.conformity is Conformity.CONFORMING
    assert next(iter(summary(one, Path("r")))).startswith("CONFORMING in all that was tested: X60-0001")

"""From what becomes of tests to the verdict on a rule: without a device."""

import json
from pathlib import Path
from typing import Any

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

import hil_tests.conformance.device  # noqa: F401  # loaded once: runs in this process forget it
from bwc_protocol.declare import MalformedMessage
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.frame import MalformedControl
from bwc_protocol.session.interface import Alert, SessionFailed
from bwc_protocol.session.preamble import NotAPreamble
from bwc_sdk.errors import (
    BwcError,
    CommandTimeout,
    DeviceBusy,
    DeviceLost,
    HostExhausted,
    InvalidValue,
    LinkError,
    ProtocolViolation,
    SessionError,
)
from hil_tests.judging import observing
from hil_tests.judging.rules import Scope, all_rules, read_rules
from hil_tests.judging.verdict import Conformity, Outcome, Verdict, conformity, gravest, judge, softened
from hil_tests.verdicts import NOT_APPLICABLE, NOT_TESTED, RuleBroken

pytest_plugins = ["pytester"]

NOBODY = "tcp:127.0.0.1:1"
"""A device that is not there: the tests of these tests need none."""


def run(pytester: pytest.Pytester, tests: str, *options: str) -> dict[str, Any]:
    """The report on some tests."""
    pytester.makepyfile(tests)
    folder = pytester.path / "report"
    result = pytester.runpytest_inprocess("--bwc-device", NOBODY, "--bwc-report", str(folder), *options)
    assert result.ret in (0, 1, 2, 5), result.outlines
    found: dict[str, Any] = json.loads((folder / "conformance.json").read_text())
    return found


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    """The verdicts of the rules that any test spoke of."""
    return {number: one["verdict"] for number, one in report["requirements"].items() if one["tests"]}


def test_every_rule_of_the_specification_is_in_the_report_with_its_sentence(
    pytester: pytest.Pytester,
) -> None:
    report = run(pytester, "def test_nothing(): pass")
    assert list(report["requirements"]) == list(all_rules())
    first = report["requirements"]["LNK-001"]
    assert first["section"] == "Link" and first["level"] == "MUST"
    assert first["sentence"].startswith(
        "A device MUST NOT send anything on a pipe before it received a HELLO"
    )
    assert (first["verdict"], first["tests"]) == ("NOT-TESTED", [])
    assert "°" not in json.dumps(report["requirements"]) and "](#" not in json.dumps(report["requirements"])


def test_a_rule_in_an_example_is_no_rule() -> None:
    text = "## Link\n```\n- **LNK-001** It MUST be none.\n```\n### Deep\n- **LNK-002** It MUST [be](#x). °\n"
    (rule,) = read_rules(text).values()
    assert (rule.number, rule.section, rule.sentence) == ("LNK-002", "Link, Deep", "It MUST be.")


OUTCOMES = """
import pytest
from bwc_sdk.errors import CommandTimeout, DeviceLost, HostFileError
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

@pytest.mark.rule("LNK-001")
def test_is_kept(): pass

@pytest.mark.rule("LNK-002")
def test_is_broken():
    '''A device says it twice.'''
    raise RuleBroken("HELLO_ACK", "silence for 5 s")

@pytest.mark.rule("LNK-002")
def test_is_kept_in_another_way(): pass

@pytest.mark.rule("LNK-003")
def test_a_host_is_full(): raise HostFileError("no room")

@pytest.mark.rule("LNK-003")
def test_and_kept(): pass

@pytest.mark.rule("LNK-004")
def test_is_not_for_this_device(): not_applicable("it has one pipe")

@pytest.mark.rule("LNK-005")
def test_cannot_be_seen_here(): not_tested("no second pipe")

@pytest.mark.rule("LNK-006", "LNK-007")
def test_vanishes(): raise DeviceLost("the port is gone")

@pytest.mark.rule("LNK-008")
def test_an_assertion_fails():
    said = "BYE(NORMAL)"
    assert said == "BYE(BUSY)"

@pytest.mark.rule("LNK-009")
def test_the_suite_is_wrong(): 1 / 0

@pytest.fixture
def bad(): raise RuleBroken("a link", "none")

@pytest.mark.rule("LNK-010")
def test_does_not_come_to_its_rule(bad): pass

@pytest.fixture
def dirty():
    yield
    assert False, "new faults"

@pytest.mark.rule("LNK-011")
def test_leaves_a_mess(dirty): pass

@pytest.mark.rule("LNK-012")
def test_silence(): raise CommandTimeout("no reply within 10 s")

@pytest.mark.rule("LNK-013")
def test_not_for_this(): not_applicable("no such part")

@pytest.mark.rule("LNK-013")
def test_but_for_this(): pass
"""


def test_each_outcome_gives_its_verdict(pytester: pytest.Pytester) -> None:
    report = run(pytester, OUTCOMES)
    assert verdicts(report) == {
        "LNK-001": "PASS",
        "LNK-002": "FAIL",
        "LNK-003": "INCONCLUSIVE",
        "LNK-004": "NOT-APPLICABLE",
        "LNK-005": "NOT-TESTED",
        "LNK-006": "INCONCLUSIVE",
        "LNK-007": "INCONCLUSIVE",
        "LNK-008": "FAIL",
        "LNK-009": "INCONCLUSIVE",
        "LNK-010": "INCONCLUSIVE",
        "LNK-011": "INCONCLUSIVE",
        "LNK-012": "FAIL",
        "LNK-013": "PASS",
    }
    rules = report["requirements"]
    why = {number: one["why"] for number, one in rules.items()}
    assert why["LNK-004"] == "it has one pipe" and why["LNK-005"] == "no second pipe"
    assert "the device vanished" in why["LNK-006"] and "no room" in why["LNK-003"]
    assert why["LNK-010"].startswith("before the test: ") and why["LNK-011"].startswith("after the test: ")
    broken = next(one for one in rules["LNK-002"]["tests"] if one["outcome"] == "failed")
    assert (broken["expected"], broken["observed"]) == ("HELLO_ACK", "silence for 5 s")
    asserted = rules["LNK-008"]["tests"][0]
    assert asserted["expected"] == "an assertion fails" and "BYE(NORMAL)" in asserted["observed"]
    assert report["verdict"] == "broken" and report["counts"]["FAIL"] == 3


def test_a_rule_whose_test_says_that_it_failed_at_another_one_points_there(pytester: pytest.Pytester) -> None:
    tests = """
    import pytest
    from hil_tests.verdicts import RuleBroken

    guards = pytest.mark.rule  # of no rule are these tests

    @guards("CLK-003", "CLK-004")
    def test_both(): raise RuleBroken("revision 2 (CLK-003)", "revision 3")

    @guards("CLK-005", "CLK-012")
    def test_says_neither(): raise RuleBroken("a refusal", "none")
    """
    rules = run(pytester, tests)["requirements"]
    assert all(rules[f"CLK-0{n}"]["verdict"] == "FAIL" for n in ("03", "04", "05", "12")), (
        "nothing is made good"
    )
    assert (
        rules["CLK-004"]["why"]
        == "its test failed at CLK-003, and tells nothing of this rule: look there first"
    )
    assert not any(rules[f"CLK-0{n}"]["why"] for n in ("03", "05", "12"))
    more = """
    @guards("CLK-004")
    def test_by_itself(): raise RuleBroken("an entry in the log (CLK-004)", "none")
    """
    assert not run(pytester, tests + more)["requirements"]["CLK-004"]["why"], "it is broken for sure"


def test_what_a_device_only_should_do_warns_unless_it_is_strict(pytester: pytest.Pytester) -> None:
    tests = """
    import pytest

    @pytest.mark.rule("LNK-001", level="SHOULD")
    def test_it(): assert False
    """
    report = run(pytester, tests)
    assert report["requirements"]["LNK-001"]["verdict"] == "WARN"
    assert report["requirements"]["LNK-001"]["level"] == "SHOULD"
    assert report["verdict"] == "conforming"
    assert run(pytester, tests, "--bwc-strict")["requirements"]["LNK-001"]["verdict"] == "FAIL"


def test_a_test_without_a_rule_that_fails_is_a_fault_all_the_same(pytester: pytest.Pytester) -> None:
    report = run(
        pytester,
        """
        import pytest

        @pytest.mark.rule("LNK-001")
        def test_kept(): pass

        def test_scenario(): assert False, "footage is lost"
        """,
    )
    assert report["verdict"] == "broken"
    assert [one["observed"] for one in report["others"]] == ["AssertionError: footage is lost\nassert False"]


def test_a_second_attempt_does_not_make_good_the_first(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    report = run(
        pytester,
        """
        import pytest
        tried = []

        @pytest.mark.rule("LNK-001")
        def test_it():
            tried.append(1)
            assert len(tried) == 2
        """,
    )
    (test,) = report["requirements"]["LNK-001"]["tests"]
    assert (test["outcome"], test["attempts"]) == ("failed", 2)


def test_what_was_not_run_any_more_has_no_verdict(pytester: pytest.Pytester) -> None:
    report = run(
        pytester,
        """
        import pytest

        @pytest.mark.rule("LNK-001")
        def test_a(request): request.session.shouldstop = "the device is dead"

        @pytest.mark.rule("LNK-001", "LNK-002")
        def test_b(): pass
        """,
    )
    assert verdicts(report) == {"LNK-001": "PASS", "LNK-002": "INCONCLUSIVE"}
    assert report["requirements"]["LNK-002"]["why"] == "not run: the device is dead"
    assert report["ended_early"] == "the device is dead" and report["verdict"] == "inconclusive"


def test_only_the_tests_of_the_rules_that_are_meant_run_and_are_reported(pytester: pytest.Pytester) -> None:
    report = run(pytester, OUTCOMES, "--bwc-only", "lnk-001, FRM")
    assert set(report["requirements"]) == {n for n in all_rules() if n == "LNK-001" or n.startswith("FRM")}
    assert report["requirements"]["LNK-001"]["verdict"] == "PASS"
    assert (report["scope"], report["others"]) == (["LNK-001", "FRM"], [])


def test_a_scope_that_the_specification_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidValue, match="XYZ") as caught:
        Scope.parse("LNK,XYZ")
    assert "CHN" in caught.value.advice


@pytest.mark.parametrize("fixture", ["camera", "wire"])
def test_a_rule_that_does_not_exist_fails_the_collection(pytester: pytest.Pytester, fixture: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.rule("LNK-001", "LNK-999")
        def test_it({fixture}): pass
        """
    )
    result = pytester.runpytest_inprocess("--bwc-device", NOBODY)
    assert result.ret is pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_it is marked with LNK-999: the specification has no such rule*"])


def test_a_level_that_does_not_exist_fails_the_collection(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.rule("LNK-001", level="PERHAPS")
        def test_it(wire): pass
        """
    )
    assert pytester.runpytest_inprocess("--bwc-device", NOBODY).ret is pytest.ExitCode.USAGE_ERROR


def test_marks_of_the_same_name_in_another_project_are_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        import pytest

        @pytest.mark.rule("anything")
        def test_it(): pass
        """
    )
    pytester.runpytest_inprocess("-W", "ignore").assert_outcomes(passed=1)


def test_measurements_are_kept_and_beyond_a_limit_they_fail(pytester: pytest.Pytester) -> None:
    report = run(
        pytester,
        """
        def test_quick(measure): measure("connect time", 0.25, "s", at_most=15)

        def test_slow(measure): measure("round trip", 1.5, "s", at_most=1)

        def test_wrong(measure): measure("drift", float("nan"), "ppm")
        """,
    )
    quick, slow = report["measurements"]
    assert (quick["name"], quick["value"], quick["unit"], quick["at_most"], quick["within"]) == (
        "connect time",
        0.25,
        "s",
        15,
        True,
    )
    assert slow["within"] is False
    told = {one["name"].partition("::")[2]: one for one in report["others"]}
    assert told["test_slow"]["expected"] == "round trip of at most 1 s"
    assert told["test_slow"]["observed"] == "1.5 s"
    assert told["test_wrong"]["outcome"] == "infra"


def test_a_folder_that_cannot_be_written_ends_the_run_before_its_first_test(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_it(): pass")
    (pytester.path / "file").touch()
    result = pytester.runpytest_inprocess("--bwc-report", str(pytester.path / "file"))
    assert result.ret is pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no report can be written into *"])


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AssertionError("x"), Outcome.FAILED),
        (RuleBroken("a", "b"), Outcome.FAILED),
        (pytest.fail.Exception("x"), Outcome.FAILED),
        (pytest.fail.Exception("Timeout (>600.0s) from pytest-timeout."), Outcome.INFRA),
        (pytest.skip.Exception("a reason"), Outcome.NOT_TESTED),
        (pytest.skip.Exception(NOT_TESTED + "x"), Outcome.NOT_TESTED),
        (pytest.skip.Exception(NOT_APPLICABLE + "x"), Outcome.NOT_APPLICABLE),
        (DeviceLost("x"), Outcome.VANISHED),
        (LinkError("x"), Outcome.VANISHED),
        (DeviceBusy("x", retry_after_s=1.0), Outcome.INFRA),
        (SessionError("x"), Outcome.FAILED),
        (ProtocolViolation("x"), Outcome.FAILED),
        (CommandTimeout("x"), Outcome.FAILED),
        (MalformedMessage("device.status", "ends inside a field"), Outcome.FAILED),
        (MalformedControl("x"), Outcome.FAILED),
        (NotAPreamble("x"), Outcome.FAILED),
        (SessionFailed(Alert.MALFORMED, "x", by_peer=True), Outcome.FAILED),
        (EvidenceError("manifest", "x"), Outcome.FAILED),
        (DocumentRefused(DocumentCheck.SUBJECTS, "x"), Outcome.FAILED),
        (HostExhausted("x"), Outcome.INFRA),
        (BwcError("x"), Outcome.INFRA),
        (OSError("x"), Outcome.INFRA),
        (ZeroDivisionError(), Outcome.INFRA),
    ],
    ids=lambda case: case if isinstance(case, str) else type(case).__name__,
)
def test_whose_fault_an_exception_is(error: BaseException, outcome: Outcome) -> None:
    assert observing.outcome_of(error)[0] is outcome


def test_before_a_test_a_device_that_does_not_come_so_far_keeps_others_from_nothing() -> None:
    assert observing.around("setup", SessionError("x"), reached=False)[0] is Outcome.NOT_RUN
    assert observing.around("setup", SessionError("x"), reached=True)[0] is Outcome.INFRA
    assert observing.around("teardown", DeviceLost("x"), reached=True)[0] is Outcome.VANISHED


def test_the_gravest_outcome_speaks_for_a_rule() -> None:
    assert gravest([Outcome.PASSED, Outcome.NOT_RUN, Outcome.NOT_APPLICABLE]) is Outcome.PASSED
    assert gravest([Outcome.PASSED, Outcome.INFRA]) is Outcome.INFRA
    assert gravest([Outcome.VANISHED, Outcome.FAILED]) is Outcome.FAILED
    assert judge([], "no way in") == (Verdict.NOT_TESTED, "no way in")
    assert softened(Outcome.FAILED, "INFO", strict=False) is Outcome.WARNED
    assert softened(Outcome.INFRA, "INFO", strict=False) is Outcome.INFRA


@pytest.mark.parametrize(
    ("found", "comes_to"),
    [
        ([Verdict.PASS, Verdict.NOT_TESTED, Verdict.WARN], Conformity.CONFORMING),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Conformity.INCONCLUSIVE),
        ([Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL], Conformity.BROKEN),
        ([Verdict.NOT_TESTED, Verdict.NOT_APPLICABLE], Conformity.INCONCLUSIVE),
    ],
)
def test_what_verdicts_come_to(found: list[Verdict], comes_to: Conformity) -> None:
    assert conformity(found) is comes_to


def test_workers_of_xdist_are_gathered_into_one_report(pytester: pytest.Pytester) -> None:
    report = run(pytester, OUTCOMES, "-n", "2")
    assert report["requirements"]["LNK-002"]["verdict"] == "FAIL"
    assert report["requirements"]["LNK-001"]["verdict"] == "PASS"
    assert len([one for one in report["requirements"].values() if one["tests"]]) == 13


def test_a_report_of_these_tests_is_of_nobody(pytester: pytest.Pytester, tmp_path: Path) -> None:
    report = run(pytester, OUTCOMES)
    device = report["device"]
    assert device["is"] == "unknown" and device["says_simulator"] is None
    assert "127.0.0.1" in device["unknown_because"]

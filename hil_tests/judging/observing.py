"""What one test came to: by its exception, whose fault it is; with what was sent, what came and what was measured.

Plain values, so that pytest-xdist can carry them from its workers.
"""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_protocol.declare import MalformedMessage
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.frame import MalformedControl
from bwc_protocol.session.interface import SessionFailed
from bwc_protocol.session.preamble import NotAPreamble
from bwc_sdk.capture.decoding import decode_file
from bwc_sdk.cli.verbs.decode import line_of
from bwc_sdk.errors import (
    AuditBroken,
    BwcError,
    ClockNotVerified,
    CommandError,
    CommandTimeout,
    ConfigError,
    DeviceBusy,
    EvidenceMismatch,
    LinkError,
    OutcomeUnknown,
    ProtocolViolation,
    SessionError,
    TransportError,
)
from hil_tests.actuators.actuator import ActuatorFailed
from hil_tests.judging.verdict import GRAVITY, Outcome
from hil_tests.raw.transcript import TRANSCRIPT
from hil_tests.verdicts import INFRA, NOT_APPLICABLE, NOT_TESTED, RuleBroken, is_unhealthy

TEXT_MAX: Final = 2_000
"""Characters of what was expected or observed: the rest is in the log of the run."""
LINES_MAX: Final = 200
"""Lines of a wire log that a failed test of the SDK's own link brings; the log itself is beside the report."""
LINE_MAX: Final = 400
PASSED_LINES: Final = 30
"""Lines that are kept of the beginning and of the end of what was said in a test that passed."""
TIMED_OUT: Final = "Timeout ("
"""How pytest-timeout begins, which ends a test that hangs."""


def outcome_of(error: BaseException) -> tuple[Outcome, str]:
    """Whose fault an exception within a test is, and why nothing is said of the device, where that is so."""
    match error:
        case pytest.skip.Exception():
            return _skipped(str(error))
        case BaseExceptionGroup():
            return min(map(outcome_of, error.exceptions), key=lambda one: GRAVITY.index(one[0]))
        case pytest.fail.Exception() if str(error).startswith(TIMED_OUT):
            return Outcome.INFRA, f"the test did not end: {error}"
        case AssertionError() | pytest.fail.Exception():
            return Outcome.FAILED, ""
        case DeviceBusy():
            return Outcome.INFRA, f"another host has the device: {error}"
        case TransportError() | LinkError() | OutcomeUnknown():
            return Outcome.VANISHED, f"the device vanished: {error}"
        case SessionError() | ProtocolViolation() | CommandError() | CommandTimeout():
            return Outcome.FAILED, ""
        case MalformedControl() | NotAPreamble() | SessionFailed() | MalformedMessage():
            return Outcome.FAILED, ""  # of what the device said on the wire: a raw test decodes it itself
        case EvidenceError() | DocumentRefused():
            return Outcome.FAILED, ""  # of what it states of its recordings
        case ConfigError() | AuditBroken() | EvidenceMismatch() | ClockNotVerified():
            return Outcome.FAILED, ""
        case ActuatorFailed():
            return Outcome.INFRA, f"an actuator of the bench: {error}"
        case BwcError():
            return Outcome.INFRA, f"this host: {error}"
        case _:
            return Outcome.INFRA, f"the suite came to nothing: {type(error).__name__}: {error}"


def _skipped(reason: str) -> tuple[Outcome, str]:
    if reason.startswith(INFRA):
        return Outcome.INFRA, reason.removeprefix(INFRA)
    if reason.startswith(NOT_APPLICABLE):
        return Outcome.NOT_APPLICABLE, reason.removeprefix(NOT_APPLICABLE)
    return Outcome.NOT_TESTED, reason.removeprefix(NOT_TESTED)


def around(phase: str, error: BaseException, *, reached: bool) -> tuple[Outcome, str]:
    """What an exception before or after a test says: nothing of its rule, whatever it says of the device.

    `reached`: whether the device under test was ever connected to; one that gives no session yet keeps the tests
    waiting that need one, and no others.
    """
    outcome, why = outcome_of(error)
    if is_unhealthy(error):
        return Outcome.FAILED, ""
    if isinstance(error, pytest.skip.Exception):
        return outcome, why
    if not reached and isinstance(error, LinkError | SessionError | ProtocolViolation | CommandError):
        return Outcome.NOT_RUN, f"the device does not come so far: {error}"
    when = "before" if phase == "setup" else "after"
    return (
        Outcome.VANISHED if outcome is Outcome.VANISHED else Outcome.INFRA,
        f"{when} the test: {why or _first_line(error)}",
    )


def told(item: pytest.Item, error: BaseException, shown: str) -> tuple[str, str]:
    """What was expected, and what was observed instead; `shown` is what pytest shows of the exception."""
    if isinstance(error, RuleBroken):
        return _cut(error.expected), _cut(error.observed)
    return promise(item), _cut(shown or _first_line(error))


def promise(item: pytest.Item) -> str:
    """What a test says that devices do: the first sentence of its docstring, or its name."""
    function = getattr(item, "function", None)
    said = (getattr(function, "__doc__", None) or "").strip().split("\n\n")[0]
    name = getattr(item, "originalname", None) or item.name
    return _cut(" ".join(said.split()) or re.sub("_", " ", str(name).removeprefix("test_")))


def messages_of(captures: list[Path]) -> list[str]:
    """The end of what was said on the last connection of a test, without frames, in the specification's words."""
    lines: deque[str] = deque(maxlen=LINES_MAX)
    for path in captures:
        try:
            lines.extend(line_of(one)[:LINE_MAX] for one in decode_file(path) if one.layer != "frame")
        except BwcError as error:
            lines.append(f"{path.name}: {error}")
    return list(lines)


def phase_of(
    item: pytest.Item, call: pytest.CallInfo[Any], report: pytest.TestReport, *, reached: bool
) -> dict[str, Any]:
    """What a phase of a test came to."""
    if call.excinfo is None:
        return {"outcome": str(Outcome.PASSED)} if report.when == "call" else {}
    error = call.excinfo.value
    phase = report.when or "call"
    outcome, why = outcome_of(error) if phase == "call" else around(phase, error, reached=reached)
    crash = getattr(report.longrepr, "reprcrash", None)
    expected, observed = told(item, error, str(crash.message) if crash is not None else "")
    skipped = isinstance(error, pytest.skip.Exception)
    return {
        "outcome": str(outcome),
        "why": _cut(why),
        "expected": "" if skipped else expected,
        "observed": "" if skipped else observed,
    }


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"


def transcript_of(item: pytest.Item, captures: list[Path]) -> list[str]:
    """What a test and the device said to each other: beneath the SDK, or of its connections the messages."""
    transcript = item.stash.get(TRANSCRIPT, None)
    return messages_of(captures) if transcript is None else transcript.lines


def shortened(lines: list[str], *, whole: bool) -> list[str]:
    """A transcript for the report: of a test that passed its beginning and its end."""
    if whole or len(lines) <= 2 * PASSED_LINES:
        return lines
    left_out = f"… {len(lines) - 2 * PASSED_LINES} lines left out …"
    return [*lines[:PASSED_LINES], left_out, *lines[-PASSED_LINES:]]

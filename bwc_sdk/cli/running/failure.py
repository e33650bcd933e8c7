"""From an error to what a person or a script sees of it: cause, next step, exit code."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from bwc_protocol.declare import FieldRangeError
from bwc_sdk import errors
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.usage import WRONG_USAGE, in_words
from bwc_sdk.host.exhaustion import exhausted

if TYPE_CHECKING:
    from bwc_sdk.link_seen import LinkSeen
from bwc_sdk.host.packages import CORE, problems

DEBUG_ENV: Final = "BWC_DEBUG"
"""Environment variable: 1 = show the traceback of every error."""
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class NoDeviceNamed(errors.BwcError):
    """Raised when a verb needs a device and none is named: the only one found may be the wrong one."""

    layer = "command line"


EXIT_CODES: Final[dict[type[errors.BwcError], ExitCode]] = {
    errors.BwcError: ExitCode.UNEXPECTED,
    errors.ProgramFault: ExitCode.UNEXPECTED,
    errors.ForkedHandle: ExitCode.UNEXPECTED,
    NoDeviceNamed: ExitCode.USAGE,
    errors.InvalidUri: ExitCode.USAGE,
    errors.InvalidValue: ExitCode.USAGE,
    errors.NoSuchRecording: ExitCode.USAGE,
    errors.MissingExtra: ExitCode.MISSING_PART,
    errors.WrongPart: ExitCode.MISSING_PART,
    errors.IdentityError: ExitCode.BAD_IDENTITY,
    errors.AgencyBusy: ExitCode.BUSY,
    errors.DocumentError: ExitCode.BAD_DOCUMENT,
    errors.TimeStampError: ExitCode.EVIDENCE_MISMATCH,
    errors.TimeStampUnavailable: ExitCode.UNREACHABLE,
    errors.TransportError: ExitCode.UNREACHABLE,
    errors.PortBusy: ExitCode.BUSY,
    errors.DeviceLost: ExitCode.LOST,
    errors.LinkError: ExitCode.NOT_A_DEVICE,
    errors.DeviceBusy: ExitCode.BUSY,
    errors.SessionError: ExitCode.NOT_A_DEVICE,
    errors.ProtocolViolation: ExitCode.NOT_A_DEVICE,
    errors.CommandError: ExitCode.REFUSED,
    errors.CommandTimeout: ExitCode.LOST,
    errors.OutcomeUnknown: ExitCode.OUTCOME_UNKNOWN,
    errors.ConfigError: ExitCode.BAD_CONFIG,
    errors.PolicyError: ExitCode.BAD_CONFIG,
    errors.RosterError: ExitCode.BAD_CONFIG,
    errors.SelfTestFailed: ExitCode.UNEXPECTED,
    errors.RecordsInUse: ExitCode.BUSY,
    errors.ClockImplausible: ExitCode.CLOCK_IMPLAUSIBLE,
    errors.ClockNotVerified: ExitCode.CLOCK_NOT_VERIFIED,
    errors.AuditBroken: ExitCode.EVIDENCE_MISMATCH,
    errors.EvidenceMismatch: ExitCode.EVIDENCE_MISMATCH,
    errors.SlowLink: ExitCode.SLOW_LINK,
    errors.DestinationError: ExitCode.BAD_DESTINATION,
    errors.DestinationBusy: ExitCode.BUSY,
    errors.HostFileError: ExitCode.BAD_DESTINATION,
    errors.HostExhausted: ExitCode.BAD_DESTINATION,
}
"""The nearest class in an error's ancestry decides."""


def code_for(error: BaseException) -> ExitCode:
    """The exit code of an error."""
    for kind in type(error).__mro__:
        if kind in EXIT_CODES:
            return EXIT_CODES[kind]
    if isinstance(error, FieldRangeError | WRONG_USAGE):
        return ExitCode.USAGE  # a value that was typed and that its field cannot carry
    if isinstance(error, OSError) and error.errno in FULL:
        return (
            ExitCode.BAD_DESTINATION
        )  # wherever it was: this host has no room, and the program is not at fault
    return ExitCode.UNEXPECTED


def report(error: Exception, *, as_json: bool) -> ExitCode:
    """Writes an error to stderr and gives its exit code; a traceback only when BWC_DEBUG=1 asks for it."""
    if not isinstance(error, errors.BwcError) or isinstance(error, errors.ProgramFault):
        error = exhausted(error) or _of_a_part(error) or error
    code = code_for(error)
    if os.environ.get(DEBUG_ENV) == "1":
        traceback.print_exception(error)
    if as_json:
        sys.stderr.write(json.dumps({"error": _facts(error, code)}) + "\n")
    else:
        facts = _facts(error, code)
        where = ": ".join(str(part).rstrip(":") for part in (facts["device"], facts["layer"]) if part)
        problems = facts.get("problems")
        if isinstance(problems, list) and len(problems) > 1:
            sys.stderr.write(clean(f"error: {where}: {len(problems)} {_count_of(error)}:") + "\n")
            for problem in problems:
                sys.stderr.write(clean(f"  {problem}") + "\n")
        else:
            sys.stderr.write(clean(f"error: {where}: {facts['rule']}") + "\n")
        if isinstance(error, errors.BwcError) and error.seen is not None and _explains(error, error.seen):
            for line in error.seen.lines():
                sys.stderr.write(clean(f"  seen: {line}") + "\n")
        if facts["advice"]:
            sys.stderr.write(clean(f"  try: {facts['advice']}") + "\n")
    return code


def _count_of(error: Exception) -> str:
    return "settings do not fit" if isinstance(error, errors.ConfigError) else "things are wrong"


def _of_a_part(error: Exception) -> errors.WrongPart | None:
    """What is wrong with a package that everything is built on, if that may be what made a verb fail."""
    if isinstance(error, OSError) or code_for(error) is not ExitCode.UNEXPECTED:
        return None
    found = problems(CORE)
    return errors.WrongPart(found[0].rule, advice=found[0].advice) if found else None


_SAYS_ALL: Final = (
    errors.DeviceBusy,
    errors.VersionMismatch,
    errors.ProtectionMismatch,
    errors.SessionRefused,
    errors.PortNotFound,
)
"""Answers of a device that is sound: what passed before them explains nothing."""


def _explains(error: errors.BwcError, seen: LinkSeen) -> bool:
    """Whether what was seen is of use: not of a connection that came about and ended later."""
    from bwc_sdk.link_seen import ConnectStage

    return seen.stage is not ConnectStage.READY and not isinstance(error, _SAYS_ALL)


def report_interrupted(state: str, *, as_json: bool) -> ExitCode:
    """Says what state things are in after Ctrl-C."""
    code = ExitCode.INTERRUPTED
    facts = {"class": "Interrupted", "exit_code": int(code), "layer": "command line", "rule": state}
    sys.stderr.write(json.dumps({"error": facts}) + "\n" if as_json else f"interrupted: {state}\n")
    return code


def _facts(error: Exception, code: ExitCode) -> dict[str, object]:
    facts: dict[str, object] = {"class": type(error).__name__, "exit_code": int(code)}
    if isinstance(error, errors.BwcError):
        facts |= {
            "layer": error.layer,
            "device": error.device,
            "rule": error.rule,
            "advice": advice_for(error),
        }
        if error.seen is not None:
            facts["seen"] = error.seen.plain()
    elif isinstance(error, WRONG_USAGE):
        rule, advice = in_words(error)
        facts |= {
            "class": "UsageError",
            "layer": "command line",
            "device": "",
            "rule": rule,
            "advice": advice,
        }
    else:
        rule, advice = str(error) or type(error).__name__, ""
        if code is ExitCode.UNEXPECTED:
            rule = f"{type(error).__name__}: {rule}"
            advice = f"{DEBUG_ENV}=1 shows where; please report it"
        elif code is ExitCode.BAD_DESTINATION:
            advice = "make room where this host writes"
        elif code is ExitCode.USAGE:  # a value that its field cannot carry
            advice = "give a value that fits; nothing was sent"
        facts |= {"layer": "command line", "device": "", "rule": rule, "advice": advice}
    if isinstance(error, errors.CommandError):
        facts |= {"command": error.command, "code": str(error.code), "detail": error.detail}
    if isinstance(error, errors.OutcomeUnknown):
        facts |= {"command": error.command, "safe_to_repeat": error.safe_to_repeat}
    if isinstance(error, errors.SlowLink):
        facts |= {"size_bytes": error.size_bytes, "estimate_s": round(error.estimate_s)}
    if isinstance(error, errors.ClockUnsteady):
        facts["discarded"] = error.discarded
    if isinstance(error, errors.ClockNotVerified):
        facts |= {"offset_ns": error.offset_ns, "revision": error.done.revision}
    if isinstance(error, errors.DocumentError) and error.check is not None:
        facts["check"] = str(error.check)
    if isinstance(error, errors.ConfigError | errors.PolicyError | errors.RosterError):
        facts["problems"] = list(error.problems)
    if isinstance(error, errors.CommandError | errors.DeviceBusy) and error.retry_after_s:
        facts["retry_after_s"] = error.retry_after_s
    return facts

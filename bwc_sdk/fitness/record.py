"""The record of checks: a line each, only ever appended, durable before the verdict is told.

Who carried a camera stands in it as its recordings name him: by the pseudonym where the camera uses one.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, Final

from bwc_protocol.messages.assignment import AssignmentState
from bwc_sdk.errors import BwcError, HostFileError
from bwc_sdk.fitness.facts import Facts
from bwc_sdk.fitness.verdict import Verdict
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.quantity import exact_utc
from bwc_sdk.version import __version__

RECORD_NAME: Final = "checks.jsonl"
PSEUDONYM_SETTINGS: Final = ("holder.pseudonym", "names.sealed")
"""Either has recordings name a pseudonym."""


def document_of(verdict: Verdict) -> dict[str, Any]:
    """A verdict, ready for JSON."""
    return {
        "identity": verdict.identity,
        "fit": verdict.fit,
        "checks": [
            {
                "check": str(one.check),
                "standing": str(one.standing),
                "detail": one.detail,
                "advice": one.advice or None,
            }
            for one in verdict.findings
        ],
    }


def carried_by(facts: Facts) -> str:
    """Who carries the camera, as its recordings name him; "" for nobody, and where it does not tell."""
    if not isinstance(facts.assignment, AssignmentState) or not facts.assignment.assigned:
        return ""
    hidden = isinstance(facts.settings, BwcError) or any(map(facts.settings.get, PSEUDONYM_SETTINGS))
    return facts.assignment.pseudonym if hidden else facts.assignment.officer


def record_of(facts: Facts, verdict: Verdict, *, checked_by: str, slot: str) -> dict[str, Any]:
    """What is kept of one check."""
    return {
        "version": 1,
        "sdk": __version__,
        "utc": exact_utc(round(facts.utc_s * 1e9)),
        "clock": facts.host_time.plain(),
        "checked_by": checked_by,
        "slot": slot,
        "carried_by": carried_by(facts) or None,
        **document_of(verdict),
    }


def prepare(directory: Path) -> None:
    """Makes the directory if it is missing, before a camera is asked. Raises `HostFileError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise _not_kept(directory, error) from error


def append(directory: Path, records: list[dict[str, Any]]) -> Path:
    """Appends records to the file of a directory, durable when it returns. Raises `HostFileError`.

    A last line that a loss of power cut off stays as it is, and is ended first.
    """
    path = directory / RECORD_NAME
    lines = "".join(json.dumps(one, sort_keys=True) + "\n" for one in records).encode()
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                lines = b"\n" + lines
            if os.write(file, lines) != len(lines):
                raise OSError(errno.ENOSPC, "there is no room for all of it")
            os.fsync(file)
        finally:
            os.close(file)
        if not size:
            _settle_name(directory)
    except OSError as error:
        raise _not_kept(path, error) from error
    return path


def _not_kept(path: Path, error: OSError) -> HostFileError:
    return HostFileError(
        f"the record of checks cannot be kept: {error.strerror or error}",
        device=str(path),
        advice=file_advice(error),
    )


def _settle_name(directory: Path) -> None:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""The folder of a report: written whole, signed, and verified again."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from pathlib import Path, PurePosixPath
from typing import Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from bwc_sdk.errors import BwcError, DocumentError, EvidenceMismatch, HostFileError, IdentityError
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.identity.document_files import read_document, write_document
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.version import __version__
from hil_tests.conformance import signing
from hil_tests.conformance.page import render
from hil_tests.conformance.report import (
    PAGE,
    REPORT,
    REPORT_MAX,
    SIGNATURE,
    Captured,
    Report,
    decode,
    encode,
    read,
)
from hil_tests.device.identities import BenchIdentities

CAPTURES: Final = "captures"
INSECURE: Final = "the bench spoke without protection, and has no identity that could sign"


def prepare(folder: Path) -> None:
    """Makes the folder. Raises `HostFileError` before the first test, and not after the last."""
    try:
        (folder / CAPTURES).mkdir(parents=True, exist_ok=True)
        probe = folder / f".{REPORT}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        rule = f"no report can be written into {folder}: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error


def signer(identities: BenchIdentities) -> tuple[HostIdentity | None, str]:
    """By whom the bench signs, and why by nobody."""
    why = INSECURE
    for role in (Role.BENCH, Role.AUDITOR):
        try:
            identity = identities.of(role)
        except IdentityError as error:
            why = str(error)
            continue
        if identity is not None:
            return identity, ""
    return None, why


def write(report: Report, folder: Path, identities: BenchIdentities) -> Report:
    """Writes report, page and signature, in the place of those of an earlier run, whose wire logs go. Gives what it
    wrote. Raises `HostFileError`."""
    identity, why = signer(identities)
    of = (
        ""
        if identity is None
        else f"{identity.name} of {identity.agency}" + (f", lab {identity.lab}" if identity.lab else "")
    )
    report = dataclasses.replace(report, signed_by=of, unsigned_because=why)
    earlier = _logs_of_earlier(folder)
    data = encode(report)
    try:
        (folder / SIGNATURE).unlink(missing_ok=True)  # first: it is never beside another report than its own
    except OSError as error:
        rule = f"{folder / SIGNATURE} cannot be replaced: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    write_document(folder / REPORT, data, over=True)
    write_document(folder / PAGE, render(report).encode(), over=True)
    if identity is not None:
        write_document(folder / SIGNATURE, signing.sign(data, identity), over=True)
    kept = {log.file for log in _logs(report)}
    for name in earlier - kept:
        _forget(folder, name)
    return report


def _logs_of_earlier(folder: Path) -> set[str]:
    """The wire logs of the report that is replaced, if there is one that can be read."""
    try:
        return {log.file for log in _logs(read(folder))}
    except BwcError:
        return set()


def _logs(report: Report) -> list[Captured]:
    tests = [*report.others, *(test for one in report.requirements.values() for test in one.tests)]
    return [log for test in tests for log in test.captures]


def _inside(folder: Path, name: str) -> Path | None:
    """The wire log of that name; None for a name that leads out of where the suite writes them."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != (CAPTURES,):
        return None
    return folder / path


def _forget(folder: Path, name: str) -> None:
    path = _inside(folder, name)
    if path is None:
        return
    try:
        path.unlink(missing_ok=True)
        path.parent.rmdir()
    except OSError:
        pass  # another file is in it, or it is not ours to remove: it does no harm


def verify(folder: Path, believed: HostIdentity) -> tuple[Report, CertificateFacts]:
    """A report as it was signed, with all that it names; and who signed it.

    Raises `DocumentError` (nobody signed it, or not this), `EvidenceMismatch` (page and wire logs), `HostFileError`.
    """
    data = read_document(folder / REPORT, REPORT_MAX)
    report = decode(data, str(folder / REPORT))
    if not (folder / SIGNATURE).exists():
        raise DocumentError(
            f"nobody signed this report: {report.unsigned_because or f'{SIGNATURE} is missing'}",
            check=DocumentCheck.SIGNATURE,
            advice="run it by a bench with an identity, or believe it as you believe whoever gave it to you",
        )
    signature = read_document(folder / SIGNATURE, SIGN1_MAX)
    who = signing.verify(data, signature, report.started_utc, believed)
    for log in _logs(report):
        path = _inside(folder, log.file)
        found = path is not None and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()
        if found != log.sha256:
            raise EvidenceMismatch(
                f"{log.file} is not the wire log that the report names", device=str(folder)
            )
    page = folder / PAGE
    if report.environment.sdk == __version__ and page.exists() and page.read_text("utf-8") != render(report):
        raise EvidenceMismatch(f"{PAGE} does not show what the signed report says", device=str(folder))
    return report, who


def run_folder() -> str:
    """Where the wire logs of one run go, below the folder of the report: those of an earlier run are never taken for
    them."""
    return f"{CAPTURES}/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{time.monotonic_ns() % 1_000_000:06}"

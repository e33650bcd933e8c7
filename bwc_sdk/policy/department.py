"""The department's view: summaries of several agencies side by side. Only what somebody believed has signed counts."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bwc_protocol.certificates.checks import Denies, Trust
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_sdk.errors import HostFileError
from bwc_sdk.evidence.statements import Believed
from bwc_sdk.identity.document_files import read_document
from bwc_sdk.policy.auditor_signed import NOBODY_BELIEVED
from bwc_sdk.policy.pack import Pack, canonical_json
from bwc_sdk.policy.summary import SUMMARY_MAX, SignedSummary, verify_summary

QUERY_VERSION: Final = 2
"""Raised when the same summaries give another report than before."""
SUFFIX: Final = ".summary"
FILES_MAX: Final = 10_000
"""Summaries of a directory: a hundred agencies have one a week for two years."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not counted."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """All agencies."""

    on: datetime.date
    department: Pack | None
    agencies: tuple[SignedSummary, ...]
    """The newest summary of each, by the id of its policy."""
    refused: tuple[Refused, ...]
    older: int
    """Summaries that a newer one of the same agency replaced."""

    def of_another_version(self, one: SignedSummary) -> bool:
        """Whether it was compared with another version of the department's policy than this report is about."""
        if self.department is None:
            return len({each.summary.department.sha256 for each in self.agencies}) > 1
        return one.summary.department.sha256 != self.department.sha256

    @property
    def meets(self) -> bool:
        """Whether every agency meets or exceeds, by the same version of the department's policy, and nothing was
        refused."""
        return (
            bool(self.agencies)
            and not self.refused
            and all(one.summary.meets and not self.of_another_version(one) for one in self.agencies)
        )

    @property
    def lab(self) -> str:
        """Id of a lab that signed what counts here; of none empty."""
        return next((one.signer.lab for one in self.agencies if one.signer.lab), "")

    @property
    def inputs_sha256(self) -> str:
        """What it was made of."""
        made_of = [
            None if self.department is None else self.department.sha256,
            self.on.isoformat(),
            [one.sha256 for one in self.agencies],
        ]
        return hashlib.sha256(canonical_json(made_of)).hexdigest()


def read_report(
    directories: Sequence[Path],
    believed: Believed | None,
    *,
    on: datetime.date,
    department: Pack | None = None,
    denied: Denies | None = None,
) -> Report:
    """Reads `*.summary` of directories. Of each agency the newest counts, by its day and when it was signed. `denied`
    are deny lists; without, that of `believed`.

    Raises `HostFileError` for a directory that cannot be read.
    """
    trust = None
    if believed is not None:
        trust = Trust(lab=believed.lab, denied=believed.deny_list if denied is None else denied)
    newest: dict[str, SignedSummary] = {}
    refused, older = [], 0
    for file in _files(directories):
        try:
            found = _read(file, believed, trust)
        except DocumentRefused as error:
            refused.append(Refused(file.name, f"{error.check}: {error.detail}"))
            continue
        if found is None:
            refused.append(Refused(file.name, NOBODY_BELIEVED))
            continue
        if found.summary.on > on:
            refused.append(Refused(file.name, f"it is of {found.summary.on}, after {on}"))
            continue
        there = newest.get(found.summary.agency.id)
        if there is not None and there.sha256 == found.sha256:
            continue
        older += there is not None
        if there is None or _age(found) > _age(there):
            newest[found.summary.agency.id] = found
    agencies = tuple(newest[name] for name in sorted(newest))
    return Report(on, department, agencies, tuple(refused), older)


def _age(one: SignedSummary) -> tuple[datetime.date, int, str]:
    return one.summary.on, one.signed_utc_s, one.sha256


def _files(directories: Sequence[Path]) -> Iterable[Path]:
    for directory in directories:
        try:
            found = sorted(one for one in directory.iterdir() if one.name.endswith(SUFFIX) and one.is_file())
        except OSError as error:
            raise HostFileError(
                f"{directory} cannot be read: {error.strerror or error}",
                advice="name directories that summaries lie in",
            ) from error
        if len(found) > FILES_MAX:
            raise HostFileError(
                f"{directory} has {len(found)} summaries, more than {FILES_MAX}",
                advice="move older ones elsewhere",
            )
        yield from found


def _read(file: Path, believed: Believed | None, trust: Trust | None) -> SignedSummary | None:
    data = read_document(file, SUMMARY_MAX)
    if believed is None or trust is None:
        return None
    return verify_summary(data, believed.roots, trust)


def document(report: Report) -> dict[str, Any]:
    """For machines: the same for the same summaries and day."""
    return {
        "query": {"name": "policy-report", "version": QUERY_VERSION, "on": report.on.isoformat()},
        "inputs_sha256": report.inputs_sha256,
        "department": None
        if report.department is None
        else {"id": report.department.id, "sha256": report.department.sha256},
        "meets": report.meets,
        "lab": report.lab,
        "agencies": [
            {
                "agency": one.summary.agency.id,
                "meets": one.summary.meets,
                "another_version": report.of_another_version(one),
                "signed_by": one.signer.name,
                "lab": one.signer.lab,
                "signed_utc_s": one.signed_utc_s,
                "sha256": one.sha256,
                "overdue": overdue(one, report.on),
                "summary": one.summary.model_dump(mode="json"),
            }
            for one in report.agencies
        ],
        "refused": [{"file": one.file, "why": one.why} for one in report.refused],
        "older": report.older,
    }


def overdue(one: SignedSummary, on: datetime.date) -> list[dict[str, Any]]:
    """The sites that have fewer cameras than they were to have by then."""
    return [
        {"site": site.site, "phase": site.phase, "missing": site.planned - site.issued}
        for site in one.summary.sites
        if site.due is not None and site.due < on and site.issued < site.planned
    ]

"""The department's view as a page for people."""

from __future__ import annotations

from typing import Final

from bwc_sdk.policy.auditor_signed import LAB, signer_text
from bwc_sdk.policy.comparison import Verdict
from bwc_sdk.policy.department import QUERY_VERSION, Report
from bwc_sdk.policy.order import Answer
from bwc_sdk.policy.page import Bar, Page, Plot, Table, Tone
from bwc_sdk.policy.summary import SignedSummary

_TONES: Final = {
    Verdict.EXCEEDS: Tone.GOOD,
    Verdict.MEETS: Tone.GOOD,
    Verdict.MEETS_BY_WAIVER: Tone.WARNS,
    Verdict.FALLS_SHORT: Tone.BAD,
}


def page(report: Report) -> Page:
    """The page."""
    meeting = sum(one.summary.meets for one in report.agencies)
    named = report.department
    return Page(
        "Agencies against the department's policy",
        _headline(report, meeting),
        Tone.BAD if not report.meets else Tone.WARNS if report.lab else Tone.GOOD,
        [
            ("department", f"{named.id} ({named.title})" if named else "as each summary says"),
            ("day", report.on.isoformat()),
            ("summaries refused", str(len(report.refused))),
            ("replaced by newer ones", str(report.older)),
            ("SHA-256 of the inputs", report.inputs_sha256),
            ("query", f"policy-report, version {QUERY_VERSION}"),
        ],
        [
            Plot("Agencies by verdict", [_verdicts(report, one) for one in Verdict]),
            Plot("Cameras issued, of those planned", [_issued(one) for one in report.agencies]),
            Plot("Recordings stored late", [_late(one) for one in report.agencies]),
            Plot("Officers trained", [_trained(one) for one in report.agencies]),
            Plot("Cameras that are not as their policy asks", [_drifted(one) for one in report.agencies]),
        ],
        [
            Table(
                "Agencies",
                [
                    "agency",
                    "verdict",
                    "weaker",
                    "incomparable",
                    "waived",
                    "late",
                    "drifted",
                    "signed by",
                    "day",
                ],
                [_row(report, one) for one in report.agencies],
                [
                    Tone.BAD if report.of_another_version(one) else _TONES[one.summary.verdict]
                    for one in report.agencies
                ],
                empty="No summary counts.",
            ),
            _sites(report),
            Table(
                "Rules that block",
                ["agency", "rule", "answer"],
                [
                    [one.summary.agency.id, rule.rule, str(rule.answer)]
                    for one in report.agencies
                    for rule in one.summary.rules
                    if rule.blocks
                ],
            ),
            Table("Refused", ["file", "why"], [[one.file, one.why] for one in report.refused]),
        ],
        [
            "What stands here is what agencies have signed: counts alone. Whether a policy meets can be done again by "
            "anybody who has the packs, whose hashes the summaries name: 'bwc policy diff'.",
            "'not told' is what an agency's summary does not say: no count, and no zero.",
            "Colours at the left of 'Agencies': green meets or exceeds, amber meets by a waiver, red falls short, or "
            "was compared with another version. Of 'Cameras by site and phase': green has all that were planned, amber "
            "fewer, red fewer and its day is past (overdue).",
        ],
    )


def _headline(report: Report, meeting: int) -> str:
    said = f"{meeting} of {len(report.agencies)} agencies meet or exceed it"
    return f"{LAB} these summaries. {said}" if report.lab else said


def _verdicts(report: Report, verdict: Verdict) -> Bar:
    count = sum(one.summary.verdict is verdict for one in report.agencies)
    return Bar(str(verdict), count, _TONES[verdict], len(report.agencies))


def _issued(one: SignedSummary) -> Bar:
    if not one.summary.sites:
        return Bar(one.summary.agency.id, 0, told=False)
    planned = sum(site.planned for site in one.summary.sites)
    issued = sum(site.issued for site in one.summary.sites)
    return Bar(one.summary.agency.id, issued, Tone.GOOD if issued >= planned else Tone.WARNS, planned)


def _late(one: SignedSummary) -> Bar:
    found = one.summary.recordings
    if found is None:
        return Bar(one.summary.agency.id, 0, told=False)
    if not found.recordings:
        return Bar(f"{one.summary.agency.id} (no recordings)", 0)
    return Bar(one.summary.agency.id, found.late, Tone.BAD if found.late else Tone.GOOD, found.recordings)


def _trained(one: SignedSummary) -> Bar:
    found = one.summary.training
    if found is None:
        return Bar(one.summary.agency.id, 0, told=False)
    tone = Tone.GOOD if found.valid == found.officers else Tone.WARNS
    return Bar(one.summary.agency.id, found.valid, tone, found.officers)


def _drifted(one: SignedSummary) -> Bar:
    found = one.summary.configured
    if found is None:
        return Bar(one.summary.agency.id, 0, told=False)
    return Bar(one.summary.agency.id, found.drifted, Tone.BAD if found.drifted else Tone.GOOD, found.cameras)


def _row(report: Report, one: SignedSummary) -> list[str]:
    said = one.summary
    version = " (by another version of the department's policy)" if report.of_another_version(one) else ""
    answers = [rule.answer for rule in said.rules]
    recordings, configured = said.recordings, said.configured
    return [
        said.agency.id,
        f"{said.verdict}{version}",
        str(answers.count(Answer.WEAKER)),
        str(answers.count(Answer.INCOMPARABLE)),
        str(sum(rule.waived_until is not None for rule in said.rules)),
        "not told" if recordings is None else f"{recordings.late} of {recordings.recordings}",
        "not told" if configured is None else f"{configured.drifted} of {configured.cameras}",
        signer_text(one.signer.name, one.signer.lab),
        said.on.isoformat(),
    ]


def _sites(report: Report) -> Table:
    rows, tones = [], []
    for one in report.agencies:
        for site in one.summary.sites:
            late = site.due is not None and site.due < report.on and site.issued < site.planned
            rows.append(
                [
                    one.summary.agency.id,
                    site.phase,
                    site.site,
                    str(site.planned),
                    str(site.issued),
                    "-" if site.due is None else f"{site.due}{' (overdue)' if late else ''}",
                ]
            )
            tones.append(Tone.BAD if late else Tone.GOOD if site.issued >= site.planned else Tone.WARNS)
    return Table(
        "Cameras by site and phase", ["agency", "phase", "site", "planned", "issued", "due"], rows, tones
    )

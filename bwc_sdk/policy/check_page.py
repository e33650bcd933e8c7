"""A check as a page for people."""

from __future__ import annotations

import datetime

from bwc_sdk.policy.check import QUERY_VERSION, Checked
from bwc_sdk.policy.page import Bar, Page, Plot, Table, Tone, counted


def _until(found: Checked) -> list[tuple[str, str]]:
    if found.until_ns is None:
        return []
    until = datetime.datetime.fromtimestamp(found.until_ns // 1_000_000_000, datetime.UTC)
    return [("what is not stored was waited for until", f"{until:%Y-%m-%d %H:%M:%S} UTC")]


def _headline(found: Checked) -> str:
    if not found.judged:
        return "Nothing to judge: no recording, and no camera"
    findings = sum(one.counts for one in found.found)
    return "Keeps to the policy, as far as files can show" if found.keeps else counted(findings, "finding")


def page(found: Checked) -> Page:
    """The page."""
    return Page(
        f"Cameras and recordings against {found.policy.pack.id}",
        _headline(found),
        Tone.GOOD if found.keeps else Tone.BAD if found.judged else Tone.WARNS,
        [
            ("policy", f"{found.policy.pack.id} ({found.policy.pack.title})"),
            ("SHA-256 of the policy", found.policy.pack.sha256),
            ("as in force on", found.policy.on.isoformat()),
            *_until(found),
            ("recordings", str(found.recordings)),
            ("cameras", str(len(found.cameras))),
            ("SHA-256 of the inputs", found.inputs_sha256),
            ("query", f"policy-check, version {QUERY_VERSION}"),
        ],
        [
            Plot("Findings by kind", [Bar(kind, count, Tone.BAD) for kind, count in found.tally.items()]),
            Plot("Stored in time", [Bar("late", found.late, Tone.BAD, found.recordings)]),
        ],
        [
            Table(
                "Findings",
                ["kind", "rule", "camera", "number", "recording", "what"],
                [
                    [
                        str(one.kind) if one.counts else f"{one.kind} (a note)",
                        one.rule or "-",
                        one.camera or "-",
                        str(one.sequence or "-"),
                        one.recording or "-",
                        one.sentence,
                    ]
                    for one in found.found
                ],
                [Tone.BAD if one.counts else Tone.WARNS for one in found.found],
            )
        ],
        [
            "No file shows what was not recorded, nor what a camera was used for.",
        ],
    )

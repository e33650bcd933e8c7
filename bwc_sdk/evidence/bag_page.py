"""The page that lies in a bag for people, and the table of what is left out for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bwc_sdk.evidence.findings import Report
    from bwc_sdk.evidence.left_out import LeftOut


def left_out_csv(left_out: LeftOut) -> str:
    """A line for each recording and file that is left out (RFC 4180)."""
    table = io.StringIO()
    lines = csv.writer(table)
    lines.writerow(["what", "name", "camera", "sequence", "manifest_sha256", "reason"])
    for one in left_out.recordings:
        lines.writerow(
            [
                "recording",
                one.name,
                one.camera,
                one.sequence or "",
                one.manifest_sha256,
                one.reason,
            ]
        )
    for name, reason in sorted(left_out.files.items()):
        lines.writerow(["file", _plain(name), "", "", "", reason])
    return table.getvalue()


def _plain(name: str) -> str:
    """A name that anybody may have given: never a formula, and never a byte that is no text."""
    shown = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in name)
    shown = shown.encode("utf-8", "backslashreplace").decode()
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def page(document: dict[str, Any], report: Report, left_out: LeftOut) -> str:
    """What the bag is, and how whoever gets it verifies it."""
    recordings = document["recordings"]
    recipients = ", ".join(
        f"{one['name']} (key {one['key_sha256'][:16]}...)" for one in document["recipients"]
    )
    lines = [
        "Recordings of body-worn cameras",
        "===============================",
        "",
        f"Exported at {document['utc']} (UTC, by the clock of the host) by {document['by']}"
        f"{', ' + document['organization'] if document['organization'] else ''}.",
        f"Given to: {document['given_to'] or 'nobody is named'}.",
        f"Content keys wrapped for: {recipients or 'nobody but the recipients of the agency'}.",
        f"Recordings: {len(recordings)}. Verdict when it was exported: {report.verdict}.",
        "",
        *(
            f"  {one['camera'] or 'unknown camera'}  number {one['sequence'] or '?'}  {one['name']}"
            for one in recordings
        ),
        "",
        "What is left out",
        "----------------",
        "",
        *([f"  {one}" for one in left_out.reasons()] or ["  Nothing."]),
        "",
        "left-out.csv and data/left-out.json name each. Nobody but whoever exported this says so.",
        "Custody chains (.chain) are whole, and name files of recordings that are not here: a part of one",
        "proves nothing.",
        "",
        "What is here",
        "------------",
        "",
        "  data/*.mp4, *.mp4.sealed  footage as the camera stored it; .sealed is encrypted",
        "  data/*.table              the SHA-256 of each chunk of it",
        "  data/*.manifest, .cose    what the camera stated of the recording, and its signature",
        "  data/*.annotations        what was said of it since, signed by the camera",
        "  data/*.receipt, .objects  what destinations signed when they had it",
        "  data/*.tombstone          what a camera signed when it erased the recording",
        "  data/*.custody.json       how it came from the camera; data/*.chain names each record",
        "  data/*.checkpoint, *.tsr  how far a chain had come, signed and time-stamped",
        "  data/*.derived.*          copies: redacted, trimmed or decrypted; *.derivation says from what, and",
        "                            by whom. No camera signed a copy.",
        "  data/*.wraps              the key of a recording, for a recipient that is named above",
        "",
        "How to verify it",
        "----------------",
        "",
        "That nothing was changed on its way (any BagIt program does; so does):",
        "",
        "  sha256sum -c tagmanifest-sha256.txt && sha256sum -c manifest-sha256.txt",
        "",
        "That cameras of the agency recorded it, with the bwc_sdk package, and agency.pem from whoever keeps",
        "the keys of the agency, never from here:",
        "",
        "  bwc evidence verify data --root agency.pem",
        "",
        *_roots(document["roots_sha256"]),
        "Without that package: OpenSSL and a CBOR reader do; its page docs/verifying.md goes through it.",
        "To open what is encrypted for you: bwc evidence decrypt data --out DIR --key YOUR.p12",
    ]
    return "\n".join(lines) + "\n"


def _roots(roots: list[str]) -> list[str]:
    if not roots:
        return ["Whoever exported it believed no root: it was compared by hashes alone.", ""]
    return [
        "Whoever exported it believed roots (certificates in DER) of this SHA-256:",
        *(f"  {one}" for one in roots),
        "",
    ]

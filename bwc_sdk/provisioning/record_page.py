"""A record as a page to print: a label to cut out, with a QR code, and below it what the record says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from bwc_sdk.provisioning.records import canonical

DIGITS: Final = 16
"""Of the record's SHA-256 in the code: enough to tell which record a label belongs to."""
TITLES: Final = {False: "Provisioned", True: "Taken back"}
STYLE: Final = """
body { font: 11pt/1.4 system-ui, sans-serif; color: #111; background: #fff; max-width: 44em;
  margin: 2em auto; padding: 0 1em }
.label { display: flex; gap: 4mm; align-items: center; width: 90mm; box-sizing: border-box; padding: 3mm;
  border: 1px dashed #666 }
.label svg { width: 26mm; height: 26mm; flex: none }
.label p { margin: 0 } .serial { font-weight: 700; font-size: 12pt } .small { font-size: 8pt; color: #444 }
table { border-collapse: collapse; margin: 0 0 1em; width: 100% } th, td { text-align: left; vertical-align: top;
  padding: .15em .6em .15em 0; border-bottom: 1px solid #ddd } th { font-weight: 600; width: 16em }
td { overflow-wrap: anywhere }
h2 { font-size: 12pt; margin: 1.2em 0 .3em } .lab { border: 2px solid #a40000; color: #a40000; padding: .3em .6em }
@media print { body { margin: 0 } }
"""


def code_of(document: Mapping[str, Any]) -> str:
    """What the QR code says: the serial number, and the beginning of the record's SHA-256."""
    return f"{document['camera']['serial_number']} {hashlib.sha256(canonical(document)).hexdigest()[:DIGITS]}"


def page_of(document: Mapping[str, Any]) -> str:
    """The page: one file that needs no other. Same record, same bytes."""
    import segno  # of all verbs only provisioning draws

    camera, assignment = document["camera"], document["assignment"]
    code = code_of(document)
    drawn = segno.make(code, error="m", micro=False).svg_inline(border=2, title=code, omitsize=True)
    what = "a simulator" if camera["simulator"] else "a device of a lab" if document["lab"] else ""
    worth = [f'<p class="lab">This is {what}: not for service.</p>'] if what else []
    back = document["clock"]["after"] is None
    changed = _changes(document["changed"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(camera['serial_number'])}: {TITLES[back].lower()}</title>",
            f"<style>{STYLE}</style></head><body>",
            f'<div class="label">{drawn}<div><p class="serial">{escape(camera["serial_number"])}</p>',
            f"<p>{escape(assignment['officer'] or 'nobody')}"
            f"{' · ' + escape(assignment['unit']) if assignment['unit'] else ''}</p>",
            f'<p class="small">{document["made_utc"][:10]} · {escape(document["profile"]["name"])}</p>',
            f'<p class="small">{what}, not for service</p>' if what else "",
            "</div></div>",
            f"<h1>{TITLES[back]}</h1>",
            *worth,
            _table(
                "Camera",
                [
                    ("Serial number", camera["serial_number"]),
                    ("Model", f"{camera['manufacturer']} {camera['model']}, hardware {camera['hardware']}"),
                    ("Firmware", f"{camera['firmware']} (SHA-256 {camera['firmware_sha256'][:16]}…)"),
                    ("Certificate until", camera["certificate_until_utc"] or "it has none"),
                ],
            ),
            _table(
                "Holder",
                [
                    ("Officer", assignment["officer"] or "nobody"),
                    ("Unit", assignment["unit"]),
                    ("Training valid until", assignment["training_valid_until"] or "the roster does not say"),
                    *(
                        [("Before", assignment["earlier_officer"] or "nobody")]
                        if assignment["earlier_officer"] != assignment["officer"]
                        else []
                    ),
                ],
            ),
            _table(
                "Clock", [*_clock(document["clock"]), ("Recordings on it then", str(document["recordings"]))]
            ),
            _table(
                "This record",
                [
                    ("Number", f"{document['number']} of this camera"),
                    ("This run changed", deeds(document)),
                    ("The record before", document["earlier_record"] or "there is none"),
                ],
            ),
            *_interrupted(document["interrupted"]),
            _table(
                "Self-test", [(one["name"], f"{one['result']}: {one['detail']}") for one in _steps(document)]
            ),
            _table(f"Settings that were changed ({document['profile']['name']})", changed or [("None", "")]),
            *_waiting(document),
            f'<p class="small">Made {document["made_utc"]} by {escape(document["by"])} with '
            f"{escape(document['made_with'])}. The record beside this page is signed; this page is not. Settings: "
            f"SHA-256 {document['profile']['sha256']}.</p>",
            "</body></html>\n",
        ]
    )


def _waiting(document: Mapping[str, Any]) -> list[str]:
    """What it does not keep to yet, when it was provisioned."""
    rows = [
        (key, f"{_shown(one['in_effect'])} → {_shown(one['applied'])}, {one['takes_effect'] or 'later'}")
        for key, one in document["not_in_effect_yet"].items()
    ]
    said = document["not_in_effect_yet_said"]
    return [f"<p>{escape(said)}</p>", _table("Not in effect yet", rows)] if rows else []


def deeds(document: Mapping[str, Any]) -> str:
    """What the run of a record changed, in words."""
    changed = list(document["this_run_changed"])
    return "the clock only" if changed == ["clock"] else ", ".join(changed) or "nothing"


def _interrupted(found: Mapping[str, Any] | None) -> list[str]:
    """How it was before that run changed it."""
    if found is None:
        return []
    rows = [
        ("Begun", found["utc"]),
        ("Officer was", found["officer"] or "nobody"),
        ("Clock was", ahead_or_behind(found["clock"]["offset_ns"])),
        *_changes(found["changed"]),
    ]
    return [_table("An earlier run that came to no record had found", rows)]


def _changes(changed: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, f"{_shown(one['from'])} → {_shown(one['to'])}") for key, one in changed.items()]


def _clock(clock: Mapping[str, Any]) -> list[tuple[str, str]]:
    before = ("Was", ahead_or_behind(clock["before"]["offset_ns"]))
    if clock["after"] is None:
        return [before, ("Is", "as it was: it was not set")]
    return [
        before,
        ("Is", ahead_or_behind(clock["after"]["offset_ns"])),
        ("Good to", f"{clock['uncertainty_ns'] / 1e9:.6f} s"),
        ("Source", f"{clock['source']}, {clock['assurance']}"),
    ]


def ahead_or_behind(offset_ns: int) -> str:
    """How a camera's clock stands, by what has to be added to its time."""
    return f"{abs(offset_ns) / 1e9:.3f} s {'behind' if offset_ns > 0 else 'ahead'}"


def _steps(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(document["self_test"]["steps"])


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<h2>{escape(title)}</h2><table>{body}</table>"


def _shown(value: object) -> str:
    return (
        "not set"
        if value is None or value == ""
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )

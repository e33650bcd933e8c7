"""The page of a report: one file of HTML that needs no other, in light and dark, with and without JavaScript.

What a device or a test said is only ever text on it: the page allows no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from bwc_sdk.cli.printing.text import clean
from hil_tests.conformance.report import (
    HOST,
    REPORT,
    SIGNATURE,
    UNKNOWN,
    Report,
    Requirement,
    Tried,
)
from hil_tests.judging.measured import Measured
from hil_tests.judging.verdict import Conformity, Outcome, Verdict

HEADLINES: Final = {
    Conformity.CONFORMING: "CONFORMING in all that was tested",
    Conformity.BROKEN: "NOT CONFORMING",
    Conformity.INCONCLUSIVE: "INCONCLUSIVE",
}
WATERMARK: Final = "SIMULATOR: what stands here was found on a simulated device, and says nothing of hardware"
WHO_KNOWS: Final = "UNKNOWN DEVICE: it did not say whether it is hardware or a simulator"
_CODE: Final = re.compile(r"`([^`]*)`")


def render(report: Report) -> str:
    """The page."""
    mark = _mark(report)
    title = f"{HEADLINES[report.conformity]}: {_who(report)}"
    parts = [
        f"<title>{_text(title)}</title>",
        f"<style>{_file('page.css')}</style>",
        "</head><body>",
        _head(report, mark),
        _search(report),
        *_broken(report, mark),
        *(_section(name, rules, mark) for name, rules in report.sections().items()),
        *_others(report.others, mark),
        *_measurements(report.measurements, mark),
        _run(report, mark),
        f"<script>{_file('page.js')}</script>",
        "</body></html>",
    ]
    return "\n".join([*_top(), *parts]) + "\n"


def _top() -> Iterable[str]:
    policy = f"default-src 'none'; style-src '{_digest('page.css')}'; script-src '{_digest('page.js')}'"
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'


def _head(report: Report, mark: str) -> str:
    verdict = report.conformity
    device = report.device
    counts = "".join(
        f'<li><span class="badge {name}">{name}</span> {count}</li>' for name, count in report.counts.items()
    )
    facts = {
        report.role: _who(report),
        "what it is": _nature(report),
        "firmware": f"{device.firmware}, SHA-256 {device.firmware_sha256}" if device.firmware else "",
        "hardware": device.hardware,
        "protocol": device.protocol,
        "capabilities": ", ".join(device.capabilities),
        "session": report.session,
        "reached at": device.uri,
        "tested": f"{report.started_utc}, {report.duration_s:g} s",
        "rules": ", ".join(report.scope) or "all of the specification",
        "not all was run": report.ended_early,
        "signature": report.signed_by or f"NOT SIGNED: {report.unsigned_because}",
    }
    return _framed(
        f'<div class="head"><h1>Conformance of {_text(_who(report))}</h1>'
        f'<span class="verdict {verdict}">{_text(HEADLINES[verdict])}</span></div>'
        f'<ul class="counts">{counts}</ul>{_facts(facts)}{_contents(report)}',
        mark,
    )


def _contents(report: Report) -> str:
    links = "".join(f'<li><a href="#{_anchor(name)}">{_text(name)}</a></li>' for name in report.sections())
    return f"<h3>Chapters</h3><nav><ul>{links}</ul></nav>"


def _search(report: Report) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" value="{name}"> {name}</label>'
        for name, count in report.counts.items()
        if count
    )
    return (
        '<div class="search" id="search" hidden><input type="search" aria-label="Search" '
        f'placeholder="Search: LNK-003, epoch, window …">{boxes}<span id="found" class="soft"></span></div>'
    )


def _broken(report: Report, mark: str) -> Iterable[str]:
    wrong = {
        number: one
        for number, one in report.requirements.items()
        if one.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)
    }
    for title, verdict in (
        ("Broken rules", Verdict.FAIL),
        ("Warnings", Verdict.WARN),
        ("Without a verdict", Verdict.INCONCLUSIVE),
    ):
        rules = {number: one for number, one in wrong.items() if one.verdict is verdict}
        if rules:
            rows = "".join(_rule_link(number, one) for number, one in rules.items())
            yield _framed(f"<h2>{title}</h2><table><tbody>{rows}</tbody></table>", mark)


def _rule_link(number: str, one: Requirement) -> str:
    said = one.why or next((t.observed for t in one.tests if t.observed), "")
    return (
        f'<tr><td class="number"><a href="#{number}">{number}</a></td><td class="state">{_badge(one.verdict)}</td>'
        f"<td>{_sentence(one.sentence)}<br><span class=why>{_text(_first(said))}</span></td></tr>"
    )


def _section(name: str, rules: Mapping[str, Requirement], mark: str) -> str:
    rows = "".join(_rule(number, one) for number, one in rules.items())
    return _framed(
        f'<h2 id="{_anchor(name)}">{_text(name)}</h2><table><thead><tr><th>rule</th><th>verdict</th>'
        f"<th>what the specification says, and what the tests found</th></tr></thead><tbody>{rows}</tbody></table>",
        mark,
        rules=True,
    )


def _rule(number: str, one: Requirement) -> str:
    why = f'<p class="why">{_text(one.why)}</p>' if one.why else ""
    tests = "".join(map(_tried, one.tests))
    return (
        f'<tr id="{number}" data-find data-verdict="{one.verdict}"><td class="number">{number}</td>'
        f'<td class="state">{_badge(one.verdict)}</td><td>{_sentence(one.sentence)}{why}{tests}</td></tr>'
    )


def _tried(one: Tried) -> str:
    grave = one.outcome in (Outcome.FAILED, Outcome.WARNED)
    facts = [f"{one.seconds:g} s", f"{one.attempts} attempt{'s' if one.attempts > 1 else ''}"]
    facts += [f"connected as {one.connected_as}"] if one.connected_as else []
    facts += [f"moved {move}" for move in one.moved]
    beside = ""
    if one.observed:
        beside = (
            f'<div class="beside"><div><h4>expected</h4><pre class="said">{_text(one.expected)}</pre></div>'
            f'<div><h4>observed</h4><pre class="said">{_text(one.observed)}</pre></div></div>'
        )
    elif one.expected:
        beside = f'<p class="soft">expected: {_text(one.expected)}</p>'
    why = f'<p class="why">{_text(one.why)}</p>' if one.why else ""
    captures = "".join(
        f'<p class="soft">wire log <a href="{_text(log.file)}">{_text(log.file)}</a>, '
        f"SHA-256 <code>{log.sha256}</code></p>"
        for log in one.captures
    )
    return (
        f"<details{' open' if grave else ''}><summary>{_badge(one.outcome)} <code>{_text(one.name)}</code></summary>"
        f'<p class="soft">{_text(", ".join(facts))}</p>{why}{beside}{_transcript(one)}{captures}</details>'
    )


def _transcript(one: Tried) -> str:
    if not one.transcript:
        return ""
    lines = "\n".join(map(_text, one.transcript))
    title = f"what was sent, and what came ({len(one.transcript)} lines)"
    return f"<details><summary>{title}</summary><pre>{lines}</pre></details>"


def _others(others: Iterable[Tried], mark: str) -> Iterable[str]:
    listed = list(others)
    if listed:
        rows = "".join(f'<div data-find data-verdict="">{_tried(one)}</div>' for one in listed)
        yield _framed(
            f'<h2 id="tests-beside">Tests beside the numbered rules</h2><p class="soft">Scenarios of the whole device. '
            f"One that fails is a fault, as a broken rule is.</p>{rows}",
            mark,
            rules=True,
        )


def _measurements(measurements: Iterable[Measured], mark: str) -> Iterable[str]:
    rows = "".join(
        f'<tr><td>{_text(one.name)}</td><td class="right">{one.value:,.6g}</td><td>{_text(one.unit)}</td>'
        f"<td>{_text(one.limits or 'none')}</td><td>{_kept(one)}</td><td>{_text(one.note)}</td></tr>"
        for one in measurements
    )
    if rows:
        yield _framed(
            '<h2 id="measurements">Measurements</h2><table><thead><tr><th>what</th><th class="right">value</th>'
            f"<th>unit</th><th>limits</th><th></th><th>remark</th></tr></thead><tbody>{rows}</tbody></table>",
            mark,
        )


def _kept(one: Measured) -> str:
    """Whether a measurement keeps to its limits, if it has any."""
    return _badge(Verdict.PASS if one.within else Verdict.FAIL) if one.limits else ""


def _run(report: Report, mark: str) -> str:
    ran = report.environment
    facts = {
        "bwc-sdk": ran.sdk,
        "Python": ran.python,
        "pytest": ran.pytest,
        "host": ran.platform,
        "specification": f"SHA-256 {ran.specification_sha256}",
        "actuators": ", ".join(report.actuators) or "none: nothing but the link acted on the device",
        "seed": "none" if report.seed is None else str(report.seed),
        "strict": "yes" if report.strict else "no",
        "remarks": "; ".join(report.remarks),
    }
    return _framed(
        f'<h2 id="run">How it was tested</h2>{_facts(facts)}<p class="soft">This page shows what {REPORT} says. '
        f"Whether that is what the bench signed ({SIGNATURE}), 'bwc conformance verify' finds.</p>",
        mark,
    )


# Pieces


def _framed(content: str, mark: str, *, rules: bool = False) -> str:
    simulator = ' class="simulator"' if mark == WATERMARK else ""
    marked = f'<p class="watermark">{mark}</p>' if mark else ""
    return f"<section{simulator}{' data-rules' if rules else ''}>{marked}{content}</section>"


def _mark(report: Report) -> str:
    if report.device.simulator:
        return WATERMARK
    return WHO_KNOWS if report.device.nature == UNKNOWN else ""


def _nature(report: Report) -> str:
    device = report.device
    if device.nature == HOST:
        return "a host, judged by a simulated device that listens"
    if device.nature == UNKNOWN:
        return f"{device.nature}: {device.unknown_because}"
    if device.simulator and not device.says_simulator:
        return f"{device.nature}, by its URI; it does not say so itself"
    return f"{device.nature}, by its own word"


def _who(report: Report) -> str:
    device = report.device
    if not device.identity:
        return f"an unknown {device.kind or 'device'} at {device.uri}"
    if device.nature == HOST:
        return f"host {device.identity}"
    return f"{device.kind} {device.identity} ({device.manufacturer} {device.model})"


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{_text(said)}</dd>" for name, said in facts.items() if said)
    return f'<dl class="facts">{rows}</dl>'


def _badge(word: str) -> str:
    return f'<span class="badge {word}">{word}</span>'


def _sentence(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", _text(text))


def _first(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())


def _text(said: str) -> str:
    """Text, and nothing else, whatever it holds; lines stay lines."""
    return "\n".join(escape(clean(line)) for line in said.split("\n"))


@cache
def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8").strip()


def _digest(name: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(_file(name).encode()).digest()).decode()

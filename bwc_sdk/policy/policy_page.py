"""What the linter finds, and what follows from a policy, as pages for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bwc_sdk.policy.compiling import QUERY_VERSION as COMPILE_VERSION
from bwc_sdk.policy.compiling import Compiled, Held, gate_command
from bwc_sdk.policy.inheritance import Effective
from bwc_sdk.policy.linter import QUERY_VERSION as LINT_VERSION
from bwc_sdk.policy.page import Bar, Page, Plot, Table, Tone, counted
from bwc_sdk.policy.policy_fault import PolicyFault, Severity

_TONES: Final = {Severity.ERROR: Tone.BAD, Severity.WARNING: Tone.WARNS, Severity.NOTE: Tone.PLAIN}


def lint_document(policy: Effective, faults: Sequence[PolicyFault]) -> dict[str, Any]:
    """The findings for machines: the same for the same packs and day."""
    return {
        "query": {"name": "policy-lint", "version": LINT_VERSION, "on": policy.on.isoformat()},
        "pack": policy.pack.id,
        "sha256": policy.pack.sha256,
        "inputs": [{"pack": one.id, "sha256": one.sha256} for one in policy.packs],
        "inputs_sha256": policy.inputs_sha256,
        "findings": [
            {
                "code": one.code,
                "severity": str(one.severity),
                "rule": one.rule,
                "sentence": one.sentence,
                "todo": one.todo,
            }
            for one in faults
        ],
    }


def lint_page(policy: Effective, faults: Sequence[PolicyFault]) -> Page:
    """The findings for people."""
    counts = {severity: sum(one.severity is severity for one in faults) for severity in Severity}
    errors = counts[Severity.ERROR]
    return Page(
        f"What is wrong with {policy.pack.id}",
        ", ".join(counted(counts[one], str(one)) for one in Severity),
        Tone.BAD if errors else Tone.WARNS if counts[Severity.WARNING] else Tone.GOOD,
        _facts(policy, "policy-lint", LINT_VERSION),
        [Plot("Findings", [Bar(str(one), counts[one], _TONES[one]) for one in Severity])],
        [_faults("Findings", faults)],
    )


def compile_page(found: Compiled) -> Page:
    """What follows, for people."""
    policy = found.policy
    held = {
        "the configuration": sum(bool(rules) for rules in found.because.values()),
        "at release": len(found.gate),
        "on recordings": len(found.afterwards),
        "people alone, or as well": len(found.by_people),
    }
    return Page(
        f"What follows from {policy.pack.id}",
        f"{len(found.profile)} settings; {len(found.by_people)} rules that no device can hold alone",
        Tone.GOOD,
        [*_facts(policy, "policy-compile", COMPILE_VERSION), ("before a shift", gate_command(policy))],
        [Plot("By what rules are held", [Bar(name, count) for name, count in held.items()])],
        [
            Table(
                "Profile of the cameras",
                ["setting", "value", "follows from"],
                [[key, _value(value), found.because[key] or "-"] for key, value in found.profile.items()],
            ),
            Table("Categories", ["category", "retention class", "kept"], found.categories),
            Table("Retention", ["class", "kept"], found.retention),
            _held("Deadlines", found.deadlines),
            _held("Looked at when a camera is given out", found.gate),
            _held("Looked at on recordings", found.afterwards),
            _held("What no device can hold alone", found.by_people),
            _faults("Warnings of the linter", found.faults),
        ],
    )


def _facts(policy: Effective, query: str, version: int) -> list[tuple[str, str]]:
    return [
        ("policy", f"{policy.pack.id} ({policy.pack.title})"),
        ("SHA-256 of the policy", policy.pack.sha256),
        ("as in force on", policy.on.isoformat()),
        ("SHA-256 of the inputs", policy.inputs_sha256),
        ("query", f"{query}, version {version}"),
    ]


def _value(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _held(title: str, held: Sequence[Held]) -> Table:
    return Table(
        title, ["rule", "asks for", "by what"], [[one.rule, one.asks, one.how or "-"] for one in held]
    )


def _faults(title: str, faults: Sequence[PolicyFault]) -> Table:
    return Table(
        title,
        ["severity", "code", "rule", "what follows", "what to do"],
        [[str(one.severity), one.code, one.rule or "-", one.sentence, one.todo] for one in faults],
        [_TONES[one.severity] for one in faults],
    )

"""What follows from a policy: the profile of its cameras, categories, retention, deadlines, the gate at which cameras
are given out, and the rules that no device can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bwc_sdk.errors import PolicyError
from bwc_sdk.policy.asked_settings import UNCLASSIFIED, Value, plain, profile_of
from bwc_sdk.policy.catalogue import RULES, Place
from bwc_sdk.policy.demands import AtLeast, PerClass, Range
from bwc_sdk.policy.inheritance import Effective
from bwc_sdk.policy.linter import lint
from bwc_sdk.policy.policy_fault import PolicyFault, Severity
from bwc_sdk.policy.wording import demand_text, range_text

QUERY_VERSION: Final = 2
"""Raised when the same pack compiles to something else than before."""
DEADLINES: Final = ("upload.deadline", "release.expedited_d", "report.independent_audit_y", "review.sample")


@dataclass(frozen=True, slots=True)
class Held:
    """A rule, and by what it is held or not."""

    rule: str
    asks: str
    how: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """All that follows."""

    policy: Effective
    profile: dict[str, Value]
    """Settings, as `bwc config apply` takes them."""
    because: dict[str, str]
    """The rule behind each setting; "" for what the pack sets by itself."""
    categories: tuple[tuple[str, str, str], ...]
    """Name, retention class, and how long it is kept."""
    retention: tuple[tuple[str, str], ...]
    deadlines: tuple[Held, ...]
    gate: tuple[Held, ...]
    afterwards: tuple[Held, ...]
    """Looked at on recordings: `bwc policy check`."""
    by_people: tuple[Held, ...]
    """What no device can hold."""
    faults: tuple[PolicyFault, ...]


def compile_policy(policy: Effective) -> Compiled:
    """Raises `PolicyError` while the linter finds errors: nothing follows from rules that undo one another."""
    faults = lint(policy)
    errors = [one for one in faults if one.severity is Severity.ERROR]
    if errors:
        raise PolicyError(
            tuple(f"{one.rule or policy.pack.id}: {one.sentence} ({one.todo})" for one in errors),
            advice="mend these first: 'bwc policy lint' tells them all",
        )
    profile, because = profile_of(policy)
    demand = plain(policy.demand("retention.days"))
    kept = demand if isinstance(demand, PerClass) else PerClass(default=Range())
    info = RULES["retention.days"]
    return Compiled(
        policy=policy,
        profile=profile,
        because=because,
        categories=tuple(
            (one.name, one.retention_class, range_text(kept.of(one.retention_class), info))
            for one in policy.categories
        ),
        retention=(
            ("default", range_text(kept.default, info)),
            *((name, range_text(one, info)) for name, one in sorted(kept.classes.items())),
        )
        if demand is not None
        else (),
        deadlines=tuple(_held(policy, rule, "") for rule in DEADLINES if rule in policy.rules),
        gate=tuple(
            _held(policy, name, _GATE.get(name, "")) for name in policy.rules if _acts(name, Place.RELEASE)
        ),
        afterwards=tuple(_held(policy, name, "") for name in policy.rules if _acts(name, Place.RECORDINGS)),
        by_people=tuple(
            _held(policy, name, _PEOPLE.get(name, "no file of a camera shows it"))
            for name in policy.rules
            if _acts(name, Place.PEOPLE)
        ),
        faults=faults,
    )


def _acts(rule: str, place: Place) -> bool:
    return place in RULES[rule].acts


def _held(policy: Effective, rule: str, how: str) -> Held:
    return Held(rule, demand_text(rule, policy.demand(rule)), how)


_GATE: Final = {
    "record.endurance_h": "the hours that battery and load allow, at the health that was measured",
    "training.required": "the roster's date until which training is valid",
    "training.max_age_d": "the roster's date until which training is valid",
    "equipment.individually_assigned": "the camera's assignment",
    "equipment.agency_owned": "the agency's certificate that the camera has",
    "equipment.preshift_check": "the record of the check: self-test, battery, room, clock, configuration",
    "equipment.duties": "who has the camera, and the check before its shift",
}
_PEOPLE: Final = {
    "record.activate_on": "no device knows what happens: recordings without an event are reported",
    "use.forbidden": "no device knows what it is used for: a purpose or category of that sole kind is refused, and "
    "recordings without an event, or started by another, are reported",
    "notice.persons": "the light is a camera's; to say it is the officer's",
    "retention.days": "cameras delete nothing by age: the store does",
    "training.required": "the roster shows it, if it is kept",
    "training.max_age_d": "the roster says until when training is valid, not when it was: whoever writes that date "
    "counts the days",
    "equipment.agency_owned": "a certificate says whose camera it is, not who bought it",
}


def gate_command(policy: Effective) -> str:
    """How 'bwc check' is called so that it holds a camera to this policy before its shift. The profile is a file with
    what was compiled, the roster the agency's own."""
    words = ["bwc check --profile profile.toml"]
    endurance = plain(policy.demand("record.endurance_h"))
    if isinstance(endurance, AtLeast):
        words.append(f"--hours {endurance.value}")
    if {"training.required", "training.max_age_d"} & set(policy.rules):
        words.append("--roster officers.csv")
    return " ".join(words)


def document(found: Compiled) -> dict[str, Any]:
    """For machines: the same for the same pack and day."""
    return {
        "query": {
            "name": "policy-compile",
            "version": QUERY_VERSION,
            "on": found.policy.on.isoformat(),
        },
        "pack": found.policy.pack.id,
        "sha256": found.policy.pack.sha256,
        "inputs": [{"pack": one.id, "sha256": one.sha256} for one in found.policy.packs],
        "inputs_sha256": found.policy.inputs_sha256,
        "profile": found.profile,
        "because": found.because,
        "categories": [
            {"name": name, "retention_class": of, "kept": kept} for name, of, kept in found.categories
        ],
        "gate_command": gate_command(found.policy),
        "default_category": found.policy.default_category or UNCLASSIFIED,
        "retention": dict(found.retention),
        **{
            name: [{"rule": one.rule, "asks": one.asks, "how": one.how} for one in held]
            for name, held in (
                ("deadlines", found.deadlines),
                ("gate", found.gate),
                ("afterwards", found.afterwards),
                ("by_people", found.by_people),
            )
        },
        "warnings": [
            {"code": one.code, "rule": one.rule, "sentence": one.sentence, "todo": one.todo}
            for one in found.faults
        ],
    }

"""What is wrong with a policy by itself: rules that undo one another, and what audits have found to be missing.

Each finding says which rule it is about, what follows, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from bwc_protocol.evidence import is_first_amendment_only
from bwc_protocol.evidence.vocabulary import PRE_EVENT_MAX_S
from bwc_sdk.policy.asked_settings import (
    EVENT_TRIGGERS,
    NOT_GIVEN,
    UNCLASSIFIED,
    plain,
    wants,
)
from bwc_sdk.policy.catalogue import RULES
from bwc_sdk.policy.demands import (
    AtLeast,
    AtMost,
    Deadline,
    Forbidden,
    MustInclude,
    OnlyFrom,
    PerClass,
    Range,
    Required,
)
from bwc_sdk.policy.inheritance import Effective
from bwc_sdk.policy.lint_settings import against_cameras, against_rules
from bwc_sdk.policy.order import canonical, unkeepable
from bwc_sdk.policy.pack import Level, Status
from bwc_sdk.policy.policy_fault import PolicyFault, Severity

QUERY_VERSION: Final = 2
"""Raised when the same pack gives other findings than before."""
LONGEST_PRODUCT_S: Final = 120
"""The longest pre-event buffer of any camera that could be found."""


E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE


def lint(policy: Effective) -> tuple[PolicyFault, ...]:
    """All findings, the worst first. What rests on a rule that is only recalled is no error."""
    firm = {(one.code, one.rule) for look in _LOOKS for one in look(policy.firm) if one.severity is E}
    found = [_softened(one, firm) for look in _LOOKS for one in look(policy)]
    order = list(Severity)
    return tuple(
        sorted(dict.fromkeys(found), key=lambda one: (order.index(one.severity), one.code, one.rule))
    )


def _softened(found: PolicyFault, firm: set[tuple[str, str]]) -> PolicyFault:
    if found.severity is not E or (found.code, found.rule) in firm:
        return found
    return replace(found, severity=W, sentence=f"{found.sentence} (That rests on what is only recalled.)")


def _above(policy: Effective) -> Iterator[PolicyFault]:
    todo = {
        "loosens": "ask for as much, or have the department sign a waiver: 'bwc policy waive'",
        "undecided": "ask for all that the pack above asks for, and more if you like",
        "conflict": "ask whoever wrote them: no configuration keeps both",
        "not-in-force": "give the pack that is in force, or another day: --on",
    }
    for one in policy.remarks:
        yield PolicyFault(
            str(one.trouble), W if one.recalled else E, one.rule, one.sentence, todo[str(one.trouble)]
        )


def _empty(policy: Effective) -> Iterator[PolicyFault]:
    """Rules that nobody can keep, or that ask for nothing."""
    for name, rule in policy.rules.items():
        if told := unkeepable(plain(rule.demand)):
            yield PolicyFault(
                "nobody-can-keep",
                E,
                name,
                f"{told}: whatever is done, the rule is broken.",
                "give it a number above 0, or leave the rule out",
            )
    for one in policy.pack.rules_on(policy.on).values():
        said_outright = isinstance(plain(one.demand), Required)
        if one.demand is not None and canonical(one.lifted) is None and not said_outright:
            yield PolicyFault(
                "asks-for-nothing",
                W,
                one.id,
                "It is written as a rule, and whatever is done keeps to it.",
                "say what it asks for, or leave it out",
            )


def _pre_event(policy: Effective) -> Iterator[PolicyFault]:
    demand = plain(policy.demand("record.pre_event_s"))
    if not isinstance(demand, AtLeast) or demand.value <= LONGEST_PRODUCT_S:
        return
    beyond = demand.value > PRE_EVENT_MAX_S
    yield PolicyFault(
        "pre-event-beyond-cameras",
        E if beyond else W,
        "record.pre_event_s",
        f"{demand.value} s of pre-event footage are more than "
        + (
            f"any camera of this protocol has ({PRE_EVENT_MAX_S} s)." if beyond else f"{LONGEST_PRODUCT_S} s."
        ),
        "ask the maker of your cameras what they can, or ask for less",
    )


def _activation(policy: Effective) -> Iterator[PolicyFault]:
    demand = plain(policy.demand("record.activate_on"))
    events = set(demand.values) if isinstance(demand, MustInclude) else set()
    start = plain(policy.demand("record.start_by"))
    permitted = set(start.values) if isinstance(start, OnlyFrom) else None
    for event, trigger in EVENT_TRIGGERS.items():
        if event in events and permitted is not None and trigger not in permitted:
            yield PolicyFault(
                "activation-without-trigger",
                E,
                "record.activate_on",
                f"{event} is to be recorded, and record.start_by does not let the {trigger} start a recording.",
                f"add {trigger!r} to record.start_by, or leave {event!r} out",
            )
    if not events and isinstance(start, OnlyFrom) and not start.values:
        yield PolicyFault(
            "nothing-starts",
            E,
            "record.start_by",
            "Nothing may start a recording.",
            "name what may: officer-button at least",
        )
    idle = sorted(events & {"training", "test"})
    if idle:
        yield PolicyFault(
            "exercise-as-event",
            W,
            "record.activate_on",
            f"{', '.join(idle)} is asked for as if it were evidence.",
            "leave it out: such recordings are kept apart by their purpose",
        )


def _first_amendment(policy: Effective) -> Iterator[PolicyFault]:
    rule = "use.forbidden"
    if is_first_amendment_only(str(policy.settings.get("recording.purpose", ""))):
        yield PolicyFault(
            "first-amendment-purpose",
            E,
            rule,
            "recording.purpose says that footage is made of First Amendment activity alone; every camera refuses it.",
            "leave recording.purpose out",
        )
    named = [one.name for one in policy.categories] + [
        one.name for pack in policy.packs for one in pack.own_words
    ]
    for name in filter(is_first_amendment_only, named):
        yield PolicyFault(
            "first-amendment-purpose",
            E,
            rule,
            f"{name!r} would hold nothing but First Amendment activity.",
            "take it away: such footage is not to be made, so that it needs no name",
        )
    demand = plain(policy.demand(rule))
    if not (isinstance(demand, Forbidden) and "first-amendment-only" in demand.values) and _of_agency(policy):
        yield PolicyFault(
            "no-first-amendment-rule",
            W,
            rule,
            "Nothing forbids to record solely what the First Amendment protects.",
            "add use.forbidden with first-amendment-only",
        )


def _mute(policy: Effective) -> Iterator[PolicyFault]:
    mute, stop = plain(policy.demand("record.mute")), plain(policy.demand("record.may_stop_for"))
    if policy.settings.get("mute.allowed") is True and mute is None:
        yield PolicyFault(
            "mute-without-reasons",
            E,
            "record.mute",
            "The wearer may mute, and no rule says for which reasons: for any, and for as long as he likes.",
            "add record.mute with the reasons, or set mute.allowed = false",
        )
    if isinstance(mute, OnlyFrom) and isinstance(stop, OnlyFrom):
        wider = sorted(set(mute.values) - set(stop.values))
        if wider:
            yield PolicyFault(
                "mute-wider-than-stop",
                W,
                "record.mute",
                f"{', '.join(wider)}: sound may be off where the recording may not end; to mute is to stop in part.",
                "permit the same reasons for both, or say in a note why not",
            )


def _remote(policy: Effective) -> Iterator[PolicyFault]:
    if policy.settings.get("remote_activation") is True and "record.start_by" not in policy.rules:
        yield PolicyFault(
            "remote-start-unruled",
            W,
            "record.start_by",
            "Somebody elsewhere may start a camera without its wearer, and no rule says what may.",
            "add record.start_by, with or without 'remote'",
        )


def _defaults(policy: Effective) -> Iterator[PolicyFault]:
    event = policy.settings.get("recording.event", NOT_GIVEN)
    if event != NOT_GIVEN and not wants(policy, "record.event_required"):
        yield PolicyFault(
            "default-event-hides",
            W,
            "record.event_required",
            f"Every recording says {event!r}, whether somebody said so or not: which ones nobody named cannot be told.",
            "leave recording.event out",
        )
    default = policy.default_category
    if wants(policy, "category.required") and default not in ("", UNCLASSIFIED):
        yield PolicyFault(
            "default-category-hides",
            E,
            "category.required",
            f"What nobody categorised becomes {default!r}: which recordings those are cannot be told any more.",
            f'set default_category = "{UNCLASSIFIED}"',
        )


def _retention(policy: Effective) -> Iterator[PolicyFault]:
    demand = plain(policy.demand("retention.days"))
    kept = demand if isinstance(demand, PerClass) else None
    if kept is None:
        if _of_agency(policy):
            yield _missing("no-retention", "retention.days", "How long footage is kept is said nowhere.")
        return
    classes = {one.name: one.retention_class for one in policy.categories}
    for name, of in sorted(classes.items()):
        if of != "default" and of not in kept.classes:
            yield PolicyFault(
                "class-without-days",
                E,
                "retention.days",
                f"Category {name!r} is of the class {of!r}, which has no days of its own: it is kept as the default.",
                f"give {of!r} its days, or name the class default",
            )
    unused = sorted(set(kept.classes) - set(classes.values()) - {"default"}) if classes else []
    if unused:
        yield PolicyFault(
            "class-without-category",
            W,
            "retention.days",
            f"No category is of the class {', '.join(unused)}: nothing is ever kept by it.",
            "give a category this class, or take it away",
        )
    yield from _default_category(policy, kept, classes)
    yield from _too_short(policy, kept)


def _default_category(policy: Effective, kept: PerClass, classes: dict[str, str]) -> Iterator[PolicyFault]:
    """Kansas City, San Diego, Waukesha: what nobody categorised was deleted first."""
    default = policy.default_category
    if not default:
        if _of_agency(policy):
            yield _missing(
                "no-default-category", "category.default", "What nobody categorised has no category."
            )
        return
    lows = {name: kept.of(of).low or 0 for name, of in classes.items()} or {default: kept.default.low or 0}
    own = lows.get(default, kept.default.low or 0)
    if len(set(lows.values())) > 1 and own == min(lows.values()):
        longest = max(lows, key=lambda name: (lows[name], name))
        yield PolicyFault(
            "default-category-shortest",
            E,
            "category.default",
            f"What nobody categorised is {default!r}, and kept for {own} days, the shortest of all: footage that "
            "somebody forgot to name is gone first.",
            f"keep {default!r} as long as {longest!r}",
        )


def _too_short(policy: Effective, kept: PerClass) -> Iterator[PolicyFault]:
    every: list[tuple[str, Range]] = [("default", kept.default), *sorted(kept.classes.items())]
    upload = plain(policy.demand("upload.deadline"))
    release = plain(policy.demand("release.expedited_d"))
    for name, days in every:
        if isinstance(upload, Deadline) and days.high is not None and days.high * 24 < upload.hours:
            yield PolicyFault(
                "gone-before-stored",
                E,
                "retention.days",
                f"Class {name!r} is kept for at most {days.high} d, and may be stored as late as {upload.hours} h.",
                "store earlier, or keep longer",
            )
        if isinstance(release, AtMost) and (days.low or 0) < release.value:
            yield PolicyFault(
                "gone-before-released",
                W,
                "release.expedited_d",
                f"Class {name!r} is kept for at least {days.low or 0} d, and footage is released within "
                f"{release.value} d: it may be gone before.",
                "keep longer, or release earlier",
            )


def _audits(policy: Effective) -> Iterator[PolicyFault]:
    """What auditors have found to be missing in policies."""
    if not _of_agency(policy):
        return
    for code, rule, sentence in (
        ("no-upload-deadline", "upload.deadline", "When footage has to be stored is said nowhere."),
        ("no-stop-reason", "record.stop_requires_reason", "Nobody has to say why a recording ended."),
        ("no-review", "review.sample", "No supervisor has to look at any recording."),
        ("no-event", "record.event_required", "Nobody has to say what a recording was begun for."),
        ("no-category", "category.required", "Nobody has to give a recording its category."),
        ("no-preshift-check", "equipment.preshift_check", "Nobody has to check a camera before its shift."),
    ):
        if rule not in policy.rules:
            yield _missing(code, rule, sentence)
    if wants(policy, "record.stop_requires_reason") and "record.may_stop_for" not in policy.rules:
        yield _missing(
            "stop-for-any-reason", "record.may_stop_for", "A stop needs a reason, and any reason will do."
        )
    if wants(policy, "training.required") and "training.max_age_d" not in policy.rules:
        yield _missing(
            "training-never-ends", "training.max_age_d", "Training is asked for once, and never again."
        )


def _missing(code: str, rule: str, sentence: str) -> PolicyFault:
    return PolicyFault(code, W, rule, sentence, f"add {rule}, which is about {RULES[rule].about}")


def _sources(policy: Effective) -> Iterator[PolicyFault]:
    for name, rule in policy.rules.items():
        if rule.status is Status.RECALLED:
            yield PolicyFault(
                "recalled",
                W,
                name,
                "Nobody looked up whether the source says so; it warns, and never blocks.",
                "read the source, and set the status to verified",
            )
    pack = policy.pack
    if pack.parent and not pack.parent_sha256:
        yield PolicyFault(
            "parent-not-pinned",
            N,
            "",
            f"{pack.id} is under {pack.parent}, in whatever version is at hand.",
            "name its hash as parent_sha256: 'bwc policy show' prints it",
        )
    said = {word for one in pack.rules for word in _words(one.demand)}
    for own in pack.own_words:
        if str(own.number) not in said:
            yield PolicyFault(
                "own-word-unused",
                N,
                "",
                f"{own.number} ({own.name}) is told, and no rule names it.",
                "name it in a rule, or leave it: recordings may carry it all the same",
            )


def _words(demand: object) -> tuple[str, ...]:
    return tuple(getattr(getattr(demand, "demand", demand), "values", ()))


def _of_agency(policy: Effective) -> bool:
    """What an announcement, a law or a model leaves out is not a fault of it."""
    return policy.pack.level in (Level.AGENCY, Level.UNIT)


_LOOKS: Final[tuple[Callable[[Effective], Iterator[PolicyFault]], ...]] = (
    _above,
    against_rules,
    against_cameras,
    _empty,
    _pre_event,
    _activation,
    _first_amendment,
    _mute,
    _remote,
    _defaults,
    _retention,
    _audits,
    _sources,
)

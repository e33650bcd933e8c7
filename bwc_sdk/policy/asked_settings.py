"""What a policy asks of a camera's configuration: each setting with the rule that it follows from.

The names are those of the specification (spec: Configuration); a camera that has no such setting says so.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bwc_protocol.evidence import TriggerReason
from bwc_sdk.policy.demands import AtLeast, Conditional, Demand, MustInclude, OnlyFrom, Required
from bwc_sdk.policy.inheritance import Effective

Value = bool | int | str
UNCLASSIFIED: Final = "unclassified"
"""The category that says of itself that nobody gave one."""
NOT_GIVEN: Final = "not-given"
TRIGGER_SETTINGS: Final = {
    str(TriggerReason.REMOTE): "remote_activation",
    str(TriggerReason.SIGNAL_PEER): "trigger.peer",
    str(TriggerReason.HOLSTER): "trigger.holster",
}
"""What starts a recording by itself or from elsewhere, and the setting that lets it."""
EVENT_TRIGGERS: Final = {
    "weapon-drawn": str(TriggerReason.HOLSTER),
    "emergency-drive": str(TriggerReason.VEHICLE),
}
"""Events that a trigger says by itself."""


class How(enum.StrEnum):
    """How a setting is held to what is asked."""

    EXACTLY = "exactly"
    AT_LEAST = "at-least"
    PERMITTED = "permitted"
    """It may be so, and a camera is set so unless its pack says otherwise: one that is stricter keeps to the rule."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One setting that a rule asks for."""

    key: str
    value: Value
    how: How
    rule: str

    def kept_by(self, value: Value) -> bool:
        """Whether a value is what is asked for."""
        if self.how is How.AT_LEAST:
            return type(value) is int and type(self.value) is int and value >= self.value
        if self.how is How.PERMITTED:
            return type(value) is type(self.value)
        return type(value) is type(self.value) and value == self.value

    def __str__(self) -> str:
        shown = f'"{self.value}"' if isinstance(self.value, str) else str(self.value).lower()
        if self.how is How.PERMITTED:
            return f"{self.key} = true or false"
        return f"{self.key} = {'at least ' if self.how is How.AT_LEAST else ''}{shown}"


def asked_of(policy: Effective) -> tuple[Asked, ...]:
    """What the rules in force ask of a configuration, by the names of the settings."""
    return tuple(sorted(_asked(policy), key=lambda one: (one.key, one.rule)))


def profile_of(policy: Effective) -> tuple[dict[str, Value], dict[str, str]]:
    """The settings of its cameras, and the rule behind each; "" for what the pack sets by itself."""
    profile: dict[str, Value] = dict(policy.settings)
    because = dict.fromkeys(profile, "")
    for asked in asked_of(policy):
        before = profile.get(asked.key)
        if before is None or asked.how is How.EXACTLY or not asked.kept_by(before):
            profile[asked.key] = asked.value
        because[asked.key] = ", ".join(filter(None, (because.get(asked.key, ""), asked.rule)))
    if "category.default" not in profile and policy.default_category:
        profile["category.default"], because["category.default"] = policy.default_category, ""
    profile |= {"policy.id": policy.pack.id, "policy.sha256": policy.pack.sha256}
    because |= {"policy.id": "", "policy.sha256": ""}
    return dict(sorted(profile.items())), because


def _asked(policy: Effective) -> Iterator[Asked]:
    for rule, key in (
        ("record.pre_event_s", "recording.pre_event_s"),
        ("record.post_event_s", "recording.post_event_s"),
    ):
        demand = plain(policy.demand(rule))
        if isinstance(demand, AtLeast) and demand.value:
            yield Asked(key, demand.value, How.AT_LEAST, rule)
            if rule == "record.pre_event_s":  # a camera that sleeps has no buffer
                yield Asked("power.sleep_after_s", 0, How.EXACTLY, rule)
    if wants(policy, "record.date_and_time"):
        yield Asked("overlay.timestamp", True, How.EXACTLY, "record.date_and_time")
    mute = plain(policy.demand("record.mute"))
    if isinstance(mute, OnlyFrom):
        how = How.PERMITTED if mute.values else How.EXACTLY
        yield Asked("mute.allowed", bool(mute.values), how, "record.mute")
    yield from _triggers(policy)
    if wants(policy, "notice.persons"):
        yield Asked("indicator.front_led", True, How.EXACTLY, "notice.persons")
        if not isinstance(policy.demand("notice.persons"), Conditional):
            yield Asked("stealth.allowed", False, How.EXACTLY, "notice.persons")
    if wants(policy, "record.event_required"):  # a default would say of each recording what nobody said
        yield Asked("recording.event", NOT_GIVEN, How.EXACTLY, "record.event_required")
    if wants(policy, "category.required"):
        yield Asked("category.default", UNCLASSIFIED, How.EXACTLY, "category.required")
    if wants(policy, "category.default") and policy.default_category:
        yield Asked("category.default", policy.default_category, How.EXACTLY, "category.default")


def _triggers(policy: Effective) -> Iterator[Asked]:
    start = plain(policy.demand("record.start_by"))
    permitted = set(start.values) if isinstance(start, OnlyFrom) else None
    if permitted is not None:
        for trigger, key in TRIGGER_SETTINGS.items():
            how = How.PERMITTED if trigger in permitted else How.EXACTLY
            yield Asked(key, trigger in permitted, how, "record.start_by")
    activate = plain(policy.demand("record.activate_on"))
    events = set(activate.values) if isinstance(activate, MustInclude) else set()
    for event, trigger in EVENT_TRIGGERS.items():
        setting = TRIGGER_SETTINGS.get(trigger)
        if event in events and setting is not None and (permitted is None or trigger in permitted):
            yield Asked(setting, True, How.EXACTLY, "record.activate_on")


def plain(demand: Demand | None) -> Demand | None:
    """What is asked for, whatever the circumstances: a camera does not know in which it is."""
    return demand.demand if isinstance(demand, Conditional) else demand


def wants(policy: Effective, rule: str) -> bool:
    """Whether a rule of the kind `required` is in force."""
    return isinstance(plain(policy.demand(rule)), Required)

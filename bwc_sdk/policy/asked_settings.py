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
        return type(value) is type(self.value) and value == self.value

    def __str__(self) -> str:
        shown = f'"{self.value}"' if isinstance(self.value, str) else str(self.value).lower()
        return f"{self.key} = {'at least ' if self.how is How.AT_LEAST else ''}{shown}"


def asked_of(policy: Effective) -> tuple[Asked, ...]:
    """What the rules in force ask of a configuration, by the names of the settings."""
    return tuple(sorted(_asked(policy), key=lambda one: (one.key, one.rule)))


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
    if isinstance(mute, OnlyFrom) and not mute.values:
        yield Asked("mute.allowed", False, How.EXACTLY, "record.mute")
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
            if trigger not in permitted:
                yield Asked(key, False, How.EXACTLY, "record.start_by")
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

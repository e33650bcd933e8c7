"""What is wrong with the settings that a pack has beside its rules."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bwc_sdk.clients.known_settings import NEAR, SETTINGS, value_fault
from bwc_sdk.policy.asked_settings import asked_of
from bwc_sdk.policy.inheritance import Effective
from bwc_sdk.policy.policy_fault import PolicyFault, Severity


def against_rules(policy: Effective) -> Iterator[PolicyFault]:
    """Settings that the rules of the pack speak against."""
    settings = policy.settings
    for asked in asked_of(policy):
        value = settings.get(asked.key)
        if value is None or asked.kept_by(value):
            continue
        if asked.key == "power.sleep_after_s":
            yield PolicyFault(
                "sleep-loses-pre-event",
                Severity.ERROR,
                asked.rule,
                f"The camera may sleep after {value} s; asleep it has no pre-event buffer, and no trigger starts it.",
                "set power.sleep_after_s = 0, or leave it out",
            )
            continue
        yield PolicyFault(
            "setting-against-rule",
            Severity.ERROR,
            asked.rule,
            f"The pack sets {asked.key} = {value!r}, and {asked.rule} asks for {asked}.",
            f"leave {asked.key} out of [settings], or change the rule",
        )


def against_cameras(policy: Effective) -> Iterator[PolicyFault]:
    """Settings that a camera would refuse, before there is one."""
    names = policy.settings
    for key, value in sorted(names.items()):
        if told := value_fault(key, value):
            yield PolicyFault(
                "setting-not-taken",
                Severity.ERROR,
                "",
                f"The pack sets {told}.",
                f"set {key} to what cameras take, or leave it out of [settings]",
            )
        elif key not in SETTINGS:
            near = difflib.get_close_matches(key, SETTINGS, n=1, cutoff=NEAR)
            slip = bool(near) and near[0] not in names
            hint = f"; did you mean {near[0]}?" if slip else ", and not every camera will take it"
            yield PolicyFault(
                "setting-misspelt" if slip else "setting-not-known",
                Severity.ERROR if slip else Severity.WARNING,
                "",
                f"No camera so far has a setting {key}{hint}",
                f"write {near[0]}" if slip else "look whether your cameras have it: 'bwc config show'",
            )

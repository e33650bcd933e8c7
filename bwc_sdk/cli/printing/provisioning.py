"""What is told of provisioning: what became of each camera, as JSON also each step, and at the end what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.readable import dumps
from bwc_sdk.provisioning import (
    Looked,
    NotHere,
    NotProvisioned,
    Provisioned,
    ProvisioningEvent,
    StepBegun,
)
from bwc_sdk.provisioning.choosing import named_shortly
from bwc_sdk.provisioning.record_page import ahead_or_behind

if TYPE_CHECKING:
    from bwc_sdk.cli.printing.provisioning_view import ProvisioningView


class ProvisioningTeller:
    """Tells events as they come."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.view: ProvisioningView | None = None

    def tell(self, event: ProvisioningEvent, *, plan: bool) -> None:
        """Writes one event. Of a plan each change is told; else only what became of each camera."""
        if self.view is not None:
            self.view.tell(event)
        if self._output.as_json:
            self._output.write(dumps(document_of(event)))
        elif isinstance(event, NotHere):
            if event.members:
                self._output.note(f"not here: {named_shortly(event.members)}")
            if event.elsewhere:
                self._output.note(
                    f"not here, by an earlier run: {named_shortly(event.elsewhere, event.held)}"
                )
        elif isinstance(event, Looked) and plan:
            self._output.line(event.place, event.found.identity.serial, *plan_words(event))
        elif isinstance(event, Provisioned):
            self._output.line(event.place, event.record.serial_number, *done_words(event))
        self._output.flush()


def plan_words(event: Looked) -> list[str]:
    """What would be done with a camera."""
    now, member = event.found.assignment.officer or "nobody", event.member
    words = []
    if member is not None and (member.officer, member.unit) != (
        event.found.assignment.officer,
        event.found.assignment.unit,
    ):
        words.append(f"{now} → {member.officer}{f' ({member.unit})' if member.unit else ''}")
    else:
        words.append(f"stays with {now}")
    words.append(f"clock {ahead_or_behind(event.found.clock.offset_ns)}")
    if event.found.recordings:
        words.append(owed(event.found.recordings))
    words += [f"{key}: {_shown(was)} → {_shown(to)}" for key, (was, to) in event.found.differing.items()] or [
        "no setting differs"
    ]
    return words


def done_words(event: Provisioned) -> list[str]:
    """What was done."""
    document = event.record.document
    if document["clock"]["after"] is None:  # it was taken back
        before = document["assignment"]["earlier_officer"]
        was = f"taken back from {before}" if before else "was nobody's already"
        return [event.record.officer or "nobody", was, str(event.record.path)]
    begun = document["interrupted"]
    later = document["not_in_effect_yet_said"]
    as_asked = "as the profile has it already" if later else "configured already"
    changed = len({*document["changed"], *(begun["changed"] if begun else ())})
    clock = begun["clock"] if begun else document["clock"]["before"]
    return [
        event.record.officer or "nobody",
        f"{changed} setting{'' if changed == 1 else 's'} changed" if changed else as_asked,
        *([later] if later else []),
        f"clock was {ahead_or_behind(clock['offset_ns'])}",
        *(["an earlier run that came to no record had begun with it"] if begun else []),
        *([owed(document["recordings"])] if document["recordings"] else []),
        str(event.record.path),
    ]


def owed(recordings: int) -> str:
    """What is to be said of a camera whose clock is set while footage is on it."""
    what = "1 recording is" if recordings == 1 else f"{recordings} recordings are"
    return f"{what} on it: offload first, or how far their times are off is not known any more"


def document_of(event: ProvisioningEvent) -> Mapping[str, Any]:
    """An event as JSON."""
    match event:
        case NotHere():
            return {
                "event": "not-here",
                "members": [
                    {
                        "line": one.line,
                        "officer": one.officer,
                        "serial_number": one.serial_number,
                        "slot": one.slot,
                    }
                    for one in event.members
                ],
                "elsewhere": [
                    {"line": one.line, "officer": one.officer, "serial_number": event.held[one.officer]}
                    for one in event.elsewhere
                ],
            }
        case Looked():
            return {
                "event": "looked",
                "place": event.place,
                "serial_number": event.found.identity.serial,
                "officer": event.found.assignment.officer,
                "to": None if event.member is None else event.member.officer,
                "clock_offset_ns": event.found.clock.offset_ns,
                "recordings": event.found.recordings,
                "settings": {k: {"from": was, "to": to} for k, (was, to) in event.found.differing.items()},
            }
        case StepBegun():
            return {"event": "step", "place": event.place, "step": event.step}
        case Provisioned():
            return {
                "event": "provisioned",
                "place": event.place,
                "serial_number": event.record.serial_number,
                "officer": event.record.officer,
                "record": str(event.record.path),
                "not_in_effect_yet": event.record.document["not_in_effect_yet"],
                "sha256": event.record.sha256,
            }
        case NotProvisioned():
            return {
                "event": "not-provisioned",
                "place": event.place,
                "serial_number": event.serial_number,
                "step": event.step,
                "error": {
                    "class": type(event.error).__name__,
                    "layer": event.error.layer,
                    "rule": event.error.rule,
                    "advice": advice_for(event.error),
                },
            }


def show_left(output: Output, left: Sequence[NotProvisioned]) -> None:
    """The list of what is left, at the end."""
    rows = [
        [one.place, one.serial_number or "?", one.step, one.error.rule, advice_for(one.error)] for one in left
    ]
    output.show(
        {"left": [document_of(one) for one in left]},
        *([Rows("left", ["place", "camera", "step", "why", "try"], rows)] if left else []),
    )


def _shown(value: object) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)

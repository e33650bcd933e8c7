"""What somebody says of a recording."""

from dataclasses import replace
from typing import NamedTuple

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import ActivationEvent, Circumstances, GivenBy, Purpose


class Said(NamedTuple):
    """What somebody said of a recording when it began; NOT_GIVEN leaves what was there."""

    event: ActivationEvent | Unknown = ActivationEvent.NOT_GIVEN
    purpose: Purpose | Unknown = Purpose.NOT_GIVEN
    by: GivenBy = GivenBy.BUTTON


def with_said(circumstances: Circumstances, said: Said | None) -> Circumstances:
    """The circumstances with what was said of them."""
    if said is None:
        return circumstances
    if int(said.event) != ActivationEvent.NOT_GIVEN:
        circumstances = replace(circumstances, event=said.event, event_by=said.by)
    if int(said.purpose) != Purpose.NOT_GIVEN:
        circumstances = replace(circumstances, purpose=said.purpose)
    return circumstances

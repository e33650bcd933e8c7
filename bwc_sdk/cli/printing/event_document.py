"""Events as JSON documents: each is named after its class, and has its fields."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.declare import to_plain
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.errors import BwcError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_WORD_BEGIN: Final = re.compile(r"(?<!^)(?=[A-Z])")


def event_document(event: DataclassInstance) -> dict[str, Any]:
    """The event as it goes into JSON: `BayTroubled` is `bay_troubled`."""
    name = _WORD_BEGIN.sub("_", type(event).__name__).lower()
    document = {one.name: plain(getattr(event, one.name)) for one in dataclasses.fields(event)}
    number = getattr(event, "recording", None)
    if isinstance(number, int):
        document["sequence"] = number  # under this name in every event; elsewhere `recording` is the id
    return {"event": name, **document}


def plain(value: Any) -> Any:
    """What a field of an event is in JSON."""
    match value:
        case BwcError():
            return error_document(value)
        case Path():
            return str(value)
        case tuple():
            return [plain(one) for one in value]
        case _:
            return to_plain(value)


def error_document(error: BwcError) -> dict[str, str]:
    """An error that an event or a result tells of."""
    return {
        "class": type(error).__name__,
        "layer": error.layer,
        "device": error.device,
        "rule": error.rule,
        "advice": advice_for(error),
    }

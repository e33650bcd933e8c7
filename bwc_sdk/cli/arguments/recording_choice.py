"""Which recording is meant: by its number, or by the first digits of its id."""

from typing import Annotated, Final

import typer

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.errors import NoSuchRecording

NUMBER_DIGITS: Final = 20
"""Of the largest number that a recording can have on the wire."""
ID_DIGITS_MIN: Final = 4
"""Hexadecimal digits of an id that may stand for the whole; fewer are a sequence number with a typo."""
Which = Annotated[
    str, typer.Argument(metavar="RECORDING", help="Sequence number, or the first digits of its id.")
]


def choose(entries: tuple[RecordingEntry, ...], which: str, *, device: str = "") -> RecordingEntry:
    """The one recording that `which` names. Raises `NoSuchRecording` for none, and for several."""
    number = int(which) if which.isdecimal() and len(which) <= NUMBER_DIGITS else None
    found = [entry for entry in entries if entry.sequence == number]
    if not found and len(which) >= ID_DIGITS_MIN:
        found = [entry for entry in entries if entry.recording.hex().startswith(which.lower())]
    if len(found) != 1:
        many = "several recordings have" if found else "no recording has"
        numbers = () if number is None else (number,)
        raise NoSuchRecording(f"{many} the number or id {which[:64]!r}", numbers=numbers, device=device)
    return found[0]

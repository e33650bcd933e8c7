"""`bwc evidence find STORE...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bwc_sdk.cli.printing.facts import Fact, fact
from bwc_sdk.cli.printing.output import Output, rows_of
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

if TYPE_CHECKING:
    from bwc_protocol.declare import Unknown
    from bwc_protocol.evidence import ActivationEvent
    from bwc_sdk.evidence.catalogue import Described
    from bwc_sdk.evidence.search import Wanted

ID_DIGITS_SHOWN = 8
"""On a terminal; enough to tell recordings apart, and to name one."""
NAMED_MAX = 10
"""Recordings that are named in one line."""


Officer = Annotated[
    str | None, typer.Option(help="Who carried the camera: officer, or the pseudonym that the store has.")
]
Begin = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Footage from then on, such as 2026-11-30.")
]
End = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Footage up to then; a day with all its hours.")
]
Case = Annotated[str | None, typer.Option(help="Case number, of the recording or of a hold on it.")]
Held = Annotated[bool, typer.Option("--held", help="Only what a hold is on.")]
Category = Annotated[str | None, typer.Option(help="Category of the agency's list.")]
Event = Annotated[
    str | None, typer.Option(help="What it was begun for: a word such as traffic-stop, or a number.")
]
CameraTime = Annotated[
    bool,
    typer.Option(
        "--camera-time", help="The times are by the camera's clock as it stood, as its pictures show them."
    ),
]
CameraName = Annotated[str | None, typer.Option(help="Identity of the camera.")]


@local_verb
def find(
    settings: Settings,
    output: Output,
    stores: Annotated[
        list[Path],
        typer.Argument(readable=False, metavar="STORE...", help="Directories that offloads stored into."),
    ],
    officer: Officer = None,
    begin: Begin = None,
    end: End = None,
    case: Case = None,
    held: Held = False,
    category: Category = None,
    event: Event = None,
    camera: CameraName = None,
    camera_time: CameraTime = False,
) -> None:
    """Recordings of stores that are all of what is asked for; without a question, all of them.

    Times are in UTC, and true ones where a host measured the camera's clock when it stored the recording; else, and
    with --camera-time, they are those of the camera's clock. Recordings that may have been made then are found, too:
    bounds of errors count. What it says is what the files say: 'bwc evidence verify' tells whether that is true.
    """
    from bwc_sdk.evidence.catalogue import catalogue
    from bwc_sdk.evidence.description import row
    from bwc_sdk.evidence.store import Store

    wanted = question(officer, begin, end, case, held, category, event, camera, by_camera=camera_time)
    matches: list[tuple[str, Described]] = []
    timeless: list[tuple[str, Described]] = []
    unread = unsaid = 0
    for path in stores:
        with Store.open(path) as store:
            for found in catalogue(store):
                unread += found.manifest is None
                unsaid += found.manifest is not None and found.head is None
                if wanted.is_it(found):
                    matches.append((str(path), found))
                elif wanted.is_it_but_for_time(found):
                    timeless.append((str(path), found))
    output.show(
        {
            "recordings": [{"store": path, **row(found)} for path, found in matches],
            "time_unknown": [{"store": path, **row(found)} for path, found in timeless],
        },
        rows_of("", (_row(path, found) for path, found in matches), empty="no recording is that"),
    )
    if timeless:
        output.note(
            f"of {len(timeless)} nobody knows when they were made, and they may be among what is asked for: "
            f"{_names(timeless)}; their cameras' clocks were not set"
        )
    if unread:
        output.note(f"{unread} cannot be searched: their manifests are missing or damaged")
    if unsaid and (held or case is not None or category is not None):
        output.note(f"of {unsaid} nothing is here that was said of them: holds, cases and categories")


def _names(matches: list[tuple[str, Described]]) -> str:
    shown = ", ".join(found.files.recording.hex()[:ID_DIGITS_SHOWN] for _, found in matches[:NAMED_MAX])
    more = len(matches) - NAMED_MAX
    return shown + (f" and {more} more" if more > 0 else "")


def question(
    officer: str | None,
    begin: str | None,
    end: str | None,
    case: str | None,
    held: bool,
    category: str | None,
    event: str | None,
    camera: str | None,
    *,
    by_camera: bool = False,
) -> Wanted:
    """What the options ask for. Raises `InvalidValue`."""
    from bwc_sdk.evidence.search import Wanted, moment

    return Wanted(
        officer=officer,
        from_ns=None if begin is None else moment(begin),
        to_ns=None if end is None else moment(end, end=True),
        case=case,
        held=held,
        category=category,
        event=None if event is None else _event(event),
        camera=camera,
        by_camera=by_camera,
    )


def _event(text: str) -> ActivationEvent | Unknown:
    from bwc_protocol.evidence import ActivationEvent, word_of

    found = word_of(ActivationEvent, text)
    if found is None:
        words = ", ".join(map(str, ActivationEvent))
        raise typer.BadParameter(f"{text!r} is none of {words}, nor an agency's own number")
    return found


def _row(path: str, found: Described) -> list[Fact]:
    from bwc_sdk.evidence.corrected_time import Correction

    manifest = found.manifest
    assert manifest is not None
    said, standing = manifest.circumstances, found.standing
    identity = manifest.recording_id.hex()
    known = found.correction
    true_ns = known.span_ns(manifest)[0] if isinstance(known, Correction) else None
    return [
        fact("camera", manifest.camera),
        fact("sequence", manifest.sequence),
        fact("started_utc_ns", manifest.started_utc_ns, unit="ns"),
        fact("duration_ms", manifest.duration_ms, unit="ms"),
        fact("holder", said.holder if said is not None else ""),
        fact("event", said.event if said is not None else ""),
        fact("category", standing.category),
        fact("cases", standing.cases),
        fact("held", None if found.head is None else bool(standing.holds)),
        fact("recording", identity, identity[:ID_DIGITS_SHOWN]),
        fact("store", path),
        fact("true_started_utc_ns", true_ns, "not known" if true_ns is None else None, unit="ns"),
    ]

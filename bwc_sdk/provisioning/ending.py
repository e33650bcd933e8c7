"""Ends somebody's part: in the roster, and by desired states that clear the assignments of what he or she carries."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bwc_protocol.documents.desired_state import DesiredState
from bwc_sdk.errors import HostFileError, RosterError
from bwc_sdk.identity.desired import desired_path, next_counter, read_desired, same_generation, sign_desired
from bwc_sdk.identity.document_files import write_document
from bwc_sdk.identity.durable_files import replace, telling_files
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning.records import Records
from bwc_sdk.provisioning.roster import (
    FILE_MAX,
    SEPARATOR_LINE,
    Member,
    encoding_of,
    parse_roster,
    read_table,
    separator_of,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it."""

    officer: str
    day: datetime.date
    """The first day without: what the roster says already, else what was asked for."""
    member: Member | None
    """The line of the roster; None if there is none of that name."""
    cameras: tuple[str, ...]
    """Serial numbers of what he or she has by the records."""
    documents: tuple[Path, ...]
    """Desired states that take these back, at their next docking."""


def end_part(
    officer: str,
    *,
    roster: Path | None,
    records: Records,
    out: Path | None,
    identity: HostIdentity | None,
    day: datetime.date,
    utc_s: int,
) -> Ended:
    """Ends somebody's part on a day: writes it into the roster, and signs what takes the cameras back into `out`.

    The desired states are there before the roster says so: a run that is killed in between is repeated. Raises
    `RosterError` where neither the roster nor the records know him or her, `HostFileError`, `DocumentError`.
    """
    member = None if roster is None else parse_roster(read_table(roster), roster).of_officer(officer)
    if member is not None and member.ended is not None:
        day = member.ended
    if out is not None and day > datetime.datetime.fromtimestamp(utc_s, datetime.UTC).date():
        raise RosterError(
            (f"{day} is to come, and what is signed now takes the cameras back at their next docking",),
            advice="write the day into the roster now, without --out, and sign when it has come",
        )
    cameras = records.cameras_of(officer)
    if member is None and not cameras:
        raise RosterError(
            (f"neither the roster nor the records know {officer!r}",),
            advice="'bwc people show' lists who has what",
        )
    documents: list[Path] = []
    if out is not None and identity is not None:
        with telling_files(out):
            out.mkdir(mode=0o755, parents=True, exist_ok=True)  # docks read it, by whatever user
        for camera in cameras:
            path = desired_path(out, camera)
            document = sign_desired(
                identity,
                camera=camera,
                counter=next_counter(out, camera),
                generation=same_generation(out, camera),
                utc_s=utc_s,
                settings={},
                assignment=("", ""),
                profile="returned",
            )
            write_document(path, document, over=True)
            documents.append(path)
    for number, camera in enumerate(cameras):
        records.ending(camera, officer, day, documents[number] if documents else None)
    if roster is not None and member is not None and member.ended is None:
        _write_end(roster, member, day)
    return Ended(officer, day, member, cameras, tuple(documents))


def signed_end(records: Records, serial_number: str) -> tuple[DesiredState, bytes] | None:
    """The desired state that takes a camera back and that docks have for it, by what `end_part` noted; None where
    there is none, or a later one says otherwise.

    Raises `HostFileError`, `DocumentError`.
    """
    record = records.of(serial_number)
    ending = None if record is None else records.ending_of(record)
    signed = "" if ending is None else str(ending[1].get("desired", ""))
    found = read_desired(Path(signed).parent, serial_number) if signed else None
    gives_to_somebody = found is not None and (found[0].assignment is None or found[0].assignment.officer)
    return None if gives_to_somebody else found


def _write_end(path: Path, member: Member, day: datetime.date) -> None:
    """The same table with one day more in it: its letters, marks and separators stay what they were."""
    try:
        data = path.read_bytes()[: FILE_MAX + 1]
    except OSError as error:
        raise HostFileError(f"the roster {path} cannot be read: {error.strerror or error}") from error
    mark, encoding = encoding_of(data)
    text = data[len(mark) :].decode(encoding)
    newline = "\r\n" if "\r\n" in text else "\n"
    begins = text.partition("\n")[0].rstrip("\r")
    said = SEPARATOR_LINE.fullmatch(begins)
    body = text.partition("\n")[2] if said else text
    separator = said[1] if said else separator_of(begins)
    rows = _rows(body, separator)
    head_at = next(at for at, (_, cells) in enumerate(rows) if any(cell.strip() for cell in cells))
    head = rows[head_at][1]
    column = next((at for at, cell in enumerate(head) if _name(cell) == "ended"), None)
    if column is None:
        column = len(head)
        head.append("ended")
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator=newline)
    first = 2 if said else 1
    for line, cells in rows:
        if line + first - 1 == member.line:
            cells += [""] * (column + 1 - len(cells))
            cells[column] = day.isoformat()
        writer.writerow(cells)
    before = f"{begins}{newline}" if said else ""
    with telling_files(path):
        replace(path, mark + (before + written.getvalue()).encode(encoding), mode=path.stat().st_mode & 0o777)


def _rows(body: str, separator: str) -> Sequence[tuple[int, list[str]]]:
    """Number of its first line, and cells, of each row."""
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    rows, before = [], 0
    for cells in reader:
        rows.append((before + 1, cells))
        before = reader.line_num
    return rows


def _name(cell: str) -> str:
    return re.sub(r"[\s_-]+", " ", cell.strip()).lower()

"""A roster: who is to carry which camera, as a table that a spreadsheet wrote (docs/technicians.md).

The first line names the columns, in any order: `officer`, and as far as they are there `unit`, `serial number` or
`slot` (which camera), `training valid until` and `ended` (days, as 2026-12-31). Commas, semicolons and tabs all part
columns; the text is UTF-8, or UTF-16 with its mark. Nothing is guessed: a line that is not clear is named, and then
nobody is given anything.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import difflib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_sdk.errors import HostFileError, RosterError
from bwc_sdk.host.file_advice import file_advice

FILE_MAX: Final = 1 << 24
"""Bytes of a roster: one of the department's 80,000 has a quarter of it."""
PROBLEMS_MAX: Final = 20
"""As many are told as somebody mends before he looks again."""
CELL_MAX: Final = 64
"""Bytes of what a device keeps of an officer or a unit (spec: Assignment)."""
SERIAL_NUMBER_MAX: Final = 32
"""What a device can say of itself (spec: `device.identify`)."""
SHOWN_MAX: Final = 40
NEAR: Final = 0.8
"""How like a column's name another is that is taken for a slip: a check that it would switch off is not lost so."""
SEPARATORS: Final = ";\t,"
SEPARATOR_LINE: Final = re.compile(r"sep=([;,\t])", re.IGNORECASE)
"""What spreadsheets put before all else to say how columns are parted."""
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
COLUMNS: Final = ("officer", "unit", "serial number", "slot", "training valid until", "ended")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARIES: Final = (
    (b"PK\x03\x04", "a spreadsheet's own file (.xlsx, .ods), or another archive"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet's own file (.xls)"),
    (b"%PDF-", "a PDF"),
)
SAVE_AS: Final = "open it in the spreadsheet and save it as 'CSV UTF-8'"
MEND: Final = "mend these lines in the spreadsheet and save it again as CSV (UTF-8)"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the roster."""

    line: int
    officer: str
    """By the agency's identifier: what a camera and its recordings have of him or her."""
    unit: str = ""
    serial_number: str = ""
    """Which camera; "" = not by this."""
    slot: str = ""
    """Where it stands, as `bwc devices` lists it: a URI, or a bay's number at the one station."""
    training_until: datetime.date | None = None
    """The last day for which his or her training counts; None = the roster does not say."""
    ended: datetime.date | None = None
    """Since when he or she is no part of it any more."""

    def active(self, on: datetime.date) -> bool:
        """Whether somebody may carry a camera on a day."""
        return self.ended is None or on < self.ended


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster, read: each person once, each camera and each slot for one person."""

    path: Path
    members: tuple[Member, ...]
    ignored: tuple[str, ...] = ()
    """Columns that mean nothing here."""

    def of_camera(self, serial_number: str) -> Member | None:
        """Who is to carry the camera of a serial number by the roster."""
        return next((one for one in self.members if one.serial_number == serial_number), None)

    def of_slot(self, slot: str) -> Member | None:
        """Who is to carry the camera that stands there."""
        return next((one for one in self.members if one.slot == slot), None)

    def of_officer(self, officer: str) -> Member | None:
        """The line of somebody."""
        return next((one for one in self.members if one.officer == officer), None)


def read_roster(path: Path) -> Roster:
    """Reads a roster. Raises `HostFileError` if it cannot be read, `RosterError` with each line that is wrong."""
    return parse_roster(read_table(path), path)


def read_table(path: Path) -> str:
    """The text of a roster's file. Raises as `read_roster`."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX + 1)
    except OSError as error:
        rule = f"the roster {path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    if len(data) > FILE_MAX:
        raise RosterError((f"{path} is longer than {FILE_MAX} bytes",), advice="is the path right?")
    mark, encoding = encoding_of(data)
    if what := _no_text(data, encoding):
        raise RosterError((f"{path} is {what}, and no table as text",), advice=SAVE_AS)
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RosterError(
            (f"{path}, line {line}: that is no {encoding.upper()}",),
            advice=f"{SAVE_AS}: what its letters are in another encoding is not guessed",
        ) from error


def encoding_of(data: bytes) -> tuple[bytes, str]:
    """The mark that a file begins with, and how its text is stored."""
    return next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))


def _no_text(data: bytes, encoding: str) -> str:
    """What a file is that a spreadsheet opens as well; "" for text."""
    for begin, what in _BINARIES:
        if data.startswith(begin):
            return what
    if encoding == "utf-8" and b"\0" in data:
        return "a binary file, or UTF-16 without its mark"
    return ""


def parse_roster(text: str, path: Path) -> Roster:
    """The roster that a text is; `path` is where it stands. Raises `RosterError`."""
    try:
        lines = list(rows_of(text))
    except csv.Error as error:
        raise RosterError((f"{path} is no table: {error}",), advice="is the path right?") from error
    if not lines:
        raise RosterError((f"{path} is empty",), advice=f"its first line names columns: {', '.join(COLUMNS)}")
    (_, head), *rest = lines
    columns, ignored = _columns(head, path)
    reading = _Reading()
    members = tuple(
        member for number, cells in rest if (member := reading.member(number, cells, columns, len(head)))
    )
    if reading.problems:
        told = reading.problems[:PROBLEMS_MAX]
        if more := len(reading.problems) - len(told):
            told.append(f"and {more} more")
        raise RosterError((f"{path}: {told[0]}", *told[1:]), advice=MEND)
    if not members:
        raise RosterError((f"{path} names nobody",), advice="a line below the columns is somebody")
    return Roster(path, members, ignored)


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not blank; cells without the blanks around them."""
    begins = text.partition("\n")[0].rstrip("\r")
    said = SEPARATOR_LINE.fullmatch(begins) if begins else None
    head = text.split("\n")[1] if said and "\n" in text else begins
    separator = said[1] if said else separator_of(head)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = 0
    for cells in reader:
        number, before = before + 1, reader.line_num
        if number == 1 and said:
            continue
        if any(cell.strip() for cell in cells):
            yield number, [cell.strip() for cell in cells]


def separator_of(head: str) -> str:
    """What parts the columns of a first line: what stands in it most often outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", head)
    return max(SEPARATORS, key=bare.count)


def _columns(head: list[str], path: Path) -> tuple[Mapping[str, int], tuple[str, ...]]:
    found: dict[str, int] = {}
    ignored = []
    for at, cell in enumerate(head):
        name = re.sub(r"[\s_-]+", " ", cell).lower()
        if name not in COLUMNS and (near := difflib.get_close_matches(name, COLUMNS, n=1, cutoff=NEAR)):
            raise RosterError(
                (f"{path} has a column {_shown(cell)!r}",),
                advice=f"call it {near[0]!r}, if that is meant; else otherwise",
            )
        if name not in COLUMNS:
            ignored.append(_shown(cell))
        elif name in found:
            raise RosterError((f"{path} has two columns {name!r}",), advice="leave one of them")
        else:
            found[name] = at
    if "officer" not in found:
        there = ", ".join(map(_shown, head))
        raise RosterError(
            (f"{path} has no column 'officer'; what its first line names is {there}",),
            advice=f"its first line names columns: {', '.join(COLUMNS)}",
        )
    return found, tuple(one for one in ignored if one)


class _Reading:
    """What was met so far, so that nothing is given twice."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._seen: dict[tuple[str, str], int] = {}

    def member(self, line: int, cells: list[str], columns: Mapping[str, int], width: int) -> Member | None:
        before = len(self.problems)
        if any(cells[width:]):
            self._wrong(line, f"has {len(cells)} columns, and the first line {width}")
        values = {name: cells[at] if at < len(cells) else "" for name, at in columns.items()}
        for name, value in values.items():
            self._check_text(line, name, value)
        days = {
            name: self._day(line, name, values.get(name, "")) for name in ("training valid until", "ended")
        }
        officer = values["officer"]
        if not officer:
            self._wrong(line, "names no officer")
        if values.get("serial number") and values.get("slot"):
            self._wrong(line, "has a serial number and a slot: the camera is known by one of them")
        for name in ("officer", "serial number", "slot"):
            if value := values.get(name, ""):
                first = self._seen.setdefault((name, value), line)
                if first != line:
                    self._wrong(line, f"has the {name} {_shown(value)!r} of line {first}")
        if len(self.problems) > before:
            return None
        return Member(
            line=line,
            officer=officer,
            unit=values.get("unit", ""),
            serial_number=values.get("serial number", ""),
            slot=values.get("slot", ""),
            training_until=days["training valid until"],
            ended=days["ended"],
        )

    def _check_text(self, line: int, name: str, value: str) -> None:
        most = SERIAL_NUMBER_MAX if name == "serial number" else CELL_MAX
        if not value.isprintable():
            self._wrong(line, f"has something in {name!r} that cannot be printed")
        elif len(value.encode("utf-8", "surrogatepass")) > most:
            self._wrong(line, f"{name} {_shown(value)!r} is longer than {most} bytes")

    def _day(self, line: int, name: str, value: str) -> datetime.date | None:
        if not value:
            return None
        try:
            if DAY.fullmatch(value):
                return datetime.date.fromisoformat(value)
        except ValueError:
            pass  # such as the 31st of February
        self._wrong(line, f"{name} {_shown(value)!r} is no day as 2026-12-31")
        return None

    def _wrong(self, line: int, what: str) -> None:
        self.problems.append(f"line {line} {what}")


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"

"""Who has which camera, as far as files say it: by the signed record of each, and by what was said since.

A record says what a camera read back when it was made. A desired state that takes the camera back, or gives it to
somebody else, counts from the docking that delivers it, of which no file here knows; a later check knows it from the
camera. So nothing is decided: each fact is told with where it comes from.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.documents.desired_state import DESIRED_MAX, DesiredState, verify_desired_state
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_sdk.errors import BwcError, DocumentError, HostFileError
from bwc_sdk.fitness.record import RECORD_NAME
from bwc_sdk.fitness.verdict import Check, Standing
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.identity.desired import SUFFIX, read_state
from bwc_sdk.identity.document_files import document_error, read_document
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning.describing import utc_text
from bwc_sdk.provisioning.records import RECORDS_MAX, Record, Records, verify_record

CHECK_MAX: Final = 1 << 16
"""Bytes of a line of checks: one has about 2,000. A longer one is none."""


class Source(enum.StrEnum):
    """What says something of a camera beside its record. Words are only added."""

    BEGUN = "begun"
    """A run was about to give it to somebody, and did not come to its record."""
    ENDED = "ended"
    """Somebody's part ended, says this host."""
    DESIRED_STATE = "desired-state"
    """A technician signed it: it counts from the docking that delivers it."""
    CHECK = "check"
    """The camera itself said it when it was checked, as this host kept it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is said of who has a camera."""

    source: Source
    officer: str
    """Who has it by this; "" = nobody."""
    unit: str = ""
    day: str = ""
    """On which a part ends."""
    utc: str = ""
    """When it was said."""
    counter: int = 0
    """Of a desired state."""
    by: str = ""
    """Who signed or checked; "" = nobody says."""
    path: Path
    trouble: str = ""
    """Why a signature does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What is said of one camera."""

    serial_number: str
    record: Record | None
    """None: no record is here."""
    signed_by: str = ""
    trouble: str = ""
    """Why the signature of the record does not count."""
    earlier_trouble: str = ""
    """Which earlier record of it is not there any more, or is another than the one that a later one names."""
    since: tuple[Fact, ...] = ()
    """What was said beside the record, and is not older than it."""

    @property
    def doubtful(self) -> bool:
        """Whether a signature does not count, or an earlier record is not as it was."""
        return bool(self.earlier_trouble) or self.unbelieved

    @property
    def unbelieved(self) -> bool:
        """Whether a signature does not count."""
        return bool(self.trouble) or any(one.trouble for one in self.since)


def holders(
    records: Records, believed: HostIdentity, *, desired: Path | None = None, checks: Path | None = None
) -> tuple[Holder, ...]:
    """What is said of each camera, by serial number. `desired` is a directory that docks deliver from, beside those
    that records of an end name; `checks` is one of `bwc check --record`.

    Raises `HostFileError`, `DocumentError` for what cannot be read; signatures that do not count are told.
    """
    known = {one.serial_number: one for one in records.all()}
    found: dict[str, list[Fact]] = {serial: [] for serial in known}
    for fact_of, fact in (
        *_begun(records),
        *_ended(records, known),
        *_signed(_directories(records, desired), believed, known),
        *(_checked(checks, known) if checks is not None else ()),
    ):
        found.setdefault(fact_of, []).append(fact)
    return tuple(
        _holder(records, serial, known.get(serial), believed, facts)
        for serial, facts in sorted(found.items())
    )


def _holder(
    records: Records, serial: str, record: Record | None, believed: HostIdentity, facts: list[Fact]
) -> Holder:
    signed_by = trouble = earlier = ""
    if record is not None:
        try:
            signed_by = verify_record(record, believed).name
        except BwcError as error:
            trouble = error.rule
        try:
            records.earlier(record)
        except BwcError as error:
            earlier = error.rule
    return Holder(
        serial_number=serial,
        record=record,
        signed_by=signed_by,
        trouble=trouble,
        earlier_trouble=earlier,
        since=tuple(facts),
    )


def _begun(records: Records) -> Iterator[tuple[str, Fact]]:
    for path, document in records.begun():
        serial, officer = str(document.get("serial_number", "")), str(document.get("officer", ""))
        yield serial, Fact(source=Source.BEGUN, officer=officer, path=path)


def _ended(records: Records, known: Mapping[str, Record]) -> Iterator[tuple[str, Fact]]:
    for serial, record in known.items():
        ending = records.ending_of(record)
        if ending is not None:
            path, document = ending
            day = str(document.get("ended", ""))
            yield serial, Fact(source=Source.ENDED, officer=record.officer, day=day, path=path)


def _directories(records: Records, desired: Path | None) -> list[Path]:
    named = [] if desired is None else [desired]
    for record in records.all():
        ending = records.ending_of(record)
        signed = "" if ending is None else str(ending[1].get("desired", ""))
        if signed and Path(signed).is_file():
            named.append(Path(signed).parent)
    return list({path.resolve(): path for path in named}.values())


def _signed(
    directories: Iterable[Path], believed: HostIdentity, known: Mapping[str, Record]
) -> Iterator[tuple[str, Fact]]:
    """Assignments that docks deliver, unless a camera had taken them before its record was made."""
    for directory in directories:
        try:
            paths = sorted(path for path in directory.iterdir() if path.name.endswith(SUFFIX))
        except OSError as error:
            rule = f"{directory} cannot be read: {error.strerror or error}"
            raise HostFileError(rule, advice=file_advice(error)) from error
        if len(paths) > RECORDS_MAX:
            raise HostFileError(
                f"{directory} has {len(paths)} desired states",
                advice="one directory is for one site's cameras",
            )
        for path in paths:
            data = read_document(path, DESIRED_MAX)
            state = read_state(data)
            if state.assignment is None or _taken_before(state, known.get(state.camera)):
                continue
            by = trouble = ""
            try:
                by = _signer(data, state, believed)
            except DocumentError as error:
                trouble = error.rule
            yield (
                state.camera,
                Fact(
                    source=Source.DESIRED_STATE,
                    officer=state.assignment.officer,
                    unit=state.assignment.unit,
                    utc=utc_text(state.signed_utc_s),
                    counter=state.counter,
                    by=by,
                    path=path,
                    trouble=trouble,
                ),
            )


def _taken_before(state: DesiredState, record: Record | None) -> bool:
    counter = None if record is None else record.document.get("desired_counter")
    return isinstance(counter, int) and state.counter <= counter


def _signer(data: bytes, state: DesiredState, believed: HostIdentity) -> str:
    trust = Trust(lab=believed.lab, denied=believed.deny_lists)
    try:
        found = verify_desired_state(
            data,
            believed.anchors,
            trust,
            camera=state.camera,
            generation=state.generation,
            last_counter=0,
        )
    except DocumentRefused as refused:
        raise document_error(refused, "have it signed again", what="the desired state") from refused
    return found.signer.name


def _checked(directory: Path, known: Mapping[str, Record]) -> Iterator[tuple[str, Fact]]:
    """Of each camera its last check, unless its record is newer. A line that was cut off is passed by."""
    path = directory / RECORD_NAME
    last: dict[str, tuple[datetime, Fact]] = {}
    try:
        with path.open("rb") as file:
            while line := file.readline(CHECK_MAX):
                if (found := _check_of(line, path)) is None:
                    continue
                serial, when, fact = found
                if serial in last or len(last) < RECORDS_MAX:
                    last[serial] = (when, fact)
    except OSError as error:
        rule = f"{path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    for serial, (when, fact) in last.items():
        record = known.get(serial)
        made = None if record is None else _moment(record.document.get("made_utc"))
        if made is None or when >= made:
            yield serial, fact


def _check_of(line: bytes, path: Path) -> tuple[str, datetime, Fact] | None:
    try:
        found: Any = json.loads(line)
        serial, utc, by = str(found["identity"]), str(found["utc"]), str(found["checked_by"])
        carried = found["carried_by"]
        (standing,) = (one["standing"] for one in found["checks"] if one["check"] == Check.ASSIGNMENT)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    when = _moment(utc)
    if when is None or not isinstance(carried, str | None) or standing == Standing.NOT_KNOWN:
        return None
    return serial, when, Fact(source=Source.CHECK, officer=carried or "", utc=utc, by=by, path=path)


def _moment(utc: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(utc))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None

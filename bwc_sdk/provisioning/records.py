"""The directory of records of who carries which camera: signed records of each, and what of a run is under way.

A camera's newest record is named after it, `CAMERA.provisioned.json`, with its signature beside it (`….json.cose`) and
a page to print; each stays under a name of its own (see `history`). Before somebody is given a camera,
`CAMERA.begun.json` says so, durably: a run that is killed between that and the record does not give the same person a
second camera.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Role
from bwc_sdk.camera_name import camera_name
from bwc_sdk.errors import DocumentError, HostFileError, RecordsInUse
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.identity.durable_files import replace, sync_directory, telling_files
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.signed_report import sign_report, verify_report
from bwc_sdk.provisioning.history import keep, last_number, number_in, page_beside, signature_of

SUFFIX: Final = ".provisioned.json"
BEGUN: Final = ".begun.json"
ENDING: Final = ".ending.json"
LOCK: Final = ".lock"
RECORD_MAX: Final = 1 << 20
"""Bytes of a record: one with 256 settings has a thirtieth of it."""
RECORDS_MAX: Final = 100_000
ROOM_PROBE: Final = ".room-probe"
ROOM: Final = 3 << 20
"""Bytes that have to be free: of a station's sixteen cameras, whose records, pages and signatures have 60,000 each: the
newest, the same under its own name, and at the first run of this version the one before."""
_NOT_WRITABLE: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
RESTORE: Final = "restore it from a backup: records of earlier runs stay beside the newest"
VERSION: Final = 1
SIGNED_BY: Final = Role.TECHNICIAN


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and where it stands."""

    path: Path
    data: bytes
    document: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """By which the next record of the same camera names it."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def serial_number(self) -> str:
        """Of which camera it is."""
        return str(self.document["camera"]["serial_number"])

    @property
    def officer(self) -> str:
        """Who carries the camera by it; "" = nobody."""
        return str(self.document["assignment"]["officer"])


class Records:
    """A directory of records, opened by one process at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    @contextmanager
    def opened(cls, directory: Path, *, make: bool = True, reading: bool = False) -> Iterator[Records]:
        """Holds the directory; one that is missing is made, unless it has to be there.

        That records can be written there is tried before anything else is: a directory that takes none is told before
        a camera is asked. One that is only read may be on a medium that nobody can write to. Raises `HostFileError`,
        `RecordsInUse`.
        """
        import fcntl  # Windows has none, and records are kept where footage is

        if not make and not directory.is_dir():
            raise HostFileError(
                f"there is no directory {directory}",
                advice="is the path right? 'bwc provision' makes it, with --records",
            )
        with telling_files(directory):
            if make:
                directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            try:
                lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                if not reading or error.errno not in _NOT_WRITABLE:
                    raise
                lock = -1
        if lock < 0:
            yield cls(directory)
            return
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RecordsInUse(
                    f"another process works on {directory}", advice="wait for it, or end it"
                ) from None
            if not reading:
                _require_room(directory)
            yield cls(directory)
        finally:
            os.close(lock)

    def path_of(self, serial_number: str) -> Path:
        """Where the record of a camera stands."""
        return self.directory / f"{camera_name(serial_number)}{SUFFIX}"

    def all(self) -> tuple[Record, ...]:
        """The newest record of each camera, by the names of their files. Raises `HostFileError`, `DocumentError`."""
        with telling_files(self.directory):
            paths = sorted(self.directory.glob(f"*{SUFFIX}"))
        if len(paths) > RECORDS_MAX:
            raise HostFileError(
                f"{self.directory} has {len(paths)} records", advice="one directory is for one site's cameras"
            )
        return tuple(read_record(path) for path in paths)

    def of(self, serial_number: str) -> Record | None:
        """The newest record of a camera. Raises as `all`."""
        path = self.path_of(serial_number)
        return read_record(path) if path.exists() else None

    def keep(self, serial_number: str) -> Record | None:
        """The newest record of a camera under the name of its own, that stays. Raises as `all`."""
        path = self.path_of(serial_number)
        if not path.exists():
            return None
        read_record(path)  # what is none is told, and not kept
        with telling_files(self.directory):
            return read_record(keep(path))

    def next_number(self, serial_number: str) -> int:
        """Of the record that is written next, once the one before it is kept. Raises `HostFileError`."""
        with telling_files(self.directory):
            return last_number(self.path_of(serial_number)) + 1

    def earlier(self, record: Record) -> tuple[Record, ...]:
        """The records of the same camera before one, newest first, each as the one after it names it.

        Records of versions that wrote over the one before name none. Raises `DocumentError` for one that is not there
        any more, or is another; `HostFileError`.
        """
        found: list[Record] = []
        newest, number = self.path_of(record.serial_number), 1 << 31
        while name := record.document.get("earlier_record"):
            named = number_in(str(name), newest)
            if not 0 < named < number:  # a chain goes down: it ends
                raise DocumentError(
                    f"{record.path} names no earlier record", advice="is this the right file?"
                )
            path, number = self.directory / str(name), named
            if not path.exists():
                raise DocumentError(f"{path.name} is missing, and a later record names it", advice=RESTORE)
            before = read_record(path)
            if before.sha256 != record.document.get("earlier_record_sha256"):
                raise DocumentError(f"{path.name} is not as a later record names it", advice=RESTORE)
            found.append(before)
            record = before
        return tuple(found)

    def held(self) -> dict[str, str]:
        """Who has a camera, or was about to be given one: officer to serial number. Raises as `all`."""
        found = {one.officer: one.serial_number for one in self.all() if one.officer}
        for _, document in self.begun():
            found[str(document.get("officer", ""))] = str(document.get("serial_number", ""))
        found.pop("", None)
        return found

    def cameras_of(self, officer: str) -> tuple[str, ...]:
        """Serial numbers of all that somebody has, or was about to be given. Raises as `all`."""
        recorded = {one.serial_number: one.officer for one in self.all()}
        begun = {str(one.get("serial_number", "")): str(one.get("officer", "")) for _, one in self.begun()}
        return tuple(sorted(serial for serial, who in (recorded | begun).items() if who == officer))

    def begun(self) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
        """What `begin` said, and no record followed. Raises as `all`."""
        with telling_files(self.directory):
            paths = sorted(self.directory.glob(f"*{BEGUN}"))
        return tuple((path, _document(path, _read(path))) for path in paths)

    def begin(
        self, serial_number: str, officer: str, found: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any] | None:
        """Says durably that somebody is about to be given a camera, and how the camera was `found`.

        Gives how an earlier run had found it that did not come to its record: that stays, since what it changed is no
        difference any more. Raises `HostFileError`, `DocumentError`.
        """
        path = self._begun(serial_number)
        earlier = _found_in(_document(path, _read(path))) if path.exists() else None
        said = {"serial_number": serial_number, "officer": officer, "found": earlier or found}
        with telling_files(self.directory):
            replace(path, canonical(said), mode=0o640)
        return earlier

    def ending(self, serial_number: str, officer: str, day: date, desired: Path | None = None) -> None:
        """Says that the part of whoever has a camera ends on a day, and which desired state takes the camera back.
        Raises `HostFileError`."""
        path = self.directory / f"{camera_name(serial_number)}{ENDING}"
        said = {"serial_number": serial_number, "officer": officer, "ended": day.isoformat()}
        before = _document(path, _read(path)) if path.exists() else {}
        if desired is not None:
            said["desired"] = str(desired.absolute())
        elif before.get("officer") == officer and "desired" in before:
            said["desired"] = str(before["desired"])  # it was signed, and goes on to be delivered
        with telling_files(self.directory):
            replace(path, canonical(said), mode=0o640)

    def ending_of(self, record: Record) -> tuple[Path, Mapping[str, Any]] | None:
        """What `ending` said of whoever has a record's camera, and where it stands. Raises as `all`."""
        path = self.directory / f"{camera_name(record.serial_number)}{ENDING}"
        document = _document(path, _read(path)) if path.exists() else {}
        return (path, document) if document.get("officer") == record.officer else None

    def write(
        self, document: Mapping[str, Any], page: str, identity: HostIdentity, *, assigned: bool = True
    ) -> Record:
        """Signs and writes a camera's record as its newest; the one before stays, under the name of its own.

        Gives it under its own name, too. Signature and page are durable before the record is, which alone says that it
        holds; a run that is killed in between leaves the record of before with a signature that is not its own, and
        the next run mends it. Unless the run `assigned` the camera, to somebody or nobody, an end of its holder's part
        goes on to count. Raises `HostFileError`, `DocumentError`.
        """
        serial = str(document["camera"]["serial_number"])
        data, path = canonical(document), self.path_of(serial)
        self.keep(serial)
        with telling_files(self.directory):
            replace(signature_of(path), sign_report(data, identity), mode=0o640)
            replace(page_beside(path), page.encode(), mode=0o640)
            replace(path, data, mode=0o640)
            own = keep(path)
            self._begun(serial).unlink(missing_ok=True)
            if assigned:
                (self.directory / f"{camera_name(serial)}{ENDING}").unlink(missing_ok=True)
            sync_directory(self.directory)
        return Record(own, data, document)

    def _begun(self, serial_number: str) -> Path:
        return self.directory / f"{camera_name(serial_number)}{BEGUN}"


def _require_room(directory: Path) -> None:
    """Raises `HostFileError` where nothing can be written, or not enough. Leaves nothing behind."""
    probe = directory / ROOM_PROBE
    with telling_files(directory):
        file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.write(file, bytes(ROOM)) != ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(probe))
            os.fsync(file)  # some file systems find only then that there is no room
        finally:
            os.close(file)
            probe.unlink(missing_ok=True)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes of a document: the same for the same content."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1).encode() + b"\n"


def read_record(path: Path) -> Record:
    """A record, whose signature is not looked at. Raises `HostFileError`, `DocumentError`."""
    data = _read(path)
    document = _document(path, data)
    camera, assignment = document.get("camera"), document.get("assignment")
    if (
        document.get("bwc_provisioning") != VERSION
        or not isinstance(camera, dict)
        or not isinstance(camera.get("serial_number"), str)
        or not isinstance(assignment, dict)
        or not isinstance(assignment.get("officer"), str)
    ):
        raise DocumentError(f"{path} is no record of a provisioned camera", advice="is this the right file?")
    return Record(path, data, document)


def verify_record(record: Record, believed: HostIdentity) -> CertificateFacts:
    """Who signed a record. Raises `DocumentError` unless it was a technician of the agency or lab of `believed`, and
    the record is as it was then; `HostFileError` if there is no signature."""
    signature = _read(signature_of(record.path))
    try:
        made_s = int(datetime.fromisoformat(str(record.document.get("made_utc"))).timestamp())
    except ValueError as error:
        raise DocumentError(
            f"{record.path} does not say when it was made", advice="is this the right file?"
        ) from error
    again = "provision the camera again, as a technician"
    return verify_report(record.data, signature, made_s, believed, roles=SIGNED_BY, advice=again)


def _found_in(begun: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How a camera was found, of a file that is not signed: None where it does not say so in full."""
    found = begun.get("found")
    match found:
        case {
            "utc": str(),
            "officer": str(),
            "recordings": int(),
            "clock": {"offset_ns": int() as offset_ns},
            "changed": dict() as changed,
        } if abs(offset_ns) < 1 << 63 and all(
            isinstance(one, dict) and one.keys() == {"from", "to"} for one in changed.values()
        ):
            return found
    return None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(RECORD_MAX + 1)
    except OSError as error:
        rule = f"{path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    if len(data) > RECORD_MAX:
        raise DocumentError(f"{path} is longer than {RECORD_MAX} bytes", advice="is this the right file?")
    return data


def _document(path: Path, data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path} is no JSON: {error}", advice="is this the right file?") from error
    if not isinstance(found, dict):
        raise DocumentError(f"{path} is no record", advice="is this the right file?")
    return found

"""The register of a CA: every certificate and every denial, one line each, only ever appended to.

An entry is on the medium before what it tells of is handed out, so nothing is in the world that the register does not
know. Each line names the SHA-256 of the one before it: a line that was changed or taken out shows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_sdk.errors import AgencyError
from bwc_sdk.identity.ca.layout import REGISTER_FILE, REGISTER_MAX
from bwc_sdk.identity.durable_files import sync_directory, write_all

FIRST: Final = "0" * 64
"""What the first line names as the one before it."""
BACKUP: Final = "take the register from the backup of this CA (docs/agency.md, 'Rebuild')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The agency began, or its CA was made anew from one of its roots."""

    agency: str
    root: bytes
    standby: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingMade:
    """An issuing CA was made; it is the one that issues from now on."""

    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A host or a device got a certificate."""

    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Somebody is denied from the next deny list on: by name, by key or by the key id of an issuing CA."""

    name: str = ""
    """Of a key, for people."""
    of_kind: str = ""
    """`host`, `camera` or `station`; "" for any."""
    key_sha256: bytes = b""
    issuer_key_id: bytes = b""
    reason: str = ""
    last_sequence: int = 0
    """Of a camera: the number of its last good recording."""
    last_manifest: bytes = b""
    """The hash of that recording's manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A deny list with this counter was signed, or one from elsewhere was taken over."""

    counter: int
    sha256: bytes
    floor_s: int = 0


Entry = Begun | IssuingMade | Issued | Denied | Listed
_KINDS: Final[dict[str, type[Entry]]] = {
    "begun": Begun,
    "issuing": IssuingMade,
    "issued": Issued,
    "denied": Denied,
    "deny-list": Listed,
}
_WORDS: Final = {kind: word for word, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with the time at which it was made, in seconds since 1970 by the CA's clock."""

    utc_s: int
    entry: Entry


@dataclass(slots=True)
class Register:
    """What a register says. To change it is for whoever holds the commit lock."""

    path: Path
    lines: list[Line] = field(default_factory=list)
    head: str = FIRST
    """SHA-256 of the last line."""
    end: int = 0
    """Bytes that count: what a killed process left behind them is cut off by the next append."""
    _certificates: list[CertificateFacts] = field(default_factory=list)
    _by_name: dict[str, list[CertificateFacts]] = field(default_factory=dict)
    _counted: int = 0
    """Lines whose certificates are in the two."""
    _mutex: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    """Threads of one program share a register; of two that read what was appended one would read it twice."""

    @classmethod
    def read(cls, directory: Path) -> Register:
        """Reads the register of a CA. Raises `AgencyError` when there is none, or it is damaged."""
        register = cls(directory / REGISTER_FILE)
        register.catch_up()
        return register

    def catch_up(self) -> None:
        """Reads what was appended since; raises as `read`. For any thread."""
        with self._mutex:
            self._catch_up()

    def _catch_up(self) -> None:
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > REGISTER_MAX:
                    raise AgencyError(f"{self.path} has more than {REGISTER_MAX} bytes: that is no register")
                if size < self.end:  # an entry behind a gap would be none
                    raise AgencyError(
                        f"{self.path} has become shorter since it was read",
                        advice="an older copy was put in its place: put the newest one back",
                    )
                file.seek(self.end)
                data = file.read()
        except FileNotFoundError as error:
            raise AgencyError(
                f"{self.path.parent} is not the directory of a CA: it has no {REGISTER_FILE}",
                advice="'bwc ca init DIR --agency NAME' makes one, with --rebuild BACKUP from a backup",
            ) from error
        except OSError as error:
            raise AgencyError(f"{self.path} cannot be read: {error.strerror}") from error
        *whole, _unfinished = data.split(b"\n")
        for number, line in enumerate(whole, 1):
            if b"\0" in line and number == len(whole):
                break  # room that a power cut left without what was to be in it: never synced, so never told
            self._take(line, len(self.lines) + 1)
        if not self.lines or not isinstance(self.lines[0].entry, Begun):
            raise AgencyError(f"{self.path} does not begin with an agency: it is damaged", advice=BACKUP)

    def _take(self, line: bytes, number: int) -> None:
        try:
            said = json.loads(line)
            if said["n"] != number or said["previous"] != self.head:
                raise ValueError("it does not continue the line before it")
            utc = datetime.strptime(said["utc"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            found = Line(int(utc.timestamp()), _entry(said))
        except (ValueError, KeyError, TypeError) as error:
            raise AgencyError(f"{self.path}, line {number} is damaged: {error}", advice=BACKUP) from error
        self.lines.append(found)
        self.head = hashlib.sha256(line).hexdigest()
        self.end += len(line) + 1

    def append(self, utc_s: int, *entries: Entry) -> None:
        """Appends entries and waits until they are on the medium. Raises `OSError`; then none of them counts.

        For whoever holds the commit lock.
        """
        with self._mutex:
            self._append(utc_s, entries)

    def _append(self, utc_s: int, entries: Sequence[Entry]) -> None:
        taken = Register(self.path, [], self.head, self.end)
        data = b""
        for number, entry in enumerate(entries, len(self.lines) + 1):
            line = _line(number, taken.head, utc_s, entry)
            taken.head = hashlib.sha256(line).hexdigest()
            taken.lines.append(Line(utc_s, entry))
            data += line + b"\n"
        new = not self.path.exists()
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            os.ftruncate(file, self.end)
            os.lseek(file, self.end, os.SEEK_SET)
            write_all(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        if new:
            sync_directory(self.path.parent)
        self.lines += taken.lines
        self.head = taken.head
        self.end += len(data)

    # What it says

    @property
    def begun(self) -> Begun:
        """The agency and its roots."""
        first = self.lines[0].entry
        assert isinstance(first, Begun)
        return first

    @property
    def last_s(self) -> int:
        """When the last entry was made, by the CA's clock then."""
        return self.lines[-1].utc_s

    @property
    def issuing(self) -> CertificateFacts:
        """The issuing CA of today."""
        for line in reversed(self.lines):
            if isinstance(line.entry, IssuingMade):
                return self._facts(line.entry.certificate)
        raise AgencyError(
            f"{self.path} names no issuing CA", advice="'bwc ca rotate DIR' makes one from a root"
        )

    def issued(self) -> list[CertificateFacts]:
        """Every certificate of a host or a device, in the order in which they were issued."""
        self._count()
        return list(self._certificates)

    def issued_to(self, name: str) -> list[CertificateFacts]:
        """Those of one name, the newest last."""
        self._count()
        return list(self._by_name.get(name, []))

    def _count(self) -> None:
        with self._mutex:
            for line in self.lines[self._counted :]:
                if isinstance(line.entry, Issued):
                    facts = self._facts(line.entry.certificate)
                    self._certificates.append(facts)
                    self._by_name.setdefault(facts.name, []).append(facts)
            self._counted = len(self.lines)

    def _facts(self, certificate: bytes) -> CertificateFacts:
        try:
            return read_certificate(certificate)
        except MalformedCertificate as error:
            raise AgencyError(f"{self.path} has a damaged certificate: {error}", advice=BACKUP) from error

    def denied(self) -> list[Denied]:
        """Everybody who is denied, each once: a later entry about the same replaces the earlier one."""
        found: dict[tuple[object, ...], Denied] = {}
        for line in self.lines:
            if isinstance(one := line.entry, Denied):
                by_name = () if one.key_sha256 or one.issuer_key_id else (one.name, one.of_kind)
                found[(one.key_sha256, one.issuer_key_id, *by_name)] = one
        return list(found.values())

    @property
    def listed(self) -> Listed | None:
        """The newest deny list that was ever signed here, or taken over."""
        found = [line.entry for line in self.lines if isinstance(line.entry, Listed)]
        return max(found, key=lambda one: one.counter) if found else None


def _line(number: int, previous: str, utc_s: int, entry: Entry) -> bytes:
    said: dict[str, object] = {
        "n": number,
        "previous": previous,
        "utc": datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": _WORDS[type(entry)],
    }
    if isinstance(entry, Issued | IssuingMade):
        # For people and other programs: the certificate itself says the same.
        facts = read_certificate(entry.certificate)
        said["name"] = facts.name
    for name in type(entry).__slots__:
        value = getattr(entry, name)
        said[name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _entry(said: dict[str, Any]) -> Entry:
    kind = _KINDS[said["kind"]]
    values: dict[str, Any] = {}
    for name, spec in kind.__dataclass_fields__.items():
        value = said[name] if spec.default is MISSING else said.get(name, spec.default)
        if spec.type == "bytes" and isinstance(value, str):
            value = base64.b64decode(value, validate=True)
        if type(value).__name__ != spec.type:
            raise ValueError(f"{name} is no {spec.type}")
        values[name] = value
    return kind(**values)

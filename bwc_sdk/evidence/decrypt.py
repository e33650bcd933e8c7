"""Opens encrypted footage in a store, and proves that it is the recording of its manifest (spec: Encryption).

The manifest is the one that the file's name has the hash of, the table hashes to the manifest, each stored chunk to the
table, and each chunk authenticates under the recording's key. What does not is under no final name. All calls block.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import (
    DIGEST_SIZE,
    MANIFEST_MAX,
    MAX_CHUNKS,
    CipherSuite,
    EvidenceError,
    Manifest,
    SegmentFacts,
    chunk_count,
    chunk_digest,
    chunk_span,
    sealing,
    verify_table,
)
from bwc_sdk.errors import BwcError, EvidenceMismatch, HostFileError, IdentityMissing, InvalidValue
from bwc_sdk.evidence.naming import (
    MANIFEST_SUFFIX,
    SEALED_SUFFIX,
    SEGMENT_SUFFIX,
    TABLE_SUFFIX,
    recording_name,
    segment_name,
)
from bwc_sdk.evidence.rewrap import WRAPS_MAX, Reader, read_wraps, wraps_name
from bwc_sdk.host.filesystem import CannotRename, FileSystem, OsFileSystem, read_upto, write_all

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_MANIFEST_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9a-f_-]*_[0-9a-f]{32}_([0-9a-f]{16})\.manifest")
_SEGMENT_NAME: Final = re.compile(
    rf"([A-Z0-9][A-Z0-9a-f_-]*_[0-9a-f]{{32}})_([0-9]{{3}})_([0-9a-f]{{16}}){re.escape(SEALED_SUFFIX)}"
)
_SHOWN: Final = 16
"""Digits of a recipient's hash in a message: as many as names of files have."""


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """A private key of an evidence recipient."""

    name: str
    """Whose it is, by its certificate."""
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A segment that lies decrypted under its final name."""

    manifest: Manifest
    segment: int
    path: Path
    size_bytes: int
    recipient: str
    """By whose key it was opened."""
    already_there: bool
    """It was decrypted before, and is the same byte for byte."""
    carried_by: str = ""
    """Officer and unit, where the recording has them encrypted; else nothing."""


@dataclass(frozen=True, slots=True)
class NotEncrypted:
    """A recording that is stored as it was recorded: there is nothing to decrypt."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class NotOpened:
    """What could not be decrypted; the others are none the worse."""

    name: str
    error: BwcError


Result = Opened | NotEncrypted | NotOpened


def decrypt(
    paths: Sequence[Path], out: Path, keys: Sequence[RecipientKey], *, files: FileSystem | None = None
) -> Iterator[Result]:
    """Decrypts what the paths name into the directory `out`, one segment after the other.

    A path is a store, a manifest in one, or one encrypted segment. Raises `InvalidValue` for any other,
    `HostFileError` for a directory that cannot be used.
    """
    wanted = [found for path in paths for found in _wanted(path)]
    files = files if files is not None else OsFileSystem()
    with ExitStack() as held:
        target = _directory(files, out, held)
        for manifest_path, segment in wanted:
            try:
                yield from _recording(files, manifest_path, segment, out, target, keys)
            except BwcError as error:
                yield NotOpened(manifest_path.stem, error)


def _wanted(path: Path) -> list[tuple[Path, int | None]]:
    """Manifests that a path names, and the one segment, where it names one."""
    try:
        if path.is_dir():
            found = sorted(one for one in path.iterdir() if _MANIFEST_NAME.fullmatch(one.name))
            if not found:
                raise InvalidValue(
                    f"there is no recording in {path}",
                    advice="name a directory that 'bwc offload' stored into, or files in one",
                )
            return [(one, None) for one in found]
        path.lstat()
    except OSError as error:
        raise HostFileError(f"{path} cannot be read: {error.strerror}") from error
    if _MANIFEST_NAME.fullmatch(path.name):
        return [(path, None)]
    if named := _SEGMENT_NAME.fullmatch(path.name):
        of, number, digits = named.groups()
        return [(path.with_name(f"{of}_{digits}{MANIFEST_SUFFIX}"), int(number))]
    raise InvalidValue(
        f"{path.name} is no encrypted segment and no manifest of a store",
        advice=f"name a store, a file that ends in {SEALED_SUFFIX}, or one that ends in {MANIFEST_SUFFIX}",
    )


def _directory(files: FileSystem, path: Path, held: ExitStack) -> int:
    try:
        directory = files.open_directory(path)
    except OSError as error:
        raise HostFileError(f"{path} cannot be opened: {error.strerror}", advice="make it first") from error
    held.callback(files.close, directory)
    return directory


def _recording(
    files: FileSystem,
    path: Path,
    only: int | None,
    out: Path,
    target: int,
    keys: Sequence[RecipientKey],
) -> Iterator[Result]:
    with ExitStack() as held:
        store = _directory(files, path.parent, held)
        manifest = _manifest(files, store, path.name)
        suites = {facts.cipher_suite for facts in manifest.segments}
        if suites == {CipherSuite.NONE}:
            if only is not None:
                raise InvalidValue(f"recording {manifest.sequence} is not encrypted")
            yield NotEncrypted(manifest)
            return
        if suites != {CipherSuite.AES_256_GCM} or manifest.protection is None:
            raise InvalidValue(
                f"recording {manifest.sequence} is encrypted in a way that this version does not know",
                advice="use a newer version of this program",
            )
        opener, key = content_key(manifest, keys, partial(_wraps, files, store))
        if only is not None and only >= len(manifest.segments):
            raise InvalidValue(f"recording {manifest.sequence} has no segment {only}")
        carried_by = ""
        try:
            carried_by = _name(manifest, key)
        except EvidenceMismatch as error:  # the films are none the worse
            yield NotOpened(f"{path.stem}, name", error)
        for segment in range(len(manifest.segments)) if only is None else (only,):
            try:
                work = _Segment(
                    files, store, path.parent, target, out, manifest, segment, sealing.Sealer(key)
                )
                already = work.run()
            except BwcError as error:
                yield NotOpened(f"{path.stem}, segment {segment}", error)
                continue
            yield Opened(manifest, segment, out / work.final, work.plain_bytes, opener, already, carried_by)


def carried_by(manifest: Manifest, keys: Sequence[RecipientKey], wraps: Reader | None = None) -> str:
    """Officer and unit, opened by one of the keys; empty where the recording has them in no encrypted form.

    Raises `IdentityMissing` if no key is of a recipient, `EvidenceMismatch` for what does not open.
    """
    said = manifest.circumstances
    if said is None or not said.sealed_name or manifest.protection is None:
        return ""
    return _name(manifest, content_key(manifest, keys, wraps)[1])


def _manifest(files: FileSystem, store: int, name: str) -> Manifest:
    data = _small(files, store, name, MANIFEST_MAX)
    try:
        manifest = Manifest.decode(data)
    except EvidenceError as error:
        raise EvidenceMismatch(f"{name} is no manifest: {error}") from error
    found = hashlib.sha256(data).digest()
    if recording_name(manifest.camera, manifest.recording_id, found) + MANIFEST_SUFFIX != name:
        raise EvidenceMismatch(f"{name} is not the manifest that it is named for")
    return manifest


def _wraps(files: FileSystem, store: int, name: str) -> bytes | None:
    if files.size_of(store, name) is None:
        return None
    return _small(files, store, name, WRAPS_MAX)


def content_key(
    manifest: Manifest, keys: Sequence[RecipientKey], wraps: Reader | None = None
) -> tuple[str, bytes]:
    """The content key, and whose key opened it: by the camera's wraps, else by one that was made later and that `wraps`
    finds.

    Raises `IdentityMissing` if no key is of a recipient, `EvidenceMismatch` for a wrap that does not open.
    """
    protection = manifest.protection
    assert protection is not None
    recipients = {wrap.recipient for wrap in protection.wraps}
    for one in keys:
        recipient = sealing.recipient_id(one.key.public_key())
        try:
            if recipient in recipients:
                return one.name, sealing.unwrap_key(protection, one.key, manifest.recording_id)
            later = wraps(wraps_name(manifest, recipient)) if wraps is not None else None
            if later is not None:
                return one.name, sealing.unwrap_key(read_wraps(later), one.key, manifest.recording_id)
        except EvidenceError as error:
            raise EvidenceMismatch(
                f"the content key of recording {manifest.sequence} does not open: {error.detail}"
            ) from error
    asked = ", ".join(f"{one.hex()[:_SHOWN]}…" for one in (wrap.recipient for wrap in protection.wraps))
    at_hand = ", ".join(
        f"{one.name} ({sealing.recipient_id(one.key.public_key()).hex()[:_SHOWN]}…)" for one in keys
    )
    raise IdentityMissing(
        f"recording {manifest.sequence} of {manifest.camera} was encrypted for {asked}; "
        f"at hand is {at_hand or 'no key'}",
        advice="name the key file of one of these recipients: --key evidence-recipient.p12",
    )


def _name(manifest: Manifest, key: bytes) -> str:
    """Who carried the camera; nothing where the manifest has no encrypted name. Raises `EvidenceMismatch`."""
    said = manifest.circumstances
    if said is None or not said.sealed_name:
        return ""
    try:
        return sealing.Sealer(key).open_name(said.sealed_name)
    except EvidenceError as error:
        raise EvidenceMismatch(f"recording {manifest.sequence}: {error.detail}") from error


def _small(files: FileSystem, directory: int, name: str, most: int) -> bytes:
    """A small file whole. Raises `HostFileError`, `EvidenceMismatch` for one that is larger than it may be."""
    try:
        file = files.reopen(directory, name, write=False)
        try:
            size = files.size(file)
            if size > most:
                raise EvidenceMismatch(f"{name} is {size} bytes long, at most {most}")
            data = bytearray(size)
            return bytes(data[: read_upto(files, file, memoryview(data), 0)])
        finally:
            files.close(file)
    except OSError as error:
        raise HostFileError(f"{name} cannot be read: {error.strerror or error}") from error


class _Segment:
    """One segment on its way from a store to a directory of plain files."""

    def __init__(
        self,
        files: FileSystem,
        store: int,
        where: Path,
        target: int,
        out: Path,
        manifest: Manifest,
        segment: int,
        sealer: sealing.Sealer,
    ) -> None:
        self._files = files
        self._store, self._where = store, where
        self._target, self._out = target, out
        self._number = segment
        self._sealer = sealer
        self._facts: SegmentFacts = manifest.segments[segment]
        self._name = segment_name(manifest.camera, manifest.recording_id, segment, manifest.sha256)
        self.final = self._name + SEGMENT_SUFFIX
        self.plain_bytes = sealing.plain_size(self._facts.size_bytes, self._facts.chunk_size)

    def run(self) -> bool:
        """Decrypts it; returns whether that had been done before. Raises `EvidenceMismatch`, `HostFileError`."""
        table = _small(self._files, self._store, self._name + TABLE_SUFFIX, MAX_CHUNKS * DIGEST_SIZE)
        try:
            verify_table(table, self._facts)
        except EvidenceError as error:
            raise EvidenceMismatch(f"{self._name}{TABLE_SUFFIX}: {error}") from error
        name = self._name + SEALED_SUFFIX
        try:
            source = self._files.reopen(self._store, name, write=False)
        except OSError as error:
            raise HostFileError(f"{self._where / name} cannot be read: {error.strerror or error}") from error
        try:
            if self._files.size_of(self._target, self.final) is not None:
                self._compare(source, table)
                return True
            self._write(source, table)
            return False
        except OSError as error:
            raise HostFileError(
                f"{self._out / self.final} cannot be written: {error.strerror or error}",
                advice="look at the directory and the room in it",
            ) from error
        finally:
            self._files.close(source)

    def _chunks(self, source: int, table: bytes) -> Iterator[bytes]:
        """What was filmed, chunk by chunk, each one proved."""
        facts = self._facts
        buffer = bytearray(facts.chunk_size)
        name = self._name + SEALED_SUFFIX
        for index in range(chunk_count(facts.size_bytes, facts.chunk_size)):
            offset, size = chunk_span(index, facts.size_bytes, facts.chunk_size)
            stored = memoryview(buffer)[:size]
            try:
                there = read_upto(self._files, source, stored, offset)
            except OSError as error:
                raise HostFileError(f"{self._where / name} cannot be read: {error.strerror}") from error
            if there != size or hashlib.sha256(stored).digest() != chunk_digest(table, index):
                raise EvidenceMismatch(
                    f"chunk {index} of segment {self._number} is not what the camera stored ({name})"
                )
            try:
                yield self._sealer.open_chunk(self._number, index, stored)
            except EvidenceError as error:
                raise EvidenceMismatch(f"{error.detail} under the recording's key ({name})") from error
        if self._files.size(source) != facts.size_bytes:
            raise EvidenceMismatch(f"{name} goes on behind chunk {index} of segment {self._number}")

    def _write(self, source: int, table: bytes) -> None:
        files, temporary = self._files, f".{self.final}.part"
        try:
            file = files.create(self._target, temporary)
        except FileExistsError:  # of a run that was killed, or of one at work
            file = files.reopen(self._target, temporary, write=True)
        try:
            if not files.lock(file) or not files.is_named(file, self._target, temporary):
                raise HostFileError(f"{self._out / self.final} is being written by another process")
            try:
                files.truncate(file, 0)
                offset = 0
                for plain in self._chunks(source, table):
                    write_all(files, file, memoryview(plain), offset)
                    offset += len(plain)
                files.sync(file)
                self._publish(file, temporary)
            except BaseException:
                files.remove(self._target, temporary)
                raise
        finally:
            files.close(file)
        files.sync_directory(self._target)

    def _publish(self, file: int, temporary: str) -> None:
        """Gives it its name, and replaces nothing."""
        try:
            self._files.rename(self._target, temporary, self._target, self.final)
        except CannotRename:
            if not self._files.link(file, self._target, temporary, self._target, self.final):
                raise
            self._files.remove(self._target, temporary)

    def _compare(self, source: int, table: bytes) -> None:
        """What lies under the final name is what would be written. Raises `EvidenceMismatch`."""
        file = self._files.reopen(self._target, self.final, write=False)
        try:
            offset = 0
            for plain in self._chunks(source, table):
                found = bytearray(len(plain))
                there = read_upto(self._files, file, memoryview(found), offset)
                if there != len(plain) or found != plain:
                    raise EvidenceMismatch(
                        f"{self._out / self.final} is there already, and is another film than that of the recording"
                    )
                offset += there
            if self._files.size(file) != offset:
                raise EvidenceMismatch(
                    f"{self._out / self.final} is there already, and goes on behind the recording"
                )
        finally:
            self._files.close(file)
